package org.tuber.devices.block.live;

import java.io.IOException;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ops.ChainStatus;

/**
 * Keeps what a guest reads from images below in the top image, whole clusters at a time. The range
 * is held meanwhile, so that no older content covers what the guest writes.
 */
final class CopyOnRead implements WriteObserver {
  private static final int MIN_CLUSTER_BYTES = 64 << 10;

  private final LiveDisk disk;
  private final ThreadLocal<ChunkCopy> copier = ThreadLocal.withInitial(ChunkCopy::new);

  CopyOnRead(LiveDisk disk) {
    this.disk = disk;
  }

  @Override
  public long unitBytes() {
    return Math.max(MIN_CLUSTER_BYTES, Long.highestOneBit(disk.top().clusterBytes()));
  }

  /** Brings a range that is about to be read into the top image. The graph is held. */
  void pull(long offset, long length) throws IOException {
    BlockNode top = disk.top();
    if (top.isReadOnly() || top.backing() == null) {
      return;
    }
    long unit = unitBytes();
    long start = offset & -unit;
    long end = Math.min(top.lengthBytes(), offset + length + unit - 1 & -unit);
    if (!anyBelow(top, start, end)) {
      return;
    }
    try (RangeLocks.Held _ = disk.ranges().acquire(start, end + unit - 1 & -unit)) {
      for (long at = start; at < end; ) {
        ChainStatus.Extent e = ChainStatus.at(top, null, at, end - at);
        if (e.present() && e.depth() > 0) {
          copier.get().copy(top, top, at, e.length(), false);
        }
        at += e.length();
      }
    }
  }

  private static boolean anyBelow(BlockNode top, long start, long end) throws IOException {
    for (long at = start; at < end; ) {
      ChainStatus.Extent e = ChainStatus.at(top, null, at, end - at);
      if (e.present() && e.depth() > 0) {
        return true;
      }
      at += e.length();
    }
    return false;
  }
}
