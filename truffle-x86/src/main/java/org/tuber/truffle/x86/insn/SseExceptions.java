package org.tuber.truffle.x86.insn;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * SIMD floating-point exceptions (SDM vol. 1, 11.5.2 and 11.5.4).
 *
 * <p>Lanes are computed one after the other, but what a packed instruction reports comes from all
 * of them: with an unmasked invalid, denormal or divide exception in any lane only exceptions of
 * these kinds are flagged, of all lanes; otherwise everything is. While all exceptions are masked
 * the order does not matter and lanes just add their flags. With any unmasked, the first lane with
 * something new to say raises #XM <em>tentatively</em>, and delivery runs the instruction once more
 * in {@link X86Cpu#gatheringSse} mode to see all lanes: it may turn out that nothing is unmasked.
 */
public final class SseExceptions {
  private static final int ALL_MASKED = 0x1f80;
  private static final int MASK_SHIFT = 7;
  private static final int PRE_COMPUTATION = SoftFloat.IE | SoftFloat.DE | SoftFloat.ZE;

  private SseExceptions() {}

  /** Flags of one lane. */
  static void raise(X86Cpu c, int flags) {
    if ((c.mxcsr & ALL_MASKED) == ALL_MASKED) {
      c.mxcsr |= flags;
    } else {
      raiseUnmasked(c, flags);
    }
  }

  private static void raiseUnmasked(X86Cpu c, int flags) {
    int news = flags & (~c.mxcsr | ~(c.mxcsr >> MASK_SHIFT));
    if (news == 0) {
      return;
    }
    if (c.gatheringSse) {
      c.gatheredSse |= flags;
    } else {
      throw c.exception(X86Cpu.XM);
    }
  }

  /**
   * Between the stages of an instruction that computes with its own results: what is unmasked so
   * far ends it, and what is masked stays flagged whatever follows.
   */
  static void endStage(X86Cpu c) {
    if (c.gatheringSse) {
      if ((c.gatheredSse & ~(c.mxcsr >> MASK_SHIFT)) != 0) {
        throw c.exception(X86Cpu.XM);
      }
      c.mxcsr |= c.gatheredSse;
      c.gatheredSse = 0;
    }
  }

  /**
   * Completes the instruction at the CPU's pc, which raised #XM tentatively.
   *
   * @return the vector to deliver, or -1: it was completed
   */
  @TruffleBoundary
  public static int resolve(X86Cpu c) {
    X86State s = c.home;
    long pc = s.pc;
    long[] general = s.r.clone();
    long[] vectors = s.x.clone();
    long[] upper = s.y.clone();
    long[] flags = {s.fx, s.fy, s.fz, s.fr, s.fd};
    Saved87 fpu = new Saved87(c);
    c.gatheringSse = true;
    c.gatheredSse = 0;
    long next = pc;
    try {
      Block b = c.engine.isa().decode(c, pc, 1);
      c.engine.isa().enterBlock(s, pc);
      next = b.fallPc;
      c.engine.isa().run(s, c, b.code[0], b.code[1]);
    } catch (GuestFault f) {
      if (f.vector != X86Cpu.XM) {
        // Another processor took the operand away.
        s.pc = pc;
        return f.vector;
      }
    } finally {
      c.gatheringSse = false;
    }
    int unmasked = c.gatheredSse & ~(c.mxcsr >> MASK_SHIFT);
    boolean before = (unmasked & PRE_COMPUTATION) != 0;
    c.mxcsr |= before ? c.gatheredSse & PRE_COMPUTATION : c.gatheredSse;
    if (unmasked == 0) {
      s.pc = next;
      return -1;
    }
    System.arraycopy(general, 0, s.r, 0, general.length);
    System.arraycopy(vectors, 0, s.x, 0, vectors.length);
    System.arraycopy(upper, 0, s.y, 0, upper.length);
    s.fx = flags[0];
    s.fy = flags[1];
    s.fz = flags[2];
    s.fr = flags[3];
    s.fd = flags[4];
    fpu.restore(c);
    s.pc = pc;
    return (c.cr4 & Cr.CR4_OSXMMEXCPT) != 0 ? X86Cpu.XM : X86Cpu.UD;
  }

  /** What conversions to MMX registers change. */
  private static final class Saved87 {
    private final long[] significand;
    private final int[] signExponent;
    private final int top;
    private final int valid;

    Saved87(X86Cpu c) {
      significand = c.fpu.significand.clone();
      signExponent = c.fpu.signExponent.clone();
      top = c.fpu.top;
      valid = c.fpu.valid;
    }

    void restore(X86Cpu c) {
      System.arraycopy(significand, 0, c.fpu.significand, 0, 8);
      System.arraycopy(signExponent, 0, c.fpu.signExponent, 0, 8);
      c.fpu.top = top;
      c.fpu.valid = valid;
    }
  }
}
