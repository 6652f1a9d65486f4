package org.tuber.devices.block.live;

import java.io.IOException;

/**
 * Makes an image; no disk takes part. Only those who know all jobs hear of it, not of block jobs.
 */
final class CreateJob extends BlockJob {
  private final BlockJobs.Making making;

  CreateJob(String id, BlockJobs.Making making) {
    super(id, Type.CREATE, null);
    this.making = making;
  }

  @Override
  void begin() {}

  @Override
  void work() throws IOException {
    setTotal(1);
    try {
      making.make();
    } finally {
      advance(1, false);
    }
  }

  @Override
  void end(IOException failure) {}
}
