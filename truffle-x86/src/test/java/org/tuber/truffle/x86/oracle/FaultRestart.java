package org.tuber.truffle.x86.oracle;

import java.util.Set;
import org.tuber.truffle.engine.InstructionBatch;

/**
 * One instruction with memory operands at the border between two pages of which one is missing or
 * may not be written: it must fault without having changed anything, and end like one that never
 * faulted once the page is there.
 */
final class FaultRestart {
  private static final int PAGE_FAULT = 14;

  /** Page-table entry bits: present, writable, user. */
  private static final int MAPPED = 7;

  private static final int READ_ONLY = 5;
  private static final int MISSING = 6;

  /** All but RF, which a fault pushes as one. */
  private static final long FLAGS = 0x3e_ffff;

  private static final long PAGE = 4096;

  /** String instructions have done some of their elements; registers say how many. */
  private static final Set<String> STRINGS =
      Set.of("movs", "cmps", "stos", "lods", "scas", "ins", "outs");

  /**
   * Several stores that the manuals allow to be seen before the fault: the parts of a frame below
   * the stack pointer, and the areas of save instructions.
   */
  private static final Set<String> SEVERAL_STORES =
      Set.of("enter", "pusha", "callf", "fnsave", "fnstenv", "fxsave", "xsave", "xsavec");

  private final GuestMachine guest;
  private final CpuState reference = new CpuState();
  private final CpuState faulted = new CpuState();
  private final CpuState idle = new CpuState();
  private final CpuState end = new CpuState();

  /** Runs that faulted and were restarted. */
  long faults;

  FaultRestart(GuestMachine guest) {
    this.guest = guest;
  }

  /**
   * Tries all pages and rights.
   *
   * @param batch has the instruction compiled as {@code index}; null: interpreter
   * @return what is wrong, or ""
   */
  String run(Sample sample, InstructionBatch batch, int index) {
    guest.setCode(sample.pages());
    map(MAPPED, MAPPED);
    guest.idle(sample.in, idle, sample.bits64);
    guest.run(sample.in, reference, sample.bits64);
    for (int bits : new int[] {MISSING, READ_ONLY}) {
      for (int page = 0; page < 2; page++) {
        String wrong = run(sample, batch, index, page, bits);
        if (!wrong.isEmpty()) {
          map(MAPPED, MAPPED);
          return (bits == MISSING ? "missing" : "read-only") + " page " + page + ": " + wrong;
        }
      }
    }
    map(MAPPED, MAPPED);
    return "";
  }

  private void map(int first, int second) {
    guest.mapData(0, first);
    guest.mapData(1, second);
  }

  private String run(Sample sample, InstructionBatch batch, int index, int page, int bits) {
    guest.setCode(sample.pages());
    map(page == 0 ? bits : MAPPED, page == 1 ? bits : MAPPED);
    step(sample, sample.in, faulted, batch, index);
    long first = CpuState.DATA + page * PAGE;
    boolean missed = faulted.vector == PAGE_FAULT && (faulted.cr2 & -PAGE) == first;
    if (!missed || reference.vector == PAGE_FAULT && reference.cr2 == faulted.cr2) {
      return "";
    }
    faults++;
    String changed = unchanged(sample);
    if (!changed.isEmpty()) {
      return "changed before the fault: " + changed;
    }
    map(MAPPED, MAPPED);
    faulted.rflags &= ~0x1_0000L;
    step(sample, faulted, end, batch, index);
    String wrong = CpuState.difference(reference, end, FLAGS, sample.bits64);
    return wrong.isEmpty() ? "" : "after the restart: " + wrong;
  }

  private void step(Sample sample, CpuState in, CpuState out, InstructionBatch batch, int index) {
    if (batch == null) {
      guest.run(in, out, sample.bits64);
    } else {
      guest.run(in, out, sample.bits64, batch, index);
    }
  }

  /** What the faulting instruction did all the same. */
  private String unchanged(Sample sample) {
    String name = sample.name();
    CpuState expected = idle.copy();
    expected.vector = faulted.vector;
    expected.errorCode = faulted.errorCode;
    expected.cr2 = faulted.cr2;
    expected.rip = sample.in.rip;
    if (STRINGS.contains(name)) {
      for (int n : new int[] {0, 1, 6, 7}) {
        expected.r[n] = faulted.r[n];
      }
      System.arraycopy(faulted.data, 0, expected.data, 0, CpuState.DATA_BYTES);
    }
    if (sample.encoding.vsib) {
      System.arraycopy(faulted.x, 0, expected.x, 0, 32);
      System.arraycopy(faulted.yh, 0, expected.yh, 0, 32);
    }
    if (SEVERAL_STORES.contains(name)) {
      System.arraycopy(faulted.data, 0, expected.data, 0, CpuState.DATA_BYTES);
    }
    return CpuState.difference(expected, faulted, FLAGS, sample.bits64);
  }
}
