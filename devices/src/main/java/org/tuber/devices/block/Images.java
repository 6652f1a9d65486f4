package org.tuber.devices.block;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.tuber.devices.block.host.HostFile;
import org.tuber.devices.block.http.HttpFile;
import org.tuber.devices.block.nbd.NbdAddress;
import org.tuber.devices.block.nbd.NbdFile;

/** Opens images and their backing chains by name. */
public final class Images {
  private Images() {}

  /** Opens the bytes behind a name: a file, or an export of a network server. */
  public static ImageFile openFile(String name, OpenOptions options) throws IOException {
    if (NbdAddress.matches(name)) {
      return NbdFile.open(name, options.writable(), options.tls());
    }
    if (HttpFile.matches(name)) {
      return HttpFile.open(name, options.writable());
    }
    requireNoStoreOfOthers(name);
    String path = name.startsWith("file:") ? name.substring(5) : name;
    return HostFile.open(path, options.writable(), options.locked(), options.cache());
  }

  /** Cluster storage has names of its own, which must not be taken for files that are missing. */
  private static void requireNoStoreOfOthers(String name) throws ImageException {
    String store =
        name.startsWith("rbd:")
            ? "Ceph RBD (librbd); map the image with 'rbd map' or serve it with 'rbd-nbd' and give"
                + " /dev/rbd… or /dev/nbd…"
            : name.matches("gluster(\\+(tcp|unix|rdma))?:.*")
                ? "GlusterFS (libgfapi); mount the volume with 'mount -t glusterfs' and give the"
                    + " file's path"
                : null;
    if (store != null) {
      throw new ImageException(name, "protocol", "there is no driver for " + store);
    }
  }

  /** Opens an image; the format comes from the options or else from the file's beginning. */
  public static BlockNode open(String name, OpenOptions options) throws IOException {
    if (options.depth() > OpenOptions.MAX_DEPTH) {
      throw new ImageException(
          name, "backing file", "the chain is longer than " + OpenOptions.MAX_DEPTH + " images");
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
    String format = options.backingFormat() != null ? options.backingFormat() : backingFormat;
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
    String resolved = resolve(image, backingName);
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
      actual += f.allocatedBytes();
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
