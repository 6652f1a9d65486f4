package org.tuber.perf.compare;

import java.util.List;
import java.util.Locale;
import org.tuber.perf.report.Markup;
import org.tuber.perf.report.PairedRatio;
import org.tuber.perf.report.Samples;

/** The comparison as a page: all ratios with their intervals, then each program's runs. */
final class ComparePage {
  private static final String TUBER = "#7a3e9d";
  private static final String QEMU = "#d9772b";
  private static final String GRID = "#ddd";
  private static final double LABELS = 190;
  private static final double WIDTH = 900;
  private static final int ROW = 18;
  private static final double PLOT_WIDTH = 290;
  private static final double PLOT_HEIGHT = 150;

  private final CompareReport report;

  /** The ratios at the left and right edge, as powers of two. */
  private int lowest = -2;

  private int highest = 2;

  ComparePage(CompareReport report) {
    this.report = report;
  }

  String html() {
    Markup body = new Markup();
    body.open("p", "class", "note");
    report.facts().forEach((name, value) -> body.say(name + ": " + value).empty("br"));
    body.close();
    List<Subject> paired = report.subjects().stream().filter(Subject::isPaired).toList();
    if (!paired.isEmpty()) {
      body.text("h2", "Tuber's time over QEMU's").add(ratios(paired));
      body.text("p", CompareReport.METHOD, "class", "note");
    }
    body.add(table());
    body.text("h2", "Runs");
    body.open("p", "class", "note").text("span", "● Tuber ", "style", "color:" + TUBER);
    body.text("span", "● QEMU", "style", "color:" + QEMU);
    body.say(
        ", seconds; neighbouring runs joined. Under it the rounds of each run, first to last.");
    body.close().open("div", "class", "plots");
    for (Subject s : report.subjects()) {
      if (!s.tuber.isEmpty()) {
        body.add(runs(s));
      }
    }
    body.close();
    for (Subject s : report.subjects()) {
      if (s.failure != null) {
        body.text("p", s.mode + " " + s.name + ": " + s.failure, "class", "bad");
      }
    }
    return Markup.page("Tuber beside QEMU", body, "");
  }

  private double x(double ratio) {
    double log = Math.log(ratio) / Math.log(2);
    return LABELS + (WIDTH - LABELS - 120) * (log - lowest) / (highest - lowest);
  }

  /** One row a program: the pairs as dots, the median as a bar, the interval as a line. */
  private Markup ratios(List<Subject> paired) {
    for (Subject s : paired) {
      for (double ratio : s.ratios(Run::seconds)) {
        double log = Math.log(ratio) / Math.log(2);
        lowest = Math.min(lowest, (int) Math.floor(log));
        highest = Math.max(highest, (int) Math.ceil(log));
      }
    }
    var means = report.means();
    int height = ROW * (paired.size() + means.size() + 3);
    Markup svg = new Markup().open("svg", "width", WIDTH, "height", height);
    for (int i = lowest; i <= highest; i++) {
      double at = x(Math.pow(2, i));
      svg.empty("line", "x1", at, "x2", at, "y1", ROW, "y2", height, "stroke", GRID);
      String label = i < 0 ? "1/" + (1L << -i) : String.valueOf(1L << i);
      svg.text("text", label, "x", at, "y", 12, "text-anchor", "middle");
    }
    double one = x(1);
    svg.empty("line", "x1", one, "x2", one, "y1", ROW, "y2", height, "stroke", "#555");
    double y = 1.5 * ROW;
    for (Subject s : paired) {
      y += ROW;
      double[] ratios = s.ratios(Run::seconds);
      for (double ratio : ratios) {
        svg.empty("circle", "cx", x(ratio), "cy", y, "r", 2.5, "fill", TUBER, "opacity", "0.4");
      }
      row(svg, y, s.mode + " " + s.name, PairedRatio.of(ratios), TUBER);
    }
    y += ROW / 2.0;
    for (var mean : means.entrySet()) {
      y += ROW;
      row(svg, y, "mean: " + mean.getKey(), mean.getValue(), "#000");
    }
    return svg.close();
  }

  private void row(Markup svg, double y, String name, PairedRatio ratio, String colour) {
    svg.text("text", name, "x", 0, "y", y + 4);
    if (ratio.confidence() > 0) {
      svg.empty(
          "line", "x1", x(ratio.low()), "x2", x(ratio.high()), "y1", y, "y2", y, "stroke", colour);
    }
    double at = x(ratio.median());
    svg.empty("rect", "x", at - 2, "y", y - 6, "width", 4, "height", 12, "fill", colour);
    svg.text("text", ratio.toString(), "x", WIDTH - 115, "y", y + 4);
  }

  private Markup table() {
    Markup table = new Markup().open("table").open("tr");
    for (String heading :
        List.of(
            "program",
            "measure",
            "host",
            "Tuber 1st",
            "Tuber",
            "QEMU 1st",
            "QEMU",
            "ratio",
            "interval",
            "confidence")) {
      table.text("th", heading);
    }
    table.close();
    for (Subject s : report.subjects()) {
      if (s.tuber.isEmpty()) {
        continue;
      }
      table.open("tr").text("td", s.mode + " " + s.name).text("td", s.measure);
      table.text("td", s.host == null ? "" : CompareReport.seconds(s.host.seconds()));
      cells(table, s.tuber);
      if (s.isPaired()) {
        cells(table, s.qemu);
        PairedRatio ratio = PairedRatio.of(s.ratios(Run::seconds));
        table.text("td", two(ratio.median()));
        table.text("td", two(ratio.low()) + " to " + two(ratio.high()));
        table.text("td", Math.round(100 * ratio.confidence()) + " %");
      }
      table.close();
    }
    return table.close();
  }

  private static void cells(Markup table, List<Run> runs) {
    table.text("td", CompareReport.seconds(Subject.median(runs, Run::firstSeconds)));
    table.text("td", CompareReport.seconds(Subject.median(runs, Run::seconds)));
  }

  private static String two(double value) {
    return String.format(Locale.ROOT, "%.2f", value);
  }

  /** The pairs of a program side by side, and the rounds of its runs below. */
  private static Markup runs(Subject s) {
    boolean hasRounds = s.tuber.get(0).rounds().length > 1;
    double height = hasRounds ? 2 * PLOT_HEIGHT : PLOT_HEIGHT;
    Markup svg = new Markup().open("svg", "width", PLOT_WIDTH, "height", height);
    svg.text("text", s.mode + " " + s.name + ", " + s.measure, "x", 4, "y", 12);
    double most = Math.max(most(s.tuber), s.isPaired() ? most(s.qemu) : 0);
    double step = (PLOT_WIDTH - 60) / s.tuber.size();
    axis(svg, 20, PLOT_HEIGHT - 10, most);
    for (int i = 0; i < s.tuber.size(); i++) {
      double at = 50 + (i + 0.5) * step;
      double ours = y(s.tuber.get(i).seconds(), most);
      if (s.isPaired()) {
        double theirs = y(s.qemu.get(i).seconds(), most);
        svg.empty("line", "x1", at, "x2", at, "y1", ours, "y2", theirs, "stroke", "#999");
        svg.empty("circle", "cx", at, "cy", theirs, "r", 4, "fill", QEMU);
      }
      svg.empty("circle", "cx", at, "cy", ours, "r", 4, "fill", TUBER);
    }
    if (hasRounds) {
      double top = Math.max(mostOfRounds(s.tuber), s.isPaired() ? mostOfRounds(s.qemu) : 0);
      axis(svg, PLOT_HEIGHT + 20, 2 * PLOT_HEIGHT - 10, top);
      s.qemu.forEach(run -> curve(svg, run.rounds(), top, QEMU));
      s.tuber.forEach(run -> curve(svg, run.rounds(), top, TUBER));
    }
    return svg.close();
  }

  private static void curve(Markup svg, double[] rounds, double most, String colour) {
    StringBuilder points = new StringBuilder();
    double step = (PLOT_WIDTH - 60) / rounds.length;
    for (int i = 0; i < rounds.length; i++) {
      double y = PLOT_HEIGHT + y(rounds[i], most);
      points.append(String.format(Locale.ROOT, "%.1f,%.1f ", 50 + (i + 0.5) * step, y));
    }
    svg.empty("polyline", "points", points, "fill", "none", "stroke", colour);
  }

  private static void axis(Markup svg, double top, double bottom, double most) {
    svg.empty("line", "x1", 46, "x2", 46, "y1", top, "y2", bottom, "stroke", "#999");
    svg.empty("line", "x1", 46, "x2", PLOT_WIDTH, "y1", bottom, "y2", bottom, "stroke", "#999");
    svg.text("text", CompareReport.seconds(most), "x", 42, "y", top + 8, "text-anchor", "end");
    svg.text("text", "0", "x", 42, "y", bottom, "text-anchor", "end");
  }

  private static double y(double value, double most) {
    return PLOT_HEIGHT - 10 - (PLOT_HEIGHT - 34) * value / most;
  }

  private static double most(List<Run> runs) {
    return new Samples(Subject.of(runs, Run::seconds)).max();
  }

  private static double mostOfRounds(List<Run> runs) {
    return runs.stream().mapToDouble(run -> new Samples(run.rounds()).max()).max().orElse(0);
  }
}
