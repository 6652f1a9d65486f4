package org.tuber.devices.character;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.backend.CharBackend;

/** A line whose output goes to a file, which is emptied first; there is no input. */
public final class FileCharBackend implements CharBackend {
  private static final Logger LOG = LoggerFactory.getLogger(FileCharBackend.class);
  private static final int BUFFER_BYTES = 4096;

  private final Path path;
  private final OutputStream out;
  private final byte[] buffer = new byte[BUFFER_BYTES];
  private int buffered;
  private boolean broken;

  /**
   * Opens {@code path} for writing.
   *
   * @throws IOException when that fails
   */
  public FileCharBackend(Path path) throws IOException {
    this.path = path;
    this.out = Files.newOutputStream(path);
  }

  /** Lines reach the file when they are complete, so that a log can be followed. */
  @Override
  public synchronized void write(byte value) {
    buffer[buffered++] = value;
    if (value == '\n' || buffered == BUFFER_BYTES) {
      flush();
    }
  }

  @Override
  public void setReceiver(Receiver receiver) {}

  @Override
  public void acceptInput() {}

  @Override
  public synchronized void flush() {
    try {
      if (!broken) {
        out.write(buffer, 0, buffered);
      }
    } catch (IOException e) {
      broken = true;
      LOG.warn("{}: output ends: {}", path, e.getMessage());
    }
    buffered = 0;
  }

  @Override
  public synchronized void close() {
    flush();
    try {
      out.close();
    } catch (IOException e) {
      LOG.warn("{}: {}", path, e.getMessage());
    }
  }
}
