package org.tuber.devices.block.qcow2;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.CheckReport;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageInfo;

/**
 * Internal snapshots: further L1 tables in the same file ({@code docs/interop/qcow2.txt},
 * "Snapshots").
 *
 * <p>Taking, applying and deleting one changes the counts of the whole image; while that goes on a
 * version 3 image is marked dirty, so that a crash is repaired at the next opening.
 */
public final class Snapshots {
  private static final int FIXED_BYTES = 40;
  private static final int EXTRA_BYTES = 24;
  private static final int MAX_EXTRA_BYTES = 1024;
  private static final long MAX_TABLE_BYTES = 64L << 20;

  /** One snapshot as the table has it. */
  static final class Entry {
    String id;
    String name;
    long l1Offset;
    int l1Size;
    int dateSeconds;
    int dateNanos;
    long vmClockNanos;
    long vmStateBytes;
    long diskBytes;
    long icount = -1;
    byte[] moreExtra = new byte[0];
  }

  private final Qcow2Image image;
  private final List<Entry> entries = new ArrayList<>();
  private long tableBytes;

  Snapshots(Qcow2Image image) {
    this.image = image;
  }

  List<Entry> entries() {
    return entries;
  }

  long tableBytes() {
    return tableBytes;
  }

  /** All snapshots. */
  public List<ImageInfo.SnapshotInfo> list() {
    return entries.stream()
        .map(
            e ->
                new ImageInfo.SnapshotInfo(
                    e.id,
                    e.name,
                    e.vmStateBytes,
                    Integer.toUnsignedLong(e.dateSeconds),
                    e.dateNanos,
                    e.vmClockNanos,
                    e.icount))
        .toList();
  }

  private ImageException bad(int index, String field, String problem) {
    return new ImageException(image.filename(), "snapshot[" + index + "]." + field, problem);
  }

  /** Reads and checks the table. */
  void load() throws IOException {
    Qcow2Header h = image.header();
    long at = h.snapshotsOffset;
    long fileSize = image.file().size();
    for (int i = 0; i < h.snapshotCount; i++) {
      byte[] fixed = Bytes.readArray(image.file(), at, FIXED_BYTES);
      Entry e = new Entry();
      e.l1Offset = Bytes.be64(fixed, 0);
      e.l1Size = Bytes.be32(fixed, 8);
      int idBytes = Bytes.be16(fixed, 12);
      int nameBytes = Bytes.be16(fixed, 14);
      e.dateSeconds = Bytes.be32(fixed, 16);
      e.dateNanos = Bytes.be32(fixed, 20);
      e.vmClockNanos = Bytes.be64(fixed, 24);
      e.vmStateBytes = Bytes.beU32(fixed, 32);
      long extraBytes = Bytes.beU32(fixed, 36);
      if (extraBytes > MAX_EXTRA_BYTES) {
        throw bad(i, "extra_data_size", "too large: " + extraBytes);
      }
      long l1Bytes = Integer.toUnsignedLong(e.l1Size) * 8;
      if (l1Bytes > Qcow2Header.MAX_L1_BYTES) {
        throw bad(i, "l1_size", "Snapshot L1 table too large");
      }
      if ((e.l1Offset & h.clusterBytes() - 1L) != 0
          || e.l1Offset < 0
          || e.l1Offset > fileSize - l1Bytes) {
        throw bad(i, "l1_table_offset", "Snapshot L1 table offset invalid");
      }
      byte[] rest =
          Bytes.readArray(image.file(), at + FIXED_BYTES, (int) extraBytes + idBytes + nameBytes);
      e.diskBytes = h.sizeBytes;
      if (extraBytes >= 8) {
        e.vmStateBytes = Bytes.be64(rest, 0);
      }
      if (extraBytes >= 16) {
        e.diskBytes = Bytes.be64(rest, 8);
      }
      if (extraBytes >= EXTRA_BYTES) {
        e.icount = Bytes.be64(rest, 16);
        e.moreExtra = Arrays.copyOfRange(rest, EXTRA_BYTES, (int) extraBytes);
      }
      if (e.diskBytes < 0 || h.l1EntriesFor(e.diskBytes) > Integer.toUnsignedLong(e.l1Size)) {
        throw bad(i, "disk_size", "larger than the snapshot's L1 table");
      }
      e.id = new String(rest, (int) extraBytes, idBytes, StandardCharsets.UTF_8);
      e.name = new String(rest, (int) extraBytes + idBytes, nameBytes, StandardCharsets.UTF_8);
      entries.add(e);
      at += FIXED_BYTES + rest.length + 7 & ~7L;
      if (at - h.snapshotsOffset > MAX_TABLE_BYTES || at > fileSize + 8) {
        throw bad(i, "table", "the snapshot table is too large or outside the file");
      }
    }
    tableBytes = at - h.snapshotsOffset;
  }

  private byte[] encode() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (Entry e : entries) {
      byte[] id = e.id.getBytes(StandardCharsets.UTF_8);
      byte[] name = e.name.getBytes(StandardCharsets.UTF_8);
      byte[] fixed = new byte[FIXED_BYTES + EXTRA_BYTES];
      Bytes.putBe64(fixed, 0, e.l1Offset);
      Bytes.putBe32(fixed, 8, e.l1Size);
      Bytes.putBe16(fixed, 12, id.length);
      Bytes.putBe16(fixed, 14, name.length);
      Bytes.putBe32(fixed, 16, e.dateSeconds);
      Bytes.putBe32(fixed, 20, e.dateNanos);
      Bytes.putBe64(fixed, 24, e.vmClockNanos);
      Bytes.putBe32(fixed, 32, e.vmStateBytes <= 0xffff_ffffL ? (int) e.vmStateBytes : 0);
      Bytes.putBe32(fixed, 36, EXTRA_BYTES + e.moreExtra.length);
      Bytes.putBe64(fixed, 40, e.vmStateBytes);
      Bytes.putBe64(fixed, 48, e.diskBytes);
      Bytes.putBe64(fixed, 56, e.icount);
      out.writeBytes(fixed);
      out.writeBytes(e.moreExtra);
      out.writeBytes(id);
      out.writeBytes(name);
      out.writeBytes(new byte[-out.size() & 7]);
    }
    return out.toByteArray();
  }

  /** Writes the table to a new place and lets the header point there in one step. */
  private void store() throws IOException {
    Qcow2Header h = image.header();
    byte[] raw = encode();
    if (raw.length > MAX_TABLE_BYTES) {
      throw new ImageException(image.filename(), "snapshot", "the snapshot table is full");
    }
    long oldOffset = h.snapshotsOffset;
    long oldBytes = tableBytes;
    long place = 0;
    if (raw.length > 0) {
      place = image.refcounts().allocate(raw.length);
      image.file().write(place, ByteBuffer.wrap(raw));
    }
    image.commits().commit();
    image.file().flush();
    h.snapshotCount = entries.size();
    h.snapshotsOffset = place;
    image.writeHeader();
    image.file().flush();
    tableBytes = raw.length;
    if (oldBytes > 0) {
      image.refcounts().release(oldOffset, oldBytes);
    }
    image.commits().commit();
  }

  private Entry find(String idOrName) throws ImageException {
    for (Entry e : entries) {
      if (e.id.equals(idOrName)) {
        return e;
      }
    }
    for (Entry e : entries) {
      if (e.name.equals(idOrName)) {
        return e;
      }
    }
    throw new ImageException(image.filename(), "snapshot", "no snapshot '" + idOrName + "'");
  }

  /** A change of the whole image. */
  private interface Change {
    void run() throws IOException;
  }

  private void change(Change c) throws IOException {
    image.requireWritable();
    if (image.hasExternalData()) {
      throw new ImageException(
          image.filename(), "snapshot", "not possible with an external data file");
    }
    image.pending().lockAlone();
    try {
      image.commits().begin();
      image.commits().commit();
      image.commits().markInProgress();
      try {
        c.run();
      } catch (IOException e) {
        new Qcow2Check(image).run(CheckReport.Repair.ALL);
        throw e;
      }
      image.commits().clearInProgress();
    } finally {
      image.lock().writeLock().unlock();
    }
  }

  /** Takes a snapshot of the disk as it is. */
  public void create(String name, long dateSeconds, int dateNanos) throws IOException {
    create(name, dateSeconds, dateNanos, 0, 0);
  }

  /** Takes a snapshot with a saved machine state of a given size and guest clock. */
  public void create(
      String name, long dateSeconds, int dateNanos, long vmStateBytes, long vmClockNanos)
      throws IOException {
    if (name.getBytes(StandardCharsets.UTF_8).length > 255) {
      throw new ImageException(image.filename(), "snapshot", "the name is longer than 255 bytes");
    }
    if (entries.size() >= Qcow2Header.MAX_SNAPSHOTS) {
      throw new ImageException(image.filename(), "snapshot", "there are too many already");
    }
    if (image.refcounts().maxCount() < 2) {
      throw new ImageException(
          image.filename(), "refcount_bits", "1-bit counts do not allow snapshots");
    }
    change(
        () -> {
          Entry e = new Entry();
          long id = 1;
          for (Entry other : entries) {
            id = Math.max(id, parseId(other.id) + 1);
          }
          e.id = Long.toString(id);
          e.name = name;
          e.dateSeconds = (int) dateSeconds;
          e.dateNanos = dateNanos;
          e.vmStateBytes = vmStateBytes;
          e.vmClockNanos = vmClockNanos;
          e.icount = -1;
          e.diskBytes = image.lengthBytes();
          long[] l1 = image.map().l1().clone();
          for (int i = 0; i < l1.length; i++) {
            l1[i] &= ~ClusterMap.COPIED;
          }
          e.l1Size = l1.length;
          e.l1Offset = image.refcounts().allocate(l1.length * 8L);
          image.file().write(e.l1Offset, ByteBuffer.wrap(ClusterMap.encodeL1(l1)));
          new ReferenceWalk(image).raise(l1);
          image.commits().commit();
          image.file().flush();
          new ReferenceWalk(image).updateCopiedFlags();
          image.commits().commit();
          entries.add(e);
          store();
        });
  }

  private static long parseId(String id) {
    try {
      return Long.parseLong(id);
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  /** Makes the disk what it was when the snapshot was taken. */
  public void apply(String idOrName) throws IOException {
    image.recordChange(0, image.lengthBytes());
    Entry e = find(idOrName);
    change(
        () -> {
          long[] wanted = ClusterMap.readL1(image.file(), e.l1Offset, e.l1Size);
          if (wanted.length > image.map().l1().length) {
            new Qcow2Resize(image).growL1(wanted.length);
          }
          new ReferenceWalk(image).raise(wanted);
          image.commits().commit();
          image.file().flush();
          long[] old = image.map().l1();
          long[] active = Arrays.copyOf(wanted, old.length);
          for (int i = 0; i < active.length; i++) {
            active[i] &= ClusterMap.OFFSET_MASK;
          }
          image.file().write(image.header().l1Offset, ByteBuffer.wrap(ClusterMap.encodeL1(active)));
          image.setLength(e.diskBytes);
          image.writeHeader();
          image.file().flush();
          image.map().setL1(active);
          image.guard().rebuild(image);
          image.packed().clear();
          new ReferenceWalk(image).lower(old);
          image.commits().commit();
          new ReferenceWalk(image).updateCopiedFlags();
          image.commits().commit();
        });
  }

  /** Deletes a snapshot. */
  public void delete(String idOrName) throws IOException {
    Entry e = find(idOrName);
    change(
        () -> {
          entries.remove(e);
          store();
          long[] l1 = ClusterMap.readL1(image.file(), e.l1Offset, e.l1Size);
          new ReferenceWalk(image).lower(l1);
          image.refcounts().release(e.l1Offset, e.l1Size * 8L);
          image.commits().commit();
          new ReferenceWalk(image).updateCopiedFlags();
          image.commits().commit();
        });
  }

  /** Shows the snapshot instead of the disk; for images opened read-only. */
  public void show(String idOrName) throws IOException {
    Entry e = find(idOrName);
    if (!image.isReadOnly()) {
      throw new ImageException(image.filename(), "snapshot", "only a read-only image can show one");
    }
    image.map().setL1(ClusterMap.readL1(image.file(), e.l1Offset, e.l1Size));
    image.setLength(e.diskBytes);
  }
}
