package org.tuber.truffle.engine.linux;

import java.util.LinkedHashMap;
import java.util.Map;
import org.tuber.core.mem.GuestRam;

/**
 * Files mapped privately, each once for all processes. Unused images stay for a while: the next
 * process that runs the same program finds its text, and the code translated from it.
 */
final class FileImages {
  /** Identity of a file's content, as far as the host tells. */
  record Key(long device, long inode, long sizeBytes, long mtimeNanos) {}

  private static final long MAX_UNUSED_BYTES = 1L << 30;
  private static final int MAX_UNUSED = 512;
  private static final int PROCESS_VM_READV = 310;

  private final FrameArena arena;
  private final Map<Key, Backing.Image> images = new LinkedHashMap<>();

  /** Those without references, the one unused longest first. */
  private final Map<Key, Backing.Image> unused = new LinkedHashMap<>();

  private long unusedBytes;

  FileImages(FrameArena arena) {
    this.arena = arena;
  }

  /** The image of an open regular file, with one reference for the caller. */
  synchronized Backing.Image open(int hostFd, Host.Stat stat) {
    Key key = new Key(stat.device(), stat.inode(), stat.sizeBytes(), stat.mtimeNanos());
    Backing.Image image = images.get(key);
    if (image == null) {
      long bytes = (stat.sizeBytes() + 4095) & -4096L;
      long window = bytes == 0 ? 0 : arena.map(hostFd, 0, bytes, Host.PROT_READ, Host.MAP_PRIVATE);
      image = new Backing.Image(this, key, window, bytes);
      images.put(key, image);
    } else if (unused.remove(key) != null) {
      unusedBytes -= image.bytes;
    }
    image.retain();
    return image;
  }

  /** The host has no such page of the file any more. */
  boolean isGone(Backing.Image image, long offset) {
    long h = GuestRam.hostAllocate(48);
    try {
      GuestRam.hostStore64(h, h + 32);
      GuestRam.hostStore64(h + 8, 1);
      GuestRam.hostStore64(h + 16, arena.host(image.window + offset));
      GuestRam.hostStore64(h + 24, 1);
      return Host.call(PROCESS_VM_READV, Host.processId(), h, 1, h + 16, 1, 0) != 1;
    } finally {
      GuestRam.hostFree(h);
    }
  }

  synchronized void unused(Backing.Image image) {
    unused.put(image.key, image);
    unusedBytes += image.bytes;
    while (unusedBytes > MAX_UNUSED_BYTES || unused.size() > MAX_UNUSED) {
      Backing.Image oldest = unused.values().iterator().next();
      unused.remove(oldest.key);
      images.remove(oldest.key);
      unusedBytes -= oldest.bytes;
      if (oldest.bytes > 0) {
        arena.unmap(oldest.window, oldest.bytes);
      }
    }
  }
}
