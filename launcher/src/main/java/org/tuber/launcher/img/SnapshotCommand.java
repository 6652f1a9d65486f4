package org.tuber.launcher.img;

import java.io.IOException;
import java.time.Instant;
import java.util.concurrent.Callable;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.SnapshotStore;
import org.tuber.devices.block.qcow2.Qcow2Image;
import org.tuber.devices.block.qcow2.Snapshots;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code snapshot}: internal snapshots. */
@Command(
    name = "snapshot",
    description = "Lists, makes, applies or deletes internal snapshots.",
    mixinStandardHelpOptions = true)
final class SnapshotCommand implements Callable<Integer> {
  @Mixin ImageSource source;
  @Spec CommandSpec spec;

  /** What to do; one of these. */
  static final class Action {
    @Option(names = "-l", description = "List (the default).")
    boolean list;

    @Option(names = "-c", description = "Create.")
    String create;

    @Option(names = "-a", description = "Apply.")
    String apply;

    @Option(names = "-d", description = "Delete.")
    String delete;
  }

  @ArgGroup Action action = new Action();

  @Parameters String filename;

  @Override
  public Integer call() throws IOException {
    boolean change = action.create != null || action.apply != null || action.delete != null;
    ImageSource.Named n = source.named(filename, change);
    try (BlockNode node = Images.open(n.filename(), n.options().withOpenBacking(false))) {
      if (!change) {
        if (!node.snapshots().isEmpty()) {
          InfoCommand.printSnapshots(spec.commandLine().getOut(), node.snapshots());
        }
        return 0;
      }
      if (node.formatName().equals("raw")
          && node.files().getFirst() instanceof SnapshotStore store) {
        change(store);
        return 0;
      }
      if (!(node instanceof Qcow2Image q)) {
        throw new ImageException(filename, "snapshot", "the format has no internal snapshots");
      }
      Snapshots s = q.snapshotTable();
      if (action.create != null) {
        Instant now = Instant.now();
        s.create(action.create, now.getEpochSecond(), now.getNano());
      } else if (action.apply != null) {
        s.apply(action.apply);
      } else {
        s.delete(action.delete);
      }
    }
    return 0;
  }

  /** The same for an image that leaves snapshots to where it is stored. */
  private void change(SnapshotStore store) throws IOException {
    if (action.create != null) {
      store.createSnapshot(action.create);
    } else if (action.apply != null) {
      store.applySnapshot(action.apply);
    } else {
      store.deleteSnapshot(action.delete);
    }
  }
}
