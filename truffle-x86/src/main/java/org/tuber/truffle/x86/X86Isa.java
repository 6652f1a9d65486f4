package org.tuber.truffle.x86;

import com.oracle.truffle.api.CompilerDirectives;
import com.oracle.truffle.api.nodes.ExplodeLoop;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.engine.BlockInterpreter;
import org.tuber.truffle.engine.GuestCpu;
import org.tuber.truffle.engine.GuestState;
import org.tuber.truffle.engine.Isa;
import org.tuber.truffle.engine.special.OperationTable;
import org.tuber.truffle.x86.decode.Decoder;
import org.tuber.truffle.x86.decode.Op;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.insn.IntegerRows;
import org.tuber.truffle.x86.insn.X86Interpreter;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/** The x86 instruction set as the engine sees it. */
public final class X86Isa extends Isa {
  /**
   * {@link #registerMask}: general registers 0-15 in bits 0-15, XMM0-15 in bits 16-31, upper halves
   * of YMM0-15 in bits 32-47.
   */
  private static final int XMM_SHIFT = 16;

  private static final int YMM_SHIFT = 32;

  /** {@link #registerMask}: the code may clear all upper halves at once. */
  private static final long CLEARS_UPPER = 1L << 48;

  /** Some upper half is known to the region. */
  private static final long ANY_UPPER = 0x1_ffffL << YMM_SHIFT;

  private static final int RBP = 5;
  private static final long RSI_RDI = 0xc0;
  private static final long ALL_GENERAL = 0xffff;

  @Override
  public Block decode(GuestCpu cpu, long pc, int maxInstructions) {
    return new Decoder((X86Cpu) cpu, pc).decode(maxInstructions);
  }

  @Override
  public int run(GuestState s, GuestCpu cpu, long w0, long w1) {
    return X86Interpreter.run((X86State) s, (X86Cpu) cpu, w0, w1);
  }

  @Override
  public int interpret(GuestState s, GuestCpu cpu, long[] code) {
    return X86Interpreter.interpret((X86State) s, (X86Cpu) cpu, code);
  }

  /** Made when it is asked for; an instruction set has no state. */
  private static final class Faster {
    static final BlockInterpreter INTERPRETER = X86Interpreter.asSwitch(new X86Isa());
  }

  @Override
  public BlockInterpreter fasterInterpreter() {
    return Faster.INTERPRETER;
  }

  private static final OperationTable OPERATIONS = X86Interpreter.table();

  @Override
  public OperationTable operations() {
    return OPERATIONS;
  }

  @Override
  public GuestState newState() {
    return new X86State();
  }

  @Override
  public GuestCpu castCpu(Object cpu) {
    return CompilerDirectives.castExact(cpu, X86Cpu.class);
  }

  @Override
  public GuestState stateOf(GuestCpu cpu) {
    return ((X86Cpu) cpu).home;
  }

  @Override
  public long framePointer(GuestState s) {
    return ((X86State) s).r[RBP];
  }

  @Override
  public int addressBytes(int mode) {
    return (mode & X86Cpu.MODE_64) != 0 ? 8 : 4;
  }

  @Override
  public void enterBlock(GuestState s, long blockPc) {
    ((X86State) s).r[X86State.BLOCK_PC] = blockPc;
  }

  /**
   * Explicit register fields, and what operations use implicitly. Exactness costs nothing but
   * speed: a register too many is a load and a store per entry of the region.
   */
  @Override
  public long registerMask(long[] code) {
    long mask = 0;
    for (int i = 0; i < code.length; i += 2) {
      long w0 = code[i];
      int op = Word.op(w0);
      mask |= general(Word.reg(w0)) | general(Word.rm(w0));
      mask |= base(Word.base(w0)) | base(Word.index(w0));
      // RAX RCX RDX RBX RSP RBP: implied by too many operations to tell apart here.
      mask |= 0x3f;
      if (IntegerRows.isString(op) || op == IntegerRows.PUSHA || op == IntegerRows.POPA) {
        mask |= RSI_RDI;
      }
      if (op >= Op.SYSTEM) {
        mask |= ALL_GENERAL;
      }
      if (op >= Op.SSE && op < Op.X87) {
        mask |= 1L << (XMM_SHIFT + (Word.reg(w0) & 15)) | 1L << (XMM_SHIFT + (Word.rm(w0) & 15));
        mask |= 1L << XMM_SHIFT;
      }
      if (op >= Op.VEX) {
        mask |= vexMask(w0, code[i + 1], op);
      }
    }
    return mask;
  }

  private static long vexMask(long w0, long w1, int op) {
    if (op == Op.BMI) {
      return general(Word.vvvv(w1));
    }
    long numbers = 1L << (Word.reg(w0) & 15) | 1L << (Word.rm(w0) & 15) | 1L << Word.vvvv(w1);
    // Register numbers in the immediate, and the implied XMM0.
    numbers |= op == Op.AVX_SPECIAL ? 1L << (w1 & 15) | 1L << (w1 >> 4 & 15) | 1 : 0;
    long mask = numbers << XMM_SHIFT | numbers << YMM_SHIFT;
    if (op == Op.AVX_ZERO) {
      boolean all = Word.sub(w1) == 0;
      mask = all ? CLEARS_UPPER : 0xffL << YMM_SHIFT;
      mask |= Word.is256(w1) ? 0xffffL << XMM_SHIFT : 0;
    }
    return op == Op.AVX_PLAIN ? mask & ~ANY_UPPER : mask;
  }

  private static long general(int n) {
    return 1L << ((n & 16) != 0 ? n & 3 : n & 15);
  }

  private static long base(int n) {
    return n < 16 ? 1L << n : 0;
  }

  @Override
  public void enterRegion(GuestState local, GuestState home, long mask) {
    X86State to = (X86State) local;
    X86State from = (X86State) home;
    copyRegisters(to, from, mask);
    if ((mask & ANY_UPPER) != 0) {
      enterUpper(to, from, mask);
    }
    to.tlb = from.tlb;
  }

  /** What every region may use; the upper halves of vectors are rare and extra. */
  @ExplodeLoop
  private static void copyRegisters(X86State to, X86State from, long mask) {
    for (int i = 0; i < 16; i++) {
      if ((mask >>> i & 1) != 0) {
        to.r[i] = from.r[i];
      }
    }
    for (int i = 0; i < 16; i++) {
      if ((mask >>> (XMM_SHIFT + i) & 1) != 0) {
        to.x[2 * i] = from.x[2 * i];
        to.x[2 * i + 1] = from.x[2 * i + 1];
      }
    }
    to.fx = from.fx;
    to.fy = from.fy;
    to.fz = from.fz;
    to.fr = from.fr;
    to.fd = from.fd;
    to.instructions = from.instructions;
  }

  @ExplodeLoop
  private static void enterUpper(X86State to, X86State from, long mask) {
    to.y = new long[X86State.Y_LENGTH];
    to.upperCleared = false;
    for (int i = 0; i < 16; i++) {
      if ((mask >>> (YMM_SHIFT + i) & 1) != 0) {
        to.y[2 * i] = from.y[2 * i];
        to.y[2 * i + 1] = from.y[2 * i + 1];
      }
    }
  }

  @ExplodeLoop
  private static void leaveUpper(X86State to, X86State from, long mask) {
    if ((mask & CLEARS_UPPER) != 0 && from.upperCleared) {
      for (int i = 0; i < 32; i++) {
        to.y[i] = 0;
      }
    }
    for (int i = 0; i < 16; i++) {
      if ((mask >>> (YMM_SHIFT + i) & 1) != 0) {
        to.y[2 * i] = from.y[2 * i];
        to.y[2 * i + 1] = from.y[2 * i + 1];
      }
    }
  }

  @Override
  public void leaveRegion(GuestState local, GuestState home, long mask) {
    X86State from = (X86State) local;
    X86State to = (X86State) home;
    copyRegisters(to, from, mask);
    if ((mask & ANY_UPPER) != 0) {
      leaveUpper(to, from, mask);
    }
    to.pc = from.pc;
    to.pcOffset = from.pcOffset;
  }
}
