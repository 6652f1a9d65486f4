package org.tuber.launcher.console;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.PortUnreachableException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import org.tuber.launcher.options.CharTarget;

/**
 * A line over UDP: what the guest says goes out as it comes, in datagrams; what arrives from the
 * other side is typed. Nobody knows whether the other side is there; what it misses is lost.
 */
final class UdpLine implements Closeable {
  private static final int MOST_BYTES = 65_507;
  private static final int DATAGRAM_BYTES = 1024;

  private final DatagramChannel channel;
  private final ByteBuffer arrived = ByteBuffer.allocate(MOST_BYTES).limit(0);

  private UdpLine(DatagramChannel channel) {
    this.channel = channel;
  }

  static HostLine open(CharTarget.Udp udp) throws IOException {
    DatagramChannel channel = DatagramChannel.open();
    try {
      channel.bind(udp.local());
      channel.connect(udp.remote());
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
    UdpLine line = new UdpLine(channel);
    return new HostLine("udp", line.new In(), line.new Out(), HostLine.PATIENCE_NANOS, line);
  }

  @Override
  public void close() throws IOException {
    channel.close();
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
      while (!arrived.hasRemaining()) {
        arrived.clear();
        try {
          channel.read(arrived);
        } catch (PortUnreachableException e) {
          // Nobody is listening there at present.
        } catch (ClosedChannelException e) {
          arrived.limit(0);
          return -1;
        }
        arrived.flip();
      }
      int n = Math.min(length, arrived.remaining());
      arrived.get(bytes, offset, n);
      return n;
    }
  }

  private final class Out extends OutputStream {
    @Override
    public void write(int value) throws IOException {
      write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      for (int at = 0; at < length; at += DATAGRAM_BYTES) {
        int n = Math.min(DATAGRAM_BYTES, length - at);
        try {
          channel.write(ByteBuffer.wrap(bytes, offset + at, n));
        } catch (PortUnreachableException e) {
          // As when nothing is plugged in.
          return;
        }
      }
    }
  }
}
