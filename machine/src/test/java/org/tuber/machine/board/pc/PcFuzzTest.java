package org.tuber.machine.board.pc;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * {@link PcFuzz} for all devices together, then for each by itself: some seconds in a build.
 *
 * <p>With {@code -Psoak} ten minutes for all and for each, every one in a process of its own, two
 * at a time: two and a quarter hours. {@code -Dtuber.fuzz.jobs} (processes at a time), {@code
 * -Dtuber.fuzz.seconds}, {@code -Dtuber.fuzz.seed} and {@code -Dtuber.fuzz.devices} (names with
 * commas, {@code all} among them) change that or repeat a run. What has been run is in {@code
 * target/fuzz/runs}, what failed in a file by the device's name beside it.
 */
final class PcFuzzTest {
  private static final long SECONDS = Long.getLong("tuber.fuzz.seconds", 600);
  private static final int JOBS = Integer.getInteger("tuber.fuzz.jobs", 2);
  private static final long SHORT_SEED = 20_260_301;
  private static final long SHORT_MILLIS = 150;
  private static final long ALL_MILLIS = 4000;
  private static final String ALL = "all";

  /** Those with the most behind their registers: a soak that is cut short has seen them. */
  private static final List<String> FIRST =
      List.of(
          ALL,
          "AhciController",
          "NvmeController",
          "IdeChannel",
          "Piix3Ide",
          "I82077Fdc",
          "CirrusVga",
          "StdVga",
          "VgaCore",
          "I8042",
          "Uart16550",
          "Hpet",
          "I8237Dma",
          "ApicBus",
          "IoApic",
          "FwCfg");

  @TempDir Path dir;

  @Test
  @Timeout(300)
  void randomProgramsDoNoHarm() throws Exception {
    new PcFuzz(dir, SHORT_SEED, null).run(ALL_MILLIS, false);
  }

  static List<String> devices() {
    return PcFuzz.DEVICES;
  }

  @ParameterizedTest
  @MethodSource("devices")
  @Timeout(300)
  void randomProgramsForOneDeviceDoNoHarm(String device) throws Exception {
    new PcFuzz(dir, SHORT_SEED, device).run(SHORT_MILLIS, false);
  }

  @Test
  void theListOfDevicesIsThatOfTheMachine() throws Exception {
    assertThat(PcFuzz.devicesOfTheMachine(dir)).containsExactlyInAnyOrderElementsOf(PcFuzz.DEVICES);
  }

  /** All and each, the most complex first; or those of {@code -Dtuber.fuzz.devices}. */
  private static List<String> chosen() {
    List<String> all = new ArrayList<>(FIRST);
    PcFuzz.DEVICES.stream().filter(device -> !FIRST.contains(device)).forEach(all::add);
    String some = System.getProperty("tuber.fuzz.devices");
    List<String> chosen = some == null ? all : List.of(some.split(","));
    assertThat(all).containsAll(chosen);
    return chosen;
  }

  @Test
  @Tag("soak")
  @Timeout(value = 6, unit = TimeUnit.HOURS)
  void longRandomProgramsDoNoHarm() throws Exception {
    long seed = Long.getLong("tuber.fuzz.seed", System.nanoTime());
    Path results = Files.createDirectories(Path.of("target", "fuzz"));
    List<Process> processes = new ArrayList<>();
    Map<String, String> failures = new TreeMap<>();
    try (ExecutorService pool = Executors.newFixedThreadPool(JOBS)) {
      Map<String, Future<String>> runs = new TreeMap<>();
      for (String device : chosen()) {
        Callable<String> run = () -> inOwnProcess(device, seed, results, processes);
        runs.put(device, pool.submit(run));
      }
      for (Map.Entry<String, Future<String>> run : runs.entrySet()) {
        String trouble = run.getValue().get();
        if (!trouble.isEmpty()) {
          failures.put(run.getKey(), trouble);
        }
      }
    } finally {
      synchronized (processes) {
        processes.forEach(Process::destroyForcibly);
      }
    }
    assertThat(failures).isEmpty();
  }

  /** Empty when it went well, else what the process said. */
  private String inOwnProcess(String device, long seed, Path results, List<Process> processes)
      throws IOException, InterruptedException {
    Path log = results.resolve(device + ".log");
    Path images = Files.createDirectories(dir.resolve(device));
    // A heap of one size: what the process grows by is not the heap.
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xms256m",
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:+AlwaysPreTouch",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-cp",
            System.getProperty("java.class.path"),
            PcFuzz.class.getName(),
            images.toString(),
            Long.toString(seed),
            Long.toString(SECONDS),
            device);
    Process process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
    synchronized (processes) {
      processes.add(process);
    }
    boolean ended = process.waitFor(2 * SECONDS + 300, TimeUnit.SECONDS);
    process.destroyForcibly();
    String said = Files.readString(log);
    if (!ended || process.exitValue() != 0) {
      return (ended ? "" : "no end: ") + said;
    }
    Files.delete(log);
    synchronized (processes) {
      Files.writeString(
          results.resolve("runs"), said, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
    return "";
  }
}
