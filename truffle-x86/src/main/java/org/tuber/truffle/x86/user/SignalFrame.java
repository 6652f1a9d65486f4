package org.tuber.truffle.x86.user;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

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
  static final int USER_FLAGS = 0x4_0dd5 | Flags.AC;

  private SignalFrame() {}

  /** The stack on which a handler runs. */
  static long stack(GuestThread t, SignalActions.Action action, long sp, int redZone) {
    boolean onAlternate = isOn(t, sp);
    if ((action.flags() & SignalActions.SA_ONSTACK) != 0
        && t.altStackBytes != 0
        && (t.altStackFlags & 2) == 0
        && !onAlternate) {
      return t.altStack + t.altStackBytes;
    }
    return sp - redZone;
  }

  static boolean isOn(GuestThread t, long sp) {
    return t.altStackBytes != 0 && sp > t.altStack && sp - t.altStack <= t.altStackBytes;
  }

  /** Prepares the registers for a handler; false when the frame does not fit anywhere. */
  static boolean push(GuestThread t, SignalInfo info, SignalActions.Action action) {
    try {
      if (t.cpu.is64Bit()) {
        push64(t, info, action);
      } else {
        SignalFrame32.push(t, info, action);
      }
    } catch (Errno e) {
      return false;
    }
    long old = t.mask;
    if (t.savedMaskValid) {
      t.savedMaskValid = false;
    }
    long blocked = old | action.mask();
    if ((action.flags() & SignalActions.SA_NODEFER) == 0) {
      blocked |= SignalInfo.bit(info.number());
    }
    t.mask = blocked & ~Signals.UNBLOCKABLE;
    return true;
  }

  /** The mask that the frame keeps. */
  static long frameMask(GuestThread t) {
    return t.savedMaskValid ? t.savedMask : t.mask;
  }

  private static void push64(GuestThread t, SignalInfo info, SignalActions.Action action) {
    X86Cpu c = t.cpu;
    X86State s = c.home;
    long sp = stack(t, action, s.r[4], RED_ZONE);
    byte[] fpu = FpuImage.save(c);
    long fpuAt = (sp - fpu.length) & -64L;
    long frame = ((fpuAt - BYTES) & -16L) - 8;
    ByteBuffer b = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    b.putLong(0, action.restorer());
    int flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
    b.putLong(UCONTEXT, FpuImage.isExtended(c) ? flags | UC_FP_XSTATE : flags);
    b.putLong(UCONTEXT + 16, t.altStack);
    b.putInt(UCONTEXT + 24, t.altStackFlags & ~1 | (isOn(t, s.r[4]) ? 1 : 0));
    b.putLong(UCONTEXT + 32, t.altStackBytes);
    for (int i = 0; i < ORDER.length; i++) {
      b.putLong(MCONTEXT + 8 * i, s.r[ORDER[i]]);
    }
    b.putLong(MCONTEXT + 128, s.pc).putLong(MCONTEXT + 136, c.eflags());
    b.putShort(MCONTEXT + 144, (short) c.segments[X86Cpu.CS].selector);
    b.putShort(MCONTEXT + 150, (short) c.segments[X86Cpu.SS].selector);
    b.putLong(MCONTEXT + 152, t.lastError).putLong(MCONTEXT + 160, t.lastTrap);
    b.putLong(MCONTEXT + 168, frameMask(t)).putLong(MCONTEXT + 176, t.lastAddress);
    b.putLong(MCONTEXT + 184, fpuAt);
    b.putLong(SIGMASK, frameMask(t));
    b.put(INFO, info.toBytes(true));
    t.memory.write(t, fpuAt, fpu, 0, fpu.length);
    t.memory.write(t, frame, b.array(), 0, BYTES);
    s.r[4] = frame;
    s.r[7] = info.number();
    s.r[6] = frame + INFO;
    s.r[2] = frame + UCONTEXT;
    s.r[0] = 0;
    s.pc = action.handler();
    c.setEflags(c.eflags() & ~(long) (Flags.DF | Flags.TF | Flags.RF));
  }

  /** rt_sigreturn. */
  static long pop(GuestThread t) {
    X86Cpu c = t.cpu;
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
    s.pc = b.getLong(MCONTEXT + 128);
    long flags = b.getLong(MCONTEXT + 136);
    c.setEflags(c.eflags() & ~(long) USER_FLAGS | flags & USER_FLAGS);
    t.mask = b.getLong(SIGMASK) & ~Signals.UNBLOCKABLE;
    restoreStack(t, b.getLong(UCONTEXT + 16), b.getInt(UCONTEXT + 24), b.getLong(UCONTEXT + 32));
    synchronized (t.process.system) {
      t.work |= t.hasWork();
    }
    return Errno.NO_RESULT;
  }

  static void restoreStack(GuestThread t, long base, int flags, long size) {
    if (!isOn(t, t.cpu.home.r[4])) {
      t.altStack = base;
      t.altStackFlags = flags & ~1;
      t.altStackBytes = size;
    }
  }
}
