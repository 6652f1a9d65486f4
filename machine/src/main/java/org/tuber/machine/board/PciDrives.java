package org.tuber.machine.board;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import org.tuber.core.backend.BlockBackend;
import org.tuber.core.mem.DmaView;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.block.live.BlockJobs;
import org.tuber.devices.block.live.LiveDisk;
import org.tuber.devices.pci.PciBus;
import org.tuber.devices.storage.NvmeController;
import org.tuber.machine.DriveFiles;
import org.tuber.machine.DriveOption;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineParts;

/** Disk controllers on a board's PCI bus, as {@code -device} asks for them. */
public final class PciDrives {
  private static final int SLOTS = 32;

  private record Disk(String device, DriveOption option, BlockBackend image) {}

  private record BootEntry(int index, String path) {}

  /**
   * What the controllers are wired to.
   *
   * @param bus the root bus
   * @param firstFreeSlot slots below are the board's
   * @param path Open Firmware path of the bus, for boot indexes
   * @param memory for DMA
   * @param eventLoop completions arrive here
   */
  public record Wiring(
      PciBus bus, int firstFreeSlot, String path, DmaView memory, Executor eventLoop) {}

  private final Wiring wiring;
  private final DriveFiles files;
  private final Map<String, Snapshottable<?>> devices;
  private final List<BootEntry> bootOrder = new ArrayList<>();
  private final List<Disk> disks = new ArrayList<>();

  /**
   * No controllers yet.
   *
   * @param devices takes the devices with state
   */
  public PciDrives(Wiring wiring, DriveFiles files, Map<String, Snapshottable<?>> devices) {
    this.wiring = wiring;
    this.files = files;
    this.devices = devices;
  }

  /**
   * Builds a device of {@code -device} if it is one of these.
   *
   * @return false when it belongs to somebody else
   */
  public boolean build(MachineConfig.DeviceOption d) throws MachineException {
    if (!d.driver().equals("nvme")) {
      return false;
    }
    DriveOption option = files.claim("nvme", d.properties().get("drive"));
    BlockBackend image = files.open(option);
    if (image == null) {
      throw new MachineException("-device nvme: its drive needs file=");
    }
    String serial = d.properties().get("serial");
    if (serial == null) {
      throw new MachineException("-device nvme: needs serial=TEXT");
    }
    NvmeController nvme = new NvmeController(image, serial, wiring.memory, wiring.eventLoop);
    int slot = slot(d);
    wiring.bus.attach(slot, 0, nvme.pci());
    devices.put("nvme-" + slot, nvme);
    disks.add(new Disk("nvme-" + slot, option, image));
    files.rename(image, option.id());
    addBoot(d, "%s/*@%x".formatted(wiring.path, slot));
    return true;
  }

  /** The PCI slot of {@code addr=}, or the next free one. */
  private int slot(MachineConfig.DeviceOption d) throws MachineException {
    String text = d.properties().get("addr");
    int slot = wiring.bus.freeSlot(wiring.firstFreeSlot);
    if (text != null) {
      try {
        slot = Integer.parseInt(text.split("\\.", 2)[0].replaceFirst("^0x", ""), 16);
      } catch (NumberFormatException e) {
        slot = -1;
      }
    }
    if (slot < 0 || slot >= SLOTS || wiring.bus.function(slot, 0) != null) {
      throw new MachineException(
          "-device " + d.driver() + ": no free PCI slot (addr=" + text + ")");
    }
    return slot;
  }

  private void addBoot(MachineConfig.DeviceOption d, String path) throws MachineException {
    String text = d.properties().get("bootindex");
    if (text == null) {
      return;
    }
    if (!text.matches("[0-9]{1,9}")) {
      throw new MachineException(
          "-device " + d.driver() + ": bootindex=" + text + " is not a number");
    }
    bootOrder.add(new BootEntry(Integer.parseInt(text), path));
  }

  /** The drives behind the controllers. */
  public List<MachineParts.Drive> list() {
    List<MachineParts.Drive> all = new ArrayList<>();
    for (Disk d : disks) {
      LiveDisk live = files.live(d.image);
      all.add(
          new MachineParts.Drive(
              d.option.id(),
              "/machine/" + d.device,
              d.option,
              false,
              false,
              false,
              d.image.lengthBytes(),
              live.formatName(),
              live));
    }
    return all;
  }

  /** The images of all drives, and the jobs working on them. */
  public BlockJobs jobs() {
    return files.jobs();
  }

  /** Open Firmware paths of the devices with a boot index, best first. */
  public List<String> bootOrder() {
    return bootOrder.stream()
        .sorted(Comparator.comparingInt(BootEntry::index))
        .map(BootEntry::path)
        .toList();
  }
}
