package org.tuber.truffle.x86.sys;

import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.x86.state.X86Cpu;

/** Segment registers of a program at privilege 3 as its kernel restores them. */
public final class ProgramSegments {
  private ProgramSegments() {}

  /** Loads ES, DS, FS or GS, with a null selector where the CPU refuses. */
  public static void loadData(X86Cpu c, int register, int selector) {
    try {
      SegLoad.load(c, register, selector);
    } catch (GuestFault f) {
      SegLoad.load(c, register, 0);
    }
  }

  /**
   * Returns as IRET does: CS, SS and the program counter.
   *
   * @param offset in the code segment
   * @return false when the CPU refuses; nothing has changed then
   */
  public static boolean enter(X86Cpu c, int code, long offset, int stack) {
    try {
      long d = FarReturn.returnCode(c, code);
      long s = FarReturn.outerStack(c, stack, code & 3, d);
      FarTransfer.checkOffset(c, d, offset);
      d = Descriptors.accessed(c, code, d);
      s = Descriptors.accessed(c, stack, s);
      Descriptors.set(c.segments[X86Cpu.SS], stack, s);
      FarReturn.commitCode(c.home, c, code, d, offset);
      return true;
    } catch (GuestFault f) {
      return false;
    }
  }

  /** Offset of the program counter in the code segment. */
  public static long offset(X86Cpu c) {
    return SegLoad.offset(c, c.home.pc);
  }
}
