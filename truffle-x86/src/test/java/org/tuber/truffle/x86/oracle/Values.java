package org.tuber.truffle.x86.oracle;

import java.util.SplittableRandom;

/** Random operands, most of them near an edge of some type that instructions know. */
final class Values {
  private static final long[] DOUBLES = {
    0,
    1,
    0xf_ffff_ffff_ffffL,
    0x10_0000_0000_0000L,
    0x10_0000_0000_0001L,
    0x3ff0_0000_0000_0000L,
    0x3fef_ffff_ffff_ffffL,
    0x3fe0_0000_0000_0000L,
    0x4000_0000_0000_0000L,
    0x41df_ffff_ffc0_0000L,
    0x41e0_0000_0000_0000L,
    0x43df_ffff_ffff_ffffL,
    0x43e0_0000_0000_0000L,
    0x7fef_ffff_ffff_ffffL,
    0x7ff0_0000_0000_0000L,
    0x7ff0_0000_0000_0001L,
    0x7ff8_0000_0000_0000L,
    0x7fff_ffff_ffff_ffffL,
    0x36a0_0000_0000_0000L,
    0x3810_0000_0000_0000L,
    0x47ef_ffff_f000_0000L,
    0x380f_ffff_ffff_ffffL,
    0x3ff8_0000_0000_0000L,
    0x4004_0000_0000_0000L,
  };
  private static final int[] FLOATS = {
    0,
    1,
    0x7f_ffff,
    0x80_0000,
    0x80_0001,
    0x3f80_0000,
    0x3f7f_ffff,
    0x3f00_0000,
    0x4000_0000,
    0x4eff_ffff,
    0x4f00_0000,
    0x5eff_ffff,
    0x5f00_0000,
    0x7f7f_ffff,
    0x7f80_0000,
    0x7f80_0001,
    0x7fc0_0000,
    0x7fff_ffff,
    0x3fc0_0000,
    0x4020_0000,
  };
  private static final long[] SIGNIFICANDS = {
    0x8000_0000_0000_0000L, 0x8000_0000_0000_0001L, -1L, 0xc000_0000_0000_0000L,
    0x8000_0000_0000_0400L, 0xffff_ffff_ffff_f800L, 0xffff_ff00_0000_0000L, 0xffff_ff80_0000_0000L,
  };

  final SplittableRandom random;

  Values(SplittableRandom random) {
    this.random = random;
  }

  int below(int bound) {
    return random.nextInt(bound);
  }

  /** True once in {@code n}. */
  boolean once(int n) {
    return random.nextInt(n) == 0;
  }

  /** A general register. */
  long integer() {
    return switch (below(8)) {
      case 0 -> below(4) - 1;
      case 1 -> below(256) - 128L;
      case 2 -> (1L << below(64)) - below(3) + 1;
      case 3 -> random.nextInt();
      case 4 -> random.nextInt() & 0xffff_ffffL;
      case 5 -> lanes(8 << below(3));
      case 6 -> random.nextLong() >> below(64);
      default -> random.nextLong();
    };
  }

  /** Edges in every lane of {@code bits}. */
  private long lanes(int bits) {
    long v = 0;
    for (int at = 0; at < 64; at += bits) {
      long mask = (1L << bits) - 1;
      long top = 1L << (bits - 1);
      long lane =
          switch (below(6)) {
            case 0 -> 0;
            case 1 -> mask;
            case 2 -> top;
            case 3 -> top - 1;
            case 4 -> 1;
            default -> random.nextLong();
          };
      v |= (lane & mask) << at;
    }
    return v;
  }

  long real64() {
    long v =
        switch (below(4)) {
          case 0 -> random.nextLong();
          case 1 -> DOUBLES[below(DOUBLES.length)];
          // Near 1, as operands of sums meet.
          case 2 -> (1023L - 70 + below(140)) << 52 | random.nextLong() >>> 12;
          default -> (1023L - 70 + below(140)) << 52 | random.nextLong() >>> 12 & -1L << below(53);
        };
    return once(2) ? v : v ^ Long.MIN_VALUE;
  }

  int real32() {
    int v =
        switch (below(4)) {
          case 0 -> random.nextInt();
          case 1 -> FLOATS[below(FLOATS.length)];
          case 2 -> (127 - 35 + below(70)) << 23 | random.nextInt() >>> 9;
          default -> (127 - 35 + below(70)) << 23 | random.nextInt() >>> 9 & -1 << below(24);
        };
    return once(2) ? v : v ^ Integer.MIN_VALUE;
  }

  /** Half of a vector register, of {@code kind} 0: integers, 1: doubles, 2: floats, 3: any. */
  long half(int kind) {
    return switch (kind) {
      case 0 -> integer();
      case 1 -> real64();
      case 2 -> (long) real32() << 32 | real32() & 0xffff_ffffL;
      default -> half(below(3));
    };
  }

  /** Fills an x87 register. */
  void extended(CpuState s, int n) {
    int exponent =
        switch (below(7)) {
          case 0 -> 0;
          case 1 -> 0x7fff;
          case 2 -> below(0x8000);
          case 3 -> below(2) == 0 ? 1 : 0x7ffe;
          case 4 -> 16383 + 60 + below(8);
          default -> 16383 - 40 + below(80);
        };
    long significand =
        switch (below(6)) {
          case 0 -> SIGNIFICANDS[below(SIGNIFICANDS.length)];
          case 1 -> random.nextLong() | Long.MIN_VALUE;
          case 2 -> (random.nextLong() | Long.MIN_VALUE) & -1L << below(64);
          case 3 -> (random.nextLong() | Long.MIN_VALUE) & -1L << 40;
          case 4 -> exponent == 0 ? random.nextLong() >>> below(64) : Long.MIN_VALUE;
          default -> once(8) ? random.nextLong() >>> 1 : random.nextLong() | Long.MIN_VALUE;
        };
    if (exponent == 0 && once(3)) {
      significand = 0;
    }
    s.signExponent[n] = exponent | (once(2) ? 0x8000 : 0);
    s.significand[n] = significand;
  }

  /** Everything a program can set by itself. */
  void fill(CpuState s) {
    for (int i = 0; i < 16; i++) {
      s.r[i] = integer();
    }
    int kind = below(4);
    for (int i = 0; i < 32; i++) {
      s.x[i] = half(kind);
      s.yh[i] = half(kind);
    }
    s.rflags = 0x202 | random.nextInt() & 0x8d5 | (once(8) ? 0x400 : 0);
    s.mxcsr =
        switch (below(8)) {
          case 0, 1, 2 -> 0x1f80;
          case 3, 4 -> 0x1fa0;
          case 5 -> 0x1f80 | random.nextInt() & 0x603f;
          case 6 -> 0x1f80 | random.nextInt() & 0xe07f;
          default -> random.nextInt() & 0xffff;
        };
    x87(s);
    s.fsBase = CpuState.DATA + below(0x4000) - 0x1000;
    s.gsBase = once(2) ? random.nextLong() >>> 18 : CpuState.DATA - below(0x1000);
    // Every third word of memory; the rest follows from the generator's operands.
    for (int i = 0; i < CpuState.DATA_BYTES; i += 8) {
      s.poke(CpuState.DATA + i, i % 24 == 0 ? random.nextLong() : 0, 8);
    }
  }

  private void x87(CpuState s) {
    for (int i = 0; i < 8; i++) {
      extended(s, i);
    }
    s.fcw =
        switch (below(4)) {
          case 0, 1 -> 0x37f;
          case 2 -> 0x7f | random.nextInt() & 0xf00;
          default -> 0x40 | random.nextInt() & 0xf3f;
        };
    s.tags = once(3) ? random.nextInt() & 0xff : 0xff;
    s.fsw = random.nextInt() & (once(2) ? 0x3800 : 0x7f7f);
    if (!once(4)) {
      s.fsw &= ~0x3f;
    }
    if ((s.fsw & ~s.fcw & 0x3f) != 0) {
      s.fsw |= 0x8080;
    }
  }
}
