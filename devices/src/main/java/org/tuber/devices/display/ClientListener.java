package org.tuber.devices.display;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A TCP port where viewers of a screen connect, their connections, and the thread of all. */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports failures to exceptionCaught
public final class ClientListener implements Closeable {
  private final EventLoopGroup loops;
  private final ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
  private Channel listener;

  private ClientListener(String name) {
    loops =
        new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory(name, true), NioIoHandler.newFactory());
  }

  /**
   * Starts listening.
   *
   * @param name of the thread
   * @param address where; port 0 picks one
   * @param most connections at a time; those beyond are closed at once
   * @param handlers adds what speaks on a new connection
   */
  public static ClientListener open(
      String name, InetSocketAddress address, int most, Consumer<Channel> handlers)
      throws IOException {
    ClientListener server = new ClientListener(name);
    var bound =
        new ServerBootstrap()
            .group(server.loops)
            .channel(NioServerSocketChannel.class)
            .childHandler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    if (server.connections.size() >= most) {
                      channel.close();
                      return;
                    }
                    server.connections.add(channel);
                    handlers.accept(channel);
                  }
                })
            .bind(address)
            .awaitUninterruptibly();
    if (!bound.isSuccess()) {
      server.close();
      throw new IOException(bound.cause().getMessage(), bound.cause());
    }
    server.listener = bound.channel();
    return server;
  }

  /** Those connected now. */
  public Iterable<Channel> connections() {
    return connections;
  }

  /** Where it listens. */
  public InetSocketAddress address() {
    return (InetSocketAddress) listener.localAddress();
  }

  @Override
  public void close() {
    if (listener != null) {
      listener.close().awaitUninterruptibly();
    }
    connections.close().awaitUninterruptibly();
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
  }
}
