package org.tuber.devices.block.nbd;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.host.SocketFile;
import org.tuber.devices.block.nbd.tls.TlsCredentials;

/**
 * Serves disks by the NBD protocol: fixed newstyle handshake, structured replies, {@code
 * base:allocation}, TLS with certificates or pre-shared keys, over TCP or a unix socket.
 */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports failures to exceptionCaught
public final class NbdServer implements Closeable {
  private static final int IO_THREADS = 4;

  /**
   * A disk on offer.
   *
   * @param node the disk; the caller closes it after the server
   * @param description free text for people
   * @param readOnly writes are refused even if the node takes them
   */
  public record Export(BlockNode node, String description, boolean readOnly) {
    boolean isWritable() {
      return !readOnly && !node.isReadOnly();
    }
  }

  private final Map<String, Export> exports = new ConcurrentHashMap<>();
  private final EventLoopGroup loops;
  private final ExecutorService workers;
  private final ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
  private final RunningRequests running = new RunningRequests();
  private final TlsCredentials tls;
  private final AtomicInteger clients = new AtomicInteger();
  private int maxClients = Integer.MAX_VALUE;
  private Runnable whenLastClientLeaves = () -> {};
  private Channel listener;
  private Path socketPath;

  /** A server without TLS. */
  public NbdServer() {
    this(null);
  }

  /** A server that insists on TLS, unless {@code tls} is null. */
  public NbdServer(TlsCredentials tls) {
    this.tls = tls;
    this.loops = new MultiThreadIoEventLoopGroup(2, NioIoHandler.newFactory());
    this.workers =
        Executors.newFixedThreadPool(
            IO_THREADS,
            r -> {
              Thread t = new Thread(r, "nbd server");
              t.setDaemon(true);
              return t;
            });
  }

  /** Serves at most so many clients at a time; others wait. Set before listening. */
  public NbdServer withMaxClients(int clientsAtATime) {
    maxClients = clientsAtATime;
    return this;
  }

  /**
   * Runs an action whenever the last client that had chosen an export has gone. Set before
   * listening.
   */
  public NbdServer whenLastClientLeaves(Runnable action) {
    whenLastClientLeaves = action;
    return this;
  }

  /** Offers a disk; the empty name is the default export. */
  public NbdServer export(String name, Export export) {
    exports.put(name, export);
    return this;
  }

  /** Withdraws an export from new clients. */
  public void withdraw(String name) {
    exports.remove(name);
  }

  /** How many clients have chosen an export. */
  public int clientsOf(String name) {
    int n = 0;
    for (Channel c : connections) {
      n += name.equals(c.attr(NbdHandshake.CHOSEN).get()) ? 1 : 0;
    }
    return n;
  }

  /** Cuts the connections of those who have chosen an export. */
  public void disconnect(String name) {
    connections.close(c -> name.equals(c.attr(NbdHandshake.CHOSEN).get())).awaitUninterruptibly();
  }

  /** Listens on TCP; port 0 picks one. */
  public NbdServer listen(InetSocketAddress address) throws IOException {
    return listen(address, NioServerSocketChannel.class);
  }

  /** Listens on a unix socket; removes it when closed. */
  public NbdServer listen(Path socket) throws IOException {
    listen(UnixDomainSocketAddress.of(socket), NioServerDomainSocketChannel.class);
    socketPath = socket;
    return this;
  }

  private NbdServer listen(SocketAddress address, Class<? extends ServerChannel> type)
      throws IOException {
    ServerBootstrap b =
        new ServerBootstrap()
            .group(loops)
            .channel(type)
            .childHandler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel c) {
                    admit(c);
                  }
                });
    try {
      listener = b.bind(address).sync().channel();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } catch (Exception e) {
      // Netty throws what the bind failed with, declared or not.
      throw new ImageException(address.toString(), "address", String.valueOf(e.getMessage()), e);
    }
    return this;
  }

  private void admit(Channel c) {
    connections.add(c);
    if (clients.incrementAndGet() >= maxClients) {
      c.parent().config().setAutoRead(false);
    }
    NbdHandshake handshake = new NbdHandshake(exports, tls, maxClients > 1, workers, running);
    c.pipeline().addLast("handshake", handshake);
    c.closeFuture()
        .addListener(
            closed -> {
              int left = clients.decrementAndGet();
              if (left < maxClients) {
                c.parent().config().setAutoRead(true);
              }
              if (left == 0 && handshake.hasChosen()) {
                whenLastClientLeaves.run();
              }
            });
  }

  /** Port listened on. */
  public int port() {
    return ((InetSocketAddress) listener.localAddress()).getPort();
  }

  /** Cuts all connections but goes on listening; clients reconnect. */
  public void disconnectAll() {
    connections.close().awaitUninterruptibly();
  }

  @Override
  public void close() throws IOException {
    if (listener != null) {
      listener.close().awaitUninterruptibly();
    }
    connections.close().awaitUninterruptibly();
    workers.close();
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    if (socketPath != null) {
      SocketFile.remove(socketPath);
    }
  }
}
