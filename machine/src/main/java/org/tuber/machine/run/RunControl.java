package org.tuber.machine.run;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.backend.InputSource;
import org.tuber.core.cpu.DebugControl;
import org.tuber.core.cpu.Vcpu;
import org.tuber.devices.display.Display;
import org.tuber.devices.display.DisplaySurface;
import org.tuber.devices.display.TextScreen;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineParts;
import org.tuber.machine.MachineRun;
import org.tuber.machine.RunEvent;
import org.tuber.machine.RunEvent.Cause;
import org.tuber.machine.RunEvent.Rest;

/**
 * The life of a machine: one thread for each CPU, pause and resume, reset, power-off, the end.
 *
 * <p>Changes of state are serialised by one lock, which a thread never takes while it holds the
 * device lock, because it waits for CPUs that may want the device lock. Devices therefore
 * <em>request</em> ({@link #requestReset}, {@link #guestPowerOff}, {@link #exit}): that never
 * blocks, and the event loop carries it out without the device lock. A reset is carried out earlier
 * by whoever looks at the machine or lets it go on first.
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

    /** What the machine is made of. */
    default MachineParts parts() {
      throw new IllegalStateException("this board cannot be looked into");
    }

    /** Presses the ACPI power button. Device lock held. */
    void pressPowerButton();

    /** Presses the sleep button, where there is one. Device lock held. */
    default void pressSleepButton() {}

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
  private final AtomicReference<Cause> resetPending = new AtomicReference<>();
  private final List<Consumer<RunEvent>> listeners = new CopyOnWriteArrayList<>();
  private final Queue<RunEvent.Caught> caught = new ConcurrentLinkedQueue<>();
  private Board board;

  /** Guards the count of threads at rest and the wake-up from rest. */
  private final Object rest = new Object();

  private int atRest;
  private volatile boolean stopRequested = true;
  private volatile boolean ending;
  private volatile boolean started;
  private volatile State state = State.STOPPED;
  private volatile Rest restReason = Rest.PRELAUNCH;

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
    requestReset(Cause.GUEST_RESET);
  }

  @Override
  public void requestReset(Cause cause) {
    if (policy.resetEnds() && cause.isFromGuest()) {
      exit(0, cause);
    } else if (resetPending.compareAndSet(null, cause)) {
      interruptAll();
      loop.executeUnlocked(this::performReset);
    }
  }

  /** The guest switched the power off. */
  public void guestPowerOff() {
    if (policy.powerOffStops()) {
      interruptAll();
      loop.executeUnlocked(this::powerOff);
    } else {
      exit(0, Cause.GUEST_SHUTDOWN);
    }
  }

  private void powerOff() {
    publish(new RunEvent.ShutDown(Cause.GUEST_SHUTDOWN));
    stop(State.POWERED_OFF, Rest.PAUSED);
  }

  /** Ends the run with {@code status}: a guest's debug exit. */
  public void exit(int status) {
    exit(status, Cause.GUEST_SHUTDOWN);
  }

  private void exit(int status, Cause cause) {
    if (!exitStatus.isDone()) {
      publish(new RunEvent.ShutDown(cause));
    }
    exitStatus.complete(status);
    interruptAll();
  }

  /** Stops the CPUs soon, without waiting for it. */
  public void requestPause() {
    interruptAll();
    loop.executeUnlocked(() -> stop(State.STOPPED, Rest.PAUSED));
  }

  /** A CPU came to a debugger's stop: all stop, then listeners hear of it. */
  void caught(int cpu, DebugControl.Stop stop) {
    caught.add(new RunEvent.Caught(cpu, stop));
    interruptAll();
    loop.executeUnlocked(this::reportCaught);
  }

  private void reportCaught() {
    stop(State.STOPPED, Rest.DEBUG);
    RunEvent.Caught next;
    while ((next = caught.poll()) != null) {
      publish(next);
    }
  }

  /** Tells all listeners. Any thread; they do not wait for anything. */
  public void publish(RunEvent event) {
    for (Consumer<RunEvent> listener : listeners) {
      try {
        listener.accept(event);
      } catch (RuntimeException e) {
        LOG.error("telling of {}", event, e);
      }
    }
  }

  @Override
  public void addListener(Consumer<RunEvent> listener) {
    listeners.add(listener);
  }

  @Override
  public void removeListener(Consumer<RunEvent> listener) {
    listeners.remove(listener);
  }

  @Override
  public MachineParts parts() {
    return board.parts();
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
  public boolean render(TextScreen screen) {
    deviceLock.lock();
    try {
      return board.display().render(screen);
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
    loop.execute(
        () -> {
          board.pressPowerButton();
          publish(new RunEvent.PowerButton());
        });
  }

  @Override
  public void requestSleep() {
    loop.execute(board::pressSleepButton);
  }

  @Override
  public void quit(int status) {
    exit(status, Cause.MONITOR_QUIT);
  }

  @Override
  public void quit(int status, Cause cause) {
    exit(status, cause);
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
      stop(State.STOPPED, Rest.PAUSED);
    }
  }

  @Override
  public void resume() {
    resume(List.of());
  }

  @Override
  public void resume(List<Go> ways) {
    if (deviceLock.isHeldByCurrentThread()) {
      loop.executeUnlocked(() -> resume(ways));
      return;
    }
    lifecycle.lock();
    try {
      performReset();
      if (state != State.STOPPED) {
        return;
      }
      for (int i = 0; i < threads.size(); i++) {
        threads.get(i).unblock(i < ways.size() ? ways.get(i) : Go.RUN);
      }
      state = State.RUNNING;
      publish(new RunEvent.Resumed());
      letRun();
    } finally {
      lifecycle.unlock();
    }
  }

  /** The clock and the CPUs go on. */
  private void letRun() {
    deviceLock.lock();
    try {
      clock.start();
    } finally {
      deviceLock.unlock();
    }
    synchronized (rest) {
      stopRequested = exitStatus.isDone();
      rest.notifyAll();
    }
    loop.executeUnlocked(() -> {}); // the clock runs: the loop computes its sleep anew
  }

  @Override
  public <T> T atRest(Supplier<T> task) {
    if (deviceLock.isHeldByCurrentThread()) {
      throw new IllegalStateException("waiting for CPUs under the device lock");
    }
    lifecycle.lock();
    try {
      performReset(); // whoever asked for one and looks now looks at the machine after it
      if (state != State.RUNNING) {
        return task.get();
      }
      bringToRest();
      try {
        return task.get();
      } finally {
        letRun();
      }
    } finally {
      lifecycle.unlock();
    }
  }

  private void stop(State target, Rest why) {
    lifecycle.lock();
    try {
      if (state == State.ENDED || state == State.POWERED_OFF) {
        return;
      }
      boolean ran = state == State.RUNNING;
      bringToRest();
      state = target;
      if (ran) {
        restReason = why;
        publish(new RunEvent.Stopped(why));
      }
    } finally {
      lifecycle.unlock();
    }
  }

  /** Carries out a reset that was asked for, if none has done so yet. */
  private void performReset() {
    lifecycle.lock();
    try {
      if (state == State.ENDED || resetPending.get() == null) {
        return;
      }
      boolean wasRunning = state == State.RUNNING;
      bringToRest();
      Cause cause = resetPending.getAndSet(null);
      deviceLock.lock();
      try {
        board.reset();
        for (VcpuThread t : threads) {
          t.reset();
        }
      } finally {
        deviceLock.unlock();
      }
      publish(new RunEvent.Reset(cause));
      if (wasRunning) {
        letRun();
      } else {
        state = State.STOPPED;
        restReason = Rest.PRELAUNCH;
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
    exit(1, Cause.ERROR);
  }

  @Override
  public Rest rest() {
    return restReason;
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
