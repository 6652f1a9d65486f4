package org.tuber.machine.board;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.tuber.core.backend.CharBackend;
import org.tuber.core.cpu.CpuPlatform;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.cpu.VcpuFactory;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.mem.RamObserver;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.machine.CharBackendSource;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineParts;
import org.tuber.machine.run.EventLoop;
import org.tuber.machine.run.HostClock;
import org.tuber.machine.run.RunControl;
import org.tuber.machine.run.VcpuThread;

/**
 * What every board has, whatever it is a board of: the device lock, the guest's clock, the event
 * loop, run control, CPUs, the list of devices, and the host sides of character devices. A board
 * owns one and adds what makes it that board.
 */
public final class Chassis {
  /** Puts a board together. */
  @FunctionalInterface
  public interface Wiring {
    /** Builds devices and CPUs and connects them. */
    void wire() throws MachineException;
  }

  private final MachineConfig config;
  private final VcpuFactory cpuFactory;
  private final ReentrantLock deviceLock = new ReentrantLock();
  private final HostClock clock;
  private final EventLoop loop;
  private final RunControl control;
  private final List<Vcpu> cpus = new ArrayList<>();
  private final List<CharBackend> charBackends = new ArrayList<>();
  private final Map<String, Snapshottable<?>> cpuStates = new LinkedHashMap<>();
  private final Map<String, Snapshottable<?>> devices = new LinkedHashMap<>();

  /** The part named last first. */
  private final Deque<Runnable> closing = new ArrayDeque<>();

  /**
   * A chassis with nothing in it.
   *
   * @param board name for messages
   * @param maxCpus most CPUs of such a board
   * @param cpuFactory makes the CPUs; closed with the chassis
   */
  public Chassis(String board, int maxCpus, MachineConfig config, VcpuFactory cpuFactory)
      throws MachineException {
    this.config = config;
    this.cpuFactory = cpuFactory;
    if (config.cpus() < 1 || config.cpus() > maxCpus) {
      throw new MachineException(board + " has 1 to " + maxCpus + " CPUs, not " + config.cpus());
    }
    clock = HostClock.startingAt(config.rtcBase(), deviceLock);
    loop = new EventLoop(deviceLock, clock);
    control =
        new RunControl(
            deviceLock,
            clock,
            loop,
            new RunControl.Policy(config.noReboot(), config.noShutdown(), config.startStopped()));
  }

  /**
   * Puts {@code board} together and resets it; closes it when that fails.
   *
   * @param wiring the board's own part, run first
   */
  public void assemble(RunControl.Board board, Wiring wiring) throws MachineException {
    control.setBoard(board);
    try {
      wiring.wire();
      deviceLock.lock();
      try {
        board.reset();
      } finally {
        deviceLock.unlock();
      }
    } catch (MachineException | RuntimeException e) {
      board.close();
      throw e;
    }
  }

  /** RAM for the guest. */
  public static GuestRam ram(long sizeBytes) throws MachineException {
    try {
      return new GuestRam(sizeBytes);
    } catch (OutOfMemoryError | ArithmeticException e) {
      throw new MachineException(
          String.format(
              Locale.ROOT, "the host cannot give %d MiB of guest RAM (-m)", sizeBytes >> 20),
          e);
    }
  }

  // Properties of the machine (-M).

  /** A property of {@code -M}. */
  public String property(String name, String otherwise) {
    return config.machineProperties().getOrDefault(name, otherwise);
  }

  /** A property of {@code -M} that is on or off, in any of the spellings there are for that. */
  public boolean isOn(String name, boolean otherwise) throws MachineException {
    String text = property(name, otherwise ? "on" : "off");
    return switch (text) {
      case "on", "yes", "true", "y" -> true;
      case "off", "no", "false", "n" -> false;
      default -> throw new MachineException("-M " + name + "=" + text + ": say on or off");
    };
  }

  // CPUs.

  /** What the command line says of CPUs, for {@link VcpuFactory.Config}; the board adds its own. */
  public Map<String, String> cpuProperties() {
    Map<String, String> properties = new HashMap<>(config.accelProperties());
    config.cpuFeatures().forEach((name, on) -> properties.put(name, on ? "on" : "off"));
    properties.put("model", config.cpuModel());
    properties.put("accel", config.accel());
    properties.put("cpus", Integer.toString(config.cpus()));
    return properties;
  }

  /** True unless the x86 CPU model is one of before the Pentium, or is told to have no APIC. */
  public boolean hasLocalApics() {
    return config.cpuFeatures().getOrDefault("apic", !config.cpuModel().equals("486"));
  }

  /**
   * Adds the next CPU.
   *
   * @param ports the port space, or null
   * @param platform what the board is to this CPU
   * @param onStart runs on the CPU's thread before anything else
   */
  public VcpuThread addCpu(
      AddressSpace memory,
      AddressSpace ports,
      CpuPlatform platform,
      Map<String, String> properties,
      Runnable onStart) {
    Vcpu cpu =
        cpuFactory.create(
            new VcpuFactory.Config(cpus.size(), memory, ports, clock, platform, properties));
    String name = "cpu" + cpus.size();
    cpus.add(cpu);
    VcpuThread thread = control.addVcpu(cpu, onStart);
    cpuStates.put(name + "-power", thread);
    if (cpu instanceof Snapshottable<?> registers) {
      cpuStates.put(name, registers);
    }
    return thread;
  }

  /** The CPUs so far, in order; grows. */
  public List<Vcpu> cpus() {
    return Collections.unmodifiableList(cpus);
  }

  /** Who must hear of stores that bypass the CPUs. */
  public RamObserver ramObserver() {
    return cpuFactory.ramObserver();
  }

  /** The road of devices into {@code memory}. */
  public DmaView dma(AddressSpace memory) {
    return new DmaView(memory, cpuFactory.ramObserver());
  }

  // Devices.

  /**
   * Everything a snapshot consists of besides RAM and the clock, by name, in the order of saving
   * and loading: CPUs, then devices, which drive the CPUs' wires.
   */
  public Map<String, Snapshottable<?>> states() {
    Map<String, Snapshottable<?>> all = new LinkedHashMap<>(cpuStates);
    all.putAll(devices);
    return all;
  }

  /** Devices with state, by a name that snapshots keep; reset goes in the order of adding. */
  public Map<String, Snapshottable<?>> devices() {
    return devices;
  }

  /**
   * Opens the host side of a character device.
   *
   * @param option for messages
   */
  public CharBackend open(CharBackendSource source, String option) throws MachineException {
    try {
      CharBackend backend = source.open(loop);
      charBackends.add(backend);
      return backend;
    } catch (IOException e) {
      throw new MachineException(option + ": " + e.getMessage(), e);
    }
  }

  /** The serial lines, for monitors. */
  public List<MachineParts.CharLine> charLines() {
    List<MachineParts.CharLine> lines = new ArrayList<>();
    for (int i = 0; i < config.serials().size(); i++) {
      lines.add(new MachineParts.CharLine("serial" + i, config.serials().get(i).hostName()));
    }
    return lines;
  }

  // The rest.

  /** The lock around all device code. */
  public ReentrantLock deviceLock() {
    return deviceLock;
  }

  /** The guest's time. */
  public HostClock clock() {
    return clock;
  }

  /** Where completions of backends arrive. */
  public EventLoop loop() {
    return loop;
  }

  /** The machine's life. */
  public RunControl control() {
    return control;
  }

  // Life.

  /** Pulls the reset line of all devices and CPUs. Device lock held, CPUs at rest. */
  public void reset() {
    devices.values().forEach(Snapshottable::reset);
    cpus.forEach(Vcpu::reset);
  }

  /** Writes out what host sides of character devices buffer. */
  public void flush() {
    charBackends.forEach(CharBackend::flush);
  }

  /** Has {@code close} run when the board ends: what was built last goes first. */
  public void onClose(Runnable close) {
    closing.push(close);
  }

  /** Closes host sides of character devices, then the CPUs, then the board's own parts. */
  public void close() {
    charBackends.forEach(CharBackend::close);
    cpuFactory.close();
    while (!closing.isEmpty()) {
      closing.pop().run();
    }
  }
}
