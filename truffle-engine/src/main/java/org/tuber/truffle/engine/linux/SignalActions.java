package org.tuber.truffle.engine.linux;

/** Signal dispositions of a process. */
public final class SignalActions {
  public static final long SIG_DFL = 0;
  public static final long SIG_IGN = 1;
  public static final long SA_NOCLDSTOP = 1;
  public static final long SA_NOCLDWAIT = 2;
  public static final long SA_SIGINFO = 4;
  public static final long SA_ONSTACK = 0x0800_0000;
  public static final long SA_RESTART = 0x1000_0000;
  public static final long SA_NODEFER = 0x4000_0000;
  public static final long SA_RESETHAND = 0x8000_0000L;
  public static final long SA_RESTORER = 0x0400_0000;

  /** What sigaction sets. */
  public record Action(long handler, long flags, long restorer, long mask) {
    public static final Action DEFAULT = new Action(SIG_DFL, 0, 0, 0);
  }

  /** Signals are 1 to this. */
  public static final int COUNT = 64;

  private final Action[] actions = new Action[COUNT + 1];

  SignalActions() {
    java.util.Arrays.fill(actions, Action.DEFAULT);
  }

  synchronized Action get(int signal) {
    return actions[signal];
  }

  synchronized void set(int signal, Action action) {
    actions[signal] = action;
  }

  synchronized SignalActions copy() {
    SignalActions copy = new SignalActions();
    System.arraycopy(actions, 0, copy.actions, 0, actions.length);
    return copy;
  }

  /** execve: handlers go, ignored signals stay ignored. */
  synchronized void resetForExec() {
    for (int i = 1; i < actions.length; i++) {
      actions[i] = actions[i].handler == SIG_IGN ? new Action(SIG_IGN, 0, 0, 0) : Action.DEFAULT;
    }
  }

  /** True when a signal would be thrown away now. */
  boolean isIgnored(int signal) {
    long handler = get(signal).handler;
    return handler == SIG_IGN || handler == SIG_DFL && isIgnoredByDefault(signal);
  }

  static boolean isIgnoredByDefault(int signal) {
    return switch (signal) {
      case SignalInfo.SIGCHLD, SignalInfo.SIGURG, SignalInfo.SIGWINCH, SignalInfo.SIGCONT -> true;
      default -> false;
    };
  }

  static boolean stopsByDefault(int signal) {
    return switch (signal) {
      case SignalInfo.SIGSTOP, SignalInfo.SIGTSTP, SignalInfo.SIGTTIN, SignalInfo.SIGTTOU -> true;
      default -> false;
    };
  }

  static boolean dumpsCore(int signal) {
    return switch (signal) {
      case 3, 4, 5, 6, 7, 8, 11, 24, 25, 31 -> true;
      default -> false;
    };
  }
}
