package org.tuber.machine;

import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.tuber.core.backend.InputSource;
import org.tuber.devices.display.DisplaySurface;
import org.tuber.devices.display.TextScreen;

/**
 * A machine under run control. {@link #run} belongs to one thread; everything else may be called by
 * any thread at any time, also before and after the run.
 */
public interface MachineRun extends AutoCloseable {
  /** Where the machine is in its life. */
  enum State {
    /** CPUs do not run; the clock stands still. */
    STOPPED,
    /** CPUs run. */
    RUNNING,
    /** The guest switched itself off and the run goes on because of {@code -no-shutdown}. */
    POWERED_OFF,
    /** {@link MachineRun#run} returned or is about to. */
    ENDED
  }

  /**
   * Runs until the guest powers off, resets under {@code -no-reboot}, or somebody calls {@link
   * #quit}. All backends are flushed on return.
   *
   * @return exit status for the process: 0 after power-off, a guest's debug-exit code otherwise
   */
  int run();

  /** Presses the power button: the guest decides what to do. */
  void requestPowerOff();

  /** Presses the sleep button, where there is one: the guest decides what to do. */
  default void requestSleep() {}

  /** Pulls the reset line. */
  void requestReset();

  /** Ends {@link #run} soon with {@code status}, whatever the guest does. */
  void quit(int status);

  /** The same, saying who wants it. */
  default void requestReset(RunEvent.Cause cause) {
    requestReset();
  }

  /** The same, saying who wants it. */
  default void quit(int status, RunEvent.Cause cause) {
    quit(status);
  }

  /** Raises a non-maskable interrupt on every CPU. */
  void nmi();

  /** Stops the CPUs and the guest's clock; returns once they stand still. */
  void pause();

  /** Lets the CPUs go on. */
  void resume();

  /** How a CPU goes on after a debugger's stop. */
  enum Go {
    /** Runs. */
    RUN,
    /** Executes one instruction, then all stop. */
    STEP,
    /** The same; an interrupt may come first. */
    STEP_WITH_INTERRUPTS,
    /** Stays where it is. */
    STAY
  }

  /**
   * Lets the CPUs go on, each in its own way.
   *
   * @param ways one for each CPU
   */
  default void resume(List<Go> ways) {
    resume();
  }

  /** The present state. */
  State state();

  /** Why the CPUs stand still; of interest while the state is {@link State#STOPPED}. */
  default RunEvent.Rest rest() {
    return RunEvent.Rest.PAUSED;
  }

  /** Tells {@code listener} of every turn from now on, on the thread that makes it. */
  default void addListener(Consumer<RunEvent> listener) {}

  /** No longer tells {@code listener}. */
  default void removeListener(Consumer<RunEvent> listener) {}

  /**
   * Does something while no CPU runs and time stands still; the guest and listeners notice nothing.
   * Not under the device lock.
   */
  default <T> T atRest(Supplier<T> task) {
    return task.get();
  }

  /** What the machine is made of. */
  default MachineParts parts() {
    throw new IllegalStateException("this machine cannot be looked into");
  }

  /** True when there is a video card. */
  default boolean hasDisplay() {
    return false;
  }

  /** Draws what the video card shows now; only with {@link #hasDisplay}. */
  default void render(DisplaySurface surface) {
    throw new IllegalStateException("this machine has no display");
  }

  /** Fills in what a text mode of the video card shows; false in other modes. */
  default boolean render(TextScreen screen) {
    return false;
  }

  /** Runs {@code event} soon with keyboard and mouse, on the event thread. */
  default void input(Consumer<InputSource.Sink> event) {}

  /** Lines for {@code -d engine} and the monitor, one block for each CPU. */
  String statistics();

  /** Frees CPUs, memory and backends; after {@link #run} has returned. */
  @Override
  void close();
}
