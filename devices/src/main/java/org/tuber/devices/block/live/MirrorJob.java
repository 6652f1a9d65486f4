package org.tuber.devices.block.live;

import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.DirtyBitmap;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ops.ChainStatus;

/**
 * A copy that follows the disk until it takes its place. A bitmap tells what is still, or again,
 * different; once it is empty the job is ready.
 *
 * <p>The commit of the top image is the same work: the target is the image below that takes
 * everything, and reads through the overlays are right all the time, because what is copied down is
 * covered by what it is a copy of.
 */
final class MirrorJob extends BlockJob implements WriteObserver {
  private static final Logger LOG = LoggerFactory.getLogger(MirrorJob.class);
  private static final int MIN_GRANULARITY_BYTES = 64 << 10;

  private final BlockNode target;
  private final BackupSync sync;
  private final BlockNode base;
  private final boolean skipZeros;
  private final boolean writeThrough;
  private final boolean keepTarget;
  private final long unit;
  private final ChunkCopy copier = new ChunkCopy();
  private final ChunkCopy guestCopier = new ChunkCopy();
  private final DirtyBitmap dirty;
  private DirtyBitmap never;
  private boolean taken;
  private boolean pivoted;

  /**
   * @param base image of the chain below which nothing is copied, or null
   * @param skipZeros the target reads as zero where nothing was written
   * @param writeThrough once ready, guest writes complete only when they are in both places
   * @param keepTarget the target stays open if it does not take the disk's place
   */
  MirrorJob(
      String id,
      Type type,
      LiveDisk disk,
      BlockNode target,
      BackupSync sync,
      BlockNode base,
      boolean skipZeros,
      boolean writeThrough,
      boolean keepTarget) {
    super(id, type, disk);
    this.target = target;
    this.sync = sync;
    this.base = base;
    this.skipZeros = skipZeros;
    this.writeThrough = writeThrough;
    this.keepTarget = keepTarget;
    this.unit = Math.max(MIN_GRANULARITY_BYTES, Long.highestOneBit(target.clusterBytes()));
    this.dirty = new DirtyBitmap(id, disk.lengthBytes(), (int) unit);
  }

  @Override
  public BlockNode target() {
    return target;
  }

  @Override
  public long unitBytes() {
    return unit;
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
    disk.reserveGraph(id());
    if (sync != BackupSync.NONE) {
      dirty.set(0, disk.lengthBytes());
    }
    if (skipZeros) {
      never = dirty.copy();
    }
    setTotal(dirty.dirtyBytes());
    disk.drained(() -> disk.observe(this));
  }

  @Override
  public void afterChange(long offset, long length) {
    dirty.set(offset, length);
    if (!writeThrough || !info().ready()) {
      return;
    }
    long from = offset & -unit;
    long to = Math.min(disk().lengthBytes(), offset + length + unit - 1 & -unit);
    try {
      synchronized (guestCopier) {
        guestCopier.copy(disk().top(), target, from, to - from, false);
      }
      dirty.reset(from, to - from);
    } catch (IOException e) {
      // It stays marked; the job will try again and tell.
      LOG.debug("{}: mirroring a write failed", id(), e);
    }
  }

  @Override
  void work() throws IOException {
    follow();
  }

  @Override
  void conclude() throws IOException {
    // The guest may have written since, while the end was pending.
    while (!exchange()) {
      follow();
    }
  }

  /** Copies until nothing is left and somebody wants the end. */
  private void follow() throws IOException {
    long at = 0;
    while (true) {
      checkpoint();
      long next = dirty.nextSet(at);
      if (next < 0 && at > 0) {
        at = 0;
        continue;
      }
      if (next >= 0) {
        step(() -> copyFrom(next));
        at = next;
        continue;
      }
      setTotal(doneBytes());
      becomeReady();
      if (isCompleteWanted()) {
        return;
      }
      doze(DOZE_NANOS);
    }
  }

  private void copyFrom(long at) throws IOException {
    LiveDisk disk = disk();
    disk.steady(
        () -> {
          long n = dirty.runLength(at, ChunkCopy.MAX_BYTES);
          if (n == 0) {
            return;
          }
          long end = Math.min(disk.lengthBytes(), at + n + unit - 1 & -unit);
          long start = at & -unit;
          try (RangeLocks.Held _ = disk.ranges().acquire(start, end + unit - 1 & -unit)) {
            dirty.reset(start, end - start);
            try {
              copyRange(start, end);
            } catch (IOException | RuntimeException e) {
              dirty.set(start, end - start);
              throw e;
            }
          }
          advance(end - start, true);
        });
    setTotal(doneBytes() + dirty.dirtyBytes());
  }

  private void copyRange(long start, long end) throws IOException {
    BlockNode top = disk().top();
    BlockNode below = sync == BackupSync.TOP ? base != null ? base : top.backing() : null;
    long at = start;
    while (at < end) {
      long n = end - at;
      if (below != null) {
        ChainStatus.Extent e = ChainStatus.at(top, below, at, n);
        n = e.length();
        if (e.node() == null) {
          at += n;
          continue;
        }
      }
      // Zeros may be skipped only where the target was never written.
      boolean fresh = never != null && never.runLength(at, n) == n;
      copier.copy(top, target, at, n, fresh);
      at += n;
    }
    if (never != null) {
      never.reset(start, end - start);
    }
  }

  /** The last of it, with no request on the way; false if there is more to copy after all. */
  private boolean exchange() throws IOException {
    LiveDisk disk = disk();
    boolean[] done = {false};
    disk.drained(
        () -> {
          if (dirty.dirtyBytes() > 0) {
            return;
          }
          disk.top().flush();
          target.flush();
          taken = true;
          done[0] = true;
          if (isLeftBehind()) {
            return;
          }
          BlockNode old = disk.exchange(target);
          pivoted = true;
          // A base that was on top once is the target itself, still hanging below.
          Chains.closeDownTo(old, base == target ? base : null);
          for (ImageFile f : target.files()) {
            f.lock();
          }
        });
    return done[0];
  }

  @Override
  void end(IOException failure) throws IOException {
    disk().drained(() -> disk().ignore(this));
    disk().releaseGraph();
    if (!pivoted && target != base && !keepTarget) {
      target.close();
    }
    if (failure == null && !taken) {
      throw new IOException("the copy is not complete");
    }
  }
}
