package org.tuber.truffle.engine.linux;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import org.tuber.core.mem.GuestRam;

/**
 * Streams of the host as a program's descriptors 0 to 2, through pipes. What the program writes
 * reaches the streams from a thread of its own or in {@link #drain}. Input is read ahead, from the
 * moment on when the program first does something with descriptor 0.
 */
public final class HostStreams {
  private static final int PIPE2 = 293;
  private static final int POLL = 7;
  private static final int POLLIN = 1;
  private static final int FIONREAD = 0x541b;
  private static final int O_CLOEXEC = 0x80000;
  private static final int F_DUPFD_CLOEXEC = 1030;

  /** Out of the way of what the JVM opens. */
  private static final int LEAST = 64;

  private static final int CHUNK = 16 << 10;
  private static final int TAIL_BYTES = 2048;

  private final InputStream in;
  private final Pump out;
  private final Pump error;

  public HostStreams(InputStream in, OutputStream out, OutputStream error) {
    this.in = in;
    this.out = new Pump(out, "tuber-stdout");
    this.error = new Pump(error, "tuber-stderr");
  }

  /** Read end and write end of a new pipe. */
  private static int[] pipe() {
    long pair = GuestRam.hostAllocate(8);
    try {
      Host.must("pipe2", Host.call(PIPE2, pair, O_CLOEXEC));
      int[] ends = new int[2];
      for (int i = 0; i < 2; i++) {
        int fd = GuestRam.hostLoad32(pair + 4L * i);
        ends[i] = (int) Host.must("fcntl", Host.call(Host.FCNTL, fd, F_DUPFD_CLOEXEC, LEAST));
        Host.close(fd);
      }
      return ends;
    } finally {
      GuestRam.hostFree(pair);
    }
  }

  /** The descriptor table of a new program. */
  FdTable table(int limit) {
    FdTable table = new FdTable(limit);
    int[] input = pipe();
    table.replace(0, new Input(input[0], input[1], in), false);
    table.replace(1, new Output(out.open(), out), false);
    table.replace(2, new Output(error.open(), error), false);
    return table;
  }

  /** Hands on what the program has written so far. */
  public void drain() {
    out.drainIfUsed();
    error.drainIfUsed();
  }

  /** After the last process ended: hands on the rest. */
  void finish() {
    out.finish();
    error.finish();
  }

  /** The end of what was written to descriptor 2. */
  public String lastErrors() {
    error.drain();
    return error.tail();
  }

  // ---------------------------------------------------------------- output

  private static final class Output extends OpenFile {
    private final Pump pump;

    Output(int writeFd, Pump pump) {
      super(writeFd);
      this.pump = pump;
    }

    @Override
    void used() {
      pump.used = true;
    }
  }

  private static final class Pump implements Runnable {
    private final OutputStream target;
    private final String name;
    private final byte[] tail = new byte[TAIL_BYTES];
    private int tailUsed;
    private int fd = -1;
    private Thread thread;

    /** The program has done something with its end since the last {@link #drainIfUsed}. */
    private volatile boolean used;

    Pump(OutputStream target, String name) {
      this.target = target;
      this.name = name;
    }

    /** The end for the program to write into. */
    int open() {
      int[] ends = pipe();
      fd = ends[0];
      thread = new Thread(this, name);
      thread.setDaemon(true);
      thread.start();
      return ends[1];
    }

    @Override
    public void run() {
      long poll = GuestRam.hostAllocate(8);
      try {
        while (true) {
          GuestRam.hostStore32(poll, fd);
          GuestRam.hostStore32(poll + 4, POLLIN);
          Host.call(POLL, poll, 1, -1);
          int events = GuestRam.hostLoad32(poll + 4) >>> 16;
          drain();
          if (events != 0 && (events & POLLIN) == 0) {
            return;
          }
        }
      } finally {
        GuestRam.hostFree(poll);
        closeEnd();
      }
    }

    private synchronized void closeEnd() {
      Host.close(fd);
      fd = -1;
    }

    void drainIfUsed() {
      if (used) {
        used = false;
        drain();
      }
    }

    synchronized void drain() {
      if (fd < 0) {
        return;
      }
      long buffer = GuestRam.hostAllocate(CHUNK);
      try {
        while (true) {
          GuestRam.hostStore32(buffer, 0);
          Host.call(Host.IOCTL, fd, FIONREAD, buffer);
          int there = GuestRam.hostLoad32(buffer);
          if (there <= 0) {
            return;
          }
          long n = Host.call(Host.READ, fd, buffer, Math.min(there, CHUNK));
          if (n <= 0) {
            return;
          }
          byte[] bytes = new byte[(int) n];
          for (int i = 0; i < n; i++) {
            bytes[i] = (byte) GuestRam.hostLoad8(buffer + i);
          }
          deliver(bytes);
        }
      } finally {
        GuestRam.hostFree(buffer);
      }
    }

    private void deliver(byte[] bytes) {
      int n = Math.min(bytes.length, TAIL_BYTES);
      int keep = Math.min(tailUsed, TAIL_BYTES - n);
      System.arraycopy(tail, tailUsed - keep, tail, 0, keep);
      System.arraycopy(bytes, bytes.length - n, tail, keep, n);
      tailUsed = keep + n;
      try {
        target.write(bytes);
        target.flush();
      } catch (IOException e) {
        // As writing to a closed terminal: the program does not learn of it.
        tailUsed = keep + n;
      }
    }

    synchronized String tail() {
      return new String(tail, 0, tailUsed, StandardCharsets.UTF_8).strip();
    }

    void finish() {
      if (thread == null) {
        return;
      }
      boolean interrupted = false;
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  // ---------------------------------------------------------------- input

  private static final class Input extends OpenFile implements Runnable {
    private final int writeFd;
    private final InputStream source;
    private Thread thread;
    private boolean gone;

    Input(int readFd, int writeFd, InputStream source) {
      super(readFd);
      this.writeFd = writeFd;
      this.source = source;
    }

    @Override
    void used() {
      if (thread == null) {
        start();
      }
    }

    private synchronized void start() {
      if (thread == null && !gone) {
        thread = new Thread(this, "tuber-stdin");
        thread.setDaemon(true);
        thread.start();
      }
    }

    @Override
    public void run() {
      long buffer = GuestRam.hostAllocate(CHUNK);
      byte[] bytes = new byte[CHUNK];
      try {
        int n = source.read(bytes);
        while (n >= 0) {
          for (int i = 0; i < n; i++) {
            GuestRam.hostStore8(buffer + i, bytes[i]);
          }
          if (!writeAll(buffer, n)) {
            return;
          }
          n = source.read(bytes);
        }
      } catch (IOException e) {
        // Unreadable is over, as for a terminal that hung up.
        return;
      } finally {
        GuestRam.hostFree(buffer);
        Host.close(writeFd);
      }
    }

    private boolean writeAll(long buffer, int bytes) {
      int done = 0;
      while (done < bytes) {
        long n = Host.call(Host.WRITE, writeFd, buffer + done, bytes - done);
        if (n <= 0) {
          return false;
        }
        done += (int) n;
      }
      return true;
    }

    @Override
    void closed() {
      synchronized (this) {
        gone = true;
        if (thread == null) {
          Host.close(writeFd);
        } else {
          thread.interrupt();
        }
      }
      super.closed();
    }
  }
}
