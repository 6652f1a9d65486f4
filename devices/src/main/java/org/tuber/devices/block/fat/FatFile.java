package org.tuber.devices.block.fat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ReadOnlyFile;

/**
 * A directory of the host as a disk with a FAT file system, for reading.
 *
 * <p>Which files there are, and how long, is what was found when it was opened; their bytes are
 * read when the guest reads them. Of a file that has become shorter the rest reads as zeros, what
 * was appended is not seen, and of one that is gone reads fail.
 */
public final class FatFile implements ReadOnlyFile {
  private static final int MAX_OPEN = 32;

  private final String name;
  private final FatDisk disk;
  private final LinkedHashMap<Path, FileChannel> open = new LinkedHashMap<>(MAX_OPEN, 0.75f, true);
  private boolean closed;

  private FatFile(String name, FatDisk disk) {
    this.name = name;
    this.disk = disk;
  }

  /** Looks at the directory that a name describes. */
  public static FatFile open(String name) throws IOException {
    FatAddress a = FatAddress.parse(name);
    return new FatFile(name, new FatDisk(name, a, FatTree.read(name, a.directory())));
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public long size() {
    return disk.bytes();
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    long at = offset;
    while (target.hasRemaining() && at < size()) {
      FatDisk.Piece p = disk.piece(at);
      int n = (int) Math.min(target.remaining(), p.bytes());
      ByteBuffer part = target.slice(target.position(), n);
      if (p.zero()) {
        Bytes.zeroFill(part);
      } else if (p.file() == null) {
        disk.read(at, part);
      } else {
        read(p.file(), p.fileOffset(), part);
      }
      target.position(target.position() + n);
      at += n;
    }
    Bytes.zeroFill(target);
  }

  private synchronized void read(FatTree.Node file, long offset, ByteBuffer target)
      throws IOException {
    if (closed) {
      throw new ImageException(name, "file", "is closed");
    }
    try {
      FileChannel channel = open.get(file.path());
      if (channel == null) {
        channel = FileChannel.open(file.path(), StandardOpenOption.READ);
        open.put(file.path(), channel);
        closeOldest();
      }
      long at = offset;
      while (target.hasRemaining()) {
        int n = channel.read(target, at);
        if (n < 0) {
          break;
        }
        at += n;
      }
      Bytes.zeroFill(target);
    } catch (IOException e) {
      throw new ImageException(name, "file " + file.path(), "cannot be read: " + e, e);
    }
  }

  private void closeOldest() throws IOException {
    if (open.size() > MAX_OPEN) {
      open.pollFirstEntry().getValue().close();
    }
  }

  @Override
  public ImageException readOnly() {
    return new ImageException(name, "write", "the directory is shown read-only");
  }

  @Override
  public BlockStatus status(long offset, long length) {
    if (offset >= size()) {
      return BlockStatus.of(offset, length, BlockStatus.Kind.ZERO);
    }
    boolean zero = disk.piece(offset).zero();
    long at = offset;
    long end = Math.min(offset + length, size());
    while (at < end) {
      FatDisk.Piece p = disk.piece(at);
      if (p.zero() != zero) {
        break;
      }
      at += p.bytes();
    }
    long n = Math.min(at, end) - offset;
    return new BlockStatus(
        offset, n, zero ? BlockStatus.Kind.ZERO : BlockStatus.Kind.DATA, -1, false);
  }

  @Override
  public synchronized void close() throws IOException {
    closed = true;
    for (FileChannel c : open.values()) {
      c.close();
    }
    open.clear();
  }
}
