package org.tuber.devices.block.options;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.fat.FatAddress;
import org.tuber.devices.block.gluster.GlusterAddress;
import org.tuber.devices.block.nbd.NbdAddress;
import org.tuber.devices.block.rbd.RbdAddress;

/**
 * What an image's bytes are in, described by options instead of a name: QEMU's {@code
 * BlockdevOptionsFile}, {@code …Nbd}, {@code …Curl}, {@code …Gluster}, {@code …Rbd} and {@code
 * …VVFAT} (QEMU's QMP reference, "Block core"). Each kind also takes {@code filename} with such a
 * name.
 */
public final class ProtocolOptions {
  private static final Set<String> FILES = Set.of("file", "host_device", "host_cdrom");
  private static final Set<String> OTHERS =
      Set.of("nbd", "http", "https", "gluster", "rbd", "vvfat");

  private ProtocolOptions() {}

  /** True if there is such a protocol. */
  public static boolean isKnown(String driver) {
    return FILES.contains(driver) || OTHERS.contains(driver);
  }

  /** The name of what options describe, which have to be all a protocol's own. */
  public static String name(String driver, OptionTree o) throws ImageException {
    String name = take(driver, o);
    o.end("Block protocol '" + driver + "' doesn't");
    return name;
  }

  /** Takes a protocol's own options; returns the name of what they describe. */
  public static String take(String driver, OptionTree o) throws ImageException {
    return switch (driver) {
      case "nbd" -> nbd(o);
      case "http", "https" -> http(driver, o);
      case "gluster" -> gluster(o);
      case "rbd" -> rbd(o);
      case "vvfat" -> fat(o);
      default -> file(driver, o);
    };
  }

  private static String file(String driver, OptionTree o) throws ImageException {
    if (!FILES.contains(driver)) {
      throw o.bad("driver", "Unknown driver '" + driver + "'");
    }
    o.ignore("aio", "aio-max-batch", "pr-manager", "drop-cache", "x-check-cache-dropped");
    String name = o.take("filename");
    if (name == null) {
      throw o.bad("filename", "The '" + driver + "' block driver requires a file name");
    }
    // A colon in it is no protocol's.
    return name.startsWith("file:") ? name : "file:" + name;
  }

  private static String http(String driver, OptionTree o) throws ImageException {
    o.ignore("readahead", "timeout");
    String url = o.take("url", "filename");
    if (url == null) {
      throw o.bad("url", driver + " block driver requires an 'url' option");
    }
    if (!url.startsWith(driver + "://")) {
      throw o.bad("url", driver + " curl driver cannot handle the URL '" + url + "'");
    }
    return url;
  }

  private static String nbd(OptionTree o) throws ImageException {
    Map<String, String> query = new LinkedHashMap<>();
    for (String key : new String[] {"tls-creds", "tls-hostname", NbdAddress.RECONNECT_DELAY}) {
      String value = o.take(key);
      if (value != null) {
        query.put(key, value);
      }
    }
    o.ignore("open-timeout");
    String name = o.take("filename");
    if (name == null) {
      name = nbdServer(o);
    }
    return NbdAddress.withQuery(name, query);
  }

  private static String nbdServer(OptionTree o) throws ImageException {
    OptionTree server = o.at("server");
    String export = o.take("export");
    export = export == null ? "" : export;
    if (server.isEmpty()) {
      String path = o.take("path");
      String host = o.take("host");
      String port = o.take("port");
      if (path != null && host != null) {
        throw o.bad("path", "path and host may not be used at the same time");
      }
      if (path == null && host == null) {
        throw o.bad("server", "NBD server address missing");
      }
      return path != null
          ? NbdAddress.nameOf(Path.of(path), export)
          : NbdAddress.nameOf(host, port == null ? NbdAddress.DEFAULT_PORT : port(o, port), export);
    }
    // Without a type: QEMU's older spelling by what is there.
    String type = server.choice("type", server.has("path") ? "unix" : "inet", "inet", "unix");
    if (type.equals("unix")) {
      return NbdAddress.nameOf(Path.of(server.require("path")), export);
    }
    inetFlags(server);
    String host = server.require("host");
    return NbdAddress.nameOf(host, port(server, server.require("port")), export);
  }

  /** How names are looked up and connections kept is left to the system. */
  private static void inetFlags(OptionTree server) {
    server.ignore("ipv4", "ipv6", "keep-alive", "mptcp", "numeric", "to");
  }

  private static int port(OptionTree o, String text) throws ImageException {
    if (text.matches("[0-9]{1,5}") && Integer.parseInt(text) < 1 << 16) {
      return Integer.parseInt(text);
    }
    throw o.bad("port", "'" + text + "' is not a port");
  }

  private static String gluster(OptionTree o) throws ImageException {
    String name = o.take("filename");
    if (name != null) {
      return name;
    }
    String volume = o.require("volume");
    String path = o.require("path");
    String debug = o.take("debug");
    String logFile = o.take("logfile");
    List<GlusterAddress.Server> servers = new ArrayList<>();
    for (int i = 0; !o.at("server." + i).isEmpty(); i++) {
      OptionTree s = o.at("server." + i);
      inetFlags(s);
      String type = s.take("type", "transport");
      if (type == null || !type.matches("inet|tcp|unix")) {
        throw s.bad("type", "Parameter 'type' may be 'inet' or 'unix'");
      }
      servers.add(
          type.equals("unix")
              ? GlusterAddress.Server.unix(s.take("path", "socket"))
              : GlusterAddress.Server.tcp(s.require("host"), port(s, s.require("port"))));
    }
    if (servers.isEmpty()) {
      throw o.bad("server", "Parameter 'server' is missing");
    }
    return GlusterAddress.nameOf(servers, volume, path, logFile, debug);
  }

  private static String fat(OptionTree o) throws ImageException {
    String name = o.take("filename");
    if (name != null) {
      return name;
    }
    String type = o.choice("fat-type", "0", "0", "12", "16", "32");
    boolean floppy = o.flag("floppy", false);
    boolean writable = o.flag("rw", false);
    String label = o.take("label");
    String dir = o.take("dir");
    if (dir == null) {
      throw o.bad("dir", "vvfat block driver requires a 'dir' option");
    }
    return FatAddress.nameOf(dir, floppy, Integer.parseInt(type), writable, label);
  }

  private static String rbd(OptionTree o) throws ImageException {
    String name = o.take("filename");
    if (name != null) {
      return name;
    }
    String pool = o.require("pool");
    String namespace = o.take("namespace");
    String image = o.require("image");
    Map<String, String> settings = new LinkedHashMap<>();
    List<String> monitors = new ArrayList<>();
    for (int i = 0; !o.at("server." + i).isEmpty(); i++) {
      OptionTree s = o.at("server." + i);
      inetFlags(s);
      String host = s.require("host");
      String shown = host.indexOf(':') >= 0 ? "[" + host + "]" : host;
      monitors.add(shown + ":" + port(s, s.require("port")));
    }
    if (!monitors.isEmpty()) {
      settings.put("mon_host", String.join(";", monitors));
    }
    List<String> modes = new ArrayList<>();
    for (int i = 0; o.has("auth-client-required." + i); i++) {
      modes.add(o.choice("auth-client-required." + i, "cephx", "cephx", "none"));
    }
    if (!modes.isEmpty()) {
      settings.put("auth_client_required", String.join(";", modes));
    }
    String key = o.take("key-secret");
    if (key != null) {
      settings.put(RbdAddress.KEY_SECRET, key);
    }
    return new RbdAddress(
            pool,
            namespace == null ? "" : namespace,
            image,
            o.take("snapshot"),
            o.take("user"),
            o.take("conf"),
            settings)
        .name();
  }
}
