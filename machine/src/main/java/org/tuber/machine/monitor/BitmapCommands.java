package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.tuber.devices.block.DirtyBitmap;
import org.tuber.devices.block.live.LiveDisk;

/** QMP: dirty bitmaps. */
final class BitmapCommands implements QmpTable.Family {
  private static final int MIN_GRANULARITY_BYTES = 512;

  private final MonitorDisks disks;

  BitmapCommands(MonitorDisks disks) {
    this.disks = disks;
  }

  @Override
  public void addTo(QmpTable table) {
    for (String verb : List.of("add", "remove", "clear", "enable", "disable", "merge")) {
      table.add(
          "block-dirty-bitmap-" + verb,
          a -> {
            act(verb, a, new ArrayDeque<>());
            return null;
          });
    }
    table.add("x-debug-block-dirty-bitmap-sha256", this::digest);
  }

  static DirtyBitmap find(LiveDisk disk, String name) throws QmpException {
    for (DirtyBitmap b : disk.bitmaps()) {
      if (b.name().equals(name)) {
        return b;
      }
    }
    throw new QmpException("Dirty bitmap '" + name + "' not found");
  }

  /** Refuses one that a job has, or whose content is not to be trusted. */
  static void requireUsable(DirtyBitmap b, boolean consistent) throws QmpException {
    if (b.isBusy()) {
      throw new QmpException(
          "Bitmap '" + b.name() + "' is currently in use by another operation and cannot be used");
    }
    if (consistent && b.isInconsistent()) {
      throw new QmpException("Bitmap '" + b.name() + "' is inconsistent and cannot be used");
    }
  }

  /** Does one of the commands and leaves in {@code undo} what takes it back. */
  void act(String verb, QmpArguments a, ArrayDeque<Runnable> undo) throws QmpException {
    String node = a.text("node");
    LiveDisk disk = disks.disk(node);
    switch (verb) {
      case "add" -> add(disk, a, undo);
      case "merge" -> merge(disk, a, undo);
      default -> {
        DirtyBitmap b = find(disk, a.text("name"));
        a.end();
        requireUsable(b, !verb.equals("remove"));
        boolean was = b.isRecording();
        switch (verb) {
          case "enable" -> b.setRecording(true);
          case "disable" -> b.setRecording(false);
          case "clear" -> {
            DirtyBitmap before = b.copy();
            MonitorDisks.attempt(
                () -> {
                  disk.clearBitmap(b.name());
                  return null;
                });
            undo.push(() -> b.merge(before));
          }
          default -> {
            MonitorDisks.attempt(
                () -> {
                  disk.removeBitmap(b.name());
                  return null;
                });
            undo.push(() -> quietly(() -> disk.addBitmap(b)));
          }
        }
        undo.push(() -> b.setRecording(was));
      }
    }
  }

  private static void quietly(LiveDisk.GraphChange change) {
    try {
      MonitorDisks.attempt(
          () -> {
            change.run();
            return null;
          });
    } catch (QmpException e) {
      throw new IllegalStateException(e);
    }
  }

  private void add(LiveDisk disk, QmpArguments a, ArrayDeque<Runnable> undo) throws QmpException {
    final String name = a.text("name");
    long granularity = a.number("granularity", defaultGranularity(disk));
    final boolean persistent = a.flag("persistent", false);
    final boolean disabled = a.flag("disabled", false);
    a.end();
    if (name.isEmpty()) {
      throw new QmpException("Bitmap name cannot be empty");
    }
    if (granularity < MIN_GRANULARITY_BYTES
        || granularity > 1L << 30
        || Long.bitCount(granularity) != 1) {
      throw new QmpException("Granularity must be power of 2 and at least 512");
    }
    for (DirtyBitmap b : disk.bitmaps()) {
      if (b.name().equals(name)) {
        throw new QmpException("Bitmap already exists: " + name);
      }
    }
    if (persistent && !disk.top().storesBitmaps()) {
      throw new QmpException(
          "Can't store persistent bitmaps to " + disk.name() + ": Operation not supported");
    }
    MonitorDisks.attempt(
        () -> {
          DirtyBitmap b = new DirtyBitmap(name, disk.lengthBytes(), (int) granularity);
          b.setRecording(!disabled);
          b.setPersistent(persistent);
          disk.addBitmap(b);
          return null;
        });
    undo.push(() -> quietly(() -> disk.removeBitmap(name)));
  }

  private static long defaultGranularity(LiveDisk disk) {
    int cluster = disk.clusterBytes();
    return cluster == 0
        ? DirtyBitmap.DEFAULT_GRANULARITY_BYTES
        : Math.max(4096, Math.min(DirtyBitmap.DEFAULT_GRANULARITY_BYTES, cluster));
  }

  private void merge(LiveDisk disk, QmpArguments a, ArrayDeque<Runnable> undo) throws QmpException {
    DirtyBitmap target = find(disk, a.text("target"));
    List<DirtyBitmap> sources = new ArrayList<>();
    for (JsonNode n : a.list("bitmaps")) {
      if (n.isTextual()) {
        sources.add(find(disk, n.textValue()));
      } else {
        QmpArguments external = QmpArguments.member("bitmaps", n);
        sources.add(find(disks.disk(external.text("node")), external.text("name")));
        external.end();
      }
    }
    a.end();
    requireUsable(target, true);
    for (DirtyBitmap b : sources) {
      requireUsable(b, true);
      if (b.diskBytes() != target.diskBytes()) {
        throw new QmpException("Bitmaps are of different sizes (destination size is different)");
      }
    }
    DirtyBitmap before = target.copy();
    sources.forEach(target::merge);
    undo.push(
        () -> {
          target.clear();
          target.merge(before);
        });
  }

  /** A fingerprint of the marks, for tests: SHA-256 of the marks as 64-bit little-endian words. */
  private JsonNode digest(QmpArguments a) throws QmpException {
    DirtyBitmap b = find(disks.disk(a.text("node")), a.text("name"));
    a.end();
    long units = (b.diskBytes() + b.granularityBytes() - 1) / b.granularityBytes();
    byte[] bytes = b.toBytes(0, Math.toIntExact((units + 63) / 64 * 8));
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      sha.update(ByteBuffer.wrap(bytes));
      return JsonNodeFactory.instance
          .objectNode()
          .put("sha256", HexFormat.of().formatHex(sha.digest()));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
