package org.tuber.devices.character;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.backend.CharBackend;

/**
 * A line over a pair of byte streams: standard input and output, a socket, a pipe.
 *
 * <p>Output is gathered and written by an own thread within a few milliseconds, so that a guest
 * that prints byte by byte does not pay a system call each. Input is read by another thread, which
 * hands it to the machine's event loop and stops reading while the device has no room.
 */
public final class StreamCharBackend implements CharBackend {
  private static final Logger LOG = LoggerFactory.getLogger(StreamCharBackend.class);
  private static final int INPUT_BYTES = 4096;
  private static final int OUTPUT_BYTES = 1 << 16;
  private static final long GATHER_NANOS = 2_000_000;

  private final String name;
  private final InputStream in;
  private final OutputStream out;
  private final Executor eventLoop;

  private final ReentrantLock outLock = new ReentrantLock();
  private final Condition outChanged = outLock.newCondition();
  private byte[] gathered = new byte[OUTPUT_BYTES];
  private byte[] spare = new byte[OUTPUT_BYTES];
  private int gatheredBytes;
  private boolean writing;
  private boolean flushing;
  private boolean broken;

  private final ReentrantLock inLock = new ReentrantLock();
  private final Condition inTaken = inLock.newCondition();
  private final byte[] waiting = new byte[INPUT_BYTES];
  private int waitingHead;
  private int waitingBytes;

  private volatile boolean closed;
  private volatile Receiver receiver;
  private Thread reader;

  /**
   * A line over streams.
   *
   * @param name for thread names and messages
   * @param in where input comes from, or null for none
   * @param out where output goes
   * @param eventLoop runs tasks on the machine's event loop, device lock held
   */
  public StreamCharBackend(String name, InputStream in, OutputStream out, Executor eventLoop) {
    this.name = name;
    this.in = in;
    this.out = out;
    this.eventLoop = eventLoop;
    Thread.ofPlatform().daemon().name(name + "-out").start(this::writeLoop);
  }

  // Output.

  @Override
  public void write(byte value) {
    outLock.lock();
    try {
      while (gatheredBytes == gathered.length && !broken && !closed) {
        outChanged.awaitUninterruptibly();
      }
      if (broken || closed) {
        return;
      }
      gathered[gatheredBytes++] = value;
      if (gatheredBytes == 1) {
        outChanged.signalAll();
      }
    } finally {
      outLock.unlock();
    }
  }

  private void writeLoop() {
    while (true) {
      byte[] bytes;
      int length;
      outLock.lock();
      try {
        writing = false;
        outChanged.signalAll();
        while (gatheredBytes == 0 && !closed) {
          outChanged.awaitUninterruptibly();
        }
        if (gatheredBytes == 0) {
          return;
        }
        gatherMore();
        bytes = gathered;
        length = gatheredBytes;
        gathered = spare;
        spare = bytes;
        gatheredBytes = 0;
        writing = true;
        outChanged.signalAll();
      } finally {
        outLock.unlock();
      }
      try {
        out.write(bytes, 0, length);
        out.flush();
      } catch (IOException e) {
        if (!closed) {
          LOG.warn("{}: output ends: {}", name, e.getMessage());
        }
        outLock.lock();
        try {
          broken = true;
          writing = false;
          gatheredBytes = 0;
          outChanged.signalAll();
        } finally {
          outLock.unlock();
        }
        return;
      }
    }
  }

  /** Waits a moment for more bytes unless somebody waits for these. */
  private void gatherMore() {
    long leftNanos = GATHER_NANOS;
    while (leftNanos > 0 && gatheredBytes < OUTPUT_BYTES / 2 && !flushing && !closed) {
      try {
        leftNanos = outChanged.awaitNanos(leftNanos);
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  @Override
  public void flush() {
    outLock.lock();
    try {
      flushing = true;
      outChanged.signalAll();
      while ((gatheredBytes > 0 || writing) && !broken) {
        outChanged.awaitUninterruptibly();
      }
      flushing = false;
    } finally {
      outLock.unlock();
    }
  }

  // Input.

  @Override
  public void setReceiver(Receiver newReceiver) {
    receiver = newReceiver;
    if (in != null && reader == null) {
      reader = Thread.ofPlatform().daemon().name(name + "-in").start(this::readLoop);
    }
  }

  private void readLoop() {
    byte[] chunk = new byte[INPUT_BYTES];
    try {
      while (!closed) {
        int n = in.read(chunk);
        if (n < 0) {
          return;
        }
        inLock.lock();
        try {
          while (waitingBytes > 0 && !closed) {
            inTaken.awaitUninterruptibly();
          }
          System.arraycopy(chunk, 0, waiting, 0, n);
          waitingHead = 0;
          waitingBytes = n;
        } finally {
          inLock.unlock();
        }
        eventLoop.execute(this::deliver);
      }
    } catch (IOException e) {
      if (!closed) {
        LOG.warn("{}: input ends: {}", name, e.getMessage());
      }
    }
  }

  /** Hands over what the device has room for; the rest waits for {@link #acceptInput}. */
  private void deliver() {
    Receiver target = receiver;
    inLock.lock();
    try {
      int room = target == null ? 0 : target.canReceive();
      int n = Math.min(room, waitingBytes);
      if (n > 0) {
        target.receive(waiting, waitingHead, n);
        waitingHead += n;
        waitingBytes -= n;
        if (waitingBytes == 0) {
          inTaken.signalAll();
        }
      }
    } finally {
      inLock.unlock();
    }
  }

  @Override
  public void acceptInput() {
    if (in == null) {
      return;
    }
    inLock.lock();
    try {
      if (waitingBytes > 0) {
        eventLoop.execute(this::deliver);
      }
    } finally {
      inLock.unlock();
    }
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    flush();
    closed = true;
    outLock.lock();
    try {
      outChanged.signalAll();
    } finally {
      outLock.unlock();
    }
    inLock.lock();
    try {
      inTaken.signalAll();
    } finally {
      inLock.unlock();
    }
  }
}
