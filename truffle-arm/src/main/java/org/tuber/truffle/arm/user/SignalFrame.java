package org.tuber.truffle.arm.user;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.state.Nzcv;
import org.tuber.truffle.engine.linux.Errno;
import org.tuber.truffle.engine.linux.GuestThread;
import org.tuber.truffle.engine.linux.SignalActions;
import org.tuber.truffle.engine.linux.SignalInfo;
import org.tuber.truffle.engine.linux.SignalStack;

/**
 * Signal frames as Linux on AArch64 lays them out (struct rt_sigframe, asm/sigcontext.h): siginfo,
 * ucontext with the general registers, and records with the vector registers and the syndrome; a
 * frame record for unwinders above.
 */
final class SignalFrame {
  private static final int UCONTEXT = SignalInfo.BYTES;
  private static final int SIGMASK = UCONTEXT + 40;
  private static final int MCONTEXT = UCONTEXT + 176;
  private static final int REGISTERS = MCONTEXT + 8;
  private static final int SP = REGISTERS + 8 * 31;
  private static final int PC = SP + 8;
  private static final int PSTATE = PC + 8;
  private static final int RECORDS = MCONTEXT + 288;
  private static final int RECORDS_BYTES = 4096;
  private static final int BYTES = RECORDS + RECORDS_BYTES;
  private static final int FPSIMD_MAGIC = 0x4650_8001;
  private static final int FPSIMD_BYTES = 528;
  private static final int ESR_MAGIC = 0x4553_5201;
  private static final int ESR_BYTES = 16;
  private static final int FRAME_RECORD_BYTES = 16;
  private static final int FP = 29;
  private static final int LR = 30;

  private SignalFrame() {}

  /** Sets up a frame and the registers for a handler. */
  static void push(ArmUserCpu u, SignalInfo info, SignalActions.Action action) {
    GuestThread t = u.thread();
    ArmCpu c = u.cpu;
    ArmState s = c.home;
    long sp = SignalStack.top(t, action, s.r[ArmState.SP], 0);
    long record = (sp & -16L) - FRAME_RECORD_BYTES;
    long frame = record - BYTES & -16L;
    ByteBuffer b = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    b.put(0, info.toBytes(true));
    b.putLong(UCONTEXT + 16, SignalStack.base(t));
    b.putInt(UCONTEXT + 24, SignalStack.flags(t, s.r[ArmState.SP]));
    b.putLong(UCONTEXT + 32, SignalStack.bytes(t));
    b.putLong(SIGMASK, SignalStack.frameMask(t));
    b.putLong(MCONTEXT, u.faultAddress);
    for (int i = 0; i < 31; i++) {
      b.putLong(REGISTERS + 8 * i, s.r[i]);
    }
    b.putLong(SP, s.r[ArmState.SP]).putLong(PC, s.pc).putLong(PSTATE, c.pstate());
    int at = RECORDS;
    b.putInt(at, FPSIMD_MAGIC).putInt(at + 4, FPSIMD_BYTES);
    b.putInt(at + 8, s.fpsr).putInt(at + 12, c.fpcr);
    for (int i = 0; i < 64; i++) {
      b.putLong(at + 16 + 8 * i, s.v[i]);
    }
    at += FPSIMD_BYTES;
    if (u.faultSyndrome != 0) {
      b.putInt(at, ESR_MAGIC).putInt(at + 4, ESR_BYTES).putLong(at + 8, u.faultSyndrome);
    }
    ByteBuffer r = ByteBuffer.allocate(FRAME_RECORD_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    r.putLong(0, s.r[FP]).putLong(8, s.r[LR]);
    t.write(record, r.array());
    t.write(frame, b.array());
    boolean own = (action.flags() & SignalActions.SA_RESTORER) != 0;
    s.r[0] = info.number();
    if ((action.flags() & SignalActions.SA_SIGINFO) != 0) {
      s.r[1] = frame;
      s.r[2] = frame + UCONTEXT;
    }
    s.r[FP] = record;
    s.r[LR] = own ? action.restorer() : u.abi().signalReturnPage();
    s.r[ArmState.SP] = frame;
    s.pc = action.handler();
    c.btype = 0;
  }

  /** rt_sigreturn. */
  static long pop(ArmUserCpu u) {
    GuestThread t = u.thread();
    ArmCpu c = u.cpu;
    ArmState s = c.home;
    long frame = s.r[ArmState.SP];
    ByteBuffer b = ByteBuffer.wrap(t.bytes(frame, BYTES)).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 31; i++) {
      s.r[i] = b.getLong(REGISTERS + 8 * i);
    }
    s.r[ArmState.SP] = b.getLong(SP);
    s.pc = b.getLong(PC);
    Nzcv.set(s, (int) (b.getLong(PSTATE) >>> Nzcv.SHIFT) & 15);
    restoreVectors(c, b);
    c.exclusiveGva = -1;
    SignalStack.restoreMask(t, b.getLong(SIGMASK));
    SignalStack.restore(
        t, b.getLong(UCONTEXT + 16), b.getInt(UCONTEXT + 24), b.getLong(UCONTEXT + 32));
    return Errno.NO_RESULT;
  }

  private static void restoreVectors(ArmCpu c, ByteBuffer b) {
    int at = RECORDS;
    while (at + 8 <= BYTES) {
      int size = b.getInt(at + 4);
      if (b.getInt(at) == FPSIMD_MAGIC && size == FPSIMD_BYTES && at + size <= BYTES) {
        for (int i = 0; i < 64; i++) {
          c.home.v[i] = b.getLong(at + 16 + 8 * i);
        }
        c.home.fpsr = b.getInt(at + 8) & ArmCpu.FPSR_MASK;
        c.setFpcr(b.getInt(at + 12));
        return;
      }
      if (b.getInt(at) == 0 || size < 16 || (size & 15) != 0) {
        return;
      }
      at += size;
    }
  }
}
