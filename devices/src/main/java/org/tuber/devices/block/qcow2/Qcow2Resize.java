package org.tuber.devices.block.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.Preallocation;

/** Changes the size of the disk, and of the L1 table with it. */
final class Qcow2Resize {
  private static final int ZERO_CHUNK = 1 << 20;

  private final Qcow2Image image;

  Qcow2Resize(Qcow2Image image) {
    this.image = image;
  }

  void resize(long newLength, Preallocation preallocation) throws IOException {
    Qcow2Header h = image.header();
    String name = image.filename();
    if (newLength < 0 || (newLength & 511) != 0) {
      throw new ImageException(name, "size", "The new size must be a multiple of 512");
    }
    if (h.l1EntriesFor(newLength) * 8 > Qcow2Header.MAX_L1_BYTES) {
      throw new ImageException(
          name, "size", "Image size too large for cluster size " + h.clusterBytes());
    }
    if (h.version < 3 && h.snapshotCount > 0 && newLength != h.sizeBytes) {
      throw new ImageException(name, "size", "Can't resize a v2 image which has snapshots");
    }
    image.pending().lockAlone();
    try {
      image.commits().begin();
      image.commits().commit();
      if (newLength < h.sizeBytes) {
        shrink(newLength, preallocation);
      } else {
        grow(newLength, preallocation);
      }
      image.commits().commit();
    } finally {
      image.lock().writeLock().unlock();
    }
  }

  private void shrink(long newLength, Preallocation preallocation) throws IOException {
    Qcow2Header h = image.header();
    if (preallocation != Preallocation.OFF) {
      throw new ImageException(
          image.filename(), "preallocation", "cannot be used when shrinking an image");
    }
    long oldLength = h.sizeBytes;
    long edge = Math.min(oldLength, newLength + h.clusterBytes() - 1 & -(long) h.clusterBytes());
    // Growing again must not bring back what was cut off.
    image.data().zeroOrDiscard(newLength, edge - newLength, ClusterEraser.Mode.ZERO);
    image.data().zeroOrDiscard(edge, oldLength - edge, ClusterEraser.Mode.DROP);
    image.commits().commit();
    image.setLength(newLength);
    image.writeHeader();
    image.file().flush();
    if (image.hasExternalData()) {
      image.dataFile().setSize(newLength);
    }
  }

  private void grow(long newLength, Preallocation preallocation) throws IOException {
    Qcow2Header h = image.header();
    long oldLength = h.sizeBytes;
    long entries = h.l1EntriesFor(newLength);
    if (entries > h.l1Size) {
      growL1((int) entries);
    }
    if (image.hasExternalData() && image.dataFile().size() < newLength) {
      image.dataFile().setSize(newLength);
    }
    image.setLength(newLength);
    image.writeHeader();
    image.file().flush();
    if (image.backing() != null && image.backing().lengthBytes() > oldLength) {
      // The longer backing file was hidden behind the old end, and has to stay so.
      image.data().zeroOrDiscard(oldLength, newLength - oldLength, ClusterEraser.Mode.ZERO_UNMAP);
    }
    if (preallocation != Preallocation.OFF) {
      preallocate(oldLength, newLength, preallocation);
    }
  }

  /** Allocates every cluster of a range. */
  void preallocate(long from, long to, Preallocation mode) throws IOException {
    ClusterWriter writer = new ClusterWriter(image);
    ImageFile target = image.dataFile();
    long at = from;
    while (at < to) {
      at = writer.reserve(at, to, (host, bytes) -> lay(target, host, bytes, mode));
      if (image.cache().isCrowded()) {
        image.commits().commit();
      }
    }
  }

  private void lay(ImageFile target, long host, long bytes, Preallocation mode) throws IOException {
    switch (mode) {
      case FALLOC -> target.allocate(host, bytes);
      case FULL -> {
        ByteBuffer zeros = Bytes.pageAligned(ZERO_CHUNK);
        for (long done = 0; done < bytes; done += ZERO_CHUNK) {
          zeros.clear().limit((int) Math.min(ZERO_CHUNK, bytes - done));
          target.write(host + done, zeros);
        }
      }
      case METADATA, OFF -> {
        if (!image.hasExternalData()) {
          target.writeZeroes(host, bytes, true);
        }
      }
    }
  }

  /** Moves the L1 table to a larger place. */
  void growL1(int entries) throws IOException {
    Qcow2Header h = image.header();
    long[] bigger = Arrays.copyOf(image.map().l1(), entries);
    long oldOffset = h.l1Offset;
    long oldBytes = h.l1Size * 8L;
    long place = image.refcounts().allocate(entries * 8L);
    image.file().write(place, ByteBuffer.wrap(ClusterMap.encodeL1(bigger)));
    image.commits().commit();
    image.file().flush();
    h.l1Offset = place;
    h.l1Size = entries;
    image.writeHeader();
    image.file().flush();
    image.map().setL1(bigger);
    if (oldBytes > 0) {
      image.refcounts().release(oldOffset, oldBytes);
    }
  }
}
