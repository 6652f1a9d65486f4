package org.tuber.launcher.console;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.devices.block.host.SocketFile;
import org.tuber.machine.remote.SocketTarget;

/**
 * A line over one connection at a time. Who listens takes the next caller when one has gone; who
 * connects tries again if that was asked for. What the guest says while nobody is there is lost, as
 * on a line with nothing plugged in.
 */
final class SocketLine implements Closeable {
  private static final Logger LOG = LoggerFactory.getLogger(SocketLine.class);
  private static final int CHUNK_BYTES = 4096;

  private final SocketTarget target;
  private final long reconnectNanos;
  private final boolean isTelnet;
  private ServerSocketChannel listener;
  private volatile SocketChannel current;
  private volatile Telnet telnet = new Telnet();
  private volatile boolean closed;

  private SocketLine(SocketTarget target, boolean isTelnet, int reconnectSeconds) {
    this.target = target;
    this.isTelnet = isTelnet;
    this.reconnectNanos = TimeUnit.SECONDS.toNanos(reconnectSeconds);
  }

  static HostLine open(SocketTarget target, boolean isTelnet, int reconnectSeconds)
      throws IOException {
    SocketLine line = new SocketLine(target, isTelnet, reconnectSeconds);
    try {
      if (target.server()) {
        line.listen();
        if (target.waits()) {
          System.err.println("tuber: info: waiting for a connection on " + target);
          line.accept();
        }
      } else if (reconnectSeconds == 0) {
        line.connect();
      }
    } catch (IOException e) {
      line.close();
      throw e;
    }
    return new HostLine("socket", line.new In(), line.new Out(), HostLine.PATIENCE_NANOS, line);
  }

  /** Port listened on. */
  int port() throws IOException {
    return ((InetSocketAddress) listener.getLocalAddress()).getPort();
  }

  private void listen() throws IOException {
    if (target.address() instanceof UnixDomainSocketAddress file) {
      listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      // A socket file that a dead process left behind would be in the way.
      SocketFile.remove(file.getPath());
    } else {
      listener = ServerSocketChannel.open();
      listener.setOption(StandardSocketOptions.SO_REUSEADDR, true);
    }
    listener.bind(target.address(), 1);
  }

  private void accept() throws IOException {
    plugIn(listener.accept());
  }

  private void connect() throws IOException {
    plugIn(SocketChannel.open(target.address()));
  }

  private void plugIn(SocketChannel channel) throws IOException {
    if (channel.supportedOptions().contains(StandardSocketOptions.TCP_NODELAY)) {
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
    }
    telnet = new Telnet();
    if (isTelnet && target.server()) {
      writeFully(channel, ByteBuffer.wrap(Telnet.OFFERS));
    }
    current = channel;
    if (closed) {
      channel.close();
    }
  }

  /** Waits for a connection; false when there will be none. */
  private boolean reachSomebody() {
    while (!closed) {
      try {
        if (target.server()) {
          accept();
          return true;
        }
        if (reconnectNanos == 0) {
          return false;
        }
        connect();
        return true;
      } catch (IOException e) {
        if (closed) {
          return false;
        }
        LOG.debug("{}: no connection", target, e);
        // A listener that fails at once must not keep a processor busy.
        LockSupport.parkNanos(Math.max(reconnectNanos, TimeUnit.SECONDS.toNanos(1)));
      }
    }
    return false;
  }

  private synchronized void hangUp(SocketChannel channel) {
    if (current == channel) {
      current = null;
    }
    try {
      channel.close();
    } catch (IOException e) {
      LOG.debug("{}: closing", target, e);
    }
  }

  private static void writeFully(SocketChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  @Override
  public void close() throws IOException {
    closed = true;
    SocketChannel channel = current;
    if (channel != null) {
      hangUp(channel);
    }
    if (listener != null) {
      listener.close();
      if (target.address() instanceof UnixDomainSocketAddress file) {
        SocketFile.remove(file.getPath());
      }
    }
  }

  private final class In extends InputStream {
    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      if (length == 0) {
        return 0;
      }
      ByteBuffer chunk = ByteBuffer.allocate(Math.min(length, CHUNK_BYTES));
      while (true) {
        SocketChannel channel = current;
        if (channel == null) {
          if (!reachSomebody()) {
            return -1;
          }
          continue;
        }
        chunk.clear();
        int n;
        try {
          n = channel.read(chunk);
        } catch (IOException e) {
          LOG.debug("{}: connection ended", target, e);
          n = -1;
        }
        if (n < 0) {
          hangUp(channel);
          continue;
        }
        int kept = isTelnet ? telnet.strip(chunk.array(), n) : n;
        if (kept > 0) {
          System.arraycopy(chunk.array(), 0, bytes, offset, kept);
          return kept;
        }
      }
    }
  }

  private final class Out extends OutputStream {
    @Override
    public void write(int value) {
      write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
      SocketChannel channel = current;
      if (channel == null) {
        return;
      }
      try {
        writeFully(
            channel,
            isTelnet
                ? ByteBuffer.wrap(Telnet.quote(bytes, offset, length))
                : ByteBuffer.wrap(bytes, offset, length));
      } catch (IOException e) {
        // The reading side notices too and looks for the next caller.
        LOG.debug("{}: connection ended", target, e);
        hangUp(channel);
      }
    }
  }
}
