package org.tuber.machine.board.pc;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.tuber.core.backend.CharBackend;
import org.tuber.core.backend.InputSource;
import org.tuber.core.backend.KeyCode;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.irq.WiredOr;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.dma.I8237Dma;
import org.tuber.devices.input.I8042;
import org.tuber.devices.input.Ps2Keyboard;
import org.tuber.devices.input.Ps2Mouse;
import org.tuber.devices.irqchip.IsaIrqLines;
import org.tuber.devices.legacy.DebugConsole;
import org.tuber.devices.legacy.IsaDebugExit;
import org.tuber.devices.legacy.ParallelPort;
import org.tuber.devices.legacy.Port92;
import org.tuber.devices.legacy.PostCodePort;
import org.tuber.devices.serial.Uart16550;
import org.tuber.devices.timer.I8254Pit;
import org.tuber.devices.timer.Mc146818Rtc;
import org.tuber.devices.timer.SpeakerPort;
import org.tuber.machine.CharBackendSource;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineException;
import org.tuber.machine.board.Chassis;
import org.tuber.machine.firmware.acpi.PcAcpi;
import org.tuber.machine.run.RunControl;

/**
 * What is behind fixed ports in every PC, with or without a PCI bus: timers, keyboard controller,
 * DMA, serial and parallel ports, and the debug ports of {@code -device}.
 */
final class IsaDevices {
  private static final int[] SERIAL_PORTS = {0x3f8, 0x2f8, 0x3e8, 0x2e8};
  private static final int[] SERIAL_IRQS = {4, 3, 4, 3};
  private static final int[] PARALLEL_PORTS = {0x378, 0x278, 0x3bc};
  private static final int[] PARALLEL_IRQS = {7, 5, 7};
  private static final int ISA_IRQS = 16;

  private final Chassis chassis;
  private final RunControl control;
  private final AddressSpace ports;
  private final IsaIrqLines irqs;
  private final Map<String, Snapshottable<?>> devices;
  private final List<PcAcpi.Legacy> serials = new ArrayList<>();
  private final List<PcAcpi.Legacy> parallels = new ArrayList<>();
  private final Ps2Keyboard keyboard = new Ps2Keyboard();
  private final Ps2Mouse mouse = new Ps2Mouse();
  private final I8042 i8042;
  private final I8237Dma dma;
  private Mc146818Rtc rtc;

  /**
   * Keyboard controller, DMA and the ports for codes; timers and lines come when the board says so.
   */
  IsaDevices(Chassis chassis, AddressSpace memory, AddressSpace ports, IsaIrqLines irqs) {
    this.chassis = chassis;
    this.control = chassis.control();
    this.ports = ports;
    this.irqs = irqs;
    devices = chassis.devices();
    WiredOr a20 = new WiredOr(new IrqLine(open -> chassis.cpus().forEach(cpu -> cpu.setA20(open))));
    i8042 =
        new I8042(
            irqs.source(1), irqs.source(12), a20.source(), control::requestReset, keyboard, mouse);
    Port92 port92 = new Port92(a20.source(), control::requestReset);
    PostCodePort postCode = new PostCodePort();
    PostCodePort delay = new PostCodePort();
    dma = new I8237Dma(chassis.dma(memory));
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

  private void io(int base, int size, MmioDevice device) {
    ports.mapDevice(base, size, device, AddressSpace.PRIORITY_PLATFORM);
  }

  /**
   * Adds timer, speaker gate and clock.
   *
   * @param pitOut where timer 0 interrupts
   * @param rtcOut where the clock interrupts
   */
  void wireTimers(IrqLine pitOut, IrqLine rtcOut, PcMemory memory, int cpus) {
    I8254Pit pit = new I8254Pit(chassis.clock(), pitOut);
    SpeakerPort speaker = new SpeakerPort(pit);
    rtc = new Mc146818Rtc(chassis.clock(), rtcOut);
    rtc.describeMachine(memory.lowBytes(), memory.highBytes(), cpus);
    devices.put("i8254", pit);
    devices.put("port61", speaker);
    devices.put("rtc", rtc);
    io(0x40, 4, pit);
    io(0x61, 1, speaker);
    io(0x70, 2, rtc);
  }

  /** Adds the serial ports of {@code -serial}. */
  void wireSerials(List<CharBackendSource> sources) throws MachineException {
    if (sources.size() > SERIAL_PORTS.length) {
      throw new MachineException("a pc has at most " + SERIAL_PORTS.length + " serial ports");
    }
    for (CharBackendSource source : sources) {
      int index = serials.size();
      wireSerial(SERIAL_PORTS[index], SERIAL_IRQS[index], chassis.open(source, "-serial"));
    }
  }

  /** Adds a device of {@code -device} if it is one of these, else refuses it. */
  void build(MachineConfig.DeviceOption d) throws MachineException {
    switch (d.driver()) {
      case "isa-debugcon" -> {
        int port = number(d, "iobase", 0xe9);
        CharBackend backend =
            chassis.open(
                d.line() == null ? CharBackendSource.NULL : d.line(), "-device isa-debugcon");
        DebugConsole console = new DebugConsole(backend);
        devices.put("debugcon-" + Integer.toHexString(port), console);
        io(port, 1, console);
      }
      case "isa-serial" -> wireSerialDevice(d);
      case "isa-parallel" -> wireParallel(d);
      case "isa-debug-exit" -> {
        int port = number(d, "iobase", 0x501);
        int size = number(d, "iosize", 2);
        IsaDebugExit exit = new IsaDebugExit(control::exit);
        devices.put("debug-exit-" + Integer.toHexString(port), exit);
        io(port, Math.max(1, size), exit);
      }
      default ->
          throw new MachineException("-device " + d.driver() + ": this machine has no such device");
    }
  }

  private void wireParallel(MachineConfig.DeviceOption d) throws MachineException {
    int index = parallels.size();
    if (index == PARALLEL_PORTS.length) {
      throw new MachineException("a pc has at most " + index + " parallel ports");
    }
    CharBackendSource line = d.line() == null ? CharBackendSource.NULL : d.line();
    int irq = PARALLEL_IRQS[index];
    ParallelPort port =
        new ParallelPort(irqs.source(irq), chassis.open(line, "-device isa-parallel"));
    int base = number(d, "iobase", PARALLEL_PORTS[index]);
    devices.put("parallel" + index, port);
    io(base, ParallelPort.WINDOW_BYTES, port);
    parallels.add(new PcAcpi.Legacy(base, irq));
  }

  private static int number(MachineConfig.DeviceOption device, String name, int otherwise)
      throws MachineException {
    String text = device.properties().get(name);
    if (text == null) {
      return otherwise;
    }
    try {
      int value = Integer.decode(text);
      if (value >= 0 && value < PcI440fx.PORT_SPACE_BYTES) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Reported below like a number out of range.
    }
    throw new MachineException(
        "-device " + device.driver() + ": " + name + "=" + text + " is not a port number");
  }

  private void wireSerial(int port, int irq, CharBackend backend) {
    Uart16550 uart = new Uart16550(chassis.clock(), irqs.source(irq), backend);
    devices.put("serial" + serials.size(), uart);
    io(port, Uart16550.WINDOW_BYTES, uart);
    serials.add(new PcAcpi.Legacy(port, irq));
  }

  /** {@code -device isa-serial}: at the place of the next serial line unless it names one. */
  private void wireSerialDevice(MachineConfig.DeviceOption d) throws MachineException {
    if (d.line() == null) {
      throw new MachineException("-device isa-serial: needs a chardev");
    }
    int index = number(d, "index", serials.size());
    if (index >= SERIAL_PORTS.length) {
      throw new MachineException("a pc has at most " + SERIAL_PORTS.length + " serial ports");
    }
    int port = number(d, "iobase", SERIAL_PORTS[index]);
    int irq = number(d, "irq", SERIAL_IRQS[index]);
    if (serials.stream().anyMatch(s -> s.port() == port)) {
      throw new MachineException("-device isa-serial: there is a serial port at this place");
    }
    if (irq >= ISA_IRQS) {
      throw new MachineException("-device isa-serial: irq=" + irq + " is not an ISA interrupt");
    }
    wireSerial(port, irq, chassis.open(d.line(), "-device isa-serial"));
  }

  /** The clock with its RAM. */
  Mc146818Rtc rtc() {
    return rtc;
  }

  /** The DMA controllers. */
  I8237Dma dma() {
    return dma;
  }

  /** The keyboard controller. */
  I8042 i8042() {
    return i8042;
  }

  /** Serial ports, COM1 first. */
  List<PcAcpi.Legacy> serials() {
    return Collections.unmodifiableList(serials);
  }

  /** Parallel ports. */
  List<PcAcpi.Legacy> parallels() {
    return Collections.unmodifiableList(parallels);
  }

  /** Where keys and pointers arrive. */
  InputSource.Sink input() {
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
}
