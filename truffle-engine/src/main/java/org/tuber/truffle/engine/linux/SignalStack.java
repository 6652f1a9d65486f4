package org.tuber.truffle.engine.linux;

/** Where handlers run and what their frames keep of a thread; the same in all ABIs. */
public final class SignalStack {
  private static final int SS_ONSTACK = 1;
  private static final int SS_DISABLE = 2;

  private SignalStack() {}

  /** The top of the stack on which a handler runs; {@code sp} is the interrupted one. */
  public static long top(GuestThread t, SignalActions.Action action, long sp, int redZone) {
    if ((action.flags() & SignalActions.SA_ONSTACK) != 0
        && t.altStackBytes != 0
        && (t.altStackFlags & SS_DISABLE) == 0
        && !isOn(t, sp)) {
      return t.altStack + t.altStackBytes;
    }
    return sp - redZone;
  }

  static boolean isOn(GuestThread t, long sp) {
    return t.altStackBytes != 0 && sp > t.altStack && sp - t.altStack <= t.altStackBytes;
  }

  /** uc_stack: base. */
  public static long base(GuestThread t) {
    return t.altStack;
  }

  /** uc_stack: flags. */
  public static int flags(GuestThread t, long sp) {
    return t.altStackFlags & ~SS_ONSTACK | (isOn(t, sp) ? SS_ONSTACK : 0);
  }

  /** uc_stack: size. */
  public static long bytes(GuestThread t) {
    return t.altStackBytes;
  }

  /** The signal mask that the frame keeps. */
  public static long frameMask(GuestThread t) {
    return t.savedMaskValid ? t.savedMask : t.mask;
  }

  /** What sigreturn takes from a frame's uc_stack, once the stack pointer is the old one. */
  public static void restore(GuestThread t, long base, int flags, long size) {
    if (!isOn(t, t.cpu.stackPointer())) {
      t.altStack = base;
      t.altStackFlags = flags & ~SS_ONSTACK;
      t.altStackBytes = size;
    }
  }

  /** What sigreturn takes as the thread's signal mask. */
  public static void restoreMask(GuestThread t, long mask) {
    t.mask = mask & ~Signals.UNBLOCKABLE;
    synchronized (t.process.system) {
      t.work |= t.hasWork();
    }
  }
}
