package org.tuber.truffle.engine.linux;

import java.util.Arrays;

/**
 * Where the pages of a mapping come from when it is not private anonymous memory. Counted: every
 * {@link Vma} that refers to it holds one reference.
 */
abstract sealed class Backing {
  private int references;

  /** Offset in the window of the page at {@code offset} bytes, or -1 where there is none. */
  abstract long page(long offset);

  /** The file is about to end at {@code fileBytes}, a multiple of pages: it has none beyond. */
  void cutOff(long fileBytes) {}

  /** After {@link #cutOff}: the file's end may be anywhere. */
  void measureAgain() {}

  /** The last reference went. */
  abstract void release();

  final synchronized void retain() {
    references++;
  }

  final void drop() {
    boolean last;
    synchronized (this) {
      last = --references == 0;
    }
    if (last) {
      release();
    }
  }

  /** A host mapping of a file that is written through. */
  static final class SharedFile extends Backing {
    private final FrameArena arena;
    private final int fd;
    private final long window;
    private final long fileOffset;
    private final long bytes;
    private long validBytes;
    private long cutBytes = Long.MAX_VALUE;

    /**
     * Maps it.
     *
     * @param hostFd open file; this keeps a descriptor of its own
     */
    SharedFile(FrameArena arena, int hostFd, long fileOffset, long bytes, boolean writable) {
      this.arena = arena;
      this.fileOffset = fileOffset;
      this.bytes = (bytes + 4095) & -4096L;
      fd = (int) Host.call(Host.FCNTL, hostFd, 1030 /* F_DUPFD_CLOEXEC */, 0);
      int protection = Host.PROT_READ | (writable ? Host.PROT_WRITE : 0);
      try {
        window = arena.map(hostFd, fileOffset, this.bytes, protection, Host.MAP_SHARED);
      } catch (Errno e) {
        Host.close(fd);
        throw e;
      }
    }

    @Override
    synchronized long page(long offset) {
      if (offset >= validBytes) {
        Host.Stat stat = Host.stat(fd);
        // Devices have no size.
        boolean regular = stat != null && (stat.mode() & 0xf000) == 0x8000;
        validBytes =
            regular ? Math.min(bytes, ((stat.sizeBytes() + 4095) & -4096L) - fileOffset) : bytes;
      }
      return offset < Math.min(validBytes, cutBytes) ? window + offset : -1;
    }

    @Override
    synchronized void cutOff(long fileBytes) {
      cutBytes = Math.max(0, fileBytes - fileOffset);
    }

    @Override
    synchronized void measureAgain() {
      cutBytes = Long.MAX_VALUE;
      validBytes = 0;
    }

    /** Host address of an offset, for msync. */
    long host(long offset) {
      return arena.host(window + offset);
    }

    @Override
    void release() {
      arena.unmap(window, bytes);
      Host.close(fd);
    }
  }

  /** A file as private mappings see it: the image that {@link FileImages} keeps. */
  static final class Image extends Backing {
    final FileImages owner;
    final FileImages.Key key;
    final long window;
    final long bytes;
    private volatile long cutBytes = Long.MAX_VALUE;

    /** The file has been cut off since it was mapped: the host is asked what is still there. */
    private volatile boolean uncertain;

    Image(FileImages owner, FileImages.Key key, long window, long bytes) {
      this.owner = owner;
      this.key = key;
      this.window = window;
      this.bytes = bytes;
    }

    @Override
    long page(long offset) {
      boolean there =
          offset >= 0
              && offset < Math.min(bytes, cutBytes)
              && !(uncertain && owner.isGone(this, offset));
      return there ? window + offset : -1;
    }

    @Override
    void cutOff(long fileBytes) {
      uncertain = true;
      cutBytes = fileBytes;
    }

    @Override
    void measureAgain() {
      cutBytes = Long.MAX_VALUE;
    }

    @Override
    void release() {
      owner.unused(this);
    }
  }

  /** An attached System V segment of the host's. */
  static final class HostSegment extends Backing {
    private final FrameArena arena;
    private final long window;
    final long bytes;

    HostSegment(FrameArena arena, int id, long bytes, boolean readOnly) {
      this.arena = arena;
      this.bytes = (bytes + 4095) & -4096L;
      window = arena.mapAt(this.bytes, host -> SysvCalls.attachHost(id, host, readOnly));
    }

    @Override
    long page(long offset) {
      return offset >= 0 && offset < bytes ? window + offset : -1;
    }

    @Override
    void release() {
      arena.unmap(window, bytes);
    }
  }

  /** Anonymous memory that a process shares with its children. */
  static final class SharedMemory extends Backing {
    private static final int CHUNK_BITS = 9;
    private static final int CHUNK = 1 << CHUNK_BITS;

    private final FrameArena arena;

    /** Frames in chunks that are made when one of their pages is touched. */
    private long[][] chunks;

    private long pages;

    SharedMemory(FrameArena arena, long bytes) {
      this.arena = arena;
      chunks = new long[0][];
      grow(bytes);
    }

    @Override
    synchronized long page(long offset) {
      long page = offset >>> 12;
      if (page >= pages) {
        return -1;
      }
      int i = (int) (page >>> CHUNK_BITS);
      int j = (int) page & (CHUNK - 1);
      if (chunks[i] == null) {
        chunks[i] = new long[CHUNK];
      }
      if (chunks[i][j] == 0) {
        chunks[i][j] = arena.allocate(1).offset();
      }
      return chunks[i][j];
    }

    /** Room for at least {@code bytes}. */
    final synchronized void grow(long bytes) {
      long wanted = (bytes + 4095) >>> 12;
      if (wanted > pages) {
        pages = wanted;
        chunks = Arrays.copyOf(chunks, (int) ((wanted + CHUNK - 1) >>> CHUNK_BITS));
      }
    }

    @Override
    void release() {
      for (long[] chunk : chunks) {
        if (chunk == null) {
          continue;
        }
        for (long frame : chunk) {
          if (frame != 0) {
            arena.release(frame);
          }
        }
      }
    }
  }
}
