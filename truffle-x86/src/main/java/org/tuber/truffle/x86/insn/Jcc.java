package org.tuber.truffle.x86.insn;

import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86State;

/**
 * Conditional jumps, told apart by what set the flags and by condition: most compare the operands
 * of the CMP or TEST before them directly.
 */
final class Jcc {
  private Jcc() {}

  /** {@code index} is producer * 16 + condition. */
  static boolean taken(X86State s, int index) {
    return switch (index) {
      // After CMP or SUB.
      case 0x12 -> Long.compareUnsigned(s.fz, s.fy) < 0;
      case 0x13 -> Long.compareUnsigned(s.fz, s.fy) >= 0;
      case 0x14 -> s.fz == s.fy;
      case 0x15 -> s.fz != s.fy;
      case 0x16 -> Long.compareUnsigned(s.fz, s.fy) <= 0;
      case 0x17 -> Long.compareUnsigned(s.fz, s.fy) > 0;
      case 0x1c -> s.fz < s.fy;
      case 0x1d -> s.fz >= s.fy;
      case 0x1e -> s.fz <= s.fy;
      case 0x1f -> s.fz > s.fy;
      // After TEST, AND, OR, XOR.
      case 0x24 -> s.fr == 0;
      case 0x25 -> s.fr != 0;
      case 0x28 -> s.fr < 0;
      case 0x29 -> s.fr >= 0;
      // After anything.
      case 0x04 -> s.fr == 0;
      case 0x05 -> s.fr != 0;
      default -> Flags.condition(s, index & 15, index >> 4);
    };
  }
}
