package org.tuber.devices.block.live;

import java.io.IOException;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.Preallocation;
import org.tuber.devices.block.ops.ChainStatus;

/**
 * Merges images between the top and a base into the base. The guest writes to none of them, and
 * what changes in the base is covered by the images it is copied from, so nothing has to wait.
 */
final class CommitJob extends BlockJob {
  private final BlockNode from;
  private final BlockNode base;
  private final String baseName;
  private final ChunkCopy copier = new ChunkCopy();
  private BlockNode writableBase;
  private BlockNode overlay;
  private boolean spliced;

  /**
   * @param from highest image to merge, not the top
   * @param base image that takes the content
   * @param baseName how the image above shall name it; null chooses
   */
  CommitJob(String id, LiveDisk disk, BlockNode from, BlockNode base, String baseName) {
    super(id, Type.COMMIT, disk);
    this.from = from;
    this.base = base;
    this.baseName = baseName;
  }

  @Override
  void begin() throws IOException {
    LiveDisk disk = disk();
    disk.reserveGraph(id());
    try {
      overlay = Chains.above(disk.top(), from);
      Chains.above(from, base);
      writableBase = Chains.openWritable(disk, base);
      if (writableBase.lengthBytes() < from.lengthBytes()) {
        writableBase.resize(from.lengthBytes(), Preallocation.OFF);
      }
    } catch (IOException e) {
      letGo();
      throw e;
    }
    setTotal(from.lengthBytes());
  }

  private void letGo() throws IOException {
    disk().releaseGraph();
    if (!spliced && writableBase != null && writableBase != base) {
      writableBase.close();
    }
  }

  @Override
  void work() throws IOException {
    long total = from.lengthBytes();
    for (long[] at = {0}; at[0] < total; ) {
      step(() -> at[0] += merge(at[0], total));
    }
    writableBase.flush();
  }

  @Override
  void conclude() throws IOException {
    disk().drained(this::splice);
  }

  private long merge(long at, long total) throws IOException {
    ChainStatus.Extent e = ChainStatus.at(from, base, at, Math.min(total - at, 1L << 30));
    long n = e.length();
    if (e.node() != null) {
      n = e.zero() ? n : Math.min(n, ChunkCopy.MAX_BYTES);
      copier.copy(from, writableBase, at, n, false);
    }
    advance(n, e.data());
    return n;
  }

  private void splice() throws IOException {
    LiveDisk disk = disk();
    String name = baseName != null ? baseName : Chains.nameFor(overlay, from, base);
    BlockNode fresh = base;
    if (writableBase != base) {
      writableBase.close();
      fresh =
          Images.open(
              base.filename(), disk.options().withFormat(base.formatName()).withWritable(false));
    }
    Chains.recordBacking(disk, overlay, name, base.formatName());
    spliced = true;
    overlay.attachBacking(fresh);
    Chains.closeDownTo(from, fresh == base ? base : null);
  }

  @Override
  void end(IOException failure) throws IOException {
    letGo();
  }
}
