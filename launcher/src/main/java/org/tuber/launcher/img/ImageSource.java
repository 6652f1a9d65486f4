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
import picocli.CommandLine.Option;

/** Options that say how images are opened; shared by all commands. */
final class ImageSource {
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
      paramLabel = "secret,id=ID,file=FILE",
      description = "Defines a secret.")
  List<String> objects = new ArrayList<>();

  @Option(
      names = "--allow-backing-probe",
      description = "Guess the format of a backing file the image says nothing about.")
  boolean probeBacking;

  @Option(
      names = {"-q", "--quiet"},
      description = "Print nothing but errors.")
  boolean quiet;

  /** What an image argument means. */
  record Named(String filename, OpenOptions options) {}

  /** Options for opening, without a format. */
  OpenOptions options(boolean writable) throws IOException {
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
  Named named(String argument, boolean writable) throws IOException {
    OpenOptions o = options(writable).withFormat(format);
    if (!imageOpts) {
      return new Named(argument, o);
    }
    Map<String, String> m = parse(argument);
    String file = m.getOrDefault("file.filename", m.get("filename"));
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
      if (!m.containsKey("secret") || id == null) {
        throw new ImageException(o, "object", "only secret,id=… is supported");
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
  static OpenOptions withCache(OpenOptions o, String cache) throws ImageException {
    return cache == null ? o : o.withCache(CacheMode.parse(cache));
  }
}
