package org.tuber.launcher.console;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A pseudo-terminal pair through the C library (POSIX.1-2017 posix_openpt, ptsname, tcsetattr,
 * poll): the JDK cannot make one. The pair is set to raw mode. Lives as long as the process.
 */
public final class PseudoTerminal {
  private static final int O_RDWR = 2;
  private static final int O_NOCTTY = 0x100;
  private static final int TCSANOW = 0;
  private static final short POLLOUT = 4;
  private static final int NAME_BYTES = 128;
  private static final int TERMIOS_BYTES = 256;
  private static final int CHUNK_BYTES = 256;
  private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

  private final Arena arena = Arena.ofAuto();
  private final MemorySegment readBuffer = arena.allocate(CHUNK_BYTES);
  private final MemorySegment writeBuffer = arena.allocate(CHUNK_BYTES);
  private final MemorySegment pollFd = arena.allocate(8, 4);
  private final MethodHandle read = call("read", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
  private final MethodHandle write = call("write", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
  private final MethodHandle poll = call("poll", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
  private final int master;
  private final String name;

  /** Makes the pair. */
  public PseudoTerminal() throws IOException {
    try (Arena local = Arena.ofConfined()) {
      master = (int) call("posix_openpt", JAVA_INT, JAVA_INT).invoke(O_RDWR | O_NOCTTY);
      MemorySegment text = local.allocate(NAME_BYTES);
      if (master < 0
          || (int) call("grantpt", JAVA_INT, JAVA_INT).invoke(master) != 0
          || (int) call("unlockpt", JAVA_INT, JAVA_INT).invoke(master) != 0
          || (int)
                  call("ptsname_r", JAVA_INT, JAVA_INT, ADDRESS, JAVA_LONG)
                      .invoke(master, text, (long) NAME_BYTES)
              != 0) {
        throw new IOException("no pseudo-terminal left on this host");
      }
      name = text.getString(0);
      makeRaw(local);
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw new IOException("pseudo-terminal: " + e, e);
    }
  }

  /** Line settings belong to the pair; those set through the master's descriptor stay. */
  private void makeRaw(Arena local) throws Throwable {
    MemorySegment termios = local.allocate(TERMIOS_BYTES, 8);
    if ((int) call("tcgetattr", JAVA_INT, JAVA_INT, ADDRESS).invoke(master, termios) == 0) {
      call("cfmakeraw", null, ADDRESS).invoke(termios);
      int unused =
          (int)
              call("tcsetattr", JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS)
                  .invoke(master, TCSANOW, termios);
    }
  }

  @SuppressWarnings("restricted")
  private static MethodHandle call(String symbol, MemoryLayout result, MemoryLayout... arguments) {
    Linker linker = Linker.nativeLinker();
    MemorySegment address = linker.defaultLookup().find(symbol).orElseThrow();
    return linker.downcallHandle(
        address,
        result == null
            ? FunctionDescriptor.ofVoid(arguments)
            : FunctionDescriptor.of(result, arguments));
  }

  /** The other end's name, e.g. {@code /dev/pts/3}. */
  public String name() {
    return name;
  }

  /** What the other end types; between two callers reading waits. */
  InputStream input() {
    return new InputStream() {
      @Override
      public int read() {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
      }

      @Override
      public int read(byte[] bytes, int offset, int length) {
        if (length == 0) {
          return 0;
        }
        byte[] chunk = new byte[Math.min(length, CHUNK_BYTES)];
        int n;
        while ((n = PseudoTerminal.this.read(chunk)) <= 0) {
          // Between two callers the kernel reports an error at once: look again now and then.
          LockSupport.parkNanos(RETRY_NANOS);
        }
        System.arraycopy(chunk, 0, bytes, offset, n);
        return n;
      }
    };
  }

  /** What the other end sees. While nobody is there, it fills the kernel's buffer, then is lost. */
  OutputStream output() {
    return new OutputStream() {
      @Override
      public void write(int value) {
        PseudoTerminal.this.write(new byte[] {(byte) value}, 0, 1);
      }

      @Override
      public void write(byte[] bytes, int offset, int length) {
        PseudoTerminal.this.write(bytes, offset, length);
      }
    };
  }

  /**
   * Waits for input.
   *
   * @return bytes read; 0 or less when nobody is connected
   */
  int read(byte[] bytes) {
    try {
      long length =
          (long) read.invoke(master, readBuffer, (long) Math.min(bytes.length, CHUNK_BYTES));
      if (length > 0) {
        MemorySegment.copy(readBuffer, JAVA_BYTE, 0, bytes, 0, (int) length);
      }
      return (int) length;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Writes; what the other end has no room for is dropped, as on a line without listener. */
  synchronized void write(byte[] bytes, int offset, int length) {
    try {
      for (int done = 0; done < length; done += CHUNK_BYTES) {
        int part = Math.min(CHUNK_BYTES, length - done);
        pollFd.set(JAVA_INT, 0, master);
        pollFd.set(JAVA_SHORT, 4, POLLOUT);
        if ((int) poll.invoke(pollFd, 1L, 0) <= 0 || (pollFd.get(JAVA_SHORT, 6) & POLLOUT) == 0) {
          return;
        }
        MemorySegment.copy(bytes, offset + done, writeBuffer, JAVA_BYTE, 0, part);
        long unused = (long) write.invoke(master, writeBuffer, (long) part);
      }
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
