package org.tuber.devices.block.fat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.devices.block.ImageException;

/**
 * What is in a directory of the host, looked at once. Links are followed, but not round in circles;
 * what is neither file nor directory is left out.
 */
final class FatTree {
  private static final Logger LOG = LoggerFactory.getLogger(FatTree.class);
  private static final long MAX_FILE_BYTES = 0xffffffffL;
  private static final int MAX_DEPTH = 64;
  private static final int MAX_ENTRIES = 250_000;

  /** Entries of a directory may take so many bytes. */
  private static final int MAX_DIRECTORY_BYTES = 2 << 20;

  private final String image;
  private int entries;

  /**
   * A file, or a directory with what is in it.
   *
   * @param name its name; null for the root
   * @param path where it is
   * @param bytes length of a file
   * @param changed when it was changed last
   * @param children null for a file
   */
  record Node(FatNames.Name name, Path path, long bytes, Instant changed, List<Node> children) {
    boolean isDirectory() {
      return children != null;
    }

    /** Bytes of the entries in a directory, beside those for itself and the one above. */
    int entryBytes() {
      int n = 0;
      for (Node c : children) {
        n += c.name.entries() * FatNames.ENTRY_BYTES;
      }
      return n;
    }
  }

  private FatTree(String image) {
    this.image = image;
  }

  /** Looks at a directory. */
  static Node read(String image, String directory) throws IOException {
    Path root;
    try {
      root = Path.of(directory);
    } catch (InvalidPathException e) {
      throw new ImageException(image, "dir", e.getReason(), e);
    }
    if (!Files.isDirectory(root)) {
      throw new ImageException(image, "dir", "Could not read directory " + directory);
    }
    return new FatTree(image).directory(null, root, new ArrayList<>());
  }

  private Node directory(FatNames.Name name, Path path, List<Path> above) throws IOException {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(path)) {
      for (Path p : all) {
        found.add(p);
        if (++entries > MAX_ENTRIES) {
          throw new ImageException(image, "dir", "more than " + MAX_ENTRIES + " files");
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    } catch (AccessDeniedException e) {
      LOG.warn("{}: {} cannot be read and is shown empty", image, path);
    }
    // The same order on every host.
    found.sort(Comparator.comparing(FatTree::hostName));
    above.add(path.toRealPath());
    List<Node> children = new ArrayList<>();
    FatNames names = new FatNames();
    for (Path p : found) {
      Node n = node(names, p, above);
      if (n != null) {
        children.add(n);
      }
    }
    above.removeLast();
    Instant changed = Files.getLastModifiedTime(path).toInstant();
    Node node = new Node(name, path, 0, changed, children);
    if (node.entryBytes() > MAX_DIRECTORY_BYTES - 2 * FatNames.ENTRY_BYTES) {
      throw new ImageException(image, "dir", path + " has too many files for FAT");
    }
    return node;
  }

  private Node node(FatNames names, Path p, List<Path> above) throws IOException {
    BasicFileAttributes a;
    try {
      a = Files.readAttributes(p, BasicFileAttributes.class);
    } catch (IOException e) {
      LOG.warn("{}: {} is left out: {}", image, p, e.getMessage());
      return null;
    }
    if (a.isDirectory()) {
      boolean link = Files.isSymbolicLink(p);
      if (link && above.contains(p.toRealPath()) || above.size() >= MAX_DEPTH) {
        LOG.warn("{}: {} is left out: too deep, or a link to where it is in", image, p);
        return null;
      }
      return directory(names.add(hostName(p)), p, above);
    }
    if (!a.isRegularFile()) {
      LOG.warn("{}: {} is left out: neither file nor directory", image, p);
      return null;
    }
    if (a.size() > MAX_FILE_BYTES) {
      throw new ImageException(image, "dir", p + " is larger than FAT allows, 4 GiB");
    }
    return new Node(names.add(hostName(p)), p, a.size(), a.lastModifiedTime().toInstant(), null);
  }

  /** A file's name, which the host keeps as bytes: UTF-8, whatever the locale says. */
  private static String hostName(Path p) {
    String raw = p.toUri().getRawPath();
    int end = raw.endsWith("/") ? raw.length() - 1 : raw.length();
    String last = raw.substring(raw.lastIndexOf('/', end - 1) + 1, end);
    byte[] bytes = new byte[last.length()];
    int n = 0;
    for (int i = 0; i < last.length(); i++) {
      if (last.charAt(i) == '%') {
        bytes[n++] = (byte) Integer.parseInt(last.substring(i + 1, i + 3), 16);
        i += 2;
      } else {
        bytes[n++] = (byte) last.charAt(i);
      }
    }
    return new String(bytes, 0, n, StandardCharsets.UTF_8);
  }
}
