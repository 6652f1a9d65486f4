package org.tuber.machine;

import java.io.IOException;
import java.util.concurrent.Executor;
import org.tuber.core.backend.CharBackend;
import org.tuber.devices.character.NullCharBackend;

/**
 * The host side of a character device before the machine exists: opened while the board is built.
 */
@FunctionalInterface
public interface CharBackendSource {
  /** Swallows output and never has input. */
  CharBackendSource NULL = eventLoop -> new NullCharBackend();

  /**
   * Opens the backend.
   *
   * @param eventLoop runs what it is given on the machine's event loop with the device lock held;
   *     the backend's own threads hand received bytes over through it
   * @throws IOException when the host side cannot be opened; the message names it
   */
  CharBackend open(Executor eventLoop) throws IOException;

  /** The host side in few words, as monitors show it. */
  default String hostName() {
    return "null";
  }
}
