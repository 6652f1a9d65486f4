package org.tuber.devices.block.host;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.tuber.core.mem.RamPieces;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;

/**
 * An image file on the host's file system.
 *
 * <p>I/O goes through a {@link FileChannel}; hole punching, hole lookup and locks through a second
 * descriptor of the same file where the system has the calls. With a direct cache mode the channel
 * bypasses the page cache, and requests that do not fit the alignment go through a bounce buffer.
 */
public final class HostFile implements ImageFile {
  private static final int DIRECT_ALIGNMENT = 4096;
  private static final int BOUNCE_BYTES = 1 << 20;
  private static final int ZERO_CHUNK = 1 << 20;

  /** Shorter writes are not worth a call of their own beforehand. */
  private static final int MIN_RESERVED_BYTES = 256 << 10;

  private static final ByteBuffer ZEROS = Bytes.pageAligned(ZERO_CHUNK).asReadOnlyBuffer();

  private final String name;
  private final Path path;
  private final FileChannel channel;
  private final LinuxFileCalls calls;
  private final int fd;
  private final boolean writable;
  private final int alignment;
  private final CacheMode cache;

  /**
   * Past the page cache the file is written in whole blocks. A write whose last block lies across
   * the end cuts the rest off again, and must not cut what another one has put there meanwhile.
   */
  private final ReentrantReadWriteLock end = new ReentrantReadWriteLock();

  private volatile boolean canPunch = true;
  private volatile boolean canZeroRange = true;
  private volatile boolean canReadAtOnce;
  private volatile boolean canReserve;

  /** From here on the file occupied nothing when it was opened, nor was it written since. */
  private volatile long blankFrom;

  private HostFile(
      String name,
      Path path,
      FileChannel channel,
      LinuxFileCalls calls,
      int fd,
      boolean writable,
      CacheMode cache) {
    this.name = name;
    this.path = path;
    this.channel = channel;
    this.calls = calls;
    this.fd = fd;
    this.writable = writable;
    this.cache = cache;
    this.alignment = cache.isDirect() ? DIRECT_ALIGNMENT : 1;
    canReadAtOnce = fd >= 0 && !cache.isDirect();
  }

  /**
   * Has what opening a file needs loaded by a thread of its own: 20 ms, in which a short command
   * can read its command line.
   */
  public static void prepare() {
    Thread.ofPlatform().daemon().name("host calls").start(LinuxFileCalls::available);
  }

  /** Opens an existing file. */
  public static HostFile open(String name, boolean writable, boolean locked, CacheMode cache)
      throws IOException {
    return open(name, writable, locked, cache, false);
  }

  /** Creates a file, emptying one that is there, once nobody else has it open. */
  public static HostFile create(String name) throws IOException {
    HostFile file = open(name, true, true, CacheMode.WRITEBACK, true);
    try {
      file.channel.truncate(0);
      file.findBlank();
      return file;
    } catch (IOException e) {
      file.close();
      throw e;
    }
  }

  private static HostFile open(
      String name, boolean writable, boolean locked, CacheMode cache, boolean create)
      throws IOException {
    Path path;
    try {
      path = Path.of(name);
    } catch (InvalidPathException e) {
      throw new ImageException(name, "file name", e.getReason(), e);
    }
    if (Files.isDirectory(path)) {
      throw new ImageException(name, "file", "Could not open: Is a directory");
    }
    Set<OpenOption> options = new HashSet<>();
    options.add(StandardOpenOption.READ);
    if (writable) {
      options.add(StandardOpenOption.WRITE);
    }
    if (create) {
      options.add(StandardOpenOption.CREATE);
    }
    if (cache.isDirect()) {
      options.add(directOption(name));
    }
    FileChannel channel;
    try {
      channel = FileChannel.open(path, options);
    } catch (NoSuchFileException e) {
      throw new ImageException(name, "file", "Could not open: No such file or directory", e);
    } catch (AccessDeniedException e) {
      throw new ImageException(name, "file", "Could not open: Permission denied", e);
    } catch (UnsupportedOperationException e) {
      throw new ImageException(name, "cache", "this file cannot bypass the host cache", e);
    }
    LinuxFileCalls calls = LinuxFileCalls.available();
    int fd = calls == null ? -1 : calls.open(path.toString(), writable);
    HostFile file = new HostFile(name, path, channel, calls, fd, writable, cache);
    try {
      if (locked) {
        file.lock();
      }
      file.findBlank();
      return file;
    } catch (IOException e) {
      file.close();
      throw e;
    }
  }

  private void findBlank() throws IOException {
    canReserve = fd >= 0 && writable && !cache.isDirect() && calls.isOnExt4(fd);
    if (canReserve) {
      blankFrom = calls.allocatedBytes(fd) == 0 ? 0 : channel.size();
    }
  }

  /**
   * Has ext4 allocate the blocks of a long write to a blank place at once. Without that it enters
   * each 4 KiB in its lists of delayed blocks, which takes as long as copying the bytes. Other file
   * systems keep whole extents there, or treat what was reserved worse (compression of Btrfs).
   */
  private void reserve(long offset, int bytes) {
    if (!canReserve || offset < blankFrom) {
      return;
    }
    blankFrom = offset + bytes;
    if (bytes < MIN_RESERVED_BYTES) {
      return;
    }
    // Only a hint: if it fails the write itself says why.
    canReserve = calls.fallocate(fd, LinuxFileCalls.FALLOC_FL_KEEP_SIZE, offset, bytes) == 0;
  }

  /** The JDK's own option for unbuffered access, which is not part of the platform's API. */
  private static OpenOption directOption(String name) throws ImageException {
    try {
      Class<?> type = Class.forName("com.sun.nio.file.ExtendedOpenOption");
      for (Object o : type.getEnumConstants()) {
        if (o instanceof OpenOption option && o.toString().equals("DIRECT")) {
          return option;
        }
      }
    } catch (ClassNotFoundException e) {
      throw new ImageException(name, "cache", "this Java cannot bypass the host cache", e);
    }
    throw new ImageException(name, "cache", "this Java cannot bypass the host cache");
  }

  @Override
  public void lock() throws IOException {
    if (fd >= 0) {
      ImageLock.take(calls, fd, name, writable);
      return;
    }
    FileLock lock;
    try {
      lock = channel.tryLock(100, 200, !writable);
    } catch (OverlappingFileLockException e) {
      throw new ImageException(name, "lock", "already open in this process", e);
    }
    if (lock == null) {
      throw new ImageException(name, "lock", "is another process using the image?");
    }
  }

  /** Path on the host. */
  public Path path() {
    return path;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public long size() throws IOException {
    return channel.size();
  }

  @Override
  public boolean isReadOnly() {
    return !writable;
  }

  private boolean needsBounce(long offset, ByteBuffer buffer) {
    return alignment > 1
        && (((offset | buffer.remaining()) & (alignment - 1)) != 0
            || !buffer.isDirect()
            || buffer.alignmentOffset(buffer.position(), alignment) != 0);
  }

  private static ByteBuffer bounceBuffer(int bytes) {
    return Bytes.pageAligned(bytes);
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    if (needsBounce(offset, target)) {
      readBounced(offset, target);
    } else {
      readPlain(offset, target);
    }
  }

  @Override
  public boolean readAtOnce(long offset, RamPieces target) {
    if (!canReadAtOnce) {
      return false;
    }
    long n = calls.readCached(fd, offset, target);
    if (n < 0 && n != -LinuxFileCalls.EAGAIN) {
      canReadAtOnce = false; // no such call here, or it would fail: the usual way says how
    }
    return n == target.bytes();
  }

  private void readPlain(long offset, ByteBuffer target) throws IOException {
    long at = offset;
    while (target.hasRemaining()) {
      int n = channel.read(target, at);
      if (n < 0) {
        zeroFill(target);
        return;
      }
      at += n;
    }
  }

  private static void zeroFill(ByteBuffer target) {
    while (target.hasRemaining()) {
      ByteBuffer zeros = ZEROS.duplicate();
      zeros.limit(Math.min(zeros.capacity(), target.remaining()));
      target.put(zeros);
    }
  }

  private void readBounced(long offset, ByteBuffer target) throws IOException {
    int want = Math.min(BOUNCE_BYTES, target.remaining() + 2 * alignment) & -alignment;
    ByteBuffer bounce = bounceBuffer(Math.max(want, alignment));
    long at = offset;
    while (target.hasRemaining()) {
      long start = at & -alignment;
      bounce.clear().limit(bounce.capacity() & -alignment);
      while (bounce.hasRemaining() && (bounce.position() & (alignment - 1)) == 0) {
        if (channel.read(bounce, start + bounce.position()) < 0) {
          break;
        }
      }
      int got = bounce.position();
      bounce.clear();
      int skip = (int) (at - start);
      if (got <= skip) {
        zeroFill(target);
        return;
      }
      int n = Math.min(target.remaining(), got - skip);
      target.put(bounce.slice(skip, n));
      at += n;
    }
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    if (needsBounce(offset, source)) {
      end.writeLock().lock();
      try {
        writeBounced(offset, source);
      } finally {
        end.writeLock().unlock();
      }
    } else if (alignment > 1) {
      end.readLock().lock();
      try {
        writePlain(offset, source);
      } finally {
        end.readLock().unlock();
      }
    } else {
      reserve(offset, source.remaining());
      writePlain(offset, source);
    }
    if (cache.isWriteThrough()) {
      channel.force(false);
    }
  }

  private void writePlain(long offset, ByteBuffer source) throws IOException {
    long at = offset;
    while (source.hasRemaining()) {
      at += channel.write(source, at);
    }
  }

  private void writeBounced(long offset, ByteBuffer source) throws IOException {
    long at = offset;
    ByteBuffer bounce =
        bounceBuffer((int) Math.min(BOUNCE_BYTES, source.remaining() + 2L * alignment));
    int room = bounce.capacity() & -alignment;
    while (source.hasRemaining()) {
      long start = at & -alignment;
      int skip = (int) (at - start);
      int n = Math.min(source.remaining(), room - skip);
      int total = (skip + n + alignment - 1) & -alignment;
      long oldSize = channel.size();
      if (skip != 0 || ((skip + n) & (alignment - 1)) != 0) {
        bounce.clear().limit(total);
        readPlainAligned(start, bounce);
      }
      bounce.clear().limit(total);
      bounce.slice(skip, n).put(source.slice(source.position(), n));
      source.position(source.position() + n);
      long to = start;
      while (bounce.hasRemaining()) {
        to += channel.write(bounce, to);
      }
      at += n;
      if (oldSize < start + total && at < start + total) {
        channel.truncate(Math.max(oldSize, at));
      }
    }
  }

  private void readPlainAligned(long offset, ByteBuffer target) throws IOException {
    while (target.hasRemaining() && (target.position() & (alignment - 1)) == 0) {
      if (channel.read(target, offset + target.position()) < 0) {
        break;
      }
    }
    zeroFill(target);
  }

  @Override
  public void setSize(long bytes) throws IOException {
    end.writeLock().lock();
    try {
      setSizeLocked(bytes);
    } finally {
      end.writeLock().unlock();
    }
  }

  private void setSizeLocked(long bytes) throws IOException {
    long now = channel.size();
    if (bytes < now) {
      channel.truncate(bytes);
    } else if (bytes > now && (fd < 0 || calls.truncate(fd, bytes) != 0)) {
      write(bytes - 1, ByteBuffer.wrap(new byte[1]));
    }
  }

  @Override
  public void flush() throws IOException {
    if (cache != CacheMode.UNSAFE && writable) {
      channel.force(false);
    }
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    punch(offset, length);
  }

  private boolean punch(long offset, long length) throws IOException {
    if (fd < 0 || !canPunch || length <= 0) {
      return false;
    }
    int mode = LinuxFileCalls.FALLOC_FL_PUNCH_HOLE | LinuxFileCalls.FALLOC_FL_KEEP_SIZE;
    int error = calls.fallocate(fd, mode, offset, length);
    if (error != 0) {
      canPunch = false;
    }
    return error == 0;
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    long end = offset + length;
    long size = channel.size();
    if (end > size) {
      // Past the end zeros come with the length alone.
      setSize(end);
      if (offset >= size) {
        return;
      }
      writeZeroes(offset, size - offset, unmap);
      return;
    }
    if (unmap && punch(offset, length)) {
      return;
    }
    if (fd >= 0 && canZeroRange && length > ZERO_CHUNK / 4) {
      if (calls.fallocate(fd, LinuxFileCalls.FALLOC_FL_ZERO_RANGE, offset, length) == 0) {
        return;
      }
      canZeroRange = false;
    }
    writeZeroData(offset, length);
  }

  /** Writes zeros as data, so that the space is really there. */
  public void writeZeroData(long offset, long length) throws IOException {
    long at = offset;
    long left = length;
    while (left > 0) {
      ByteBuffer zeros = ZEROS.duplicate();
      zeros.limit((int) Math.min(ZERO_CHUNK, left));
      int n = zeros.remaining();
      write(at, zeros);
      at += n;
      left -= n;
    }
  }

  @Override
  public void allocate(long offset, long length) throws IOException {
    if (length <= 0) {
      return;
    }
    if (fd < 0 || calls.fallocate(fd, 0, offset, length) != 0) {
      long size = channel.size();
      if (offset + length > size) {
        writeZeroData(Math.max(size, offset), offset + length - Math.max(size, offset));
      }
    }
  }

  @Override
  public BlockStatus status(long offset, long length) throws IOException {
    long size = channel.size();
    if (offset >= size) {
      return BlockStatus.of(offset, length, BlockStatus.Kind.ZERO);
    }
    long max = Math.min(length, size - offset);
    if (fd < 0) {
      return new BlockStatus(offset, max, BlockStatus.Kind.DATA, offset, false);
    }
    long data = calls.seekData(fd, offset);
    if (data < 0 || data > offset) {
      long n = data < 0 ? max : Math.min(max, data - offset);
      return new BlockStatus(offset, n, BlockStatus.Kind.ZERO, offset, false);
    }
    long hole = calls.seekHole(fd, offset);
    long n = hole > offset ? Math.min(max, hole - offset) : max;
    return new BlockStatus(offset, n, BlockStatus.Kind.DATA, offset, false);
  }

  @Override
  public long allocatedBytes() throws IOException {
    long n = fd >= 0 ? calls.allocatedBytes(fd) : -1;
    return n >= 0 ? n : channel.size();
  }

  @Override
  public void close() throws IOException {
    if (!channel.isOpen()) {
      return;
    }
    canReadAtOnce = false; // the descriptor's number may soon be another file's
    try {
      channel.close();
    } finally {
      if (fd >= 0) {
        calls.close(fd);
      }
    }
  }
}
