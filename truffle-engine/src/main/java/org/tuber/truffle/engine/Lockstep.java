package org.tuber.truffle.engine;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.truffle.engine.special.OperationTable;

/**
 * Runs compiled regions twice and compares: first the region, with what its stores replace kept;
 * then, from the same registers and memory, as many instructions in the interpreter. The guest goes
 * on from the interpreter's state. A difference ends the run. Of each region the first {@link
 * #FIRST_RUNS} runs are compared, then one in {@link #LATER_SHARE}.
 *
 * <p>A region stops before the first access to a device, which the guest must see once; the
 * interpreter makes it, alone. Meanwhile the device lock is held, so that no device changes RAM.
 * Only for one CPU: with several, memory changes in between. A file that the host's programs share
 * with the guest can do that, too, so a difference counts only when it comes {@link #TRIES} times
 * in a row.
 */
final class Lockstep {
  private static final Logger LOG = LoggerFactory.getLogger(Lockstep.class);

  private static final int TRIES = 3;

  private static final int FIRST_RUNS = 300;
  private static final int LATER_SHARE = 64;

  /**
   * So often a region starts over to get further; after that it is compared as far as it came. One
   * that goes through many pages would never end.
   */
  private static final int MOST_STARTS = 16;

  /** So many instructions the interpreter looks ahead for pages that the region will want. */
  private static final int LOOK_AHEAD = 200;

  /** How a run ended: the fault's fields, or null where it left normally. */
  private record End(int kind, int vector, long errorCode, long address) {}

  private final GuestCpu cpu;
  private final RegisterImage before;
  private final RegisterImage after;
  private final RegisterImage again;
  private final PageLog pages = new PageLog();

  /** A region or its repetition runs: stores are told of, devices are left alone. */
  private boolean isComparing;

  /** How the region's last run ended; null: normally. */
  private End regionEnd;

  /** Runs compared. */
  private long compared;

  /** Guest instructions in them. */
  private long instructions;

  Lockstep(GuestCpu cpu) {
    this.cpu = cpu;
    before = new RegisterImage(cpu);
    after = new RegisterImage(cpu);
    again = new RegisterImage(cpu);
  }

  /** A page of RAM is about to be stored to, or a fast path for that is opened. */
  void beforeStore(GuestRam ram, long offset, long gpa) {
    if (isComparing) {
      pages.open(ram, offset, gpa);
    }
  }

  /** What is about to be accessed is no RAM. */
  void beforeDevice() {
    if (isComparing) {
      GuestFault fault = cpu.fault;
      fault.kind = GuestFault.RESTART;
      throw fault;
    }
  }

  /**
   * Runs the region of {@code b} and compares.
   *
   * @return false when it could not be entered and nothing happened
   * @throws GuestFault as the region did
   * @throws IllegalStateException when the interpreter does something else
   */
  boolean run(GuestState s, Block b, Region region) {
    int runs = region.runsInLockstep++;
    if (runs >= FIRST_RUNS && runs % LATER_SHARE != 0) {
      return cpu.runRegion(s, b, region);
    }
    long tlb = s.tlb;
    long interpreted = cpu.interpreted;
    s.tlb = cpu.tableForLockstep(tlb);
    before.take();
    cpu.memory.deviceLock().lock();
    try {
      return compare(s, b, region);
    } finally {
      cpu.memory.deviceLock().unlock();
      isComparing = false;
      cpu.interpreted = interpreted;
      s.tlb = tlb;
    }
  }

  private boolean compare(GuestState s, Block b, Region region) {
    String found = null;
    for (int i = 0; i < TRIES; i++) {
      // No page has a fast path before it is in the log.
      pages.clear();
      SoftTlb.flush(s.tlb);
      isComparing = true;
      long start = s.instructions;
      if (!openPages(s, b, region)) {
        return false;
      }
      long count = s.instructions;
      long pc = s.pc;
      End end = regionEnd;
      take(s, after);
      pages.take();
      back(s, b);
      End endAgain = repeat(s, count, pc, end);
      s.instructions = count;
      take(s, again);
      found = difference(end, endAgain);
      if (found == null) {
        compared++;
        instructions += count - start;
        if (end != null) {
          restore(end);
          throw cpu.fault;
        }
        return true;
      }
      back(s, b);
    }
    String text =
        "lockstep: %s, entered at 0x%x: %s, after %d runs alike"
            .formatted(region, b.pc, found, compared);
    LOG.error(text);
    throw new IllegalStateException(text);
  }

  /**
   * Runs the region, and again while it leaves for an access that missed the TLB: with the way to
   * that page open, and to others that the interpreter goes on to.
   *
   * @return false when it could not be entered and nothing happened
   */
  private boolean openPages(GuestState s, Block b, Region region) {
    long last = -1;
    for (int starts = 1; ; starts++) {
      if (!runRegion(s, b, region)) {
        return false;
      }
      long count = s.instructions;
      boolean isStuck = count == last || starts == MOST_STARTS;
      if (regionEnd != null || !cpu.leftForAccess || isStuck) {
        return true;
      }
      last = count;
      cpu.leftForAccess = false;
      back(s, b);
      repeat(s, count + LOOK_AHEAD, -1, null);
      back(s, b);
    }
  }

  private boolean runRegion(GuestState s, Block b, Region region) {
    regionEnd = null;
    try {
      return cpu.runRegion(s, b, region);
    } catch (GuestFault f) {
      cpu.currentRegion = null;
      regionEnd = new End(f.kind, f.vector, f.errorCode, f.address);
      return true;
    }
  }

  private void back(GuestState s, Block b) {
    pages.undo();
    before.putBack();
    s.pc = b.pc;
  }

  private static void take(GuestState s, RegisterImage registers) {
    s.pcOffset = 0;
    registers.take();
  }

  /** Interprets up to an instruction count and an address, and says how that ended. */
  private End repeat(GuestState s, long count, long pc, End end) {
    try {
      interpret(s, count, pc, end != null && end.kind == GuestFault.EXCEPTION);
      return null;
    } catch (GuestFault f) {
      return new End(f.kind, f.vector, f.errorCode, f.address);
    } finally {
      cpu.currentBlock = null;
    }
  }

  /**
   * Interprets whole blocks while they fit {@code count}, then to {@code pc}, which a faulted
   * region names without having counted the instructions before it.
   *
   * @param faults the instruction at {@code pc} is to be run, too
   */
  private void interpret(GuestState s, long count, long pc, boolean faults) {
    while (faults || s.instructions != count || s.pc != pc) {
      Block b = cpu.lookup(s.pc);
      if (b.kind == Block.SYSTEM) {
        return; // which no region has
      }
      long left = count - s.instructions;
      if (b.instructions() > left) {
        interpretPart(s, b, left, pc, faults);
        return;
      }
      GuestCpu.goOn(s, b, cpu.interpret(s, b));
    }
  }

  /** The first {@code least} instructions of {@code b} and those up to {@code pc}. */
  private void interpretPart(GuestState s, Block b, long least, long pc, boolean faults) {
    Isa isa = cpu.engine.isa;
    OperationTable.OffsetOf offsets = isa.operations().pcOffset();
    cpu.currentBlock = b;
    isa.enterBlock(s, b.pc);
    try {
      for (int i = 0; i < b.instructions(); i++) {
        long w0 = b.code[2 * i];
        s.pc = b.pc + offsets.of(w0);
        boolean isThere = i >= least && s.pc == pc;
        if (isThere && !faults) {
          return;
        }
        isa.run(s, cpu, w0, b.code[2 * i + 1]);
        if (isThere) {
          return;
        }
      }
    } catch (GuestFault f) {
      s.pc = b.pc + s.pcOffset;
      throw f;
    }
  }

  /** What differs between region and interpreter, or null. */
  private String difference(End end, End endAgain) {
    // An instruction that has to be run alone has not been run either time.
    boolean isRestart = end != null && end.kind == GuestFault.RESTART;
    if (!isRestart || endAgain != null) {
      String found = Difference.between("fault", end, endAgain);
      if (found != null) {
        return found;
      }
    }
    if (!after.isSame()) {
      // Perhaps only in what has no meaning any more.
      Object second = ((Snapshottable<?>) cpu).save();
      after.putBack();
      Object first = ((Snapshottable<?>) cpu).save();
      again.putBack();
      String found = Difference.between("", first, second);
      if (found != null) {
        return found;
      }
    }
    return pages.difference();
  }

  private void restore(End end) {
    GuestFault fault = cpu.fault;
    fault.kind = end.kind;
    fault.vector = end.vector;
    fault.errorCode = end.errorCode;
    fault.address = end.address;
  }

  /** A line for the statistics. */
  String statistics() {
    return "engine: lockstep: %d runs of regions compared, %d instructions in them"
        .formatted(compared, instructions);
  }
}
