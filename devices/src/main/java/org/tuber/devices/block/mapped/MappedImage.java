package org.tuber.devices.block.mapped;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.CheckReport;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;

/**
 * An image that keeps each block of the disk in one piece of its file, found through a table, and
 * takes new blocks from the end of the file.
 *
 * <p>Crash safety: new blocks are written and synced before the table entries that lead to them. A
 * crash leaves at most unused blocks at the end.
 */
public abstract class MappedImage implements BlockNode {
  /** The block is not in this image. */
  protected static final long ABSENT = -1;

  /** The block reads as zero. */
  protected static final long ZERO = -2;

  /** The block is compressed; {@link #unpack} restores it. */
  protected static final long PACKED = -3;

  private static final int COPY_BYTES = 1 << 20;

  private final String formatName;
  private final ImageFile file;
  private final OpenOptions options;
  private final int blockBytes;
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private volatile long length;
  private volatile BlockNode backing;
  private boolean tablesDirty;
  private boolean started;
  private long packedBlock = -1;
  private byte[] packed;

  /** An image of {@code length} bytes in blocks of {@code blockBytes}. */
  protected MappedImage(
      String formatName, ImageFile file, OpenOptions options, int blockBytes, long length) {
    this.formatName = formatName;
    this.file = file;
    this.options = options;
    this.blockBytes = blockBytes;
    this.length = length;
  }

  /** Host offset of a block, or one of the constants above. */
  protected abstract long place(long block) throws IOException;

  /** Finds room for a block, past everything in use; the room reads as zero. */
  protected abstract long reserve(long block) throws IOException;

  /** Notes in memory that a block is now at a place, or that it is {@link #ZERO}. */
  protected abstract void enter(long block, long place) throws IOException;

  /** Writes the tables that {@link #enter} changed; data is on disk. */
  protected abstract void writeTables() throws IOException;

  /** Called before the first change. */
  protected void beginChanges() throws IOException {}

  /** Called after the last change, before the file is closed. */
  protected void finishChanges() throws IOException {}

  /** True if the format can say that a block is zero although the backing file has data. */
  protected boolean canMarkZero() {
    return false;
  }

  /** True if tables wait in memory to such an extent that they should be written. */
  protected boolean isCrowded() {
    return false;
  }

  /** False if parts of a block that is present still show through from the backing file. */
  protected boolean isWhole(long block) throws IOException {
    return true;
  }

  /** Restores a compressed block. */
  protected byte[] unpack(long block) throws IOException {
    throw bad("block " + block, "compressed blocks are not possible here");
  }

  /** Why writing is not possible, or null if it is. */
  protected String readOnlyReason() {
    return file.isReadOnly() ? "the image is read-only" : null;
  }

  /** The file behind. */
  protected final ImageFile file() {
    return file;
  }

  /** Options the image was opened with. */
  protected final OpenOptions options() {
    return options;
  }

  /** Host offsets are multiplied out of untrusted numbers: checks that one is possible. */
  protected final long checkPlace(String field, long place) throws IOException {
    if (place < 0 || place > 1L << 55) {
      throw bad(field, "impossible file offset " + place);
    }
    return place;
  }

  /** An error of this image. */
  protected final ImageException bad(String field, String problem) {
    return new ImageException(filename(), field, problem);
  }

  /** Changes the length that users see. */
  protected final void setLength(long bytes) {
    length = bytes;
  }

  /** The lock of tables. */
  protected final ReentrantReadWriteLock lock() {
    return lock;
  }

  /** Opens the backing file if the image has one and the options want it. */
  protected final void openBacking() throws IOException {
    if (backingName() != null && options.openBacking()) {
      backing = Images.openBacking(filename(), backingName(), backingFormat(), options);
    }
  }

  @Override
  public final String formatName() {
    return formatName;
  }

  @Override
  public final String filename() {
    return file.name();
  }

  @Override
  public final long lengthBytes() {
    return length;
  }

  @Override
  public boolean isReadOnly() {
    return readOnlyReason() != null;
  }

  @Override
  public final BlockNode backing() {
    return backing;
  }

  @Override
  public final BlockNode attachBacking(BlockNode node) {
    BlockNode old = backing;
    backing = node;
    return old;
  }

  @Override
  public int clusterBytes() {
    return blockBytes;
  }

  @Override
  public List<ImageFile> files() {
    return List.of(file);
  }

  @Override
  public final void read(long offset, ByteBuffer target) throws IOException {
    requireInside(offset, target.remaining());
    lock.readLock().lock();
    try {
      readLocked(offset, target);
    } finally {
      lock.readLock().unlock();
    }
  }

  private void readLocked(long offset, ByteBuffer target) throws IOException {
    int end = target.limit();
    long at = offset;
    while (target.hasRemaining()) {
      long block = at / blockBytes;
      int inBlock = (int) (at % blockBytes);
      int n = Math.min(target.remaining(), blockBytes - inBlock);
      target.limit(target.position() + n);
      long place = at >= length ? ZERO : place(block);
      if (place >= 0) {
        readPlace(block, place, inBlock, target);
      } else if (place == ABSENT) {
        readBacking(at, target);
      } else if (place == PACKED) {
        target.put(packedBlock(block), inBlock, n);
      } else {
        Bytes.zeroFill(target);
      }
      at += n;
      target.limit(end);
    }
  }

  /** Reads from a block that is present. */
  protected void readPlace(long block, long place, int inBlock, ByteBuffer target)
      throws IOException {
    file.read(place + inBlock, target);
  }

  private synchronized byte[] packedBlock(long block) throws IOException {
    if (packedBlock != block) {
      packed = unpack(block);
      packedBlock = block;
    }
    return packed;
  }

  /** Reads what shows through. */
  protected final void readBacking(long offset, ByteBuffer target) throws IOException {
    long there = backing == null ? 0 : backing.lengthBytes() - offset;
    if (there > 0) {
      int end = target.limit();
      target.limit(target.position() + (int) Math.min(there, target.remaining()));
      backing.read(offset, target);
      target.limit(end);
    }
    Bytes.zeroFill(target);
  }

  private void requireWritable() throws ImageException {
    String reason = readOnlyReason();
    if (reason != null) {
      throw bad("image", reason);
    }
  }

  @Override
  public final void write(long offset, ByteBuffer source) throws IOException {
    requireInside(offset, source.remaining());
    requireWritable();
    long at = offset;
    while (source.hasRemaining()) {
      long block = at / blockBytes;
      int inBlock = (int) (at % blockBytes);
      int n = Math.min(source.remaining(), blockBytes - inBlock);
      ByteBuffer part = source.slice(source.position(), n);
      if (!overwrite(block, inBlock, part)) {
        allocatingWrite(block, inBlock, part);
      }
      source.position(source.position() + n);
      at += n;
    }
    if (options.cache().isWriteThrough()) {
      flush();
    }
  }

  private boolean overwrite(long block, int inBlock, ByteBuffer part) throws IOException {
    lock.readLock().lock();
    try {
      long place = started ? place(block) : ABSENT;
      if (place < 0 || !isWhole(block)) {
        return false;
      }
      file.write(place + inBlock, part);
      return true;
    } finally {
      lock.readLock().unlock();
    }
  }

  private void start() throws IOException {
    if (!started) {
      beginChanges();
      started = true;
    }
  }

  private void allocatingWrite(long block, int inBlock, ByteBuffer part) throws IOException {
    lock.writeLock().lock();
    try {
      start();
      long old = place(block);
      if (old >= 0) {
        completeBlock(block, old);
        file.write(old + inBlock, part);
        return;
      }
      long start = block * blockBytes;
      ByteBuffer whole = null;
      if (old == PACKED || old == ABSENT && backing != null && start < backing.lengthBytes()) {
        whole = Bytes.pageAligned(blockBytes);
        readLocked(start, whole);
        whole.slice(inBlock, part.remaining()).put(part.duplicate());
        whole.flip();
      }
      long place = reserve(block);
      if (whole != null) {
        file.write(place, whole);
      } else {
        file.write(place + inBlock, part);
      }
      enter(block, place);
      tablesDirty = true;
      packedBlock = -1;
      if (isCrowded()) {
        commit();
      }
    } finally {
      lock.writeLock().unlock();
    }
  }

  /** Copies what shows through into the block, which from then on is whole. */
  private void completeBlock(long block, long place) throws IOException {
    if (isWhole(block)) {
      return;
    }
    ByteBuffer part = Bytes.pageAligned(Math.min(blockBytes, COPY_BYTES));
    for (int at = 0; at < blockBytes; at += part.capacity()) {
      readLocked(block * blockBytes + at, part.clear());
      file.write(place + at, part.flip());
    }
    enter(block, place);
    tablesDirty = true;
    commit();
  }

  @Override
  public final void writeZeroes(long offset, long bytes, boolean unmap) throws IOException {
    requireInside(offset, bytes);
    requireWritable();
    long at = offset;
    long end = offset + bytes;
    while (at < end) {
      long block = at / blockBytes;
      int inBlock = (int) (at % blockBytes);
      int n = (int) Math.min(end - at, blockBytes - inBlock);
      zeroPart(block, inBlock, n, at);
      at += n;
    }
  }

  private void zeroPart(long block, int inBlock, int n, long at) throws IOException {
    lock.writeLock().lock();
    try {
      start();
      long place = place(block);
      boolean whole = inBlock == 0 && (n == blockBytes || at + n == length);
      boolean readsZero =
          place == ZERO
              || place == ABSENT
                  && (backing == null || at >= backing.lengthBytes())
                  && (backing != null || backingName() == null);
      if (readsZero) {
        return;
      }
      if (place >= 0 && !isWhole(block)) {
        allocatingWrite(block, inBlock, Bytes.pageAligned(n));
      } else if (place >= 0) {
        file.writeZeroes(place + inBlock, n, true);
      } else if (whole && canMarkZero()) {
        enter(block, ZERO);
        tablesDirty = true;
      } else {
        allocatingWrite(block, inBlock, Bytes.pageAligned(n));
      }
    } finally {
      lock.writeLock().unlock();
    }
  }

  @Override
  public final void discard(long offset, long bytes) throws IOException {
    requireInside(offset, bytes);
    if (options.discard() && backing == null && backingName() == null) {
      // Blocks stay where they are, but the host gets their space back.
      writeZeroes(offset, bytes, true);
    }
  }

  private void commit() throws IOException {
    if (tablesDirty) {
      file.flush();
      writeTables();
      tablesDirty = false;
    }
  }

  @Override
  public final void flush() throws IOException {
    if (isReadOnly()) {
      return;
    }
    lock.writeLock().lock();
    try {
      commit();
    } finally {
      lock.writeLock().unlock();
    }
    file.flush();
  }

  @Override
  public final BlockStatus status(long offset, long bytes) throws IOException {
    requireInside(offset, bytes);
    lock.readLock().lock();
    try {
      long block = offset / blockBytes;
      int inBlock = (int) (offset % blockBytes);
      long place = place(block);
      long n = (long) blockBytes - inBlock;
      long next = place;
      while (n < bytes) {
        block++;
        long p = place(block);
        if (place >= 0 ? p != next + blockBytes : p != place) {
          break;
        }
        next = p;
        n += blockBytes;
      }
      BlockStatus.Kind kind =
          place >= 0 || place == PACKED
              ? BlockStatus.Kind.DATA
              : place == ZERO ? BlockStatus.Kind.ZERO : BlockStatus.Kind.UNALLOCATED;
      long host = place >= 0 ? place + inBlock : -1;
      return new BlockStatus(offset, Math.min(n, bytes), kind, host, place == PACKED);
    } finally {
      lock.readLock().unlock();
    }
  }

  /** False where nothing can be checked, because blocks are where they are by definition. */
  protected boolean canCheck() {
    return true;
  }

  /** The block to look at after this one: whole tables that are missing can be left out. */
  protected long nextBlock(long block) throws IOException {
    return block + 1;
  }

  @Override
  public CheckReport check(CheckReport.Repair repair) throws IOException {
    if (!canCheck()) {
      return null;
    }
    lock.readLock().lock();
    try {
      return new BlockCheck(this, blockBytes).run(length, file.size());
    } finally {
      lock.readLock().unlock();
    }
  }

  @Override
  public void close() throws IOException {
    try {
      if (started && !isReadOnly()) {
        flush();
        finishChanges();
      }
    } finally {
      if (backing != null) {
        backing.close();
      }
      file.close();
    }
  }
}
