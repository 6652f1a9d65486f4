package org.tuber.devices.block.nbd;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.util.AttributeKey;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.devices.block.nbd.tls.TlsCredentials;

/** The server's side of the newstyle handshake: option haggling until an export is chosen. */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports failures to exceptionCaught
final class NbdHandshake extends ByteToMessageDecoder {
  private static final Logger LOG = LoggerFactory.getLogger(NbdHandshake.class);

  /** Name of the export a connection is for. */
  static final AttributeKey<String> CHOSEN = AttributeKey.valueOf(NbdHandshake.class, "chosen");

  private static final int MAX_OPTION_BYTES = 64 << 10;
  private static final int MAX_OPTIONS = 1000;
  private static final int OPTION_HEADER_BYTES = 16;
  private static final int ALLOCATION_CONTEXT = 1;

  private final Map<String, NbdServer.Export> exports;
  private final TlsCredentials tls;
  private final boolean severalConnections;
  private final ExecutorService workers;
  private final RunningRequests running;
  private boolean flagsSeen;
  private boolean noZeroes;
  private boolean encrypted;
  private boolean structured;
  private String contextExport;
  private int options;
  private volatile boolean chosen;

  NbdHandshake(
      Map<String, NbdServer.Export> exports,
      TlsCredentials tls,
      boolean severalConnections,
      ExecutorService workers,
      RunningRequests running) {
    this.exports = exports;
    this.tls = tls;
    this.severalConnections = severalConnections;
    this.workers = workers;
    this.running = running;
  }

  /** True once an export was chosen. */
  boolean hasChosen() {
    return chosen;
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    ByteBuf hello = ctx.alloc().buffer(18);
    hello.writeLong(NbdProtocol.NBDMAGIC).writeLong(NbdProtocol.IHAVEOPT);
    hello.writeShort(NbdProtocol.FLAG_FIXED_NEWSTYLE | NbdProtocol.FLAG_NO_ZEROES);
    ctx.writeAndFlush(hello);
  }

  @Override
  protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
    if (!flagsSeen) {
      if (in.readableBytes() < 4) {
        return;
      }
      int flags = in.readInt();
      noZeroes = (flags & NbdProtocol.FLAG_NO_ZEROES) != 0;
      flagsSeen = true;
      if ((flags & ~(NbdProtocol.FLAG_FIXED_NEWSTYLE | NbdProtocol.FLAG_NO_ZEROES)) != 0) {
        ctx.close();
      }
      return;
    }
    if (in.readableBytes() < OPTION_HEADER_BYTES) {
      return;
    }
    int start = in.readerIndex();
    long magic = in.getLong(start);
    long length = in.getUnsignedInt(start + 12);
    if (magic != NbdProtocol.IHAVEOPT || length > MAX_OPTION_BYTES || ++options > MAX_OPTIONS) {
      LOG.warn("{}: not an NBD option, closing", ctx.channel().remoteAddress());
      in.skipBytes(in.readableBytes());
      ctx.close();
      return;
    }
    if (in.readableBytes() < OPTION_HEADER_BYTES + length) {
      options--;
      return;
    }
    int option = in.getInt(start + 8);
    in.skipBytes(OPTION_HEADER_BYTES);
    ByteBuf data = in.readRetainedSlice((int) length);
    try {
      handle(ctx, option, data);
    } finally {
      data.release();
    }
  }

  private void handle(ChannelHandlerContext ctx, int option, ByteBuf data) {
    boolean mustEncrypt = tls != null && !encrypted;
    switch (option) {
      case NbdProtocol.OPT_ABORT -> {
        reply(ctx, option, NbdProtocol.REP_ACK, null);
        ctx.close();
      }
      case NbdProtocol.OPT_STARTTLS -> startTls(ctx, option, data);
      case NbdProtocol.OPT_EXPORT_NAME -> {
        if (mustEncrypt) {
          ctx.close();
        } else {
          exportName(ctx, data.toString(StandardCharsets.UTF_8));
        }
      }
      default -> {
        if (mustEncrypt) {
          error(ctx, option, NbdProtocol.REP_ERR_TLS_REQD, "TLS is required");
        } else {
          handlePlain(ctx, option, data);
        }
      }
    }
  }

  private void handlePlain(ChannelHandlerContext ctx, int option, ByteBuf data) {
    switch (option) {
      case NbdProtocol.OPT_LIST -> {
        for (Map.Entry<String, NbdServer.Export> e : exports.entrySet()) {
          byte[] name = e.getKey().getBytes(StandardCharsets.UTF_8);
          ByteBuf b = ctx.alloc().buffer();
          b.writeInt(name.length).writeBytes(name);
          b.writeBytes(e.getValue().description().getBytes(StandardCharsets.UTF_8));
          reply(ctx, option, NbdProtocol.REP_SERVER, b);
        }
        reply(ctx, option, NbdProtocol.REP_ACK, null);
      }
      case NbdProtocol.OPT_STRUCTURED_REPLY -> {
        if (data.isReadable()) {
          error(ctx, option, NbdProtocol.REP_ERR_INVALID, "unexpected data");
          return;
        }
        structured = true;
        reply(ctx, option, NbdProtocol.REP_ACK, null);
      }
      case NbdProtocol.OPT_INFO, NbdProtocol.OPT_GO -> infoOrGo(ctx, option, data);
      case NbdProtocol.OPT_LIST_META_CONTEXT, NbdProtocol.OPT_SET_META_CONTEXT ->
          metaContext(ctx, option, data);
      default -> error(ctx, option, NbdProtocol.REP_ERR_UNSUP, "unknown option");
    }
  }

  private void startTls(ChannelHandlerContext ctx, int option, ByteBuf data) {
    if (tls == null) {
      error(ctx, option, NbdProtocol.REP_ERR_POLICY, "TLS is not set up");
    } else if (encrypted || data.isReadable()) {
      error(ctx, option, NbdProtocol.REP_ERR_INVALID, "TLS runs already, or data came with it");
    } else if (actualReadableBytes() > 0) {
      // Plain text sent ahead would be taken for part of the encrypted session.
      LOG.warn("{}: data before TLS, closing", ctx.channel().remoteAddress());
      ctx.close();
    } else {
      reply(ctx, option, NbdProtocol.REP_ACK, null);
      try {
        ctx.pipeline().addFirst("tls", tls.newServerHandler());
      } catch (IOException e) {
        LOG.warn("TLS cannot begin: {}", e.getMessage());
        ctx.close();
        return;
      }
      encrypted = true;
      structured = false;
      contextExport = null;
    }
  }

  private static void reply(ChannelHandlerContext ctx, int option, int type, ByteBuf payload) {
    ByteBuf b = ctx.alloc().buffer(20);
    b.writeLong(NbdProtocol.OPTION_REPLY_MAGIC).writeInt(option).writeInt(type);
    b.writeInt(payload == null ? 0 : payload.readableBytes());
    ctx.write(b);
    if (payload != null) {
      ctx.write(payload);
    }
    ctx.flush();
  }

  private static void error(ChannelHandlerContext ctx, int option, int type, String message) {
    reply(ctx, option, type, ByteBufUtil.writeUtf8(ctx.alloc(), message));
  }

  private int flags(NbdServer.Export e) {
    int writable =
        NbdProtocol.EXPORT_FUA
            | NbdProtocol.EXPORT_TRIM
            | NbdProtocol.EXPORT_WRITE_ZEROES
            | NbdProtocol.EXPORT_FLUSH;
    return NbdProtocol.EXPORT_HAS_FLAGS
        | NbdProtocol.EXPORT_CACHE
        | (severalConnections ? NbdProtocol.EXPORT_MULTI_CONN : 0)
        | (structured ? NbdProtocol.EXPORT_DF : 0)
        | (e.isWritable() ? writable : NbdProtocol.EXPORT_READ_ONLY | NbdProtocol.EXPORT_FLUSH);
  }

  private void exportName(ChannelHandlerContext ctx, String name) {
    NbdServer.Export e = exports.get(name);
    if (e == null) {
      ctx.close(); // the option has no way to report an error
      return;
    }
    ByteBuf b = ctx.alloc().buffer(134);
    b.writeLong(e.node().lengthBytes()).writeShort(flags(e));
    if (!noZeroes) {
      b.writeZero(124);
    }
    ctx.writeAndFlush(b);
    transmit(ctx, name, e);
  }

  private void transmit(ChannelHandlerContext ctx, String name, NbdServer.Export e) {
    boolean status = name.equals(contextExport);
    chosen = true;
    ctx.channel().attr(CHOSEN).set(name);
    ctx.pipeline()
        .replace(this, "session", new NbdSession(e, structured, status, workers, running));
  }

  private void infoOrGo(ChannelHandlerContext ctx, int option, ByteBuf data) {
    String name = readString(data);
    if (name == null || data.readableBytes() < 2) {
      error(ctx, option, NbdProtocol.REP_ERR_INVALID, "malformed");
      return;
    }
    List<Integer> wanted = new ArrayList<>();
    for (int n = data.readUnsignedShort(); n > 0 && data.readableBytes() >= 2; n--) {
      wanted.add(data.readUnsignedShort());
    }
    NbdServer.Export e = exports.get(name);
    if (e == null) {
      error(ctx, option, NbdProtocol.REP_ERR_UNKNOWN, "export '" + name + "' not present");
      return;
    }
    ByteBuf b = ctx.alloc().buffer();
    b.writeShort(NbdProtocol.INFO_EXPORT);
    b.writeLong(e.node().lengthBytes()).writeShort(flags(e));
    reply(ctx, option, NbdProtocol.REP_INFO, b);
    if (wanted.contains(NbdProtocol.INFO_NAME)) {
      ByteBuf n = ctx.alloc().buffer().writeShort(NbdProtocol.INFO_NAME);
      n.writeBytes(name.getBytes(StandardCharsets.UTF_8));
      reply(ctx, option, NbdProtocol.REP_INFO, n);
    }
    if (wanted.contains(NbdProtocol.INFO_DESCRIPTION) && !e.description().isEmpty()) {
      ByteBuf d = ctx.alloc().buffer().writeShort(NbdProtocol.INFO_DESCRIPTION);
      d.writeBytes(e.description().getBytes(StandardCharsets.UTF_8));
      reply(ctx, option, NbdProtocol.REP_INFO, d);
    }
    ByteBuf s = ctx.alloc().buffer().writeShort(NbdProtocol.INFO_BLOCK_SIZE);
    s.writeInt(1).writeInt(4096).writeInt(NbdProtocol.MAX_PAYLOAD_BYTES);
    reply(ctx, option, NbdProtocol.REP_INFO, s);
    reply(ctx, option, NbdProtocol.REP_ACK, null);
    if (option == NbdProtocol.OPT_GO) {
      transmit(ctx, name, e);
    }
  }

  private static String readString(ByteBuf data) {
    if (data.readableBytes() < 4) {
      return null;
    }
    long n = data.readUnsignedInt();
    if (n > NbdProtocol.MAX_NAME_BYTES || n > data.readableBytes()) {
      return null;
    }
    return data.readCharSequence((int) n, StandardCharsets.UTF_8).toString();
  }

  private void metaContext(ChannelHandlerContext ctx, int option, ByteBuf data) {
    String name = readString(data);
    if (name == null || data.readableBytes() < 4 || !structured) {
      error(ctx, option, NbdProtocol.REP_ERR_INVALID, "malformed, or no structured replies");
      return;
    }
    if (!exports.containsKey(name)) {
      error(ctx, option, NbdProtocol.REP_ERR_UNKNOWN, "export '" + name + "' not present");
      return;
    }
    boolean set = option == NbdProtocol.OPT_SET_META_CONTEXT;
    long queries = data.readUnsignedInt();
    boolean allocation = queries == 0 && !set;
    for (long i = 0; i < queries; i++) {
      String q = readString(data);
      if (q == null) {
        error(ctx, option, NbdProtocol.REP_ERR_INVALID, "malformed query");
        return;
      }
      allocation |= q.equals(NbdProtocol.BASE_ALLOCATION) || q.equals("base:") && !set;
    }
    if (set) {
      contextExport = allocation ? name : null;
    }
    if (allocation) {
      ByteBuf b = ctx.alloc().buffer().writeInt(set ? ALLOCATION_CONTEXT : 0);
      b.writeBytes(NbdProtocol.BASE_ALLOCATION.getBytes(StandardCharsets.UTF_8));
      reply(ctx, option, NbdProtocol.REP_META_CONTEXT, b);
    }
    reply(ctx, option, NbdProtocol.REP_ACK, null);
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    LOG.debug("NBD handshake failed", cause);
    ctx.writeAndFlush(ctx.alloc().buffer(0)).addListener(ChannelFutureListener.CLOSE);
  }
}
