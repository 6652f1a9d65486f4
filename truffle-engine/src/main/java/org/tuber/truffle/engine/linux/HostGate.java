package org.tuber.truffle.engine.linux;

/**
 * The door between guest code and the host that embeds it: trap slots in the guest's memory, each
 * an {@link Abi#trap}. Executing one ends {@link UserCpu#run} on the embedder's thread.
 */
final class HostGate {
  static final int SLOT_BYTES = 16;
  static final int SLOTS = 4096;

  /** Where functions that the host called return to. */
  static final int RETURN = 0;

  /** Entry point of the program: everything has been loaded and initialized. */
  static final int ENTRY = 1;

  static final int FIRST_CALLBACK = 2;

  /** Why {@link #drive} came back. */
  enum Stop {
    SLOT,
    FAULT,
    ENDED
  }

  private final GuestThread main;

  /** Address of slot 0; 0 until the entry point was reached. */
  private long base;

  /** The slot that was executed, or -1. */
  private int slot = -1;

  private GuestProcess.Fatality fault;
  private volatile boolean interrupted;
  private Thread lastHost;

  /** A thread that the library made called the host: no one can answer it. */
  volatile boolean strayCall;

  HostGate(GuestThread main) {
    this.main = main;
  }

  long address(int number) {
    return base + (long) number * SLOT_BYTES;
  }

  int slot() {
    return slot;
  }

  GuestProcess.Fatality fault() {
    return fault;
  }

  // ---------------------------------------------------------------- called by the thread

  /** A trap was executed at {@code gva}; false when it is none of ours. */
  boolean enter(GuestThread t, long gva) {
    if (base == 0) {
      base = gva - (long) ENTRY * SLOT_BYTES;
    }
    long offset = gva - base;
    if (offset < 0 || offset >= (long) SLOTS * SLOT_BYTES || offset % SLOT_BYTES != 0) {
      return false;
    }
    if (t != main) {
      strayCall = true;
      t.process.die(SignalInfo.SIGABRT);
      return true;
    }
    slot = (int) (offset / SLOT_BYTES);
    t.cpu.kick();
    return true;
  }

  /** The host has been asked for and has not looked yet. */
  boolean isOpen(GuestThread t) {
    return t == main && (slot >= 0 || fault != null);
  }

  /** Takes a fault that no handler of the guest wants; true when it was taken. */
  boolean catches(GuestThread t, SignalInfo info) {
    if (t != main) {
      return false;
    }
    synchronized (t.process.system) {
      long handler = t.process.actions.get(info.number()).handler();
      boolean handled =
          handler != SignalActions.SIG_DFL
              && handler != SignalActions.SIG_IGN
              && !t.blocks(info.number());
      if (handled) {
        return false;
      }
    }
    fault = new GuestProcess.Fatality(info, t.cpu.pc(), t.process.abi.pcName());
    t.cpu.kick();
    return true;
  }

  // ---------------------------------------------------------------- called by the embedder

  /** Runs the guest on the calling thread until something stops it. */
  Stop drive() throws InterruptedException {
    GuestThread t = main;
    if (lastHost != Thread.currentThread()) {
      lastHost = Thread.currentThread();
      t.base = Usage.ofCallingThread(null);
      t.hostTid = Host.threadId();
    }
    slot = -1;
    fault = null;
    t.leaveKernel();
    if (t.work) {
      t.cpu.attention();
    }
    boolean finished = false;
    try {
      while (slot < 0 && fault == null && !t.ended) {
        if (interrupted) {
          finished = true;
          throw new InterruptedException();
        }
        t.cpu.run();
      }
      finished = true;
    } finally {
      t.inKernel = true;
      if (!finished) {
        // Registers may be lost in compiled code: nothing can go on from here.
        t.process.die(SignalInfo.SIGABRT);
        t.ended = true;
      }
    }
    if (fault == null && slot < 0) {
      return Stop.ENDED;
    }
    if (fault != null) {
      t.cpu.setPc(fault.pc());
      return Stop.FAULT;
    }
    return Stop.SLOT;
  }

  /** Makes {@link #drive} end with an InterruptedException. Any thread. */
  void interrupt() {
    interrupted = true;
    main.paused = true;
    main.wake();
    main.cpu.kick();
    main.process.system.changed();
  }

  void clearInterrupt() {
    main.paused = false;
    interrupted = false;
  }
}
