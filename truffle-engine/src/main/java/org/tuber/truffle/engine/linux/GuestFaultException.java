package org.tuber.truffle.engine.linux;

/** The guest broke off: a signal that it did not handle, or the end of its process. */
public final class GuestFaultException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int exitStatus;
  private final boolean exited;

  private GuestFaultException(String message, boolean exited, int exitStatus) {
    super(message, null, false, false);
    this.exited = exited;
    this.exitStatus = exitStatus;
  }

  static GuestFaultException signal(String message) {
    return new GuestFaultException(message, false, 0);
  }

  static GuestFaultException exit(String message, int status) {
    return new GuestFaultException(message, true, status);
  }

  /** The guest called exit. */
  public boolean isExit() {
    return exited;
  }

  public int exitStatus() {
    return exitStatus;
  }

  /** A fatal signal in words. */
  static String describe(GuestProcess.Fatality f, UserMemory memory) {
    String where = memory.where(f.pc());
    return where.isEmpty() ? describe(f) : describe(f) + " in " + where;
  }

  /** A fatal signal in words, when the memory is gone. */
  static String describe(GuestProcess.Fatality f) {
    SignalInfo info = f.info();
    String name = SignalInfo.name(info.number());
    boolean memory =
        (info.number() == SignalInfo.SIGSEGV || info.number() == SignalInfo.SIGBUS)
            && info.code() != SignalInfo.SI_KERNEL
            && info.code() > 0;
    String where = " (" + f.pcName() + "=0x" + Long.toHexString(f.pc()) + ")";
    return memory
        ? name + " at address 0x" + Long.toHexString(info.address()) + where
        : name + where;
  }
}
