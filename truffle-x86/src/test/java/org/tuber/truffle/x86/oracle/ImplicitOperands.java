package org.tuber.truffle.x86.oracle;

import org.tuber.truffle.x86.decode.Row;

/** Registers and memory that instructions use without naming them, and what makes them sensible. */
final class ImplicitOperands {
  private static final int RAX = 0;
  private static final int RCX = 1;
  private static final int RDX = 2;
  private static final int RBX = 3;
  private static final int RSP = 4;
  private static final int RBP = 5;
  private static final int RSI = 6;
  private static final int RDI = 7;
  private static final int INT_LINUX = 0x80;

  /**
   * State components from bounds registers to AMX: the processor's XCR0 may have some of them set,
   * AVX-512 for one, that of the guest has none.
   */
  private static final long HOST_COMPONENTS = 0xf_fff8;

  private static final long[] SELECTORS = {
    0, 1, 3, 0x2b, 0x28, 0x23, 0x33, 0x10, 0x18, 0x4, 0x7, 0x100
  };

  private ImplicitOperands() {}

  /** Pins what {@code e} needs; called once registers are chosen and before the address is. */
  static void prepare(SampleGenerator g, Encoding e) {
    Values v = g.values();
    CpuState s = g.state();
    String name = e.mnemonic();
    if (e.has(Row.STACK)
        || name.equals("iret")
        || name.startsWith("ret")
        || name.startsWith("push")
        || name.startsWith("pop") && !isCount(name)) {
      g.pin(RSP, stack(g));
    }
    switch (name) {
      case "mov" -> selector(g, e);
      case "pop" -> {
        if (e.operands.contains("fs") || e.operands.contains("gs")) {
          s.poke(s.r[RSP], SELECTORS[v.below(SELECTORS.length)], 2);
        }
      }
      case "leave" -> g.pin(RBP, stack(g));
      case "enter" -> g.pin(RBP, stack(g) + 64);
      case "ret" -> s.poke(s.r[RSP], g.codeTarget(), 8);
      case "jmpf", "callf" -> {
        if (g.isMemory()) {
          farPointer(g, g.target(), g.operandBytes());
        }
      }
      case "retf" -> {
        s.poke(s.r[RSP], g.codeTarget(), g.operandBytes());
        s.poke(s.r[RSP] + g.operandBytes(), g.codeSelector(), g.operandBytes());
      }
      case "iret" -> {
        int bytes = g.operandBytes();
        s.poke(s.r[RSP], g.codeTarget(), bytes);
        s.poke(s.r[RSP] + bytes, g.codeSelector(), bytes);
        s.poke(s.r[RSP] + 2L * bytes, v.random.nextLong() & 0xcd5 | 0x202, bytes);
        s.poke(s.r[RSP] + 3L * bytes, CpuState.DATA + 2048, bytes);
        s.poke(s.r[RSP] + 4L * bytes, 0x2b, bytes);
      }
      case "les", "lds", "lss", "lfs", "lgs" -> {
        int bytes = g.operandBytes();
        s.poke(g.target() + bytes, v.once(2) ? 0x2b : SELECTORS[v.below(SELECTORS.length)], 2);
      }
      case "popf" -> s.poke(s.r[RSP], v.random.nextLong() & 0x3f_7ed5 | 0x202, 8);
      case "jmp", "call" -> branchTarget(g, e);
      case "xlat" -> {
        long al = s.r[RAX] & 0xff;
        g.pin(RAX, s.r[RAX]);
        g.pin(RBX, g.implicitAddress(g.target() - al));
      }
      case "maskmovq", "maskmovdqu", "vmaskmovdqu" -> g.pin(RDI, g.implicitAddress(g.target()));
      case "loop", "loope", "loopne", "jcxz" -> {
        if (v.once(2)) {
          g.pin(RCX, v.below(3) | (v.once(2) ? 0 : v.integer() << 32));
        }
      }
      case "bt", "bts", "btr", "btc" -> {
        if (g.isMemory() && e.operands.contains("Gv")) {
          long bit = v.below(8000) - 4000L;
          g.pin(g.reg(), bit);
        }
      }
      case "cmpxchg", "cmpxchg8b" -> compared(g, e);
      case "div", "idiv" -> dividend(g, e);
      case "pcmpestrm", "pcmpestri", "vpcmpestrm", "vpcmpestri" -> {
        if (!v.once(4)) {
          g.pin(RAX, v.below(40) - 20L);
          g.pin(RDX, v.below(40) - 20L);
        }
      }
      case "xsave", "xsavec", "xsaveopt", "xrstor" -> g.pin(RAX, s.r[RAX] & ~HOST_COMPONENTS);
      default -> {}
    }
    if (e.hasOperand("XY")) {
      string(g, e);
    }
  }

  private static void farPointer(SampleGenerator g, long at, int bytes) {
    g.state().poke(at, g.codeTarget(), bytes);
    g.state().poke(at + bytes, g.codeSelector(), 2);
  }

  /** Selectors that mean the same to Linux and the guest. */
  private static void selector(SampleGenerator g, Encoding e) {
    if (!e.operands.contains("Sw") || !e.operands.getFirst().equals("Sw")) {
      return;
    }
    long v = SELECTORS[g.values().below(SELECTORS.length)];
    if (g.isMemory()) {
      g.state().poke(g.target(), v, 2);
    } else {
      g.pin(g.rm(), v | g.state().r[g.rm()] & ~0xffffL);
    }
  }

  private static boolean isCount(String name) {
    return name.equals("popcnt");
  }

  private static long stack(SampleGenerator g) {
    Values v = g.values();
    return g.isAtBorder() || v.once(12) ? g.place(1) : CpuState.DATA + 2048 + (v.below(3000) & -8);
  }

  private static void branchTarget(SampleGenerator g, Encoding e) {
    if (!e.operands.contains("Ev")) {
      return;
    }
    if (g.isMemory()) {
      g.state().poke(g.target(), g.codeTarget(), 8);
      return;
    }
    if (g.rm() == RSP) {
      g.setRm(RBX);
    }
    g.pin(g.rm(), g.codeTarget());
  }

  private static void compared(SampleGenerator g, Encoding e) {
    Values v = g.values();
    CpuState s = g.state();
    if (!v.once(2)) {
      return;
    }
    if (!g.isMemory()) {
      s.r[g.rm()] = s.r[RAX];
      return;
    }
    if (e.mnemonic().equals("cmpxchg")) {
      s.poke(g.target(), s.r[RAX], 8);
      g.pin(RAX, s.r[RAX]);
    } else if (v.once(2)) {
      s.poke(g.target(), s.r[RAX] & 0xffff_ffffL | s.r[RDX] << 32, 8);
      g.pin(RAX, s.r[RAX]);
      g.pin(RDX, s.r[RDX]);
    } else {
      s.poke(g.target(), s.r[RAX], 8);
      s.poke(g.target() + 8, s.r[RDX], 8);
      g.pin(RAX, s.r[RAX]);
      g.pin(RDX, s.r[RDX]);
    }
  }

  /** Most quotients of random operands would not fit. */
  private static void dividend(SampleGenerator g, Encoding e) {
    Values v = g.values();
    CpuState s = g.state();
    if (v.once(3)) {
      return;
    }
    boolean bytes = e.operands.contains("Eb");
    if (e.mnemonic().equals("div")) {
      g.pin(RDX, v.once(2) ? 0 : s.r[RDX] >>> 1 + v.below(63));
      g.pin(RAX, bytes ? s.r[RAX] & 0xff : s.r[RAX]);
    } else {
      int width = 8 << v.below(4);
      long rax = s.r[RAX] << (64 - width) >> (64 - width);
      g.pin(RAX, bytes ? (byte) s.r[RAX] : rax);
      g.pin(RDX, rax >> 63);
    }
  }

  private static void string(SampleGenerator g, Encoding e) {
    Values v = g.values();
    CpuState s = g.state();
    boolean isPort = e.has(Row.SYSTEM) && e.prefix != 0xf2 && e.prefix != 0xf3;
    if (isPort && v.once(2)) {
      g.setRep(v.once(2) ? 0xf2 : 0xf3);
    }
    if (e.has(Row.SYSTEM)) {
      g.pin(RCX, v.below(20) | (v.once(8) ? v.integer() << 32 : 0));
      if (s.r[RCX] != (int) s.r[RCX] || s.r[RCX] < 0) {
        g.pin(RCX, v.below(20));
      }
    }
    if (e.hasOperand("X")) {
      g.pin(RSI, g.implicitAddress(g.target()));
    }
    if (e.hasOperand("Y")) {
      // ES has no base in 64-bit code and cannot be overridden.
      long to = g.place(1 << v.below(4));
      g.pin(RDI, to);
      if (v.once(2)) {
        // Equal strings, so that a comparison goes on.
        for (int i = 0; i < 64; i++) {
          s.poke(to + i, 0x55, 1);
          s.poke(g.target() + i, 0x55, 1);
        }
        if (v.once(2)) {
          s.r[RAX] = 0x5555_5555_5555_5555L;
        }
      }
    }
  }

  static long immediate8(Values v, Encoding e) {
    switch (e.mnemonic()) {
      case "int" -> {
        int n = v.once(2) ? v.below(5) : v.below(256);
        return n == INT_LINUX ? 3 : n;
      }
      case "enter" -> {
        return v.once(2) ? 0 : v.below(34);
      }
      default -> {
        return v.once(2) ? v.random.nextInt() : v.below(16);
      }
    }
  }

  static long immediate16(Values v, Encoding e) {
    return e.mnemonic().equals("enter") ? v.below(700) : v.integer();
  }
}
