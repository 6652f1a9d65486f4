package org.tuber.launcher.console;

import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.tuber.core.backend.CharBackend;

/**
 * {@code -serial pty}: a new pseudo-terminal that any terminal program can be pointed at. While
 * nobody is connected, output fills the kernel's buffer and then is dropped.
 */
public final class PtyCharBackend implements CharBackend {
  private static final int CHUNK_BYTES = 256;
  private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

  private final PseudoTerminal pty;
  private final ByteOutlet outlet;
  private final InputQueue input;
  private volatile boolean closed;

  /** Makes the pair. */
  public PtyCharBackend(Executor eventLoop) throws IOException {
    pty = new PseudoTerminal();
    outlet =
        new ByteOutlet(
            "pty",
            new OutputStream() {
              @Override
              public void write(int value) {
                pty.write(new byte[] {(byte) value}, 0, 1);
              }

              @Override
              public void write(byte[] bytes, int offset, int length) {
                pty.write(bytes, offset, length);
              }
            });
    input = new InputQueue(eventLoop);
    Thread.ofPlatform().daemon().name("pty-input").start(this::readLoop);
  }

  /** The other end's name, e.g. {@code /dev/pts/3}. */
  public String name() {
    return pty.name();
  }

  private void readLoop() {
    byte[] chunk = new byte[CHUNK_BYTES];
    try {
      while (!closed) {
        int length = pty.read(chunk);
        if (length > 0) {
          input.offer(chunk, length);
        } else {
          // Between two callers the kernel reports an error at once: look again now and then.
          LockSupport.parkNanos(RETRY_NANOS);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void write(byte value) {
    outlet.write(value);
  }

  @Override
  public void setReceiver(Receiver receiver) {
    input.setReceiver(receiver);
  }

  @Override
  public void acceptInput() {
    input.deliver();
  }

  @Override
  public void flush() {
    outlet.flush();
  }

  @Override
  public void close() {
    closed = true;
    outlet.close();
    // The descriptor stays until the process ends: the reading thread may be inside the kernel with
    // it.
  }
}
