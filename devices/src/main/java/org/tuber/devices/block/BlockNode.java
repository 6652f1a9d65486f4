package org.tuber.devices.block;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.tuber.core.mem.RamPieces;

/**
 * A disk as one image format shows it. Synchronous, byte-addressed and thread-safe; buffers are
 * consumed from position to limit.
 */
public interface BlockNode extends Closeable {
  /** Format name as on the command line: {@code raw}, {@code qcow2}, … */
  String formatName();

  /** File name or URL of the image. */
  String filename();

  /** Guest-visible length in bytes. */
  long lengthBytes();

  /** True when writes are refused. */
  boolean isReadOnly();

  /** Fills {@code target} from {@code offset}; the range lies inside the disk. */
  void read(long offset, ByteBuffer target) throws IOException;

  /**
   * Fills {@code target} from {@code offset} if that takes no waiting; false when nothing can be
   * said or the range is not inside the disk.
   */
  default boolean readAtOnce(long offset, RamPieces target) {
    return false;
  }

  /** Writes {@code source} at {@code offset}; the range lies inside the disk. */
  void write(long offset, ByteBuffer source) throws IOException;

  /** Makes a range read as zero; with {@code unmap} the space may be given back. */
  void writeZeroes(long offset, long length, boolean unmap) throws IOException;

  /** The guest no longer needs these bytes. A hint. */
  void discard(long offset, long length) throws IOException;

  /** Returns once all completed writes are on stable storage, metadata included. */
  void flush() throws IOException;

  /** The first extent at {@code offset}, at most {@code length} long; of this node only. */
  BlockStatus status(long offset, long length) throws IOException;

  /** The node whose bytes show through where this one is unallocated, or null. */
  default BlockNode backing() {
    return null;
  }

  /** Changes the guest-visible length. */
  default void resize(long newLength, Preallocation preallocation) throws IOException {
    throw new ImageException(
        filename(), "size", "the " + formatName() + " format does not support resizing");
  }

  /** Has a listener called, on any thread, whenever the length has changed. */
  default void onResize(Runnable listener) {}

  /** Allocation unit in bytes, or 0 when there is none. */
  default int clusterBytes() {
    return 0;
  }

  /** True if unallocated ranges without a backing file read as zero right after creation. */
  default boolean startsZeroed() {
    return true;
  }

  /** Host files that make up this node alone, the main one first. */
  List<ImageFile> files();

  /** Name of the backing file as stored in the image, or null. */
  default String backingName() {
    return null;
  }

  /** Format of the backing file as stored in the image, or null. */
  default String backingFormat() {
    return null;
  }

  /** Records another backing file in the image; the chain that is open stays as it is. */
  default void changeBacking(String name, String format) throws IOException {
    throw new ImageException(
        filename(),
        "backing file",
        "the " + formatName() + " format does not support changing the backing file");
  }

  /** True if {@link #changeBacking} and {@link #attachBacking} work. */
  default boolean canChangeBacking() {
    return false;
  }

  /**
   * Lets another open node show through instead of the present one; nothing is recorded in the
   * image. This node closes it from now on, and no longer the one it returns.
   */
  default BlockNode attachBacking(BlockNode node) throws IOException {
    throw new ImageException(
        filename(),
        "backing file",
        "the " + formatName() + " format does not support changing the backing file");
  }

  /** Forgets all content, so that the backing file shows through everywhere. */
  default void makeEmpty() throws IOException {
    throw new ImageException(
        filename(), "image", "the " + formatName() + " format does not support emptying");
  }

  /**
   * Compresses one cluster as this image would store it; null when that saves nothing. Needs no
   * lock: several threads may do this at once.
   */
  default byte[] compressCluster(byte[] cluster) throws IOException {
    throw new ImageException(
        filename(), "compression", "not supported by the " + formatName() + " format");
  }

  /** Stores a cluster that {@link #compressCluster} made smaller. */
  default void writeCompressed(long offset, byte[] compressed) throws IOException {
    throw new ImageException(
        filename(), "compression", "not supported by the " + formatName() + " format");
  }

  /** Checks the image and repairs what the caller asks for. */
  default CheckReport check(CheckReport.Repair repair) throws IOException {
    return null;
  }

  /** Format-specific facts for {@code info}. */
  default ImageInfo.Specific specificInfo() {
    return null;
  }

  /** True if the image's format has room for dirty bitmaps, whether or not it may be written. */
  default boolean knowsBitmaps() {
    return false;
  }

  /** True if dirty bitmaps can be stored in the image. */
  default boolean storesBitmaps() {
    return false;
  }

  /**
   * The dirty bitmaps stored in the image. They hear of changes by themselves and are stored again
   * when the image is closed, if it is open for writing.
   */
  default List<DirtyBitmap> bitmaps() throws IOException {
    return List.of();
  }

  /** Takes a bitmap in. */
  default void addBitmap(DirtyBitmap bitmap) throws IOException {
    throw new ImageException(filename(), "bitmap", "Operation not supported");
  }

  /** Forgets a bitmap. */
  default void removeBitmap(String name) throws IOException {
    throw new ImageException(filename(), "bitmap", "Dirty bitmap '" + name + "' not found");
  }

  /** Internal snapshots, oldest first. */
  default List<ImageInfo.SnapshotInfo> snapshots() throws IOException {
    return List.of();
  }

  /** True when the data is stored encrypted. */
  default boolean isEncrypted() {
    return false;
  }

  /** True when the image was not closed cleanly. */
  default boolean isDirty() {
    return false;
  }

  /** Throws unless the range lies in the disk; the one check every public entry makes. */
  default void requireInside(long offset, long length) throws ImageException {
    if (offset < 0 || length < 0 || offset > lengthBytes() - length) {
      throw new ImageException(
          filename(),
          "request",
          "range " + offset + "+" + length + " is outside the disk of " + lengthBytes() + " bytes");
    }
  }

  @Override
  void close() throws IOException;
}
