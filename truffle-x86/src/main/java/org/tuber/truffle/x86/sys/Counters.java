package org.tuber.truffle.x86.sys;

import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * RDMSR, WRMSR, RDTSC, RDTSCP, RDPMC (SDM vol. 2).
 *
 * <p>Deviation: performance counters keep the value written to them and do not count.
 */
final class Counters {
  private static final int PERFORMANCE_COUNTER0 = 0xc001_0004;
  private static final int PERFORMANCE_COUNTERS = 4;

  private Counters() {}

  private static void result(X86State s, long v) {
    s.r[0] = v & 0xffff_ffffL;
    s.r[2] = v >>> 32;
  }

  static void rdmsr(X86State s, X86Cpu c) {
    ControlRegisters.requireCpl0(c);
    result(s, Msr.read(c, (int) s.r[1]));
  }

  static void wrmsr(X86State s, X86Cpu c) {
    ControlRegisters.requireCpl0(c);
    Msr.write(c, (int) s.r[1], s.r[2] << 32 | (s.r[0] & 0xffff_ffffL));
  }

  private static void requireTsc(X86Cpu c) {
    if (c.cpl != 0 && (c.cr4 & Cr.CR4_TSD) != 0) {
      throw c.gp(0);
    }
  }

  static void rdtsc(X86State s, X86Cpu c) {
    requireTsc(c);
    result(s, c.tsc());
  }

  static void rdtscp(X86State s, X86Cpu c) {
    requireTsc(c);
    result(s, c.tsc());
    s.r[1] = c.tscAux;
  }

  static void rdpmc(X86State s, X86Cpu c) {
    int n = (int) s.r[1];
    if (c.cpl != 0 && (c.cr4 & Cr.CR4_PCE) == 0 || n < 0 || n >= PERFORMANCE_COUNTERS) {
      throw c.gp(0);
    }
    result(s, Msr.read(c, PERFORMANCE_COUNTER0 + n));
  }
}
