package org.tuber.devices.block.gluster;

import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.tuber.devices.block.ImageException;

/**
 * Where a file of a GlusterFS volume is: {@code
 * gluster[+tcp|+unix|+rdma]://[host[:port]]/volume/path[?socket=…]} (QEMU's manual, "GlusterFS disk
 * images"). Beside QEMU's {@code socket} the query knows {@code logfile}, {@code debug}, and any
 * number of {@code server=tcp:host:port} and {@code server=unix:path} that are asked for the volume
 * when the first does not answer.
 *
 * @param servers who is asked for the volume, in this order
 * @param volume name of the volume
 * @param path file in the volume, from its root
 * @param logFile where the library's messages go
 * @param debug how many of them: 0 (none) to 9
 */
public record GlusterAddress(
    List<Server> servers, String volume, String path, String logFile, int debug) {

  /** Port of the management daemon. */
  public static final int DEFAULT_PORT = 24007;

  private static final int MAX_DEBUG = 9;
  private static final int ERRORS = 4;
  private static final String NOWHERE = "/dev/null";

  /** True for names this class understands. */
  public static boolean matches(String name) {
    return name.matches("(?s)gluster(\\+(tcp|unix|rdma))?:.*");
  }

  /**
   * A management daemon.
   *
   * @param transport {@code tcp} or {@code unix}
   * @param host host name, or path of the socket
   * @param port its port; 0 for a socket
   */
  public record Server(String transport, String host, int port) {
    /** By TCP. */
    public static Server tcp(String host, int port) {
      return new Server("tcp", host, port);
    }

    /** By a socket of the host. */
    public static Server unix(String path) {
      return new Server("unix", path, 0);
    }

    private static Server parse(String name, String text) throws ImageException {
      int last = text.lastIndexOf(':');
      if (text.startsWith("unix:")) {
        return unix(text.substring(5));
      }
      if (text.matches("tcp:.+:[0-9]{1,5}")) {
        return tcp(text.substring(4, last), Integer.parseInt(text.substring(last + 1)));
      }
      throw new ImageException(name, "server", "expected tcp:host:port or unix:path");
    }

    @Override
    public String toString() {
      return port == 0 ? host : host + ":" + port;
    }
  }

  /** Name of a file in a volume that servers know, at least one; log and level may be null. */
  public static String nameOf(
      List<Server> servers, String volume, String path, String logFile, String debug) {
    Server first = servers.getFirst();
    String file = encode(volume) + "/" + encode(path);
    List<String> query = new ArrayList<>();
    String place;
    if (first.port == 0) {
      place = "gluster+unix:///" + file;
      query.add("socket=" + encode(first.host));
    } else {
      String shown = first.host.indexOf(':') >= 0 ? "[" + first.host + "]" : first.host;
      place =
          "gluster://" + shown + (first.port == DEFAULT_PORT ? "" : ":" + first.port) + "/" + file;
    }
    for (Server s : servers.subList(1, servers.size())) {
      query.add("server=" + encode(s.transport + ":" + s));
    }
    if (logFile != null) {
      query.add("logfile=" + encode(logFile));
    }
    if (debug != null) {
      query.add("debug=" + encode(debug));
    }
    return query.isEmpty() ? place : place + "?" + String.join("&", query);
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
    List<Server> servers = new ArrayList<>();
    servers.add(unix ? Server.unix(q.socket) : Server.tcp(host, port));
    servers.addAll(q.servers);
    return new GlusterAddress(List.copyOf(servers), volume, path, q.logFile, q.debug);
  }

  private record Query(String socket, List<Server> servers, String logFile, int debug) {}

  private static Query query(String name, String raw) throws ImageException {
    String socket = null;
    List<Server> servers = new ArrayList<>();
    String log = NOWHERE;
    int debug = 0;
    for (String part : raw == null ? new String[0] : raw.split("&")) {
      int eq = part.indexOf('=');
      String key = eq < 0 ? part : part.substring(0, eq);
      String value =
          eq < 0 ? "" : URLDecoder.decode(part.substring(eq + 1), StandardCharsets.UTF_8);
      switch (key) {
        case "socket" -> socket = value;
        case "server" -> servers.add(Server.parse(name, value));
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
    return new Query(socket, servers, log, debug);
  }
}
