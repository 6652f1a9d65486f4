package org.tuber.truffle.x86.user;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.tuber.truffle.engine.linux.Errno;
import org.tuber.truffle.engine.linux.GuestThread;
import org.tuber.truffle.engine.linux.SignalActions;
import org.tuber.truffle.engine.linux.SignalInfo;
import org.tuber.truffle.engine.linux.SignalStack;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;
import org.tuber.truffle.x86.sys.ProgramSegments;

/** Signal frames of 64-bit programs as Linux lays them out (struct rt_sigframe, asm/sigframe.h). */
final class SignalFrame {
  private static final int UCONTEXT = 8;
  private static final int MCONTEXT = UCONTEXT + 40;
  private static final int SIGMASK = MCONTEXT + 256;
  private static final int INFO = SIGMASK + 8;
  private static final int BYTES = INFO + SignalInfo.BYTES;
  private static final int RED_ZONE = 128;
  private static final int UC_FP_XSTATE = 1;
  private static final int UC_SIGCONTEXT_SS = 2;
  private static final int UC_STRICT_RESTORE_SS = 4;

  /** Register numbers in the order of struct sigcontext: r8-r15, di, si, bp, bx, dx, ax, cx, sp. */
  private static final int[] ORDER = {8, 9, 10, 11, 12, 13, 14, 15, 7, 6, 5, 3, 2, 0, 1, 4};

  /** Flags that a program may set. */
  static final int USER_FLAGS = 0x4_0dd5 | Flags.AC | Flags.RF;

  private SignalFrame() {}

  /** Sets up a frame and the registers for a handler. */
  static void push(X86UserCpu u, SignalInfo info, SignalActions.Action action) {
    GuestThread t = u.thread();
    X86Cpu c = u.cpu;
    X86State s = c.home;
    long sp = SignalStack.top(t, action, s.r[4], RED_ZONE);
    byte[] fpu = FpuImage.save(c);
    long fpuAt = (sp - fpu.length) & -64L;
    long frame = ((fpuAt - BYTES) & -16L) - 8;
    ByteBuffer b = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    b.putLong(0, action.restorer());
    int flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
    b.putLong(UCONTEXT, FpuImage.isExtended(c) ? flags | UC_FP_XSTATE : flags);
    b.putLong(UCONTEXT + 16, SignalStack.base(t));
    b.putInt(UCONTEXT + 24, SignalStack.flags(t, s.r[4]));
    b.putLong(UCONTEXT + 32, SignalStack.bytes(t));
    for (int i = 0; i < ORDER.length; i++) {
      b.putLong(MCONTEXT + 8 * i, s.r[ORDER[i]]);
    }
    b.putLong(MCONTEXT + 128, ProgramSegments.offset(c)).putLong(MCONTEXT + 136, u.frameFlags());
    b.putShort(MCONTEXT + 144, (short) c.segments[X86Cpu.CS].selector);
    b.putShort(MCONTEXT + 150, (short) c.segments[X86Cpu.SS].selector);
    b.putLong(MCONTEXT + 152, u.lastError).putLong(MCONTEXT + 160, u.lastTrap);
    b.putLong(MCONTEXT + 168, SignalStack.frameMask(t)).putLong(MCONTEXT + 176, u.lastAddress);
    b.putLong(MCONTEXT + 184, fpuAt);
    b.putLong(SIGMASK, SignalStack.frameMask(t));
    b.put(INFO, info.toBytes(true));
    t.write(fpuAt, fpu);
    t.write(frame, b.array());
    s.r[4] = frame;
    s.r[7] = info.number();
    s.r[6] = frame + INFO;
    s.r[2] = frame + UCONTEXT;
    s.r[0] = 0;
    X86UserCpu.setFlat(c, false);
    s.pc = action.handler();
    c.setEflags(c.eflags() & ~(long) (Flags.DF | Flags.TF | Flags.RF));
  }

  /** rt_sigreturn. */
  static long pop(X86UserCpu u) {
    GuestThread t = u.thread();
    X86Cpu c = u.cpu;
    X86State s = c.home;
    long frame = s.r[4] - 8;
    byte[] raw = t.bytes(frame, BYTES);
    ByteBuffer b = ByteBuffer.wrap(raw).order(ByteOrder.LITTLE_ENDIAN);
    long fpuAt = b.getLong(MCONTEXT + 184);
    if (fpuAt != 0) {
      FpuImage.restore(c, t.bytes(fpuAt, FpuImage.bytes(c)));
    }
    for (int i = 0; i < ORDER.length; i++) {
      s.r[ORDER[i]] = b.getLong(MCONTEXT + 8 * i);
    }
    boolean entered =
        ProgramSegments.enter(
            c,
            b.getShort(MCONTEXT + 144) & 0xffff | 3,
            b.getLong(MCONTEXT + 128),
            b.getShort(MCONTEXT + 150) & 0xffff | 3);
    long flags = b.getLong(MCONTEXT + 136);
    c.setEflags(c.eflags() & ~(long) USER_FLAGS | flags & USER_FLAGS);
    SignalStack.restoreMask(t, b.getLong(SIGMASK));
    SignalStack.restore(
        t, b.getLong(UCONTEXT + 16), b.getInt(UCONTEXT + 24), b.getLong(UCONTEXT + 32));
    if (!entered) {
      t.cannotReturn();
    }
    return Errno.NO_RESULT;
  }
}
