package org.tuber.devices.block.nbd;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ops.ChainStatus;

/** The transmission phase of one connection: requests come in, replies go out in any order. */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports failures to exceptionCaught
final class NbdSession extends ByteToMessageDecoder {
  private static final Logger LOG = LoggerFactory.getLogger(NbdSession.class);
  private static final int REQUEST_BYTES = 28;
  private static final int MAX_INFLIGHT_BYTES = 16 << 20;
  private static final int MAX_INFLIGHT = 256;
  private static final int MAX_EXTENTS = 1024;
  private static final int ALLOCATION_CONTEXT = 1;

  private final NbdServer.Export export;
  private final BlockNode node;
  private final boolean structured;
  private final boolean status;
  private final ExecutorService workers;
  private final RunningRequests running;
  private volatile boolean settled;
  private int inflight;
  private long inflightBytes;

  /** One request. */
  private record Request(int flags, int type, long cookie, long offset, long length) {}

  NbdSession(
      NbdServer.Export export,
      boolean structured,
      boolean status,
      ExecutorService workers,
      RunningRequests running) {
    this.export = export;
    this.node = export.node();
    this.structured = structured;
    this.status = status;
    this.workers = workers;
    this.running = running;
  }

  @Override
  protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
    if (in.readableBytes() < REQUEST_BYTES) {
      return;
    }
    int at = in.readerIndex();
    Request r =
        new Request(
            in.getUnsignedShort(at + 4),
            in.getUnsignedShort(at + 6),
            in.getLong(at + 8),
            in.getLong(at + 16),
            in.getUnsignedInt(at + 24));
    boolean write = r.type == NbdProtocol.CMD_WRITE;
    if (in.getInt(at) != NbdProtocol.REQUEST_MAGIC
        || write && r.length > NbdProtocol.MAX_PAYLOAD_BYTES
        || r.type == NbdProtocol.CMD_DISC) {
      in.skipBytes(in.readableBytes());
      ctx.close();
      return;
    }
    if (write && in.readableBytes() < REQUEST_BYTES + r.length) {
      return;
    }
    in.skipBytes(REQUEST_BYTES);
    ByteBuf payload = null;
    if (write) {
      payload = ctx.alloc().directBuffer((int) r.length);
      payload.writeBytes(in, (int) r.length);
    }
    begin(ctx, r);
    submit(ctx, r, payload);
  }

  private static long weight(Request r) {
    boolean data = r.type == NbdProtocol.CMD_READ || r.type == NbdProtocol.CMD_WRITE;
    return data ? r.length : 0;
  }

  private void begin(ChannelHandlerContext ctx, Request r) {
    inflight++;
    inflightBytes += weight(r);
    if (inflight >= MAX_INFLIGHT || inflightBytes >= MAX_INFLIGHT_BYTES) {
      ctx.channel().config().setAutoRead(false);
    }
  }

  private void end(ChannelHandlerContext ctx, Request r) {
    inflight--;
    inflightBytes -= weight(r);
    if (inflight < MAX_INFLIGHT / 2 && inflightBytes < MAX_INFLIGHT_BYTES / 2) {
      ctx.channel().config().setAutoRead(true);
    }
  }

  private void submit(ChannelHandlerContext ctx, Request r, ByteBuf payload) {
    Runnable work =
        () -> {
          ByteBuf answer = null;
          boolean begun = false;
          try {
            awaitAbandoned();
            begun = running.begin(ctx.channel());
            answer = begun ? run(ctx, r, payload) : Unpooled.EMPTY_BUFFER;
          } catch (IOException | RuntimeException e) {
            LOG.warn("NBD request on {} failed: {}", node.filename(), e.getMessage());
            answer = error(ctx, r, NbdProtocol.EIO, e.getMessage());
          } finally {
            if (begun) {
              running.end(ctx.channel());
            }
            if (payload != null) {
              payload.release();
            }
          }
          ByteBuf reply = answer;
          ctx.executor()
              .execute(
                  () -> {
                    ctx.writeAndFlush(reply);
                    end(ctx, r);
                  });
        };
    try {
      workers.execute(work);
    } catch (RejectedExecutionException e) {
      if (payload != null) {
        payload.release();
      }
      ctx.close();
    }
  }

  /** Before the first request: nothing of an earlier connection may come after it. */
  private void awaitAbandoned() throws IOException {
    if (!settled) {
      try {
        running.awaitAbandoned();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
      settled = true;
    }
  }

  private ByteBuf run(ChannelHandlerContext ctx, Request r, ByteBuf payload) throws IOException {
    boolean changes =
        r.type == NbdProtocol.CMD_WRITE
            || r.type == NbdProtocol.CMD_TRIM
            || r.type == NbdProtocol.CMD_WRITE_ZEROES;
    if (changes && !export.isWritable()) {
      return error(ctx, r, NbdProtocol.EPERM, "export is read-only");
    }
    boolean inside = r.offset >= 0 && r.offset <= node.lengthBytes() - r.length;
    if (!inside && r.type != NbdProtocol.CMD_FLUSH) {
      int code = changes ? NbdProtocol.ENOSPC : NbdProtocol.EINVAL;
      return error(ctx, r, code, "range is outside the export");
    }
    switch (r.type) {
      case NbdProtocol.CMD_READ -> {
        return read(ctx, r);
      }
      case NbdProtocol.CMD_WRITE -> node.write(r.offset, payload.nioBuffer(0, (int) r.length));
      case NbdProtocol.CMD_FLUSH -> {
        if (export.isWritable()) {
          node.flush();
        }
      }
      case NbdProtocol.CMD_TRIM -> node.discard(r.offset, r.length);
      case NbdProtocol.CMD_WRITE_ZEROES ->
          node.writeZeroes(r.offset, r.length, (r.flags & NbdProtocol.CMD_FLAG_NO_HOLE) == 0);
      case NbdProtocol.CMD_CACHE -> {}
      case NbdProtocol.CMD_BLOCK_STATUS -> {
        return status
            ? blockStatus(ctx, r)
            : error(ctx, r, NbdProtocol.EINVAL, "no metadata context was negotiated");
      }
      default -> {
        return error(ctx, r, NbdProtocol.EINVAL, "unknown request " + r.type);
      }
    }
    if (changes && (r.flags & NbdProtocol.CMD_FLAG_FUA) != 0) {
      node.flush();
    }
    return done(ctx, r);
  }

  private ByteBuf done(ChannelHandlerContext ctx, Request r) {
    ByteBuf b = ctx.alloc().buffer(20);
    if (structured && (r.type == NbdProtocol.CMD_READ || r.type == NbdProtocol.CMD_BLOCK_STATUS)) {
      return chunk(b, NbdProtocol.CHUNK_DONE, NbdProtocol.CHUNK_NONE, r.cookie, 0);
    }
    return b.writeInt(NbdProtocol.SIMPLE_REPLY_MAGIC).writeInt(0).writeLong(r.cookie);
  }

  private static ByteBuf chunk(ByteBuf b, int flags, int type, long cookie, int length) {
    return b.writeInt(NbdProtocol.STRUCTURED_REPLY_MAGIC)
        .writeShort(flags)
        .writeShort(type)
        .writeLong(cookie)
        .writeInt(length);
  }

  private ByteBuf error(ChannelHandlerContext ctx, Request r, int code, String message) {
    ByteBuf b = ctx.alloc().buffer();
    if (!structured) {
      return b.writeInt(NbdProtocol.SIMPLE_REPLY_MAGIC).writeInt(code).writeLong(r.cookie);
    }
    byte[] text = String.valueOf(message).getBytes(StandardCharsets.UTF_8);
    int n = Math.min(text.length, NbdProtocol.MAX_NAME_BYTES);
    chunk(b, NbdProtocol.CHUNK_DONE, NbdProtocol.CHUNK_ERROR, r.cookie, 6 + n);
    return b.writeInt(code).writeShort(n).writeBytes(text, 0, n);
  }

  private ByteBuf read(ChannelHandlerContext ctx, Request r) throws IOException {
    if (r.length > NbdProtocol.MAX_PAYLOAD_BYTES) {
      return error(ctx, r, NbdProtocol.EINVAL, "read is too long");
    }
    int length = (int) r.length;
    if (!structured) {
      ByteBuf b = ctx.alloc().directBuffer(16 + length);
      b.writeInt(NbdProtocol.SIMPLE_REPLY_MAGIC).writeInt(0).writeLong(r.cookie);
      return readInto(b, r.offset, length);
    }
    if ((r.flags & NbdProtocol.CMD_FLAG_DF) != 0 || length == 0) {
      ByteBuf b = ctx.alloc().directBuffer(28 + length);
      chunk(b, NbdProtocol.CHUNK_DONE, NbdProtocol.CHUNK_DATA, r.cookie, 8 + length);
      return readInto(b.writeLong(r.offset), r.offset, length);
    }
    ByteBuf all = ctx.alloc().directBuffer(64 + length);
    int done = 0;
    while (done < length) {
      ChainStatus.Extent e = ChainStatus.joined(node, null, r.offset + done, length - done);
      int n = (int) e.length();
      int flags = done + n == length ? NbdProtocol.CHUNK_DONE : 0;
      if (e.zero()) {
        chunk(all, flags, NbdProtocol.CHUNK_HOLE, r.cookie, 12);
        all.writeLong(r.offset + done).writeInt(n);
      } else {
        chunk(all, flags, NbdProtocol.CHUNK_DATA, r.cookie, 8 + n);
        readInto(all.writeLong(r.offset + done), r.offset + done, n);
      }
      done += n;
    }
    return all;
  }

  private ByteBuf readInto(ByteBuf b, long offset, int length) throws IOException {
    b.ensureWritable(length);
    ByteBuffer target = b.nioBuffer(b.writerIndex(), length);
    try {
      node.read(offset, target);
    } catch (IOException | RuntimeException e) {
      b.release();
      throw e;
    }
    return b.writerIndex(b.writerIndex() + length);
  }

  private ByteBuf blockStatus(ChannelHandlerContext ctx, Request r) throws IOException {
    if (r.length == 0) {
      return error(ctx, r, NbdProtocol.EINVAL, "empty range");
    }
    boolean one = (r.flags & NbdProtocol.CMD_FLAG_REQ_ONE) != 0;
    ByteBuf extents = Unpooled.buffer();
    long at = r.offset;
    long end = r.offset + r.length;
    int count = 0;
    while (at < end && count < (one ? 1 : MAX_EXTENTS)) {
      ChainStatus.Extent e = ChainStatus.joined(node, null, at, end - at);
      int state = (e.data() ? 0 : NbdProtocol.STATE_HOLE) | (e.zero() ? NbdProtocol.STATE_ZERO : 0);
      extents.writeInt((int) e.length()).writeInt(state);
      at += e.length();
      count++;
    }
    ByteBuf b = ctx.alloc().buffer();
    int bytes = 4 + extents.readableBytes();
    chunk(b, NbdProtocol.CHUNK_DONE, NbdProtocol.CHUNK_STATUS, r.cookie, bytes);
    return b.writeInt(ALLOCATION_CONTEXT).writeBytes(extents);
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    LOG.debug("NBD connection failed", cause);
    ctx.close();
  }
}
