package org.tuber.perf.user;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.tuber.perf.report.JsonFile;
import org.tuber.perf.report.Samples;
import org.tuber.perf.report.Table;

/** Runs of each program under both emulators, pair by pair, and once on the host itself. */
final class UserReport {
  /** Runs under QEMU that take less than this say more about starting than about running. */
  static final double LONG_SECONDS = 2;

  private record Row(double host, List<Double> ours, List<Double> theirs) {
    Samples tuber() {
      return samples(ours);
    }

    Samples qemu() {
      return samples(theirs);
    }

    Samples ratio() {
      return Samples.ratios(array(ours), array(theirs));
    }
  }

  private final Map<String, Row> rows = new LinkedHashMap<>();

  private static double[] array(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }

  private static Samples samples(List<Double> values) {
    return new Samples(array(values));
  }

  /** Begins a program; {@code seconds} on the host itself, 0 where it cannot run there. */
  void host(String program, double seconds) {
    rows.put(program, new Row(seconds, new ArrayList<>(), new ArrayList<>()));
  }

  /** Adds a pair; {@code qemu} is 0 when there is no QEMU. */
  void add(String program, double tuber, double qemu) {
    rows.get(program).ours.add(tuber);
    if (qemu > 0) {
      rows.get(program).theirs.add(qemu);
    }
  }

  private static String format(String pattern, double value) {
    return String.format(Locale.ROOT, pattern, value);
  }

  String text() {
    Table table = new Table("program", "host s", "tuber s", "qemu s", "tuber / qemu");
    List<Double> longRatios = new ArrayList<>();
    rows.forEach(
        (name, row) -> {
          boolean isPaired = !row.theirs.isEmpty();
          table.row(
              name,
              row.host > 0 ? format("%.2f", row.host) : null,
              format("%.2f", row.tuber().median()),
              isPaired ? format("%.2f", row.qemu().median()) : null,
              isPaired ? row.ratio().withSpread() : null);
          if (isPaired && row.qemu().median() > LONG_SECONDS) {
            longRatios.add(row.ratio().median());
          }
        });
    StringBuilder out = new StringBuilder(table.toString());
    if (!longRatios.isEmpty()) {
      out.append(
          format(
              "%nmore than " + (int) LONG_SECONDS + " s under qemu: geometric mean %.2f",
              Samples.geometricMean(array(longRatios))));
      out.append(" of ").append(longRatios.size()).append(" programs\n");
    }
    return out.toString();
  }

  ArrayNode json() {
    ArrayNode programs = JsonFile.object().putArray("programs");
    rows.forEach(
        (name, row) -> {
          ObjectNode program = programs.addObject().put("name", name).put("hostSeconds", row.host);
          program.set("tuberSeconds", JsonFile.numbers(array(row.ours)));
          if (!row.theirs.isEmpty()) {
            program.set("qemuSeconds", JsonFile.numbers(array(row.theirs)));
            program.set("ratio", JsonFile.of(row.ratio()));
          }
        });
    return programs;
  }
}
