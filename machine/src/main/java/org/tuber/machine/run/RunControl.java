package org.tuber.machine.run;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.backend.InputSource;
import org.tuber.core.cpu.Vcpu;
import org.tuber.devices.display.Display;
import org.tuber.devices.display.DisplaySurface;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineRun;

/**
 * The life of a machine: one thread for each CPU, pause and resume, reset, power-off, the end.
 *
 * <p>Changes of state are serialised by one lock, which a thread never takes while it holds the
 * device lock, because it waits for CPUs that may want the device lock. Devices therefore
 * <em>request</em> ({@link #requestReset}, {@link #guestPowerOff}, {@link #exit}): that never
 * blocks, and the event loop carries it out without the device lock.
 */
public final class RunControl implements MachineRun {
  private static final Logger LOG = LoggerFactory.getLogger(RunControl.class);

  /** How long to wait for a kicked CPU before kicking it again. */
  private static final long KICK_AGAIN_MILLIS = 20;

  /** What the board does at the turns of a machine's life. */
  public interface Board {
    /**
     * Pulls the reset line: all devices and CPUs, boot images. CPUs at rest, device lock held.
     *
     * @throws MachineException when the kernel cannot be loaded again
     */
    void reset() throws MachineException;

    /** What the first video card shows, or null without one. */
    default Display display() {
      return null;
    }

    /** Keyboard and mouse. Device lock held when it is called. */
    default InputSource.Sink input() {
      return new InputSource.Sink() {};
    }

    /** Presses the ACPI power button. Device lock held. */
    void pressPowerButton();

    /** Writes out what character and block backends buffer. CPUs at rest, no lock held. */
    void flush();

    /** Frees backends, CPUs and memory, after the last thread has ended. */
    void close();
  }

  /**
   * Policies of a run.
   *
   * @param resetEnds a guest reset ends the run with status 0 ({@code -no-reboot})
   * @param powerOffStops a guest power-off stops the CPUs only ({@code -no-shutdown})
   * @param startStopped CPUs wait for {@link #resume} ({@code -S})
   */
  public record Policy(boolean resetEnds, boolean powerOffStops, boolean startStopped) {}

  private final ReentrantLock deviceLock;
  private final MachineClock clock;
  private final EventLoop loop;
  private final Policy policy;
  private final List<VcpuThread> threads = new ArrayList<>();
  private final ReentrantLock lifecycle = new ReentrantLock();
  private final CompletableFuture<Integer> exitStatus = new CompletableFuture<>();
  private final AtomicBoolean resetPending = new AtomicBoolean();
  private Board board;

  /** Guards the count of threads at rest and the wake-up from rest. */
  private final Object rest = new Object();

  private int atRest;
  private volatile boolean stopRequested = true;
  private volatile boolean ending;
  private volatile boolean started;
  private volatile State state = State.STOPPED;

  /** Run control without CPUs yet. */
  public RunControl(ReentrantLock deviceLock, MachineClock clock, EventLoop loop, Policy policy) {
    this.deviceLock = deviceLock;
    this.clock = clock;
    this.loop = loop;
    this.policy = policy;
  }

  /** Sets whom to tell; once, before {@link #run}. */
  public void setBoard(Board board) {
    this.board = board;
  }

  /**
   * Adds a CPU before {@link #run}; the first one is the boot processor.
   *
   * @param onStart runs on the CPU's thread before anything else
   */
  public VcpuThread addVcpu(Vcpu vcpu, Runnable onStart) {
    VcpuThread thread = new VcpuThread(this, vcpu, threads.size(), clock, onStart);
    threads.add(thread);
    return thread;
  }

  /** The CPUs' threads in order. */
  public List<VcpuThread> threads() {
    return List.copyOf(threads);
  }

  @Override
  public int run() {
    started = true;
    loop.start();
    for (VcpuThread t : threads) {
      t.start();
    }
    if (!policy.startStopped()) {
      resume();
    }
    int status = exitStatus.join();
    end();
    return status;
  }

  // What devices ask for. Any thread, never blocks.

  @Override
  public void requestReset() {
    if (policy.resetEnds()) {
      exit(0);
    } else if (resetPending.compareAndSet(false, true)) {
      interruptAll();
      loop.executeUnlocked(this::performReset);
    }
  }

  /** The guest switched the power off. */
  public void guestPowerOff() {
    if (policy.powerOffStops()) {
      interruptAll();
      loop.executeUnlocked(() -> stop(State.POWERED_OFF));
    } else {
      exit(0);
    }
  }

  /** Ends the run with {@code status}: a guest's debug exit. */
  public void exit(int status) {
    exitStatus.complete(status);
    interruptAll();
  }

  /** Stops the CPUs soon, without waiting for it. */
  public void requestPause() {
    interruptAll();
    loop.executeUnlocked(() -> stop(State.STOPPED));
  }

  @Override
  public boolean hasDisplay() {
    return board.display() != null;
  }

  @Override
  public void render(DisplaySurface surface) {
    deviceLock.lock();
    try {
      board.display().render(surface);
    } finally {
      deviceLock.unlock();
    }
  }

  @Override
  public void input(Consumer<InputSource.Sink> event) {
    loop.execute(() -> event.accept(board.input()));
  }

  @Override
  public void requestPowerOff() {
    loop.execute(() -> board.pressPowerButton());
  }

  @Override
  public void quit(int status) {
    exit(status);
  }

  @Override
  public void nmi() {
    for (VcpuThread t : threads) {
      t.vcpu().nmi();
      t.wake();
    }
  }

  // Changes of state.

  @Override
  public void pause() {
    if (deviceLock.isHeldByCurrentThread()) {
      requestPause();
    } else {
      stop(State.STOPPED);
    }
  }

  @Override
  public void resume() {
    if (deviceLock.isHeldByCurrentThread()) {
      loop.executeUnlocked(this::resume);
      return;
    }
    lifecycle.lock();
    try {
      if (state != State.STOPPED) {
        return;
      }
      deviceLock.lock();
      try {
        clock.start();
      } finally {
        deviceLock.unlock();
      }
      state = State.RUNNING;
      for (VcpuThread t : threads) {
        t.unblock();
      }
      synchronized (rest) {
        stopRequested = exitStatus.isDone();
        rest.notifyAll();
      }
      loop.executeUnlocked(() -> {}); // the clock runs: the loop computes its sleep anew
    } finally {
      lifecycle.unlock();
    }
  }

  private void stop(State target) {
    lifecycle.lock();
    try {
      if (state == State.ENDED || state == State.POWERED_OFF) {
        return;
      }
      bringToRest();
      state = target;
    } finally {
      lifecycle.unlock();
    }
  }

  private void performReset() {
    lifecycle.lock();
    try {
      if (state == State.ENDED) {
        return;
      }
      boolean wasRunning = state == State.RUNNING;
      bringToRest();
      resetPending.set(false);
      deviceLock.lock();
      try {
        board.reset();
        for (VcpuThread t : threads) {
          t.afterReset();
        }
      } finally {
        deviceLock.unlock();
      }
      state = State.STOPPED;
      if (wasRunning) {
        resume();
      }
    } catch (MachineException e) {
      LOG.error("the machine cannot be reset: {}", e.getMessage());
      fail();
    } catch (RuntimeException e) {
      LOG.error("the machine cannot be reset", e);
      fail();
    } finally {
      lifecycle.unlock();
    }
  }

  private void end() {
    lifecycle.lock();
    try {
      bringToRest();
      state = State.ENDED;
      synchronized (rest) {
        ending = true;
        rest.notifyAll();
      }
      for (VcpuThread t : threads) {
        t.join();
      }
      board.flush();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      lifecycle.unlock();
      loop.close();
    }
  }

  /** Waits until every CPU thread rests in {@link #mayRun}; then the clock stands still. */
  private void bringToRest() {
    boolean interrupted = false;
    synchronized (rest) {
      stopRequested = true;
      while (atRest < threads.size()) {
        interruptAll();
        try {
          rest.wait(KICK_AGAIN_MILLIS);
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    deviceLock.lock();
    try {
      clock.stop();
    } finally {
      deviceLock.unlock();
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** The CPUs rest soon; whoever asked has posted what comes next. */
  private void interruptAll() {
    stopRequested = true;
    for (VcpuThread t : threads) {
      t.interruptRun();
    }
  }

  // What CPU threads ask.

  boolean stopRequested() {
    return stopRequested;
  }

  /** Rests while the machine is stopped; false when it has ended. */
  boolean mayRun() {
    if (!stopRequested) {
      return true;
    }
    synchronized (rest) {
      atRest++;
      rest.notifyAll();
      while (stopRequested && !ending) {
        try {
          rest.wait();
        } catch (InterruptedException e) {
          LOG.debug("CPU thread interrupted at rest; nobody should do that", e);
        }
      }
      if (!ending) {
        atRest--;
      }
      return !ending;
    }
  }

  /** A thread ended by an error counts as resting for ever. */
  void threadEnded() {
    synchronized (rest) {
      if (!ending) {
        atRest++;
      }
      rest.notifyAll();
    }
  }

  /** An internal error: the run ends with status 1. */
  void fail() {
    exit(1);
  }

  @Override
  public State state() {
    return state;
  }

  @Override
  public String statistics() {
    StringBuilder text = new StringBuilder();
    for (VcpuThread t : threads) {
      text.append(t.vcpu().statistics());
    }
    return text.toString();
  }

  @Override
  public void close() {
    if (started && state != State.ENDED) {
      throw new IllegalStateException("the machine is running");
    }
    state = State.ENDED;
    board.close();
  }
}
