package org.tuber.machine.monitor;

import java.io.IOException;
import java.util.Optional;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.live.BlockJob;
import org.tuber.devices.block.live.BlockJobs;
import org.tuber.devices.block.live.BlockNodes;
import org.tuber.devices.block.live.LiveDisk;
import org.tuber.machine.MachineParts;
import org.tuber.machine.MachineRun;
import org.tuber.machine.monitor.QmpException.Kind;

/** Drives, images and jobs by the names that monitors use, and the images that jobs write. */
final class MonitorDisks {
  private final MachineRun machine;

  MonitorDisks(MachineRun machine) {
    this.machine = machine;
  }

  MachineParts parts() {
    return machine.parts();
  }

  BlockJobs jobs() {
    return machine.parts().blockJobs();
  }

  BlockNodes nodes() {
    return jobs().nodes();
  }

  /** What a command on images does. */
  interface Work<T> {
    T run() throws IOException, QmpException;
  }

  /** Turns what goes wrong with images into a refusal. */
  static <T> T attempt(Work<T> work) throws QmpException {
    try {
      return work.run();
    } catch (ImageException e) {
      throw new QmpException(e.getMessage());
    } catch (IOException e) {
      throw new QmpException(e.getMessage() == null ? e.toString() : e.getMessage());
    }
  }

  /** The same where the problem alone says enough: it names the option, or the object. */
  static <T> T plainly(Work<T> work) throws QmpException {
    return attempt(
        () -> {
          try {
            return work.run();
          } catch (ImageException e) {
            boolean plain = e.problem().contains("'");
            throw new QmpException(plain ? e.problem() : e.getMessage());
          }
        });
  }

  /** The drive of that name or place, or null. */
  MachineParts.Drive drive(String name) {
    for (MachineParts.Drive d : parts().drives()) {
      if (d.name().equals(name) || d.device().equals(name)) {
        return d;
      }
    }
    return null;
  }

  static QmpException notFound(String device, String node) {
    return new QmpException("Cannot find device='" + device + "' nor node-name='" + node + "'");
  }

  /** The disk in a drive, or on whose top the image of that node name is. */
  LiveDisk disk(String name) throws QmpException {
    return disk(name, name);
  }

  /** The same, if there is one. */
  Optional<LiveDisk> maybe(String name) {
    try {
      return Optional.of(disk(name));
    } catch (QmpException e) {
      return Optional.empty();
    }
  }

  /** The disk of a device or of an image; null for what was not given. */
  LiveDisk disk(String device, String node) throws QmpException {
    MachineParts.Drive d = device == null ? null : drive(device);
    if (d != null) {
      if (d.disk() == null) {
        throw new QmpException("Device '" + device + "' has no medium");
      }
      return d.disk();
    }
    if (node != null
        && nodes().find(node) instanceof BlockNodes.Image i
        && i.disk() != null
        && i.disk().top() == i.image()) {
      return i.disk();
    }
    throw notFound(device == null ? "" : device, node == null ? "" : node);
  }

  /** The same, by the two arguments. */
  LiveDisk disk(QmpArguments a, String nodeArgument) throws QmpException {
    return disk(a.text("device", null), a.text(nodeArgument, null));
  }

  /** The drive's disk, refused as QEMU's older commands do. */
  LiveDisk device(String name) throws QmpException {
    try {
      return disk(name);
    } catch (QmpException e) {
      if (drive(name) == null) {
        throw new QmpException(Kind.DEVICE_NOT_FOUND, "Device '" + name + "' not found");
      }
      throw e;
    }
  }

  /** The image of a chain with that node name. */
  BlockNode image(LiveDisk disk, String node) throws QmpException {
    if (nodes().find(node) instanceof BlockNodes.Image i) {
      if (i.disk() != disk) {
        throw new QmpException("Node '" + node + "' is not in the chain of this device");
      }
      return i.image();
    }
    throw notFound("", node);
  }

  /** The image of a chain in that file, or null. */
  static BlockNode imageInFile(LiveDisk disk, String file) {
    for (BlockNode n = disk.top(); n != null; n = n.backing()) {
      if (n.filename().equals(file) || Images.isSameFile(n.filename(), file)) {
        return n;
      }
    }
    return null;
  }

  /** The job of that name. */
  BlockJob job(String id, boolean blockJob) throws QmpException {
    for (BlockJob j : jobs().jobs()) {
      if (j.id().equals(id) && !(blockJob && j.info().type() == BlockJob.Type.CREATE)) {
        return j;
      }
    }
    throw blockJob
        ? new QmpException(Kind.DEVICE_NOT_ACTIVE, "Block job '" + id + "' not found")
        : new QmpException("Job not found");
  }

  /**
   * An image for a job to write to.
   *
   * @param image the image
   * @param fresh it was made just now
   * @param node its node name if it was there before, and stays; else null
   */
  record Target(BlockNode image, boolean fresh, String node) {}

  /** The image that a {@code blockdev-} command names. */
  Target targetNode(String name) throws QmpException {
    if (!(nodes().find(name) instanceof BlockNodes.Image i)) {
      throw notFound(name, name);
    }
    if (i.disk() != null) {
      throw new QmpException("Node " + name + " is in use");
    }
    if (i.image().isReadOnly()) {
      throw new QmpException("Block node is read-only");
    }
    return new Target(i.image(), false, name);
  }

  /**
   * The image that a {@code drive-} command names, made unless it exists.
   *
   * @param backing image that shows through a new one, or null
   */
  Target targetFile(
      LiveDisk disk, String file, String format, boolean create, BlockNode backing, boolean shows)
      throws QmpException {
    return attempt(
        () -> {
          String kind = format == null && create ? disk.formatName() : format;
          if (create) {
            CreateOptions options = CreateOptions.of(file, disk.lengthBytes());
            if (backing != null) {
              options =
                  options
                      .with("backing_file", Images.absolute(backing.filename()))
                      .with("backing_fmt", backing.formatName());
            }
            ImageFormats.byName(file, kind).create(options);
          }
          OpenOptions open =
              disk.options()
                  .withFormat(kind)
                  .withWritable(true)
                  .withBackingLocked(false)
                  .withOpenBacking(shows);
          return new Target(Images.open(file, open), create && backing == null, null);
        });
  }
}
