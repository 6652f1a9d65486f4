package org.tuber.launcher.console;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.backend.CharBackend;

/** {@code -serial file:F}: what the guest sends goes to a new file; nothing ever comes in. */
public final class FileCharBackend implements CharBackend {
  private static final Logger LOG = LoggerFactory.getLogger(FileCharBackend.class);

  private final OutputStream file;
  private final ByteOutlet outlet;

  /** Creates or truncates {@code path}. */
  public FileCharBackend(Path path) throws IOException {
    file = Files.newOutputStream(path);
    outlet = new ByteOutlet("serial-file", file);
  }

  @Override
  public void write(byte value) {
    outlet.write(value);
  }

  @Override
  public void setReceiver(Receiver receiver) {
    // A file has no input.
  }

  @Override
  public void acceptInput() {
    // A file has no input.
  }

  @Override
  public void flush() {
    outlet.flush();
  }

  @Override
  public void close() {
    outlet.close();
    try {
      file.close();
    } catch (IOException e) {
      LOG.warn("closing serial file: {}", e.toString());
    }
  }
}
