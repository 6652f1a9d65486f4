package org.tuber.perf.measure;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * A process that ran from start to end: wall time, peak memory, and what it printed, each line with
 * the moment it arrived.
 *
 * @param status exit status
 * @param hasTimedOut true when it had to be killed
 * @param wallNanos from before its start to its end
 * @param processorNanos user and system time of all its threads, at most {@value #POLL_MILLIS} ms
 *     before its end: what it would have taken on an idle host with one processor
 * @param peakBytes the kernel's high-water mark of its resident memory (VmHWM), at most {@value
 *     #POLL_MILLIS} ms before its end; 0 when unknown
 */
public record ProcessRun(
    int status,
    boolean hasTimedOut,
    long wallNanos,
    long processorNanos,
    long peakBytes,
    List<Line> lines,
    String errorText) {
  private static final int POLL_MILLIS = 20;
  private static final int PATIENCE_SECONDS = 10;

  /**
   * A line of output.
   *
   * @param nanos since the start of the process
   */
  public record Line(long nanos, String text) {}

  /** Runs {@code command} with empty standard input, for at most {@code limitSeconds}. */
  public static ProcessRun of(List<String> command, Map<String, String> environment, int limit)
      throws IOException, InterruptedException {
    Path errors = Files.createTempFile("tuber-perf", ".err");
    try {
      return run(builder(command, environment, errors), errors, limit);
    } finally {
      Files.deleteIfExists(errors);
    }
  }

  /** The same with its output in a file, byte by byte, instead of in {@link #lines}. */
  public static ProcessRun into(
      Path output, List<String> command, Map<String, String> environment, int limit)
      throws IOException, InterruptedException {
    Path errors = Files.createTempFile("tuber-perf", ".err");
    try {
      return run(
          builder(command, environment, errors).redirectOutput(output.toFile()), errors, limit);
    } finally {
      Files.deleteIfExists(errors);
    }
  }

  private static ProcessBuilder builder(
      List<String> command, Map<String, String> environment, Path errors) {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectInput(new File("/dev/null"))
            .redirectError(errors.toFile());
    builder.environment().putAll(environment);
    return builder;
  }

  private static ProcessRun run(ProcessBuilder builder, Path errors, int limitSeconds)
      throws IOException, InterruptedException {
    long start = System.nanoTime();
    Process process = builder.start();
    // An interrupted measurement must not leave an emulator behind.
    Thread killer = new Thread(process::destroyForcibly);
    Runtime.getRuntime().addShutdownHook(killer);
    List<Line> lines = new ArrayList<>();
    Thread reader =
        Thread.ofPlatform().daemon().name("output").start(() -> read(process, start, lines));
    long peakBytes = 0;
    long processorNanos = 0;
    boolean hasTimedOut = false;
    while (!process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
      peakBytes = Math.max(peakBytes, peakBytesNow(process.pid()));
      processorNanos =
          Math.max(
              processorNanos, process.info().totalCpuDuration().map(Duration::toNanos).orElse(0L));
      if (System.nanoTime() - start > TimeUnit.SECONDS.toNanos(limitSeconds)) {
        hasTimedOut = true;
        process.destroyForcibly();
      }
    }
    long wall = System.nanoTime() - start;
    reader.join(TimeUnit.SECONDS.toMillis(PATIENCE_SECONDS));
    Runtime.getRuntime().removeShutdownHook(killer);
    synchronized (lines) {
      return new ProcessRun(
          process.exitValue(),
          hasTimedOut,
          wall,
          processorNanos,
          peakBytes,
          List.copyOf(lines),
          Files.readString(errors, StandardCharsets.ISO_8859_1));
    }
  }

  private static void read(Process process, long start, List<Line> lines) {
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.ISO_8859_1))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        long now = System.nanoTime() - start;
        synchronized (lines) {
          lines.add(new Line(now, line.stripTrailing()));
        }
      }
    } catch (IOException e) {
      if (process.isAlive()) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static long peakBytesNow(long pid) {
    try {
      return parsePeakBytes(Files.readString(Path.of("/proc/" + pid + "/status")));
    } catch (IOException e) {
      // It has just ended, or this is not Linux.
      return 0;
    }
  }

  /** Finds the high-water mark in the text of {@code /proc/PID/status}; 0 when there is none. */
  static long parsePeakBytes(String status) {
    for (String line : status.split("\n")) {
      if (line.startsWith("VmHWM:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
      }
    }
    return 0;
  }

  /** Wall time in seconds. */
  public double seconds() {
    return wallNanos / 1e9;
  }

  /** Processor time in seconds. */
  public double processorSeconds() {
    return processorNanos / 1e9;
  }

  /** Peak memory in MiB. */
  public double peakMebibytes() {
    return peakBytes / (double) (1 << 20);
  }

  /** The first line that satisfies {@code wanted}. */
  public Optional<Line> first(Predicate<String> wanted) {
    return lines.stream().filter(line -> wanted.test(line.text())).findFirst();
  }

  /** The last lines of output and errors, to show why it failed. */
  public String tail(int count) {
    StringBuilder out = new StringBuilder();
    lines
        .subList(Math.max(0, lines.size() - count), lines.size())
        .forEach(line -> out.append(line.text()).append('\n'));
    errorText.lines().limit(count).forEach(line -> out.append(line).append('\n'));
    return out.toString();
  }
}
