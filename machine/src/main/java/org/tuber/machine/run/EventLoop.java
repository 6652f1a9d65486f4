package org.tuber.machine.run;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.time.Timer;

/**
 * The machine's one event thread: takes the device lock and fires due timers and posted tasks, such
 * as input from character backends and completions of block requests.
 *
 * <p>It sleeps in {@code parkNanos} until the next deadline. A CPU that arms a timer wakes it only
 * when the new deadline is earlier than the one it sleeps for: the usual re-arming of a guest's
 * tick (later than now, often later than the last one) costs no system call.
 *
 * <p>Run control's own work ({@link #executeUnlocked}) runs here too, without the lock: it waits
 * for CPUs that may need the lock to come to rest.
 */
public final class EventLoop implements Executor, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(EventLoop.class);
  private static final long NOT_SLEEPING = Long.MIN_VALUE;

  private final ReentrantLock deviceLock;
  private final MachineClock clock;
  private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final Queue<Runnable> unlockedTasks = new ConcurrentLinkedQueue<>();
  private final Runnable fireDue;
  private final Thread thread;

  /** Guest time up to which the thread means to sleep; written under the device lock. */
  private long sleepUntilNanos = NOT_SLEEPING;

  private volatile boolean closing;

  /** A loop that is not started yet. */
  public EventLoop(ReentrantLock deviceLock, MachineClock clock) {
    this.deviceLock = deviceLock;
    this.clock = clock;
    fireDue = clock::fireDue;
    thread = new Thread(this::loop, "tuber-events");
    thread.setDaemon(true);
    clock.setEarlierDeadlineListener(this::deadlineScheduled);
  }

  /** Starts the thread. */
  public void start() {
    thread.start();
  }

  /** Runs {@code task} soon on the event thread, under the device lock. Any thread. */
  @Override
  public void execute(Runnable task) {
    tasks.add(task);
    LockSupport.unpark(thread);
  }

  /**
   * Runs {@code task} under the device lock: here and now when the lock is free, otherwise soon on
   * the event thread. For answers to requests that a CPU waits for: waking one thread that wakes
   * the other would take longer than many a request.
   *
   * <p>For threads that hold no lock which device code may ask for. A device that is answered while
   * it still asks hears of it later, as from {@link #execute}.
   */
  public void answer(Runnable task) {
    if (deviceLock.isHeldByCurrentThread() || !tasks.isEmpty() || !deviceLock.tryLock()) {
      execute(task);
      return;
    }
    try {
      if (!closing) {
        guarded(task);
      }
    } finally {
      deviceLock.unlock();
    }
  }

  /** Runs {@code task} soon on the event thread, without the device lock. Any thread. */
  public void executeUnlocked(Runnable task) {
    unlockedTasks.add(task);
    LockSupport.unpark(thread);
  }

  /** True on the event thread. */
  public boolean isLoopThread() {
    return Thread.currentThread() == thread;
  }

  /** Ends the thread after its present task; {@link #answer} does nothing from now on. */
  @Override
  public void close() {
    // Under the lock: whoever answers on a thread of his own is through then.
    deviceLock.lock();
    try {
      closing = true;
    } finally {
      deviceLock.unlock();
    }
    LockSupport.unpark(thread);
  }

  private void deadlineScheduled(long deadlineNanos) {
    if (deadlineNanos < sleepUntilNanos) {
      sleepUntilNanos = deadlineNanos;
      LockSupport.unpark(thread);
    }
  }

  private void loop() {
    while (!closing) {
      runUnlocked();
      long deadline;
      deviceLock.lock();
      try {
        sleepUntilNanos = NOT_SLEEPING;
        runTasks();
        if (clock.isRunning()) {
          guarded(fireDue);
        }
        deadline = clock.nextDeadlineNanos();
        sleepUntilNanos = deadline;
      } finally {
        deviceLock.unlock();
      }
      // A task added from here on leaves a permit, so that the park below returns at once.
      if (!tasks.isEmpty() || !unlockedTasks.isEmpty() || closing) {
        continue;
      }
      long sleep = clock.sleepNanos(deadline);
      if (sleep == Timer.NEVER) {
        LockSupport.park(this);
      } else if (sleep > 0) {
        LockSupport.parkNanos(this, sleep);
      }
    }
  }

  private void runTasks() {
    // Bounded by what is there now: tasks that post tasks must not keep the lock for ever.
    for (int n = tasks.size(); n > 0; n--) {
      Runnable task = tasks.poll();
      if (task == null) {
        return;
      }
      guarded(task);
    }
  }

  private void runUnlocked() {
    Runnable task;
    while ((task = unlockedTasks.poll()) != null) {
      guarded(task);
    }
  }

  private static void guarded(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException | Error e) {
      LOG.error("internal error in an event handler", e);
    }
  }
}
