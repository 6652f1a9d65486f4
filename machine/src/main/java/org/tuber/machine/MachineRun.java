package org.tuber.machine;

import java.util.function.Consumer;
import org.tuber.core.backend.InputSource;
import org.tuber.devices.display.DisplaySurface;

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

  /** Pulls the reset line. */
  void requestReset();

  /** Ends {@link #run} soon with {@code status}, whatever the guest does. */
  void quit(int status);

  /** Raises a non-maskable interrupt on every CPU. */
  void nmi();

  /** Stops the CPUs and the guest's clock; returns once they stand still. */
  void pause();

  /** Lets the CPUs go on. */
  void resume();

  /** The present state. */
  State state();

  /** True when there is a video card. */
  default boolean hasDisplay() {
    return false;
  }

  /** Draws what the video card shows now; only with {@link #hasDisplay}. */
  default void render(DisplaySurface surface) {
    throw new IllegalStateException("this machine has no display");
  }

  /** Runs {@code event} soon with keyboard and mouse, on the event thread. */
  default void input(Consumer<InputSource.Sink> event) {}

  /** Lines for {@code -d engine} and the monitor, one block for each CPU. */
  String statistics();

  /** Frees CPUs, memory and backends; after {@link #run} has returned. */
  @Override
  void close();
}
