package org.tuber.devices.block.nbd;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.nbd.tls.PskCredentials;
import org.tuber.devices.block.nbd.tls.TlsCredentials;
import org.tuber.devices.block.nbd.tls.X509Credentials;

/**
 * Where an export is: {@code nbd://host:port/export}, {@code nbd+unix:///export?socket=path},
 * {@code nbd:host:port:exportname=x} or {@code nbd:unix:path:exportname=x}; {@code nbds} means TLS
 * ({@code doc/uri.md} of the NBD project).
 *
 * @param host host name, or null for a unix socket
 * @param port TCP port
 * @param socket unix socket path, or null
 * @param export export name
 * @param tls encrypt
 * @param user user name for TLS, or null
 * @param query further parameters, e.g. {@code tls-certificates}
 */
public record NbdAddress(
    String host,
    int port,
    String socket,
    String export,
    boolean tls,
    String user,
    Map<String, String> query) {

  /** Port of the protocol. */
  public static final int DEFAULT_PORT = NbdProtocol.DEFAULT_PORT;

  /** Parameter of an address: {@link #reconnectNanos} in seconds. */
  public static final String RECONNECT_DELAY = "reconnect-delay";

  private static final int RECONNECT_SECONDS = 30;

  /** True for names this class understands. */
  public static boolean matches(String name) {
    return name.startsWith("nbd:")
        || name.startsWith("nbd+unix:")
        || name.startsWith("nbds:")
        || name.startsWith("nbd+tcp:")
        || name.startsWith("nbds+unix:")
        || name.startsWith("nbds+tcp:");
  }

  /** The name of an export at a host. */
  public static String nameOf(String host, int port, String export) {
    String shown = host.indexOf(':') >= 0 ? "[" + host + "]" : host;
    return "nbd://" + shown + ":" + port + "/" + encode(export);
  }

  /** The name of an export at a unix socket. */
  public static String nameOf(Path socket, String export) {
    return "nbd+unix:///" + encode(export) + "?socket=" + encode(socket.toString());
  }

  private static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20").replace("%2F", "/");
  }

  /** A name with more parameters; the old spelling has none, so it becomes a URL. */
  public static String withQuery(String name, Map<String, String> parameters)
      throws ImageException {
    if (parameters.isEmpty()) {
      return name;
    }
    NbdAddress a = parse(name);
    boolean old = name.startsWith("nbd:") && !name.startsWith("nbd://");
    StringBuilder s = new StringBuilder(name);
    if (old) {
      s.setLength(0);
      s.append(
          a.socket == null
              ? nameOf(a.host, a.port, a.export)
              : nameOf(Path.of(a.socket), a.export));
    }
    parameters.forEach(
        (k, v) -> s.append(s.indexOf("?") < 0 ? '?' : '&').append(k).append('=').append(encode(v)));
    return s.toString();
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
      Map<String, String> query = query(name, u.getRawQuery());
      if (u.getScheme().endsWith("+unix")) {
        String socket = query.get("socket");
        if (socket == null) {
          throw new ImageException(name, "URL", "a unix socket needs ?socket=path");
        }
        return new NbdAddress(null, 0, socket, export, tls, u.getUserInfo(), query);
      }
      String host = u.getHost() == null ? "localhost" : u.getHost().replaceAll("[\\[\\]]", "");
      int port = u.getPort() < 0 ? NbdProtocol.DEFAULT_PORT : u.getPort();
      return new NbdAddress(host, port, null, export, tls, u.getUserInfo(), query);
    } catch (URISyntaxException e) {
      throw new ImageException(name, "URL", e.getReason(), e);
    }
  }

  private static Map<String, String> query(String name, String raw) throws ImageException {
    Map<String, String> all = new LinkedHashMap<>();
    for (String q : raw == null ? new String[0] : raw.split("&")) {
      int eq = q.indexOf('=');
      if (eq > 0) {
        all.put(q.substring(0, eq), URLDecoder.decode(q.substring(eq + 1), StandardCharsets.UTF_8));
      }
    }
    if (!all.getOrDefault(RECONNECT_DELAY, "0").matches("[0-9]{1,9}")) {
      throw new ImageException(name, RECONNECT_DELAY, "must be a number of seconds");
    }
    return all;
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
      return new NbdAddress(null, 0, rest.substring(5), export, false, null, Map.of());
    }
    int colon = rest.lastIndexOf(':');
    try {
      int port = Integer.parseInt(rest.substring(colon + 1));
      if (colon > 0 && port >= 0 && port < 1 << 16) {
        String host = rest.substring(0, colon);
        return new NbdAddress(host, port, null, export, false, null, Map.of());
      }
    } catch (NumberFormatException e) {
      throw new ImageException(name, "port", "not a number", e);
    }
    throw new ImageException(name, "address", "expected nbd:host:port or nbd:unix:path");
  }

  SocketAddress socketAddress() throws IOException {
    if (socket != null) {
      return UnixDomainSocketAddress.of(socket);
    }
    InetSocketAddress a = new InetSocketAddress(host, port);
    if (a.isUnresolved()) {
      throw new IOException("unknown host " + host);
    }
    return a;
  }

  /** How long requests wait when the connection has broken. */
  long reconnectNanos() {
    String seconds = query.get(RECONNECT_DELAY);
    return TimeUnit.SECONDS.toNanos(seconds == null ? RECONNECT_SECONDS : Long.parseLong(seconds));
  }

  /** The name the server's certificate has to be for. */
  String tlsHost() {
    String wanted = query.get("tls-hostname");
    if (wanted != null) {
      return wanted;
    }
    return host == null ? "localhost" : host;
  }

  /** Id of the credentials for a connection, or null. */
  public String tlsCreds() {
    return query.get("tls-creds");
  }

  /** What the name says about encryption; null for none. */
  TlsCredentials credentials() throws IOException {
    if (!tls) {
      return null;
    }
    String keys = query.get("tls-psk-file");
    if (keys != null) {
      String name = user == null ? System.getProperty("user.name", "qemu") : user;
      return PskCredentials.load(Path.of(keys), false, name);
    }
    String certificates = query.get("tls-certificates");
    return certificates == null
        ? X509Credentials.systemTrust()
        : X509Credentials.load(Path.of(certificates), false, true);
  }
}
