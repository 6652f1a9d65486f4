package org.tuber.launcher.guest;

import com.github.luben.zstd.ZstdInputStream;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Predicate;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.ar.ArArchiveEntry;
import org.apache.commons.compress.archivers.ar.ArArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.tukaani.xz.XZInputStream;

/** A Debian package file (deb(5)): an ar archive whose {@code data.tar.*} holds the files. */
final class DebFile {
  private final Path file;

  DebFile(Path file) {
    this.file = file;
  }

  /**
   * Copies the first regular file that {@code wanted} accepts to {@code target}.
   *
   * @param wanted sees paths without leading {@code ./}, e.g. {@code boot/vmlinuz-6.1.0}
   */
  void extract(Predicate<String> wanted, Path target) throws IOException {
    try (InputStream raw = new BufferedInputStream(Files.newInputStream(file));
        ArArchiveInputStream ar = new ArArchiveInputStream(raw)) {
      ArArchiveEntry member;
      while ((member = ar.getNextEntry()) != null) {
        if (member.getName().startsWith("data.tar")) {
          extract(new TarArchiveInputStream(unpacked(member.getName(), ar)), wanted, target);
          return;
        }
      }
    }
    throw new IOException(file.getFileName() + " has no data.tar member");
  }

  private void extract(TarArchiveInputStream tar, Predicate<String> wanted, Path target)
      throws IOException {
    TarArchiveEntry entry;
    while ((entry = tar.getNextEntry()) != null) {
      String name =
          entry.getName().startsWith("./") ? entry.getName().substring(2) : entry.getName();
      if (entry.isFile() && wanted.test(name)) {
        Files.copy(tar, target);
        return;
      }
    }
    throw new IOException(file.getFileName() + " does not hold the wanted file");
  }

  private static InputStream unpacked(String name, InputStream in) throws IOException {
    String suffix = name.substring("data.tar".length());
    return switch (suffix) {
      case "" -> in;
      case ".gz" -> new GZIPInputStream(in);
      case ".xz" -> new XZInputStream(in);
      case ".zst" -> new ZstdInputStream(in);
      default -> throw new IOException(name + ": unknown compression");
    };
  }
}
