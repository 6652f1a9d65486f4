package org.tuber.machine.run;

import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.cpu.Vcpu;
import org.tuber.machine.MachineRun.Go;

/**
 * The thread of one CPU: runs it, sleeps while it is halted, rests while the machine is stopped.
 *
 * <p>Whoever raises an interrupt calls {@link #wake} after {@link Vcpu#setInterrupt}. That is two
 * volatile accesses while the CPU runs; only a sleeping CPU costs a system call. No wake-up is
 * lost: the sleeper announces itself before it looks at {@link #wakePending}, the waker sets that
 * before it looks for a sleeper.
 *
 * <p>On x86, INIT and SIPI (SDM volume 3, 9.4) arrive from another CPU's thread and are carried out
 * here, between two runs.
 */
public final class VcpuThread {
  private static final Logger LOG = LoggerFactory.getLogger(VcpuThread.class);
  private static final int NO_VECTOR = -1;

  private final RunControl control;
  private final Vcpu vcpu;
  private final MachineClock clock;
  private final Thread thread;
  private final int index;
  private final boolean bootProcessor;
  private final Vcpu signals;
  private final Runnable onStart;

  private volatile boolean sleeping;
  private volatile boolean wakePending;
  private volatile boolean initPending;
  private volatile int sipiVector = NO_VECTOR;

  /** An application processor between INIT and SIPI. */
  private volatile boolean waitingForSipi;

  /** The CPU cannot go on until a reset: triple fault, or a debugger took over. */
  private boolean blocked;

  private volatile Go go = Go.RUN;

  VcpuThread(RunControl control, Vcpu vcpu, int index, MachineClock clock, Runnable onStart) {
    this.control = control;
    this.onStart = onStart;
    signals = new VcpuSignals(vcpu, this);
    this.vcpu = vcpu;
    this.clock = clock;
    this.index = index;
    bootProcessor = index == 0;
    waitingForSipi = !bootProcessor;
    thread = new Thread(this::body, "tuber-cpu" + index);
    thread.setDaemon(true);
  }

  /** The CPU. */
  public Vcpu vcpu() {
    return vcpu;
  }

  /** The CPU for its interrupt controller: signals that also wake this thread. */
  public Vcpu signals() {
    return signals;
  }

  /** Lets a sleeping CPU look for work. Any thread; cheap while the CPU runs. */
  public void wake() {
    wakePending = true;
    if (sleeping) {
      LockSupport.unpark(thread);
    }
  }

  /** INIT: reset, and for an application processor wait for {@link #startup}. Any thread. */
  public void init() {
    sipiVector = NO_VECTOR;
    initPending = true;
    vcpu.kick();
    wake();
  }

  /** SIPI with {@code vector}: start at vector × 4 KiB when waiting for it. Any thread. */
  public void startup(int vector) {
    sipiVector = vector & 0xff;
    vcpu.kick();
    wake();
  }

  /** True for an application processor that has not been started. */
  public boolean isWaitingForSipi() {
    return waitingForSipi;
  }

  void start() {
    thread.start();
  }

  void join() throws InterruptedException {
    thread.join();
  }

  /** Makes the thread come to {@link RunControl#mayRun} soon. */
  void interruptRun() {
    vcpu.kick();
    wake();
  }

  /** After the CPU was reset; while stopped. */
  void afterReset() {
    blocked = false;
    go = Go.RUN;
    initPending = false;
    sipiVector = NO_VECTOR;
    waitingForSipi = !bootProcessor;
  }

  /** After a pause, before the CPUs go on. */
  void unblock(Go way) {
    blocked = false;
    go = way;
  }

  private void body() {
    try {
      onStart.run();
      while (control.mayRun()) {
        if (initPending || sipiVector != NO_VECTOR) {
          handleInitAndSipi();
        }
        if (blocked || waitingForSipi || go == Go.STAY) {
          sleep();
        } else {
          runOnce();
        }
      }
    } catch (RuntimeException | Error e) {
      LOG.error("{}: internal error", thread.getName(), e);
      control.fail();
    } finally {
      control.threadEnded();
    }
  }

  private void runOnce() {
    long before = vcpu.instructionCount();
    ExitReason reason = execute();
    clock.ran(vcpu.instructionCount() - before);
    switch (reason) {
      case BUDGET, KICKED -> {}
      case HALTED -> {
        clock.idle();
        sleep();
        if (go == Go.STEP) {
          // The interrupt it waited for has to come first.
          go = Go.STEP_WITH_INTERRUPTS;
        }
      }
      case DEBUG -> {
        blocked = true;
        control.caught(index, vcpu.debugControl().lastStop());
      }
      case SHUTDOWN -> {
        LOG.info("{}: triple fault or shutdown", thread.getName());
        blocked = true;
        control.requestReset();
      }
    }
  }

  private ExitReason execute() {
    return switch (go) {
      case STEP -> vcpu.debugControl().step(true);
      case STEP_WITH_INTERRUPTS -> vcpu.debugControl().step(false);
      case RUN, STAY -> vcpu.run(clock.budget());
    };
  }

  private void sleep() {
    sleeping = true;
    while (!wakePending && !control.stopRequested() && mustSleep()) {
      LockSupport.park(this);
    }
    sleeping = false;
    wakePending = false;
  }

  private boolean mustSleep() {
    if (initPending) {
      return false;
    }
    if (waitingForSipi) {
      return sipiVector == NO_VECTOR;
    }
    return blocked || go == Go.STAY || vcpu.isHalted();
  }

  private void handleInitAndSipi() {
    if (initPending) {
      initPending = false;
      vcpu.reset();
      blocked = false;
      waitingForSipi = !bootProcessor;
    }
    int vector = sipiVector;
    if (vector != NO_VECTOR) {
      sipiVector = NO_VECTOR;
      if (waitingForSipi) {
        vcpu.writeRegister("cs", (long) vector << 8);
        vcpu.writeRegister("cs.base", (long) vector << 12);
        vcpu.writeRegister("rip", 0);
        waitingForSipi = false;
      }
    }
  }
}
