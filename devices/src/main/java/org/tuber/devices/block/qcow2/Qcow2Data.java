package org.tuber.devices.block.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.crypt.DiskCipher;
import org.tuber.devices.block.ops.Progress;

/**
 * The guest's bytes: where they are, reading, writing in place or through {@link ClusterWriter},
 * zeroing. Reads and writes in place run side by side under the image's read lock.
 */
final class Qcow2Data {
  private final Qcow2Image image;
  private DiskCipher cipher;

  /** For what a write leaves out of a cluster; under the write lock. Made when first needed. */
  private ByteBuffer gap;

  Qcow2Data(Qcow2Image image) {
    this.image = image;
  }

  void setCipher(DiskCipher key) {
    cipher = key;
  }

  /** Reads with either lock held; bytes past the end of the disk are zeros. */
  void readLocked(long offset, ByteBuffer target) throws IOException {
    ClusterMap.Run run = new ClusterMap.Run();
    int end = target.limit();
    long at = offset;
    while (target.hasRemaining()) {
      if (at >= image.lengthBytes()) {
        Bytes.zeroFill(target);
        return;
      }
      image.map().lookup(at, Math.min(target.remaining(), image.lengthBytes() - at), run);
      target.limit(target.position() + (int) run.length);
      switch (run.kind) {
        case ClusterMap.DATA -> readData(at, run.host, target);
        case ClusterMap.PACKED -> image.packed().read(at, run.host, target);
        case ClusterMap.ZEROS -> Bytes.zeroFill(target);
        default -> readBacking(at, target);
      }
      at += run.length;
      target.limit(end);
    }
  }

  /** True if the tables alone say that a range reads as zeros; with either lock held. */
  boolean isKnownZeroLocked(long from, long to) throws IOException {
    ClusterMap.Run run = new ClusterMap.Run();
    long end = Math.min(to, image.lengthBytes());
    for (long at = from; at < end; at += run.length) {
      image.map().lookup(at, end - at, run);
      boolean absent = run.kind == ClusterMap.UNALLOCATED && image.backing() == null;
      if (!absent && run.kind != ClusterMap.ZEROS) {
        return false;
      }
    }
    return true;
  }

  /** Room for up to a cluster, the same each time; with the write lock held. */
  ByteBuffer gapBuffer(int bytes) {
    if (gap == null) {
      gap = Bytes.pageAligned(image.header().clusterBytes());
    }
    return gap.clear().limit(bytes);
  }

  private void readBacking(long offset, ByteBuffer target) throws IOException {
    BlockNode below = image.backing();
    long there = below == null ? 0 : below.lengthBytes() - offset;
    if (there > 0) {
      int end = target.limit();
      if (there < target.remaining()) {
        target.limit(target.position() + (int) there);
      }
      below.read(offset, target);
      target.limit(end);
    }
    Bytes.zeroFill(target);
  }

  private void requireKey() throws ImageException {
    if (cipher == null && image.isEncrypted()) {
      throw new ImageException(
          image.filename(), "encrypt.key-secret", "the image was opened without key");
    }
  }

  private void readData(long guest, long host, ByteBuffer target) throws IOException {
    requireKey();
    if (cipher == null) {
      image.dataFile().read(host, target);
    } else {
      cipher.read(image.dataFile(), cipher.usesHostOffset() ? host : guest, host, target);
    }
  }

  /** Writes data to its host place, with either lock held; the source is consumed. */
  void writeData(long guest, long host, ByteBuffer source) throws IOException {
    requireNoTables(host, source.remaining());
    store(guest, host, source);
  }

  private void requireNoTables(long host, int bytes) throws ImageException {
    if (!image.hasExternalData() && image.guard().overlaps(host, bytes, image.header())) {
      throw image.corrupt("l2_entry", "cluster at " + host + " overlaps the image's own tables");
    }
  }

  private void store(long guest, long host, ByteBuffer source) throws IOException {
    requireKey();
    if (cipher == null) {
      image.dataFile().write(host, source);
    } else {
      cipher.write(image.dataFile(), cipher.usesHostOffset() ? host : guest, host, source);
    }
  }

  void write(long offset, ByteBuffer source) throws IOException {
    image.requireInside(offset, source.remaining());
    image.requireWritable();
    image.recordChange(offset, source.remaining());
    if (image.isEncrypted() && ((offset | source.remaining()) & 511) != 0) {
      writeUnalignedEncrypted(offset, source);
      return;
    }
    ClusterMap.Run run = new ClusterMap.Run();
    long at = offset;
    while (source.hasRemaining()) {
      int n = overwrite(at, source, run);
      if (n == 0) {
        n = allocatingWrite(at, source);
      }
      at += n;
    }
    if (image.options().cache().isWriteThrough()) {
      image.flush();
    }
  }

  private void writeUnalignedEncrypted(long offset, ByteBuffer source) throws IOException {
    long start = offset & -512L;
    long end = Math.min(image.lengthBytes(), offset + source.remaining() + 511 & -512L);
    ByteBuffer whole = Bytes.pageAligned((int) (end - start));
    image.read(start, whole);
    whole.position((int) (offset - start));
    whole.put(source);
    write(start, whole.clear());
  }

  private int overwrite(long offset, ByteBuffer source, ClusterMap.Run run) throws IOException {
    image.lock().readLock().lock();
    try {
      if (!image.commits().isStarted()) {
        return 0;
      }
      image.map().lookup(offset, source.remaining(), run);
      if (run.kind != ClusterMap.DATA || !run.own) {
        return 0;
      }
      int end = source.limit();
      source.limit(source.position() + (int) run.length);
      writeData(offset, run.host, source);
      source.limit(end);
      return (int) run.length;
    } finally {
      image.lock().readLock().unlock();
    }
  }

  /**
   * Writes to clusters that have to be taken first. The bytes are stored outside of the lock: past
   * the host's cache that takes as long as the disk does, and others have clusters to take, too.
   */
  private int allocatingWrite(long offset, ByteBuffer source) throws IOException {
    long cluster = image.header().clusterBytes();
    long from = offset & -cluster;
    long to = offset + source.remaining() + cluster - 1 & -cluster;
    ClusterWriter writer = new ClusterWriter(image);
    ClusterWriter.Taken taken;
    image.lock().writeLock().lock();
    try {
      if (!image.pending().isFree(from, to)) {
        return 0; // what was found in the tables may be different by now
      }
      image.requireWritable();
      image.commits().begin();
      if (writer.isOwned(offset)) {
        int n = writer.write(offset, source);
        image.commits().commitIfCrowded();
        return n;
      }
      taken = writer.take(offset, source.remaining());
      image.commits().growAhead();
      requireNoTables(taken.host(), taken.length());
      image.pending().add(from, to);
    } finally {
      image.lock().writeLock().unlock();
    }
    boolean stored = false;
    try {
      store(offset, taken.host(), source.slice(source.position(), taken.length()));
      stored = true;
    } finally {
      image.lock().writeLock().lock();
      try {
        image.pending().remove(from, to);
        if (stored) {
          image.requireWritable();
          writer.enter(taken);
          image.commits().commitIfCrowded();
        } else {
          writer.giveBack(taken);
        }
      } finally {
        image.lock().writeLock().unlock();
      }
    }
    source.position(source.position() + taken.length());
    return taken.length();
  }

  /** Replaces zero flags, which version 2 does not know, by what reads the same. */
  void expandZeros(Progress progress) throws IOException {
    ClusterMap.Run run = new ClusterMap.Run();
    long at = 0;
    while (at < image.lengthBytes()) {
      image.map().lookup(at, image.lengthBytes() - at, run);
      long n = run.length;
      if (run.kind == ClusterMap.ZEROS
          && image.backing() == null
          && image.header().backingName == null) {
        zeroOrDiscard(at, n, ClusterEraser.Mode.DROP);
      } else if (run.kind == ClusterMap.ZEROS) {
        n = Math.min(n, 1 << 20);
        ByteBuffer zeros = Bytes.pageAligned((int) n);
        while (zeros.hasRemaining()) {
          new ClusterWriter(image).write(at + zeros.position(), zeros);
        }
      }
      at += n;
      progress.report(at, image.lengthBytes());
    }
    image.commits().commit();
  }

  void writeZeroes(long offset, long bytes, boolean unmap) throws IOException {
    image.requireInside(offset, bytes);
    image.requireWritable();
    if (image.isEncrypted() && ((offset | bytes) & 511) != 0) {
      // Parts of sectors cannot be zeroed in the tables, nor written without their neighbours.
      long head = Math.min(bytes, -offset & 511);
      long tail = offset + bytes & 511;
      write(offset, ByteBuffer.allocate((int) head));
      if (head < bytes) {
        writeZeroes(offset + head, bytes - head - tail, unmap);
        write(offset + bytes - tail, ByteBuffer.allocate((int) tail));
      }
      return;
    }
    zeroOrDiscard(offset, bytes, unmap ? ClusterEraser.Mode.ZERO_UNMAP : ClusterEraser.Mode.ZERO);
    if (image.options().cache().isWriteThrough()) {
      image.flush();
    }
  }

  void zeroOrDiscard(long offset, long bytes, ClusterEraser.Mode mode) throws IOException {
    image.recordChange(offset, bytes);
    long at = offset;
    long end = offset + bytes;
    while (at < end) {
      image.pending().lockAlone();
      try {
        image.commits().begin();
        at += new ClusterEraser(image).erase(at, end - at, mode);
        image.commits().commitIfCrowded();
      } finally {
        image.lock().writeLock().unlock();
      }
    }
  }

  BlockStatus status(long offset, long bytes) throws IOException {
    image.requireInside(offset, bytes);
    image.lock().readLock().lock();
    try {
      ClusterMap.Run run = new ClusterMap.Run();
      image.map().lookup(offset, bytes, run);
      int kind = run.kind;
      long n = run.length;
      long host = kind == ClusterMap.DATA ? run.host : -1;
      while (n < bytes) {
        image.map().lookup(offset + n, bytes - n, run);
        if (run.kind != kind || kind == ClusterMap.DATA && run.host != host + n) {
          break;
        }
        n += run.length;
      }
      BlockStatus.Kind k =
          switch (kind) {
            case ClusterMap.DATA, ClusterMap.PACKED -> BlockStatus.Kind.DATA;
            case ClusterMap.ZEROS -> BlockStatus.Kind.ZERO;
            default -> BlockStatus.Kind.UNALLOCATED;
          };
      long plain = image.isEncrypted() ? -1 : host;
      return new BlockStatus(offset, n, k, plain, kind == ClusterMap.PACKED);
    } finally {
      image.lock().readLock().unlock();
    }
  }
}
