package org.tuber.perf.boot;

import java.io.IOException;
import java.util.Optional;
import java.util.OptionalLong;
import org.tuber.perf.measure.Emulator;
import org.tuber.perf.measure.FailedRunException;
import org.tuber.perf.measure.Guest;
import org.tuber.perf.measure.ProcessRun;

/**
 * What one boot cost.
 *
 * @param seconds whole process
 * @param markerSeconds until the guest's first program has spoken
 * @param processorSeconds of all threads
 * @param peakMebibytes resident memory
 * @param instructions of the guest, where they are counted
 */
public record BootSample(
    double seconds,
    double markerSeconds,
    double processorSeconds,
    double peakMebibytes,
    OptionalLong instructions) {
  private static final String MARKER = "GUEST-MARKER";

  /** Boots a guest that prints the marker and switches off. */
  public static BootSample of(Emulator emulator, Guest guest, int limitSeconds)
      throws IOException, InterruptedException, FailedRunException {
    Emulator.Outcome outcome = emulator.boot(guest, limitSeconds);
    ProcessRun run = outcome.run();
    Optional<ProcessRun.Line> marker = run.first(line -> line.contains(MARKER));
    if (run.hasTimedOut() || run.status() != 0 || marker.isEmpty()) {
      throw FailedRunException.of(emulator.name(), run, limitSeconds, "no " + MARKER + " line");
    }
    return new BootSample(
        run.seconds(),
        marker.get().nanos() / 1e9,
        run.processorSeconds(),
        run.peakMebibytes(),
        outcome.instructions());
  }
}
