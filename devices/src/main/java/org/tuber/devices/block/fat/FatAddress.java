package org.tuber.devices.block.fat;

import org.tuber.devices.block.ImageException;

/**
 * Which directory is shown as a disk, and how: {@code fat:[floppy:][12:|16:|32:][rw:]DIR} (QEMU's
 * manual, "Virtual FAT disk images"); beside that {@code label=TEXT:} names the volume.
 *
 * @param directory path of the host
 * @param floppy a floppy disk, without partitions
 * @param bits width of the table's entries: 12, 16 or 32; 0 for what fits
 * @param writable what the guest writes is to go to the directory
 * @param label name of the volume, at most eleven characters
 */
public record FatAddress(
    String directory, boolean floppy, int bits, boolean writable, String label) {
  private static final String SCHEME = "fat:";
  private static final String LABEL = "label=";

  /** Label unless one is given. */
  private static final String STANDARD_LABEL = "QEMU VVFAT";

  /** True for names this class understands. */
  public static boolean matches(String name) {
    return name.startsWith(SCHEME);
  }

  /** Parses a name. */
  public static FatAddress parse(String name) throws ImageException {
    String rest = name.substring(SCHEME.length());
    boolean floppy = false;
    boolean writable = false;
    int bits = 0;
    String label = STANDARD_LABEL;
    while (true) {
      int colon = rest.indexOf(':');
      String word = colon < 0 ? "" : rest.substring(0, colon);
      if (word.equals("floppy")) {
        floppy = true;
      } else if (word.equals("rw")) {
        writable = true;
      } else if (word.equals("12") || word.equals("16") || word.equals("32")) {
        bits = Integer.parseInt(word);
      } else if (word.startsWith(LABEL)) {
        label = word.substring(LABEL.length());
      } else {
        break;
      }
      rest = rest.substring(colon + 1);
    }
    FatAddress a = new FatAddress(rest, floppy, bits, writable, label);
    a.check(name);
    return a;
  }

  private void check(String name) throws ImageException {
    if (directory.isEmpty()) {
      throw new ImageException(name, "dir", "vvfat block driver requires a 'dir' option");
    }
    if (floppy && bits == 32) {
      throw new ImageException(name, "fat-type", "a floppy disk is too small for FAT32");
    }
    if (!label.matches("[ !#-)0-9@A-Z^_`{}~-]{0,11}")) {
      throw new ImageException(
          name, "label", "vvfat label cannot be longer than 11 bytes, and is of capital letters");
    }
    if (writable) {
      throw new ImageException(
          name,
          "rw",
          "the directory is shown read-only; with -snapshot or snapshot=on a guest can write, and"
              + " that is forgotten");
    }
  }

  /** The name that {@link #parse} understands so. */
  public String name() {
    return SCHEME
        + (label.equals(STANDARD_LABEL) ? "" : LABEL + label + ":")
        + (floppy ? "floppy:" : "")
        + (bits == 0 ? "" : bits + ":")
        + (writable ? "rw:" : "")
        + directory;
  }

  /** A name by its parts; a missing label is the usual one. */
  public static String nameOf(
      String directory, boolean floppy, int bits, boolean writable, String label) {
    return new FatAddress(directory, floppy, bits, writable, label == null ? STANDARD_LABEL : label)
        .name();
  }
}
