package org.tuber.devices.block.live;

import java.io.IOException;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.DirtyBitmap;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ops.ChainStatus;

/**
 * A copy of the disk as it is at the start. Before the guest changes a part that is not copied yet,
 * that part is copied; the guest's write waits so long.
 *
 * <p>If such a copy fails the job fails, and the guest goes on: its disk is worth more than the
 * copy.
 */
final class BackupJob extends BlockJob implements WriteObserver {
  private static final int MIN_CLUSTER_BYTES = 64 << 10;

  /** Which parts are copied. */
  private final BackupSync sync;

  private final BlockNode target;
  private final boolean skipZeros;
  private final DirtyBitmap bitmap;
  private final BitmapUse bitmapUse;
  private final boolean keepTarget;
  private final long cluster;
  private final ChunkCopy copier = new ChunkCopy();
  private final ChunkCopy guestCopier = new ChunkCopy();
  private DirtyBitmap left;
  private DirtyBitmap taken;
  private IOException guestFailure;

  BackupJob(
      String id,
      LiveDisk disk,
      BlockNode target,
      boolean skipZeros,
      BackupSync sync,
      DirtyBitmap bitmap,
      BitmapUse bitmapUse,
      boolean keepTarget) {
    super(id, Type.BACKUP, disk);
    this.target = target;
    this.skipZeros = skipZeros;
    this.sync = sync;
    this.bitmap = bitmap;
    this.bitmapUse = bitmapUse;
    this.keepTarget = keepTarget;
    this.cluster = Math.max(MIN_CLUSTER_BYTES, Long.highestOneBit(target.clusterBytes()));
  }

  @Override
  public BlockNode target() {
    return target;
  }

  @Override
  public long unitBytes() {
    return cluster;
  }

  @Override
  void begin() throws IOException {
    LiveDisk disk = disk();
    if (target.lengthBytes() != disk.lengthBytes()) {
      throw new ImageException(target.filename(), "target", "has not the size of the disk");
    }
    if (target.isReadOnly()) {
      throw new ImageException(target.filename(), "target", "is read-only");
    }
    if ((bitmap == null) == sync.usesBitmap()) {
      throw new ImageException(
          disk.name(), "bitmap", "is for incremental backups, and needed there");
    }
    if (bitmap != null && bitmap.isBusy()) {
      throw new ImageException(disk.name(), "bitmap", "is in use by another job");
    }
    left = new DirtyBitmap(id(), disk.lengthBytes(), (int) cluster);
    disk.drained(
        () -> {
          if (bitmap == null) {
            left.set(0, disk.lengthBytes());
          } else {
            bitmap.setBusy(true);
            taken = bitmap.take();
            left.merge(taken);
          }
          disk.observe(this);
        });
    setTotal(left.dirtyBytes());
  }

  @Override
  public void beforeChange(long offset, long length) {
    long from = offset & -cluster;
    synchronized (this) {
      if (guestFailure != null) {
        return;
      }
    }
    long end = Math.min(disk().lengthBytes(), offset + length + cluster - 1 & -cluster);
    try {
      // The changing thread holds the range; others may hold other ranges.
      synchronized (guestCopier) {
        for (long at = from; at < end; at += cluster) {
          if (left.isSet(at)) {
            long n = Math.min(cluster, end - at);
            guestCopier.copy(disk().top(), target, at, n, skipZeros);
            left.reset(at, n);
            advance(n, false);
          }
        }
      }
    } catch (IOException e) {
      synchronized (this) {
        guestFailure = e;
      }
    }
  }

  private synchronized void throwGuestFailure() throws IOException {
    if (guestFailure != null) {
      throw guestFailure;
    }
  }

  @Override
  void work() throws IOException {
    if (sync == BackupSync.NONE) {
      while (left.dirtyBytes() > 0) {
        checkpoint();
        throwGuestFailure();
        doze(DOZE_NANOS);
      }
    }
    for (long at = left.nextSet(0); at >= 0; at = left.nextSet(at)) {
      long from = at;
      throwGuestFailure();
      step(() -> copyFrom(from));
    }
    throwGuestFailure();
    target.flush();
  }

  private void copyFrom(long at) throws IOException {
    LiveDisk disk = disk();
    disk.steady(
        () -> {
          // What the top image holds is looked up by cluster.
          long n = left.runLength(at, sync == BackupSync.TOP ? cluster : ChunkCopy.MAX_BYTES);
          if (sync == BackupSync.TOP && isOnlyBelow(at, n)) {
            left.reset(at, n);
            advance(n, false);
            return;
          }
          long most = Math.min(disk.lengthBytes(), at + Math.max(n, 1));
          try (RangeLocks.Held _ =
              disk.ranges().acquire(at & -cluster, at + n + cluster - 1 & -cluster)) {
            // The guest may have been faster with a part of it.
            long p = left.nextSet(at);
            if (p >= 0 && p < most) {
              long m = left.runLength(p, most - p);
              copier.copy(disk.top(), target, p, m, skipZeros);
              left.reset(p, m);
              advance(m, true);
            }
          }
        });
  }

  private boolean isOnlyBelow(long at, long length) throws IOException {
    BlockNode top = disk().top();
    ChainStatus.Extent e = ChainStatus.joined(top, top.backing(), at, length);
    return !e.present() && e.depth() == 0 && e.length() == length;
  }

  @Override
  void end(IOException failure) throws IOException {
    disk()
        .drained(
            () -> {
              disk().ignore(this);
              if (bitmap != null) {
                boolean keep =
                    bitmapUse == BitmapUse.NEVER
                        || bitmapUse == BitmapUse.ON_SUCCESS && failure != null;
                if (keep) {
                  bitmap.merge(taken);
                } else if (failure != null) {
                  bitmap.merge(left);
                }
                bitmap.setBusy(false);
              }
            });
    if (!keepTarget) {
      target.close();
    }
  }
}
