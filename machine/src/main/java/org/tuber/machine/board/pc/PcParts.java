package org.tuber.machine.board.pc;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.RamObserver;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.pci.PciBus;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineParts;

/** A PC as monitors and debuggers look into it. */
final class PcParts implements MachineParts {
  private final MachineConfig config;
  private final List<Vcpu> cpus;
  private final PcMemory memory;
  private final AddressSpace ports;
  private final RamObserver observer;
  private final Map<String, Snapshottable<?>> devices;
  private final PciBus bus;
  private final PcDrives drives;

  PcParts(
      MachineConfig config,
      List<Vcpu> cpus,
      PcMemory memory,
      AddressSpace ports,
      RamObserver observer,
      Map<String, Snapshottable<?>> devices,
      PciBus bus,
      PcDrives drives) {
    this.config = config;
    this.cpus = List.copyOf(cpus);
    this.memory = memory;
    this.ports = ports;
    this.observer = observer;
    this.devices = devices;
    this.bus = bus;
    this.drives = drives;
  }

  @Override
  public String board() {
    return config.machineType();
  }

  @Override
  public String guestName() {
    return config.guestName();
  }

  @Override
  public String architecture() {
    return "x86_64";
  }

  @Override
  public List<Vcpu> cpus() {
    return cpus;
  }

  @Override
  public AddressSpace memory() {
    return memory.space();
  }

  @Override
  public AddressSpace ports() {
    return ports;
  }

  @Override
  public RamObserver ramObserver() {
    return observer;
  }

  @Override
  public long ramBytes() {
    return memory.ram().sizeBytes();
  }

  @Override
  public Map<String, Snapshottable<?>> devices() {
    return devices;
  }

  @Override
  public PciBus pciBus() {
    return bus;
  }

  @Override
  public List<CharLine> charLines() {
    List<CharLine> lines = new ArrayList<>();
    for (int i = 0; i < config.serials().size(); i++) {
      lines.add(new CharLine("serial" + i, config.serials().get(i).hostName()));
    }
    return lines;
  }

  @Override
  public List<Drive> drives() {
    return drives.list();
  }

  @Override
  public void eject(String drive, boolean force) throws MachineException {
    memory.space().deviceLock().lock();
    try {
      drives.eject(drive, force);
    } finally {
      memory.space().deviceLock().unlock();
    }
  }

  @Override
  public void change(String drive, String file, String format) throws MachineException {
    memory.space().deviceLock().lock();
    try {
      drives.change(drive, file, format);
    } finally {
      memory.space().deviceLock().unlock();
    }
  }
}
