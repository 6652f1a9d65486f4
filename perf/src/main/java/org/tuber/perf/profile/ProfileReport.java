package org.tuber.perf.profile;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.tuber.perf.report.JsonFile;
import org.tuber.perf.report.Markup;
import org.tuber.perf.report.Table;

/**
 * A profile as text, page and JSON.
 *
 * @param facts about the run, name by name
 */
record ProfileReport(Map<String, String> facts, ProfileData data, CallTree tree) {
  private static final int TEXT_LINES = 20;
  private static final int PAGE_LINES = 60;
  private static final int FUNCTIONS = 500;
  private static final double WIDTH = 1200;
  private static final double HEIGHT = 160;
  private static final Map<String, String> MEANINGS = meanings();
  private static final Map<String, String> THREADS = threads();

  private static Map<String, String> meanings() {
    Map<String, String> m = new LinkedHashMap<>();
    m.put("INTERPRETER", "interpreting");
    m.put("CLASS", "host classes");
    m.put("TRUFFLE", "Truffle's regions");
    m.put("SYSTEM", "system instructions, with system calls");
    m.put("WAITING", "halted or not running");
    return m;
  }

  private static Map<String, String> threads() {
    Map<String, String> m = new LinkedHashMap<>();
    m.put("guest", "#333333");
    m.put("C1", "#e8a33d");
    m.put("C2", "#c05746");
    m.put("classes", "#7fb069");
    m.put("Truffle", "#5b8fc7");
    m.put("profiler", "#aa44aa");
    m.put("other", "#999999");
    return m;
  }

  private List<ProfileData.Region> hotRegions() {
    return data.regions.values().stream()
        .sorted(
            Comparator.comparingLong((ProfileData.Region r) -> -r.samples())
                .thenComparing(Comparator.comparingLong(r -> -r.entries())))
        .toList();
  }

  private static String percent(double part, double all) {
    return String.format(Locale.ROOT, "%.1f %%", all == 0 ? 0 : 100 * part / all);
  }

  private Table states() {
    Map<String, Integer> tiers = data.tiers();
    double all = tiers.values().stream().mapToInt(Integer::intValue).sum();
    Table table = new Table("a CPU was", "part", "wall s");
    MEANINGS.forEach(
        (tier, meaning) ->
            table.row(
                meaning,
                percent(tiers.get(tier), all),
                String.format(
                    Locale.ROOT, "%.2f", all == 0 ? 0 : tiers.get(tier) / all * data.wallSeconds)));
    return table;
  }

  private Table threadTable() {
    Table table = new Table("threads", "processor s");
    data.threads().entrySet().stream()
        .sorted(Map.Entry.<String, Double>comparingByValue().reversed())
        .forEach(e -> table.row(e.getKey(), String.format(Locale.ROOT, "%.2f", e.getValue())));
    return table;
  }

  private Table stackTable() {
    double all = data.stacks.values().stream().mapToInt(Integer::intValue).sum();
    Table table = new Table("in the emulator, of " + (int) all + " looks", "part");
    data.stacks.entrySet().stream()
        .sorted(Map.Entry.<String, Integer>comparingByValue().reversed())
        .forEach(e -> table.row(e.getKey(), percent(e.getValue(), all)));
    return table;
  }

  private Table functionTable(int lines) {
    double all = tree.root.total();
    Table table = new Table("function", "self", "with callees", "interp.", "class", "Truffle");
    for (CallTree.Function f : tree.functions().stream().limit(lines).toList()) {
      table.row(
          f.name(),
          percent(f.self(), all),
          percent(f.inclusive(), all),
          percent(f.tiers().getOrDefault("INTERPRETER", 0.0), f.self()),
          percent(f.tiers().getOrDefault("CLASS", 0.0), f.self()),
          percent(f.tiers().getOrDefault("TRUFFLE", 0.0), f.self()));
    }
    return table;
  }

  private Table regionTable(int lines) {
    double all = (double) data.samples.stream().mapToLong(ProfileData.Sample::weight).sum();
    Table table =
        new Table(
            "region",
            "tier",
            "at",
            "instr",
            "bytes",
            "bytecode",
            "ready ms",
            "time",
            "left: asked",
            "TLB miss",
            "unlinked",
            "other",
            "fault",
            "valid");
    for (ProfileData.Region r : hotRegions().stream().limit(lines).toList()) {
      table.row(
          tree.name(r),
          r.tier().equals("CLASS") ? "class" : "Truffle",
          "0x" + Long.toHexString(r.blocks().get(0).pc()),
          String.valueOf(r.instructions()),
          String.valueOf(r.blocks().stream().mapToInt(ProfileData.Block::bytes).sum()),
          r.codeBytes() == 0 ? null : String.valueOf(r.codeBytes()),
          r.readyMillis() < 0 ? "-" : String.format(Locale.ROOT, "%.1f", r.readyMillis()),
          percent((double) r.samples(), all),
          String.valueOf(r.exits()[0]),
          String.valueOf(r.exits()[1]),
          String.valueOf(r.exits()[2]),
          String.valueOf(r.exits()[3]),
          String.valueOf(r.exits()[4]),
          r.isInvalidated() ? "no" : "yes");
    }
    return table;
  }

  private String totals() {
    long invalidated =
        data.regions.values().stream().filter(ProfileData.Region::isInvalidated).count();
    long misses = data.regions.values().stream().mapToLong(r -> r.exits()[1]).sum();
    return String.format(
        Locale.ROOT,
        "%d samples of %.0f ms in %.2f s; %d regions, %d of them invalidated, left %d times for a"
            + " TLB miss",
        data.samples.stream().mapToLong(ProfileData.Sample::weight).sum(),
        data.periodSeconds * 1000,
        data.wallSeconds,
        data.regions.size(),
        invalidated,
        misses);
  }

  String text() {
    StringBuilder out = new StringBuilder();
    facts.forEach((name, value) -> out.append(name).append(": ").append(value).append('\n'));
    out.append(totals()).append("\n\n");
    out.append(states()).append('\n').append(threadTable()).append('\n').append(stackTable());
    out.append('\n').append(functionTable(TEXT_LINES));
    return out.append('\n').append(regionTable(TEXT_LINES)).toString();
  }

  String html() {
    Markup body = new Markup().open("p", "class", "note");
    facts.forEach((name, value) -> body.say(name + ": " + value).empty("br"));
    body.say(totals()).close();
    body.text("h2", "Time").add(timeline()).add(states().html()).add(threadTable().html());
    body.add(stackTable().html());
    body.text("h2", "Where the guest was").add(legend()).add(FlameGraph.of(tree));
    body.text(
        "p",
        "Callers are known where the guest keeps frame pointers. A click makes a box the whole"
            + " width, one on 'all' shows all. A region's samples are spread over its functions by"
            + " how often their blocks ran before.",
        "class",
        "note");
    body.text("h2", "Functions").add(functionTable(PAGE_LINES).html());
    body.text("h2", "Regions").add(regionTable(PAGE_LINES).html());
    body.text(
        "p",
        "Ready: from the request to the class, or to the first entry of Truffle's code. Exits are"
            + " those to the dispatcher; from class to class nothing is counted.",
        "class",
        "note");
    return Markup.page("Guest profile", body, FlameGraph.SCRIPT);
  }

  private static Markup legend() {
    Markup p = new Markup().open("p");
    MEANINGS.forEach(
        (tier, meaning) ->
            p.text(
                "span", "■ " + meaning + "  ", "style", "color:" + FlameGraph.COLOURS.get(tier)));
    return p.close();
  }

  /** States above, as parts of each moment; processor time of the threads below, in CPUs. */
  private Markup timeline() {
    Markup box = new Markup().open("svg", "width", WIDTH, "height", 2 * HEIGHT + 60);
    double end = Math.max(data.wallSeconds, 1e-3);
    double before = 0;
    for (ProfileData.Bucket b : data.buckets) {
      double all = b.tiers().values().stream().mapToInt(Integer::intValue).sum();
      double y = HEIGHT;
      for (String tier : ProfileData.TIERS) {
        double height = all == 0 ? 0 : b.tiers().getOrDefault(tier, 0) / all * HEIGHT;
        y -= height;
        if (height > 0) {
          box.empty(
              "rect",
              "x",
              before / end * WIDTH,
              "y",
              y,
              "width",
              (b.seconds() - before) / end * WIDTH + 0.3,
              "height",
              height,
              "fill",
              FlameGraph.COLOURS.get(tier));
        }
      }
      before = b.seconds();
    }
    double most = 1;
    for (String thread : THREADS.keySet()) {
      for (double rate : rates(thread)) {
        most = Math.max(most, rate);
      }
    }
    double bottom = 2 * HEIGHT + 30;
    box.empty("line", "x1", 0, "x2", WIDTH, "y1", bottom, "y2", bottom, "stroke", "#999");
    box.text("text", String.format(Locale.ROOT, "%.1f CPUs", most), "x", 2, "y", HEIGHT + 24);
    double label = 80;
    for (var thread : THREADS.entrySet()) {
      curve(box, rates(thread.getKey()), most, thread.getValue());
      box.text(
          "text",
          thread.getKey(),
          "x",
          label,
          "y",
          HEIGHT + 24,
          "style",
          "fill:" + thread.getValue());
      label += 70;
    }
    box.text("text", "0", "x", 0, "y", bottom + 14);
    box.text(
        "text",
        String.format(Locale.ROOT, "%.2f s", end),
        "x",
        WIDTH,
        "y",
        bottom + 14,
        "text-anchor",
        "end");
    return box.close();
  }

  /** Processors that a kind of thread kept busy in each bucket. */
  private double[] rates(String thread) {
    double[] rates = new double[data.buckets.size()];
    // The first holds what the JVM needed for its own start.
    for (int i = 1; i < rates.length; i++) {
      ProfileData.Bucket b = data.buckets.get(i);
      double length = Math.max(b.seconds() - data.buckets.get(i - 1).seconds(), 1e-3);
      rates[i] = b.threads().getOrDefault(thread, 0.0) / length;
    }
    return rates;
  }

  private void curve(Markup box, double[] rates, double most, String colour) {
    StringBuilder points = new StringBuilder();
    for (int i = 0; i < rates.length; i++) {
      points.append(
          String.format(
              Locale.ROOT,
              "%.1f,%.1f ",
              data.buckets.get(i).seconds() / Math.max(data.wallSeconds, 1e-3) * WIDTH,
              2 * HEIGHT + 30 - rates[i] / most * HEIGHT));
    }
    box.empty("polyline", "points", points, "fill", "none", "stroke", colour);
  }

  ObjectNode json() {
    ObjectNode all = JsonFile.object();
    facts.forEach(all::put);
    all.put("wallSeconds", data.wallSeconds).put("periodSeconds", data.periodSeconds);
    ObjectNode states = all.putObject("states");
    data.tiers().forEach(states::put);
    ObjectNode threads = all.putObject("threadSeconds");
    data.threads().forEach(threads::put);
    ObjectNode stacks = all.putObject("emulator");
    data.stacks.forEach(stacks::put);
    ArrayNode functions = all.putArray("functions");
    for (CallTree.Function f : tree.functions().stream().limit(FUNCTIONS).toList()) {
      ObjectNode node = functions.addObject().put("name", f.name());
      node.put("self", f.self()).put("inclusive", f.inclusive());
      ObjectNode tiers = node.putObject("tiers");
      f.tiers().forEach(tiers::put);
    }
    ArrayNode regions = all.putArray("regions");
    for (ProfileData.Region r : hotRegions()) {
      ObjectNode node = regions.addObject().put("name", tree.name(r)).put("tier", r.tier());
      node.put("pc", "0x" + Long.toHexString(r.blocks().get(0).pc()));
      node.put("blocks", r.blocks().size()).put("instructions", r.instructions());
      node.put("codeBytes", r.codeBytes());
      node.put("readyMillis", r.readyMillis()).put("samples", r.samples());
      node.put("entries", r.entries()).put("invalidated", r.isInvalidated());
      ObjectNode exits = node.putObject("exits");
      for (int i = 0; i < r.exits().length; i++) {
        exits.put(ProfileData.EXITS.get(i), r.exits()[i]);
      }
    }
    ArrayNode buckets = all.putArray("timeline");
    for (ProfileData.Bucket b : data.buckets) {
      ObjectNode node = buckets.addObject().put("seconds", b.seconds());
      b.tiers().forEach(node::put);
      ObjectNode cpu = node.putObject("threadSeconds");
      b.threads().forEach(cpu::put);
    }
    return all;
  }
}
