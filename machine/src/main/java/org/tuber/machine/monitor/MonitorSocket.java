package org.tuber.machine.monitor;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.machine.remote.HostSocket;
import org.tuber.machine.remote.SocketTarget;

/** Monitors on sockets. Each connection is a client of its own. */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports failures to exceptionCaught
public final class MonitorSocket {
  private static final Logger LOG = LoggerFactory.getLogger(MonitorSocket.class);

  private MonitorSocket() {}

  /** Opens a socket where programs speak QMP. */
  public static HostSocket qmp(SocketTarget target, Qmp qmp) throws IOException {
    return HostSocket.open("qmp", target, pipeline -> pipeline.addLast(new Programs(qmp)));
  }

  /** Opens a socket where people type commands. */
  public static HostSocket human(SocketTarget target, HumanMonitor monitor, String version)
      throws IOException {
    return HostSocket.open(
        "monitor", target, pipeline -> pipeline.addLast(new People(monitor, version)));
  }

  private static void send(Channel channel, byte[] bytes) {
    channel.writeAndFlush(Unpooled.wrappedBuffer(bytes));
  }

  private static byte[] bytes(ByteBuf in) {
    byte[] bytes = new byte[in.readableBytes()];
    in.readBytes(bytes);
    return bytes;
  }

  private static final class Programs extends SimpleChannelInboundHandler<ByteBuf> {
    private final Qmp qmp;
    private QmpSession session;

    Programs(Qmp qmp) {
      this.qmp = qmp;
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
      session = new QmpSession(qmp, bytes -> send(ctx.channel(), bytes));
      session.open();
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, ByteBuf in) {
      byte[] bytes = bytes(in);
      session.feed(bytes, bytes.length);
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
      session.close();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      LOG.debug("QMP: connection ended", cause);
      ctx.close();
    }
  }

  private static final class People extends SimpleChannelInboundHandler<ByteBuf> {
    private final HumanMonitor monitor;
    private final String version;
    private MonitorLine line;

    People(HumanMonitor monitor, String version) {
      this.monitor = monitor;
      this.version = version;
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
      line = new MonitorLine(bytes -> send(ctx.channel(), bytes));
      line.attach(monitor);
      line.greet(version);
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, ByteBuf in) {
      for (byte value : bytes(in)) {
        line.type(value);
      }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      LOG.debug("monitor: connection ended", cause);
      ctx.close();
    }
  }
}
