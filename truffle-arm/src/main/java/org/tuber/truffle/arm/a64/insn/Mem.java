package org.tuber.truffle.arm.a64.insn;

import org.tuber.truffle.arm.decode.Word;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.engine.SoftTlb;

/**
 * Memory accesses of instructions: alignment checks where the mode asks for them (bits of {@code
 * w0}), then the soft TLB. Loads give zero-extended values.
 */
final class Mem {
  private static final long LOW = 0xffff_ffffL;

  private Mem() {}

  /** Faults when SP as base or the address is misaligned and the present mode minds. */
  static void check(ArmState s, ArmCpu c, long w0, long gva, int alignment, boolean isWrite) {
    if ((w0 & Word.CHECK_SP) != 0 && (s.r[ArmState.SP] & 15) != 0) {
      throw c.spAlignment();
    }
    if ((w0 & Word.CHECK_ALIGNMENT) != 0 && (gva & alignment - 1) != 0) {
      throw c.alignment(gva, isWrite);
    }
  }

  static long load8(ArmState s, ArmCpu c, long w0, long gva) {
    if (Word.isChecked(w0)) {
      check(s, c, w0, gva, 1, false);
    }
    return SoftTlb.load8(s, c, gva) & 0xff;
  }

  static long load16(ArmState s, ArmCpu c, long w0, long gva) {
    if (Word.isChecked(w0)) {
      check(s, c, w0, gva, 2, false);
    }
    return SoftTlb.load16(s, c, gva) & 0xffff;
  }

  static long load32(ArmState s, ArmCpu c, long w0, long gva) {
    if (Word.isChecked(w0)) {
      check(s, c, w0, gva, 4, false);
    }
    return SoftTlb.load32(s, c, gva) & LOW;
  }

  static long load64(ArmState s, ArmCpu c, long w0, long gva) {
    if (Word.isChecked(w0)) {
      check(s, c, w0, gva, 8, false);
    }
    return SoftTlb.load64(s, c, gva);
  }

  static void store8(ArmState s, ArmCpu c, long w0, long gva, long v) {
    if (Word.isChecked(w0)) {
      check(s, c, w0, gva, 1, true);
    }
    SoftTlb.store8(s, c, gva, v);
  }

  static void store16(ArmState s, ArmCpu c, long w0, long gva, long v) {
    if (Word.isChecked(w0)) {
      check(s, c, w0, gva, 2, true);
    }
    SoftTlb.store16(s, c, gva, v);
  }

  static void store32(ArmState s, ArmCpu c, long w0, long gva, long v) {
    if (Word.isChecked(w0)) {
      check(s, c, w0, gva, 4, true);
    }
    SoftTlb.store32(s, c, gva, v);
  }

  static void store64(ArmState s, ArmCpu c, long w0, long gva, long v) {
    if (Word.isChecked(w0)) {
      check(s, c, w0, gva, 8, true);
    }
    SoftTlb.store64(s, c, gva, v);
  }
}
