package org.tuber.truffle.engine;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Samples where the guest is, in all tiers, and writes a file of lines at the JVM's end; {@code
 * tuber perf profile} starts it and reads that file. Off, it is not there: a null in each CPU.
 *
 * <p>The file: {@code period NANOS}; {@code string NUMBER TEXT}; {@code region NUMBER TIER READY-MS
 * SAMPLES INVALIDATED CODE-BYTES EXITS... BLOCKS}, a block as {@code
 * PC:INSTRUCTIONS:BYTES:EXECUTIONS}; {@code range STRING START END OFFSET}; {@code sample WEIGHT
 * TIER REGION FRAMES}; {@code bucket SECONDS TIER=COUNT...}, processor nanoseconds of the JVM's
 * threads as {@code cpu.NAME=...}; {@code stack COUNT WHAT}.
 */
final class Profiler {
  /** Names the file to write; unset for no profile. */
  static final String PROPERTY = "tuber.profile";

  private static final Logger LOG = LoggerFactory.getLogger(Profiler.class);
  private static final long PERIOD_NANOS = 4_000_000;

  /** Of the timeline, in periods. */
  private static final int BUCKET_TICKS = 100;

  /** Between looks at a CPU's Java stack, in periods. */
  private static final int STACK_TICKS = 25;

  private static final long NANOS_PER_JIFFY = 10_000_000;

  private record Built(Region region, Probe.Counts counts, String text) {}

  private final Path file;
  private final long startNanos = System.nanoTime();
  private final List<Probe> probes = new CopyOnWriteArrayList<>();
  private final List<Probe> gone = new CopyOnWriteArrayList<>();
  private final Map<String, Integer> strings = new ConcurrentHashMap<>();
  private final Set<CodeMap.Range> ranges = ConcurrentHashMap.newKeySet();
  private final List<Built> regions = new ArrayList<>();
  private final StringBuilder buckets = new StringBuilder();
  private final Map<String, Integer> stacks = new TreeMap<>();
  private final Map<String, Long> threadNanos = new TreeMap<>();
  private final Map<Probe.Tier, Integer> bucket = new EnumMap<>(Probe.Tier.class);

  private Profiler(Path file) {
    this.file = file;
    strings.put("", 0);
    Thread.ofPlatform().daemon().name("engine profile").start(this::sample);
    Runtime.getRuntime().addShutdownHook(new Thread(this::write, "engine profile end"));
  }

  /** One that writes to the file named by {@value #PROPERTY}, or null. */
  static Profiler ifWanted() {
    String name = System.getProperty(PROPERTY);
    return name == null ? null : new Profiler(Path.of(name));
  }

  // ---------------------------------------------------------------- what the engine tells

  void attach(GuestCpu cpu) {
    cpu.probe = new Probe(this, cpu);
    probes.add(cpu.probe);
  }

  void detach(GuestCpu cpu) {
    if (probes.remove(cpu.probe)) {
      gone.add(cpu.probe);
    }
  }

  /** {@code region} was asked for at {@code askedNanos}. */
  void added(Region region, long askedNanos) {
    Probe.Counts counts = counts(region);
    counts.askedNanos = askedNanos;
    if (region.code != null) {
      counts.readyNanos = System.nanoTime();
      counts.codeBytes = region.code.codeBytes;
      for (RegionLink link : region.code.links) {
        link.owner = region;
      }
    }
  }

  /** A region of Truffle's was entered for the first time. */
  void ready(Region region) {
    counts(region).readyNanos = System.nanoTime();
  }

  void invalidated(Region region) {
    counts(region).isInvalidated = true;
  }

  Probe.Counts counts(Region region) {
    Probe.Counts counts = region.counts;
    return counts != null ? counts : newCounts(region);
  }

  private Probe.Counts newCounts(Region region) {
    synchronized (regions) {
      if (region.counts == null) {
        region.counts = new Probe.Counts(regions.size());
        // The blocks as they are now: their counts of executions are what led to the region.
        StringBuilder text = new StringBuilder();
        for (Block b : region.blocks) {
          text.append(' ').append(Long.toHexString(b.pc)).append(':').append(b.instructions());
          text.append(':').append(b.bytes).append(':').append(b.executions);
        }
        Region kept = region.code == null ? region : null;
        regions.add(new Built(kept, region.counts, text.toString()));
      }
      return region.counts;
    }
  }

  /** Code is mapped there; null where nothing is. */
  void learned(CodeMap.Range range) {
    if (range != null) {
      ranges.add(range);
    }
  }

  /** The number of a name; 0 is the empty one. */
  int string(String text) {
    Integer number = strings.get(text);
    if (number != null) {
      return number;
    }
    synchronized (strings) {
      number = strings.get(text);
      if (number == null) {
        number = strings.size();
        strings.put(text, number);
      }
      return number;
    }
  }

  // ---------------------------------------------------------------- the clock

  private void sample() {
    long tick = 0;
    while (true) {
      // Never in step with the guest's own clocks.
      LockSupport.parkNanos(PERIOD_NANOS / 2 + ThreadLocalRandom.current().nextLong(PERIOD_NANOS));
      for (Probe probe : probes) {
        bucket.merge(probe.tier(), 1, Integer::sum);
        probe.ask();
        if (tick % STACK_TICKS == 0) {
          look(probe);
        }
      }
      if (++tick % BUCKET_TICKS == 0) {
        endBucket();
      }
    }
  }

  /** What a CPU's Java stack says that its state does not. */
  private void look(Probe probe) {
    Thread thread = probe.thread;
    if (thread == null || probe.tier() == Probe.Tier.WAITING) {
      return;
    }
    String what = null;
    for (StackTraceElement e : thread.getStackTrace()) {
      what = kind(e);
      if (what != null) {
        break;
      }
    }
    stacks.merge(what == null ? "guest" : what, 1, Integer::sum);
  }

  private static String kind(StackTraceElement e) {
    String name = e.getClassName();
    if (name.startsWith("org.tuber.devices.")) {
      return "devices";
    }
    if (name.startsWith("org.tuber.truffle.engine.linux.")) {
      return name.endsWith(".UserCpu") || name.endsWith(".GuestThread") ? null : "system calls";
    }
    if (name.contains(".decode.") || name.endsWith(".RegionBuilder")) {
      return "decoding";
    }
    String method = e.getMethodName();
    if (name.endsWith(".GuestMemory") && !method.startsWith("flush")) {
      return "memory slow paths";
    }
    if (method.equals("deliver") || method.equals("acceptInterrupt")) {
      return "exceptions and interrupts";
    }
    return method.equals("run") && name.endsWith(".GuestCpu") ? "guest" : null;
  }

  private synchronized void endBucket() {
    buckets.append("bucket ").append((System.nanoTime() - startNanos) / 1e9);
    for (Probe.Tier tier : Probe.Tier.values()) {
      buckets.append(' ').append(tier).append('=').append(bucket.getOrDefault(tier, 0));
    }
    bucket.clear();
    Map<String, Long> now = threadTimes();
    now.forEach(
        (name, nanos) -> {
          long more = nanos - threadNanos.getOrDefault(name, 0L);
          if (more > 0) {
            buckets.append(" cpu.").append(name).append('=').append(more);
          }
        });
    threadNanos.putAll(now);
    buckets.append('\n');
  }

  /** Processor time of this JVM's threads, those of one purpose together. */
  private static Map<String, Long> threadTimes() {
    Map<String, Long> times = new TreeMap<>();
    try (DirectoryStream<Path> tasks = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
      for (Path task : tasks) {
        String stat = Files.readString(task.resolve("stat"), StandardCharsets.ISO_8859_1);
        String name = stat.substring(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        long jiffies = Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
        times.merge(purpose(name), jiffies * NANOS_PER_JIFFY, Long::sum);
      }
    } catch (IOException | RuntimeException e) {
      LOG.debug("threads", e);
    }
    return times;
  }

  private static String purpose(String thread) {
    if (thread.startsWith("C1 ")) {
      return "C1";
    }
    if (thread.startsWith("C2 ")) {
      return "C2";
    }
    if (thread.startsWith("TruffleCompiler") || thread.startsWith("JVMCI")) {
      return "Truffle";
    }
    if (thread.startsWith("engine classes")) {
      return "classes";
    }
    if (thread.startsWith("engine profil")) {
      return "profiler";
    }
    if (thread.startsWith("tuber-cpu") || thread.equals("guest")) {
      return "guest";
    }
    return "other";
  }

  // ---------------------------------------------------------------- the end

  private synchronized void write() {
    endBucket();
    StringBuilder out = new StringBuilder("tuber-profile 1\n");
    out.append("period ").append(PERIOD_NANOS).append('\n');
    out.append("wall ").append(System.nanoTime() - startNanos).append('\n');
    List<Probe> all = new ArrayList<>(probes);
    all.addAll(gone);
    StringBuilder samples = new StringBuilder();
    all.forEach(probe -> probe.write(samples));
    for (CodeMap.Range r : ranges) {
      samples.append(
          String.format(
              "range %d %x %x %x%n", string(r.file()), r.start(), r.end(), r.fileOffset()));
    }
    strings.forEach(
        (text, number) ->
            out.append("string ").append(number).append(' ').append(text).append('\n'));
    synchronized (regions) {
      regions.forEach(built -> write(out, built));
    }
    out.append(samples).append(buckets);
    stacks.forEach(
        (what, n) -> out.append("stack ").append(n).append(' ').append(what).append('\n'));
    try {
      Files.writeString(file, out);
    } catch (IOException e) {
      LOG.error("no profile in {}", file, e);
    }
  }

  private static void write(StringBuilder out, Built built) {
    Probe.Counts c = built.counts;
    out.append("region ").append(c.number).append(built.region == null ? " CLASS " : " TRUFFLE ");
    double millis = c.readyNanos == 0 ? -1 : (c.readyNanos - c.askedNanos) / 1e6;
    out.append(millis)
        .append(' ')
        .append(c.samples)
        .append(' ')
        .append(c.isInvalidated)
        .append(' ')
        .append(c.codeBytes);
    for (long n : c.exits) {
      out.append(' ').append(n);
    }
    out.append(built.text).append('\n');
  }
}
