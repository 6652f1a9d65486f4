package org.tuber.perf.img;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.tuber.perf.report.JsonFile;
import org.tuber.perf.report.PairedRatio;
import org.tuber.perf.report.Samples;
import org.tuber.perf.report.Table;

/** Pairs of runs of each task. */
final class ImageReport {
  /**
   * One run.
   *
   * @param seconds what counts
   * @param processorSeconds of the whole process, all threads
   * @param mebibytes most memory
   */
  record Run(double seconds, double processorSeconds, double mebibytes) {}

  private record Row(List<Run> ours, List<Run> theirs) {}

  private final Map<String, Row> rows = new LinkedHashMap<>();

  /** Adds a pair; {@code qemu} is null when there is none. */
  void add(String task, Run tuber, Run qemu) {
    Row row = rows.computeIfAbsent(task, t -> new Row(new ArrayList<>(), new ArrayList<>()));
    row.ours.add(tuber);
    if (qemu != null) {
      row.theirs.add(qemu);
    }
  }

  private static double[] values(List<Run> runs, ToDoubleFunction<Run> what) {
    return runs.stream().mapToDouble(what).toArray();
  }

  private static String median(List<Run> runs, ToDoubleFunction<Run> what, String pattern) {
    return runs.isEmpty()
        ? null
        : String.format(Locale.ROOT, pattern, new Samples(values(runs, what)).median());
  }

  private static PairedRatio ratio(Row row, ToDoubleFunction<Run> what) {
    return row.theirs.isEmpty()
        ? null
        : PairedRatio.of(values(row.ours, what), values(row.theirs, what));
  }

  String text() {
    Table table =
        new Table(
            "task",
            "tuber s",
            "qemu s",
            "tuber / qemu",
            "tuber CPU s",
            "qemu CPU s",
            "CPU ratio",
            "tuber MiB",
            "qemu MiB");
    rows.forEach(
        (name, row) -> {
          PairedRatio wall = ratio(row, Run::seconds);
          PairedRatio processor = ratio(row, Run::processorSeconds);
          table.row(
              name,
              median(row.ours, Run::seconds, "%.2f"),
              median(row.theirs, Run::seconds, "%.2f"),
              wall == null ? null : wall.toString(),
              median(row.ours, Run::processorSeconds, "%.2f"),
              median(row.theirs, Run::processorSeconds, "%.2f"),
              processor == null ? null : processor.toString(),
              median(row.ours, Run::mebibytes, "%.0f"),
              median(row.theirs, Run::mebibytes, "%.0f"));
        });
    return table.toString();
  }

  ArrayNode json() {
    ArrayNode tasks = JsonFile.object().putArray("tasks");
    rows.forEach(
        (name, row) -> {
          ObjectNode task = tasks.addObject().put("name", name);
          task.set("tuber", json(row.ours));
          if (!row.theirs.isEmpty()) {
            task.set("qemu", json(row.theirs));
            task.set("ratio", ratio(row, Run::seconds).json());
            task.set("processorRatio", ratio(row, Run::processorSeconds).json());
          }
        });
    return tasks;
  }

  private static ObjectNode json(List<Run> runs) {
    ObjectNode node = JsonFile.object();
    node.set("seconds", JsonFile.numbers(values(runs, Run::seconds)));
    node.set("processorSeconds", JsonFile.numbers(values(runs, Run::processorSeconds)));
    node.set("mebibytes", JsonFile.numbers(values(runs, Run::mebibytes)));
    return node;
  }
}
