package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.JsonNode;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.ImageObjects;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.live.BlockJob;
import org.tuber.devices.block.live.BlockNodes;
import org.tuber.devices.block.options.OptionTree;
import org.tuber.devices.block.options.ProtocolOptions;

/** QMP: images opened by themselves, to become an overlay or a job's target. */
final class BlockNodeCommands implements QmpTable.Family {
  private final MonitorDisks disks;

  BlockNodeCommands(MonitorDisks disks) {
    this.disks = disks;
  }

  @Override
  public void addTo(QmpTable table) {
    table.add("blockdev-add", this::add);
    table.add("blockdev-del", this::delete);
  }

  private JsonNode add(QmpArguments a) throws QmpException {
    String name = a.text("node-name", null);
    if (name == null) {
      throw new QmpException("'node-name' must be specified for the root node");
    }
    requireFree(name);
    if (ProtocolOptions.isKnown(a.text("driver"))) {
      String file = file(a);
      MonitorDisks.plainly(
          () -> {
            Images.openFile(file, OpenOptions.readOnly().withLocked(false).withObjects(objects()))
                .close();
            return null;
          });
      disks.nodes().addFile(name, file);
      return null;
    }
    BlockNode image = open(a, name);
    disks.nodes().add(name, image);
    return null;
  }

  private void requireFree(String name) throws QmpException {
    if (!name.matches("[A-Za-z][A-Za-z0-9_.-]{0,30}")) {
      throw new QmpException("Invalid node-name: '" + name + "'");
    }
    if (disks.drive(name) != null) {
      throw new QmpException("node-name=" + name + " is conflicting with a device id");
    }
    if (disks.nodes().find(name) != null || disks.nodes().file(name) != null) {
      throw new QmpException("Duplicate nodes with node-name='" + name + "'");
    }
  }

  /** The name of what a protocol's options describe. */
  private static String file(QmpArguments a) throws QmpException {
    String driver = a.text("driver");
    for (String ignored :
        new String[] {"node-name", "discard", "detect-zeroes", "locking", "read-only"}) {
      a.has(ignored);
    }
    a.flag("auto-read-only", false);
    if (a.has("cache")) {
      a.object("cache");
    }
    return MonitorDisks.plainly(
        () -> {
          OptionTree options = OptionTree.of(driver, a.rest());
          String name = ProtocolOptions.take(driver, options);
          if (!options.isEmpty()) {
            throw new QmpException("Parameter '" + options.first() + "' is unexpected");
          }
          return name;
        });
  }

  /** Opens an image that a format's options describe, with its chain. */
  private BlockNode open(QmpArguments a, String name) throws QmpException {
    String format = a.text("driver");
    if (!ImageFormats.isKnown(format)) {
      throw new QmpException("Parameter 'driver' does not accept value '" + format + "'");
    }
    String fileNode = a.isText("file") ? a.text("file") : null;
    String file;
    if (fileNode != null) {
      file = disks.nodes().file(fileNode);
      if (file == null) {
        throw MonitorDisks.notFound("", fileNode);
      }
    } else {
      QmpArguments f = a.object("file");
      fileNode = f.text("node-name", null);
      file = file(f);
    }
    boolean noBacking = a.isNull("backing");
    String backingNode = a.isText("backing") ? a.text("backing") : null;
    QmpArguments backing =
        a.has("backing") && backingNode == null && !noBacking ? a.object("backing") : null;
    boolean readOnly = a.flag("read-only", false);
    OpenOptions options =
        OpenOptions.readOnly()
            .withFormat(format)
            .withWritable(!readOnly)
            .withBackingLocked(false)
            .withCache(cache(a))
            .withObjects(objects())
            .withSecretId(secretId(format, a))
            .withOpenBacking(!noBacking && backingNode == null && backing == null);
    a.flag("auto-read-only", false);
    a.flag("lazy-refcounts", false);
    for (String ignored : new String[] {"node-name", "discard", "detect-zeroes"}) {
      a.text(ignored, null);
    }
    a.end();
    if (backingNode != null && !(disks.nodes().isLoose(backingNode))) {
      throw MonitorDisks.notFound("", backingNode);
    }
    BlockNode image = MonitorDisks.plainly(() -> Images.open(file, options));
    String storage = fileNode;
    try {
      if (backing != null) {
        String inner = backing.text("node-name", null);
        BlockNode below = open(backing, inner);
        attach(image, below);
        if (inner != null) {
          disks.nodes().name(below, inner);
        }
      } else if (backingNode != null) {
        attach(image, ((BlockNodes.Image) disks.nodes().find(backingNode)).image());
        disks.nodes().release(backingNode);
      }
    } catch (QmpException e) {
      MonitorDisks.attempt(
          () -> {
            image.close();
            return null;
          });
      throw e;
    }
    if (name != null) {
      disks.nodes().name(image, name);
    }
    if (storage != null && !image.files().isEmpty()) {
      disks.nodes().name(image.files().get(0), storage);
    }
    return image;
  }

  private ImageObjects objects() {
    return disks.jobs().objects();
  }

  /** Which passphrase the options name; null for none. */
  private static String secretId(String format, QmpArguments a) throws QmpException {
    if (format.equals("luks")) {
      return a.text("key-secret", null);
    }
    if (!format.startsWith("qcow") || !a.has("encrypt")) {
      return null;
    }
    QmpArguments e = a.object("encrypt");
    String kind = e.text("format");
    if (!kind.equals("aes") && !(kind.equals("luks") && format.equals("qcow2"))) {
      throw new QmpException("Parameter 'format' does not accept value '" + kind + "'");
    }
    String id = e.text("key-secret", null);
    e.end();
    return id;
  }

  private static void attach(BlockNode image, BlockNode below) throws QmpException {
    MonitorDisks.attempt(() -> image.attachBacking(below));
  }

  private static CacheMode cache(QmpArguments a) throws QmpException {
    if (!a.has("cache")) {
      return CacheMode.WRITEBACK;
    }
    QmpArguments c = a.object("cache");
    boolean direct = c.flag("direct", false);
    boolean noFlush = c.flag("no-flush", false);
    c.end();
    return noFlush ? CacheMode.UNSAFE : direct ? CacheMode.NONE : CacheMode.WRITEBACK;
  }

  private JsonNode delete(QmpArguments a) throws QmpException {
    String name = a.text("node-name");
    a.end();
    BlockNodes.Node node = disks.nodes().find(name);
    if (disks.nodes().file(name) != null) {
      if (node != null) {
        throw new QmpException("Block device " + name + " is in use");
      }
      disks.nodes().removeFile(name);
      return null;
    }
    if (node == null) {
      throw new QmpException("Failed to find node with node-name='" + name + "'");
    }
    if (!disks.nodes().isLoose(name)
        || isTarget(node)
        || node instanceof BlockNodes.Image i && disks.jobs().exports().isOffered(i.image())) {
      throw new QmpException("Node " + name + " is in use");
    }
    return MonitorDisks.attempt(
        () -> {
          disks.nodes().close(name);
          return null;
        });
  }

  private boolean isTarget(BlockNodes.Node node) {
    for (BlockJob j : disks.jobs().jobs()) {
      if (node instanceof BlockNodes.Image i
          && j.target() == i.image()
          && j.info().status() != BlockJob.Status.CONCLUDED) {
        return true;
      }
    }
    return false;
  }
}
