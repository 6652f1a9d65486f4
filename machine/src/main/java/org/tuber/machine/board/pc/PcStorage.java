package org.tuber.machine.board.pc;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.tuber.core.backend.BlockBackend;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.DmaView;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.dma.I8237Dma;
import org.tuber.devices.irqchip.IsaIrqLines;
import org.tuber.devices.pci.PciBus;
import org.tuber.devices.storage.AhciController;
import org.tuber.devices.storage.AtaDisk;
import org.tuber.devices.storage.AtapiCdrom;
import org.tuber.devices.storage.DiskGeometry;
import org.tuber.devices.storage.FloppyDrive;
import org.tuber.devices.storage.I82077Fdc;
import org.tuber.devices.storage.MmcDrive;
import org.tuber.devices.storage.NvmeController;
import org.tuber.devices.storage.Piix3Ide;
import org.tuber.devices.timer.Mc146818Rtc;
import org.tuber.machine.DriveFiles;
import org.tuber.machine.DriveOption;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineException;
import org.tuber.machine.RunEvent;

/** The disk controllers of the {@code pc} board and the drives that the command line put there. */
final class PcStorage implements AutoCloseable {
  private static final int SLOT = 1;
  private static final int IDE_FUNCTION = 1;

  /** Slot 2 is the video card's. */
  private static final int FIRST_FREE_SLOT = 3;

  private static final int CMOS_FLOPPY_TYPES = 0x10;
  private static final int CMOS_EQUIPMENT = 0x14;
  private static final int EQUIPMENT_FPU_AND_MOUSE = 0x06;
  private static final int CMOS_DISK_TYPES = 0x12;
  private static final int CMOS_DISK0 = 0x19;
  private static final int CMOS_GEOMETRY0 = 0x1b;
  private static final int CMOS_GEOMETRY_BYTES = 9;
  private static final int CMOS_TRANSLATION = 0x39;

  /** What this board part is wired to; {@code bus} is null on a board without PCI. */
  record Wiring(
      PciBus bus,
      AddressSpace io,
      DmaView memory,
      IsaIrqLines isa,
      I8237Dma isaDma,
      Executor eventLoop,
      Consumer<RunEvent> events) {}

  private record Sata(AhciController controller, int slot) {}

  private final PcDrives drives;

  private record BootEntry(int index, String path) {}

  private final Wiring wiring;
  private final DriveFiles files;
  private final Map<String, Snapshottable<?>> devices;
  private final Map<String, Sata> sata = new HashMap<>();
  private final Piix3Ide ide;
  private final I82077Fdc fdc;
  private final List<BootEntry> bootOrder = new ArrayList<>();
  private final DiskGeometry[] geometries = new DiskGeometry[Piix3Ide.DRIVES];

  /**
   * The controllers that are always there, and the drives with a place of their own.
   *
   * @param devices takes the devices with state
   */
  PcStorage(Wiring wiring, MachineConfig config, Map<String, Snapshottable<?>> devices)
      throws MachineException {
    this.wiring = wiring;
    this.devices = devices;
    files = new DriveFiles(config.drives(), config.objects());
    drives = new PcDrives(files, wiring.events);
    ide = new Piix3Ide(wiring.io, wiring.memory, wiring.isa.source(14), wiring.isa.source(15));
    if (wiring.bus != null) {
      wiring.bus.attach(SLOT, IDE_FUNCTION, ide.pci());
    }
    devices.put("piix3-ide", ide);
    fdc = new I82077Fdc(wiring.isa.source(6), wiring.isaDma, wiring.eventLoop);
    devices.put("fdc", fdc);
    int priority = AddressSpace.PRIORITY_PLATFORM;
    wiring.io.mapDevice(0x3f0, I82077Fdc.PORTS_BYTES, fdc.ports(), priority);
    wiring.io.mapDevice(0x3f7, 1, fdc.ratePort(), priority);
    try {
      for (DriveOption d : config.drives()) {
        attach(d);
      }
    } catch (MachineException | RuntimeException e) {
      close();
      throw e;
    }
  }

  /** The images. */
  DriveFiles files() {
    return files;
  }

  /** The drives by name. */
  PcDrives drives() {
    return drives;
  }

  /** The IDE function, for boards that start without firmware. */
  Piix3Ide ide() {
    return ide;
  }

  private void attach(DriveOption d) throws MachineException {
    switch (d.bus()) {
      case IDE -> {
        if (!d.id().isEmpty()) {
          files.claim("ide", d.id());
        }
        attachIde(place(d.index()), d, d.media() == DriveOption.Media.CDROM, "");
      }
      case FLOPPY -> attachFloppy(d);
      case PFLASH -> {
        if (!d.id().isEmpty()) {
          files.claim("pflash", d.id());
        }
      }
      case VIRTIO ->
          throw new MachineException("-drive if=" + d.bus() + ": this machine has no such bus");
      case NONE -> {}
    }
  }

  private void attachFloppy(DriveOption d) throws MachineException {
    if (!d.id().isEmpty()) {
      files.claim("floppy", d.id());
    }
    int number = d.index() >= 0 ? d.index() : fdc.drive(0) == null ? 0 : 1;
    if (number >= I82077Fdc.DRIVES || fdc.drive(number) != null) {
      throw new MachineException("-drive if=floppy: place " + number + " is taken or not there");
    }
    FloppyDrive drive = new FloppyDrive(files.open(d));
    fdc.attach(number, drive);
    devices.put("floppy" + number, drive);
    drives.addFloppy("floppy" + number, d, drive);
  }

  private int place(int wanted) throws MachineException {
    if (wanted >= Piix3Ide.DRIVES) {
      throw new MachineException("-drive index=" + wanted + ": a pc has four IDE places");
    }
    if (wanted >= 0) {
      if (!ide.isFree(wanted)) {
        throw new MachineException("-drive: IDE place " + wanted + " is taken twice");
      }
      return wanted;
    }
    for (int i = 0; i < Piix3Ide.DRIVES; i++) {
      if (ide.isFree(i)) {
        return i;
      }
    }
    throw new MachineException("-drive: all four IDE places are taken");
  }

  private void attachIde(int place, DriveOption d, boolean cdrom, String wantedSerial)
      throws MachineException {
    BlockBackend image = files.open(d);
    String serial = wantedSerial.isEmpty() ? "QM%05d".formatted(place + 1) : wantedSerial;
    if (cdrom) {
      MmcDrive tray = new MmcDrive(image, serial);
      AtapiCdrom drive = new AtapiCdrom(tray, wiring.eventLoop);
      ide.attach(place, drive);
      String name = "ide" + place / 2 + "-cd" + place % 2;
      devices.put(name, drive);
      drives.addCdrom(name, d, tray);
      return;
    }
    if (image == null) {
      throw new MachineException("-drive: an IDE disk needs file=");
    }
    AtaDisk drive = new AtaDisk(image, serial, wiring.eventLoop);
    geometries[place] = drive.geometry();
    ide.attach(place, drive);
    String name = "ide" + place / 2 + "-hd" + place % 2;
    devices.put(name, drive);
    drives.addDisk(name, d, image);
  }

  /**
   * Builds a device of {@code -device} if it is one of these.
   *
   * @return false when it belongs to somebody else
   */
  boolean build(MachineConfig.DeviceOption d) throws MachineException {
    switch (d.driver()) {
      case "ide-hd", "ide-cd" -> {
        boolean cdrom = d.driver().equals("ide-cd");
        if (sata(d) != null) {
          attachSata(d, cdrom);
          return true;
        }
        String id = d.properties().get("drive");
        DriveOption drive = cdrom && id == null ? emptyCdrom() : files.claim(d.driver(), id);
        int place = devicePlace(d);
        attachIde(place, drive, cdrom, d.properties().getOrDefault("serial", ""));
        addBoot(d, "/pci@i0cf8/ide@1,1/drive@" + place / 2 + "/disk@" + place % 2);
      }
      case "nvme" -> buildNvme(d);
      case "ahci", "ich9-ahci" -> buildAhci(d);
      default -> {
        return false;
      }
    }
    return true;
  }

  private void buildAhci(MachineConfig.DeviceOption d) throws MachineException {
    AhciController controller = new AhciController(wiring.memory);
    int slot = slot(d);
    wiring.bus.attach(slot, 0, controller.pci());
    devices.put("ahci-" + slot, controller);
    sata.put(d.properties().getOrDefault("id", "ahci"), new Sata(controller, slot));
  }

  /** The AHCI controller that {@code bus=ID.PORT} names, or null. */
  private Sata sata(MachineConfig.DeviceOption d) {
    String bus = d.properties().getOrDefault("bus", "");
    int dot = bus.lastIndexOf('.');
    return dot < 0 ? null : sata.get(bus.substring(0, dot));
  }

  private void attachSata(MachineConfig.DeviceOption d, boolean cdrom) throws MachineException {
    Sata at = sata(d);
    String bus = d.properties().get("bus");
    String text = bus.substring(bus.lastIndexOf('.') + 1);
    int port = text.matches("[0-9]") ? Integer.parseInt(text) : AhciController.PORTS;
    if (port >= AhciController.PORTS || !at.controller.isFree(port)) {
      throw new MachineException("-device " + d.driver() + ": no free port '" + bus + "'");
    }
    String id = d.properties().get("drive");
    DriveOption drive = cdrom && id == null ? emptyCdrom() : files.claim(d.driver(), id);
    BlockBackend image = files.open(drive);
    String serial = d.properties().getOrDefault("serial", "QM%05d".formatted(port + 5));
    String name = "sata-" + at.slot + "-" + port;
    if (cdrom) {
      MmcDrive tray = new MmcDrive(image, serial);
      AtapiCdrom cd = new AtapiCdrom(tray, wiring.eventLoop);
      at.controller.attach(port, cd);
      devices.put(name, cd);
      drives.addCdrom(name, drive, tray);
    } else if (image == null) {
      throw new MachineException("-device " + d.driver() + ": its drive needs file=");
    } else {
      AtaDisk disk = new AtaDisk(image, serial, wiring.eventLoop);
      at.controller.attach(port, disk);
      devices.put(name, disk);
      drives.addDisk(name, drive, image);
    }
    addBoot(d, "/pci@i0cf8/*@%x/drive@%x/disk@0".formatted(at.slot, port));
  }

  private void buildNvme(MachineConfig.DeviceOption d) throws MachineException {
    DriveOption drive = files.claim("nvme", d.properties().get("drive"));
    BlockBackend image = files.open(drive);
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
    drives.addDisk("nvme-" + slot, drive, image);
    addBoot(d, "/pci@i0cf8/*@%x".formatted(slot));
  }

  /** The PCI slot of {@code addr=}, or the next free one. */
  private int slot(MachineConfig.DeviceOption d) throws MachineException {
    String text = d.properties().get("addr");
    int slot = wiring.bus.freeSlot(FIRST_FREE_SLOT);
    if (text != null) {
      try {
        slot = Integer.parseInt(text.split("\\.", 2)[0].replaceFirst("^0x", ""), 16);
      } catch (NumberFormatException e) {
        slot = -1;
      }
    }
    if (slot < 0 || slot > 31 || wiring.bus.function(slot, 0) != null) {
      throw new MachineException(
          "-device " + d.driver() + ": no free PCI slot (addr=" + text + ")");
    }
    return slot;
  }

  private static DriveOption emptyCdrom() {
    return new DriveOption(
        "",
        null,
        null,
        DriveOption.Bus.NONE,
        -1,
        DriveOption.Media.CDROM,
        false,
        true,
        "writeback");
  }

  private int devicePlace(MachineConfig.DeviceOption d) throws MachineException {
    String bus = d.properties().get("bus");
    int unit = number(d, "unit", -1, 1);
    if (bus == null) {
      return place(unit);
    }
    if (!bus.equals("ide.0") && !bus.equals("ide.1")) {
      throw new MachineException("-device " + d.driver() + ": no bus '" + bus + "'");
    }
    int base = bus.equals("ide.0") ? 0 : 2;
    if (unit >= 0) {
      return place(base + unit);
    }
    return place(ide.isFree(base) ? base : base + 1);
  }

  private static int number(MachineConfig.DeviceOption d, String name, int otherwise, int most)
      throws MachineException {
    String text = d.properties().get(name);
    if (text == null) {
      return otherwise;
    }
    try {
      int value = Integer.parseInt(text);
      if (value >= 0 && value <= most) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Reported below like a number out of range.
    }
    throw new MachineException(
        "-device " + d.driver() + ": " + name + "=" + text + " is not within 0 to " + most);
  }

  private void addBoot(MachineConfig.DeviceOption d, String path) throws MachineException {
    int index = number(d, "bootindex", -1, Integer.MAX_VALUE);
    if (index >= 0 && wiring.bus == null) {
      throw new MachineException("-device " + d.driver() + ": bootindex is for machines with PCI");
    }
    if (index >= 0) {
      bootOrder.add(new BootEntry(index, path));
    }
  }

  /** Open Firmware paths of the devices with a boot index, best first. */
  List<String> bootOrder() {
    return bootOrder.stream()
        .sorted(Comparator.comparingInt(BootEntry::index))
        .map(BootEntry::path)
        .toList();
  }

  /** Tells firmware in CMOS RAM which disks there are. */
  void describe(Mc146818Rtc rtc) {
    int types = 0;
    int translations = 0;
    for (int place = 0; place < geometries.length; place++) {
      DiskGeometry g = geometries[place];
      if (g == null) {
        continue;
      }
      translations |= g.translation() << 2 * place;
      if (place < 2) {
        types |= place == 0 ? 0xf0 : 0x0f;
        rtc.setRam(CMOS_DISK0 + place, 47); // a type of its own, described below
        int at = CMOS_GEOMETRY0 + place * CMOS_GEOMETRY_BYTES;
        int[] bytes = {
          g.cylinders(),
          g.cylinders() >>> 8,
          g.heads(),
          0xff,
          0xff,
          0xc0 | (g.heads() > 8 ? 8 : 0),
          g.cylinders(),
          g.cylinders() >>> 8,
          g.sectors()
        };
        for (int i = 0; i < bytes.length; i++) {
          rtc.setRam(at + i, bytes[i]);
        }
      }
    }
    int floppies = 0;
    int floppyTypes = 0;
    for (int i = 0; i < I82077Fdc.DRIVES; i++) {
      if (fdc.drive(i) != null) {
        floppies++;
        floppyTypes |= fdc.drive(i).cmosType() << (i == 0 ? 4 : 0);
      }
    }
    rtc.setRam(CMOS_FLOPPY_TYPES, floppyTypes);
    int equipment = EQUIPMENT_FPU_AND_MOUSE | (floppies > 0 ? 1 | floppies - 1 << 6 : 0);
    rtc.setRam(CMOS_EQUIPMENT, equipment);
    rtc.setRam(CMOS_DISK_TYPES, types);
    rtc.setRam(CMOS_TRANSLATION, translations);
  }

  void flush() {
    files.flush();
  }

  @Override
  public void close() {
    files.close();
  }
}
