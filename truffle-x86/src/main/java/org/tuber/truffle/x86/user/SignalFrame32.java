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

/** Signal frames of i386 programs (struct sigframe_ia32 and rt_sigframe_ia32, asm/sigframe.h). */
final class SignalFrame32 {
  private static final int CONTEXT_BYTES = 88;

  // Without SA_SIGINFO: return address, signal, context, x87 state unused, mask, code.
  private static final int OLD_CONTEXT = 8;
  private static final int OLD_EXTRA_MASK = OLD_CONTEXT + CONTEXT_BYTES + 624;
  private static final int OLD_BYTES = OLD_EXTRA_MASK + 4 + 8;

  // With: return address, signal, two pointers, siginfo, ucontext, code.
  private static final int INFO = 16;
  private static final int UCONTEXT = INFO + SignalInfo.BYTES;
  private static final int CONTEXT = UCONTEXT + 20;
  private static final int SIGMASK = CONTEXT + CONTEXT_BYTES;
  private static final int RT_BYTES = SIGMASK + 8 + 8;

  /** Size of the x87 part that precedes the FXSAVE image. */
  private static final int FSAVE_BYTES = 112;

  /** In the order of the context. */
  private static final int[] DATA_SEGMENTS = {X86Cpu.GS, X86Cpu.FS, X86Cpu.ES, X86Cpu.DS};

  /**
   * At 0 {@code pop eax; mov eax, sigreturn; int 0x80}, at 16 {@code mov eax, rt_sigreturn; int}.
   */
  static final byte[] RETURN_CODE = {
    0x58,
    (byte) 0xb8,
    119,
    0,
    0,
    0,
    (byte) 0xcd,
    (byte) 0x80,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    (byte) 0xb8,
    (byte) 173,
    0,
    0,
    0,
    (byte) 0xcd,
    (byte) 0x80
  };

  private SignalFrame32() {}

  static void push(X86UserCpu u, SignalInfo info, SignalActions.Action action) {
    GuestThread t = u.thread();
    X86Cpu c = u.cpu;
    X86State s = c.home;
    long sp = SignalStack.top(t, action, s.r[4] & 0xffff_ffffL, 0) & 0xffff_ffffL;
    byte[] fpu = FpuImage.save(c);
    // The FXSAVE image has to be aligned, the x87 part before it follows from that.
    long fpuAt = ((sp - fpu.length) & -64L) - FSAVE_BYTES;
    t.write(fpuAt + FSAVE_BYTES, fpu);
    t.write(fpuAt, legacy(c));
    boolean rt = (action.flags() & SignalActions.SA_SIGINFO) != 0;
    int bytes = rt ? RT_BYTES : OLD_BYTES;
    long frame = ((fpuAt - bytes + 4) & -16L) - 4;
    ByteBuffer b = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    boolean own = (action.flags() & SignalActions.SA_RESTORER) != 0;
    long restorer = own ? action.restorer() : u.i386().signalReturnPage() + (rt ? 16 : 0);
    b.putInt(0, (int) restorer).putInt(4, info.number());
    long mask = SignalStack.frameMask(t);
    if (rt) {
      b.putInt(8, (int) frame + INFO).putInt(12, (int) frame + UCONTEXT);
      b.put(INFO, info.toBytes(false));
      b.putInt(UCONTEXT + 8, (int) SignalStack.base(t));
      b.putInt(UCONTEXT + 12, SignalStack.flags(t, s.r[4]));
      b.putInt(UCONTEXT + 16, (int) SignalStack.bytes(t));
      context(u, b, CONTEXT, fpuAt, mask);
      b.putLong(SIGMASK, mask);
    } else {
      context(u, b, OLD_CONTEXT, fpuAt, mask);
      b.putInt(OLD_EXTRA_MASK, (int) (mask >>> 32));
    }
    t.write(frame, b.array());
    s.r[4] = frame;
    // Registers as for a function with regparm(3), too.
    s.r[0] = info.number();
    s.r[2] = rt ? frame + INFO : 0;
    s.r[1] = rt ? frame + UCONTEXT : 0;
    X86UserCpu.setFlat(c, true);
    s.pc = action.handler() & 0xffff_ffffL;
    c.setEflags(c.eflags() & ~(long) (Flags.DF | Flags.TF | Flags.RF));
  }

  /** Header of the x87 part: control, status, tags, and the mark that FXSAVE follows. */
  private static byte[] legacy(X86Cpu c) {
    ByteBuffer b = ByteBuffer.allocate(FSAVE_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    b.putInt(0, c.fpu.control | 0xffff_0000).putInt(4, c.fpu.statusWord() | 0xffff_0000);
    int tags = 0xffff_0000;
    for (int i = 0; i < 8; i++) {
      tags |= ((c.fpu.valid >> i & 1) != 0 ? 0 : 3) << (2 * i);
    }
    b.putInt(8, tags);
    for (int i = 0; i < 8; i++) {
      int n = c.fpu.physical(i);
      b.putLong(28 + 10 * i, c.fpu.significand[n]);
      b.putShort(36 + 10 * i, (short) c.fpu.signExponent[n]);
    }
    b.putShort(108, (short) c.fpu.statusWord()).putShort(110, (short) 0);
    return b.array();
  }

  private static void context(X86UserCpu u, ByteBuffer b, int at, long fpuAt, long mask) {
    X86Cpu c = u.cpu;
    long[] r = c.home.r;
    b.putInt(at, c.segments[X86Cpu.GS].selector).putInt(at + 4, c.segments[X86Cpu.FS].selector);
    b.putInt(at + 8, c.segments[X86Cpu.ES].selector);
    b.putInt(at + 12, c.segments[X86Cpu.DS].selector);
    int[] order = {7, 6, 5, 4, 3, 2, 1, 0};
    for (int i = 0; i < 8; i++) {
      b.putInt(at + 16 + 4 * i, (int) r[order[i]]);
    }
    b.putInt(at + 48, u.lastTrap).putInt(at + 52, (int) u.lastError);
    b.putInt(at + 56, (int) ProgramSegments.offset(c));
    b.putInt(at + 60, c.segments[X86Cpu.CS].selector);
    b.putInt(at + 64, (int) u.frameFlags()).putInt(at + 68, (int) r[4]);
    b.putInt(at + 72, c.segments[X86Cpu.SS].selector).putInt(at + 76, (int) fpuAt);
    b.putInt(at + 80, (int) mask).putInt(at + 84, (int) u.lastAddress);
  }

  /** sigreturn: the frame's return address and, by its restorer, the signal are popped. */
  static long popOld(X86UserCpu u) {
    GuestThread t = u.thread();
    long frame = (u.cpu.home.r[4] - 8) & 0xffff_ffffL;
    ByteBuffer b = read(t, frame, OLD_BYTES);
    restore(u, b, OLD_CONTEXT);
    SignalStack.restoreMask(
        t, b.getInt(OLD_CONTEXT + 80) & 0xffff_ffffL | (long) b.getInt(OLD_EXTRA_MASK) << 32);
    return Errno.NO_RESULT;
  }

  /** rt_sigreturn. */
  static long popRt(X86UserCpu u) {
    GuestThread t = u.thread();
    long frame = (u.cpu.home.r[4] - 4) & 0xffff_ffffL;
    ByteBuffer b = read(t, frame, RT_BYTES);
    restore(u, b, CONTEXT);
    SignalStack.restoreMask(t, b.getLong(SIGMASK));
    SignalStack.restore(
        t,
        b.getInt(UCONTEXT + 8) & 0xffff_ffffL,
        b.getInt(UCONTEXT + 12),
        b.getInt(UCONTEXT + 16) & 0xffff_ffffL);
    return Errno.NO_RESULT;
  }

  private static ByteBuffer read(GuestThread t, long frame, int bytes) {
    return ByteBuffer.wrap(t.bytes(frame, bytes)).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static void restore(X86UserCpu u, ByteBuffer b, int at) {
    GuestThread t = u.thread();
    X86Cpu c = u.cpu;
    long fpuAt = b.getInt(at + 76) & 0xffff_ffffL;
    if (fpuAt != 0) {
      FpuImage.restore(c, t.bytes(fpuAt + FSAVE_BYTES, FpuImage.bytes(c)));
    }
    int[] order = {7, 6, 5, 4, 3, 2, 1, 0};
    for (int i = 0; i < 8; i++) {
      c.home.r[order[i]] = b.getInt(at + 16 + 4 * i) & 0xffff_ffffL;
    }
    for (int i = 0; i < DATA_SEGMENTS.length; i++) {
      ProgramSegments.loadData(c, DATA_SEGMENTS[i], b.getShort(at + 4 * i) & 0xffff);
    }
    boolean entered =
        ProgramSegments.enter(
            c,
            b.getShort(at + 60) & 0xffff | 3,
            b.getInt(at + 56) & 0xffff_ffffL,
            b.getShort(at + 72) & 0xffff | 3);
    long flags = b.getInt(at + 64);
    c.setEflags(c.eflags() & ~(long) SignalFrame.USER_FLAGS | flags & SignalFrame.USER_FLAGS);
    if (!entered) {
      t.cannotReturn();
    }
  }
}
