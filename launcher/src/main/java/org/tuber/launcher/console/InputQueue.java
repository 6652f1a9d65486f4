package org.tuber.launcher.console;

import java.util.ArrayDeque;
import java.util.concurrent.Executor;
import org.tuber.core.backend.CharBackend.Receiver;

/**
 * Keeps input bytes until the device has room for them. {@link #offer} may be called by any thread;
 * delivery happens on the machine's event loop.
 */
final class InputQueue {
  private static final int CHUNK_BYTES = 256;
  private static final int MOST_WAITING_BYTES = 1 << 16;

  private final Executor eventLoop;
  private final ArrayDeque<Byte> waiting = new ArrayDeque<>();
  private Receiver receiver;

  InputQueue(Executor eventLoop) {
    this.eventLoop = eventLoop;
  }

  void setReceiver(Receiver value) {
    receiver = value;
    deliver();
  }

  /** Takes input; blocks the reading thread while far too much waits (a file piped in). */
  void offer(byte[] bytes, int length) throws InterruptedException {
    synchronized (waiting) {
      while (waiting.size() > MOST_WAITING_BYTES) {
        waiting.wait();
      }
      for (int i = 0; i < length; i++) {
        waiting.add(bytes[i]);
      }
    }
    eventLoop.execute(this::deliver);
  }

  /** On the event loop: hands over what fits. */
  void deliver() {
    if (receiver == null) {
      return;
    }
    byte[] chunk = new byte[CHUNK_BYTES];
    while (true) {
      int room = Math.min(receiver.canReceive(), CHUNK_BYTES);
      int length = 0;
      synchronized (waiting) {
        while (length < room && !waiting.isEmpty()) {
          chunk[length++] = waiting.remove();
        }
        if (length > 0) {
          waiting.notifyAll();
        }
      }
      if (length == 0) {
        return;
      }
      receiver.receive(chunk, 0, length);
    }
  }
}
