package org.tuber.perf.profile;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The engine's file of samples, line by line; the engine's class {@code Profiler} describes it. */
final class ProfileData {
  /** An address: in a file at an offset, or as the guest sees it where there is no file. */
  record Frame(String file, long address) {}

  /** Part of a region, with what it ran before it became one. */
  record Block(long pc, int instructions, int bytes, long executions) {}

  /**
   * What the engine counted of a region; {@code readyMillis} is negative if it never was ready,
   * {@code codeBytes} the length of a class's method.
   */
  record Region(
      int number,
      String tier,
      double readyMillis,
      long samples,
      boolean isInvalidated,
      int codeBytes,
      long[] exits,
      List<Block> blocks) {
    int instructions() {
      return blocks.stream().mapToInt(Block::instructions).sum();
    }

    long entries() {
      return Arrays.stream(exits).sum();
    }
  }

  /** Where the guest was; frames from the innermost. */
  record Sample(long weight, String tier, int region, List<Frame> frames) {}

  /** Counts of CPU states up to a moment, and processor seconds by kind of thread. */
  record Bucket(double seconds, Map<String, Integer> tiers, Map<String, Double> threads) {}

  /** Code of a file at an address. */
  record Range(String file, long start, long end, long fileOffset) {}

  /** In the order of the engine's counts. */
  static final List<String> EXITS = List.of("request", "miss", "unlinked", "other", "fault");

  static final List<String> TIERS = List.of("INTERPRETER", "CLASS", "TRUFFLE", "SYSTEM", "WAITING");

  private static final String PROGRAM = "program ";

  double periodSeconds;
  double wallSeconds;
  final Map<Integer, Region> regions = new LinkedHashMap<>();
  final List<Sample> samples = new ArrayList<>();
  final List<Bucket> buckets = new ArrayList<>();
  final Map<String, Integer> stacks = new LinkedHashMap<>();
  private final Map<Integer, String> strings = new HashMap<>();
  private final List<Range> ranges = new ArrayList<>();

  static ProfileData read(Path file) throws IOException {
    List<String> lines = Files.readAllLines(file);
    if (lines.isEmpty() || !lines.get(0).equals("tuber-profile 1")) {
      throw new IOException(file + " is no profile");
    }
    ProfileData data = new ProfileData();
    lines.stream().filter(line -> line.startsWith("string ")).forEach(data::string);
    lines.forEach(data::line);
    return data;
  }

  private void string(String line) {
    String[] parts = line.split(" ", 3);
    strings.put(Integer.parseInt(parts[1]), parts.length > 2 ? parts[2] : "");
  }

  private void line(String line) {
    String[] parts = line.split(" ");
    switch (parts[0]) {
      case "period" -> periodSeconds = Long.parseLong(parts[1]) / 1e9;
      case "wall" -> wallSeconds = Long.parseLong(parts[1]) / 1e9;
      case "region" -> region(parts);
      case "sample" -> sample(parts);
      case "bucket" -> bucket(parts);
      case "range" ->
          ranges.add(
              new Range(
                  strings.get(Integer.parseInt(parts[1])),
                  hex(parts[2]),
                  hex(parts[3]),
                  hex(parts[4])));
      case "stack" -> stacks.put(line.split(" ", 3)[2], Integer.parseInt(parts[1]));
      default -> {
        // Strings are known already.
      }
    }
  }

  private static long hex(String text) {
    return Long.parseUnsignedLong(text, 16);
  }

  private void region(String[] parts) {
    long[] exits = new long[EXITS.size()];
    for (int i = 0; i < exits.length; i++) {
      exits[i] = Long.parseLong(parts[7 + i]);
    }
    List<Block> blocks = new ArrayList<>();
    for (int i = 7 + exits.length; i < parts.length; i++) {
      String[] b = parts[i].split(":");
      blocks.add(
          new Block(
              hex(b[0]), Integer.parseInt(b[1]), Integer.parseInt(b[2]), Long.parseLong(b[3])));
    }
    int number = Integer.parseInt(parts[1]);
    regions.put(
        number,
        new Region(
            number,
            parts[2],
            Double.parseDouble(parts[3]),
            Long.parseLong(parts[4]),
            Boolean.parseBoolean(parts[5]),
            Integer.parseInt(parts[6]),
            exits,
            blocks));
  }

  private void sample(String[] parts) {
    List<Frame> frames = new ArrayList<>();
    for (String frame : parts[4].split(";")) {
      String[] b = frame.split(":");
      frames.add(new Frame(strings.get(Integer.parseInt(b[0])), hex(b[1])));
    }
    samples.add(new Sample(Long.parseLong(parts[1]), parts[2], Integer.parseInt(parts[3]), frames));
  }

  private void bucket(String[] parts) {
    Map<String, Integer> tiers = new LinkedHashMap<>();
    Map<String, Double> threads = new LinkedHashMap<>();
    for (int i = 2; i < parts.length; i++) {
      String[] pair = parts[i].split("=");
      if (pair[0].startsWith("cpu.")) {
        threads.put(pair[0].substring(4), Long.parseLong(pair[1]) / 1e9);
      } else {
        tiers.put(pair[0], Integer.parseInt(pair[1]));
      }
    }
    buckets.add(new Bucket(Double.parseDouble(parts[1]), tiers, threads));
  }

  /** The name in a frame that says which program it is, or null for a place in code. */
  static String program(Frame frame) {
    return frame.file.startsWith(PROGRAM) ? frame.file.substring(PROGRAM.length()) : null;
  }

  /** The same place by its file, where one is known to be mapped there. */
  Frame located(long pc) {
    for (Range r : ranges) {
      if (pc >= r.start && pc < r.end) {
        return new Frame(r.file, pc - r.start + r.fileOffset);
      }
    }
    return new Frame("", pc);
  }

  /** Processor seconds of each kind of thread. */
  Map<String, Double> threads() {
    Map<String, Double> sum = new LinkedHashMap<>();
    buckets.forEach(b -> b.threads.forEach((name, s) -> sum.merge(name, s, Double::sum)));
    return sum;
  }

  /** How often the clock found a CPU in each state. */
  Map<String, Integer> tiers() {
    Map<String, Integer> sum = new LinkedHashMap<>();
    TIERS.forEach(tier -> sum.put(tier, 0));
    buckets.forEach(b -> b.tiers.forEach((tier, n) -> sum.merge(tier, n, Integer::sum)));
    return sum;
  }
}
