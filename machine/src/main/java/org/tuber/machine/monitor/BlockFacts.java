package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.DirtyBitmap;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageInfo;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.live.BlockNodes;
import org.tuber.devices.block.live.DiskStats;
import org.tuber.devices.block.live.LiveDisk;
import org.tuber.devices.block.live.ThrottleLimits;
import org.tuber.machine.MachineParts;

/** What QMP says of images and disks, in the words of QEMU's schema. */
final class BlockFacts {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final String[] LIMITS = {"bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"};

  private final MonitorDisks disks;

  BlockFacts(MonitorDisks disks) {
    this.disks = disks;
  }

  /** One drive ({@code BlockInfo}). */
  ObjectNode drive(MachineParts.Drive d) throws IOException {
    ObjectNode drive = JSON.objectNode();
    drive.put("io-status", "ok");
    drive.put("device", d.name());
    drive.put("locked", d.locked());
    drive.put("removable", d.removable());
    if (d.disk() != null) {
      drive.set("inserted", device(d.disk(), d.disk().top(), false));
    }
    drive.put("qdev", d.device());
    if (d.removable()) {
      drive.put("tray_open", d.trayOpen());
    }
    drive.put("type", "unknown");
    return drive;
  }

  /** One image ({@code BlockDeviceInfo}). */
  ObjectNode device(LiveDisk disk, BlockNode image, boolean flat) throws IOException {
    ObjectNode o = device(disk, disks.nodes().nameOf(image), image.filename(), image.formatName());
    o.put("ro", image.isReadOnly());
    o.put("encrypted", image.isEncrypted());
    int depth = 0;
    for (BlockNode b = image.backing(); b != null; b = b.backing()) {
      depth++;
    }
    o.put("backing_file_depth", depth);
    if (image.backing() != null) {
      o.put("backing_file", image.backing().filename());
    }
    boolean top = disk != null && disk.top() == image;
    limits(o, top ? disk : null);
    if (top && !disk.bitmaps().isEmpty()) {
      o.set("dirty-bitmaps", bitmaps(disk.bitmaps()));
    }
    ObjectNode chain = null;
    ObjectNode above = null;
    for (BlockNode n = image; n != null; n = flat ? null : n.backing()) {
      ObjectNode info = info(n);
      if (above == null) {
        chain = info;
      } else {
        above.set("backing-image", info);
      }
      above = info;
    }
    o.set("image", chain);
    return o;
  }

  /** One file that an image is in. */
  ObjectNode file(LiveDisk disk, ImageFile file) throws IOException {
    String driver = driver(file);
    ObjectNode o = device(disk, disks.nodes().nameOf(file), file.name(), driver);
    o.put("ro", file.isReadOnly());
    o.put("encrypted", false);
    o.put("backing_file_depth", 0);
    limits(o, null);
    ObjectNode image =
        JSON.objectNode()
            .put("virtual-size", file.size())
            .put("filename", file.name())
            .put("format", driver);
    putActualSize(image, file.allocatedBytes());
    o.set("image", image.put("dirty-flag", false));
    return o;
  }

  private static void putActualSize(ObjectNode o, long bytes) {
    if (bytes >= 0) {
      o.put("actual-size", bytes);
    }
  }

  private static String driver(ImageFile file) {
    if (!Images.hasProtocol(file.name())) {
      return "file";
    }
    String scheme = file.name().substring(0, file.name().indexOf(':'));
    return scheme.startsWith("nbd") ? "nbd" : scheme.replaceFirst("\\+.*", "");
  }

  private static ObjectNode device(LiveDisk disk, String name, String file, String driver) {
    ObjectNode o = JSON.objectNode();
    o.put("node-name", name).put("file", file).put("drv", driver);
    o.put("detect_zeroes", "off").put("write_threshold", 0);
    CacheMode cache = disk == null ? CacheMode.WRITEBACK : disk.options().cache();
    o.set(
        "cache",
        JSON.objectNode()
            .put("no-flush", cache == CacheMode.UNSAFE)
            .put("direct", cache == CacheMode.NONE || cache == CacheMode.DIRECTSYNC)
            .put("writeback", cache != CacheMode.WRITETHROUGH && cache != CacheMode.DIRECTSYNC));
    return o;
  }

  private static void limits(ObjectNode o, LiveDisk disk) {
    ThrottleLimits l = disk == null ? ThrottleLimits.NONE : disk.limits();
    ThrottleLimits.Bucket[] buckets = ThrottleLimits.Bucket.values();
    for (int i = 0; i < buckets.length; i++) {
      o.put(LIMITS[i], (long) l.rate(buckets[i]).average());
    }
    if (l.isEmpty()) {
      return;
    }
    for (int i = 0; i < buckets.length; i++) {
      ThrottleLimits.Rate r = l.rate(buckets[i]);
      if (r.max() > 0) {
        String word = LIMITS[i];
        o.put(word + "_max", (long) r.max());
        o.put(word + "_max_length", r.burstSeconds());
      }
    }
    if (l.requestBytes() > 0) {
      o.put("iops_size", l.requestBytes());
    }
    o.put("group", l.group() == null ? disk.name() : l.group());
  }

  static ArrayNode bitmaps(List<DirtyBitmap> bitmaps) {
    ArrayNode list = JSON.arrayNode();
    for (DirtyBitmap b : bitmaps) {
      ObjectNode o =
          list.addObject()
              .put("name", b.name())
              .put("recording", b.isRecording())
              .put("busy", b.isBusy())
              .put("persistent", b.isPersistent())
              .put("granularity", b.granularityBytes())
              .put("count", b.dirtyBytes());
      if (b.isInconsistent()) {
        o.put("inconsistent", true);
      }
    }
    return list;
  }

  /** What {@code info} tells of one image ({@code ImageInfo}). */
  static ObjectNode info(BlockNode node) throws IOException {
    ImageInfo i = Images.info(node);
    ObjectNode o = JSON.objectNode();
    o.put("virtual-size", i.virtualSizeBytes());
    o.put("filename", i.filename());
    if (i.clusterBytes() > 0) {
      o.put("cluster-size", i.clusterBytes());
    }
    o.put("format", i.format());
    putActualSize(o, i.actualSizeBytes());
    if (i.encrypted()) {
      o.put("encrypted", true);
    }
    if (i.specific() != null && !i.specific().data().isEmpty()) {
      ObjectNode specific = JSON.objectNode().put("type", i.specific().type());
      specific.set("data", json(i.specific().data()));
      o.set("format-specific", specific);
    }
    if (i.backingName() != null) {
      o.put("full-backing-filename", i.fullBackingName());
      o.put("backing-filename", i.backingName());
      if (i.backingFormat() != null) {
        o.put("backing-filename-format", i.backingFormat());
      }
    }
    if (!i.snapshots().isEmpty()) {
      ArrayNode list = o.putArray("snapshots");
      i.snapshots().forEach(s -> list.add(snapshot(s)));
    }
    o.put("dirty-flag", i.dirty());
    return o;
  }

  static ObjectNode snapshot(ImageInfo.SnapshotInfo s) {
    ObjectNode o =
        JSON.objectNode()
            .put("vm-clock-nsec", s.vmClockNanos() % 1_000_000_000)
            .put("name", s.name())
            .put("date-sec", s.dateSeconds())
            .put("date-nsec", s.dateNanos())
            .put("vm-clock-sec", s.vmClockNanos() / 1_000_000_000)
            .put("id", s.id())
            .put("vm-state-size", s.vmStateBytes());
    return s.icount() < 0 ? o : o.put("icount", s.icount());
  }

  private static JsonNode json(Object value) {
    return switch (value) {
      case Map<?, ?> m -> {
        ObjectNode o = JSON.objectNode();
        m.forEach((k, v) -> o.set(String.valueOf(k), json(v)));
        yield o;
      }
      case List<?> l -> {
        ArrayNode a = JSON.arrayNode();
        l.forEach(v -> a.add(json(v)));
        yield a;
      }
      case Boolean b -> JSON.booleanNode(b);
      case Integer n -> JSON.numberNode(n.intValue());
      case Long n -> JSON.numberNode(n.longValue());
      case null -> JSON.nullNode();
      default -> JSON.textNode(value.toString());
    };
  }

  /** The numbers of one drive ({@code BlockStats}), with those of what is below. */
  ObjectNode stats(MachineParts.Drive d) {
    ObjectNode o = JSON.objectNode().put("device", d.name()).put("qdev", d.device());
    DiskStats stats = d.disk() == null ? null : d.disk().stats();
    o.set("stats", numbers(stats, true));
    if (d.disk() != null) {
      fill(o, d.disk().top(), stats.highestWriteBytes());
    }
    return o;
  }

  /** The numbers of one image or file. */
  ObjectNode stats(BlockNodes.Node n) {
    ObjectNode o = JSON.objectNode();
    switch (n) {
      case BlockNodes.Image i -> {
        o.set("stats", numbers(null, false));
        fill(o, i.image(), 0);
        o.remove("backing");
      }
      case BlockNodes.Storage s -> fill(o, s.file(), 0);
    }
    return o;
  }

  private void fill(ObjectNode o, BlockNode image, long highest) {
    o.put("node-name", disks.nodes().nameOf(image));
    if (!image.files().isEmpty()) {
      ObjectNode parent = o.putObject("parent");
      fill(parent, image.files().get(0), highest);
    }
    if (image.backing() != null) {
      ObjectNode backing = o.putObject("backing");
      backing.set("stats", numbers(null, false));
      fill(backing, image.backing(), 0);
    }
  }

  private void fill(ObjectNode o, ImageFile file, long highest) {
    o.put("node-name", disks.nodes().nameOf(file));
    ObjectNode numbers = numbers(null, false);
    numbers.put("wr_highest_offset", highest);
    o.set("stats", numbers);
    if (driver(file).equals("file")) {
      o.set(
          "driver-specific",
          JSON.objectNode()
              .put("driver", "file")
              .put("discard-nb-ok", 0)
              .put("discard-nb-failed", 0)
              .put("discard-bytes-ok", 0));
    }
  }

  /** The numbers of requests; zeros for null. */
  private static ObjectNode numbers(DiskStats stats, boolean account) {
    ObjectNode o = JSON.objectNode();
    DiskStats.Kind[] kinds = DiskStats.Kind.values();
    String[] words = {"rd", "wr", "flush", "unmap"};
    for (int i = 0; i < kinds.length; i++) {
      DiskStats.Kind k = kinds[i];
      String word = words[i];
      DiskStats.Numbers n = stats == null ? DiskStats.Numbers.NONE : stats.of(k);
      if (k != DiskStats.Kind.FLUSH) {
        o.put(word + "_bytes", n.bytes()).put(word + "_merged", 0);
      }
      o.put(word + "_operations", n.operations());
      o.put(word + "_total_time_ns", n.nanos());
      o.put("failed_" + word + "_operations", n.failed());
      o.put("invalid_" + word + "_operations", 0);
    }
    o.put("wr_highest_offset", stats == null ? 0 : stats.highestWriteBytes());
    o.put("account_invalid", account).put("account_failed", account);
    if (stats != null && stats.idleNanos() >= 0) {
      o.put("idle_time_ns", stats.idleNanos());
    }
    o.putArray("timed_stats");
    return o;
  }
}
