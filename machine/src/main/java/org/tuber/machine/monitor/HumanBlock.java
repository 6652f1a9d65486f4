package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ImageInfo;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.Sizes;
import org.tuber.devices.block.live.BlockJob;
import org.tuber.machine.MachineParts;

/** The human monitor: disks and jobs. The commands are QMP's with other words. */
final class HumanBlock implements HumanTable.Family {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final String[] RATES = {"bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"};
  private static final String[] STATS = {
    "rd_bytes",
    "wr_bytes",
    "rd_operations",
    "wr_operations",
    "flush_operations",
    "wr_total_time_ns",
    "rd_total_time_ns",
    "flush_total_time_ns",
    "rd_merged",
    "wr_merged",
    "idle_time_ns"
  };

  private final MonitorDisks disks;
  private final BlockFacts facts;
  private final QmpTable qmp = new QmpTable();
  private final HumanNbd nbd;

  HumanBlock(MonitorDisks disks) {
    this.disks = disks;
    this.facts = new BlockFacts(disks);
    BlockJobCommands jobs = new BlockJobCommands(disks);
    jobs.addTo(qmp);
    new BlockCommands(disks, (event, data) -> {}).addTo(qmp);
    new BlockTransaction(disks, jobs, new BitmapCommands(disks)).addTo(qmp);
    new NbdCommands(disks, (event, data) -> {}).addTo(qmp);
    nbd = new HumanNbd(disks, this::ask);
  }

  @Override
  public void addTo(HumanTable table) {
    nbd.addTo(table);
    table.add("info block", "[-n] [-v] [device]", "drives and media", this::block);
    table.add("info blockstats", "", "what was read and written", text -> stats());
    table.add("info block-jobs", "", "jobs on images", text -> blockJobs());
    table.add("commit", "device|all", "merge the top image into the one below", this::commit);
    table.add(
        "block_resize",
        "device size",
        "change the size of a disk",
        text -> {
          List<String> w = words(text, 2);
          ObjectNode o = JSON.objectNode().put("device", w.get(0)).put("size", size(w.get(1)));
          return ask("block_resize", o);
        });
    table.add("snapshot_blkdev", "[-n] device [file] [format]", "put an overlay on", this::overlay);
    table.add(
        "snapshot_blkdev_internal",
        "device name",
        "take an internal snapshot",
        text -> named("blockdev-snapshot-internal-sync", text));
    table.add(
        "snapshot_delete_blkdev_internal",
        "device name [id]",
        "delete an internal snapshot",
        text -> named("blockdev-snapshot-delete-internal-sync", text));
    table.add(
        "drive_backup",
        "[-n] [-f] device target [format]",
        "copy a disk as it is now",
        text -> copy("drive-backup", text));
    table.add(
        "drive_mirror",
        "[-n] [-f] device target [format]",
        "copy a disk and follow it",
        text -> copy("drive-mirror", text));
    table.add("block_stream", "device [speed [base]]", "copy what is below in", this::stream);
    table.add(
        "block_job_set_speed",
        "device speed",
        "limit a job",
        text -> {
          List<String> w = words(text, 2);
          ObjectNode o = JSON.objectNode().put("device", w.get(0)).put("speed", size(w.get(1)));
          return ask("block-job-set-speed", o);
        });
    table.add("block_job_cancel", "[-f] device", "end a job", this::cancel);
    for (String verb : List.of("pause", "resume", "complete")) {
      table.add(
          "block_job_" + verb,
          "device",
          verb + " a job",
          text -> ask("block-job-" + verb, JSON.objectNode().put("device", words(text, 1).get(0))));
    }
    table.add(
        "block_set_io_throttle",
        "device bps bps_rd bps_wr iops iops_rd iops_wr",
        "limit a disk",
        text -> {
          List<String> w = words(text, 7);
          ObjectNode o = JSON.objectNode().put("device", w.get(0));
          for (int i = 0; i < RATES.length; i++) {
            o.put(RATES[i], size(w.get(i + 1)));
          }
          return ask("block_set_io_throttle", o);
        });
  }

  private String ask(String command, ObjectNode arguments) throws QmpException {
    try {
      qmp.run(command, arguments);
      return "";
    } catch (QmpException e) {
      throw new QmpException("Error: " + e.getMessage());
    }
  }

  private static List<String> words(String text, int least) throws QmpException {
    List<String> w = new ArrayList<>();
    if (!text.isEmpty()) {
      w.addAll(List.of(text.split("\\s+", -1)));
    }
    if (w.size() < least) {
      throw new QmpException("too few arguments");
    }
    return w;
  }

  /** Takes an option's letter out. */
  private static boolean flag(List<String> words, String flag) {
    return words.remove(flag);
  }

  private static long size(String text) throws QmpException {
    return MonitorDisks.attempt(
        () -> {
          if (text.startsWith("-")) {
            throw new QmpException("invalid size");
          }
          return Sizes.parse("monitor", "size", text);
        });
  }

  // Commands.

  private String commit(String text) throws QmpException {
    String name = words(text, 1).get(0);
    if (name.equals("all")) {
      for (MachineParts.Drive d : disks.parts().drives()) {
        if (d.disk() != null && d.disk().backing() != null && !d.disk().isReadOnly()) {
          commit(d);
        }
      }
      return "";
    }
    MachineParts.Drive d = disks.drive(name);
    if (d == null) {
      return "Device '" + name + "' not found\n";
    }
    if (d.disk() == null) {
      return "Device '" + name + "' has no medium\n";
    }
    return commit(d);
  }

  private static String commit(MachineParts.Drive d) {
    if (d.disk().backing() == null) {
      return "'commit' error for '" + d.name() + "': Operation not supported\n";
    }
    try {
      d.disk().commitTop();
      return "";
    } catch (IOException e) {
      return "'commit' error for '" + d.name() + "': " + e.getMessage() + "\n";
    }
  }

  private String overlay(String text) throws QmpException {
    List<String> w = words(text, 1);
    boolean reuse = flag(w, "-n");
    if (w.size() < 2) {
      throw new QmpException("Error: Parameter 'snapshot-file' is missing");
    }
    ObjectNode o = JSON.objectNode().put("device", w.get(0)).put("snapshot-file", w.get(1));
    if (w.size() > 2) {
      o.put("format", w.get(2));
    }
    return ask("blockdev-snapshot-sync", o.put("mode", reuse ? "existing" : "absolute-paths"));
  }

  private String named(String command, String text) throws QmpException {
    List<String> w = words(text, 2);
    ObjectNode o = JSON.objectNode().put("device", w.get(0)).put("name", w.get(1));
    if (w.size() > 2) {
      o.put("id", w.get(2));
    }
    return ask(command, o);
  }

  private String copy(String command, String text) throws QmpException {
    List<String> w = words(text, 2);
    boolean reuse = flag(w, "-n");
    boolean full = flag(w, "-f");
    if (w.size() < 2) {
      throw new QmpException("Error: Parameter 'target' is missing");
    }
    ObjectNode o = JSON.objectNode().put("device", w.get(0)).put("target", w.get(1));
    if (w.size() > 2) {
      o.put("format", w.get(2));
    }
    o.put("sync", full || command.equals("drive-backup") ? "full" : "top");
    return ask(command, o.put("mode", reuse ? "existing" : "absolute-paths"));
  }

  private String stream(String text) throws QmpException {
    List<String> w = words(text, 1);
    ObjectNode o = JSON.objectNode().put("device", w.get(0));
    if (w.size() > 1) {
      o.put("speed", size(w.get(1)));
    }
    if (w.size() > 2) {
      o.put("base", w.get(2));
    }
    return ask("block-stream", o);
  }

  private String cancel(String text) throws QmpException {
    List<String> w = words(text, 1);
    boolean force = flag(w, "-f");
    return ask("block-job-cancel", JSON.objectNode().put("device", w.get(0)).put("force", force));
  }

  // Lists.

  private String blockJobs() {
    StringBuilder text = new StringBuilder();
    for (BlockJob j : disks.jobs().jobs()) {
      BlockJob.Info i = j.info();
      if (i.type() == BlockJob.Type.STREAM) {
        text.append("Streaming device ").append(i.id());
      } else {
        text.append("Type ").append(i.type().word()).append(", device ").append(i.id());
      }
      text.append(": Completed ").append(i.doneBytes()).append(" of ").append(i.totalBytes());
      text.append(" bytes, speed limit ").append(i.speedBytesPerSecond()).append(" bytes/s\n");
    }
    return text.isEmpty() ? "No active jobs\n" : text.toString();
  }

  private String stats() {
    StringBuilder text = new StringBuilder();
    for (MachineParts.Drive d : disks.parts().drives()) {
      JsonNode numbers = facts.stats(d).get("stats");
      text.append(d.name()).append(':');
      for (String word : STATS) {
        text.append(' ').append(word).append('=').append(numbers.path(word).asLong());
      }
      text.append('\n');
    }
    return text.toString();
  }

  private String block(String arguments) throws QmpException {
    List<String> w = words(arguments, 0);
    boolean verbose = flag(w, "-v");
    flag(w, "-n");
    StringBuilder text = new StringBuilder();
    for (MachineParts.Drive d : disks.parts().drives()) {
      if (!w.isEmpty() && !w.get(0).equals(d.name())) {
        continue;
      }
      text.append(text.isEmpty() ? "" : "\n");
      MonitorDisks.attempt(
          () -> {
            drive(text, d);
            if (verbose && d.disk() != null) {
              text.append("\nImages:\n");
              for (BlockNode n = d.disk().top(); n != null; n = n.backing()) {
                image(text, Images.info(n));
              }
            }
            return null;
          });
    }
    return text.toString();
  }

  private void drive(StringBuilder text, MachineParts.Drive d) throws IOException {
    text.append(d.name());
    JsonNode inserted = facts.drive(d).get("inserted");
    if (inserted == null) {
      text.append(": [not inserted]\n");
    } else {
      text.append(" (").append(inserted.get("node-name").asText()).append("): ");
      text.append(inserted.get("file").asText()).append(" (").append(d.format());
      text.append(inserted.get("ro").asBoolean() ? ", read-only" : "");
      text.append(inserted.get("encrypted").asBoolean() ? ", encrypted" : "").append(")\n");
    }
    text.append("    Attached to:      ").append(d.device()).append('\n');
    if (d.removable()) {
      text.append("    Removable device: ").append(d.locked() ? "locked" : "not locked");
      text.append(", tray ").append(d.trayOpen() ? "open\n" : "closed\n");
    }
    if (inserted == null) {
      return;
    }
    JsonNode cache = inserted.get("cache");
    text.append("    Cache mode:       ");
    text.append(cache.get("writeback").asBoolean() ? "writeback" : "writethrough");
    text.append(cache.get("direct").asBoolean() ? ", direct" : "");
    text.append(cache.get("no-flush").asBoolean() ? ", ignore flushes" : "").append('\n');
    if (inserted.has("backing_file")) {
      text.append("    Backing file:     ").append(inserted.get("backing_file").asText());
      text.append(" (chain depth: ").append(inserted.get("backing_file_depth").asInt());
      text.append(")\n");
    }
    if (inserted.has("group")) {
      text.append("    I/O throttling:  ");
      for (int i = 0; i < 2; i++) {
        for (String suffix : new String[] {"", "_max"}) {
          for (int k = 0; k < 3; k++) {
            String word = RATES[3 * i + k] + suffix;
            text.append(' ').append(word).append('=').append(inserted.path(word).asLong());
          }
        }
      }
      text.append(" iops_size=").append(inserted.path("iops_size").asLong());
      text.append(" group=").append(inserted.get("group").asText()).append('\n');
    }
  }

  private static void image(StringBuilder text, ImageInfo i) {
    text.append("image: ").append(i.filename()).append('\n');
    text.append("file format: ").append(i.format()).append('\n');
    text.append("virtual size: ").append(Sizes.human(i.virtualSizeBytes())).append(" (");
    text.append(i.virtualSizeBytes()).append(" bytes)\n");
    text.append("disk size: ").append(Sizes.humanOrUnavailable(i.actualSizeBytes())).append('\n');
    if (i.clusterBytes() > 0) {
      text.append("cluster_size: ").append(i.clusterBytes()).append('\n');
    }
    if (i.backingName() != null) {
      text.append("backing file: ").append(i.backingName()).append('\n');
      if (i.backingFormat() != null) {
        text.append("backing file format: ").append(i.backingFormat()).append('\n');
      }
    }
    if (i.specific() != null && !i.specific().data().isEmpty()) {
      text.append("Format specific information:\n");
      i.specific()
          .data()
          .forEach(
              (k, v) ->
                  text.append("    ")
                      .append(k.replace('-', ' '))
                      .append(": ")
                      .append(v)
                      .append('\n'));
    }
  }
}
