package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ImageInfo;
import org.tuber.devices.block.live.BlockJob;
import org.tuber.devices.block.live.BlockNodes;
import org.tuber.devices.block.live.LiveDisk;

/**
 * QMP: snapshots, alone and with other things at one moment. While a transaction is made no request
 * reaches the disks; what was done is taken back if something later fails. Jobs begin at the end.
 */
final class BlockTransaction implements QmpTable.Family {
  private final MonitorDisks disks;
  private final BlockJobCommands jobs;
  private final BitmapCommands bitmaps;

  BlockTransaction(MonitorDisks disks, BlockJobCommands jobs, BitmapCommands bitmaps) {
    this.disks = disks;
    this.jobs = jobs;
    this.bitmaps = bitmaps;
  }

  @Override
  public void addTo(QmpTable table) {
    for (String one :
        List.of("blockdev-snapshot-sync", "blockdev-snapshot", "blockdev-snapshot-internal-sync")) {
      table.add(
          one,
          a -> {
            act(one, a, new Progress());
            return null;
          });
    }
    table.add("blockdev-snapshot-delete-internal-sync", this::deleteInternal);
    table.add("transaction", this::transaction);
  }

  /** What a transaction has done so far. */
  private static final class Progress {
    private final ArrayDeque<Runnable> undo = new ArrayDeque<>();
    private final List<BlockJob> begun = new ArrayList<>();
  }

  /** A refusal on its way through code that knows only input and output. */
  private static final class Refused extends IOException {
    private static final long serialVersionUID = 1L;
    private final transient QmpException refusal;

    Refused(QmpException refusal) {
      super(refusal);
      this.refusal = refusal;
    }
  }

  private JsonNode transaction(QmpArguments a) throws QmpException {
    record Action(String type, JsonNode data) {}
    List<Action> actions = new ArrayList<>();
    Set<LiveDisk> involved = new LinkedHashSet<>();
    for (JsonNode n : a.list("actions")) {
      QmpArguments member = QmpArguments.member("actions", n);
      String type = member.text("type");
      member.object("data");
      member.end();
      JsonNode data = n.get("data");
      actions.add(new Action(type, data));
      for (String key : List.of("device", "node", "node-name")) {
        if (data.path(key).isTextual()) {
          // If there is no such disk, the action itself says what is wrong with it.
          disks.maybe(data.get(key).textValue()).ifPresent(involved::add);
        }
      }
    }
    boolean grouped = false;
    if (a.has("properties")) {
      QmpArguments p = a.object("properties");
      String mode = p.text("completion-mode", "individual");
      p.end();
      if (!mode.equals("individual") && !mode.equals("grouped")) {
        throw new QmpException("Parameter 'completion-mode' does not accept value '" + mode + "'");
      }
      grouped = mode.equals("grouped");
    }
    a.end();
    Progress progress = new Progress();
    try {
      LiveDisk.drained(
          List.copyOf(involved),
          () -> {
            try {
              for (Action action : actions) {
                act(action.type, QmpArguments.member("data", action.data), progress);
              }
            } catch (QmpException e) {
              takeBack(progress);
              throw new Refused(e);
            }
          });
    } catch (Refused e) {
      throw e.refusal;
    } catch (IOException e) {
      throw new QmpException(e.getMessage());
    }
    if (grouped) {
      disks.jobs().group(progress.begun);
    }
    progress.begun.forEach(disks.jobs()::launch);
    return null;
  }

  private void takeBack(Progress progress) {
    progress.begun.forEach(disks.jobs()::abandon);
    progress.undo.forEach(Runnable::run);
  }

  private void act(String type, QmpArguments a, Progress progress) throws QmpException {
    switch (type) {
      case "blockdev-snapshot-sync" -> snapshotTo(a, progress);
      case "blockdev-snapshot" -> snapshotOnto(a, progress);
      case "blockdev-snapshot-internal-sync" -> snapshotInternally(a, progress);
      case "drive-backup" -> progress.begun.add(jobs.backup(a, true));
      case "blockdev-backup" -> progress.begun.add(jobs.backup(a, false));
      case "abort" -> throw new QmpException("Transaction aborted using Abort action");
      default -> {
        String prefix = "block-dirty-bitmap-";
        String verb = type.startsWith(prefix) ? type.substring(prefix.length()) : "";
        if (!Set.of("add", "remove", "clear", "enable", "disable", "merge").contains(verb)) {
          throw new QmpException("Parameter 'type' does not accept value '" + type + "'");
        }
        bitmaps.act(verb, a, progress.undo);
      }
    }
  }

  private void snapshotTo(QmpArguments a, Progress progress) throws QmpException {
    LiveDisk disk = disks.disk(a, "node-name");
    String file = a.text("snapshot-file");
    String name = a.text("snapshot-node-name", null);
    String format = a.text("format", "qcow2");
    String mode = a.text("mode", "absolute-paths");
    a.end();
    if (!mode.equals("absolute-paths") && !mode.equals("existing")) {
      throw new QmpException("Parameter 'mode' does not accept value '" + mode + "'");
    }
    BlockJobCommands.requireIdle(disks, disk);
    MonitorDisks.attempt(
        () -> {
          if (name != null) {
            disks.nodes().requireFree(name);
          }
          BlockNode overlay = disk.openOverlay(file, format, mode.equals("absolute-paths"));
          putOn(disk, overlay, progress);
          if (name != null) {
            disks.nodes().name(overlay, name);
          }
          return null;
        });
  }

  private static void putOn(LiveDisk disk, BlockNode overlay, Progress progress)
      throws IOException {
    try {
      disk.putOn(overlay);
    } catch (IOException | RuntimeException e) {
      overlay.close();
      throw e;
    }
    progress.undo.push(
        () -> {
          try {
            disk.takeOff().close();
          } catch (IOException e) {
            throw new IllegalStateException(e);
          }
        });
  }

  private void snapshotOnto(QmpArguments a, Progress progress) throws QmpException {
    String node = a.text("node");
    LiveDisk disk = disks.disk(node);
    String name = a.text("overlay");
    a.end();
    if (!(disks.nodes().find(name) instanceof BlockNodes.Image i)) {
      throw MonitorDisks.notFound(name, name);
    }
    if (i.disk() != null) {
      throw new QmpException("The overlay is already in use");
    }
    BlockNode overlay = i.image();
    if (overlay.backing() != null) {
      throw new QmpException("The overlay already has a backing image");
    }
    if (!overlay.canChangeBacking()) {
      throw new QmpException("The overlay does not support backing images");
    }
    if (overlay.lengthBytes() != disk.lengthBytes() || overlay.isReadOnly()) {
      throw new QmpException("The overlay has another size, or is read-only");
    }
    BlockJobCommands.requireIdle(disks, disk);
    MonitorDisks.attempt(
        () -> {
          disk.putOn(overlay);
          disks.nodes().release(name);
          disks.nodes().name(overlay, name);
          progress.undo.push(
              () -> {
                try {
                  disks.nodes().add(name, disk.takeOff());
                } catch (IOException e) {
                  throw new IllegalStateException(e);
                }
              });
          return null;
        });
  }

  private static ImageInfo.SnapshotInfo internal(LiveDisk disk, String id, String name)
      throws QmpException {
    for (ImageInfo.SnapshotInfo s : MonitorDisks.attempt(disk::snapshots)) {
      if ((id == null || s.id().equals(id)) && (name == null || s.name().equals(name))) {
        return s;
      }
    }
    return null;
  }

  private void snapshotInternally(QmpArguments a, Progress progress) throws QmpException {
    String device = a.text("device");
    LiveDisk disk = disks.disk(device);
    String name = a.text("name");
    a.end();
    if (disk.isReadOnly()) {
      throw new QmpException("Device '" + device + "' is read only");
    }
    if (!disk.formatName().equals("qcow2")) {
      throw new QmpException(
          "Block format '"
              + disk.formatName()
              + "' used by device '"
              + device
              + "' does not support internal snapshots");
    }
    if (name.isEmpty()) {
      throw new QmpException("Name is empty");
    }
    if (internal(disk, null, name) != null) {
      throw new QmpException(
          "Snapshot with name '" + name + "' already exists on device '" + device + "'");
    }
    MonitorDisks.attempt(
        () -> {
          Instant now = Instant.now();
          disk.createInternalSnapshot(name, now.getEpochSecond(), now.getNano());
          return null;
        });
    progress.undo.push(
        () -> {
          try {
            disk.deleteInternalSnapshot(name);
          } catch (IOException e) {
            throw new IllegalStateException(e);
          }
        });
  }

  private JsonNode deleteInternal(QmpArguments a) throws QmpException {
    String device = a.text("device");
    LiveDisk disk = disks.disk(device);
    String id = a.text("id", null);
    String name = a.text("name", null);
    a.end();
    if (id == null && name == null) {
      throw new QmpException("Name or id must be provided");
    }
    ImageInfo.SnapshotInfo s = internal(disk, id, name);
    if (s == null) {
      throw new QmpException(
          "Snapshot with id '"
              + (id == null ? "null" : id)
              + "' and name '"
              + (name == null ? "null" : name)
              + "' does not exist on device '"
              + device
              + "'");
    }
    MonitorDisks.attempt(
        () -> {
          disk.deleteInternalSnapshot(s.id());
          return null;
        });
    return BlockFacts.snapshot(s);
  }
}
