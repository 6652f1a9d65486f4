package org.tuber.devices.display.vnc;

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
import org.tuber.core.backend.InputSource;
import org.tuber.devices.display.DisplaySurface;

/** Serves a screen to VNC clients, any number of them at a time. */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports failures to exceptionCaught
public final class VncServer implements Closeable {
  /** What clients look at and type to. Called on the server's thread, without locks. */
  public interface Console {
    /** Draws the present picture. */
    void render(DisplaySurface surface);

    /** Runs {@code event} soon with keyboard and mouse. */
    void input(Consumer<InputSource.Sink> event);
  }

  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(
          1, new DefaultThreadFactory("vnc", true), NioIoHandler.newFactory());
  private final ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
  private Channel listener;

  private VncServer() {}

  /**
   * Starts a server.
   *
   * @param address where; port 0 picks one
   * @param name title for the client's window
   * @param password what clients must know, or null
   */
  public static VncServer listen(
      InetSocketAddress address, Console console, String name, byte[] password) throws IOException {
    VncServer server = new VncServer();
    ServerBootstrap bootstrap =
        new ServerBootstrap()
            .group(server.loops)
            .channel(NioServerSocketChannel.class)
            .childHandler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    server.connections.add(channel);
                    channel.pipeline().addLast("rfb", new VncSession(console, name, password));
                  }
                });
    var bound = bootstrap.bind(address).awaitUninterruptibly();
    if (!bound.isSuccess()) {
      server.close();
      throw new IOException(bound.cause().getMessage(), bound.cause());
    }
    server.listener = bound.channel();
    return server;
  }

  /** Port listened on. */
  public int port() {
    return ((InetSocketAddress) listener.localAddress()).getPort();
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
