package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Set;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.Preallocation;
import org.tuber.devices.block.live.BlockJob;
import org.tuber.devices.block.live.BlockNodes;
import org.tuber.devices.block.live.LiveDisk;
import org.tuber.devices.block.live.ThrottleLimits;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineParts;
import org.tuber.machine.monitor.QmpException.Kind;

/** QMP: drives, their media, sizes and limits. */
final class BlockCommands implements QmpTable.Family {
  /** The event that a tray has opened or closed. */
  static final String TRAY_MOVED = "DEVICE_TRAY_MOVED";

  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final Set<String> MODES = Set.of("retain", "read-only", "read-write");
  private static final String[] RATES = {"bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"};
  private static final int SECTOR_BYTES = 512;

  private final MonitorDisks disks;
  private final BlockFacts facts;
  private final BlockJobCommands.Publisher events;

  BlockCommands(MonitorDisks disks, BlockJobCommands.Publisher events) {
    this.disks = disks;
    this.facts = new BlockFacts(disks);
    this.events = events;
  }

  @Override
  public void addTo(QmpTable table) {
    table.add("query-block", this::query);
    table.add("query-named-block-nodes", this::queryNodes);
    table.add("query-blockstats", this::queryStats);
    table.add("eject", this::eject);
    table.add("blockdev-change-medium", this::change);
    table.add("block_resize", this::resize);
    table.add("block_set_io_throttle", this::throttle);
    table.add("change-backing-file", this::changeBacking);
  }

  private JsonNode query(QmpArguments arguments) throws QmpException {
    arguments.end();
    ArrayNode list = JSON.arrayNode();
    for (MachineParts.Drive d : disks.parts().drives()) {
      list.add(MonitorDisks.attempt(() -> facts.drive(d)));
    }
    return list;
  }

  private JsonNode queryNodes(QmpArguments arguments) throws QmpException {
    boolean flat = arguments.flag("flat", false);
    arguments.end();
    ArrayNode list = JSON.arrayNode();
    for (BlockNodes.Node n : disks.nodes().all()) {
      list.add(
          MonitorDisks.attempt(
              () ->
                  switch (n) {
                    case BlockNodes.Image i -> facts.device(i.disk(), i.image(), flat);
                    case BlockNodes.Storage s -> facts.file(s.disk(), s.file());
                  }));
    }
    return list;
  }

  private JsonNode queryStats(QmpArguments arguments) throws QmpException {
    boolean nodes = arguments.flag("query-nodes", false);
    arguments.end();
    ArrayNode list = JSON.arrayNode();
    if (nodes) {
      disks.nodes().all().forEach(n -> list.add(facts.stats(n)));
    } else {
      disks.parts().drives().forEach(d -> list.add(facts.stats(d)));
    }
    return list;
  }

  /** The drive that {@code device} or {@code id} names. */
  private MachineParts.Drive drive(QmpArguments arguments) throws QmpException {
    String name = arguments.text("id", null);
    String device = arguments.text("device", null);
    if ((name == null) == (device == null)) {
      throw new QmpException("Need exactly one of 'device' and 'id'");
    }
    String wanted = name == null ? device : name;
    MachineParts.Drive d = disks.drive(wanted);
    if (d == null) {
      throw new QmpException(Kind.DEVICE_NOT_FOUND, "Device '" + wanted + "' not found");
    }
    return d;
  }

  private JsonNode eject(QmpArguments arguments) throws QmpException {
    MachineParts.Drive d = drive(arguments);
    boolean force = arguments.flag("force", false);
    arguments.end();
    requireNoJob(d.disk());
    try {
      disks.parts().eject(d.name(), force);
    } catch (MachineException e) {
      throw new QmpException(e.getMessage());
    }
    trayMoved(d, true);
    return null;
  }

  private JsonNode change(QmpArguments arguments) throws QmpException {
    MachineParts.Drive d = drive(arguments);
    final String file = arguments.text("filename");
    final String format = arguments.text("format", null);
    String mode = arguments.text("read-only-mode", "retain");
    arguments.flag("force", false);
    arguments.end();
    if (!MODES.contains(mode)) {
      throw new QmpException("Parameter 'read-only-mode' does not accept value '" + mode + "'");
    }
    requireNoJob(d.disk());
    try {
      Boolean readOnly = mode.equals("retain") ? null : Boolean.valueOf(mode.equals("read-only"));
      disks.parts().change(d.name(), file, format, readOnly);
    } catch (MachineException e) {
      throw new QmpException(e.getMessage());
    }
    trayMoved(d, true);
    trayMoved(d, false);
    return null;
  }

  private void requireNoJob(LiveDisk disk) throws QmpException {
    for (BlockJob j : disks.jobs().jobs()) {
      if (j.disk() == disk && j.info().status() != BlockJob.Status.CONCLUDED) {
        throw new QmpException("Device '" + disk.name() + "' is in use");
      }
    }
  }

  private void trayMoved(MachineParts.Drive d, boolean open) {
    events.publish(TRAY_MOVED, trayMoved(d.name(), d.device(), open));
  }

  /** What goes with {@link #TRAY_MOVED}. */
  static ObjectNode trayMoved(String drive, String device, boolean open) {
    return JSON.objectNode().put("device", drive).put("tray-open", open).put("id", device);
  }

  private JsonNode resize(QmpArguments a) throws QmpException {
    LiveDisk disk = disks.disk(a, "node-name");
    long size = a.number("size");
    a.end();
    if (size < 0) {
      throw new QmpException("Parameter 'size' expects a >0 size");
    }
    requireNoJob(disk);
    long whole = Math.ceilDiv(size, (long) SECTOR_BYTES) * SECTOR_BYTES;
    return MonitorDisks.attempt(
        () -> {
          disk.resize(whole, Preallocation.OFF);
          return null;
        });
  }

  private JsonNode throttle(QmpArguments a) throws QmpException {
    String name = a.text("id", a.text("device", null));
    if (name == null) {
      throw new QmpException("Need exactly one of 'device' and 'id'");
    }
    LiveDisk disk = disks.device(name);
    ThrottleLimits limits = ThrottleLimits.NONE;
    ThrottleLimits.Bucket[] buckets = ThrottleLimits.Bucket.values();
    for (int i = 0; i < buckets.length; i++) {
      String word = RATES[i];
      limits =
          limits.with(
              buckets[i],
              new ThrottleLimits.Rate(
                  a.number(word), a.number(word + "_max", 0), a.number(word + "_max_length", 1)));
    }
    limits = limits.withRequestBytes(a.number("iops_size", 0));
    String group = a.text("group", disk.limits().group());
    a.end();
    ThrottleLimits all = limits.withGroup(group == null ? disk.name() : group);
    try {
      disks.jobs().setLimits(disk, all);
      return null;
    } catch (ImageException e) {
      throw new QmpException(e.problem());
    }
  }

  private JsonNode changeBacking(QmpArguments a) throws QmpException {
    LiveDisk disk = disks.disk(a.text("device"));
    BlockNode image = disks.image(disk, a.text("image-node-name"));
    String file = a.text("backing-file");
    a.end();
    if (image.backing() == null) {
      throw new QmpException("not allowing backing file change on an image without a backing file");
    }
    return MonitorDisks.attempt(
        () -> {
          disk.recordBacking(image, file, image.backing().formatName());
          return null;
        });
  }
}
