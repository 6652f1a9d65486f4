package org.tuber.devices.block.live;

import java.io.IOException;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ops.ChainStatus;

/**
 * Copies what images below the top provide into the top, until they are no longer needed. A range
 * is looked at and copied while the guest cannot change it.
 */
final class StreamJob extends BlockJob implements WriteObserver {
  private final BlockNode base;
  private final String baseName;
  private final ChunkCopy copier = new ChunkCopy();
  private BlockNode top;

  /**
   * @param base image that stays the backing file, or null for none
   * @param baseName how the top image will name it; null chooses
   */
  StreamJob(String id, LiveDisk disk, BlockNode base, String baseName) {
    super(id, Type.STREAM, disk);
    this.base = base;
    this.baseName = baseName;
  }

  @Override
  public long unitBytes() {
    return ChunkCopy.MAX_BYTES;
  }

  @Override
  void begin() throws IOException {
    LiveDisk disk = disk();
    disk.reserveGraph(id());
    try {
      top = disk.top();
      if (!top.canChangeBacking()) {
        throw new ImageException(
            top.filename(), "stream", "the image cannot change its backing file");
      }
      if (base != null) {
        Chains.above(top, base);
      }
      disk.drained(() -> disk.observe(this));
    } catch (IOException e) {
      disk.releaseGraph();
      throw e;
    }
    setTotal(top.lengthBytes());
  }

  @Override
  void work() throws IOException {
    long total = top.lengthBytes();
    for (long[] at = {0}; at[0] < total && top.backing() != base; ) {
      step(() -> at[0] += pull(at[0], total));
    }
  }

  @Override
  void conclude() throws IOException {
    disk().drained(this::splice);
  }

  private long pull(long at, long total) throws IOException {
    long[] done = {0};
    LiveDisk disk = disk();
    disk.steady(
        () -> {
          ChainStatus.Extent e = ChainStatus.at(top, base, at, total - at);
          if (!isBelow(e)) {
            done[0] = e.length();
            advance(done[0], false);
            return;
          }
          long unit = ChunkCopy.MAX_BYTES;
          long end = Math.min(total, (at & -unit) + unit);
          try (RangeLocks.Held _ = disk.ranges().acquire(at & -unit, (at & -unit) + unit)) {
            for (long p = at; p < end; ) {
              ChainStatus.Extent now = ChainStatus.at(top, base, p, end - p);
              if (isBelow(now)) {
                copier.copy(top, top, p, now.length(), false);
              }
              p += now.length();
            }
          }
          done[0] = end - at;
          advance(done[0], true);
        });
    return done[0];
  }

  /** Something between the top and the base provides the extent. */
  private boolean isBelow(ChainStatus.Extent e) {
    boolean nothingThere = e.node() == null || base == null && !e.present();
    return e.depth() > 0 && !nothingThere;
  }

  private void splice() throws IOException {
    BlockNode first = top.backing();
    if (first == base) {
      return;
    }
    top.flush();
    String name = null;
    if (base != null) {
      name = baseName != null ? baseName : Chains.nameFor(top, first, base);
    }
    Chains.recordBacking(disk(), top, name, base == null ? null : base.formatName());
    top.attachBacking(base);
    Chains.closeDownTo(first, base);
  }

  @Override
  void end(IOException failure) throws IOException {
    disk().drained(() -> disk().ignore(this));
    disk().releaseGraph();
  }
}
