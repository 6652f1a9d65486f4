package org.tuber.truffle.arm.a64.insn;

/** Operand modifications: shifted and extended registers, bit masks (Arm ARM shared pseudocode). */
final class Shifts {
  static final int LSL = 0;
  static final int LSR = 1;
  static final int ASR = 2;
  static final int ROR = 3;

  private Shifts() {}

  static long shift64(long v, int type, int amount) {
    return switch (type) {
      case LSL -> v << amount;
      case LSR -> v >>> amount;
      case ASR -> v >> amount;
      default -> Long.rotateRight(v, amount);
    };
  }

  static int shift32(int v, int type, int amount) {
    return switch (type) {
      case LSL -> v << amount;
      case LSR -> v >>> amount;
      case ASR -> v >> amount;
      default -> Integer.rotateRight(v, amount);
    };
  }

  /** UXTB UXTH UXTW UXTX SXTB SXTH SXTW SXTX by {@code option}, then shifted left. */
  static long extend(long v, int option, int amount) {
    long e =
        switch (option) {
          case 0 -> v & 0xff;
          case 1 -> v & 0xffff;
          case 2 -> v & 0xffff_ffffL;
          case 4 -> (byte) v;
          case 5 -> (short) v;
          case 6 -> (int) v;
          default -> v;
        };
    return e << amount;
  }

  /**
   * DecodeBitMasks for logical immediates.
   *
   * @return the mask, 0 for a reserved combination (no mask is zero)
   */
  static long bitMask(int n, int imms, int immr, boolean is64) {
    int length = 31 - Integer.numberOfLeadingZeros(n << 6 | ~imms & 0x3f);
    if (length < 1 || n == 1 && !is64) {
      return 0;
    }
    int size = 1 << length;
    int levels = size - 1;
    int ones = (imms & levels) + 1;
    int rotation = immr & levels;
    if (ones == size) {
      return 0;
    }
    long element = (1L << ones) - 1;
    long mask = size == 64 ? -1L : (1L << size) - 1;
    long rotated = rotation == 0 ? element : element >>> rotation | element << (size - rotation);
    rotated &= mask;
    for (int i = size; i < 64; i *= 2) {
      rotated |= rotated << i;
    }
    return is64 ? rotated : rotated & 0xffff_ffffL;
  }
}
