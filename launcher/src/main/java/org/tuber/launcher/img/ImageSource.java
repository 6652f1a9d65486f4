package org.tuber.launcher.img;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.nbd.NbdAddress;
import org.tuber.devices.block.nbd.tls.TlsCredentials;
import picocli.CommandLine.Option;

/** Options that say how images are opened; shared by all commands. */
public final class ImageSource {
  @Option(names = "-f", paramLabel = "FMT", description = "Format of the image.")
  String format;

  @Option(
      names = {"-U", "--force-share"},
      description = "Open without locks: others may be writing.")
  boolean forceShare;

  @Option(
      names = "--image-opts",
      description = "File names are option strings: driver=qcow2,file.filename=x.qcow2")
  boolean imageOpts;

  @Option(
      names = "--object",
      paramLabel = "TYPE,id=ID,…",
      description = "Defines a secret, tls-creds-x509 or tls-creds-psk.")
  List<String> objects = new ArrayList<>();

  @Option(
      names = "--allow-backing-probe",
      description = "Guess the format of a backing file the image says nothing about.")
  boolean probeBacking;

  @Option(
      names = {"-q", "--quiet"},
      description = "Print nothing but errors.")
  public boolean quiet;

  /** What an image argument means. */
  public record Named(String filename, OpenOptions options) {}

  /** Options for opening, without a format. */
  public OpenOptions options(boolean writable) throws IOException {
    OpenOptions o =
        OpenOptions.readOnly()
            .withWritable(writable)
            .withLocked(!forceShare)
            .withProbeBacking(probeBacking);
    Map<String, byte[]> secrets = secrets();
    if (!secrets.isEmpty()) {
      o = o.withSecrets(secrets::get).withSecretId(secrets.keySet().iterator().next());
    }
    return o;
  }

  /** Resolves an image argument. */
  public Named named(String argument, boolean writable) throws IOException {
    OpenOptions o = options(writable).withFormat(format);
    if (!imageOpts) {
      return new Named(argument, o);
    }
    Map<String, String> m = parse(argument);
    String creds = m.getOrDefault("tls-creds", m.get("file.tls-creds"));
    if (creds != null) {
      o = o.withTls(credentials(creds));
    }
    String file = m.getOrDefault("file.filename", m.get("filename"));
    if ("nbd".equals(m.get("driver"))) {
      return new Named(nbdName(argument, m, ""), o.withFormat("raw"));
    }
    if ("nbd".equals(m.get("file.driver"))) {
      file = nbdName(argument, m, "file.");
    }
    if (file == null) {
      throw new ImageException(argument, "file.filename", "is missing");
    }
    if (m.containsKey("driver")) {
      o = o.withFormat(m.get("driver"));
    }
    for (String key : List.of("encrypt.key-secret", "key-secret")) {
      if (m.containsKey(key)) {
        o = o.withSecretId(m.get(key));
      }
    }
    if (m.containsKey("backing.driver")) {
      o = o.withBackingFormat(m.get("backing.driver"));
    }
    return new Named(file, o);
  }

  /** The name of an export given by its parts. */
  private static String nbdName(String argument, Map<String, String> m, String prefix)
      throws ImageException {
    String export = m.getOrDefault(prefix + "export", "");
    String path = m.getOrDefault(prefix + "server.path", m.get(prefix + "path"));
    String host = m.getOrDefault(prefix + "server.host", m.get(prefix + "host"));
    String name;
    if (path != null) {
      name = NbdAddress.nameOf(Path.of(path), export);
    } else if (host != null) {
      String port = m.getOrDefault(prefix + "server.port", m.getOrDefault(prefix + "port", ""));
      try {
        int number = port.isEmpty() ? NbdAddress.DEFAULT_PORT : Integer.parseInt(port);
        name = NbdAddress.nameOf(host, number, export);
      } catch (NumberFormatException e) {
        throw new ImageException(argument, prefix + "port", "not a number", e);
      }
    } else {
      throw new ImageException(argument, prefix + "host", "neither host nor path is given");
    }
    String tlsHost = m.get(prefix + "tls-hostname");
    return tlsHost == null
        ? name
        : name + (name.contains("?") ? "&" : "?") + "tls-hostname=" + tlsHost;
  }

  /** The TLS credentials of that id. */
  public TlsCredentials credentials(String id) throws IOException {
    for (String o : objects) {
      Map<String, String> m = parse(o);
      if (id.equals(m.get("id")) && !m.containsKey("secret")) {
        return TlsCredentials.fromOptions(m);
      }
    }
    throw new ImageException(id, "tls-creds", "no --object tls-creds-… has this id");
  }

  /** Opens an image argument. */
  BlockNode open(String argument, boolean writable) throws IOException {
    Named n = named(argument, writable);
    return Images.open(n.filename, n.options);
  }

  /** The secrets defined on the command line. */
  Map<String, byte[]> secrets() throws IOException {
    Map<String, byte[]> all = new LinkedHashMap<>();
    for (String o : objects) {
      Map<String, String> m = parse(o);
      String id = m.get("id");
      if (id == null) {
        throw new ImageException(o, "object", "has no id");
      }
      if (m.containsKey("tls-creds-x509") || m.containsKey("tls-creds-psk")) {
        continue;
      }
      if (!m.containsKey("secret")) {
        throw new ImageException(
            o, "object", "only secret, tls-creds-x509 and tls-creds-psk are supported");
      }
      byte[] value =
          m.containsKey("file")
              ? Files.readAllBytes(Path.of(m.get("file")))
              : m.getOrDefault("data", "").getBytes(StandardCharsets.UTF_8);
      if ("base64".equals(m.get("format"))) {
        value = Base64.getMimeDecoder().decode(value);
      }
      all.put(id, value);
    }
    return all;
  }

  /** True for {@code json}, false for {@code human}; anything else is refused. */
  static boolean isJson(String output) throws ImageException {
    if (!output.equals("json") && !output.equals("human")) {
      throw new ImageException(output, "--output", "must be human or json");
    }
    return output.equals("json");
  }

  /** Splits {@code a=1,b=2}; a doubled comma stands for one. */
  static Map<String, String> parse(String text) {
    Map<String, String> m = new LinkedHashMap<>();
    StringBuilder part = new StringBuilder();
    for (int i = 0; i <= text.length(); i++) {
      boolean end = i == text.length();
      if (!end && (text.charAt(i) != ',' || text.startsWith(",,", i))) {
        i += text.charAt(i) == ',' ? 1 : 0;
        part.append(text.charAt(i));
        continue;
      }
      String p = part.toString();
      part.setLength(0);
      int eq = p.indexOf('=');
      if (!p.isEmpty()) {
        m.put(eq < 0 ? p : p.substring(0, eq), eq < 0 ? "on" : p.substring(eq + 1));
      }
    }
    return m;
  }

  /** Joins several {@code -o} options. */
  static Map<String, String> parseAll(List<String> texts) {
    Map<String, String> m = new HashMap<>();
    Map<String, String> ordered = new LinkedHashMap<>(m);
    for (String t : texts) {
      ordered.putAll(parse(t));
    }
    return ordered;
  }

  /** Applies a cache mode option. */
  public static OpenOptions withCache(OpenOptions o, String cache) throws ImageException {
    return cache == null ? o : o.withCache(CacheMode.parse(cache));
  }
}
