package org.tuber.devices.block.gluster;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicBoolean;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.host.ForeignBuffers;
import org.tuber.devices.block.host.ForeignLibrary;
import org.tuber.devices.block.host.ForeignLibrary.Result;

/**
 * A file on a GlusterFS volume, by the system's libgfapi ({@code glusterfs/api/glfs.h}).
 *
 * <p>Nothing of it is in the host's page cache, so that cache modes without it need nothing
 * special. There are no locks against a second writer: QEMU takes none here either.
 */
public final class GlusterFile implements ImageFile {
  private static final int O_RDWR = 2;
  private static final int O_CREAT = 0x40;
  private static final int O_TRUNC = 0x200;
  private static final int MODE = 0600;
  private static final int SEEK_DATA = 3;
  private static final int SEEK_HOLE = 4;
  private static final int ENXIO = 6;
  private static final long STAT_BYTES = 256;

  /** Places in {@code struct stat} ({@code asm/stat.h}): size and blocks are alike on both. */
  private static final long STAT_SIZE = 48;

  private static final long STAT_BLOCKS = 64;

  /** At most this many bytes go with one call. */
  private static final int MAX_BYTES = 4 << 20;

  private final String name;
  private final ForeignLibrary library;
  private final long fd;
  private final boolean writable;
  private final CacheMode cache;
  private final AtomicBoolean closed = new AtomicBoolean();
  private volatile boolean canDiscard = true;
  private volatile boolean canZero = true;
  private volatile boolean canSeek = true;

  private GlusterFile(
      String name, ForeignLibrary library, long fd, boolean writable, CacheMode cache) {
    this.name = name;
    this.library = library;
    this.fd = fd;
    this.writable = writable;
    this.cache = cache;
  }

  /** Opens an existing file. */
  public static GlusterFile open(String name, boolean writable, CacheMode cache)
      throws IOException {
    return open(name, writable, cache, writable ? O_RDWR : 0, 0);
  }

  /** Creates a file, emptying one that is there. */
  public static GlusterFile create(String name) throws IOException {
    return open(name, true, CacheMode.WRITEBACK, O_RDWR | O_CREAT | O_TRUNC, MODE);
  }

  private static GlusterFile open(
      String name, boolean writable, CacheMode cache, int flags, int mode) throws IOException {
    GlusterAddress a = GlusterAddress.parse(name);
    GlusterVolume volume = GlusterVolume.of(name, a);
    Result r = volume.open(a.path(), flags, mode);
    if (r.value() == 0) {
      throw new ImageException(
          name, "file", "Could not open: " + ForeignLibrary.describe(r.errno()));
    }
    return new GlusterFile(name, volume.library(), r.value(), writable, cache);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public boolean isReadOnly() {
    return !writable;
  }

  private Result call(String function, long... arguments) throws IOException {
    if (closed.get()) {
      throw new ImageException(name, "file", "is closed");
    }
    return library.callOn(fd, function, arguments);
  }

  private void require(String what, Result r) throws ImageException {
    if (r.narrow() != 0) {
      throw GlusterVolume.failure(name, what, r.errno());
    }
  }

  private long stat(long place) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment s = arena.allocate(STAT_BYTES, 8);
      require("size", call("glfs_fstat", s.address()));
      return s.get(ValueLayout.JAVA_LONG, place);
    }
  }

  @Override
  public long size() throws IOException {
    return stat(STAT_SIZE);
  }

  @Override
  public long allocatedBytes() throws IOException {
    return stat(STAT_BLOCKS) * 512;
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    int start = target.position();
    while (target.hasRemaining()) {
      long at = offset + target.position() - start;
      long n =
          ForeignBuffers.fill(
              target,
              MAX_BYTES,
              (address, bytes) -> moved("read", call("glfs_pread", address, bytes, at, 0, 0)));
      if (n == 0) {
        Bytes.zeroFill(target);
      }
    }
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    if (!writable) {
      // The library would take the bytes and complain when the file is closed.
      throw new ImageException(name, "write", "the file is open for reading only");
    }
    int start = source.position();
    while (source.hasRemaining()) {
      long at = offset + source.position() - start;
      long n =
          ForeignBuffers.drain(
              source,
              MAX_BYTES,
              (address, bytes) -> moved("write", call("glfs_pwrite", address, bytes, at, 0, 0, 0)));
      if (n == 0) {
        throw new ImageException(name, "write", "nothing was written");
      }
    }
    if (cache.isWriteThrough()) {
      flush();
    }
  }

  private long moved(String what, Result r) throws ImageException {
    if (r.value() < 0) {
      throw GlusterVolume.failure(name, what, r.errno());
    }
    return r.value();
  }

  @Override
  public void setSize(long bytes) throws IOException {
    require("size", call("glfs_ftruncate", bytes, 0, 0));
  }

  @Override
  public void flush() throws IOException {
    if (cache != CacheMode.UNSAFE && writable) {
      require("flush", call("glfs_fsync", 0, 0));
    }
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    punch(offset, length);
  }

  private boolean punch(long offset, long length) throws IOException {
    if (canDiscard && length > 0) {
      canDiscard = call("glfs_discard", offset, length).narrow() == 0;
    }
    return canDiscard;
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    long size = size();
    long there = Math.clamp(size - offset, 0, length);
    if (offset + length > size) {
      // Past the end zeros come with the length alone.
      setSize(offset + length);
    }
    if (there == 0 || unmap && punch(offset, there)) {
      return;
    }
    if (canZero) {
      canZero = call("glfs_zerofill", offset, there).narrow() == 0;
    }
    if (!canZero) {
      Bytes.writeZeroData(this, offset, there);
    }
  }

  @Override
  public void allocate(long offset, long length) throws IOException {
    if (length > 0 && call("glfs_fallocate", 0, offset, length).narrow() != 0) {
      long size = size();
      long from = Math.max(size, offset);
      Bytes.writeZeroData(this, from, Math.max(0, offset + length - from));
    }
  }

  @Override
  public BlockStatus status(long offset, long length) throws IOException {
    long size = size();
    if (offset >= size) {
      return BlockStatus.of(offset, length, BlockStatus.Kind.ZERO);
    }
    long max = Math.min(length, size - offset);
    if (!canSeek) {
      return new BlockStatus(offset, max, BlockStatus.Kind.DATA, offset, false);
    }
    Result data = call("glfs_lseek", offset, SEEK_DATA);
    boolean allHole = data.value() < 0 && data.errno() == ENXIO;
    canSeek = allHole || data.value() >= offset;
    if (allHole || data.value() > offset) {
      long n = allHole ? max : Math.min(max, data.value() - offset);
      return new BlockStatus(offset, n, BlockStatus.Kind.ZERO, offset, false);
    }
    long hole = canSeek ? call("glfs_lseek", offset, SEEK_HOLE).value() : -1;
    long n = hole > offset ? Math.min(max, hole - offset) : max;
    return new BlockStatus(offset, n, BlockStatus.Kind.DATA, offset, false);
  }

  @Override
  public void close() throws IOException {
    if (closed.compareAndSet(false, true)) {
      Result r = library.call("glfs_close", fd);
      require("close", r);
    }
  }
}
