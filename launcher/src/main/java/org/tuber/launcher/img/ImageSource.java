package org.tuber.launcher.img;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageObjects;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.nbd.tls.TlsCredentials;
import org.tuber.devices.block.options.ImageOptions;
import org.tuber.devices.block.options.OptionTree;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.options.ObjectOptions;
import picocli.CommandLine.Option;

/** Options that say how images are opened; shared by all commands. */
public final class ImageSource {
  /** Two chains of images are open at a time, and all of it is to stay below 200 MiB. */
  private static final long METADATA_CACHE_BYTES = 16 << 20;

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

  private ImageObjects made;

  /** What an image argument means. */
  public record Named(String filename, OpenOptions options) {}

  /** Options for opening, without a format. */
  public OpenOptions options(boolean writable) throws IOException {
    OpenOptions o =
        OpenOptions.readOnly()
            .withWritable(writable)
            .withMetadataCacheBytes(METADATA_CACHE_BYTES)
            .withLocked(!forceShare)
            .withProbeBacking(probeBacking);
    String secret = objects().firstSecret();
    o = o.withObjects(objects());
    return secret == null ? o : o.withSecretId(secret);
  }

  /** Resolves an image argument. */
  public Named named(String argument, boolean writable) throws IOException {
    OpenOptions o = options(writable).withFormat(format);
    if (!imageOpts) {
      return new Named(argument, o);
    }
    ImageOptions described =
        ImageOptions.of(OptionTree.of(argument, parse(argument)), options(writable));
    return new Named(described.filename(), described.options());
  }

  /** The TLS credentials of that id. */
  public TlsCredentials credentials(String id) throws IOException {
    return objects().tls(id);
  }

  /** Opens an image argument. */
  BlockNode open(String argument, boolean writable) throws IOException {
    Named n = named(argument, writable);
    return Images.open(n.filename, n.options);
  }

  /** The objects defined on the command line. */
  ImageObjects objects() throws IOException {
    if (made == null) {
      ImageObjects all = new ImageObjects();
      try {
        for (String o : objects) {
          ObjectOptions.add(all, "--object", o);
        }
      } catch (CommandLineException e) {
        throw new IOException(e.getMessage(), e);
      }
      made = all;
    }
    return made;
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
