package org.tuber.machine.remote;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.tuber.devices.block.host.SocketFile;

/**
 * A listening socket, or one connection to somebody who listens; what is said on it is the affair
 * of the handlers.
 */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports failures to exceptionCaught
public final class HostSocket implements Closeable {
  private static final int CLOSE_SECONDS = 2;

  private final EventLoopGroup loops;
  private final ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
  private final CountDownLatch connected = new CountDownLatch(1);
  private final SocketTarget target;
  private Channel channel;

  private HostSocket(String name, SocketTarget target) {
    this.target = target;
    loops =
        new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory(name, true), NioIoHandler.newFactory());
  }

  /**
   * Opens a socket.
   *
   * @param name of its thread
   * @param handlers adds what speaks on a new connection
   * @throws IOException when that fails; the message is for the user
   */
  public static HostSocket open(
      String name, SocketTarget target, Consumer<ChannelPipeline> handlers) throws IOException {
    HostSocket socket = new HostSocket(name, target);
    boolean local = target.address() instanceof UnixDomainSocketAddress;
    ChannelInitializer<Channel> initializer =
        new ChannelInitializer<>() {
          @Override
          protected void initChannel(Channel connection) {
            socket.connections.add(connection);
            handlers.accept(connection.pipeline());
            socket.connected.countDown();
          }
        };
    if (local && target.server()) {
      // A socket file that a dead process left behind would be in the way.
      SocketFile.remove(((UnixDomainSocketAddress) target.address()).getPath());
    }
    var opened =
        target.server()
            ? new ServerBootstrap()
                .group(socket.loops)
                .channel(local ? NioServerDomainSocketChannel.class : NioServerSocketChannel.class)
                .childHandler(initializer)
                .bind(target.address())
            : new Bootstrap()
                .group(socket.loops)
                .channel(local ? NioDomainSocketChannel.class : NioSocketChannel.class)
                .handler(initializer)
                .connect(target.address());
    opened.awaitUninterruptibly();
    if (!opened.isSuccess()) {
      socket.close();
      throw new IOException(opened.cause().getMessage(), opened.cause());
    }
    socket.channel = opened.channel();
    return socket;
  }

  /** TCP port listened on. */
  public int port() {
    return ((InetSocketAddress) channel.localAddress()).getPort();
  }

  /** Returns when somebody has connected. */
  public void awaitConnection() throws InterruptedException {
    connected.await();
  }

  /** What has been written still goes out. */
  @Override
  public void close() {
    if (channel != null) {
      channel.close().awaitUninterruptibly();
    }
    connections.close().awaitUninterruptibly(CLOSE_SECONDS, TimeUnit.SECONDS);
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    if (target.server() && target.address() instanceof UnixDomainSocketAddress file) {
      try {
        SocketFile.remove(file.getPath());
      } catch (IOException e) {
        // Somebody else has taken it away.
        return;
      }
    }
  }
}
