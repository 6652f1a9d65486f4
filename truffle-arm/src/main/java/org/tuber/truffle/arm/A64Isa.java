package org.tuber.truffle.arm;

import com.oracle.truffle.api.CompilerDirectives;
import com.oracle.truffle.api.nodes.ExplodeLoop;
import org.tuber.truffle.arm.a64.insn.A64Interpreter;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Decoder;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.decode.Word;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.engine.GuestCpu;
import org.tuber.truffle.engine.GuestState;
import org.tuber.truffle.engine.Isa;
import org.tuber.truffle.engine.special.OperationTable;

/**
 * The A64 instruction set as the engine sees it. Register masks: X0-X30 and SP in bits 0-31, V0-V31
 * in bits 32-63.
 */
public final class A64Isa extends Isa {
  private static final int FRAME_POINTER = 29;
  private static final OperationTable OPERATIONS = A64Interpreter.table();

  @Override
  public Block decode(GuestCpu cpu, long pc, int maxInstructions) {
    return new Decoder((ArmCpu) cpu, pc).decode(maxInstructions);
  }

  @Override
  public int run(GuestState s, GuestCpu cpu, long w0, long w1) {
    return A64Interpreter.run((ArmState) s, (ArmCpu) cpu, w0, w1);
  }

  @Override
  public int interpret(GuestState s, GuestCpu cpu, long[] code) {
    return A64Interpreter.interpret((ArmState) s, (ArmCpu) cpu, code);
  }

  @Override
  public OperationTable operations() {
    return OPERATIONS;
  }

  /** X29 by the procedure call standard. */
  @Override
  public long framePointer(GuestState s) {
    return ((ArmState) s).r[FRAME_POINTER];
  }

  @Override
  public GuestState newState() {
    return new ArmState();
  }

  @Override
  public GuestCpu castCpu(Object cpu) {
    return CompilerDirectives.castExact(cpu, ArmCpu.class);
  }

  @Override
  public GuestState stateOf(GuestCpu cpu) {
    return ((ArmCpu) cpu).home;
  }

  /** Link addresses and system instructions count from the block's address. */
  @Override
  public void enterBlock(GuestState s, long blockPc) {
    s.pc = blockPc;
  }

  @Override
  public long registerMask(long[] code) {
    long mask = 0;
    for (int i = 0; i < code.length; i += 2) {
      Row row = A64Rows.INSTANCE.owner(Word.op(code[i]));
      mask |= row == null ? 0 : row.registerMask(code[i], code[i + 1]);
    }
    return mask;
  }

  @Override
  public void enterRegion(GuestState local, GuestState home, long mask) {
    ArmState to = (ArmState) local;
    ArmState from = (ArmState) home;
    copyRegisters(to, from, mask);
    to.tlb = from.tlb;
  }

  @Override
  public void leaveRegion(GuestState local, GuestState home, long mask) {
    ArmState from = (ArmState) local;
    ArmState to = (ArmState) home;
    copyRegisters(to, from, mask);
    to.pc = from.pc;
    to.pcOffset = from.pcOffset;
  }

  @ExplodeLoop
  private static void copyRegisters(ArmState to, ArmState from, long mask) {
    for (int i = 0; i < 32; i++) {
      if ((mask >>> i & 1) != 0) {
        to.r[i] = from.r[i];
      }
    }
    for (int i = 0; i < 32; i++) {
      if ((mask >>> (Row.VECTOR_SHIFT + i) & 1) != 0) {
        to.v[2 * i] = from.v[2 * i];
        to.v[2 * i + 1] = from.v[2 * i + 1];
      }
    }
    to.fx = from.fx;
    to.fy = from.fy;
    to.fz = from.fz;
    to.fe = from.fe;
    to.fpsr = from.fpsr;
    to.instructions = from.instructions;
  }
}
