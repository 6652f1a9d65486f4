package org.tuber.launcher.options;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.util.Set;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.remote.SocketTarget;

/**
 * Sockets as QEMU's options name them: {@code tcp:[host]:port} and {@code unix:path}, with {@code
 * ,server=on,wait=off}. Without a host the loopback address is meant, also where one listens.
 */
final class SocketAddresses {
  private static final int MAX_PORT = 0xffff;

  private SocketAddresses() {}

  /** True for what {@link #parse} understands. */
  static boolean isSocket(String text) {
    return text.startsWith("tcp:") || text.startsWith("unix:");
  }

  /**
   * Parses an address.
   *
   * @param alwaysServer the option listens whatever it says, and nobody waits (GDB)
   */
  static SocketTarget parse(String option, String text, boolean alwaysServer) {
    KeyValues values = KeyValues.parse(option, text, "address");
    String address = values.take("address", "");
    values.only(
        Set.of("server", "wait", "nowait", "nodelay", "delay", "reconnect", "telnet", "ipv4"));
    boolean server = alwaysServer || values.isOn("server", false);
    boolean waits =
        server && !alwaysServer && values.isOn("wait", true) && !values.isOn("nowait", false);
    if (address.startsWith("unix:") && address.length() > 5) {
      return new SocketTarget(UnixDomainSocketAddress.of(address.substring(5)), server, waits);
    }
    int colon = address.lastIndexOf(':');
    if (!address.startsWith("tcp:") || colon < 4) {
      throw new CommandLineException(
          option + " " + text + ": is neither tcp:[host]:port nor unix:path");
    }
    return tcp(
        option, text, address.substring(4, colon), address.substring(colon + 1), server, waits);
  }

  /** A TCP address from its parts. */
  static SocketTarget tcp(
      String option, String text, String host, String port, boolean server, boolean waits) {
    try {
      int number = Integer.parseInt(port);
      if (number < 0 || number > MAX_PORT) {
        throw new NumberFormatException();
      }
      InetAddress where =
          host.isEmpty() ? InetAddress.getLoopbackAddress() : InetAddress.getByName(host);
      return new SocketTarget(new InetSocketAddress(where, number), server, waits);
    } catch (NumberFormatException e) {
      throw new CommandLineException(option + " " + text + ": '" + port + "' is not a port");
    } catch (UnknownHostException e) {
      throw new CommandLineException(option + " " + text + ": unknown host '" + host + "'");
    }
  }

  /** The socket of {@code -chardev socket,path=… or host=,port=}. */
  static SocketTarget chardev(String option, String text, KeyValues values) {
    values.only(
        Set.of("backend", "id", "path", "host", "port", "server", "wait", "nowait", "nodelay"));
    boolean server = values.isOn("server", false);
    boolean waits = server && values.isOn("wait", true) && !values.isOn("nowait", false);
    String path = values.get("path", "");
    if (!path.isEmpty()) {
      return new SocketTarget(UnixDomainSocketAddress.of(path), server, waits);
    }
    return tcp(option, text, values.get("host", ""), values.get("port", ""), server, waits);
  }
}
