package org.tuber.devices.display.web;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.devices.character.VirtualTerminal;

/**
 * One viewer of a terminal: sends what is kept, then what comes. A viewer that does not read in
 * time misses some output; nothing is queued for it beyond one chunk.
 */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports failures to exceptionCaught
final class TerminalSession extends SimpleChannelInboundHandler<ByteBuf> {
  private static final Logger LOG = LoggerFactory.getLogger(TerminalSession.class);
  private static final int CHUNK_BYTES = 1 << 14;
  private static final long GATHER_MILLIS = 10;

  private final VirtualTerminal terminal;
  private final byte[] chunk = new byte[CHUNK_BYTES];
  private final int[] length = new int[1];
  private final AtomicBoolean scheduled = new AtomicBoolean();
  private Runnable watcher;
  private long sent;

  TerminalSession(VirtualTerminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    sent = terminal.firstKept();
    watcher = () -> wake(ctx);
    terminal.addWatcher(watcher);
    send(ctx);
  }

  /** On the guest's side: more output will be looked for once, soon. */
  private void wake(ChannelHandlerContext ctx) {
    if (!scheduled.getAndSet(true)) {
      ctx.executor()
          .schedule(
              () -> {
                scheduled.set(false);
                send(ctx);
              },
              GATHER_MILLIS,
              TimeUnit.MILLISECONDS);
    }
  }

  private void send(ChannelHandlerContext ctx) {
    while (ctx.channel().isActive() && ctx.channel().isWritable()) {
      sent = terminal.copy(sent, chunk, length);
      if (length[0] == 0) {
        return;
      }
      ctx.writeAndFlush(Unpooled.wrappedBuffer(Arrays.copyOf(chunk, length[0])));
    }
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    send(ctx);
    ctx.fireChannelWritabilityChanged();
  }

  @Override
  protected void channelRead0(ChannelHandlerContext ctx, ByteBuf in) {
    byte[] bytes = new byte[in.readableBytes()];
    in.readBytes(bytes);
    terminal.type(bytes);
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext ctx) {
    terminal.removeWatcher(watcher);
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    LOG.debug("web: terminal connection ended", cause);
    ctx.close();
  }
}
