package org.tuber.devices.block.qcow2;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.DirtyBitmap;
import org.tuber.devices.block.ImageException;

/**
 * Dirty bitmaps stored in the image ({@code docs/interop/qcow2.txt}, "Bitmaps extension").
 *
 * <p>Before the first change all are marked as in use in the image; they are kept in memory from
 * then on and stored in new clusters when the image is closed. After a crash the mark is still
 * there and says that nobody knows what they missed.
 */
final class Qcow2Bitmaps {
  private static final Logger LOG = LoggerFactory.getLogger(Qcow2Bitmaps.class);
  private static final int EXTENSION_BYTES = 24;
  private static final int ENTRY_BYTES = 24;
  private static final int MAX_BITMAPS = 65_535;
  private static final long MAX_DIRECTORY_BYTES = (long) MAX_BITMAPS * 1024;
  private static final int MAX_NAME_BYTES = 1023;
  private static final long MAX_TABLE_ENTRIES = 1L << 27;

  /** Marks of all bitmaps together: 256 MiB of memory. */
  private static final long MAX_UNITS = 1L << 31;

  private static final int FLAG_IN_USE = 1;
  private static final int FLAG_AUTO = 2;
  private static final int FLAG_EXTRA_COMPATIBLE = 4;
  private static final int TYPE_DIRTY = 1;
  private static final int MIN_GRANULARITY_BITS = 9;
  private static final int MAX_GRANULARITY_BITS = 31;
  private static final long OFFSET_MASK = 0x00ff_ffff_ffff_fe00L;
  private static final long ALL_ONES = 1;

  /** One entry of the directory. */
  private static final class Entry {
    private String name;
    private int flags;
    private int granularityBits;
    private long tableOffset;
    private int tableEntries;
    private byte[] extra = {};
    private DirtyBitmap live;
  }

  private final Qcow2Image image;
  private final List<Entry> entries = new CopyOnWriteArrayList<>();
  private long directoryOffset;
  private long directoryBytes;
  private boolean loaded;
  private volatile boolean active;
  private final List<Entry> removed = new ArrayList<>();

  Qcow2Bitmaps(Qcow2Image image) {
    this.image = image;
  }

  private ImageException bad(String problem) {
    return new ImageException(image.filename(), "bitmaps extension", problem);
  }

  /** Reads the directory; what is not valid any more is ignored, as the format wants it. */
  void readDirectory() throws IOException {
    Qcow2Header h = image.header();
    byte[] ext = h.extension(Qcow2Header.EXT_BITMAPS);
    if (ext == null || (h.autoclear & Qcow2Header.AUTOCLEAR_BITMAPS) == 0) {
      return;
    }
    if (ext.length != EXTENSION_BYTES) {
      throw bad("has not " + EXTENSION_BYTES + " bytes");
    }
    long count = Bytes.beU32(ext, 0);
    directoryBytes = Bytes.be64(ext, 8);
    directoryOffset = Bytes.be64(ext, 16);
    boolean inside =
        directoryBytes > 0
            && directoryBytes <= MAX_DIRECTORY_BYTES
            && directoryOffset > 0
            && (directoryOffset & h.clusterBytes() - 1) == 0
            && directoryOffset <= image.file().size() - directoryBytes;
    if (count == 0 || count > MAX_BITMAPS || !inside) {
      throw bad("the directory is outside the file, or its size is wrong");
    }
    byte[] dir = Bytes.readArray(image.file(), directoryOffset, (int) directoryBytes);
    int at = 0;
    for (long i = 0; i < count; i++) {
      at = readEntry(dir, at);
    }
  }

  private int readEntry(byte[] dir, int at) throws IOException {
    if (at + ENTRY_BYTES > dir.length) {
      throw bad("the directory ends within an entry");
    }
    Entry e = new Entry();
    e.tableOffset = Bytes.be64(dir, at);
    e.tableEntries = Bytes.be32(dir, at + 8);
    e.flags = Bytes.be32(dir, at + 12);
    int type = dir[at + 16] & 0xff;
    e.granularityBits = dir[at + 17] & 0xff;
    int nameBytes = Bytes.be16(dir, at + 18);
    long extraBytes = Bytes.beU32(dir, at + 20);
    long end = at + ENTRY_BYTES + extraBytes + nameBytes;
    if (nameBytes == 0 || nameBytes > MAX_NAME_BYTES || end > dir.length) {
      throw bad("the name of an entry has a wrong length");
    }
    if (type != TYPE_DIRTY
        || e.granularityBits < MIN_GRANULARITY_BITS
        || e.granularityBits > MAX_GRANULARITY_BITS
        || Integer.toUnsignedLong(e.tableEntries) > MAX_TABLE_ENTRIES
        || (e.tableOffset & image.header().clusterBytes() - 1) != 0) {
      throw bad("an entry has an unknown type, granularity, or a table out of place");
    }
    long tableBytes = Integer.toUnsignedLong(e.tableEntries) * 8;
    if (e.tableOffset <= 0 || e.tableOffset > image.file().size() - tableBytes) {
      throw bad("the table of an entry is outside the file");
    }
    if (extraBytes > 0 && (e.flags & FLAG_EXTRA_COMPATIBLE) == 0) {
      throw bad("an entry has extra data of an unknown kind");
    }
    int p = at + ENTRY_BYTES;
    e.extra = Arrays.copyOfRange(dir, p, p + (int) extraBytes);
    e.name = new String(dir, p + (int) extraBytes, nameBytes, StandardCharsets.UTF_8);
    entries.add(e);
    return (int) (end + 7 & ~7L);
  }

  boolean isActive() {
    return active;
  }

  boolean isEmpty() {
    return entries.isEmpty();
  }

  /** The bitmaps with their marks; before the image is written, {@link #activate} comes first. */
  List<DirtyBitmap> list() throws IOException {
    load();
    return entries.stream().map(e -> e.live).toList();
  }

  private void load() throws IOException {
    if (loaded) {
      return;
    }
    long units = 0;
    for (Entry e : entries) {
      units += image.lengthBytes() >>> e.granularityBits;
      if (units > MAX_UNITS) {
        throw bad("too fine for a disk of this size: the marks would not fit into memory");
      }
    }
    loaded = true;
    for (Entry e : entries) {
      DirtyBitmap b = new DirtyBitmap(e.name, image.lengthBytes(), 1L << e.granularityBits);
      b.setPersistent(true);
      b.setRecording((e.flags & FLAG_AUTO) != 0);
      e.live = b;
      if ((e.flags & FLAG_IN_USE) != 0) {
        b.setInconsistent(true);
        b.setRecording(false);
      } else {
        loadMarks(e, b);
      }
    }
  }

  private void loadMarks(Entry e, DirtyBitmap b) throws IOException {
    int cluster = image.header().clusterBytes();
    if (e.tableEntries != Math.ceilDiv(marksBytes(b), (long) cluster)) {
      throw bad("the table of '" + e.name + "' has not the size that the disk's length needs");
    }
    byte[] table =
        Bytes.readArray(image.file(), e.tableOffset, Math.multiplyExact(e.tableEntries, 8));
    for (int i = 0; i < e.tableEntries; i++) {
      long entry = Bytes.be64(table, i * 8);
      long offset = entry & OFFSET_MASK;
      byte[] data;
      if (offset != 0) {
        if ((offset & cluster - 1) != 0 || offset > image.file().size() - 1) {
          throw bad("the table of '" + e.name + "' points outside the file");
        }
        data = Bytes.readArray(image.file(), offset, cluster);
      } else if ((entry & ALL_ONES) != 0) {
        data = new byte[cluster];
        Arrays.fill(data, (byte) 0xff);
      } else {
        continue;
      }
      b.addBytes((long) i * cluster, data);
    }
  }

  private static long marksBytes(DirtyBitmap b) {
    return Math.ceilDiv(Math.ceilDiv(b.diskBytes(), b.granularityBytes()), 8L);
  }

  /** Says in the image that the bitmaps are in use; before the first change of the disk. */
  void activate() throws IOException {
    if (active) {
      return;
    }
    load();
    active = true;
    if (entries.isEmpty()) {
      return;
    }
    entries.forEach(e -> e.flags |= FLAG_IN_USE);
    image.file().write(directoryOffset, ByteBuffer.wrap(encodeDirectory()));
    image.file().flush();
  }

  /** The disk is about to change there. */
  void record(long offset, long length) {
    for (Entry e : entries) {
      e.live.record(offset, length);
    }
  }

  void resize(long bytes) {
    for (Entry e : entries) {
      e.live.resize(bytes);
    }
  }

  /** Takes a bitmap in; it is stored when the image is closed. */
  void add(DirtyBitmap b) throws IOException {
    byte[] name = b.name().getBytes(StandardCharsets.UTF_8);
    if (name.length == 0 || name.length > MAX_NAME_BYTES) {
      throw new ImageException(
          image.filename(), "bitmap", "a name has 1 to " + MAX_NAME_BYTES + " bytes");
    }
    if (entries.size() >= MAX_BITMAPS) {
      throw new ImageException(image.filename(), "bitmap", "there are too many already");
    }
    for (Entry e : entries) {
      if (e.name.equals(b.name())) {
        throw new ImageException(image.filename(), "bitmap", "Bitmap already exists: " + b.name());
      }
    }
    Entry e = new Entry();
    e.name = b.name();
    e.granularityBits = Long.numberOfTrailingZeros(b.granularityBytes());
    e.live = b;
    b.setPersistent(true);
    entries.add(e);
  }

  /** Forgets a bitmap. */
  void remove(String name) throws IOException {
    for (Entry e : entries) {
      if (e.name.equals(name)) {
        entries.remove(e);
        removed.add(e);
        e.live.setPersistent(false);
        return;
      }
    }
    throw new ImageException(image.filename(), "bitmap", "Dirty bitmap '" + name + "' not found");
  }

  private byte[] encodeDirectory() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (Entry e : entries) {
      byte[] name = e.name.getBytes(StandardCharsets.UTF_8);
      byte[] head = new byte[ENTRY_BYTES];
      Bytes.putBe64(head, 0, e.tableOffset);
      Bytes.putBe32(head, 8, e.tableEntries);
      Bytes.putBe32(head, 12, e.flags);
      head[16] = TYPE_DIRTY;
      head[17] = (byte) e.granularityBits;
      head[18] = (byte) (name.length >>> 8);
      head[19] = (byte) name.length;
      Bytes.putBe32(head, 20, e.extra.length);
      out.writeBytes(head);
      out.writeBytes(e.extra);
      out.writeBytes(name);
      out.writeBytes(new byte[-out.size() & 7]);
    }
    return out.toByteArray();
  }

  /** A run of clusters. */
  private record Run(long offset, long bytes) {}

  /**
   * Stores everything in new clusters and then lets go of the old ones, so that the image has
   * either the old bitmaps, marked as in use, or the new ones. At the end of the image's use.
   */
  void store() throws IOException {
    if (!active || entries.isEmpty() && removed.isEmpty() && directoryBytes == 0) {
      return;
    }
    List<Run> old = new ArrayList<>();
    if (directoryBytes > 0) {
      old.add(new Run(directoryOffset, directoryBytes));
    }
    for (Entry e : removed) {
      collect(e, old);
    }
    for (Entry e : entries) {
      if (!e.live.isInconsistent()) {
        collect(e, old);
        storeMarks(e);
      }
    }
    Qcow2Header h = image.header();
    if (entries.isEmpty()) {
      h.setExtension(Qcow2Header.EXT_BITMAPS, null);
      h.autoclear &= ~Qcow2Header.AUTOCLEAR_BITMAPS;
      directoryBytes = 0;
    } else {
      byte[] dir = encodeDirectory();
      directoryBytes = dir.length;
      directoryOffset = image.refcounts().allocate(dir.length);
      image.file().write(directoryOffset, ByteBuffer.wrap(dir));
      byte[] ext = new byte[EXTENSION_BYTES];
      Bytes.putBe32(ext, 0, entries.size());
      Bytes.putBe64(ext, 8, directoryBytes);
      Bytes.putBe64(ext, 16, directoryOffset);
      h.setExtension(Qcow2Header.EXT_BITMAPS, ext);
      h.autoclear |= Qcow2Header.AUTOCLEAR_BITMAPS;
    }
    image.commits().commit();
    image.file().flush();
    image.writeHeader();
    image.file().flush();
    removed.clear();
    for (Run r : old) {
      image.refcounts().release(r.offset, r.bytes);
    }
    image.commits().commit();
    active = false;
  }

  /** What an entry occupies at present. */
  private void collect(Entry e, List<Run> runs) throws IOException {
    if (e.tableOffset == 0) {
      return;
    }
    byte[] table =
        Bytes.readArray(image.file(), e.tableOffset, Math.multiplyExact(e.tableEntries, 8));
    for (int i = 0; i < e.tableEntries; i++) {
      long offset = Bytes.be64(table, i * 8) & OFFSET_MASK;
      if (offset != 0) {
        runs.add(new Run(offset, image.header().clusterBytes()));
      }
    }
    runs.add(new Run(e.tableOffset, e.tableEntries * 8L));
  }

  private void storeMarks(Entry e) throws IOException {
    int cluster = image.header().clusterBytes();
    int count = Math.toIntExact(Math.ceilDiv(marksBytes(e.live), (long) cluster));
    byte[] table = new byte[count * 8];
    for (int i = 0; i < count; i++) {
      byte[] data = e.live.toBytes((long) i * cluster, cluster);
      if (!Bytes.isZero(ByteBuffer.wrap(data), 0, cluster)) {
        long offset = image.refcounts().allocate(cluster);
        image.file().write(offset, ByteBuffer.wrap(data));
        Bytes.putBe64(table, i * 8, offset);
      }
    }
    e.tableEntries = count;
    e.tableOffset = image.refcounts().allocate(Math.max(1, table.length));
    image.file().write(e.tableOffset, ByteBuffer.wrap(table));
    e.flags = e.live.isRecording() ? FLAG_AUTO : 0;
    e.flags |= e.extra.length > 0 ? FLAG_EXTRA_COMPATIBLE : 0;
  }

  /** Stores what can be stored; an image without its bitmaps is better than none. */
  void storeQuietly() {
    try {
      store();
    } catch (IOException e) {
      LOG.error("{}: storing the bitmaps failed: {}", image.filename(), e.getMessage());
    }
  }

  /** For {@code info}. */
  List<Map<String, Object>> describe() {
    List<Map<String, Object>> all = new ArrayList<>();
    for (Entry e : entries) {
      List<String> flags = new ArrayList<>();
      if ((e.flags & FLAG_IN_USE) != 0) {
        flags.add("in-use");
      }
      if ((e.flags & FLAG_AUTO) != 0) {
        flags.add("auto");
      }
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("flags", flags);
      one.put("name", e.name);
      one.put("granularity", 1L << e.granularityBits);
      all.add(one);
    }
    return all;
  }
}
