package org.tuber.truffle.x86.insn;

import static com.oracle.truffle.api.CompilerDirectives.SLOWPATH_PROBABILITY;
import static com.oracle.truffle.api.CompilerDirectives.injectBranchProbability;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * Near JMP, CALL, RET, LOOPcc, JCXZ (SDM vol. 2). Engine addresses are linear; what is pushed and
 * popped is an offset in CS.
 *
 * <p>In 64-bit mode a target that is not canonical faults in this instruction (#GP), after the
 * stack slot's own faults; not so with relative targets, whose #GP comes from the fetch.
 */
public final class Branch {
  private static final int RCX = 1;
  private static final int RSP = 4;

  private Branch() {}

  /** Linear address of the next instruction. */
  public static long nextPc(X86State s, long w0) {
    return s.r[X86State.BLOCK_PC] + Word.offset(w0) + Word.length(w0);
  }

  private static long target(X86Cpu c, long w0, int size, long v) {
    if (size == 3) {
      if (injectBranchProbability(SLOWPATH_PROBABILITY, v << 16 >> 16 != v)) {
        beyond48Bits(c, v);
      }
      return v;
    }
    long offset = size == 2 ? v & 0xffff_ffffL : v & 0xffff;
    return (w0 & Word.SEGMENTED) == 0 ? offset : segmented(c, offset);
  }

  /** Five levels of paging make 57 bits canonical. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  private static void beyond48Bits(X86Cpu c, long v) {
    if ((c.cr4 & Cr.CR4_LA57) == 0 || v << 7 >> 7 != v) {
      throw c.gp(0);
    }
  }

  private static long segmented(X86Cpu c, long offset) {
    if (offset > c.segments[X86Cpu.CS].limit) {
      throw c.gp(0);
    }
    return (offset + c.segmentBase[X86Cpu.CS]) & 0xffff_ffffL;
  }

  static int jumpIndirect(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    s.pc = target(c, w0, size, Operand.e(s, c, w0, w1, size));
    return Block.TO_PC;
  }

  static int call(X86State s, X86Cpu c, long w0) {
    Stack.pushValue(s, c, w0, Word.size(w0), returnOffset(s, c, w0));
    return Block.TO_TAKEN;
  }

  private static long returnOffset(X86State s, X86Cpu c, long w0) {
    long next = nextPc(s, w0);
    return (w0 & Word.SEGMENTED) == 0 ? next : next - c.segmentBase[X86Cpu.CS];
  }

  static int callIndirect(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    long v = Operand.e(s, c, w0, w1, size);
    if (size == 3 && injectBranchProbability(SLOWPATH_PROBABILITY, v << 16 >> 16 != v)) {
      // The slot's own fault comes first, and nothing is stored in it before the target's.
      SoftTlb.writableHost(s, c, s.r[RSP] - 8, 1);
      SoftTlb.writableHost(s, c, s.r[RSP] - 1, 1);
    }
    long target = target(c, w0, size, v);
    Stack.pushValue(s, c, w0, size, returnOffset(s, c, w0));
    s.pc = target;
    return Block.TO_PC;
  }

  static int ret(X86State s, X86Cpu c, long w0, int release) {
    int size = Word.size(w0);
    long sp = s.r[RSP];
    long target = target(c, w0, size, Operand.load(s, c, Stack.linear(c, w0, sp, size), size));
    Stack.setSp(s, w0, sp + (1 << size) + release);
    s.pc = target;
    return Block.TO_PC;
  }

  private static int counterSize(long w0) {
    return (w0 & Word.ADDR32) != 0 ? 2 : (w0 & Word.ADDR16) != 0 ? 1 : 3;
  }

  /** LOOP ({@code wanted} -1), LOOPE (1), LOOPNE (0). */
  static int loop(X86State s, long w0, int wanted) {
    int size = counterSize(w0);
    long n = Operand.sext(s.r[RCX] - 1, size);
    Operand.setRegister(s, RCX, size, n);
    boolean taken = n != 0 && (wanted < 0 || Flags.zf(s) == (wanted == 1));
    return taken ? Block.TO_TAKEN : Block.TO_FALL;
  }

  static int jcxz(X86State s, long w0) {
    return Operand.register(s, RCX, counterSize(w0)) == 0 ? Block.TO_TAKEN : Block.TO_FALL;
  }
}
