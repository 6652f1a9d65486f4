package org.tuber.machine.board.pc;

import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.backend.InputSource;
import org.tuber.core.cpu.VcpuFactory;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.display.CirrusVga;
import org.tuber.devices.display.Display;
import org.tuber.devices.display.StdVga;
import org.tuber.devices.firmware.FwCfg;
import org.tuber.devices.irqchip.ApicBus;
import org.tuber.devices.irqchip.I8259Pic;
import org.tuber.devices.irqchip.IoApic;
import org.tuber.devices.irqchip.IsaIrqLines;
import org.tuber.devices.irqchip.Lapic;
import org.tuber.machine.DeviceCatalogue;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineParts;
import org.tuber.machine.MachineRun;
import org.tuber.machine.board.Chassis;
import org.tuber.machine.firmware.FirmwareFiles;
import org.tuber.machine.run.RunControl;
import org.tuber.machine.run.VcpuThread;

/**
 * The {@code isapc} board: an AT without PCI, APICs and ACPI. One CPU, the 8259 pair wired to it,
 * what {@link IsaDevices} has, two IDE channels, the floppy controller, a video card.
 *
 * <p>C0000H to FFFFFH is RAM that a reset fills with the video card's BIOS and the last 128 KiB of
 * the firmware: firmware for QEMU's board of this name writes there. For such firmware the video
 * BIOS is a file of fw_cfg as well. The IDE channels have no bus master that a guest could find.
 */
public final class IsaPc implements RunControl.Board {
  private static final Logger LOG = LoggerFactory.getLogger(IsaPc.class);
  private static final String DEFAULT_FIRMWARE = "bios.bin";
  private static final String VGA_BIOS = "vgabios-isavga.bin";
  private static final String CIRRUS_BIOS = "vgabios-cirrus.bin";
  private static final long ROM_AREA = 0xc_0000;
  private static final int ROM_AREA_BYTES = 0x4_0000;
  private static final int FIRMWARE_AREA = 0x2_0000;
  private static final int FIRMWARE_BYTES = 0x2_0000;

  private final MachineConfig config;
  private final Chassis chassis;
  private final PcMemory memory;
  private final AddressSpace ports;
  private final Map<String, Snapshottable<?>> devices;
  private final byte[] romArea = new byte[ROM_AREA_BYTES];
  private IsaDevices isaDevices;
  private PcStorage storage;
  private Display display;
  private MachineParts parts;
  private boolean booted;

  private IsaPc(MachineConfig config, VcpuFactory cpuFactory) throws MachineException {
    this.config = config;
    chassis = new Chassis("an isapc", 1, config, cpuFactory);
    devices = chassis.devices();
    memory = new PcMemory(config.memoryBytes(), chassis.deviceLock());
    chassis.onClose(memory::close);
    ports = new AddressSpace("io", PcI440fx.PORT_SPACE_BYTES, chassis.deviceLock());
  }

  /**
   * Builds the board, powered on and reset; not running yet.
   *
   * @param cpuFactory makes the CPU; closed with the machine
   */
  public static IsaPc build(MachineConfig config, VcpuFactory cpuFactory) throws MachineException {
    IsaPc board = new IsaPc(config, cpuFactory);
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

  /** What a snapshot consists of, see {@link Chassis#states}. */
  public Map<String, Snapshottable<?>> states() {
    return chassis.states();
  }

  private void wire() throws MachineException {
    if (config.kernel() != null) {
      throw new MachineException("-M isapc starts from its drives, not by -kernel");
    }
    // Nothing but their wires is used: no window leads to them.
    ApicBus noApicBus = new ApicBus();
    I8259Pic pic = new I8259Pic(noApicBus.lint0());
    IsaIrqLines irqs = new IsaIrqLines(pic, new IoApic(noApicBus));
    devices.put("i8259", pic);
    io(0x20, 2, pic.master());
    io(0xa0, 2, pic.slave());
    isaDevices = new IsaDevices(chassis, memory.space(), ports, irqs);
    isaDevices.wireTimers(irqs.source(0), irqs.source(8), memory, 1);
    isaDevices.wireSerials(config.serials());
    FwCfg fwCfg = new FwCfg(chassis.dma(memory.space()));
    devices.put("fw_cfg", fwCfg);
    io(PcI440fx.FW_CFG_PORT, FwCfg.PORTS_BYTES, fwCfg.ports());
    io(PcI440fx.FW_CFG_DMA_PORT, FwCfg.DMA_PORTS_BYTES, fwCfg.dmaPorts());
    PcFwCfg.describe(fwCfg, config, memory);
    PcFwCfg.addBoot(fwCfg, config.boot(), List.of());
    wireDisplay(fwCfg);
    storage =
        new PcStorage(
            new PcStorage.Wiring(
                null,
                ports,
                chassis.dma(memory.space()),
                irqs,
                isaDevices.dma(),
                chassis.loop()::answer,
                chassis.control()::publish),
            config,
            devices);
    chassis.onClose(storage::close);
    for (MachineConfig.DeviceOption d : config.devices()) {
      DeviceCatalogue.check("isapc", d);
      if (!storage.build(d)) {
        isaDevices.build(d);
      }
    }
    storage.describe(isaDevices.rtc());
    wireCpu(noApicBus, pic);
    wireFirmware();
    parts = new PcParts(config, chassis, memory, ports, null, storage.drives());
  }

  private void io(int base, int size, MmioDevice device) {
    ports.mapDevice(base, size, device, AddressSpace.PRIORITY_PLATFORM);
  }

  private void wireDisplay(FwCfg fwCfg) throws MachineException {
    if (config.vga().equals("none")) {
      return;
    }
    boolean isCirrus = config.vga().equals("cirrus");
    byte[] bios =
        new FirmwareFiles(config.firmwareDirs())
            .read("-vga " + config.vga(), isCirrus ? CIRRUS_BIOS : VGA_BIOS);
    if (isCirrus) {
      CirrusVga cirrus = new CirrusVga(bios, chassis.clock(), chassis.ramObserver());
      cirrus.mapLegacy(memory.space(), ports);
      devices.put("vga", cirrus);
      chassis.onClose(cirrus::close);
      display = cirrus;
    } else {
      StdVga vga =
          new StdVga(StdVga.DEFAULT_VRAM_BYTES, bios, chassis.clock(), chassis.ramObserver());
      vga.mapLegacy(memory.space(), ports);
      devices.put("vga", vga);
      chassis.onClose(vga::close);
      display = vga;
    }
    System.arraycopy(bios, 0, romArea, 0, Math.min(bios.length, FIRMWARE_AREA));
    fwCfg.addFile("vgaroms/vgabios.bin", bios);
  }

  private void wireCpu(ApicBus noApicBus, I8259Pic pic) {
    Map<String, String> properties = chassis.cpuProperties();
    properties.put("tsc-frequency", Long.toString(PcI440fx.TSC_HZ));
    properties.put("apic", "off");
    Lapic wire =
        new Lapic(
            0,
            true,
            false,
            noApicBus,
            chassis.clock(),
            chassis.deviceLock(),
            pic::acknowledge,
            PcI440fx.TSC_HZ);
    VcpuThread thread =
        chassis.addCpu(memory.space(), ports, wire, properties, wire::bindToCurrentThread);
    wire.attach(thread.signals());
    devices.put("lapic0", wire);
  }

  private void wireFirmware() throws MachineException {
    String name = config.bios() == null ? DEFAULT_FIRMWARE : config.bios();
    byte[] image = new FirmwareFiles(config.firmwareDirs()).read("-bios", name);
    PcRom rom = new PcRom(memory.space(), name, image);
    chassis.onClose(rom::close);
    int shown = Math.min(image.length, FIRMWARE_BYTES);
    System.arraycopy(image, image.length - shown, romArea, ROM_AREA_BYTES - shown, shown);
    memory
        .space()
        .mapRam(
            ROM_AREA,
            ROM_AREA_BYTES,
            memory.ram(),
            ROM_AREA,
            false,
            AddressSpace.PRIORITY_PLATFORM);
  }

  @Override
  public void reset() {
    chassis.reset();
    PcFwCfg.setBootOrder(isaDevices.rtc(), config.boot(), !booted);
    booted = true;
    GuestRam ram = memory.ram();
    ram.write(ROM_AREA, romArea, 0, ROM_AREA_BYTES);
    chassis.ramObserver().written(ram, ROM_AREA, ROM_AREA_BYTES);
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
    LOG.warn("a PC of this age has a switch, not a button: nobody hears of it");
  }

  @Override
  public void flush() {
    chassis.flush();
    storage.flush();
  }

  @Override
  public void close() {
    chassis.close();
  }
}
