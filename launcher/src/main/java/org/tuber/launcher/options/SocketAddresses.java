package org.tuber.launcher.options;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.InvalidPathException;
import java.util.Set;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.remote.SocketTarget;

/**
 * Sockets as QEMU's options name them: {@code tcp:[host]:port}, {@code unix:path}, with {@code
 * ,server=on,wait=off}. Without a host the loopback address is meant, also where one listens.
 */
final class SocketAddresses {
  private static final int MAX_PORT = 0xffff;
  private static final int MAX_SECONDS = 86_400;
  private static final Set<String> PROPERTIES =
      Set.of("server", "wait", "nowait", "nodelay", "delay", "reconnect", "telnet", "ipv4", "ipv6");

  private SocketAddresses() {}

  /** True for what {@link #line} understands. */
  static boolean isSocket(String text) {
    return text.startsWith("tcp:") || text.startsWith("telnet:") || text.startsWith("unix:");
  }

  /** An address where somebody is let in: the option listens whatever it says, nobody waits. */
  static SocketTarget listening(String option, String text) {
    return parse(option, text, true).target();
  }

  /** {@code tcp:[host]:port}, {@code telnet:…} or {@code unix:path} with their properties. */
  static CharTarget.Socket line(String option, String text) {
    return parse(option, text, false);
  }

  private static CharTarget.Socket parse(String option, String text, boolean alwaysServer) {
    KeyValues values = KeyValues.parse(option, text, "address");
    String address = values.take("address", "");
    boolean telnet = address.startsWith("telnet:") && !alwaysServer;
    address = telnet ? "tcp" + address.substring(6) : address;
    values.only(PROPERTIES);
    if (address.startsWith("unix:") && address.length() > 5) {
      return socket(
          option, text, values, unix(option, text, address.substring(5)), telnet, alwaysServer);
    }
    int colon = address.lastIndexOf(':');
    if (!address.startsWith("tcp:") || colon < 4) {
      throw new CommandLineException(
          option + " " + text + ": is neither tcp:[host]:port nor unix:path");
    }
    SocketAddress where =
        tcp(option, text, address.substring(4, colon), address.substring(colon + 1));
    return socket(option, text, values, where, telnet, alwaysServer);
  }

  private static CharTarget.Socket socket(
      String option,
      String text,
      KeyValues values,
      SocketAddress where,
      boolean telnetMeant,
      boolean alwaysServer) {
    boolean server = alwaysServer || values.isOn("server", false);
    boolean waits =
        server && !alwaysServer && values.isOn("wait", true) && !values.isOn("nowait", false);
    int reconnect = values.integer("reconnect", 0, 0, MAX_SECONDS);
    if (server && reconnect > 0) {
      throw new CommandLineException(
          option + " " + text + ": reconnect is for those who connect, not with server=on");
    }
    boolean telnet = values.isOn("telnet", telnetMeant);
    return new CharTarget.Socket(new SocketTarget(where, server, waits), telnet, reconnect);
  }

  private static SocketAddress unix(String option, String text, String path) {
    try {
      return UnixDomainSocketAddress.of(path);
    } catch (InvalidPathException e) {
      throw new CommandLineException(option + " " + text + ": is not a file name");
    }
  }

  private static InetSocketAddress tcp(String option, String text, String host, String port) {
    try {
      int number = Integer.parseInt(port);
      if (number < 0 || number > MAX_PORT) {
        throw new NumberFormatException();
      }
      InetAddress where =
          host.isEmpty() ? InetAddress.getLoopbackAddress() : InetAddress.getByName(host);
      return new InetSocketAddress(where, number);
    } catch (NumberFormatException e) {
      throw new CommandLineException(option + " " + text + ": '" + port + "' is not a port");
    } catch (UnknownHostException e) {
      throw new CommandLineException(option + " " + text + ": unknown host '" + host + "'");
    }
  }

  /** {@code udp:[host]:port[@[local]:port]}. */
  static CharTarget.Udp udpLine(String option, String text) {
    String[] ends = text.substring("udp:".length()).split("@", 2);
    String local = ends.length > 1 ? ends[1] : ":0";
    int colon = ends[0].lastIndexOf(':');
    int localColon = local.lastIndexOf(':');
    if (colon < 0 || localColon < 0) {
      throw new CommandLineException(
          option + " " + text + ": is not udp:[host]:port[@[local]:port]");
    }
    return udp(
        tcp(option, text, ends[0].substring(0, colon), ends[0].substring(colon + 1)),
        tcp(option, text, local.substring(0, localColon), local.substring(localColon + 1)),
        localColon == 0);
  }

  /** Without a local host, any of this computer that leads to the other side. */
  private static CharTarget.Udp udp(
      InetSocketAddress remote, InetSocketAddress local, boolean isAnyHost) {
    boolean isInside = remote.getAddress().isLoopbackAddress();
    return new CharTarget.Udp(
        remote, isAnyHost && !isInside ? new InetSocketAddress(local.getPort()) : local);
  }

  /** {@code -chardev udp,host=,port=,localaddr=,localport=}. */
  static CharTarget.Udp udp(String option, String text, KeyValues values) {
    String host = values.take("host", "");
    String port = values.take("port", "");
    String localHost = values.take("localaddr", "");
    String localPort = values.take("localport", "0");
    values.only(Set.of("ipv4", "ipv6"));
    if (port.isEmpty()) {
      throw new CommandLineException(option + " " + text + ": needs a port");
    }
    return udp(
        tcp(option, text, host, port),
        tcp(option, text, localHost, localPort),
        localHost.isEmpty());
  }

  /** The socket of {@code -chardev socket,path=… or host=,port=}. */
  static CharTarget.Socket chardev(String option, String text, KeyValues values) {
    String path = values.take("path", "");
    String host = values.take("host", "");
    String port = values.take("port", "");
    values.only(PROPERTIES);
    SocketAddress where = path.isEmpty() ? tcp(option, text, host, port) : unix(option, text, path);
    return socket(option, text, values, where, false, false);
  }
}
