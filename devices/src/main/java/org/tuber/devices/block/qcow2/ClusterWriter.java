package org.tuber.devices.block.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;

/**
 * A write that changes tables: allocates clusters, copies what the write leaves out of them, and
 * enters them in the L2 table. Used under the image's write lock.
 */
final class ClusterWriter {
  private static final int MAX_CLUSTERS = 1 << 14;

  private final Qcow2Image image;
  private final ClusterMap map;
  private final Refcounts refcounts;
  private final long clusterBytes;
  private final long subclusterBytes;
  private final boolean extended;

  ClusterWriter(Qcow2Image image) {
    this.image = image;
    this.map = image.map();
    this.refcounts = image.refcounts();
    this.clusterBytes = image.header().clusterBytes();
    this.subclusterBytes = 1L << map.subclusterBits();
    this.extended = image.header().hasExtendedL2();
  }

  /**
   * Clusters taken for a part of a write, whose bytes are not stored yet.
   *
   * @param offset where the guest writes
   * @param length how many bytes
   * @param host where they go
   * @param clusters how many were taken
   * @param from first byte whose cluster or subcluster the write makes present
   * @param to the end of those
   */
  record Taken(long offset, int length, long host, int clusters, long from, long to) {}

  /** Writes the first part of {@code source}; returns how much. */
  int write(long offset, ByteBuffer source) throws IOException {
    if (isOwned(offset)) {
      return writeOwned(offset, source);
    }
    Taken t = take(offset, source.remaining());
    image.data().writeData(offset, t.host, source.slice(source.position(), t.length));
    source.position(source.position() + t.length);
    enter(t);
    return t.length;
  }

  /** True if there is a cluster of the image's own already; makes its table writable. */
  boolean isOwned(long offset) throws IOException {
    map.prepare(offset);
    return map.ownsCluster(map.entry(offset & -clusterBytes));
  }

  /** Takes clusters that are missing, and stores in them what the write leaves out. */
  Taken take(long offset, int bytes) throws IOException {
    long first = offset & -clusterBytes;
    long span = clusterBytes << map.l2Bits();
    long end = Math.min(offset + bytes, (offset & -span) + span);
    int wanted = 1;
    long next = first + clusterBytes;
    while (next < end && wanted < MAX_CLUSTERS && !map.ownsCluster(map.entry(next))) {
      wanted++;
      next += clusterBytes;
    }
    long knownEnd = refcounts.fileEnd();
    int n = image.hasExternalData() ? wanted : refcounts.allocateUpTo(wanted);
    long host = image.hasExternalData() ? first : refcounts.allocatedOffset();
    boolean fresh = !image.hasExternalData() && !image.isEncrypted() && host >= knownEnd;
    end = Math.min(end, first + n * clusterBytes);

    long last = end - 1 & -clusterBytes;
    long from = offset & -unit(first);
    long to = Math.min(last + clusterBytes, end + unit(last) - 1 & -unit(last));
    put(from, host + (from - first), oldData(from, offset, fresh));
    put(end, host + (end - first), oldData(end, to, fresh));
    return new Taken(offset, (int) (end - offset), host + (offset - first), n, from, to);
  }

  /** Points the guest's clusters to those taken, once the bytes are there. */
  void enter(Taken t) throws IOException {
    map.prepare(t.offset);
    long first = t.offset & -clusterBytes;
    long host = t.host - (t.offset - first);
    for (int i = 0; i < t.clusters; i++) {
      long guest = first + i * clusterBytes;
      enter(guest, host + i * clusterBytes, Math.max(t.from, guest), t.to);
    }
  }

  /** Gives clusters back whose bytes could not be stored. */
  void giveBack(Taken t) {
    if (!image.hasExternalData()) {
      refcounts.release(t.host - (t.offset & clusterBytes - 1), t.clusters * clusterBytes);
    }
  }

  /** What must be copied as one piece: a subcluster if the cluster was empty, else all of it. */
  private long unit(long cluster) throws IOException {
    long entry = map.entry(cluster);
    boolean empty =
        (entry & (ClusterMap.COMPRESSED | ClusterMap.OFFSET_MASK | ClusterMap.COPIED)) == 0;
    return extended && empty ? subclusterBytes : clusterBytes;
  }

  /**
   * Old bytes of a gap, or null if nothing needs to be written there. They are good until the next
   * call.
   */
  private ByteBuffer oldData(long from, long to, boolean readsZero) throws IOException {
    if (from >= to || readsZero && image.data().isKnownZeroLocked(from, to)) {
      return null;
    }
    ByteBuffer b = image.data().gapBuffer((int) (to - from));
    image.data().readLocked(from, b);
    b.flip();
    return readsZero && Bytes.isZero(b, 0, b.limit()) ? null : b;
  }

  private void put(long guest, long host, ByteBuffer data) throws IOException {
    if (data != null) {
      image.data().writeData(guest, host, data);
    }
  }

  /** Points one guest cluster to its new place; subclusters in [from, to) are there. */
  private void enter(long guest, long host, long from, long to) throws IOException {
    long old = map.entry(guest);
    long bitmap = 0;
    if (extended) {
      boolean empty = (old & (ClusterMap.COMPRESSED | ClusterMap.OFFSET_MASK)) == 0;
      bitmap =
          empty
              ? allocated(map.bitmap(guest), guest, from, Math.min(to, guest + clusterBytes))
              : 0xffff_ffffL;
    }
    map.set(guest, host | ClusterMap.COPIED, bitmap);
    releaseOld(old);
  }

  /** Gives up what an entry that has been replaced referred to. */
  void releaseOld(long old) {
    if ((old & ClusterMap.COMPRESSED) != 0) {
      int bits = image.header().clusterBits;
      refcounts.release(ClusterMap.packedOffset(old, bits), ClusterMap.packedBytes(old, bits));
      image.packed().clear();
    } else if ((old & ClusterMap.OFFSET_MASK) != 0 && !image.hasExternalData()) {
      refcounts.release(old & ClusterMap.OFFSET_MASK, clusterBytes);
    }
  }

  /** The bitmap with the subclusters of [from, to) allocated. */
  private long allocated(long bitmap, long guest, long from, long to) {
    int shift = map.subclusterBits();
    int a = (int) (from - guest >>> shift);
    int b = (int) (to - 1 - guest >>> shift);
    long mask = (1L << b - a + 1) - 1 << a;
    return (bitmap | mask) & ~(mask << 32);
  }

  /** Writes into a cluster that is ours but not, or not all, in use. */
  private int writeOwned(long offset, ByteBuffer source) throws IOException {
    long guest = offset & -clusterBytes;
    long end = Math.min(offset + source.remaining(), guest + clusterBytes);
    long entry = map.entry(guest);
    long bitmap = map.bitmap(guest);
    long host = entry & ClusterMap.OFFSET_MASK;
    long from = offset;
    long to = end;
    boolean reservedZero = !extended && (entry & ClusterMap.ZERO) != 0;
    if (reservedZero) {
      from = guest;
      to = guest + clusterBytes;
    } else if (extended) {
      from = isAllocated(bitmap, offset) ? offset : offset & -subclusterBytes;
      to = isAllocated(bitmap, end - 1) ? end : end + subclusterBytes - 1 & -subclusterBytes;
    }
    put(from, host + (from - guest), oldData(from, offset, false));
    put(end, host + (end - guest), oldData(end, to, false));
    int length = (int) (end - offset);
    put(offset, host + (offset - guest), source.slice(source.position(), length));
    source.position(source.position() + length);
    if (reservedZero) {
      map.set(guest, entry & ~ClusterMap.ZERO, 0);
    } else if (extended) {
      map.set(guest, entry, allocated(bitmap, guest, from, to));
    }
    return length;
  }

  private boolean isAllocated(long bitmap, long guest) {
    return (bitmap >>> ((guest & clusterBytes - 1) >>> map.subclusterBits()) & 1) != 0;
  }

  /** Stores a compressed cluster. */
  void writePacked(long offset, byte[] data) throws IOException {
    map.prepare(offset);
    long old = map.entry(offset);
    long host = refcounts.allocateBytes(data.length);
    int bits = image.header().clusterBits;
    if (ClusterMap.packedOffset(host + data.length, bits) != host + data.length) {
      throw new ImageException(
          image.filename(), "compressed cluster", "the file is too large for compressed data");
    }
    image.file().write(host, ByteBuffer.wrap(data));
    map.set(offset, ClusterMap.packedEntry(host, data.length, bits), 0);
    releaseOld(old);
  }

  /** Allocates clusters for a range without writing data; returns the end of what was done. */
  long reserve(long offset, long end, HostRange consumer) throws IOException {
    map.prepare(offset);
    long first = offset & -clusterBytes;
    long span = clusterBytes << map.l2Bits();
    long stop = Math.min(end, (offset & -span) + span);
    if (map.ownsCluster(map.entry(first))) {
      return Math.min(stop, first + clusterBytes);
    }
    int wanted = (int) Math.min(MAX_CLUSTERS, (stop - first + clusterBytes - 1) / clusterBytes);
    int n = image.hasExternalData() ? wanted : refcounts.allocateUpTo(wanted);
    long host = image.hasExternalData() ? first : refcounts.allocatedOffset();
    consumer.accept(host, n * clusterBytes);
    for (int i = 0; i < n; i++) {
      long guest = first + i * clusterBytes;
      enter(guest, host + i * clusterBytes, guest, guest + clusterBytes);
    }
    return Math.min(stop, first + n * clusterBytes);
  }

  /** Takes a range of the host file. */
  interface HostRange {
    void accept(long host, long length) throws IOException;
  }
}
