package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Locale;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.DirtyBitmap;
import org.tuber.devices.block.live.BackupSync;
import org.tuber.devices.block.live.BitmapUse;
import org.tuber.devices.block.live.BlockJob;
import org.tuber.devices.block.live.BlockJobs;
import org.tuber.devices.block.live.JobListener;
import org.tuber.devices.block.live.LiveDisk;

/** QMP: jobs on images, and what becomes of them. */
final class BlockJobCommands implements QmpTable.Family {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  /** Tells clients of an event. */
  interface Publisher {
    void publish(String event, ObjectNode data);
  }

  private final MonitorDisks disks;

  BlockJobCommands(MonitorDisks disks) {
    this.disks = disks;
  }

  @Override
  public void addTo(QmpTable table) {
    table.add("block-commit", this::commit);
    table.add("block-stream", this::stream);
    table.add("drive-backup", a -> start(backup(a, true)));
    table.add("blockdev-backup", a -> start(backup(a, false)));
    table.add("drive-mirror", a -> mirror(a, true));
    table.add("blockdev-mirror", a -> mirror(a, false));
    table.add("query-block-jobs", this::queryBlockJobs);
    table.add("query-jobs", this::queryJobs);
    for (BlockJob.Verb verb : BlockJob.Verb.values()) {
      boolean atEnd = verb == BlockJob.Verb.FINALIZE || verb == BlockJob.Verb.DISMISS;
      String name = atEnd ? "id" : "device";
      table.add("block-job-" + verb.word(), a -> control(verb, a, name, true));
      if (verb != BlockJob.Verb.SET_SPEED) {
        table.add("job-" + verb.word(), a -> control(verb, a, "id", false));
      }
    }
  }

  private JsonNode start(BlockJob job) {
    disks.jobs().launch(job);
    return null;
  }

  // What the commands have in common.

  private static BlockJob.OnError onError(QmpArguments a, String name) throws QmpException {
    String word = a.text(name, "report");
    return switch (word) {
      case "report", "auto" -> BlockJob.OnError.REPORT;
      case "ignore" -> BlockJob.OnError.IGNORE;
      case "enospc" -> BlockJob.OnError.ENOSPC;
      case "stop" -> BlockJob.OnError.STOP;
      default -> throw refused(name, word);
    };
  }

  private static QmpException refused(String name, String value) {
    return new QmpException("Parameter '" + name + "' does not accept value '" + value + "'");
  }

  private static BlockJob.Manners manners(QmpArguments a, boolean two) throws QmpException {
    BlockJob.OnError source = onError(a, two ? "on-source-error" : "on-error");
    return new BlockJob.Manners(
        source,
        two ? onError(a, "on-target-error") : source,
        a.flag("auto-finalize", true),
        a.flag("auto-dismiss", true));
  }

  private static long speed(QmpArguments a) throws QmpException {
    long speed = a.number("speed", 0);
    if (speed < 0) {
      throw new QmpException("Parameter 'speed' expects a non-negative value");
    }
    return speed;
  }

  private static BackupSync sync(QmpArguments a) throws QmpException {
    String word = a.text("sync");
    return switch (word) {
      case "full" -> BackupSync.FULL;
      case "top" -> BackupSync.TOP;
      case "none" -> BackupSync.NONE;
      case "incremental", "bitmap" -> BackupSync.INCREMENTAL;
      default -> throw refused("sync", word);
    };
  }

  private static boolean isNew(QmpArguments a) throws QmpException {
    String mode = a.text("mode", "absolute-paths");
    if (!mode.equals("absolute-paths") && !mode.equals("existing")) {
      throw refused("mode", mode);
    }
    return mode.equals("absolute-paths");
  }

  /** Knows the disk and its name before anything is made, so that refusals leave nothing behind. */
  private void requireNewJob(String id, LiveDisk disk) throws QmpException {
    String name = id == null ? disk.name() : id;
    for (BlockJob j : disks.jobs().jobs()) {
      if (j.id().equals(name)) {
        throw new QmpException("Job ID '" + name + "' already in use");
      }
    }
    if (id != null && !id.matches("[A-Za-z][A-Za-z0-9_.-]*")) {
      throw new QmpException("Invalid job ID '" + id + "'");
    }
  }

  /** The name of the job that changes the disk's chain keeps others away. */
  static void requireIdle(MonitorDisks disks, LiveDisk disk) throws QmpException {
    for (BlockJob j : disks.jobs().jobs()) {
      BlockJob.Info i = j.info();
      if (j.disk() == disk
          && i.type() != BlockJob.Type.BACKUP
          && i.status() != BlockJob.Status.CONCLUDED) {
        throw new QmpException(
            "Node '"
                + disk.name()
                + "' is busy: block device is in use by block job: "
                + i.type().word());
      }
    }
  }

  // Jobs.

  private JsonNode commit(QmpArguments a) throws QmpException {
    LiveDisk disk = disks.device(a.text("device"));
    String id = a.text("job-id", null);
    String topFile = a.text("top", null);
    String baseFile = a.text("base", null);
    String topNode = a.text("top-node", null);
    String baseNode = a.text("base-node", null);
    String backing = a.text("backing-file", null);
    final long speed = speed(a);
    a.text("filter-node-name", null);
    BlockJob.Manners manners = manners(a, false);
    a.end();
    if (topFile != null && topNode != null) {
      throw new QmpException("'top-node' and 'top' are mutually exclusive");
    }
    if (baseFile != null && baseNode != null) {
      throw new QmpException("'base-node' and 'base' are mutually exclusive");
    }
    BlockNode top = topNode == null ? null : disks.image(disk, topNode);
    if (topFile != null) {
      top = MonitorDisks.imageInFile(disk, topFile);
      if (top == null) {
        throw new QmpException("Top image file " + topFile + " not found");
      }
    }
    BlockNode base = base(disk, baseFile, baseNode);
    if (backing != null && (top == null || top == disk.top())) {
      throw new QmpException("'backing-file' specified, but 'top' is the active layer");
    }
    requireNewJob(id, disk);
    requireIdle(disks, disk);
    BlockNode from = top;
    MonitorDisks.attempt(
        () ->
            disks
                .jobs()
                .commit(new BlockJobs.Commit(id, disk, from, base, backing, speed, manners)));
    return null;
  }

  /** The image that {@code base} or {@code base-node} names, or null without either. */
  private BlockNode base(LiveDisk disk, String file, String node) throws QmpException {
    if (file == null) {
      return node == null ? null : disks.image(disk, node);
    }
    BlockNode base = MonitorDisks.imageInFile(disk, file);
    if (base == null) {
      throw new QmpException("Can't find '" + file + "' in the backing chain");
    }
    return base;
  }

  private JsonNode stream(QmpArguments a) throws QmpException {
    LiveDisk disk = disks.disk(a.text("device"));
    String id = a.text("job-id", null);
    String baseFile = a.text("base", null);
    String baseNode = a.text("base-node", null);
    String bottom = a.text("bottom", null);
    String backing = a.text("backing-file", null);
    final long speed = speed(a);
    a.text("filter-node-name", null);
    BlockJob.Manners manners = manners(a, false);
    a.end();
    int given = (baseFile == null ? 0 : 1) + (baseNode == null ? 0 : 1) + (bottom == null ? 0 : 1);
    if (given > 1) {
      throw new QmpException("'base', 'base-node' and 'bottom' cannot be specified together");
    }
    BlockNode base =
        bottom == null ? base(disk, baseFile, baseNode) : disks.image(disk, bottom).backing();
    if (backing != null && base == null) {
      throw new QmpException("backing file specified, but streaming the entire chain");
    }
    requireNewJob(id, disk);
    requireIdle(disks, disk);
    MonitorDisks.attempt(
        () -> disks.jobs().stream(new BlockJobs.Stream(id, disk, base, backing, speed, manners)));
    return null;
  }

  /** A backup that has hold of its disk and waits to be launched. */
  BlockJob backup(QmpArguments a, boolean byFile) throws QmpException {
    LiveDisk disk = disks.disk(a.text("device"));
    final String id = a.text("job-id", null);
    final String target = a.text("target");
    final BackupSync sync = sync(a);
    final String bitmapName = a.text("bitmap", null);
    final String mode = a.text("bitmap-mode", "on-success");
    final String format = byFile ? a.text("format", null) : null;
    final boolean create = byFile && isNew(a);
    final long speed = speed(a);
    if (a.flag("compress", false)) {
      throw new QmpException("Compression is not supported for this job");
    }
    a.text("filter-node-name", null);
    if (a.has("x-perf")) {
      a.object("x-perf");
    }
    BlockJob.Manners manners = manners(a, true);
    a.end();
    DirtyBitmap bitmap = bitmap(disk, sync, bitmapName, a.text("sync"));
    BitmapUse use =
        switch (mode) {
          case "on-success" -> BitmapUse.ON_SUCCESS;
          case "never" -> BitmapUse.NEVER;
          case "always" -> BitmapUse.ALWAYS;
          default -> throw refused("bitmap-mode", mode);
        };
    requireNewJob(id, disk);
    BlockNode shows = sync == BackupSync.TOP ? disk.backing() : null;
    shows = sync == BackupSync.NONE ? disk.top() : shows;
    // What shows through a copy of old content is written by the guest meanwhile: it is not read.
    MonitorDisks.Target t =
        byFile
            ? disks.targetFile(disk, target, format, create, shows, sync != BackupSync.NONE)
            : disks.targetNode(target);
    return begin(
        t,
        () ->
            disks
                .jobs()
                .takeBackup(
                    new BlockJobs.Backup(
                        id,
                        disk,
                        t.image(),
                        t.fresh(),
                        sync,
                        bitmap,
                        use,
                        t.node() != null,
                        speed,
                        manners)));
  }

  private static DirtyBitmap bitmap(LiveDisk disk, BackupSync sync, String name, String word)
      throws QmpException {
    if (sync != BackupSync.INCREMENTAL) {
      if (name != null) {
        throw new QmpException("Given sync mode '" + word + "' may not be used with a bitmap");
      }
      return null;
    }
    if (name == null) {
      throw new QmpException("must provide a valid bitmap name for '" + word + "' sync mode");
    }
    DirtyBitmap b = BitmapCommands.find(disk, name);
    BitmapCommands.requireUsable(b, true);
    return b;
  }

  /** Closes a target that is nobody's when its job cannot start. */
  private static BlockJob begin(MonitorDisks.Target t, MonitorDisks.Work<BlockJob> start)
      throws QmpException {
    try {
      return MonitorDisks.attempt(start);
    } catch (QmpException e) {
      if (t.node() == null) {
        MonitorDisks.attempt(
            () -> {
              t.image().close();
              return null;
            });
      }
      throw e;
    }
  }

  private JsonNode mirror(QmpArguments a, boolean byFile) throws QmpException {
    LiveDisk disk = disks.disk(a.text("device"));
    final String id = a.text("job-id", null);
    final String target = a.text("target");
    final BackupSync sync = sync(a);
    final String format = byFile ? a.text("format", null) : null;
    final boolean create = byFile && isNew(a);
    final String node = byFile ? a.text("node-name", null) : null;
    final long speed = speed(a);
    final String copyMode = a.text("copy-mode", "background");
    if (a.has("replaces")) {
      throw new QmpException("Replacing a node that is not the device's is not supported");
    }
    a.number("granularity", 0);
    a.number("buf-size", 0);
    a.flag("unmap", true);
    a.text("filter-node-name", null);
    BlockJob.Manners manners = manners(a, true);
    a.end();
    if (sync == BackupSync.INCREMENTAL) {
      throw new QmpException("Sync mode '" + a.text("sync") + "' not supported for this job");
    }
    if (!copyMode.equals("background") && !copyMode.equals("write-blocking")) {
      throw refused("copy-mode", copyMode);
    }
    requireNewJob(id, disk);
    requireIdle(disks, disk);
    if (node != null) {
      MonitorDisks.attempt(
          () -> {
            disks.nodes().requireFree(node);
            return null;
          });
    }
    BlockNode shows = sync == BackupSync.TOP ? disk.backing() : null;
    shows = sync == BackupSync.NONE ? disk.top() : shows;
    MonitorDisks.Target t =
        byFile
            ? disks.targetFile(disk, target, format, create, shows, true)
            : disks.targetNode(target);
    BlockJobs.Mirror how =
        new BlockJobs.Mirror(
            id,
            disk,
            t.image(),
            t.fresh(),
            sync,
            copyMode.equals("write-blocking"),
            t.node() != null,
            speed,
            manners);
    begin(t, () -> disks.jobs().mirror(how));
    if (node != null) {
      disks.nodes().name(t.image(), node);
    }
    return null;
  }

  // Control.

  private JsonNode control(BlockJob.Verb verb, QmpArguments a, String key, boolean blockJob)
      throws QmpException {
    BlockJob job = disks.job(a.text(key), blockJob);
    boolean force = verb == BlockJob.Verb.CANCEL && blockJob && a.flag("force", false);
    long speed = 0;
    if (verb == BlockJob.Verb.SET_SPEED) {
      a.number("speed");
      speed = speed(a);
    }
    a.end();
    BlockJob.Info i = job.info();
    if (verb == BlockJob.Verb.CANCEL && blockJob && i.held() && !force) {
      throw new QmpException("The block job for device '" + job.id() + "' is currently paused");
    }
    if (!verb.isPossibleIn(i.status())) {
      throw new QmpException(
          "Job '%s' in state '%s' cannot accept command verb '%s'"
              .formatted(job.id(), i.status().word(), verb.word()));
    }
    switch (verb) {
      // Ending a job by its own command leaves no copy behind; the block job's command may.
      case CANCEL -> job.cancel(blockJob ? force : true);
      case PAUSE -> {
        if (i.held()) {
          throw new QmpException("Job is already paused");
        }
        job.pause();
      }
      case RESUME -> {
        if (!i.held()) {
          throw new QmpException("Can't resume a job that was not paused");
        }
        job.resume();
      }
      case SET_SPEED -> job.setSpeed(speed);
      case COMPLETE ->
          MonitorDisks.attempt(
              () -> {
                job.complete();
                return null;
              });
      case FINALIZE -> job.finish();
      case DISMISS -> job.dismiss();
    }
    return null;
  }

  private JsonNode queryBlockJobs(QmpArguments a) throws QmpException {
    a.end();
    ArrayNode list = JSON.arrayNode();
    for (BlockJob j : disks.jobs().jobs()) {
      BlockJob.Info i = j.info();
      if (i.type() == BlockJob.Type.CREATE) {
        continue;
      }
      ObjectNode o = list.addObject();
      o.put("auto-finalize", i.manners().autoFinalize());
      o.put("io-status", i.fault() == null ? "ok" : i.fault().noSpace() ? "nospace" : "failed");
      o.put("device", i.id());
      o.put("auto-dismiss", i.manners().autoDismiss());
      o.put("busy", i.status() == BlockJob.Status.RUNNING);
      o.put("len", i.totalBytes()).put("offset", i.doneBytes());
      o.put("status", i.status().word());
      o.put("paused", i.held());
      o.put("speed", i.speedBytesPerSecond());
      o.put("ready", i.ready());
      o.put("type", i.type().word());
      if (i.error() != null) {
        o.put("error", i.error());
      }
    }
    return list;
  }

  private JsonNode queryJobs(QmpArguments a) throws QmpException {
    a.end();
    ArrayNode list = JSON.arrayNode();
    for (BlockJob j : disks.jobs().jobs()) {
      BlockJob.Info i = j.info();
      ObjectNode o = list.addObject();
      o.put("current-progress", i.doneBytes()).put("status", i.status().word());
      o.put("total-progress", i.totalBytes()).put("type", i.type().word()).put("id", i.id());
      if (i.error() != null) {
        o.put("error", i.error());
      }
    }
    return list;
  }

  // Events.

  /** Tells clients what becomes of jobs. */
  static JobListener listener(Publisher to) {
    return (event, i) -> {
      if (i.type() == BlockJob.Type.CREATE && event != JobListener.Event.STATUS) {
        return;
      }
      switch (event) {
        case STATUS ->
            to.publish(
                "JOB_STATUS_CHANGE",
                JSON.objectNode().put("id", i.id()).put("status", i.status().word()));
        case READY -> to.publish("BLOCK_JOB_READY", data(i));
        case CANCELLED -> to.publish("BLOCK_JOB_CANCELLED", data(i));
        case COMPLETED -> {
          ObjectNode data = data(i);
          to.publish(
              "BLOCK_JOB_COMPLETED", i.error() == null ? data : data.put("error", i.error()));
        }
        case PENDING ->
            to.publish(
                "BLOCK_JOB_PENDING",
                JSON.objectNode().put("type", i.type().word()).put("id", i.id()));
        case ERROR ->
            to.publish(
                "BLOCK_JOB_ERROR",
                JSON.objectNode()
                    .put("device", i.id())
                    .put("operation", i.fault() != null && i.fault().write() ? "write" : "read")
                    .put(
                        "action",
                        i.fault() == null
                            ? "report"
                            : i.fault().action().name().toLowerCase(Locale.ROOT)));
      }
    };
  }

  private static ObjectNode data(BlockJob.Info i) {
    return JSON.objectNode()
        .put("device", i.id())
        .put("len", i.totalBytes())
        .put("offset", i.doneBytes())
        .put("speed", i.speedBytesPerSecond())
        .put("type", i.type().word());
  }
}
