package org.tuber.perf.measure;

/** A run that did not do what it should have; the message says what, with the end of its output. */
public final class FailedRunException extends Exception {
  private static final long serialVersionUID = 1;
  private static final int TAIL_LINES = 15;

  private FailedRunException(String message) {
    super(message);
  }

  /**
   * The failure of {@code run}.
   *
   * @param who emulator, and what it ran
   * @param why what is missing when it ended in time with status 0
   */
  public static FailedRunException of(String who, ProcessRun run, int limitSeconds, String why) {
    String reason =
        run.hasTimedOut()
            ? "no end within " + limitSeconds + " s"
            : run.status() != 0 ? "status " + run.status() : why;
    return new FailedRunException(
        who + " failed: " + reason + "\n" + run.tail(TAIL_LINES).stripTrailing());
  }
}
