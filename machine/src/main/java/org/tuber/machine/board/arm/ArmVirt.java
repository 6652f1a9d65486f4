package org.tuber.machine.board.arm;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.tuber.core.cpu.ArmPlatform.Conduit;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.cpu.VcpuFactory;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.core.time.Timer;
import org.tuber.devices.firmware.FwCfg;
import org.tuber.devices.gpio.Pl061Gpio;
import org.tuber.devices.pci.PciBus;
import org.tuber.devices.pci.PcieHost;
import org.tuber.devices.serial.Pl011;
import org.tuber.devices.timer.Pl031Rtc;
import org.tuber.devices.virtio.EmptyMmioSlot;
import org.tuber.machine.CharBackendSource;
import org.tuber.machine.DeviceCatalogue;
import org.tuber.machine.DriveFiles;
import org.tuber.machine.DriveOption;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineParts;
import org.tuber.machine.MachineRun;
import org.tuber.machine.board.Chassis;
import org.tuber.machine.board.PciDrives;
import org.tuber.machine.firmware.ArmBoot;
import org.tuber.machine.firmware.BootMemory;
import org.tuber.machine.firmware.E820;
import org.tuber.machine.firmware.ImageFile;
import org.tuber.machine.firmware.acpi.PcAcpi;
import org.tuber.machine.firmware.acpi.VirtAcpi;
import org.tuber.machine.run.RunControl;
import org.tuber.machine.run.VcpuThread;

/**
 * The {@code virt} board: AArch64 CPUs, a GIC, PrimeCell devices and PCI Express, described by a
 * device tree. Addresses and interrupts are those that guests know from QEMU's machine of that name
 * ({@link VirtMap}).
 *
 * <p>With a kernel and no firmware the first CPU starts in the kernel ({@link ArmBoot}); otherwise
 * in flash memory at address 0, with the device tree at the start of RAM. The other CPUs are off
 * until the guest asks for them by PSCI.
 */
public final class ArmVirt implements RunControl.Board {
  private static final int MAX_CPUS = 8;
  private static final long MIN_MEMORY_BYTES = 16L << 20;
  private static final long BUTTON_NANOS = 100_000_000;
  private static final int PORT_SPACE_BYTES = 0x1_0000;
  private static final int KEY_CPUS = 0x05;
  private static final int KEY_KERNEL_BYTES = 0x08;
  private static final int KEY_INITRD_BYTES = 0x0b;
  private static final int KEY_MAX_CPUS = 0x0f;
  private static final int KEY_KERNEL = 0x11;
  private static final int KEY_INITRD = 0x12;
  private static final int KEY_COMMAND_LINE_BYTES = 0x14;
  private static final int KEY_COMMAND_LINE = 0x15;
  private static final long MAX_ITEM_BYTES = 1L << 30;

  private final MachineConfig config;
  private final Chassis chassis;
  private final GuestRam ram;
  private final AddressSpace memory;
  private final AddressSpace ports;
  private final List<Vcpu> signals = new ArrayList<>();
  private final Map<String, Snapshottable<?>> devices;
  private VirtGic gic;
  private VirtPsci psci;
  private VirtFdt tree;
  private Pl061Gpio gpio;
  private Timer buttonRelease;
  private PciBus pciBus;
  private DriveFiles files;
  private PciDrives drives;
  private VirtFlash flash;
  private FwCfg fwCfg;
  private ArmBoot kernel;

  private ArmVirt(MachineConfig config, VcpuFactory cpuFactory) throws MachineException {
    this.config = config;
    chassis = new Chassis("virt", MAX_CPUS, config, cpuFactory);
    devices = chassis.devices();
    if (config.memoryBytes() < MIN_MEMORY_BYTES || config.memoryBytes() > VirtMap.MAX_RAM_BYTES) {
      throw new MachineException("virt has 16 MiB to 255 GiB of RAM (-m)");
    }
    ram = Chassis.ram(config.memoryBytes());
    chassis.onClose(ram::close);
    memory = new AddressSpace("memory", 0, chassis.deviceLock());
    ports = new AddressSpace("io", PORT_SPACE_BYTES, chassis.deviceLock());
  }

  /**
   * Builds the board, powered on and reset, with the kernel in memory; not running yet.
   *
   * @param cpuFactory makes the CPUs; closed with the machine
   */
  public static ArmVirt build(MachineConfig config, VcpuFactory cpuFactory)
      throws MachineException {
    ArmVirt board = new ArmVirt(config, cpuFactory);
    board.chassis.assemble(board, board::wire);
    return board;
  }

  /** The machine's life. */
  public MachineRun control() {
    return chassis.control();
  }

  /** The lock around all device code. */
  public ReentrantLock deviceLock() {
    return chassis.deviceLock();
  }

  /** Guest-physical memory. */
  public AddressSpace memory() {
    return memory;
  }

  /** What a snapshot consists of, see {@link Chassis#states}. */
  public Map<String, Snapshottable<?>> states() {
    return chassis.states();
  }

  /** Every device with state, by a name that snapshots keep. */
  public Map<String, Snapshottable<?>> devices() {
    return Collections.unmodifiableMap(devices);
  }

  // Wiring.

  private void wire() throws MachineException {
    memory.mapRam(VirtMap.RAM, ram.sizeBytes(), ram, 0);
    boolean virtualization = chassis.isOn("virtualization", false);
    gic = controller(chassis.property("gic-version", "2"));
    psci = new VirtPsci(chassis.control(), virtualization ? Conduit.SMC : Conduit.HVC);
    wireCpus(virtualization);
    wireSerial();
    Pl031Rtc rtc = new Pl031Rtc(chassis.clock(), gic.shared(VirtMap.RTC_SPI));
    gpio = new Pl061Gpio(gic.shared(VirtMap.GPIO_SPI));
    buttonRelease =
        new Timer(chassis.clock(), () -> gpio.input(VirtMap.POWER_BUTTON_PIN).set(false));
    devices.put("pl031", rtc);
    devices.put("pl061", gpio);
    map(VirtMap.RTC, Pl031Rtc.WINDOW_BYTES, rtc);
    map(VirtMap.GPIO, Pl061Gpio.WINDOW_BYTES, gpio);
    for (int i = 0; i < VirtMap.VIRTIO_SLOTS; i++) {
      map(
          VirtMap.VIRTIO + (long) i * VirtMap.VIRTIO_SLOT_BYTES,
          VirtMap.VIRTIO_SLOT_BYTES,
          new EmptyMmioSlot());
    }
    long ecam = wirePci();
    files = new DriveFiles(config.drives(), config.objects());
    chassis.onClose(files::close);
    flash = new VirtFlash(memory, config, files, chassis.ramObserver(), devices);
    chassis.onClose(flash::close);
    drives = wireDrives();
    wireFwCfg(ecam);
    tree = new VirtFdt(config, gic, psci, ecam);
    if (config.kernel() != null && !flash.hasFirmware()) {
      kernel = ArmBoot.open(config.kernel(), config.initrd(), VirtMap.RAM, ram.sizeBytes());
      chassis.onClose(kernel::close);
    } else if (!flash.hasFirmware()) {
      throw new MachineException("virt needs a kernel (-kernel) or firmware (-bios)");
    }
  }

  private PciDrives wireDrives() throws MachineException {
    for (DriveOption d : config.drives()) {
      if (d.bus() != DriveOption.Bus.PFLASH && d.bus() != DriveOption.Bus.NONE) {
        throw new MachineException(
            "-drive if="
                + d.bus().name().toLowerCase(Locale.ROOT)
                + ": not on this board yet; say if=none,id=ID and -device"
                + " nvme,drive=ID,serial=TEXT");
      }
    }
    PciDrives built =
        new PciDrives(
            new PciDrives.Wiring(
                pciBus,
                1,
                "/pcie@" + Long.toHexString(VirtMap.PCI_MEMORY),
                chassis.dma(memory),
                chassis.loop()::answer),
            files,
            devices);
    for (MachineConfig.DeviceOption d : config.devices()) {
      DeviceCatalogue.check("virt", d);
      if (!built.build(d)) {
        throw new MachineException("-device " + d.driver() + ": this machine has no such device");
      }
    }
    return built;
  }

  private VirtGic controller(String version) throws MachineException {
    DmaView dma = chassis.dma(memory);
    return switch (version) {
      case "2" -> new VirtGicV2(memory, devices);
      case "3", "max" ->
          new VirtGicV3(memory, dma, config.cpus(), chassis.isOn("its", true), devices);
      default -> throw new MachineException("gic-version=" + version + ": virt has 2 and 3");
    };
  }

  private void wireCpus(boolean virtualization) {
    Map<String, String> properties = chassis.cpuProperties();
    properties.put("el2", virtualization ? "on" : "off");
    for (int i = 0; i < config.cpus(); i++) {
      int index = i;
      gic.addCpu(
          new IrqLine(level -> signals.get(index).setInterrupt(level)),
          new IrqLine(level -> signals.get(index).setFastInterrupt(level)));
      VcpuThread thread =
          chassis.addCpu(
              memory,
              null,
              new VirtCpu(i, gic, psci),
              properties,
              () -> gic.bindToCurrentThread(index));
      signals.add(thread.signals());
      psci.addCpu(thread);
    }
  }

  private void wireSerial() throws MachineException {
    List<CharBackendSource> sources = config.serials();
    if (sources.size() > 1) {
      throw new MachineException("virt has one serial port");
    }
    CharBackendSource source = sources.isEmpty() ? CharBackendSource.NULL : sources.get(0);
    Pl011 uart =
        new Pl011(chassis.clock(), gic.shared(VirtMap.UART_SPI), chassis.open(source, "-serial"));
    devices.put("pl011", uart);
    map(VirtMap.UART, Pl011.WINDOW_BYTES, uart);
  }

  /** Returns where configuration space lies. */
  private long wirePci() throws MachineException {
    IrqLine[] wires = new IrqLine[PcieHost.WIRES];
    for (int i = 0; i < wires.length; i++) {
      wires[i] = gic.shared(VirtMap.PCI_SPI + i);
    }
    PcieHost host = new PcieHost(ports, wires);
    pciBus = new PciBus(memory, ports, host, (PciBus.MsiRouting) gic::messagesOf);
    host.connect(pciBus);
    devices.put("pcie", host);
    boolean high = chassis.isOn("highmem", true) && chassis.isOn("highmem-ecam", true);
    long ecam = high ? VirtMap.PCI_ECAM_HIGH : VirtMap.PCI_ECAM_LOW;
    map(ecam, high ? VirtMap.PCI_ECAM_HIGH_BYTES : VirtMap.PCI_ECAM_LOW_BYTES, host.ecam());
    map(VirtMap.PCI_IO, VirtMap.PCI_IO_BYTES, host.ports());
    return ecam;
  }

  private void wireFwCfg(long ecam) throws MachineException {
    fwCfg = new FwCfg(chassis.dma(memory));
    fwCfg.addNumber(KEY_CPUS, config.cpus(), 2);
    fwCfg.addNumber(KEY_MAX_CPUS, config.cpus(), 2);
    List<String> order = drives.bootOrder();
    if (!order.isEmpty()) {
      fwCfg.addFile(
          "bootorder", (String.join("\n", order) + "\0").getBytes(StandardCharsets.US_ASCII));
    }
    if (config.kernel() != null) {
      addKernel();
    }
    if (flash.hasFirmware() && chassis.isOn("acpi", true)) {
      PcAcpi.Files acpi = VirtAcpi.files(acpiPlatform(ecam));
      fwCfg.addFile(PcAcpi.TABLES_FILE, acpi.tables());
      fwCfg.addFile(PcAcpi.ROOT_FILE, acpi.root());
      fwCfg.addFile(PcAcpi.SCRIPT_FILE, acpi.script());
    }
    devices.put("fw_cfg", fwCfg);
    map(VirtMap.FW_CFG, FwCfg.WINDOW_BYTES, fwCfg.window());
  }

  private VirtAcpi.Platform acpiPlatform(long ecam) throws MachineException {
    boolean high = ecam == VirtMap.PCI_ECAM_HIGH;
    long ecamBytes = high ? VirtMap.PCI_ECAM_HIGH_BYTES : VirtMap.PCI_ECAM_LOW_BYTES;
    VirtAcpi.Pci pci =
        new VirtAcpi.Pci(
            ecam,
            (int) (ecamBytes >>> 20),
            VirtMap.PCI_IO,
            VirtMap.PCI_MEMORY,
            VirtMap.PCI_MEMORY + VirtMap.PCI_MEMORY_BYTES - 1,
            VirtMap.PCI_MEMORY_HIGH,
            VirtMap.PCI_MEMORY_HIGH + VirtMap.PCI_MEMORY_HIGH_BYTES - 1,
            VirtMap.PCI_SPI);
    return new VirtAcpi.Platform(
        config.cpus(),
        gic.acpi(),
        !chassis.isOn("virtualization", false),
        VirtMap.UART,
        VirtMap.UART_SPI,
        VirtMap.VIRTIO,
        VirtMap.VIRTIO_SLOT_BYTES,
        VirtMap.VIRTIO_SLOTS,
        VirtMap.VIRTIO_SPI,
        pci);
  }

  /** Firmware can load the kernel of the command line too. */
  private void addKernel() throws MachineException {
    addItem(config.kernel(), "kernel", KEY_KERNEL_BYTES, KEY_KERNEL);
    if (config.initrd() != null) {
      addItem(config.initrd(), "initrd", KEY_INITRD_BYTES, KEY_INITRD);
    }
    byte[] line = (config.append() + "\0").getBytes(StandardCharsets.UTF_8);
    fwCfg.addNumber(KEY_COMMAND_LINE_BYTES, line.length, 4);
    fwCfg.add(KEY_COMMAND_LINE, line);
  }

  private void addItem(Path path, String role, int sizeKey, int key) throws MachineException {
    try (ImageFile file = ImageFile.open(path, role)) {
      if (file.sizeBytes() > MAX_ITEM_BYTES) {
        throw new MachineException(
            file.name()
                + ": firmware can be handed at most 1 GiB, this has "
                + file.sizeBytes()
                + " bytes");
      }
      byte[] content = file.copy(0, (int) file.sizeBytes());
      fwCfg.addNumber(sizeKey, content.length, 4);
      fwCfg.add(key, content);
    }
  }

  private void map(long base, long size, MmioDevice device) {
    memory.mapDevice(base, size, device, AddressSpace.PRIORITY_PLATFORM);
  }

  // Life.

  @Override
  public void reset() throws MachineException {
    chassis.reset();
    E820 map = new E820().add(VirtMap.RAM, ram.sizeBytes(), E820.Type.RAM);
    BootMemory boot = new BootMemory(memory, chassis.ramObserver(), map);
    if (kernel != null) {
      kernel.load(boot, chassis.cpus().get(0), tree::blob);
    } else {
      boot.write(VirtMap.RAM, tree.blob(0, 0));
    }
  }

  /** The key is held for a moment: drivers look at its level after a while. */
  @Override
  public void pressPowerButton() {
    gpio.input(VirtMap.POWER_BUTTON_PIN).set(true);
    buttonRelease.arm(chassis.clock().nanos() + BUTTON_NANOS);
  }

  @Override
  public MachineParts parts() {
    return new VirtParts(
        config.machineType(),
        config.guestName(),
        "aarch64",
        List.copyOf(chassis.cpus()),
        memory,
        ports,
        chassis.ramObserver(),
        ram.sizeBytes(),
        devices(),
        pciBus,
        chassis.charLines(),
        drives);
  }

  @Override
  public void flush() {
    chassis.flush();
    flash.flush();
    files.flush();
  }

  @Override
  public void close() {
    chassis.close();
  }
}
