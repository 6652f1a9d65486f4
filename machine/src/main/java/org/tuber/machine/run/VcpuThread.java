package org.tuber.machine.run;

import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.machine.MachineRun.Go;

/**
 * The thread of one CPU: runs it, sleeps while it is halted, rests while the machine is stopped.
 *
 * <p>Whoever raises an interrupt calls {@link #wake} after {@link Vcpu#setInterrupt}. That is two
 * volatile accesses while the CPU runs; only a sleeping CPU costs a system call. No wake-up is
 * lost: the sleeper announces itself before it looks at {@link #wakePending}, the waker sets that
 * before it looks for a sleeper.
 *
 * <p>CPUs switch each other off and on: INIT and SIPI on x86 (SDM volume 3, 9.4), PSCI on Arm. The
 * order comes from another CPU's thread, or its own, and is carried out here, between two runs.
 */
public final class VcpuThread implements Snapshottable<VcpuThread.State> {
  /**
   * Whether the CPU is on.
   *
   * @param waitingForStart it is off, or waits for SIPI
   * @param blocked it cannot go on until a reset
   */
  public record State(boolean waitingForStart, boolean blocked) {}

  private static final Logger LOG = LoggerFactory.getLogger(VcpuThread.class);

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

  /** How the CPU begins once it waits for that; null: nobody has started it. */
  private volatile Consumer<Vcpu> entry;

  /** A CPU that is off, or an x86 application processor between INIT and SIPI. */
  private volatile boolean waitingForStart;

  /** What {@link #waitingForStart} becomes with {@link #initPending}. */
  private volatile boolean waitsAfterInit;

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
    waitingForStart = !bootProcessor;
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

  /**
   * INIT: reset, and for an application processor wait for {@link #start(Consumer)}. Any thread.
   */
  public void init() {
    stop(!bootProcessor);
  }

  /** Switches the CPU off: reset, and wait for {@link #start(Consumer)}. Any thread. */
  public void powerOff() {
    stop(true);
  }

  private void stop(boolean wait) {
    entry = null;
    waitsAfterInit = wait;
    initPending = true;
    vcpu.kick();
    wake();
  }

  /**
   * Starts a CPU that waits for it; any other ignores it. Any thread.
   *
   * @param begin sets the CPU's registers, on its thread
   */
  public void start(Consumer<Vcpu> begin) {
    entry = begin;
    vcpu.kick();
    wake();
  }

  /** True for a CPU that is off or has not been started. */
  public boolean isWaitingForStart() {
    return waitingForStart;
  }

  /** True between {@link #start(Consumer)} and the CPU's first instruction. Any thread. */
  public boolean isStarting() {
    return waitingForStart && entry != null;
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

  /** Carries out orders that came before the stop, then says how things stand. While stopped. */
  @Override
  public State save() {
    stopAndStart();
    return new State(waitingForStart, blocked);
  }

  /** While stopped. */
  @Override
  public void load(State s) {
    reset();
    waitingForStart = s.waitingForStart;
    blocked = s.blocked;
  }

  /** After the CPU was reset; while stopped. */
  @Override
  public void reset() {
    blocked = false;
    go = Go.RUN;
    initPending = false;
    entry = null;
    waitingForStart = !bootProcessor;
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
        if (initPending || entry != null) {
          stopAndStart();
        }
        if (blocked || waitingForStart || go == Go.STAY) {
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
    if (waitingForStart) {
      return entry == null;
    }
    return blocked || go == Go.STAY || vcpu.isHalted();
  }

  private void stopAndStart() {
    if (initPending) {
      initPending = false;
      vcpu.reset();
      blocked = false;
      waitingForStart = waitsAfterInit;
    }
    Consumer<Vcpu> begin = entry;
    if (begin != null) {
      if (waitingForStart) {
        begin.accept(vcpu);
        waitingForStart = false;
      }
      entry = null;
    }
  }
}
