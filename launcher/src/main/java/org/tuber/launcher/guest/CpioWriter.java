package org.tuber.launcher.guest;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * Writes an initramfs archive: cpio in "newc" form (Linux,
 * Documentation/driver-api/early-userspace/ buffer-format.rst; cpio(5)). Owner is root, times are
 * zero, so equal content gives equal bytes.
 */
public final class CpioWriter {
  private static final int S_IFDIR = 0040000;
  private static final int S_IFREG = 0100000;
  private static final int S_IFLNK = 0120000;
  private static final int S_IFCHR = 0020000;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private int inode = 1;

  /** Adds a folder. */
  public void directory(String name, int permissions) {
    entry(name, S_IFDIR | permissions, 2, 0, 0, new byte[0]);
  }

  /** Adds a file. */
  public void file(String name, int permissions, byte[] content) {
    entry(name, S_IFREG | permissions, 1, 0, 0, content);
  }

  /** Adds a symbolic link. */
  public void link(String name, String target) {
    entry(name, S_IFLNK | 0777, 1, 0, 0, target.getBytes(StandardCharsets.UTF_8));
  }

  /** Adds a character device. */
  public void characterDevice(String name, int permissions, int major, int minor) {
    entry(name, S_IFCHR | permissions, 1, major, minor, new byte[0]);
  }

  /** Ends the archive and gives its bytes. */
  public byte[] finish() {
    inode = 0;
    entry("TRAILER!!!", 0, 1, 0, 0, new byte[0]);
    pad(512);
    return out.toByteArray();
  }

  private void entry(String name, int mode, int links, int major, int minor, byte[] content) {
    byte[] nameBytes = (name + "\0").getBytes(StandardCharsets.UTF_8);
    int[] fields = {
      inode++, mode, 0, 0, links, 0, content.length, 0, 0, major, minor, nameBytes.length, 0
    };
    StringBuilder header = new StringBuilder("070701");
    for (int field : fields) {
      header.append(String.format(Locale.ROOT, "%08X", field));
    }
    out.writeBytes(header.toString().getBytes(StandardCharsets.US_ASCII));
    out.writeBytes(nameBytes);
    pad(4);
    out.writeBytes(content);
    pad(4);
  }

  private void pad(int alignment) {
    while (out.size() % alignment != 0) {
      out.write(0);
    }
  }
}
