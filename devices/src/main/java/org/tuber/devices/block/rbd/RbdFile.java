package org.tuber.devices.block.rbd;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageInfo;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.SnapshotStore;
import org.tuber.devices.block.host.ForeignBuffers;

/**
 * An image of a Ceph cluster, or a snapshot of one, by the system's librbd ({@code rbd/librbd.h}).
 *
 * <p>Image formats other than raw grow as they are written: a write past the end makes the image
 * larger first. Two writers are not kept apart, as librbd hands its own lock from one to the other.
 */
public final class RbdFile implements ImageFile, SnapshotStore {
  private static final int ERANGE = 34;
  private static final int EOPNOTSUPP = 95;

  /** {@code RBD_WRITE_ZEROES_FLAG_THICK_PROVISION}: the zeros take space. */
  private static final int THICK = 1;

  /** At most this many bytes go with one call. */
  private static final int MAX_BYTES = 16 << 20;

  private static final long MAX_RANGE_BYTES = 1L << 30;

  private final String name;
  private final RbdCluster cluster;
  private final long image;
  private final boolean writable;
  private final CacheMode cache;
  private final RbdExtents extents;
  private final AtomicBoolean closed = new AtomicBoolean();
  private volatile boolean canWriteZeroes;
  private volatile long size;

  private RbdFile(String name, RbdCluster cluster, long image, boolean writable, CacheMode cache)
      throws IOException {
    this.name = name;
    this.cluster = cluster;
    this.image = image;
    this.writable = writable;
    this.cache = cache;
    canWriteZeroes = cluster.rbd().has("rbd_write_zeroes");
    size = number("rbd_get_size");
    extents = new RbdExtents(cluster.rbd(), image, 1 << objectOrder());
  }

  /** Opens an existing image; snapshots only for reading. */
  public static RbdFile open(String name, OpenOptions options) throws IOException {
    boolean writable = options.writable();
    CacheMode cache = options.cache();
    RbdAddress a = RbdAddress.parse(name);
    if (writable && a.snapshot() != null) {
      throw new ImageException(name, "snapshot", "snapshots are read-only");
    }
    RbdCluster cluster = RbdCluster.connect(name, a, options);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
      long snapshot = a.snapshot() == null ? 0 : RbdCluster.text(arena, a.snapshot());
      long rc =
          cluster
              .rbd()
              .call(
                  writable ? "rbd_open" : "rbd_open_read_only",
                  cluster.pool(),
                  RbdCluster.text(arena, a.image()),
                  out.address(),
                  snapshot)
              .narrow();
      String what = a.snapshot() == null ? a.image() : a.image() + "@" + a.snapshot();
      RbdCluster.require(name, "image " + what, rc);
      return new RbdFile(name, cluster, out.get(ValueLayout.JAVA_LONG, 0), writable, cache);
    } catch (IOException e) {
      cluster.close();
      throw e;
    }
  }

  /** Creates an image of no bytes; one that is there must be removed first, as for QEMU. */
  public static RbdFile create(String name, OpenOptions options) throws IOException {
    RbdAddress a = RbdAddress.parse(name);
    if (a.snapshot() != null) {
      throw new ImageException(name, "snapshot", "a new image has none");
    }
    try (RbdCluster cluster = RbdCluster.connect(name, a, options);
        Arena arena = Arena.ofConfined()) {
      MemorySegment order = arena.allocate(ValueLayout.JAVA_INT); // 0: the cluster's default
      long rc =
          cluster
              .rbd()
              .call(
                  "rbd_create",
                  cluster.pool(),
                  RbdCluster.text(arena, a.image()),
                  0,
                  order.address())
              .narrow();
      RbdCluster.require(name, "image " + a.image(), rc);
    }
    return open(name, options);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public boolean isReadOnly() {
    return !writable;
  }

  private long call(String function, long... arguments) throws IOException {
    if (closed.get()) {
      throw new ImageException(name, "image", "is closed");
    }
    return cluster.rbd().callOn(image, function, arguments).value();
  }

  private void require(String what, String function, long... arguments) throws IOException {
    int rc = (int) call(function, arguments);
    RbdCluster.require(name, what, rc);
  }

  private long number(String function) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
      require(function, function, out.address());
      return out.get(ValueLayout.JAVA_LONG, 0);
    }
  }

  /** The image's objects have 2 to this many bytes ({@code rbd_image_info_t}). */
  private int objectOrder() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      long bytes = 256;
      MemorySegment info = arena.allocate(bytes, 8);
      require("image", "rbd_stat", info.address(), bytes);
      return Math.clamp(info.get(ValueLayout.JAVA_INT, 24), 9, 30);
    }
  }

  @Override
  public int unitBytes() {
    return extents.objectBytes();
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    int start = target.position();
    int all = target.limit();
    target.limit(start + Math.clamp(size - offset, 0, target.remaining()));
    while (target.hasRemaining()) {
      long at = offset + target.position() - start;
      ForeignBuffers.fill(
          target, MAX_BYTES, (address, n) -> moved("read", n, call("rbd_read", at, n, address)));
    }
    Bytes.zeroFill(target.limit(all));
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    grow(offset + source.remaining());
    int start = source.position();
    while (source.hasRemaining()) {
      long at = offset + source.position() - start;
      ForeignBuffers.drain(
          source, MAX_BYTES, (address, n) -> moved("write", n, call("rbd_write", at, n, address)));
    }
    if (cache.isWriteThrough()) {
      flush();
    }
  }

  private long moved(String what, int wanted, long result) throws ImageException {
    RbdCluster.require(name, what, result);
    if (result != wanted) {
      throw new ImageException(name, what, "moved " + result + " bytes of " + wanted);
    }
    return result;
  }

  private void grow(long end) throws IOException {
    if (end > size) {
      synchronized (this) {
        if (end > size) {
          setSize(end);
        }
      }
    }
  }

  @Override
  public synchronized void setSize(long bytes) throws IOException {
    if (bytes != size) {
      require("size", "rbd_resize", bytes);
      size = bytes;
    }
  }

  @Override
  public void flush() throws IOException {
    if (cache != CacheMode.UNSAFE && writable) {
      require("flush", "rbd_flush");
    }
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    long end = Math.min(offset + length, size);
    for (long at = offset; at < end; at += MAX_RANGE_BYTES) {
      require("discard", "rbd_discard", at, Math.min(MAX_RANGE_BYTES, end - at));
    }
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    grow(offset + length);
    for (long done = 0; done < length; done += MAX_RANGE_BYTES) {
      long n = Math.min(MAX_RANGE_BYTES, length - done);
      long rc = -EOPNOTSUPP;
      if (canWriteZeroes) {
        rc = call("rbd_write_zeroes", offset + done, n, unmap ? 0 : THICK, 0);
        canWriteZeroes = rc != -EOPNOTSUPP;
      }
      if (canWriteZeroes) {
        RbdCluster.require(name, "write of zeros", rc);
      } else {
        Bytes.writeZeroData(this, offset + done, n);
      }
    }
  }

  @Override
  public void allocate(long offset, long length) throws IOException {
    grow(offset + length); // objects are made when written
  }

  @Override
  public BlockStatus status(long offset, long length) throws IOException {
    if (offset >= size) {
      return BlockStatus.of(offset, length, BlockStatus.Kind.ZERO);
    }
    return extents.status(offset, Math.min(length, size - offset));
  }

  @Override
  public long allocatedBytes() {
    return -1;
  }

  @Override
  public List<ImageInfo.SnapshotInfo> snapshots() throws IOException {
    int room = 64;
    while (true) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment max = arena.allocateFrom(ValueLayout.JAVA_INT, room);
        MemorySegment table = arena.allocate(room * RbdSnapshots.ENTRY_BYTES, 8);
        int n = (int) call("rbd_snap_list", table.address(), max.address());
        if (n == -ERANGE) {
          room = max.get(ValueLayout.JAVA_INT, 0);
          continue;
        }
        RbdCluster.require(name, "snapshots", n);
        List<ImageInfo.SnapshotInfo> all = RbdSnapshots.parse(table, n);
        cluster.rbd().call("rbd_snap_list_end", table.address());
        return all;
      }
    }
  }

  @Override
  public void createSnapshot(String snapshot) throws IOException {
    flush();
    snapshotCall("rbd_snap_create", snapshot);
  }

  @Override
  public void applySnapshot(String snapshot) throws IOException {
    snapshotCall("rbd_snap_rollback", snapshot);
    size = number("rbd_get_size");
  }

  @Override
  public void deleteSnapshot(String snapshot) throws IOException {
    snapshotCall("rbd_snap_remove", snapshot);
  }

  private void snapshotCall(String function, String snapshot) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      require("snapshot " + snapshot, function, RbdCluster.text(arena, snapshot));
    }
  }

  @Override
  public void close() throws IOException {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    extents.close();
    int rc = cluster.rbd().call("rbd_close", image).narrow();
    cluster.close();
    RbdCluster.require(name, "close", rc);
  }
}
