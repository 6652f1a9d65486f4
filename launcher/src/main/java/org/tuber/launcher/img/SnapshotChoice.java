package org.tuber.launcher.img;

import java.io.IOException;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.qcow2.Qcow2Image;

/** {@code -l}: the internal snapshot of a source that is meant instead of its present state. */
final class SnapshotChoice {
  private SnapshotChoice() {}

  /**
   * Makes an image show a snapshot.
   *
   * @param snapshot {@code snapshot.id=…}, {@code snapshot.name=…}, or either without that; null:
   *     none
   */
  static void show(BlockNode node, String snapshot) throws IOException {
    if (snapshot == null) {
      return;
    }
    if (!(node instanceof Qcow2Image q)) {
      throw new ImageException(node.filename(), "snapshot", "the format has no snapshots");
    }
    boolean isOption = snapshot.startsWith("snapshot.");
    q.snapshotTable()
        .show(isOption ? ImageSource.parse(snapshot).values().iterator().next() : snapshot);
  }
}
