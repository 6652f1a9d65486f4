package org.tuber.truffle.x86.insn;

import static com.oracle.truffle.api.CompilerDirectives.FASTPATH_PROBABILITY;
import static com.oracle.truffle.api.CompilerDirectives.injectBranchProbability;

import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * XMM operands. A 16-byte operand is named by the index of its low half in {@link X86State#x}; one
 * in memory is loaded into {@link X86State#X_MEMORY} first, so that register and memory forms share
 * one line of semantics. Indices are constants under partial evaluation.
 */
final class Xmm {
  private Xmm() {}

  /** Index of the V operand. */
  static int v(long w0) {
    return Word.reg(w0) << 1;
  }

  /** Index of the W operand; a memory operand must be aligned to 16 bytes. */
  static int aligned(X86State s, X86Cpu c, long w0, long w1) {
    if (!Word.isMemory(w0)) {
      return Word.rm(w0) << 1;
    }
    long a = Operand.address(s, c, w0, w1, 16);
    if ((a & 15) != 0) {
      throw c.gp(0);
    }
    load128(s, c, a);
    return X86State.X_MEMORY;
  }

  /** Index of the W operand; a memory operand may lie anywhere. */
  static int unaligned(X86State s, X86Cpu c, long w0, long w1) {
    if (!Word.isMemory(w0)) {
      return Word.rm(w0) << 1;
    }
    long a = Operand.address(s, c, w0, w1, 16);
    load128(s, c, a);
    return X86State.X_MEMORY;
  }

  /** Loads 16 bytes from any address into {@link X86State#X_MEMORY}. */
  static void load128(X86State s, X86Cpu c, long a) {
    long host = SoftTlb.readableHost(s, a, 16);
    if (injectBranchProbability(FASTPATH_PROBABILITY, host != 0)) {
      s.x[X86State.X_MEMORY] = GuestRam.hostLoad64(host);
      s.x[X86State.X_MEMORY + 1] = GuestRam.hostLoad64(host + 8);
    } else {
      s.x[X86State.X_MEMORY] = c.loadSlow(a, 8);
      s.x[X86State.X_MEMORY + 1] = c.loadSlow(a + 8, 8);
    }
  }

  /** The low 64 bits of the W operand. */
  static long low64(X86State s, X86Cpu c, long w0, long w1) {
    return Word.isMemory(w0)
        ? SoftTlb.load64(s, c, Operand.address(s, c, w0, w1, 8))
        : s.x[Word.rm(w0) << 1];
  }

  /** The low 32 bits of the W operand. */
  static int low32(X86State s, X86Cpu c, long w0, long w1) {
    return Word.isMemory(w0)
        ? (int) SoftTlb.load32(s, c, Operand.address(s, c, w0, w1, 4))
        : (int) s.x[Word.rm(w0) << 1];
  }

  /** The low 16 bits of the W operand, sign-extended. */
  static int low16(X86State s, X86Cpu c, long w0, long w1) {
    return Word.isMemory(w0)
        ? (int) SoftTlb.load16(s, c, Operand.address(s, c, w0, w1, 2))
        : (short) s.x[Word.rm(w0) << 1];
  }

  /**
   * Stores 16 bytes all or none: where they cross a page, both pages are probed first; within one
   * page the second half cannot fault when the first did not.
   */
  static void store128(X86State s, X86Cpu c, long a, long low, long high) {
    boolean crosses = (a & 4095) > 4096 - 16;
    long host = crosses ? 0 : SoftTlb.writableHost(s, c, a, 16);
    if (injectBranchProbability(FASTPATH_PROBABILITY, host != 0)) {
      GuestRam.hostStore64(host, low);
      GuestRam.hostStore64(host + 8, high);
      return;
    }
    if (crosses) {
      SoftTlb.writableHost(s, c, a, 1);
      SoftTlb.writableHost(s, c, (a | 4095) + 1, 1);
    }
    c.storeSlow(a, low, 8);
    c.storeSlow(a + 8, high, 8);
  }

  /** Replaces the low 32 bits of {@code old}. */
  static long merge32(long old, int low) {
    return (old & 0xffff_ffff_0000_0000L) | (low & 0xffff_ffffL);
  }

  /** Two 32-bit lanes as 64 bits. */
  static long pair(int low, int high) {
    return (low & 0xffff_ffffL) | (long) high << 32;
  }

  /** Upper 32-bit lane. */
  static int high(long v) {
    return (int) (v >>> 32);
  }

  /** The 8-bit immediate. */
  static int immediate(long w1) {
    return (int) w1 & 0xff;
  }
}
