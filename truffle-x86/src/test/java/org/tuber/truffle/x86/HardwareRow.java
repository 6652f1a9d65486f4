package org.tuber.truffle.x86;

import java.util.HexFormat;
import java.util.Random;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86State;

/**
 * One instruction with several random states, and what a processor made of them: a hash over
 * general registers, flags, MXCSR, YMM registers and memory after each.
 *
 * <p>The states follow from the instruction's bytes alone. RDI holds the address of the operand
 * area, RSP is zero and left alone, the rest is random with a preference for edges.
 */
final class HardwareRow {
  /** Where the memory operands are. */
  static final long AREA = BareCpu.DATA + 0x1000;

  static final int AREA_WORDS = 16;
  static final int STATES = 12;

  private static final int RDI = 7;
  private static final int RSP = 4;
  private static final int STATUS = Flags.ARITHMETIC;

  private static final long[] EDGES = {
    0L,
    -1L,
    1L,
    0x8000_0000_0000_0000L,
    0x7fff_ffff_ffff_ffffL,
    0x3ff0_0000_0000_0000L,
    0x7ff0_0000_0000_0000L,
    0xfff0_0000_0000_0000L,
    0x7ff8_0000_0000_0000L,
    0x7ff0_0000_0000_0001L,
    0xfff8_0000_0000_1234L,
    0x000f_ffff_ffff_ffffL,
    0x0010_0000_0000_0000L,
    0x7fef_ffff_ffff_ffffL,
    0x3f80_0000_3f80_0000L,
    0x7f80_0000_7fc0_0000L,
    0x7f80_0001_ff80_0000L,
    0x0000_0001_807f_ffffL,
    0x7f7f_ffff_0080_0000L,
    0x8000_0000_8000_0000L,
    0x7fff_8000_7fff_8000L,
    0x80ff_7f01_80ff_7f01L,
    0x3c00_7c00_fc00_7e00L,
    0x0400_0001_fe01_7c01L,
    0x41df_ffff_ffe0_0000L,
    0x43df_ffff_ffff_ffffL,
    0x4f00_0000_4eff_ffffL,
    0xcf00_0000_cb00_0000L,
    0xc1e0_0000_0000_0000L
  };

  final long[] r = new long[16];
  final long[] x = new long[32];
  final long[] y = new long[32];
  final long[] memory = new long[AREA_WORDS];
  int flags;
  int mxcsr;

  private HardwareRow() {}

  /** State number {@code n} of an instruction. */
  static HardwareRow state(byte[] code, int n) {
    long seed = n;
    for (byte b : code) {
      seed = seed * 0x100_0000_01b3L + b;
    }
    Random random = new Random(seed);
    HardwareRow s = new HardwareRow();
    boolean gather = isGather(code);
    for (int i = 0; i < 16; i++) {
      s.r[i] = i == RDI ? AREA : i == RSP ? 0 : value(random);
    }
    for (int i = 0; i < 32; i++) {
      s.x[i] = gather ? indices(random, code) : value(random);
      s.y[i] = gather ? indices(random, code) : value(random);
    }
    for (int i = 0; i < AREA_WORDS; i++) {
      s.memory[i] = value(random);
    }
    s.flags = random.nextInt() & STATUS;
    s.mxcsr = 0x1f80;
    if (random.nextBoolean()) {
      s.mxcsr |= random.nextInt(4) << 13 | random.nextInt(64);
      s.mxcsr |= random.nextInt(4) == 0 ? 0x40 : 0;
      s.mxcsr |= random.nextInt(4) == 0 ? 0x8000 : 0;
    }
    s.mxcsr |= random.nextInt(3) == 0 ? 0x20 : 0;
    s.mxcsr &= random.nextInt(12) == 0 ? ~(random.nextInt(64) << 7) : -1;
    return s;
  }

  private static boolean isGather(byte[] code) {
    return code.length > 5
        && code[0] == (byte) 0xc4
        && (code[1] & 31) == 2
        && (code[3] & 0xfc) == 0x90;
  }

  /** Small: the operand stays in the area whatever the scale. */
  private static long indices(Random random, byte[] code) {
    if ((code[3] & 1) != 0) {
      return (long) random.nextInt(8) - 4;
    }
    return random.nextInt(8) - 4 & 0xffff_ffffL | (long) (random.nextInt(8) - 4) << 32;
  }

  private static long value(Random random) {
    long edge = EDGES[random.nextInt(EDGES.length)];
    return switch (random.nextInt(10)) {
      case 0, 1, 2 -> edge;
      case 3 -> edge & 0xffff_ffffL | EDGES[random.nextInt(EDGES.length)] << 32;
      case 4 -> random.nextInt(200) - 100;
      case 5, 6 -> Double.doubleToRawLongBits(number(random, 80));
      case 7, 8 -> {
        long low = Float.floatToRawIntBits((float) number(random, 60)) & 0xffff_ffffL;
        yield low | (long) Float.floatToRawIntBits((float) number(random, 30)) << 32;
      }
      default -> random.nextLong();
    };
  }

  private static double number(Random random, int exponents) {
    return Math.scalb(random.nextDouble() - 0.5, random.nextInt(exponents) - exponents / 2);
  }

  void load(BareCpu bare) {
    X86State s = bare.state;
    System.arraycopy(r, 0, s.r, 0, 16);
    System.arraycopy(x, 0, s.x, 0, 32);
    System.arraycopy(y, 0, s.y, 0, 32);
    for (int i = 0; i < AREA_WORDS; i++) {
      bare.data.store64(AREA - BareCpu.DATA + 8 * i, memory[i]);
    }
    Flags.setArithmetic(s, flags);
    bare.cpu.mxcsr = mxcsr;
  }

  /** Takes the state over from a CPU. */
  void save(BareCpu bare) {
    X86State s = bare.state;
    System.arraycopy(s.r, 0, r, 0, 16);
    System.arraycopy(s.x, 0, x, 0, 32);
    System.arraycopy(s.y, 0, y, 0, 32);
    for (int i = 0; i < AREA_WORDS; i++) {
      memory[i] = bare.data.load64(AREA - BareCpu.DATA + 8 * i);
    }
    flags = Flags.arithmetic(s);
    mxcsr = bare.cpu.mxcsr;
  }

  /** Adds an outcome to a hash; of a fault only the vector and MXCSR count. */
  long addTo(long hash, int vector) {
    long h = mix(mix(hash, vector), mxcsr);
    if (vector >= 0) {
      return h;
    }
    h = mix(h, flags);
    for (int i = 0; i < 16; i++) {
      h = mix(h, i == RSP ? 0 : r[i]);
    }
    for (int i = 0; i < 32; i++) {
      h = mix(mix(h, x[i]), y[i]);
    }
    for (long v : memory) {
      h = mix(h, v);
    }
    return h;
  }

  private static long mix(long hash, long v) {
    long h = (hash ^ v) * 0x9e37_79b9_7f4a_7c15L;
    return h ^ h >>> 29;
  }

  /** The hash that this emulator gives. */
  static String hash(BareCpu bare, String hex) {
    byte[] code = HexFormat.of().parseHex(hex);
    long h = 0;
    for (int n = 0; n < STATES; n++) {
      HardwareRow s = state(code, n);
      s.load(bare);
      int vector = bare.step(code);
      s.save(bare);
      h = s.addTo(h, vector);
    }
    return String.format("%016x", h);
  }
}
