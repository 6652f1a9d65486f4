package org.tuber.launcher.console;

import java.io.Closeable;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.TimeUnit;
import org.tuber.devices.character.RingBuffer;
import org.tuber.devices.character.VirtualTerminal;
import org.tuber.launcher.options.CharTarget;

/**
 * The host end of a line as two streams.
 *
 * @param name for thread names and messages
 * @param in where input comes from; reading waits
 * @param out where output goes; writing may wait as long as the other end does not read
 * @param patienceNanos how long the guest waits for the other end to read; then its output is
 *     dropped until it reads again; 0: for ever
 * @param end lets go of what the streams hold
 */
public record HostLine(
    String name, InputStream in, OutputStream out, long patienceNanos, Closeable end) {
  /** The guest is held up by a reader that does not read for no longer than this. */
  static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** Standard input and output as they are. */
  public static HostLine stdio() {
    return new HostLine(
        "stdio",
        new FileInputStream(FileDescriptor.in),
        new FileOutputStream(FileDescriptor.out),
        0,
        () -> {});
  }

  /** A file for output; there is no input. */
  public static HostLine file(Path path, boolean append) throws IOException {
    OpenOption[] options = {
      StandardOpenOption.CREATE,
      StandardOpenOption.WRITE,
      append ? StandardOpenOption.APPEND : StandardOpenOption.TRUNCATE_EXISTING
    };
    OutputStream out = Files.newOutputStream(path, options);
    return new HostLine("file", InputStream.nullInputStream(), out, 0, out);
  }

  /**
   * Named pipes: {@code path.in} for what the guest reads and {@code path.out} for what it says, or
   * {@code path} for both.
   */
  public static HostLine pipe(Path path) throws IOException {
    Path inPath = path.resolveSibling(path.getFileName() + ".in");
    Path outPath = path.resolveSibling(path.getFileName() + ".out");
    boolean pair = Files.exists(inPath) && Files.exists(outPath);
    if (!pair && !Files.exists(path)) {
      throw new IOException("there is neither " + path + " nor " + inPath + " and " + outPath);
    }
    // For reading and writing, also one that is used one way only: so opening does not wait for
    // the other end, and there is no end of file when it goes.
    RandomAccessFile in = new RandomAccessFile((pair ? inPath : path).toFile(), "rw");
    RandomAccessFile out = pair ? new RandomAccessFile(outPath.toFile(), "rw") : in;
    return new HostLine(
        "pipe",
        new FileInputStream(in.getFD()),
        new FileOutputStream(out.getFD()),
        PATIENCE_NANOS,
        // The descriptors stay until the process ends: a thread may be inside the kernel with them.
        () -> {});
  }

  /** A new pseudo-terminal. */
  public static HostLine pty(PseudoTerminal pty) {
    return new HostLine("pty", pty.input(), pty.output(), 0, () -> {});
  }

  /** A terminal of the display. */
  public static HostLine virtual(VirtualTerminal terminal) {
    return new HostLine(terminal.name(), terminal.input(), terminal.output(), 0, terminal::close);
  }

  /** Datagrams to and from one address. */
  public static HostLine udp(CharTarget.Udp udp) throws IOException {
    return UdpLine.open(udp);
  }

  /** Memory that monitors take output from. */
  public static HostLine ring(RingBuffer ring) {
    return new HostLine("ringbuf", ring.input(), ring.output(), 0, () -> {});
  }

  /** A socket; returns when somebody has connected, if the options want that. */
  public static HostLine socket(CharTarget.Socket socket) throws IOException {
    return SocketLine.open(socket.target(), socket.telnet(), socket.reconnectSeconds());
  }
}
