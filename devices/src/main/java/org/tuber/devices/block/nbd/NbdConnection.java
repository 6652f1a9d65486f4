package org.tuber.devices.block.nbd;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import org.tuber.devices.block.ImageException;

/** One connection of a client: the handshake, and whole messages after it. */
final class NbdConnection implements Closeable {
  private static final int MAX_REPLY_BYTES = 1 << 20;

  private final String name;
  private final SocketChannel channel;
  private long exportBytes;
  private int exportFlags;
  private boolean structured;
  private int contextId = -1;
  private int maxPayloadBytes = NbdProtocol.MAX_PAYLOAD_BYTES;

  private NbdConnection(String name, SocketChannel channel) {
    this.name = name;
    this.channel = channel;
  }

  /** Connects and chooses the export. */
  static NbdConnection open(String name, NbdAddress address) throws IOException {
    if (address.tls()) {
      throw new ImageException(name, "URL", "TLS is for the server side only so far");
    }
    SocketChannel channel = SocketChannel.open(address.socketAddress());
    NbdConnection c = new NbdConnection(name, channel);
    try {
      c.handshake(address.export());
      return c;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  long exportBytes() {
    return exportBytes;
  }

  boolean has(int flag) {
    return (exportFlags & flag) != 0;
  }

  boolean hasAllocation() {
    return contextId >= 0;
  }

  int contextId() {
    return contextId;
  }

  int maxPayloadBytes() {
    return maxPayloadBytes;
  }

  ByteBuffer receive(int bytes) throws IOException {
    ByteBuffer b = ByteBuffer.allocate(bytes);
    receive(b);
    return b.flip();
  }

  void receive(ByteBuffer target) throws IOException {
    while (target.hasRemaining()) {
      if (channel.read(target) < 0) {
        throw new EOFException("'" + name + "': the server closed the connection");
      }
    }
  }

  void send(ByteBuffer... parts) throws IOException {
    for (ByteBuffer p : parts) {
      while (p.hasRemaining()) {
        channel.write(p);
      }
    }
  }

  private ImageException bad(String field, String problem) {
    return new ImageException(name, field, problem);
  }

  private void handshake(String export) throws IOException {
    ByteBuffer hello = receive(16);
    if (hello.getLong() != NbdProtocol.NBDMAGIC) {
      throw bad("handshake", "this is no NBD server");
    }
    if (hello.getLong() != NbdProtocol.IHAVEOPT) {
      throw bad("handshake", "the server speaks only the oldstyle protocol");
    }
    int flags = receive(2).getShort();
    if ((flags & NbdProtocol.FLAG_FIXED_NEWSTYLE) == 0) {
      throw bad("handshake", "the server does not know the fixed newstyle handshake");
    }
    ByteBuffer mine = ByteBuffer.allocate(4);
    mine.putInt(flags & (NbdProtocol.FLAG_FIXED_NEWSTYLE | NbdProtocol.FLAG_NO_ZEROES)).flip();
    send(mine);
    sendOption(NbdProtocol.OPT_STRUCTURED_REPLY, new byte[0]);
    structured = readReply(NbdProtocol.OPT_STRUCTURED_REPLY).getInt(0) == NbdProtocol.REP_ACK;
    byte[] exportName = export.getBytes(StandardCharsets.UTF_8);
    if (structured) {
      askForAllocation(exportName);
    }
    ByteBuffer go = ByteBuffer.allocate(4 + exportName.length + 4);
    go.putInt(exportName.length).put(exportName).putShort((short) 1);
    go.putShort((short) NbdProtocol.INFO_BLOCK_SIZE);
    sendOption(NbdProtocol.OPT_GO, go.array());
    boolean known = false;
    while (true) {
      ByteBuffer reply = readReply(NbdProtocol.OPT_GO);
      int type = reply.getInt();
      if (type == NbdProtocol.REP_ACK && known) {
        return;
      }
      if (type != NbdProtocol.REP_INFO || reply.remaining() < 2) {
        throw bad("export", refusal(type, reply));
      }
      int info = reply.getShort();
      if (info == NbdProtocol.INFO_EXPORT && reply.remaining() >= 10) {
        exportBytes = reply.getLong();
        exportFlags = reply.getShort() & 0xffff;
        known = true;
        if (exportBytes < 0) {
          throw bad("export size", "larger than 8 EiB");
        }
      } else if (info == NbdProtocol.INFO_BLOCK_SIZE && reply.remaining() >= 12) {
        reply.getLong();
        long max = Integer.toUnsignedLong(reply.getInt());
        maxPayloadBytes = Math.clamp(max, 4096, NbdProtocol.MAX_PAYLOAD_BYTES);
      }
    }
  }

  private static String refusal(int type, ByteBuffer reply) {
    String text = StandardCharsets.UTF_8.decode(reply).toString();
    return "the server refuses: " + (text.isEmpty() ? "error " + Integer.toHexString(type) : text);
  }

  private void askForAllocation(byte[] export) throws IOException {
    byte[] query = NbdProtocol.BASE_ALLOCATION.getBytes(StandardCharsets.UTF_8);
    ByteBuffer b = ByteBuffer.allocate(4 + export.length + 8 + query.length);
    b.putInt(export.length).put(export).putInt(1).putInt(query.length).put(query);
    sendOption(NbdProtocol.OPT_SET_META_CONTEXT, b.array());
    while (true) {
      ByteBuffer reply = readReply(NbdProtocol.OPT_SET_META_CONTEXT);
      int type = reply.getInt();
      if (type != NbdProtocol.REP_META_CONTEXT) {
        return;
      }
      if (reply.remaining() >= 4) {
        contextId = reply.getInt();
      }
    }
  }

  private void sendOption(int option, byte[] data) throws IOException {
    ByteBuffer b = ByteBuffer.allocate(16 + data.length);
    b.putLong(NbdProtocol.IHAVEOPT).putInt(option).putInt(data.length).put(data).flip();
    send(b);
  }

  /** The reply's type as an int, then its payload. */
  private ByteBuffer readReply(int option) throws IOException {
    ByteBuffer h = receive(20);
    if (h.getLong() != NbdProtocol.OPTION_REPLY_MAGIC || h.getInt() != option) {
      throw bad("handshake", "unexpected option reply");
    }
    int type = h.getInt();
    int length = h.getInt();
    if (length < 0 || length > MAX_REPLY_BYTES) {
      throw bad("handshake", "option reply of " + Integer.toUnsignedString(length) + " bytes");
    }
    ByteBuffer all = ByteBuffer.allocate(4 + length);
    all.putInt(type);
    receive(all);
    return all.flip();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
