package org.tuber.devices.block.nbd;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import org.tuber.devices.block.ImageException;

/**
 * Where an export is: {@code nbd://host:port/export}, {@code nbd+unix:///export?socket=path},
 * {@code nbd:host:port:exportname=x} or {@code nbd:unix:path:exportname=x}; {@code nbds} means TLS.
 *
 * @param host host name, or null for a unix socket
 * @param port TCP port
 * @param socket unix socket path, or null
 * @param export export name
 * @param tls encrypt
 */
public record NbdAddress(String host, int port, String socket, String export, boolean tls) {
  /** True for names this class understands. */
  public static boolean matches(String name) {
    return name.startsWith("nbd:")
        || name.startsWith("nbd+unix:")
        || name.startsWith("nbds:")
        || name.startsWith("nbd+tcp:")
        || name.startsWith("nbds+unix:");
  }

  /** Parses a name. */
  public static NbdAddress parse(String name) throws ImageException {
    if (name.startsWith("nbd:") && !name.startsWith("nbd://")) {
      return parseOld(name);
    }
    try {
      URI u = new URI(name);
      boolean tls = u.getScheme().startsWith("nbds");
      String export = u.getPath() == null ? "" : u.getPath().replaceFirst("^/", "");
      if (!u.getScheme().endsWith("+unix")) {
        String host = u.getHost() == null ? "localhost" : u.getHost().replaceAll("[\\[\\]]", "");
        int port = u.getPort() < 0 ? NbdProtocol.DEFAULT_PORT : u.getPort();
        return new NbdAddress(host, port, null, export, tls);
      }
      String query = u.getRawQuery() == null ? "" : u.getRawQuery();
      for (String q : query.split("&")) {
        if (q.startsWith("socket=")) {
          String path = URLDecoder.decode(q.substring(7), StandardCharsets.UTF_8);
          return new NbdAddress(null, 0, path, export, tls);
        }
      }
    } catch (URISyntaxException e) {
      throw new ImageException(name, "URL", e.getReason(), e);
    }
    throw new ImageException(name, "URL", "a unix socket needs ?socket=path");
  }

  private static NbdAddress parseOld(String name) throws ImageException {
    String rest = name.substring(4);
    String export = "";
    int at = rest.indexOf(":exportname=");
    if (at >= 0) {
      export = rest.substring(at + 12);
      rest = rest.substring(0, at);
    }
    if (rest.startsWith("unix:")) {
      return new NbdAddress(null, 0, rest.substring(5), export, false);
    }
    int colon = rest.lastIndexOf(':');
    try {
      if (colon > 0) {
        int port = Integer.parseInt(rest.substring(colon + 1));
        return new NbdAddress(rest.substring(0, colon), port, null, export, false);
      }
    } catch (NumberFormatException e) {
      throw new ImageException(name, "port", "not a number", e);
    }
    throw new ImageException(name, "address", "expected nbd:host:port or nbd:unix:path");
  }

  SocketAddress socketAddress() {
    return socket != null ? UnixDomainSocketAddress.of(socket) : new InetSocketAddress(host, port);
  }
}
