package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Row.FPU;
import static org.tuber.truffle.x86.decode.Row.SYSTEM;

import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;
import org.tuber.truffle.x86.state.X87State;
import org.tuber.truffle.x86.sys.CpuFeature;
import org.tuber.truffle.x86.sys.XsaveLayout;

/**
 * FXSAVE, FXRSTOR and the XSAVE family (SDM vol. 1, 10.5 and chapter 13) with components x87, SSE,
 * AVX and PKRU. Interpreter only. Areas are probed as a whole before the first store, and read as a
 * whole before the first register changes.
 *
 * <p>Choices the manual leaves open: {@link XsaveLayout#inUse}; XSAVEOPT has no "modified"
 * optimization; IA32_XSS is zero.
 */
final class FxSave {
  /** Bits of MXCSR that may be set. */
  static final int MXCSR_MASK = 0xffff;

  static final int FXSAVE = SseRows.SYSTEM;
  static final int FXRSTOR = FXSAVE + 1;
  static final int XSAVE = FXSAVE + 2;
  static final int XRSTOR = FXSAVE + 3;
  static final int XSAVEOPT = FXSAVE + 4;
  static final int XSAVEC = FXSAVE + 5;
  static final int XSAVES = FXSAVE + 6;
  static final int XRSTORS = FXSAVE + 7;

  private static final long X87 = XsaveLayout.X87;
  private static final long SSE = XsaveLayout.SSE;
  private static final long AVX = XsaveLayout.AVX;
  private static final long PKRU = XsaveLayout.PKRU;
  private static final int LEGACY_BYTES = XsaveLayout.LEGACY_BYTES;
  private static final int HEADER_BYTES = XsaveLayout.HEADER_BYTES;
  private static final int AVX_OFFSET = XsaveLayout.EXTENDED;
  private static final long COMPACT = Long.MIN_VALUE;
  private static final int MXCSR_DEFAULT = 0x1f80;

  private FxSave() {}

  static void add(OpcodeMap m) {
    m.row("NP 0F AE /0 mem", "fxsave M", FXSAVE, SYSTEM | FPU | CpuFeature.FXSR.row());
    m.row("NP 0F AE /1 mem", "fxrstor M", FXRSTOR, SYSTEM | FPU | CpuFeature.FXSR.row());
    m.row("NP 0F AE /4 mem", "xsave M", XSAVE, SYSTEM | CpuFeature.XSAVE.row());
    m.row("NP 0F AE /5 mem", "xrstor M", XRSTOR, SYSTEM | CpuFeature.XSAVE.row());
    m.row("NP 0F AE /6 mem", "xsaveopt M", XSAVEOPT, SYSTEM | CpuFeature.XSAVEOPT.row());
    m.row("NP 0F C7 /4 mem", "xsavec M", XSAVEC, SYSTEM | CpuFeature.XSAVEC.row());
    m.row("NP 0F C7 /5 mem", "xsaves M", XSAVES, SYSTEM | CpuFeature.XSAVES.row());
    m.row("NP 0F C7 /3 mem", "xrstors M", XRSTORS, SYSTEM | CpuFeature.XSAVES.row());
    ProtectionKeys.add(m);
    X87Environment.add(m);
  }

  static void run(X86State s, X86Cpu c, long w0, long w1, int op) {
    long a = Operand.address(s, c, w0, w1, bytes(w0, op));
    boolean wide = (w0 & Word.REX_W) != 0;
    switch (op) {
      case FXSAVE -> {
        align(c, a, 15);
        probe(s, c, a, LEGACY_BYTES);
        saveX87(s, c, a, wide);
        saveMxcsr(s, c, a);
        saveXmm(s, c, a);
      }
      case FXRSTOR -> {
        align(c, a, 15);
        int mxcsr = loadMxcsr(s, c, a);
        readable(s, c, a, LEGACY_BYTES);
        restoreX87(s, c, a, wide);
        restoreXmm(s, c, a);
        c.mxcsr = mxcsr;
      }
      case XSAVE, XSAVEOPT -> {
        enabled(c);
        align(c, a, 63);
        xsave(s, c, a, wide, op == XSAVEOPT);
      }
      case XSAVEC, XSAVES -> {
        enabled(c);
        supervisor(c, op == XSAVES);
        align(c, a, 63);
        xsavec(s, c, a, wide);
      }
      case XRSTOR, XRSTORS -> {
        enabled(c);
        supervisor(c, op == XRSTORS);
        align(c, a, 63);
        xrstor(s, c, a, wide, op == XRSTORS);
      }
      case ProtectionKeys.RDPKRU, ProtectionKeys.WRPKRU -> ProtectionKeys.run(s, c, op);
      default -> X87Environment.run(s, c, w0, a, op);
    }
  }

  /** What is held against the segment's limit; of XSAVE's areas the part that is always there. */
  private static int bytes(long w0, int op) {
    return switch (op) {
      case FXSAVE, FXRSTOR -> LEGACY_BYTES;
      case XSAVE, XSAVEOPT, XSAVEC, XSAVES, XRSTOR, XRSTORS -> XsaveLayout.EXTENDED;
      case ProtectionKeys.RDPKRU, ProtectionKeys.WRPKRU -> 1;
      default -> X87Environment.bytes(w0, op);
    };
  }

  private static void enabled(X86Cpu c) {
    if ((c.cr4 & Cr.CR4_OSXSAVE) == 0) {
      throw c.ud();
    }
    if ((c.cr0 & Cr.CR0_TS) != 0) {
      throw c.exception(X86Cpu.NM);
    }
  }

  private static void supervisor(X86Cpu c, boolean required) {
    if (required && c.cpl != 0) {
      throw c.gp(0);
    }
  }

  private static void align(X86Cpu c, long a, int mask) {
    if ((a & mask) != 0) {
      throw c.gp(0);
    }
  }

  /** Faults now if any byte of the area (less than a page) cannot be written. */
  static void probe(X86State s, X86Cpu c, long a, int bytes) {
    SoftTlb.writableHost(s, c, a, 1);
    SoftTlb.writableHost(s, c, a + bytes - 1, 1);
  }

  /** Faults now if any byte of the area (less than a page) cannot be read. */
  private static void readable(X86State s, X86Cpu c, long a, int bytes) {
    SoftTlb.load8(s, c, a);
    SoftTlb.load8(s, c, a + bytes - 1);
  }

  /** Requested components that exist and are enabled. */
  private static long requested(X86State s, X86Cpu c) {
    return (s.r[0] & 0xffff_ffffL | s.r[2] << 32) & c.xcr0;
  }

  private static int registers(X86Cpu c) {
    return XsaveLayout.registers(c);
  }

  // ---------------------------------------------------------------- components

  private static void saveX87(X86State s, X86Cpu c, long a, boolean wide) {
    X87State f = c.fpu;
    SoftTlb.store16(s, c, a, f.control);
    SoftTlb.store16(s, c, a + 2, f.statusWord());
    SoftTlb.store16(s, c, a + 4, f.valid);
    SoftTlb.store16(s, c, a + 6, f.lastOpcode);
    if (wide) {
      SoftTlb.store64(s, c, a + 8, f.lastIp);
      SoftTlb.store64(s, c, a + 16, f.lastDp);
    } else {
      SoftTlb.store64(s, c, a + 8, f.lastIp & 0xffff_ffffL | (long) f.lastCs << 32);
      SoftTlb.store64(s, c, a + 16, f.lastDp & 0xffff_ffffL | (long) f.lastDs << 32);
    }
    for (int i = 0; i < 8; i++) {
      int n = f.physical(i);
      SoftTlb.store64(s, c, a + 32 + 16 * i, f.significand[n]);
      SoftTlb.store64(s, c, a + 40 + 16 * i, f.signExponent[n] & 0xffff);
    }
  }

  private static void saveMxcsr(X86State s, X86Cpu c, long a) {
    SoftTlb.store64(s, c, a + 24, c.mxcsr & 0xffff_ffffL | (long) MXCSR_MASK << 32);
  }

  private static void saveXmm(X86State s, X86Cpu c, long a) {
    for (int i = 0; i < 2 * registers(c); i++) {
      SoftTlb.store64(s, c, a + 160 + 8 * i, s.x[i]);
    }
  }

  private static void saveAvx(X86State s, X86Cpu c, long a) {
    for (int i = 0; i < 2 * registers(c); i++) {
      SoftTlb.store64(s, c, a + 8 * i, s.y[i]);
    }
  }

  private static void restoreX87(X86State s, X86Cpu c, long a, boolean wide) {
    X87State f = c.fpu;
    long first = SoftTlb.load64(s, c, a);
    f.control = X87State.controlBits((int) first);
    f.setStatusWord((int) (first >>> 16));
    f.valid = (int) (first >>> 32) & 0xff;
    f.lastOpcode = (int) (first >>> 48) & 0x7ff;
    long ip = SoftTlb.load64(s, c, a + 8);
    long dp = SoftTlb.load64(s, c, a + 16);
    f.lastIp = wide ? ip : ip & 0xffff_ffffL;
    f.lastCs = wide ? 0 : (int) (ip >>> 32) & 0xffff;
    f.lastDp = wide ? dp : dp & 0xffff_ffffL;
    f.lastDs = wide ? 0 : (int) (dp >>> 32) & 0xffff;
    for (int i = 0; i < 8; i++) {
      int n = f.physical(i);
      f.significand[n] = SoftTlb.load64(s, c, a + 32 + 16 * i);
      f.signExponent[n] = (int) SoftTlb.load16(s, c, a + 40 + 16 * i) & 0xffff;
    }
    f.updateSummary();
  }

  private static int loadMxcsr(X86State s, X86Cpu c, long a) {
    int v = (int) SoftTlb.load32(s, c, a + 24);
    if ((v & ~MXCSR_MASK) != 0) {
      throw c.gp(0);
    }
    return v;
  }

  private static void restoreXmm(X86State s, X86Cpu c, long a) {
    for (int i = 0; i < 2 * registers(c); i++) {
      s.x[i] = SoftTlb.load64(s, c, a + 160 + 8 * i);
    }
  }

  // ---------------------------------------------------------------- XSAVE

  private static void xsave(X86State s, X86Cpu c, long a, boolean wide, boolean optimized) {
    long mask = requested(s, c);
    long used = XsaveLayout.inUse(c);
    probe(s, c, a, XsaveLayout.standardBytes(mask));
    long old = SoftTlb.load64(s, c, a + LEGACY_BYTES);
    long write = optimized ? mask & used : mask;
    if ((write & X87) != 0) {
      saveX87(s, c, a, wide);
    }
    if ((write & SSE) != 0) {
      saveXmm(s, c, a);
    }
    if ((mask & (SSE | AVX)) != 0) {
      saveMxcsr(s, c, a);
    }
    if ((write & AVX) != 0) {
      saveAvx(s, c, a + AVX_OFFSET);
    }
    if ((write & PKRU) != 0) {
      SoftTlb.store64(s, c, a + XsaveLayout.pkruOffset(false, 0), c.pkru & 0xffff_ffffL);
    }
    SoftTlb.store64(s, c, a + LEGACY_BYTES, old & ~mask | used & mask);
  }

  private static void xsavec(X86State s, X86Cpu c, long a, boolean wide) {
    long mask = requested(s, c);
    long write = mask & XsaveLayout.inUse(c);
    probe(s, c, a, XsaveLayout.compactBytes(mask));
    if ((write & X87) != 0) {
      saveX87(s, c, a, wide);
    }
    if ((write & SSE) != 0) {
      saveXmm(s, c, a);
      saveMxcsr(s, c, a);
    }
    if ((write & AVX) != 0) {
      saveAvx(s, c, a + AVX_OFFSET);
    }
    if ((write & PKRU) != 0) {
      SoftTlb.store64(s, c, a + XsaveLayout.pkruOffset(true, mask), c.pkru & 0xffff_ffffL);
    }
    SoftTlb.store64(s, c, a + LEGACY_BYTES, write);
    SoftTlb.store64(s, c, a + LEGACY_BYTES + 8, mask | COMPACT);
    for (int i = 16; i < HEADER_BYTES; i += 8) {
      SoftTlb.store64(s, c, a + LEGACY_BYTES + i, 0);
    }
  }

  private static boolean headerIsBad(
      X86State s, X86Cpu c, long a, long present, long layout, boolean compactOnly) {
    boolean bad;
    int firstReserved = 16;
    int lastReserved = HEADER_BYTES;
    if (layout < 0) {
      bad = (layout & ~COMPACT & ~c.xcr0) != 0 || (present & ~layout) != 0;
      bad |= !c.model.has(CpuFeature.XSAVEC) && !compactOnly;
    } else {
      bad = compactOnly || layout != 0 || (present & ~c.xcr0) != 0;
      lastReserved = 24;
    }
    for (int i = firstReserved; i < lastReserved; i += 8) {
      bad |= SoftTlb.load64(s, c, a + LEGACY_BYTES + i) != 0;
    }
    return bad || present < 0;
  }

  private static void xrstor(X86State s, X86Cpu c, long a, boolean wide, boolean compactOnly) {
    long mask = requested(s, c);
    long present = SoftTlb.load64(s, c, a + LEGACY_BYTES);
    long layout = SoftTlb.load64(s, c, a + LEGACY_BYTES + 8);
    boolean compact = layout < 0;
    if (headerIsBad(s, c, a, present, layout, compactOnly)) {
      throw c.gp(0);
    }
    long load = mask & present;
    boolean loadsMxcsr = compact ? (load & SSE) != 0 : (mask & (SSE | AVX)) != 0;
    int mxcsr = loadsMxcsr ? loadMxcsr(s, c, a) : MXCSR_DEFAULT;
    readable(
        s,
        c,
        a,
        compact ? XsaveLayout.compactBytes(layout & ~COMPACT) : XsaveLayout.standardBytes(load));
    long pkruAt = a + XsaveLayout.pkruOffset(compact, layout);
    int pkru = (load & PKRU) != 0 ? (int) SoftTlb.load32(s, c, pkruAt) : 0;
    if ((mask & X87) != 0) {
      if ((load & X87) != 0) {
        restoreX87(s, c, a, wide);
      } else {
        c.fpu.initializeAll();
      }
    }
    if ((mask & SSE) != 0) {
      if ((load & SSE) != 0) {
        restoreXmm(s, c, a);
      } else {
        java.util.Arrays.fill(s.x, 0, 2 * registers(c), 0);
      }
    }
    if (loadsMxcsr || (compact && (mask & SSE) != 0)) {
      c.mxcsr = mxcsr;
    }
    if ((mask & AVX) != 0) {
      for (int i = 0; i < 2 * registers(c); i++) {
        s.y[i] = (load & AVX) != 0 ? SoftTlb.load64(s, c, a + AVX_OFFSET + 8 * i) : 0;
      }
    }
    if ((mask & PKRU) != 0) {
      c.setPkru(pkru);
    }
  }
}
