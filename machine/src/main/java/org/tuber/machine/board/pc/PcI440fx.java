package org.tuber.machine.board.pc;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.backend.InputSource;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.cpu.VcpuFactory;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.acpi.Piix4Pm;
import org.tuber.devices.acpi.SleepControl;
import org.tuber.devices.display.CirrusVga;
import org.tuber.devices.display.Display;
import org.tuber.devices.display.StdVga;
import org.tuber.devices.firmware.FwCfg;
import org.tuber.devices.irqchip.ApicBus;
import org.tuber.devices.irqchip.I8259Pic;
import org.tuber.devices.irqchip.IoApic;
import org.tuber.devices.irqchip.IsaIrqLines;
import org.tuber.devices.irqchip.Lapic;
import org.tuber.devices.pci.I440fxHost;
import org.tuber.devices.pci.PciBus;
import org.tuber.devices.pci.Piix3Isa;
import org.tuber.devices.timer.Hpet;
import org.tuber.machine.DeviceCatalogue;
import org.tuber.machine.DriveOption;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineParts;
import org.tuber.machine.MachineRun;
import org.tuber.machine.board.Chassis;
import org.tuber.machine.firmware.BootMemory;
import org.tuber.machine.firmware.DirectBoot;
import org.tuber.machine.firmware.FirmwareFiles;
import org.tuber.machine.firmware.VideoCard;
import org.tuber.machine.firmware.acpi.PcAcpi;
import org.tuber.machine.run.RunControl;
import org.tuber.machine.run.VcpuThread;

/**
 * The {@code pc} board: Intel 440FX host bridge, PIIX3 with the ISA devices behind it, PIIX4 power
 * management, local APICs and an IOAPIC. Addresses, interrupts and PCI functions are those that
 * guests know from QEMU's machine of that name.
 *
 * <p>The CPU starts in firmware, unless a kernel is given and no firmware: then {@link PcHandover}
 * and {@link DirectBoot} do at each reset what firmware and boot loader would have done.
 */
public final class PcI440fx implements RunControl.Board {
  private static final Logger LOG = LoggerFactory.getLogger(PcI440fx.class);

  /** Rate of the time-stamp counter: it counts the nanoseconds of the guest's clock. */
  public static final long TSC_HZ = 1_000_000_000L;

  private static final int MAX_CPUS = 255;
  private static final long IO_APIC_BASE = 0xfec0_0000L;
  static final int PORT_SPACE_BYTES = 0x1_0000;
  private static final int ISA_SLOT = 1;
  private static final int VGA_SLOT = 2;
  private static final String VGA_BIOS = "vgabios-stdvga.bin";
  private static final String CIRRUS_BIOS = "vgabios-cirrus.bin";
  private static final int PM_FUNCTION = 3;
  private static final int SCI_IRQ = 9;
  private static final int GPE0_PORT = 0xafe0;
  private static final int APM_PORT = 0xb2;
  private static final int PM_PORTS = 0x600;
  private static final int SMBUS_PORTS = 0x700;
  static final int FW_CFG_PORT = 0x510;
  static final int FW_CFG_DMA_PORT = 0x514;
  private static final String DEFAULT_FIRMWARE = "bios-256k.bin";

  private final MachineConfig config;
  private final Chassis chassis;
  private final RunControl control;
  private final PcMemory memory;
  private final AddressSpace ports;
  private final List<Lapic> lapics = new ArrayList<>();
  private final Map<String, Snapshottable<?>> devices;
  private final boolean hpetPresent;
  private IsaDevices isaDevices;
  private PciBus pciBus;
  private I440fxHost hostBridge;
  private Piix3Isa isaBridge;
  private Piix4Pm powerManagement;
  private Display display;
  private byte[] videoBios;
  private FwCfg fwCfg;
  private boolean booted;
  private PcRom rom;
  private PcFlash flash;
  private PcStorage storage;
  private MachineParts parts;
  private DirectBoot kernel;

  private PcI440fx(MachineConfig config, VcpuFactory cpuFactory) throws MachineException {
    this.config = config;
    chassis = new Chassis("a pc", MAX_CPUS, config, cpuFactory);
    control = chassis.control();
    devices = chassis.devices();
    hpetPresent = chassis.isOn("hpet", true);
    memory = new PcMemory(config.memoryBytes(), chassis.deviceLock());
    chassis.onClose(memory::close);
    ports = new AddressSpace("io", PORT_SPACE_BYTES, chassis.deviceLock());
  }

  /**
   * Builds the board, powered on and reset, with the kernel in memory; not running yet.
   *
   * @param cpuFactory makes the CPUs; closed with the machine
   */
  public static PcI440fx build(MachineConfig config, VcpuFactory cpuFactory)
      throws MachineException {
    PcI440fx board = new PcI440fx(config, cpuFactory);
    board.chassis.assemble(board, board::wire);
    return board;
  }

  /** The machine's life. */
  public MachineRun control() {
    return control;
  }

  /** The lock around all device code. */
  public ReentrantLock deviceLock() {
    return chassis.deviceLock();
  }

  /** Guest-physical memory. */
  public AddressSpace memory() {
    return memory.space();
  }

  /** The port space. */
  public AddressSpace ports() {
    return ports;
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
    ApicBus apicBus = new ApicBus();
    I8259Pic pic = new I8259Pic(apicBus.lint0());
    IoApic ioApic = new IoApic(apicBus);
    IsaIrqLines isa = new IsaIrqLines(pic, ioApic);
    wirePci(isa, apicBus);
    devices.put("i8259", pic);
    devices.put("ioapic", ioApic);
    io(0x20, 2, pic.master());
    io(0xa0, 2, pic.slave());
    io(0x4d0, 2, pic.elcr());
    mmio(IO_APIC_BASE, IoApic.WINDOW_BYTES, ioApic);
    mmio(ApicBus.DEFAULT_BASE, ApicBus.WINDOW_BYTES, apicBus);
    isaDevices = new IsaDevices(chassis, memory.space(), ports, isa);
    wireTimers(isa);
    isaDevices.wireSerials(config.serials());
    wireDisplay();
    wireStorage(isa);
    wireDevices();
    wireCpus(apicBus, pic);
    wireFirmware();
    if (config.kernel() != null && rom == null && flash == null) {
      kernel = DirectBoot.open(config.kernel(), config.initrd(), config.append());
      chassis.onClose(kernel::close);
    }
    parts = new PcParts(config, chassis, memory, ports, pciBus, storage.drives());
  }

  private void wirePci(IsaIrqLines isa, ApicBus apicBus) {
    isaBridge = new Piix3Isa(isa, control::requestReset);
    pciBus = new PciBus(memory.space(), ports, isaBridge, apicBus);
    hostBridge =
        new I440fxHost(
            pciBus, memory.space(), memory.ram(), isaBridge.resetControl(), chassis.ramObserver());
    pciBus.attach(ISA_SLOT, 0, isaBridge.pci());
    powerManagement = new Piix4Pm(chassis.clock(), isa.source(SCI_IRQ), ports, this::sleep);
    pciBus.attach(ISA_SLOT, PM_FUNCTION, powerManagement.pci());
    devices.put("i440fx", hostBridge);
    devices.put("piix3", isaBridge);
    devices.put("piix4-pm", powerManagement);
    io(0xcf8, I440fxHost.CONFIG_PORTS_BYTES, hostBridge.configPorts());
    io(GPE0_PORT, Piix4Pm.GPE_BYTES, powerManagement.gpe());
    io(APM_PORT, 2, powerManagement.apm());
  }

  private void sleep(SleepControl.State state) {
    switch (state) {
      // Suspended to disk, the guest has saved itself: to the board that is the same as off.
      case S4, S5 -> control.guestPowerOff();
      case S3 -> LOG.warn("suspend to RAM is not implemented; the guest goes on");
    }
  }

  private void wireTimers(IsaIrqLines isa) {
    IrqLine pitOut = isa.source(0);
    IrqLine rtcOut = isa.source(8);
    if (hpetPresent) {
      Hpet hpet = new Hpet(chassis.clock(), pitOut, rtcOut, isa.ioApicSource(2));
      pitOut = hpet.pitInput();
      rtcOut = hpet.rtcInput();
      devices.put("hpet", hpet);
      mmio(PcAcpi.HPET_BASE, Hpet.WINDOW_BYTES, hpet);
    }
    isaDevices.wireTimers(pitOut, rtcOut, memory, config.cpus());
  }

  private void wireDisplay() throws MachineException {
    FirmwareFiles files = new FirmwareFiles(config.firmwareDirs());
    switch (config.vga()) {
      case "std" -> {
        videoBios = files.read("-vga std", VGA_BIOS);
        StdVga vga =
            new StdVga(
                StdVga.DEFAULT_VRAM_BYTES, videoBios, chassis.clock(), chassis.ramObserver());
        vga.mapLegacy(memory.space(), ports);
        pciBus.attach(VGA_SLOT, 0, vga.pci());
        devices.put("vga", vga);
        chassis.onClose(vga::close);
        display = vga;
      }
      case "cirrus" -> {
        videoBios = files.read("-vga cirrus", CIRRUS_BIOS);
        CirrusVga cirrus = new CirrusVga(videoBios, chassis.clock(), chassis.ramObserver());
        cirrus.mapLegacy(memory.space(), ports);
        pciBus.attach(VGA_SLOT, 0, cirrus.pci());
        devices.put("vga", cirrus);
        chassis.onClose(cirrus::close);
        display = cirrus;
      }
      default -> {}
    }
  }

  private void wireStorage(IsaIrqLines isa) throws MachineException {
    DmaView memoryView = chassis.dma(memory.space());
    storage =
        new PcStorage(
            new PcStorage.Wiring(
                pciBus,
                ports,
                memoryView,
                isa,
                isaDevices.dma(),
                chassis.loop()::answer,
                control::publish),
            config,
            devices);
    chassis.onClose(storage::close);
  }

  private void wireDevices() throws MachineException {
    for (MachineConfig.DeviceOption d : config.devices()) {
      DeviceCatalogue.check("pc", d);
      if (!storage.build(d)) {
        isaDevices.build(d);
      }
    }
  }

  private void wireCpus(ApicBus apicBus, I8259Pic pic) {
    Map<String, String> properties = chassis.cpuProperties();
    properties.put("tsc-frequency", Long.toString(TSC_HZ));
    for (int i = 0; i < config.cpus(); i++) {
      Lapic lapic =
          new Lapic(
              i,
              i == 0,
              chassis.hasLocalApics(),
              apicBus,
              chassis.clock(),
              chassis.deviceLock(),
              pic::acknowledge,
              TSC_HZ);
      VcpuThread thread =
          chassis.addCpu(memory.space(), ports, lapic, properties, lapic::bindToCurrentThread);
      lapic.attach(thread.signals());
      lapics.add(lapic);
      devices.put("lapic" + i, lapic);
    }
  }

  private void wireFirmware() throws MachineException {
    fwCfg = new FwCfg(chassis.dma(memory.space()));
    devices.put("fw_cfg", fwCfg);
    io(FW_CFG_PORT, FwCfg.PORTS_BYTES, fwCfg.ports());
    io(FW_CFG_DMA_PORT, FwCfg.DMA_PORTS_BYTES, fwCfg.dmaPorts());
    PcFwCfg.describe(fwCfg, config, memory);
    if (chassis.isOn("acpi", true)) {
      PcFwCfg.addAcpi(fwCfg, () -> acpiPlatform(powerManagement.pmBase()));
    }
    PcFwCfg.addBoot(fwCfg, config.boot(), storage.bootOrder());
    storage.describe(isaDevices.rtc());
    wireRom();
    if (config.kernel() != null && (rom != null || flash != null)) {
      PcFwCfg.addKernel(fwCfg, config);
    }
  }

  private void wireRom() throws MachineException {
    DriveOption[] banks = PcFlash.drives(config, storage.files());
    if (banks[0] != null) {
      flash = new PcFlash(memory.space(), banks, storage.files(), chassis.ramObserver(), devices);
      chassis.onClose(flash::close);
    } else if (config.kernel() == null || config.bios() != null) {
      String name = config.bios() == null ? DEFAULT_FIRMWARE : config.bios();
      byte[] image = new FirmwareFiles(config.firmwareDirs()).read("-bios", name);
      rom = new PcRom(memory.space(), name, image);
      chassis.onClose(rom::close);
    }
  }

  private PcAcpi.Platform acpiPlatform(int pmBase) {
    return new PcAcpi.Platform(
        config.cpus(),
        hpetPresent,
        false,
        memory.lowBytes(),
        isaDevices.serials(),
        isaDevices.parallels(),
        pmBase);
  }

  private void io(int base, int size, MmioDevice device) {
    ports.mapDevice(base, size, device, AddressSpace.PRIORITY_PLATFORM);
  }

  private void mmio(long base, long size, MmioDevice device) {
    memory.space().mapDevice(base, size, device, AddressSpace.PRIORITY_PLATFORM);
  }

  // Life.

  @Override
  public void reset() throws MachineException {
    chassis.reset();
    PcFwCfg.setBootOrder(isaDevices.rtc(), config.boot(), !booted);
    booted = true;
    if (kernel != null) {
      bootKernel();
    }
  }

  private void bootKernel() throws MachineException {
    hostBridge.openShadowRam();
    isaBridge.routeLikeFirmware();
    storage.ide().enableLikeFirmware();
    powerManagement.placeLikeFirmware(PM_PORTS, SMBUS_PORTS);
    PciWindows.place(pciBus, memory.lowBytes());
    PcHandover.initialiseIsa(ports);
    isaDevices.i8042().enterFirmwareState();
    lapics.get(0).enterVirtualWireMode();
    BootMemory boot = new BootMemory(memory.space(), chassis.ramObserver(), memory.e820());
    PcHandover.writeBiosData(boot, isaDevices.serials(), isaDevices.parallels());
    for (Vcpu cpu : chassis.cpus()) {
      PcHandover.initialiseMemoryTypes(cpu, memory.lowBytes());
    }
    long rsdp = 0;
    if (chassis.isOn("acpi", true)) {
      rsdp = PcAcpi.install(boot, acpiPlatform(PM_PORTS), memory.tables(), memory.facs());
    }
    VideoCard card = videoBios == null ? null : new VideoCard(videoBios, VGA_SLOT << 3);
    kernel.load(boot, chassis.cpus().get(0), rsdp, card);
  }

  @Override
  public Display display() {
    return display;
  }

  @Override
  public InputSource.Sink input() {
    return isaDevices.input();
  }

  @Override
  public MachineParts parts() {
    return parts;
  }

  @Override
  public void pressPowerButton() {
    powerManagement.pressPowerButton();
  }

  @Override
  public void pressSleepButton() {
    powerManagement.raiseGpe(PcAcpi.SLEEP_BUTTON_EVENT);
  }

  @Override
  public void flush() {
    chassis.flush();
    if (flash != null) {
      flash.flush();
    }
    storage.flush();
  }

  @Override
  public void close() {
    chassis.close();
  }
}
