package org.tuber.machine.board.arm;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.tuber.core.backend.CharBackend;
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
import org.tuber.machine.DriveFiles;
import org.tuber.machine.DriveOption;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineParts;
import org.tuber.machine.MachineRun;
import org.tuber.machine.board.PciDrives;
import org.tuber.machine.firmware.ArmBoot;
import org.tuber.machine.firmware.BootMemory;
import org.tuber.machine.firmware.E820;
import org.tuber.machine.firmware.ImageFile;
import org.tuber.machine.firmware.acpi.PcAcpi;
import org.tuber.machine.firmware.acpi.VirtAcpi;
import org.tuber.machine.run.EventLoop;
import org.tuber.machine.run.HostClock;
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
  private static final long MAX_ITEM_BYTES = 1 << 30;

  private final MachineConfig config;
  private final ReentrantLock deviceLock = new ReentrantLock();
  private final HostClock clock;
  private final EventLoop loop;
  private final RunControl control;
  private final GuestRam ram;
  private final AddressSpace memory;
  private final AddressSpace ports;
  private final VcpuFactory cpuFactory;
  private final List<Vcpu> cpus = new ArrayList<>();
  private final List<Vcpu> signals = new ArrayList<>();
  private final List<CharBackend> charBackends = new ArrayList<>();
  private final Map<String, Snapshottable<?>> devices = new LinkedHashMap<>();
  private VirtGic gic;
  private VirtPsci psci;
  private VirtFdt tree;
  private Pl061Gpio gpio;
  private Timer buttonRelease;
  private PciBus pciBus;
  private DriveFiles files;
  private VirtFlash flash;
  private FwCfg fwCfg;
  private ArmBoot kernel;

  private ArmVirt(MachineConfig config, VcpuFactory cpuFactory) throws MachineException {
    this.config = config;
    this.cpuFactory = cpuFactory;
    if (config.cpus() < 1 || config.cpus() > MAX_CPUS) {
      throw new MachineException("virt has 1 to " + MAX_CPUS + " CPUs, not " + config.cpus());
    }
    if (config.memoryBytes() < MIN_MEMORY_BYTES || config.memoryBytes() > VirtMap.MAX_RAM_BYTES) {
      throw new MachineException("virt has 16 MiB to 255 GiB of RAM (-m)");
    }
    clock = HostClock.startingAt(config.rtcBase(), deviceLock);
    loop = new EventLoop(deviceLock, clock);
    control =
        new RunControl(
            deviceLock,
            clock,
            loop,
            new RunControl.Policy(config.noReboot(), config.noShutdown(), config.startStopped()));
    control.setBoard(this);
    try {
      ram = new GuestRam(config.memoryBytes());
    } catch (OutOfMemoryError | ArithmeticException e) {
      throw new MachineException(
          String.format(
              Locale.ROOT,
              "the host cannot give %d MiB of guest RAM (-m)",
              config.memoryBytes() >> 20),
          e);
    }
    memory = new AddressSpace("memory", 0, deviceLock);
    ports = new AddressSpace("io", PORT_SPACE_BYTES, deviceLock);
  }

  /**
   * Builds the board, powered on and reset, with the kernel in memory; not running yet.
   *
   * @param cpuFactory makes the CPUs; closed with the machine
   */
  public static ArmVirt build(MachineConfig config, VcpuFactory cpuFactory)
      throws MachineException {
    ArmVirt board = new ArmVirt(config, cpuFactory);
    try {
      board.wire();
      board.deviceLock.lock();
      try {
        board.reset();
      } finally {
        board.deviceLock.unlock();
      }
      return board;
    } catch (MachineException | RuntimeException e) {
      board.close();
      throw e;
    }
  }

  /** The machine's life. */
  public MachineRun control() {
    return control;
  }

  /** The lock around all device code. */
  public ReentrantLock deviceLock() {
    return deviceLock;
  }

  /** Guest-physical memory. */
  public AddressSpace memory() {
    return memory;
  }

  /** Every device with state, by a name that snapshots keep. */
  public Map<String, Snapshottable<?>> devices() {
    return Collections.unmodifiableMap(devices);
  }

  private String property(String name, String otherwise) {
    return config.machineProperties().getOrDefault(name, otherwise);
  }

  private boolean isOn(String name, boolean otherwise) {
    return property(name, otherwise ? "on" : "off").equals("on");
  }

  // Wiring.

  private void wire() throws MachineException {
    memory.mapRam(VirtMap.RAM, ram.sizeBytes(), ram, 0);
    boolean virtualization = isOn("virtualization", false);
    gic = controller(property("gic-version", "2"));
    psci = new VirtPsci(control, virtualization ? Conduit.SMC : Conduit.HVC);
    wireCpus(virtualization);
    wireSerial();
    Pl031Rtc rtc = new Pl031Rtc(clock, gic.shared(VirtMap.RTC_SPI));
    gpio = new Pl061Gpio(gic.shared(VirtMap.GPIO_SPI));
    buttonRelease = new Timer(clock, () -> gpio.input(VirtMap.POWER_BUTTON_PIN).set(false));
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
    files = new DriveFiles(config.drives());
    flash = new VirtFlash(memory, config, files, cpuFactory.ramObserver(), devices);
    PciDrives drives = wireDrives();
    wireFwCfg(drives, ecam);
    tree = new VirtFdt(config, gic, psci, ecam);
    if (config.kernel() != null && !flash.hasFirmware()) {
      kernel = ArmBoot.open(config.kernel(), config.initrd(), VirtMap.RAM, ram.sizeBytes());
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
                + ": not on this board yet; say if=none,id=ID and -device nvme,drive=ID,serial=TEXT");
      }
    }
    PciDrives drives =
        new PciDrives(
            new PciDrives.Wiring(
                pciBus,
                1,
                "/pcie@" + Long.toHexString(VirtMap.PCI_MEMORY),
                new DmaView(memory, cpuFactory.ramObserver()),
                loop),
            files,
            devices);
    for (MachineConfig.DeviceOption d : config.devices()) {
      if (!drives.build(d)) {
        throw new MachineException("-device " + d.driver() + ": this machine has no such device");
      }
    }
    return drives;
  }

  private VirtGic controller(String version) throws MachineException {
    DmaView dma = new DmaView(memory, cpuFactory.ramObserver());
    return switch (version) {
      case "2" -> new VirtGicV2(memory, devices);
      case "3", "max" -> new VirtGicV3(memory, dma, config.cpus(), isOn("its", true), devices);
      default -> throw new MachineException("gic-version=" + version + ": virt has 2 and 3");
    };
  }

  private void wireCpus(boolean virtualization) {
    Map<String, String> properties = new HashMap<>(config.accelProperties());
    config.cpuFeatures().forEach((name, on) -> properties.put(name, on ? "on" : "off"));
    properties.put("model", config.cpuModel());
    properties.put("accel", config.accel());
    properties.put("cpus", Integer.toString(config.cpus()));
    properties.put("el2", virtualization ? "on" : "off");
    for (int i = 0; i < config.cpus(); i++) {
      int index = i;
      gic.addCpu(
          new IrqLine(level -> signals.get(index).setInterrupt(level)),
          new IrqLine(level -> signals.get(index).setFastInterrupt(level)));
      Vcpu cpu =
          cpuFactory.create(
              new VcpuFactory.Config(
                  i, memory, null, clock, new VirtCpu(i, gic, psci), properties));
      VcpuThread thread = control.addVcpu(cpu, () -> gic.bindToCurrentThread(index));
      cpus.add(cpu);
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
    try {
      CharBackend backend = source.open(loop);
      charBackends.add(backend);
      Pl011 uart = new Pl011(clock, gic.shared(VirtMap.UART_SPI), backend);
      devices.put("pl011", uart);
      map(VirtMap.UART, Pl011.WINDOW_BYTES, uart);
    } catch (IOException e) {
      throw new MachineException("-serial: " + e.getMessage(), e);
    }
  }

  /** Returns where configuration space lies. */
  private long wirePci() {
    IrqLine[] wires = new IrqLine[PcieHost.WIRES];
    for (int i = 0; i < wires.length; i++) {
      wires[i] = gic.shared(VirtMap.PCI_SPI + i);
    }
    PcieHost host = new PcieHost(ports, wires);
    pciBus = new PciBus(memory, ports, host, (PciBus.MsiRouting) gic::messagesOf);
    host.connect(pciBus);
    devices.put("pcie", host);
    boolean high = isOn("highmem", true) && isOn("highmem-ecam", true);
    long ecam = high ? VirtMap.PCI_ECAM_HIGH : VirtMap.PCI_ECAM_LOW;
    map(ecam, high ? VirtMap.PCI_ECAM_HIGH_BYTES : VirtMap.PCI_ECAM_LOW_BYTES, host.ecam());
    map(VirtMap.PCI_IO, VirtMap.PCI_IO_BYTES, host.ports());
    return ecam;
  }

  private void wireFwCfg(PciDrives drives, long ecam) throws MachineException {
    fwCfg = new FwCfg(new DmaView(memory, cpuFactory.ramObserver()));
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
    if (flash.hasFirmware() && isOn("acpi", true)) {
      PcAcpi.Files acpi = VirtAcpi.files(acpiPlatform(ecam));
      fwCfg.addFile(PcAcpi.TABLES_FILE, acpi.tables());
      fwCfg.addFile(PcAcpi.ROOT_FILE, acpi.root());
      fwCfg.addFile(PcAcpi.SCRIPT_FILE, acpi.script());
    }
    devices.put("fw_cfg", fwCfg);
    map(VirtMap.FW_CFG, FwCfg.WINDOW_BYTES, fwCfg.window());
  }

  private VirtAcpi.Platform acpiPlatform(long ecam) {
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
        !isOn("virtualization", false),
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
      byte[] content = file.copy(0, (int) Math.min(file.sizeBytes(), MAX_ITEM_BYTES));
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
    for (Snapshottable<?> device : devices.values()) {
      device.reset();
    }
    for (Vcpu cpu : cpus) {
      cpu.reset();
    }
    E820 map = new E820().add(VirtMap.RAM, ram.sizeBytes(), E820.Type.RAM);
    BootMemory boot = new BootMemory(memory, cpuFactory.ramObserver(), map);
    if (kernel != null) {
      kernel.load(boot, cpus.get(0), tree::blob);
    } else {
      boot.write(VirtMap.RAM, tree.blob(0, 0));
    }
  }

  /** The key is held for a moment: drivers look at its level after a while. */
  @Override
  public void pressPowerButton() {
    gpio.input(VirtMap.POWER_BUTTON_PIN).set(true);
    buttonRelease.arm(clock.nanos() + BUTTON_NANOS);
  }

  @Override
  public MachineParts parts() {
    List<MachineParts.CharLine> lines = new ArrayList<>();
    for (int i = 0; i < config.serials().size(); i++) {
      lines.add(new MachineParts.CharLine("serial" + i, config.serials().get(i).hostName()));
    }
    return new VirtParts(
        config.machineType(),
        config.guestName(),
        "aarch64",
        List.copyOf(cpus),
        memory,
        ports,
        cpuFactory.ramObserver(),
        ram.sizeBytes(),
        devices(),
        pciBus,
        lines);
  }

  @Override
  public void flush() {
    charBackends.forEach(CharBackend::flush);
    files.flush();
  }

  @Override
  public void close() {
    charBackends.forEach(CharBackend::close);
    cpuFactory.close(); // and with it the CPUs
    if (kernel != null) {
      kernel.close();
    }
    if (flash != null) {
      flash.close();
    }
    if (files != null) {
      files.close();
    }
    ram.close();
  }
}
