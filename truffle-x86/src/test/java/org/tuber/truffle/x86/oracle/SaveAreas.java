package org.tuber.truffle.x86.oracle;

/** Memory images that load instructions accept; random ones would nearly always fault. */
final class SaveAreas {
  private static final int FXSAVE_MXCSR = 24;
  private static final int XSAVE_HEADER = 512;

  /** MXCSR.MM: AMD only. */
  static final long MISALIGNED = 0x2_0000;

  private static final int HEADER_BYTES = 64;

  private SaveAreas() {}

  static void prepare(Values v, String mnemonic, CpuState s, long at) {
    switch (mnemonic) {
      case "ldmxcsr", "vldmxcsr" ->
          s.poke(at, (v.once(10) ? v.integer() : mxcsr(v)) & ~MISALIGNED, 4);
      case "fxrstor" -> legacy(v, s, at);
      case "xrstor" -> {
        legacy(v, s, at);
        for (int i = 0; i < HEADER_BYTES; i += 8) {
          s.poke(at + XSAVE_HEADER + i, 0, 8);
        }
        s.poke(at + XSAVE_HEADER, v.below(8), 1);
      }
      case "xsave", "xsaveopt" -> {
        for (int i = 0; i < HEADER_BYTES; i += 8) {
          s.poke(at + XSAVE_HEADER + i, 0, 8);
        }
      }
      case "fldcw" -> s.poke(at, v.integer() & (v.once(2) ? 0xf7f : 0xffff), 2);
      case "fldenv", "frstor" -> environment(v, s, at);
      default -> {}
    }
  }

  private static long mxcsr(Values v) {
    return v.random.nextInt() & 0xffff | (v.once(2) ? 0x1f80 : 0);
  }

  private static void registers(Values v, CpuState s, long at, int stride) {
    CpuState t = new CpuState();
    for (int i = 0; i < 8; i++) {
      v.extended(t, i);
      s.poke(at + (long) stride * i, t.significand[i], 8);
      s.poke(at + (long) stride * i + 8, t.signExponent[i], 2);
    }
  }

  private static void legacy(Values v, CpuState s, long at) {
    s.poke(at, v.random.nextInt() & 0xf7f, 2);
    s.poke(at + 2, v.random.nextInt() & 0x7f7f, 2);
    s.poke(at + 4, v.random.nextInt(), 1);
    s.poke(at + FXSAVE_MXCSR, (v.once(10) ? v.integer() : mxcsr(v)) & ~MISALIGNED, 4);
    registers(v, s, at + 32, 16);
  }

  private static void environment(Values v, CpuState s, long at) {
    for (int i = 0; i < 28; i += 4) {
      s.poke(at + i, v.random.nextInt(), 4);
    }
    s.poke(at, v.random.nextInt() & 0xf7f, 2);
    s.poke(at + 4, v.random.nextInt() & 0x7f7f, 2);
    registers(v, s, at + 28, 10);
  }
}
