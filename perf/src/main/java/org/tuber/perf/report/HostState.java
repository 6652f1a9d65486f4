package org.tuber.perf.report;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** The machine that is measured on and how busy others keep it: part of every result. */
public record HostState(String cpu, int cpus, double load) {
  /** As it is now; the load is the kernel's mean over the last minute, negative when unknown. */
  public static HostState now() {
    return new HostState(cpuName(), Runtime.getRuntime().availableProcessors(), loadNow());
  }

  private static String cpuName() {
    try {
      return Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse(System.getProperty("os.arch"));
    } catch (IOException e) {
      return System.getProperty("os.arch");
    }
  }

  private static double loadNow() {
    try {
      return Double.parseDouble(Files.readString(Path.of("/proc/loadavg")).split(" ")[0]);
    } catch (IOException | NumberFormatException e) {
      return -1;
    }
  }

  /** One line about the machine, with the load at the start and now. */
  public String line(HostState end) {
    return String.format(
        Locale.ROOT, "host: %s, %d CPUs, load %.1f to %.1f", cpu, cpus, load, end.load);
  }

  /** The same for programs. */
  public ObjectNode json(HostState end) {
    return JsonFile.object()
        .put("cpu", cpu)
        .put("cpus", cpus)
        .put("loadStart", load)
        .put("loadEnd", end.load);
  }
}
