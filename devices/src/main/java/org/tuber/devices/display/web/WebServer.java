package org.tuber.devices.display.web;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.timeout.ReadTimeoutHandler;
import java.io.Closeable;
import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.util.List;
import org.tuber.devices.character.VirtualTerminal;
import org.tuber.devices.display.ClientListener;
import org.tuber.devices.display.vnc.VncServer;

/**
 * Serves the machine as a web page, to any number of browsers at a time. The picture, keyboard and
 * mouse go by the RFB protocol in a WebSocket, the same that VNC clients speak; terminals are plain
 * bytes in WebSockets of their own. The connection is not encrypted: elsewhere than on the loopback
 * address it belongs into a tunnel.
 */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports failures to exceptionCaught
public final class WebServer implements Closeable {
  static final Object STATE_CHANGED = new Object();

  private static final int MOST_CONNECTIONS = 64;
  private static final int MOST_BODY_BYTES = 1024;
  private static final int REQUEST_SECONDS = 30;

  private final WebConsole console;
  private final WebAccess access;
  private ClientListener listener;

  private WebServer(WebConsole console, String hostName) {
    this.console = console;
    this.access = new WebAccess(hostName);
  }

  /**
   * Starts a server.
   *
   * @param address where; port 0 picks one
   */
  public static WebServer listen(InetSocketAddress address, WebConsole console) throws IOException {
    WebServer server = new WebServer(console, address.getHostString());
    server.listener = ClientListener.open("web", address, MOST_CONNECTIONS, server::admit);
    return server;
  }

  private void admit(Channel channel) {
    channel
        .pipeline()
        .addLast(
            new ReadTimeoutHandler(REQUEST_SECONDS),
            new HttpServerCodec(),
            new HttpObjectAggregator(MOST_BODY_BYTES, true),
            new WebDoor(this));
  }

  WebAccess access() {
    return access;
  }

  /** What speaks on the WebSocket of a path; nothing when there is none. */
  ChannelHandler[] speakers(String path) {
    if (path.equals("/control")) {
      return new ChannelHandler[] {new ControlSession(console)};
    }
    if (path.equals("/screen") && console.hasScreen()) {
      return new ChannelHandler[] {new SocketBytes(), VncServer.session(console, console.title())};
    }
    List<VirtualTerminal> terminals = console.terminals();
    for (int i = 0; i < terminals.size(); i++) {
      if (path.equals("/terminal/" + i)) {
        return new ChannelHandler[] {new SocketBytes(), new TerminalSession(terminals.get(i))};
      }
    }
    return new ChannelHandler[0];
  }

  /** Tells the pages that {@link WebConsole#state} may have changed; any thread. */
  public void stateChanged() {
    for (Channel connection : listener.connections()) {
      connection
          .eventLoop()
          .execute(() -> connection.pipeline().fireUserEventTriggered(STATE_CHANGED));
    }
  }

  /** Port listened on. */
  public int port() {
    return listener.address().getPort();
  }

  /** The address for the browser, with its secret. */
  public String url() {
    InetSocketAddress local = listener.address();
    String host = local.getAddress().getHostAddress();
    if (local.getAddress().isAnyLocalAddress()) {
      host = "localhost";
    } else if (local.getAddress() instanceof Inet6Address) {
      host = "[" + host.replaceFirst("%.*", "") + "]";
    }
    return "http://" + host + ":" + local.getPort() + "/?token=" + access.token();
  }

  @Override
  public void close() {
    listener.close();
  }
}
