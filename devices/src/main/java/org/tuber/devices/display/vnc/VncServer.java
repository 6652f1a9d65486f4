package org.tuber.devices.display.vnc;

import io.netty.channel.ChannelHandler;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.function.Consumer;
import org.tuber.core.backend.InputSource;
import org.tuber.devices.display.ClientListener;
import org.tuber.devices.display.DisplaySurface;

/** Serves a screen to VNC clients, any number of them at a time. */
public final class VncServer implements Closeable {
  /** What clients look at and type to. Called on the server's thread, without locks. */
  public interface Console {
    /** Draws the present picture. */
    void render(DisplaySurface surface);

    /** Runs {@code event} soon with keyboard and mouse. */
    void input(Consumer<InputSource.Sink> event);
  }

  private final ClientListener listener;

  private VncServer(ClientListener listener) {
    this.listener = listener;
  }

  /**
   * Starts a server.
   *
   * @param address where; port 0 picks one
   * @param name title for the client's window
   * @param password what clients must know, or null
   */
  public static VncServer listen(
      InetSocketAddress address, Console console, String name, byte[] password) throws IOException {
    return new VncServer(
        ClientListener.open(
            "vnc",
            address,
            Integer.MAX_VALUE,
            c -> c.pipeline().addLast("rfb", new VncSession(console, name, password))));
  }

  /** What speaks with one client, for connections that others have accepted. */
  public static ChannelHandler session(Console console, String name) {
    return new VncSession(console, name, null);
  }

  /** Port listened on. */
  public int port() {
    return listener.address().getPort();
  }

  @Override
  public void close() {
    listener.close();
  }
}
