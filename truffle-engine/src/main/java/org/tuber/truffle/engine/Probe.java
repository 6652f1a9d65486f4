package org.tuber.truffle.engine;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.tuber.core.mem.GuestRam;

/**
 * Tells the {@link Profiler} where a CPU is. The profiler's clock asks, the CPU answers where it
 * looks for requests anyway: after a block of the interpreter, and where a region is left. What was
 * running is known exactly, the address within a region only as where control went on.
 */
final class Probe {
  /** Where a CPU can be. */
  enum Tier {
    WAITING,
    INTERPRETER,
    CLASS,
    TRUFFLE,
    SYSTEM
  }

  // Why a region was left for the dispatcher: indexes of Counts.exits.

  /** Somebody wanted the CPU: an interrupt, a clock. */
  private static final int EXIT_REQUEST = 0;

  /** An access missed the TLB, or another slow case. */
  private static final int EXIT_MISS = 1;

  /** The next class was not known or not ready, or too many classes waited. */
  private static final int EXIT_UNLINKED = 2;

  /** A region of Truffle's ended. */
  private static final int EXIT_OTHER = 3;

  /** A guest fault. */
  private static final int EXIT_FAULT = 4;

  private static final int EXITS = 5;

  /** What is known of a region while profiling. */
  static final class Counts {
    final int number;
    final long[] exits = new long[EXITS];
    long samples;
    long askedNanos;
    long readyNanos;
    int codeBytes;
    boolean isInvalidated;

    Counts(int number) {
      this.number = number;
    }
  }

  /** Most callers that are recorded. */
  private static final int MAX_FRAMES = 48;

  /** A caller's frame lies at most so much further up the stack. */
  private static final long MAX_FRAME_BYTES = 1 << 20;

  private static final int MAX_KNOWN_PAGES = 4096;

  /** One way to be somewhere; frames from the innermost, as file and address in turn. */
  private record Stack(Tier tier, int region, long[] frames) {
    @Override
    public boolean equals(Object o) {
      return o instanceof Stack s
          && s.tier == tier
          && s.region == region
          && Arrays.equals(s.frames, frames);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(frames) * 31 + region * 7 + tier.hashCode();
    }
  }

  private final Profiler profiler;
  private final GuestCpu cpu;
  private final Map<Stack, long[]> samples = new HashMap<>();
  private final Map<Long, CodeMap.Range> known = new HashMap<>();
  private Object knownSpace;
  private final long[] frames = new long[2 * MAX_FRAMES];
  private int count;

  /** The CPU's thread, once it has answered. */
  volatile Thread thread;

  /** The clock has asked. */
  volatile boolean wanted;

  /** {@link #ticks}, for the clock alone. */
  private int asked;

  /** Times the clock came by since it asked, this CPU not waiting. */
  volatile int ticks;

  Probe(Profiler profiler, GuestCpu cpu) {
    this.profiler = profiler;
    this.cpu = cpu;
  }

  /** What the CPU is doing now. Any thread: no lock, so it may just have ended. */
  Tier tier() {
    Region r = cpu.currentRegion;
    if (r != null) {
      return r.code != null ? Tier.CLASS : Tier.TRUFFLE;
    }
    Block b = cpu.currentBlock;
    return b == null ? Tier.WAITING : b.kind == Block.SYSTEM ? Tier.SYSTEM : Tier.INTERPRETER;
  }

  /** The clock asks. */
  void ask() {
    if (wanted) {
      if (tier() != Tier.WAITING) {
        asked++;
        ticks = asked;
      }
      return;
    }
    asked = 1;
    ticks = 1;
    wanted = true;
    cpu.pending = 1;
  }

  /**
   * Control came back from {@code region}, or from a class that went on from it.
   *
   * @param link the way out that did not know where to go on, or null
   */
  void left(GuestState s, Region region, RegionLink link) {
    Region left = link != null && link.owner != null ? link.owner : region;
    Counts counts = profiler.counts(left);
    int why =
        cpu.pending != 0
            ? EXIT_REQUEST
            : cpu.leftForAccess ? EXIT_MISS : link != null ? EXIT_UNLINKED : EXIT_OTHER;
    counts.exits[why]++;
    if (wanted && cpu.pending != 0) {
      answer(s, left, s.pc);
    }
  }

  /** A fault ended {@code region}, which is null in the interpreter. */
  void faulted(GuestState s, Region region) {
    if (region != null) {
      profiler.counts(region).exits[EXIT_FAULT]++;
      if (wanted) {
        answer(s, region, s.pc);
      }
    }
  }

  /** The CPU looks at its requests; {@code b} is what the interpreter ran last, or null. */
  void polled(GuestState s, Block b) {
    if (!wanted) {
      return;
    }
    if (b != null) {
      record(s, b.kind == Block.SYSTEM ? Tier.SYSTEM : Tier.INTERPRETER, -1, b.pc);
    }
    wanted = false;
  }

  private void answer(GuestState s, Region region, long pc) {
    Counts counts = profiler.counts(region);
    counts.samples += ticks;
    long at = pc;
    if (!contains(region, pc)) {
      at = leaver(region, pc);
    }
    record(s, region.code != null ? Tier.CLASS : Tier.TRUFFLE, counts.number, at);
    wanted = false;
  }

  private static boolean contains(Region region, long pc) {
    for (Block b : region.blocks) {
      if (b.pc == pc) {
        return true;
      }
    }
    return false;
  }

  /** The block from which control may have left for {@code pc}, else the region's head. */
  private static long leaver(Region region, long pc) {
    for (Block b : region.blocks) {
      if (pc == b.pc || pc == b.takenPc || pc == b.fallPc) {
        return b.pc;
      }
    }
    return region.entries[0].pc;
  }

  private void record(GuestState s, Tier tier, int region, long pc) {
    if (thread == null) {
      thread = Thread.currentThread();
    }
    count = 0;
    frame(pc);
    callers(s);
    CodeMap map = cpu.codeMap;
    if (map != null && count < frames.length) {
      frames[count++] = profiler.string("program " + map.program());
      frames[count++] = 0;
    }
    synchronized (samples) {
      samples
              .computeIfAbsent(
                  new Stack(tier, region, Arrays.copyOf(frames, count)), k -> new long[1])[0] +=
          ticks;
    }
  }

  private void frame(long pc) {
    CodeMap.Range range = range(pc);
    frames[count++] = range == null ? 0 : profiler.string(range.file());
    frames[count++] = range == null ? pc : pc - range.start() + range.fileOffset();
  }

  private CodeMap.Range range(long pc) {
    CodeMap map = cpu.codeMap;
    if (map == null) {
      return null;
    }
    if (map.space() != knownSpace || known.size() > MAX_KNOWN_PAGES) {
      knownSpace = map.space();
      known.clear();
    }
    return known.computeIfAbsent(
        pc & GuestMemory.PAGE_MASK,
        page -> {
          CodeMap.Range found = map.at(pc);
          profiler.learned(found);
          return found;
        });
  }

  /**
   * Follows the chain of frame pointers as far as it is one: upwards, aligned, in memory that this
   * CPU has just used, each return address in code.
   */
  private void callers(GuestState s) {
    long fp = cpu.engine.isa.framePointer(s);
    int bytes = cpu.engine.isa.addressBytes(cpu.mode);
    long last = 0;
    while (count < frames.length - 2 && fp != 0 && (fp & (bytes - 1)) == 0) {
      if (last != 0 && (fp <= last || fp - last > MAX_FRAME_BYTES)) {
        return;
      }
      long back = load(s, fp + bytes, bytes);
      if (back == 0 || !isCode(s, back)) {
        return;
      }
      // The call, not what follows it, which may be another function.
      frame(back - 1);
      last = fp;
      fp = load(s, fp, bytes);
    }
  }

  /** A word the TLB knows the way to, else 0: looking must change nothing. */
  private static long load(GuestState s, long gva, int bytes) {
    long e = SoftTlb.entry(s.tlb, gva);
    if (GuestRam.hostLoad64(e + SoftTlb.READ) != (gva & GuestMemory.PAGE_MASK)) {
      return 0;
    }
    long host = gva + GuestRam.hostLoad64(e + SoftTlb.ADDEND);
    return bytes == 8 ? GuestRam.hostLoad64(host) : GuestRam.hostLoad32(host) & 0xffff_ffffL;
  }

  private boolean isCode(GuestState s, long pc) {
    if (cpu.codeMap != null) {
      CodeMap.Range range = range(pc);
      return range != null && !range.file().isEmpty() && !range.file().startsWith("[");
    }
    long e = SoftTlb.entry(s.tlb, pc);
    return GuestRam.hostLoad64(e + SoftTlb.FETCH) == (pc & GuestMemory.PAGE_MASK);
  }

  /** Writes a line for each way to be somewhere. */
  void write(StringBuilder out) {
    synchronized (samples) {
      samples.forEach(
          (stack, weight) -> {
            out.append("sample ").append(weight[0]).append(' ').append(stack.tier);
            out.append(' ').append(stack.region).append(' ');
            for (int i = 0; i < stack.frames.length; i += 2) {
              out.append(i == 0 ? "" : ";").append(stack.frames[i]).append(':');
              out.append(Long.toHexString(stack.frames[i + 1]));
            }
            out.append('\n');
          });
    }
  }
}
