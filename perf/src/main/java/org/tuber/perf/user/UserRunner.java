package org.tuber.perf.user;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.tuber.perf.measure.FailedRunException;
import org.tuber.perf.measure.ProcessRun;
import org.tuber.perf.measure.UserMode;

/** Runs of one program. One whose output differs from the first's by a byte has failed. */
public final class UserRunner {
  private final List<String> command;
  private final Path output;
  private final Path expected;
  private final int limitSeconds;
  private boolean hasExpected;

  /**
   * For the program of this command line.
   *
   * @param folder for its output
   */
  public UserRunner(List<String> command, Path folder, int limitSeconds) {
    this.command = command;
    this.limitSeconds = limitSeconds;
    output = folder.resolve("output");
    expected = folder.resolve("expected");
  }

  /** Runs it once. */
  public ProcessRun run(UserMode mode)
      throws IOException, InterruptedException, FailedRunException {
    ProcessRun run = mode.into(output, command, limitSeconds);
    String who = mode.name() + ", " + String.join(" ", command);
    if (run.hasTimedOut() || run.status() != 0) {
      throw FailedRunException.of(who, run, limitSeconds, "");
    }
    if (!hasExpected) {
      Files.deleteIfExists(expected);
      Files.move(output, expected);
      hasExpected = true;
    } else if (Files.mismatch(output, expected) >= 0) {
      throw FailedRunException.of(who, run, limitSeconds, "other output");
    }
    return run;
  }
}
