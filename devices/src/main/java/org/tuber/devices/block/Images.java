package org.tuber.devices.block;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.tuber.devices.block.fat.FatAddress;
import org.tuber.devices.block.fat.FatFile;
import org.tuber.devices.block.gluster.GlusterAddress;
import org.tuber.devices.block.gluster.GlusterFile;
import org.tuber.devices.block.host.HostFile;
import org.tuber.devices.block.http.HttpFile;
import org.tuber.devices.block.nbd.NbdAddress;
import org.tuber.devices.block.nbd.NbdFile;
import org.tuber.devices.block.options.ImageOptions;
import org.tuber.devices.block.options.OptionTree;
import org.tuber.devices.block.rbd.RbdAddress;
import org.tuber.devices.block.rbd.RbdFile;

/** Opens images and their backing chains by name. */
public final class Images {
  private Images() {}

  /** Opens the bytes behind a name: a file, or an export of a network server. */
  public static ImageFile openFile(String name, OpenOptions options) throws IOException {
    if (isDescription(name)) {
      ImageOptions described = ImageOptions.parse(name, options);
      return openFile(described.filename(), described.options());
    }
    if (NbdAddress.matches(name)) {
      String creds = options.tls() == null ? NbdAddress.parse(name).tlsCreds() : null;
      return NbdFile.open(
          name, options.writable(), creds == null ? options.tls() : options.objects().tls(creds));
    }
    if (HttpFile.matches(name)) {
      return HttpFile.open(name, options.writable());
    }
    if (FatAddress.matches(name)) {
      return FatFile.open(name);
    }
    if (GlusterAddress.matches(name)) {
      return GlusterFile.open(name, options.writable(), options.cache());
    }
    if (RbdAddress.matches(name)) {
      return RbdFile.open(name, options);
    }
    return HostFile.open(hostPath(name), options.writable(), options.locked(), options.cache());
  }

  /** True for a name that is options in JSON: {@code json:{"driver":"qcow2",…}}. */
  static boolean isDescription(String name) {
    return name.startsWith(OptionTree.JSON);
  }

  private static String hostPath(String name) {
    return name.startsWith("file:") ? name.substring(5) : name;
  }

  /**
   * Makes an empty file for a new image, or empties the one that is there. An export of an NBD
   * server, which clients cannot make, must be there; only its beginning is wiped.
   */
  public static ImageFile createFile(String name) throws IOException {
    if (FatAddress.matches(name) || isDescription(name)) {
      throw new ImageException(name, "file name", "a new image cannot have it");
    }
    if (GlusterAddress.matches(name)) {
      return GlusterFile.create(name);
    }
    if (RbdAddress.matches(name)) {
      return RbdFile.create(name, OpenOptions.readWrite());
    }
    if (NbdAddress.matches(name) || HttpFile.matches(name)) {
      ImageFile there = openFile(name, OpenOptions.readWrite());
      try {
        there.writeZeroes(0, Math.min(there.size(), ImageFormat.PROBE_BYTES), false);
        return there;
      } catch (IOException e) {
        there.close();
        throw e;
      }
    }
    return HostFile.create(hostPath(name));
  }

  /** Opens an image; the format comes from the options or else from the file's beginning. */
  public static BlockNode open(String name, OpenOptions options) throws IOException {
    if (options.depth() > OpenOptions.MAX_DEPTH) {
      throw new ImageException(
          name, "backing file", "the chain is longer than " + OpenOptions.MAX_DEPTH + " images");
    }
    if (isDescription(name)) {
      ImageOptions described = ImageOptions.parse(name, options);
      return open(described.filename(), described.options());
    }
    ImageFile file = openFile(name, options);
    try {
      return open(file, options);
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  /** Opens the image in a file that is open already; takes the file over on success. */
  public static BlockNode open(ImageFile file, OpenOptions options) throws IOException {
    String format = options.format() != null ? options.format() : ImageFormats.probe(file);
    return ImageFormats.byName(file.name(), format).open(file, options);
  }

  /**
   * Opens the backing file an image names.
   *
   * <p>Its format is never guessed unless the options say so: a guest that may write a raw backing
   * file could otherwise put a header there that names any file of the host.
   */
  public static BlockNode openBacking(
      String image, String backingName, String backingFormat, OpenOptions options)
      throws IOException {
    boolean given = options.backingName() != null;
    String recorded = given ? null : backingFormat;
    String format = options.backingFormat() != null ? options.backingFormat() : recorded;
    if (given) {
      // Whoever started this names it, not the image: its format may be guessed.
      return openBelow(image, options.backingName(), format, options);
    }
    if (format == null && isDescription(backingName)) {
      format = ImageOptions.parse(backingName, options.forBacking(null)).options().format();
    }
    if (format == null && !options.probeBacking()) {
      throw new ImageException(
          image,
          "backing format",
          "the image does not say which format its backing file '"
              + backingName
              + "' has, and it is not safe to guess. Record it with: rebase -u -b "
              + backingName
              + " -F FORMAT");
    }
    return openBelow(image, resolve(image, backingName), format, options);
  }

  private static BlockNode openBelow(
      String image, String resolved, String format, OpenOptions options) throws IOException {
    try {
      return open(resolved, options.forBacking(format));
    } catch (IOException e) {
      throw new ImageException(image, "backing file", e.getMessage(), e);
    }
  }

  /** A backing name as seen from the directory of the image that has it. */
  public static String resolve(String image, String backingName) {
    if (hasProtocol(backingName)) {
      return backingName;
    }
    if (RbdAddress.matches(image)) {
      return RbdAddress.sibling(image, backingName);
    }
    if (GlusterAddress.matches(image) || HttpFile.matches(image)) {
      return sibling(image, backingName);
    }
    try {
      Path p = Path.of(backingName);
      if (p.isAbsolute() || hasProtocol(image)) {
        return backingName;
      }
      Path parent = Path.of(image).getParent();
      return parent == null ? backingName : parent.resolve(p).toString();
    } catch (InvalidPathException e) {
      return backingName;
    }
  }

  /** The URL of a file beside another one, with the same query; absolute paths are the host's. */
  private static String sibling(String url, String file) {
    int query = url.indexOf('?');
    String place = query < 0 ? url : url.substring(0, query);
    return file.startsWith("/")
        ? file
        : place.substring(0, place.lastIndexOf('/') + 1)
            + file
            + (query < 0 ? "" : url.substring(query));
  }

  /** A file's name that holds in every folder; names with a protocol are as they are. */
  public static String absolute(String name) {
    return hasProtocol(name) || name.startsWith("/")
        ? name
        : Path.of(name).toAbsolutePath().toString();
  }

  /** True for names such as {@code nbd:host:port}. */
  public static boolean hasProtocol(String name) {
    int colon = name.indexOf(':');
    if (colon <= 0) {
      return false;
    }
    for (int i = 0; i < colon; i++) {
      char c = name.charAt(i);
      if (!Character.isLetterOrDigit(c) && c != '+' && c != '.' && c != '-' && c != '_') {
        return false;
      }
    }
    return true;
  }

  /** True if both names mean the same host file. */
  public static boolean isSameFile(String a, String b) {
    try {
      return Files.isSameFile(Path.of(a), Path.of(b));
    } catch (IOException | InvalidPathException e) {
      return false;
    }
  }

  /** What {@code info} tells of an open node. */
  public static ImageInfo info(BlockNode node) throws IOException {
    long actual = 0;
    for (ImageFile f : node.files()) {
      long bytes = f.allocatedBytes();
      actual = actual < 0 || bytes < 0 ? -1 : actual + bytes;
    }
    String backing = node.backingName();
    return new ImageInfo(
        node.filename(),
        node.formatName(),
        node.lengthBytes(),
        actual,
        node.clusterBytes(),
        node.isEncrypted(),
        node.isDirty(),
        backing,
        backing == null ? null : resolve(node.filename(), backing),
        node.backingFormat(),
        node.snapshots(),
        node.specificInfo());
  }
}
