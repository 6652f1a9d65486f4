package org.tuber.machine.board.pc;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.backend.CharBackend;
import org.tuber.core.backend.InputSource;
import org.tuber.core.backend.KeyCode;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.cpu.VcpuFactory;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.irq.WiredOr;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.acpi.Piix4Pm;
import org.tuber.devices.acpi.SleepControl;
import org.tuber.devices.display.CirrusVga;
import org.tuber.devices.display.Display;
import org.tuber.devices.display.StdVga;
import org.tuber.devices.dma.I8237Dma;
import org.tuber.devices.firmware.FwCfg;
import org.tuber.devices.input.I8042;
import org.tuber.devices.input.Ps2Keyboard;
import org.tuber.devices.input.Ps2Mouse;
import org.tuber.devices.irqchip.ApicBus;
import org.tuber.devices.irqchip.I8259Pic;
import org.tuber.devices.irqchip.IoApic;
import org.tuber.devices.irqchip.IsaIrqLines;
import org.tuber.devices.irqchip.Lapic;
import org.tuber.devices.legacy.DebugConsole;
import org.tuber.devices.legacy.IsaDebugExit;
import org.tuber.devices.legacy.Port92;
import org.tuber.devices.legacy.PostCodePort;
import org.tuber.devices.pci.I440fxHost;
import org.tuber.devices.pci.PciBus;
import org.tuber.devices.pci.Piix3Isa;
import org.tuber.devices.serial.Uart16550;
import org.tuber.devices.timer.Hpet;
import org.tuber.devices.timer.I8254Pit;
import org.tuber.devices.timer.Mc146818Rtc;
import org.tuber.devices.timer.SpeakerPort;
import org.tuber.machine.CharBackendSource;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineParts;
import org.tuber.machine.MachineRun;
import org.tuber.machine.firmware.BootMemory;
import org.tuber.machine.firmware.DirectBoot;
import org.tuber.machine.firmware.FirmwareFiles;
import org.tuber.machine.firmware.acpi.PcAcpi;
import org.tuber.machine.run.EventLoop;
import org.tuber.machine.run.HostClock;
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
  private static final int[] SERIAL_PORTS = {0x3f8, 0x2f8, 0x3e8, 0x2e8};
  private static final int[] SERIAL_IRQS = {4, 3, 4, 3};
  private static final long IO_APIC_BASE = 0xfec0_0000L;
  private static final int PORT_SPACE_BYTES = 0x1_0000;
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
  private static final int FW_CFG_PORT = 0x510;
  private static final int FW_CFG_DMA_PORT = 0x514;
  private static final String DEFAULT_FIRMWARE = "bios-256k.bin";

  private final MachineConfig config;
  private final ReentrantLock deviceLock = new ReentrantLock();
  private final HostClock clock;
  private final EventLoop loop;
  private final RunControl control;
  private final PcMemory memory;
  private final AddressSpace ports;
  private final VcpuFactory cpuFactory;
  private final List<Vcpu> cpus = new ArrayList<>();
  private final List<Lapic> lapics = new ArrayList<>();
  private final List<CharBackend> charBackends = new ArrayList<>();
  private final List<PcAcpi.Serial> serials = new ArrayList<>();
  private final Map<String, Snapshottable<?>> devices = new LinkedHashMap<>();
  private final boolean hpetPresent;
  private PciBus pciBus;
  private I8237Dma dma;
  private I440fxHost hostBridge;
  private Piix3Isa isaBridge;
  private Piix4Pm powerManagement;
  private I8042 i8042;
  private Ps2Keyboard keyboard;
  private Ps2Mouse mouse;
  private StdVga vga;
  private CirrusVga cirrus;
  private FwCfg fwCfg;
  private Mc146818Rtc rtc;
  private boolean booted;
  private PcRom rom;
  private PcStorage storage;
  private MachineParts parts;
  private DirectBoot kernel;

  private PcI440fx(MachineConfig config, VcpuFactory cpuFactory) throws MachineException {
    this.config = config;
    this.cpuFactory = cpuFactory;
    if (config.cpus() < 1 || config.cpus() > MAX_CPUS) {
      throw new MachineException("a pc has 1 to " + MAX_CPUS + " CPUs, not " + config.cpus());
    }
    hpetPresent = isOn("hpet");
    clock = HostClock.startingAt(config.rtcBase(), deviceLock);
    loop = new EventLoop(deviceLock, clock);
    control =
        new RunControl(
            deviceLock,
            clock,
            loop,
            new RunControl.Policy(config.noReboot(), config.noShutdown(), config.startStopped()));
    control.setBoard(this);
    memory = new PcMemory(config.memoryBytes(), deviceLock);
    ports = new AddressSpace("io", PORT_SPACE_BYTES, deviceLock);
  }

  /**
   * Builds the board, powered on and reset, with the kernel in memory; not running yet.
   *
   * @param cpuFactory makes the CPUs; closed with the machine
   */
  public static PcI440fx build(MachineConfig config, VcpuFactory cpuFactory)
      throws MachineException {
    PcI440fx board = new PcI440fx(config, cpuFactory);
    try {
      board.wire();
      if (config.kernel() != null && config.bios() == null) {
        board.kernel = DirectBoot.open(config.kernel(), config.initrd(), config.append());
      }
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
    return memory.space();
  }

  /** The port space. */
  public AddressSpace ports() {
    return ports;
  }

  /** Every device with state, by a name that snapshots keep. */
  public Map<String, Snapshottable<?>> devices() {
    return Collections.unmodifiableMap(devices);
  }

  private boolean isOn(String property) {
    return !config.machineProperties().getOrDefault(property, "on").equals("off");
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
    wireTimers(isa);
    wireLegacy(isa);
    wireSerials(isa);
    wireDisplay();
    wireStorage(isa);
    wireDevices();
    wireCpus(apicBus, pic);
    wireFirmware();
    parts =
        new PcParts(
            config,
            cpus,
            memory,
            ports,
            cpuFactory.ramObserver(),
            devices(),
            pciBus,
            storage.drives());
  }

  private void wirePci(IsaIrqLines isa, ApicBus apicBus) {
    isaBridge = new Piix3Isa(isa, control::requestReset);
    pciBus = new PciBus(memory.space(), ports, isaBridge, apicBus);
    hostBridge =
        new I440fxHost(
            pciBus,
            memory.space(),
            memory.ram(),
            isaBridge.resetControl(),
            cpuFactory.ramObserver());
    pciBus.attach(ISA_SLOT, 0, isaBridge.pci());
    powerManagement = new Piix4Pm(clock, isa.source(SCI_IRQ), ports, this::sleep);
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
      Hpet hpet = new Hpet(clock, pitOut, rtcOut, isa.ioApicSource(2));
      pitOut = hpet.pitInput();
      rtcOut = hpet.rtcInput();
      devices.put("hpet", hpet);
      mmio(PcAcpi.HPET_BASE, Hpet.WINDOW_BYTES, hpet);
    }
    I8254Pit pit = new I8254Pit(clock, pitOut);
    SpeakerPort speaker = new SpeakerPort(pit);
    rtc = new Mc146818Rtc(clock, rtcOut);
    rtc.describeMachine(memory.lowBytes(), memory.highBytes(), config.cpus());
    devices.put("i8254", pit);
    devices.put("port61", speaker);
    devices.put("rtc", rtc);
    io(0x40, 4, pit);
    io(0x61, 1, speaker);
    io(0x70, 2, rtc);
  }

  private void wireLegacy(IsaIrqLines isa) {
    WiredOr a20 = new WiredOr(new IrqLine(open -> cpus.forEach(cpu -> cpu.setA20(open))));
    keyboard = new Ps2Keyboard();
    mouse = new Ps2Mouse();
    i8042 =
        new I8042(
            isa.source(1), isa.source(12), a20.source(), control::requestReset, keyboard, mouse);
    Port92 port92 = new Port92(a20.source(), control::requestReset);
    PostCodePort postCode = new PostCodePort();
    PostCodePort delay = new PostCodePort();
    dma = new I8237Dma(new DmaView(memory.space(), cpuFactory.ramObserver()));
    devices.put("i8237", dma);
    io(0x00, 16, dma.first());
    io(0xc0, 32, dma.second());
    io(0x81, I8237Dma.PAGE_PORTS, dma.pages());
    devices.put("ps2-keyboard", keyboard);
    devices.put("ps2-mouse", mouse);
    devices.put("i8042", i8042);
    devices.put("port92", port92);
    devices.put("port80", postCode);
    devices.put("ported", delay);
    // Port 61H, between its two registers, is the speaker's: that one has the higher priority.
    ports.mapDevice(0x60, I8042.WINDOW_BYTES, i8042, AddressSpace.PRIORITY_PCI);
    io(0x92, 1, port92);
    io(0x80, 1, postCode);
    io(0xed, 1, delay);
  }

  private void wireDisplay() throws MachineException {
    FirmwareFiles files = new FirmwareFiles(config.firmwareDirs());
    switch (config.vga()) {
      case "std" -> {
        byte[] bios = files.read("-vga std", VGA_BIOS);
        vga = new StdVga(StdVga.DEFAULT_VRAM_BYTES, bios, clock, cpuFactory.ramObserver());
        vga.mapLegacy(memory.space(), ports);
        pciBus.attach(VGA_SLOT, 0, vga.pci());
        devices.put("vga", vga);
      }
      case "cirrus" -> {
        byte[] bios = files.read("-vga cirrus", CIRRUS_BIOS);
        cirrus = new CirrusVga(bios, clock, cpuFactory.ramObserver());
        cirrus.mapLegacy(memory.space(), ports);
        pciBus.attach(VGA_SLOT, 0, cirrus.pci());
        devices.put("vga", cirrus);
      }
      default -> {}
    }
  }

  private void wireStorage(IsaIrqLines isa) throws MachineException {
    DmaView memoryView = new DmaView(memory.space(), cpuFactory.ramObserver());
    storage =
        new PcStorage(
            new PcStorage.Wiring(pciBus, ports, memoryView, isa, dma, loop), config, devices);
  }

  private void wireDevices() throws MachineException {
    for (MachineConfig.DeviceOption d : config.devices()) {
      if (storage.build(d)) {
        continue;
      }
      switch (d.driver()) {
        case "isa-debugcon" -> {
          int port = portProperty(d, "iobase", 0xe9);
          CharBackend backend =
              open(d.line() == null ? CharBackendSource.NULL : d.line(), "-device isa-debugcon");
          DebugConsole console = new DebugConsole(backend);
          devices.put("debugcon-" + Integer.toHexString(port), console);
          io(port, 1, console);
        }
        case "isa-debug-exit" -> {
          int port = portProperty(d, "iobase", 0x501);
          int size = portProperty(d, "iosize", 2);
          IsaDebugExit exit = new IsaDebugExit(control::exit);
          devices.put("debug-exit-" + Integer.toHexString(port), exit);
          io(port, Math.max(1, size), exit);
        }
        default ->
            throw new MachineException(
                "-device " + d.driver() + ": this machine has no such device");
      }
    }
  }

  private static int portProperty(MachineConfig.DeviceOption device, String name, int otherwise)
      throws MachineException {
    String text = device.properties().get(name);
    if (text == null) {
      return otherwise;
    }
    try {
      int value = Integer.decode(text);
      if (value >= 0 && value < PORT_SPACE_BYTES) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Reported below like a number out of range.
    }
    throw new MachineException(
        "-device " + device.driver() + ": " + name + "=" + text + " is not a port number");
  }

  private CharBackend open(CharBackendSource source, String option) throws MachineException {
    try {
      CharBackend backend = source.open(loop);
      charBackends.add(backend);
      return backend;
    } catch (IOException e) {
      throw new MachineException(option + ": " + e.getMessage(), e);
    }
  }

  private void wireSerials(IsaIrqLines isa) throws MachineException {
    List<CharBackendSource> sources = config.serials();
    if (sources.size() > SERIAL_PORTS.length) {
      throw new MachineException("a pc has at most " + SERIAL_PORTS.length + " serial ports");
    }
    for (int i = 0; i < sources.size(); i++) {
      CharBackend backend = open(sources.get(i), "-serial");
      Uart16550 uart = new Uart16550(clock, isa.source(SERIAL_IRQS[i]), backend);
      devices.put("serial" + i, uart);
      io(SERIAL_PORTS[i], Uart16550.WINDOW_BYTES, uart);
      serials.add(new PcAcpi.Serial(SERIAL_PORTS[i], SERIAL_IRQS[i]));
    }
  }

  private void wireCpus(ApicBus apicBus, I8259Pic pic) {
    Map<String, String> properties = new HashMap<>(config.accelProperties());
    config.cpuFeatures().forEach((name, on) -> properties.put(name, on ? "on" : "off"));
    properties.put("model", config.cpuModel());
    properties.put("accel", config.accel());
    properties.put("cpus", Integer.toString(config.cpus()));
    properties.put("tsc-frequency", Long.toString(TSC_HZ));
    for (int i = 0; i < config.cpus(); i++) {
      Lapic lapic = new Lapic(i, i == 0, apicBus, clock, deviceLock, pic::acknowledge, TSC_HZ);
      Vcpu cpu =
          cpuFactory.create(
              new VcpuFactory.Config(i, memory.space(), ports, clock, lapic, properties));
      VcpuThread thread = control.addVcpu(cpu, lapic::bindToCurrentThread);
      lapic.attach(thread.signals());
      cpus.add(cpu);
      lapics.add(lapic);
      devices.put("lapic" + i, lapic);
    }
  }

  private void wireFirmware() throws MachineException {
    fwCfg = new FwCfg(new DmaView(memory.space(), cpuFactory.ramObserver()));
    devices.put("fw_cfg", fwCfg);
    io(FW_CFG_PORT, FwCfg.PORTS_BYTES, fwCfg.ports());
    io(FW_CFG_DMA_PORT, FwCfg.DMA_PORTS_BYTES, fwCfg.dmaPorts());
    PcFwCfg.describe(fwCfg, config, memory);
    if (isOn("acpi")) {
      PcFwCfg.addAcpi(fwCfg, () -> acpiPlatform(powerManagement.pmBase()));
    }
    PcFwCfg.addBootOrder(fwCfg, storage.bootOrder());
    storage.describe(rtc);
    if (config.kernel() == null || config.bios() != null) {
      String name = config.bios() == null ? DEFAULT_FIRMWARE : config.bios();
      byte[] image = new FirmwareFiles(config.firmwareDirs()).read("-bios", name);
      rom = new PcRom(memory.space(), name, image);
    }
  }

  private PcAcpi.Platform acpiPlatform(int pmBase) {
    return new PcAcpi.Platform(
        config.cpus(), hpetPresent, false, memory.lowBytes(), serials, pmBase);
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
    for (Snapshottable<?> device : devices.values()) {
      device.reset();
    }
    for (Vcpu cpu : cpus) {
      cpu.reset();
    }
    PcFwCfg.setBootOrder(rtc, config.boot(), !booted);
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
    PcHandover.initialiseIsa(ports);
    i8042.enterFirmwareState();
    lapics.get(0).enterVirtualWireMode();
    BootMemory boot = new BootMemory(memory.space(), cpuFactory.ramObserver(), memory.e820());
    PcHandover.writeBiosData(boot, serials);
    for (Vcpu cpu : cpus) {
      PcHandover.initialiseMemoryTypes(cpu, memory.lowBytes());
    }
    long rsdp = 0;
    if (isOn("acpi")) {
      rsdp = PcAcpi.install(boot, acpiPlatform(PM_PORTS), memory.tables(), memory.facs());
    }
    kernel.load(boot, cpus.get(0), rsdp);
  }

  @Override
  public Display display() {
    return vga == null ? cirrus : vga;
  }

  @Override
  public InputSource.Sink input() {
    return new InputSource.Sink() {
      @Override
      public void key(KeyCode key, boolean down) {
        keyboard.key(key, down);
      }

      @Override
      public void pointer(int dx, int dy, int wheel, int buttons) {
        mouse.pointer(dx, dy, wheel, buttons);
      }
    };
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
  public void flush() {
    charBackends.forEach(CharBackend::flush);
    storage.flush();
  }

  @Override
  public void close() {
    charBackends.forEach(CharBackend::close);
    cpuFactory.close(); // and with it the CPUs
    if (kernel != null) {
      kernel.close();
    }
    if (storage != null) {
      storage.close();
    }
    if (rom != null) {
      rom.close();
    }
    if (vga != null) {
      vga.close();
    }
    if (cirrus != null) {
      cirrus.close();
    }
    memory.close();
  }
}
