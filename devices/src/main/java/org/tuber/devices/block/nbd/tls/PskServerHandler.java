package org.tuber.devices.block.nbd.tls;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import java.io.IOException;
import org.bouncycastle.tls.TlsServer;
import org.bouncycastle.tls.TlsServerProtocol;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs the server's side of a pre-shared-key connection on the connection's event loop. */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports failures to exceptionCaught
final class PskServerHandler extends ChannelDuplexHandler {
  private static final Logger LOG = LoggerFactory.getLogger(PskServerHandler.class);

  private final TlsServerProtocol protocol = new TlsServerProtocol();

  PskServerHandler(TlsServer server) throws IOException {
    protocol.accept(server);
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    ByteBuf in = (ByteBuf) message;
    byte[] bytes = new byte[in.readableBytes()];
    in.readBytes(bytes);
    in.release();
    try {
      protocol.offerInput(bytes);
    } catch (IOException e) {
      LOG.debug("{}: TLS failed", ctx.channel().remoteAddress(), e);
      sendRecords(ctx, ctx.newPromise());
      ctx.flush();
      ctx.close();
      return;
    }
    sendRecords(ctx, ctx.newPromise());
    ctx.flush();
    int n = protocol.getAvailableInputBytes();
    if (n > 0) {
      byte[] plain = new byte[n];
      n = protocol.readInput(plain, 0, n);
      ctx.fireChannelRead(ctx.alloc().buffer(n).writeBytes(plain, 0, n));
    }
  }

  private void sendRecords(ChannelHandlerContext ctx, ChannelPromise promise) {
    int n = protocol.getAvailableOutputBytes();
    byte[] records = new byte[n];
    protocol.readOutput(records, 0, n);
    ctx.write(ctx.alloc().buffer(n).writeBytes(records), promise);
  }

  @Override
  public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
    ByteBuf out = (ByteBuf) message;
    byte[] bytes = new byte[out.readableBytes()];
    out.readBytes(bytes);
    out.release();
    try {
      protocol.writeApplicationData(bytes, 0, bytes.length);
      sendRecords(ctx, promise);
    } catch (IOException | IllegalStateException e) {
      promise.setFailure(e);
      ctx.close();
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    try {
      protocol.close();
    } catch (IOException e) {
      LOG.debug("closing TLS", e);
    }
    ctx.fireChannelInactive();
  }
}
