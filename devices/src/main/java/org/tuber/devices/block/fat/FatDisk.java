package org.tuber.devices.block.fat;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;

/**
 * The sectors of a disk that shows a directory. What FAT has beside the files is either small, or
 * worked out when it is asked for: files lie one after the other, so that the table follows from
 * where each begins.
 */
final class FatDisk {
  private static final int ENTRY = FatNames.ENTRY_BYTES;
  private static final int ATTRIBUTE_LABEL = 0x08;
  private static final int ATTRIBUTE_DIRECTORY = 0x10;
  private static final int ATTRIBUTE_ARCHIVE = 0x20;
  private static final int FIRST_CLUSTER = 2;

  /** What is in clusters one after the other: a file, or the entries of a directory. */
  private static final class Placed {
    final FatTree.Node node;
    final List<Placed> children = new ArrayList<>();
    int first;
    int count;
    byte[] entries;

    Placed(FatTree.Node node) {
      this.node = node;
    }
  }

  /**
   * What lies at an offset, and how far.
   *
   * @param bytes from there on that are alike
   * @param file the file whose bytes they are; null for other things
   * @param fileOffset where in the file
   * @param zero nothing
   */
  record Piece(long bytes, FatTree.Node file, long fileOffset, boolean zero) {}

  private final FatLayout layout;
  private final FatAddress address;
  private final List<Placed> placed = new ArrayList<>();
  private final Map<Long, byte[]> single = new HashMap<>();
  private final byte[] root;
  private final int end;

  /** The disk for a directory. */
  FatDisk(String image, FatAddress address, FatTree.Node tree) throws ImageException {
    this.address = address;
    layout =
        FatLayout.of(
            image,
            address,
            tree.entryBytes(),
            (clusterBytes, withRoot) -> clusters(tree, clusterBytes, withRoot));
    Placed top = new Placed(tree);
    int next = FIRST_CLUSTER;
    if (layout.rootEntries() == 0) {
      next = place(top, tree.entryBytes() + ENTRY, next);
    }
    end = placeAll(top, next);
    byte[] rootEntries = rootDirectory(top);
    root = layout.rootEntries() == 0 ? new byte[0] : rootEntries;
    top.entries = rootEntries;
    headers();
  }

  private static long clusters(FatTree.Node node, int clusterBytes, boolean withSelf) {
    long n = withSelf ? (node.entryBytes() + 2L * ENTRY + clusterBytes - 1) / clusterBytes : 0;
    for (FatTree.Node c : node.children()) {
      n +=
          c.isDirectory()
              ? clusters(c, clusterBytes, true)
              : (c.bytes() + clusterBytes - 1) / clusterBytes;
    }
    return n;
  }

  private int place(Placed p, long bytes, int next) {
    p.count = (int) ((bytes + layout.clusterBytes() - 1) / layout.clusterBytes());
    p.first = p.count == 0 ? 0 : next;
    if (p.count > 0) {
      placed.add(p);
    }
    return next + p.count;
  }

  private int placeAll(Placed directory, int start) {
    int next = start;
    for (FatTree.Node n : directory.node.children()) {
      Placed p = new Placed(n);
      directory.children.add(p);
      next = place(p, n.isDirectory() ? n.entryBytes() + 2L * ENTRY : n.bytes(), next);
    }
    for (Placed p : directory.children) {
      if (p.node.isDirectory()) {
        next = placeAll(p, next);
        p.entries = new byte[p.count * layout.clusterBytes()];
        entry(p.entries, 0, pad("."), ATTRIBUTE_DIRECTORY, p.first, p.node);
        // The root's number is 0 there, whatever it is.
        int above = directory.node.name() == null ? 0 : directory.first;
        entry(p.entries, ENTRY, pad(".."), ATTRIBUTE_DIRECTORY, above, directory.node);
        fill(p.entries, 2 * ENTRY, p.children);
      }
    }
    return next;
  }

  private byte[] rootDirectory(Placed top) {
    int bytes =
        layout.rootEntries() == 0
            ? top.count * layout.clusterBytes()
            : layout.rootEntries() * ENTRY;
    byte[] entries = new byte[bytes];
    entry(entries, 0, pad(address.label()), ATTRIBUTE_LABEL, 0, top.node);
    fill(entries, ENTRY, top.children);
    return entries;
  }

  private static void fill(byte[] directory, int start, List<Placed> children) {
    int at = start;
    for (Placed c : children) {
      at = c.node.name().write(directory, at);
      int attribute = c.node.isDirectory() ? ATTRIBUTE_DIRECTORY : ATTRIBUTE_ARCHIVE;
      entry(directory, at, c.node.name().shortName(), attribute, c.first, c.node);
      at += ENTRY;
    }
  }

  private static byte[] pad(String name) {
    return (name + " ".repeat(11 - name.length())).getBytes(StandardCharsets.ISO_8859_1);
  }

  private static void entry(
      byte[] directory, int at, byte[] name, int attribute, int first, FatTree.Node node) {
    System.arraycopy(name, 0, directory, at, name.length);
    directory[at + 11] = (byte) attribute;
    int stamp = stamp(node.changed());
    Bytes.putLe32(directory, at + 14, stamp);
    Bytes.putLe16(directory, at + 18, stamp >>> 16);
    Bytes.putLe16(directory, at + 20, first >>> 16);
    Bytes.putLe32(directory, at + 22, stamp);
    Bytes.putLe16(directory, at + 26, first);
    Bytes.putLe32(directory, at + 28, attribute == ATTRIBUTE_ARCHIVE ? (int) node.bytes() : 0);
  }

  /** Date above time, in local time and steps of two seconds, as FAT has them. */
  private static int stamp(Instant when) {
    LocalDateTime t = LocalDateTime.ofInstant(when, ZoneId.systemDefault());
    if (t.getYear() < 1980) {
      return 1 << 21 | 1 << 16;
    }
    int year = Math.min(127, t.getYear() - 1980);
    int date = year << 9 | t.getMonthValue() << 5 | t.getDayOfMonth();
    return date << 16 | t.getHour() << 11 | t.getMinute() << 5 | t.getSecond() / 2;
  }

  // Sectors that are there once.

  private void headers() {
    if (layout.start() > 0) {
      single.put(0L, partitionTable());
    }
    byte[] boot = bootSector();
    single.put((long) layout.start(), boot);
    if (layout.bits() == 32) {
      byte[] info = info();
      single.put(layout.start() + 1L, info);
      single.put(layout.start() + 6L, boot);
      single.put(layout.start() + 7L, info);
    }
  }

  private byte[] partitionTable() {
    byte[] s = new byte[FatLayout.SECTOR];
    Bytes.putLe32(s, 440, 0xbe1afdfa);
    int at = 446;
    s[at] = (byte) 0x80;
    cylinderHeadSector(s, at + 1, layout.start());
    s[at + 4] = (byte) (layout.bits() == 12 ? 0x01 : layout.bits() == 16 ? 0x06 : 0x0c);
    cylinderHeadSector(s, at + 5, layout.sectors() - 1);
    Bytes.putLe32(s, at + 8, layout.start());
    Bytes.putLe32(s, at + 12, (int) (layout.sectors() - layout.start()));
    signature(s);
    return s;
  }

  private void cylinderHeadSector(byte[] s, int at, long sector) {
    long track = sector / layout.sectorsPerTrack();
    long cylinder = track / layout.heads();
    if (cylinder > 1023) {
      s[at] = (byte) 0xfe;
      s[at + 1] = (byte) 0xff;
      s[at + 2] = (byte) 0xff;
      return;
    }
    s[at] = (byte) (track % layout.heads());
    s[at + 1] = (byte) (sector % layout.sectorsPerTrack() + 1 | cylinder >> 8 << 6);
    s[at + 2] = (byte) cylinder;
  }

  private byte[] bootSector() {
    byte[] s = new byte[FatLayout.SECTOR];
    boolean large = layout.bits() == 32;
    int code = large ? 90 : 62;
    s[0] = (byte) 0xeb;
    s[1] = (byte) (code - 2);
    s[2] = (byte) 0x90;
    // int 18h: nothing to start here; then halt.
    System.arraycopy(new byte[] {(byte) 0xcd, 0x18, (byte) 0xf4, (byte) 0xeb, -3}, 0, s, code, 5);
    System.arraycopy("MSWIN4.1".getBytes(StandardCharsets.ISO_8859_1), 0, s, 3, 8);
    Bytes.putLe16(s, 11, FatLayout.SECTOR);
    s[13] = (byte) layout.clusterSectors();
    Bytes.putLe16(s, 14, layout.reserved());
    s[16] = FatLayout.TABLES;
    Bytes.putLe16(s, 17, layout.rootEntries());
    long sectors = layout.sectors() - layout.start();
    boolean few = sectors < 1 << 16 && !large;
    Bytes.putLe16(s, 19, few ? (int) sectors : 0);
    s[21] = (byte) media();
    Bytes.putLe16(s, 22, large ? 0 : layout.tableSectors());
    Bytes.putLe16(s, 24, layout.sectorsPerTrack());
    Bytes.putLe16(s, 26, layout.heads());
    Bytes.putLe32(s, 28, layout.start());
    Bytes.putLe32(s, 32, few ? 0 : (int) sectors);
    int rest = 36;
    if (large) {
      Bytes.putLe32(s, 36, layout.tableSectors());
      Bytes.putLe32(s, 44, FIRST_CLUSTER);
      Bytes.putLe16(s, 48, 1);
      Bytes.putLe16(s, 50, 6);
      rest = 64;
    }
    s[rest] = (byte) (address.floppy() ? 0 : 0x80);
    s[rest + 2] = 0x29;
    Bytes.putLe32(s, rest + 3, 0xfabe1afd);
    System.arraycopy(pad(address.label()), 0, s, rest + 7, 11);
    String kind = "FAT" + layout.bits() + "   ";
    System.arraycopy(kind.getBytes(StandardCharsets.ISO_8859_1), 0, s, rest + 18, 8);
    signature(s);
    return s;
  }

  private int media() {
    return address.floppy() ? 0xf0 : 0xf8;
  }

  private byte[] info() {
    byte[] s = new byte[FatLayout.SECTOR];
    Bytes.putLe32(s, 0, 0x41615252);
    Bytes.putLe32(s, 484, 0x61417272);
    Bytes.putLe32(s, 488, layout.clusters() + FIRST_CLUSTER - end);
    Bytes.putLe32(s, 492, Math.min(end, layout.clusters() + 1));
    signature(s);
    return s;
  }

  private static void signature(byte[] s) {
    s[510] = 0x55;
    s[511] = (byte) 0xaa;
  }

  // The table.

  /** The index of what is in a cluster; where it is free, -1 and less: what comes after it. */
  private int search(int cluster) {
    int low = 0;
    int high = placed.size() - 1;
    while (low <= high) {
      int middle = low + high >>> 1;
      Placed p = placed.get(middle);
      if (cluster < p.first) {
        high = middle - 1;
      } else if (cluster >= p.first + p.count) {
        low = middle + 1;
      } else {
        return middle;
      }
    }
    return -1 - low;
  }

  private int tableEntry(int cluster) {
    int ones = layout.bits() == 32 ? 0x0fffffff : (1 << layout.bits()) - 1;
    if (cluster < FIRST_CLUSTER) {
      return cluster == 0 ? ones & -256 | media() : ones;
    }
    int i = search(cluster);
    if (i < 0) {
      return 0;
    }
    Placed p = placed.get(i);
    return cluster == p.first + p.count - 1 ? ones : cluster + 1;
  }

  private byte[] tableSector(long number) {
    byte[] s = new byte[FatLayout.SECTOR];
    int bits = layout.bits();
    long first = number * FatLayout.SECTOR * 8 / bits;
    int last = (int) ((number + 1) * FatLayout.SECTOR * 8 / bits);
    for (int c = (int) first; c <= last; c++) {
      long at = (long) c * bits / 8 - number * FatLayout.SECTOR;
      int value = tableEntry(c);
      int bytes = bits == 32 ? 4 : 2;
      // Two entries of twelve bits share a byte.
      int shift = bits == 12 && (c & 1) != 0 ? 4 : 0;
      for (int i = 0; i < bytes; i++) {
        if (at + i >= 0 && at + i < s.length) {
          s[(int) at + i] |= (byte) (value << shift >> 8 * i);
        }
      }
    }
    return s;
  }

  // Reading.

  long bytes() {
    return layout.sectors() * FatLayout.SECTOR;
  }

  /** What lies at an offset. */
  Piece piece(long offset) {
    long sector = offset / FatLayout.SECTOR;
    long within = offset % FatLayout.SECTOR;
    long dataEnd = layout.data() + (long) layout.clusters() * layout.clusterSectors();
    if (sector < layout.data() || sector >= dataEnd) {
      boolean zero = isEmpty(sector);
      return new Piece(FatLayout.SECTOR - within, null, 0, zero);
    }
    long inData = offset - layout.data() * FatLayout.SECTOR;
    int cluster = FIRST_CLUSTER + (int) (inData / layout.clusterBytes());
    int i = search(cluster);
    if (i < 0) {
      long next = -1 - i < placed.size() ? clusterStart(placed.get(-1 - i).first) : bytes();
      return new Piece(next - offset, null, 0, true);
    }
    Placed p = placed.get(i);
    long from = offset - clusterStart(p.first);
    if (p.node.isDirectory()) {
      return new Piece(p.entries.length - from, null, 0, false);
    }
    if (from < p.node.bytes()) {
      return new Piece(p.node.bytes() - from, p.node, from, false);
    }
    return new Piece((long) p.count * layout.clusterBytes() - from, null, 0, true);
  }

  private long clusterStart(int cluster) {
    return (layout.data() + (long) (cluster - FIRST_CLUSTER) * layout.clusterSectors())
        * FatLayout.SECTOR;
  }

  /** True for sectors before the clusters that have nothing in them. */
  private boolean isEmpty(long sector) {
    if (sector >= layout.root()) {
      long at = (sector - layout.root()) * FatLayout.SECTOR;
      return at >= root.length;
    }
    if (sector < layout.tables()) {
      return !single.containsKey(sector);
    }
    long number = (sector - layout.tables()) % layout.tableSectors();
    return number * FatLayout.SECTOR * 8 / layout.bits() > end;
  }

  /** Fills a buffer with what no file has, from an offset on; not beyond the piece there. */
  void read(long offset, ByteBuffer target) {
    long sector = offset / FatLayout.SECTOR;
    int within = (int) (offset % FatLayout.SECTOR);
    if (sector >= layout.data()) {
      long inData = offset - layout.data() * FatLayout.SECTOR;
      Placed p = placed.get(search(FIRST_CLUSTER + (int) (inData / layout.clusterBytes())));
      target.put(p.entries, (int) (offset - clusterStart(p.first)), target.remaining());
    } else if (sector >= layout.root()) {
      target.put(root, (int) (offset - layout.root() * FatLayout.SECTOR), target.remaining());
    } else if (sector >= layout.tables()) {
      long number = (sector - layout.tables()) % layout.tableSectors();
      target.put(tableSector(number), within, target.remaining());
    } else {
      target.put(single.get(sector), within, target.remaining());
    }
  }
}
