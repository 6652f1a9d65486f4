package org.tuber.perf.img;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tuber.launcher.CommandLineException;
import org.tuber.perf.Arguments;
import org.tuber.perf.measure.Emulator;
import org.tuber.perf.measure.FailedRunException;
import org.tuber.perf.measure.ProcessRun;
import org.tuber.perf.measure.WorkFolder;
import org.tuber.perf.report.Measurement;

/**
 * {@code tuber perf img}: conversions and single requests on disk images, {@code tuber img} and
 * {@code qemu-img} in turn. A conversion whose result differs from its source has failed.
 */
public final class ImageCommand {
  private static final String COMMAND = "perf img";
  private static final Pattern COMPLETED = Pattern.compile("completed in ([0-9.]+) seconds");
  private static final String HELP =
      """
      Usage: tuber perf img [OPTIONS]

      Converts an image from and to qcow2, and reads and writes in one all over the place, with
      'tuber img' and, when installed, 'qemu-img' in turn. The first half of the image is an archive
      of real files, the second a hole.

        -n PAIRS         runs of each (6)
        --only TEXT      tasks with TEXT in their name
        --size GIB       size of the image (4); needs twice as much room
        --files DIR      what the archive is made of (/usr)
        --folder DIR     where the images are (the folder of temporary files)
        --qemu PROGRAM   qemu-img to compare with (qemu-img)
        --no-qemu        Tuber alone
        --limit SECONDS  a run that takes longer has failed (600)
        --json FILE      write the numbers there too
      """;

  private final PrintStream out;
  private final ImageFolder images;
  private final List<String> tuber;
  private final List<String> qemu;
  private final int limit;

  private ImageCommand(
      PrintStream out, ImageFolder images, List<String> tuber, List<String> qemu, int limit) {
    this.out = out;
    this.images = images;
    this.tuber = tuber;
    this.qemu = qemu;
    this.limit = limit;
  }

  /** Does it; status 1 when a run failed. */
  public static int run(List<String> commandLine, PrintStream out) {
    Arguments arguments =
        new Arguments(
            COMMAND,
            commandLine,
            Set.of("-n", "--only", "--size", "--files", "--folder", "--qemu", "--limit", "--json"),
            Set.of("--no-qemu"));
    if (arguments.isHelp()) {
      out.print(HELP);
      return 0;
    }
    String place = arguments.text("--folder", null);
    try (WorkFolder folder =
        place == null
            ? WorkFolder.create("tuber-perf-img")
            : WorkFolder.create(Path.of(place), "tuber-perf-img")) {
      return measure(arguments, folder.path(), out);
    } catch (IOException e) {
      throw new CommandLineException(COMMAND + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return 1;
    }
  }

  private static int measure(Arguments arguments, Path folder, PrintStream out)
      throws IOException, InterruptedException {
    Emulator.Tuber started = Emulator.Tuber.ofThisProcess(List.of());
    String program = arguments.text("--qemu", "qemu-img");
    Optional<String> version =
        arguments.has("--no-qemu") ? Optional.empty() : Emulator.Qemu.version(program);
    Measurement measurement = new Measurement(out, started.build(), version);
    ImageCommand command =
        new ImageCommand(
            out,
            new ImageFolder(folder, (long) arguments.number("--size", 4, 1) << 30),
            List.of(started.script().toString(), "img"),
            version.isPresent() ? List.of(program) : null,
            arguments.number("--limit", 600, 1));
    ImageReport report = new ImageReport();
    try {
      command.all(
          arguments.text("--only", ""),
          arguments.number("-n", 6, 1),
          Path.of(arguments.text("--files", "/usr")),
          report);
    } catch (FailedRunException e) {
      out.println(e.getMessage());
      return 1;
    }
    measurement.end(arguments, report.text(), "tasks", report.json());
    return 0;
  }

  private void all(String wanted, int pairs, Path files, ImageReport report)
      throws IOException, InterruptedException, FailedRunException {
    List<ImageTask> tasks =
        ImageTask.all().stream().filter(t -> t.name().contains(wanted)).toList();
    images.writeRaw(files);
    Path raw = images.source(ImageTask.Source.RAW);
    Path qcow2 = images.source(ImageTask.Source.QCOW2);
    List<String> convert = List.of("convert", "-f", "raw", "-O", "qcow2", raw.toString());
    process(qemu == null ? tuber : qemu, plus(convert, qcow2.toString()));
    for (ImageTask task : tasks) {
      for (int i = 0; i < pairs; i++) {
        boolean isFirst = i % 2 == 0;
        ImageReport.Run theirs = isFirst || qemu == null ? null : run(qemu, task, i == 0);
        ImageReport.Run ours = run(tuber, task, i == 0);
        if (isFirst && qemu != null) {
          theirs = run(qemu, task, i == 0);
        }
        report.add(task.name(), ours, theirs);
        out.println(line(task, i + 1, ours, theirs));
      }
    }
  }

  private static String line(ImageTask task, int pair, ImageReport.Run ours, ImageReport.Run qemu) {
    return String.format(
        Locale.ROOT,
        "%s, pair %d: tuber %.2f s (%.2f s of CPU)%s",
        task.name(),
        pair,
        ours.seconds(),
        ours.processorSeconds(),
        qemu == null
            ? ""
            : String.format(
                Locale.ROOT, ", qemu %.2f s (%.2f s)", qemu.seconds(), qemu.processorSeconds()));
  }

  private ImageReport.Run run(List<String> program, ImageTask task, boolean check)
      throws IOException, InterruptedException, FailedRunException {
    images.prepare();
    Path image = images.source(task.source());
    Path target = images.target();
    if (task.kind() == ImageTask.Kind.BENCH_WRITE) {
      images.copyToTarget(task.source());
      image = target;
    }
    ProcessRun run = process(program, task.arguments(image.toString(), target.toString()));
    double seconds = run.seconds();
    if (task.kind() != ImageTask.Kind.CONVERT) {
      seconds = completedSeconds(program, run);
    } else if (check) {
      // The other program looks: an error made twice would not be seen.
      List<String> judge = qemu == null || program == qemu ? tuber : qemu;
      process(judge, List.of("compare", image.toString(), target.toString()));
    }
    return new ImageReport.Run(seconds, run.processorSeconds(), run.peakMebibytes());
  }

  private double completedSeconds(List<String> program, ProcessRun run) throws FailedRunException {
    for (ProcessRun.Line line : run.lines()) {
      Matcher matcher = COMPLETED.matcher(line.text());
      if (matcher.find()) {
        return Double.parseDouble(matcher.group(1));
      }
    }
    throw FailedRunException.of(String.join(" ", program), run, limit, "it printed no time");
  }

  private ProcessRun process(List<String> program, List<String> arguments)
      throws IOException, InterruptedException, FailedRunException {
    List<String> command = new ArrayList<>(program);
    command.addAll(arguments);
    ProcessRun run = ProcessRun.of(command, Map.of("TUBER_NO_BUILD", "1"), limit);
    if (run.hasTimedOut() || run.status() != 0) {
      throw FailedRunException.of(String.join(" ", command), run, limit, "");
    }
    return run;
  }

  private static List<String> plus(List<String> list, String last) {
    List<String> all = new ArrayList<>(list);
    all.add(last);
    return all;
  }
}
