package org.tuber.devices.block.gluster;

import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import org.tuber.devices.block.ImageException;

/**
 * Where a file of a GlusterFS volume is: {@code
 * gluster[+tcp|+unix|+rdma]://[host[:port]]/volume/path[?socket=…]} (QEMU's manual, "GlusterFS disk
 * images"). Beside QEMU's {@code socket} the query knows {@code logfile} and {@code debug}.
 *
 * @param transport {@code tcp} or {@code unix}
 * @param host host name, or path of the socket
 * @param port port of the management daemon; 0 for a socket
 * @param volume name of the volume
 * @param path file in the volume, from its root
 * @param logFile where the library's messages go
 * @param debug how many of them: 0 (none) to 9
 */
public record GlusterAddress(
    String transport,
    String host,
    int port,
    String volume,
    String path,
    String logFile,
    int debug) {

  /** Port of the management daemon. */
  public static final int DEFAULT_PORT = 24007;

  private static final int MAX_DEBUG = 9;
  private static final int ERRORS = 4;
  private static final String NOWHERE = "/dev/null";

  /** True for names this class understands. */
  public static boolean matches(String name) {
    return name.matches("(?s)gluster(\\+(tcp|unix|rdma))?:.*");
  }

  /** Name of a file in a volume that a host offers. */
  public static String nameOf(String host, int port, String volume, String path, String query) {
    String shown = host.indexOf(':') >= 0 ? "[" + host + "]" : host;
    String where = port == DEFAULT_PORT ? shown : shown + ":" + port;
    return "gluster://" + where + "/" + encode(volume) + "/" + encode(path) + query;
  }

  /** Name of a file in a volume reached by a unix socket. */
  public static String nameOf(String socket, String volume, String path) {
    return "gluster+unix:///" + encode(volume) + "/" + encode(path) + "?socket=" + encode(socket);
  }

  private static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20").replace("%2F", "/");
  }

  /** Parses a name. */
  public static GlusterAddress parse(String name) throws ImageException {
    URI u;
    try {
      u = new URI(name);
    } catch (URISyntaxException e) {
      throw new ImageException(name, "URL", e.getReason(), e);
    }
    String full = u.getPath() == null ? "" : u.getPath().replaceFirst("^/+", "");
    int slash = full.indexOf('/');
    String volume = slash < 0 ? full : full.substring(0, slash);
    String path = slash < 0 ? "" : full.substring(slash + 1).replaceFirst("^/+", "");
    if (volume.isEmpty() || path.isEmpty()) {
      throw new ImageException(name, "URL", "expected gluster://host/volume/path");
    }
    Query q = query(name, u.getRawQuery());
    boolean unix = u.getScheme().endsWith("+unix");
    if (unix != (q.socket != null)) {
      throw new ImageException(
          name,
          "URL",
          unix ? "a unix socket needs ?socket=path" : "'socket' is for gluster+unix only");
    }
    if (unix && u.getHost() != null) {
      throw new ImageException(name, "URL", "a unix socket has no host");
    }
    // RDMA went away in Gluster 8; QEMU takes TCP instead, too.
    String host = u.getHost() == null ? "localhost" : u.getHost().replaceAll("[\\[\\]]", "");
    int port = u.getPort() < 0 ? DEFAULT_PORT : u.getPort();
    return unix
        ? new GlusterAddress("unix", q.socket, 0, volume, path, q.logFile, q.debug)
        : new GlusterAddress("tcp", host, port, volume, path, q.logFile, q.debug);
  }

  private record Query(String socket, String logFile, int debug) {}

  private static Query query(String name, String raw) throws ImageException {
    String socket = null;
    String log = NOWHERE;
    int debug = 0;
    for (String part : raw == null ? new String[0] : raw.split("&")) {
      int eq = part.indexOf('=');
      String key = eq < 0 ? part : part.substring(0, eq);
      String value =
          eq < 0 ? "" : URLDecoder.decode(part.substring(eq + 1), StandardCharsets.UTF_8);
      switch (key) {
        case "socket" -> socket = value;
        case "logfile" -> {
          log = value;
          debug = debug == 0 ? ERRORS : debug;
        }
        case "debug" -> {
          if (!value.matches("[0-9]")) {
            throw new ImageException(name, "debug", "must be 0 to " + MAX_DEBUG);
          }
          debug = Integer.parseInt(value);
        }
        default -> throw new ImageException(name, "URL", "unknown parameter '" + key + "'");
      }
    }
    return new Query(socket, log, debug);
  }
}
