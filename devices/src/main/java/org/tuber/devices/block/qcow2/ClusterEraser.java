package org.tuber.devices.block.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.Bytes;

/** Zeroes or drops ranges, in the tables where that is possible. Used under the write lock. */
final class ClusterEraser {
  /** What the range is to become. */
  enum Mode {
    /** Zeros; allocated space is kept. */
    ZERO,
    /** Zeros; space is given back. */
    ZERO_UNMAP,
    /** Zeros where that costs nothing, otherwise unchanged. */
    DISCARD,
    /** Not in this image any more. */
    DROP
  }

  private static final int ZERO_CHUNK = 1 << 20;

  private final Qcow2Image image;
  private final ClusterMap map;
  private final ClusterWriter writer;
  private final long clusterBytes;
  private final boolean extended;

  ClusterEraser(Qcow2Image image) {
    this.image = image;
    this.map = image.map();
    this.writer = new ClusterWriter(image);
    this.clusterBytes = image.header().clusterBytes();
    this.extended = image.header().hasExtendedL2();
  }

  /** Handles the first part of a range; returns how much. */
  long erase(long at, long bytes, Mode mode) throws IOException {
    long diskEnd = image.lengthBytes();
    long unit = extended ? 1L << map.subclusterBits() : clusterBytes;
    long inUnit = at & unit - 1;
    if (inUnit != 0 || bytes < unit && at + bytes < diskEnd) {
      long n = Math.min(bytes, unit - inUnit);
      erasePart(at, n, mode);
      return n;
    }
    ClusterMap.Run run = new ClusterMap.Run();
    map.lookup(at, bytes, run);
    if (run.kind == ClusterMap.UNALLOCATED
        && (mode == Mode.DISCARD || mode == Mode.DROP || !backingCovers(at))) {
      return run.length;
    }
    long inCluster = at & clusterBytes - 1;
    if (inCluster != 0 || bytes < clusterBytes && at + bytes < diskEnd) {
      long n = Math.min(bytes, clusterBytes - inCluster);
      if (at + n < diskEnd) {
        n &= -unit;
      }
      eraseSubclusters(at, n, mode);
      return n;
    }
    eraseCluster(at, mode);
    return Math.min(bytes, clusterBytes);
  }

  private boolean backingCovers(long guest) {
    BlockNode backing = image.backing();
    // An image opened without its chain must not let the backing file show through later.
    return backing != null
        ? guest < backing.lengthBytes()
        : image.header().backingName != null && !image.options().openBacking();
  }

  private void erasePart(long at, long n, Mode mode) throws IOException {
    if (mode == Mode.DISCARD || mode == Mode.DROP) {
      return;
    }
    writeZeroData(at, n);
  }

  private void writeZeroData(long at, long n) throws IOException {
    ClusterMap.Run run = new ClusterMap.Run();
    long done = 0;
    while (done < n) {
      map.lookup(at + done, n - done, run);
      boolean zero =
          run.kind == ClusterMap.ZEROS
              || run.kind == ClusterMap.UNALLOCATED && !backingCovers(at + done);
      if (zero) {
        done += run.length;
        continue;
      }
      long part = Math.min(run.length, ZERO_CHUNK);
      ByteBuffer zeros = Bytes.pageAligned((int) part);
      while (zeros.hasRemaining()) {
        writer.write(at + done + zeros.position(), zeros);
      }
      done += part;
    }
  }

  private void eraseSubclusters(long at, long n, Mode mode) throws IOException {
    if (mode == Mode.DROP) {
      return;
    }
    long guest = at & -clusterBytes;
    map.prepare(guest);
    long entry = map.entry(guest);
    if ((entry & ClusterMap.COMPRESSED) != 0) {
      if (mode != Mode.DISCARD) {
        writeZeroData(at, n);
      }
      return;
    }
    int shift = map.subclusterBits();
    int from = (int) (at - guest >>> shift);
    int to = (int) (at + n - guest + (1L << shift) - 1 >>> shift);
    long mask = (1L << to - from) - 1 << from;
    long bitmap = map.bitmap(guest) & ~mask | mask << 32;
    map.set(guest, entry, bitmap);
    if (image.hasExternalData()) {
      image.dataFile().writeZeroes(at, n, mode != Mode.ZERO);
    }
  }

  private void eraseCluster(long guest, Mode mode) throws IOException {
    boolean canFlagZero = image.header().version >= 3;
    if (!canFlagZero && mode != Mode.DROP && backingCovers(guest)) {
      if (mode != Mode.DISCARD) {
        writeZeroData(guest, Math.min(clusterBytes, image.lengthBytes() - guest));
      }
      return;
    }
    map.prepare(guest);
    long entry = map.entry(guest);
    boolean zero = canFlagZero && mode != Mode.DROP;
    long bitmap = zero && extended ? 0xffff_ffffL << 32 : 0;
    long flag = zero && !extended ? ClusterMap.ZERO : 0;
    boolean keep = zero && map.ownsCluster(entry) && (mode == Mode.ZERO || image.hasExternalData());
    if (image.hasExternalData()) {
      long n = Math.min(clusterBytes, image.lengthBytes() - guest);
      image.dataFile().writeZeroes(guest, n, mode != Mode.ZERO);
    }
    if (keep) {
      map.set(guest, entry | flag, bitmap);
    } else {
      map.set(guest, flag, bitmap);
      writer.releaseOld(entry);
    }
  }
}
