package org.tuber.devices.block.nbd;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.nbd.tls.TlsCredentials;

/** One connection of a client: the handshake, and whole messages after it. */
final class NbdConnection implements Closeable {
  private static final int MAX_REPLY_BYTES = 1 << 20;
  private static final int MAX_EXPORTS = 10_000;

  private final String name;
  private ByteChannel channel;
  private long exportBytes;
  private int exportFlags;
  private boolean structured;
  private boolean noZeroes;
  private int contextId = -1;
  private int maxPayloadBytes = NbdProtocol.MAX_PAYLOAD_BYTES;

  private NbdConnection(String name, ByteChannel channel) {
    this.name = name;
    this.channel = channel;
  }

  /** Connects and chooses the export; encrypts if there are credentials. */
  static NbdConnection open(String name, NbdAddress address, TlsCredentials tls)
      throws IOException {
    SocketChannel channel = SocketChannel.open(address.socketAddress());
    if (address.socket() == null) {
      // A request is short and must not wait for more; one day somebody must notice a dead peer.
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
    }
    NbdConnection c = new NbdConnection(name, channel);
    try {
      c.greet(address, tls);
      c.choose(address.export());
      return c;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /** Asks for all exports and hangs up. */
  static List<NbdExportInfo> list(String name, NbdAddress address, TlsCredentials tls)
      throws IOException {
    try (SocketChannel channel = SocketChannel.open(address.socketAddress())) {
      NbdConnection c = new NbdConnection(name, channel);
      c.greet(address, tls);
      c.sendOption(NbdProtocol.OPT_STRUCTURED_REPLY, new byte[0]);
      c.structured = c.readReply(NbdProtocol.OPT_STRUCTURED_REPLY).getInt() == NbdProtocol.REP_ACK;
      Map<String, String> found = c.listNames();
      List<NbdExportInfo> all = new ArrayList<>();
      for (Map.Entry<String, String> e : found.entrySet()) {
        all.add(c.info(e.getKey(), e.getValue()));
      }
      c.sendOption(NbdProtocol.OPT_ABORT, new byte[0]);
      return all;
    }
  }

  private Map<String, String> listNames() throws IOException {
    Map<String, String> found = new LinkedHashMap<>();
    sendOption(NbdProtocol.OPT_LIST, new byte[0]);
    while (true) {
      ByteBuffer reply = readReply(NbdProtocol.OPT_LIST);
      int type = reply.getInt();
      if (type == NbdProtocol.REP_ACK) {
        return found;
      }
      if (type != NbdProtocol.REP_SERVER || reply.remaining() < 4) {
        throw bad("export list", refusal(type, reply));
      }
      int n = reply.getInt();
      if (n < 0 || n > reply.remaining() || found.size() >= MAX_EXPORTS) {
        throw bad("export list", "malformed");
      }
      String export = StandardCharsets.UTF_8.decode(reply.slice(reply.position(), n)).toString();
      reply.position(reply.position() + n);
      found.put(export, StandardCharsets.UTF_8.decode(reply).toString());
    }
  }

  private NbdExportInfo info(String export, String listed) throws IOException {
    byte[] raw = export.getBytes(StandardCharsets.UTF_8);
    List<String> contexts = structured ? contextNames(raw) : List.of();
    ByteBuffer ask = ByteBuffer.allocate(4 + raw.length + 6);
    ask.putInt(raw.length).put(raw).putShort((short) 2);
    ask.putShort((short) NbdProtocol.INFO_DESCRIPTION)
        .putShort((short) NbdProtocol.INFO_BLOCK_SIZE);
    sendOption(NbdProtocol.OPT_INFO, ask.array());
    String description = listed;
    long[] blocks = {0, 0, 0};
    while (true) {
      ByteBuffer reply = readReply(NbdProtocol.OPT_INFO);
      int type = reply.getInt();
      if (type != NbdProtocol.REP_INFO || reply.remaining() < 2) {
        return new NbdExportInfo(
            export,
            description,
            exportBytes,
            exportFlags,
            blocks[0],
            blocks[1],
            blocks[2],
            contexts);
      }
      int info = reply.getShort();
      if (info == NbdProtocol.INFO_EXPORT && reply.remaining() >= 10) {
        exportBytes = reply.getLong();
        exportFlags = reply.getShort() & 0xffff;
      } else if (info == NbdProtocol.INFO_DESCRIPTION) {
        description = StandardCharsets.UTF_8.decode(reply).toString();
      } else if (info == NbdProtocol.INFO_BLOCK_SIZE && reply.remaining() >= 12) {
        for (int i = 0; i < blocks.length; i++) {
          blocks[i] = Integer.toUnsignedLong(reply.getInt());
        }
      }
    }
  }

  private List<String> contextNames(byte[] export) throws IOException {
    ByteBuffer ask = ByteBuffer.allocate(4 + export.length + 4);
    ask.putInt(export.length).put(export).putInt(0);
    sendOption(NbdProtocol.OPT_LIST_META_CONTEXT, ask.array());
    List<String> names = new ArrayList<>();
    while (true) {
      ByteBuffer reply = readReply(NbdProtocol.OPT_LIST_META_CONTEXT);
      if (reply.getInt() != NbdProtocol.REP_META_CONTEXT || names.size() >= MAX_EXPORTS) {
        return names;
      }
      if (reply.remaining() >= 4) {
        reply.getInt();
        names.add(StandardCharsets.UTF_8.decode(reply).toString());
      }
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

  private void greet(NbdAddress address, TlsCredentials tls) throws IOException {
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
    noZeroes = (flags & NbdProtocol.FLAG_NO_ZEROES) != 0;
    if (tls != null) {
      sendOption(NbdProtocol.OPT_STARTTLS, new byte[0]);
      ByteBuffer reply = readReply(NbdProtocol.OPT_STARTTLS);
      int type = reply.getInt();
      if (type != NbdProtocol.REP_ACK) {
        throw bad("TLS", refusal(type, reply));
      }
      channel = tls.connect(channel, address.tlsHost());
    }
  }

  private void choose(String export) throws IOException {
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
      if (type == NbdProtocol.REP_ERR_UNSUP) {
        chooseTheOldWay(exportName);
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

  /** The option every server knows; it has no way to say why an export is refused. */
  private void chooseTheOldWay(byte[] exportName) throws IOException {
    sendOption(NbdProtocol.OPT_EXPORT_NAME, exportName);
    ByteBuffer b = receive(10);
    exportBytes = b.getLong();
    exportFlags = b.getShort() & 0xffff;
    if (exportBytes < 0) {
      throw bad("export size", "larger than 8 EiB");
    }
    if (!noZeroes) {
      receive(124);
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
