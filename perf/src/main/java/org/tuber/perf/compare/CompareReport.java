package org.tuber.perf.compare;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.tuber.perf.report.JsonFile;
import org.tuber.perf.report.PairedRatio;
import org.tuber.perf.report.Samples;
import org.tuber.perf.report.Table;

/**
 * The numbers of a comparison as text and for programs.
 *
 * @param facts about the host and who took part, name by name
 */
record CompareReport(Map<String, String> facts, List<Subject> subjects) {
  static final String METHOD =
      "ratio: tuber / qemu, the median over pairs of neighbouring runs; in brackets the interval of"
          + " the sign test on the pairs' logarithms (95 % from six pairs on, else smallest to"
          + " largest); means are geometric, over the programs' medians, with a bootstrap's 95 %"
          + " interval over pairs drawn again within each program";

  /** The geometric means by mode and group, and of each mode. */
  Map<String, PairedRatio> means() {
    Map<String, List<double[]>> ratios = new LinkedHashMap<>();
    for (Subject s : subjects) {
      if (s.isPaired()) {
        for (String key : List.of(s.mode + ", " + s.group, s.mode + ", all")) {
          ratios.computeIfAbsent(key, k -> new ArrayList<>()).add(s.ratios(Run::seconds));
        }
      }
    }
    Map<String, PairedRatio> means = new LinkedHashMap<>();
    ratios.forEach((key, programs) -> means.put(key, PairedRatio.geometricMean(programs)));
    return means;
  }

  String text() {
    StringBuilder out = new StringBuilder();
    facts.forEach((name, value) -> out.append(name).append(": ").append(value).append('\n'));
    for (String mode : List.of(Suite.SYSTEM, Suite.USER)) {
      Table table =
          new Table(
              mode,
              "measure",
              "host",
              "tuber 1st",
              "tuber",
              "qemu 1st",
              "qemu",
              "tuber / qemu",
              "processor");
      boolean hasRows = false;
      for (Subject s : subjects) {
        if (s.mode.equals(mode) && !s.tuber.isEmpty()) {
          row(table, s);
          hasRows = true;
        }
      }
      if (hasRows) {
        out.append('\n').append(table);
      }
    }
    Table table = new Table("geometric mean", "programs", "tuber / qemu");
    means().forEach((key, mean) -> table.row(key, String.valueOf(programs(key)), mean.toString()));
    out.append('\n').append(table);
    for (Subject s : subjects) {
      if (s.failure != null) {
        out.append('\n').append(s.mode).append(' ').append(s.name).append(": ").append(s.failure);
      }
    }
    return out.append('\n').append(METHOD).append('\n').toString();
  }

  private long programs(String key) {
    return subjects.stream()
        .filter(s -> s.isPaired() && (key.equals(s.mode + ", all") || is(s, key)))
        .count();
  }

  private static boolean is(Subject s, String key) {
    return key.equals(s.mode + ", " + s.group);
  }

  private static void row(Table table, Subject s) {
    table.row(
        s.name,
        s.measure,
        s.host == null ? null : seconds(s.host.seconds()),
        seconds(Subject.median(s.tuber, Run::firstSeconds)),
        seconds(Subject.median(s.tuber, Run::seconds)),
        s.isPaired() ? seconds(Subject.median(s.qemu, Run::firstSeconds)) : null,
        s.isPaired() ? seconds(Subject.median(s.qemu, Run::seconds)) : null,
        s.isPaired() ? PairedRatio.of(s.ratios(Run::seconds)).toString() : null,
        s.isPaired()
            ? String.format(
                Locale.ROOT, "%.2f", new Samples(s.ratios(Run::processorSeconds)).median())
            : null);
  }

  static String seconds(double value) {
    return String.format(Locale.ROOT, "%.3f", value);
  }

  ObjectNode json() {
    ObjectNode all = JsonFile.object();
    facts.forEach(all::put);
    all.put("method", METHOD);
    ArrayNode programs = all.putArray("programs");
    for (Subject s : subjects) {
      ObjectNode node = programs.addObject();
      node.put("mode", s.mode).put("name", s.name).put("group", s.group).put("measure", s.measure);
      if (s.failure != null) {
        node.put("failure", s.failure);
      }
      if (s.host != null) {
        node.set("host", runs(List.of(s.host)));
      }
      if (!s.tuber.isEmpty()) {
        node.set("tuber", runs(s.tuber));
      }
      if (s.isPaired()) {
        node.set("qemu", runs(s.qemu));
        node.set("ratio", PairedRatio.of(s.ratios(Run::seconds)).json());
        node.set("steadyRatio", PairedRatio.of(s.ratios(Run::steadySeconds)).json());
        node.set("firstRatio", PairedRatio.of(s.ratios(Run::firstSeconds)).json());
        node.set("processorRatio", PairedRatio.of(s.ratios(Run::processorSeconds)).json());
      }
    }
    ObjectNode means = all.putObject("geometricMeans");
    means().forEach((key, mean) -> means.set(key, mean.json()));
    return all;
  }

  private static ObjectNode runs(List<Run> runs) {
    ObjectNode node = JsonFile.object();
    node.set("seconds", JsonFile.numbers(Subject.of(runs, Run::seconds)));
    node.set("firstSeconds", JsonFile.numbers(Subject.of(runs, Run::firstSeconds)));
    node.set("steadySeconds", JsonFile.numbers(Subject.of(runs, Run::steadySeconds)));
    node.set("wholeSeconds", JsonFile.numbers(Subject.of(runs, Run::wholeSeconds)));
    node.set("processorSeconds", JsonFile.numbers(Subject.of(runs, Run::processorSeconds)));
    ArrayNode rounds = node.putArray("rounds");
    runs.forEach(run -> rounds.add(JsonFile.numbers(run.rounds())));
    return node;
  }
}
