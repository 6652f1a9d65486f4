package org.tuber.machine.board.pc;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.RamObserver;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.block.live.BlockJobs;
import org.tuber.devices.pci.PciBus;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineParts;
import org.tuber.machine.board.Chassis;

/** A PC as monitors and debuggers look into it. */
final class PcParts implements MachineParts {
  private final MachineConfig config;
  private final Chassis chassis;
  private final PcMemory memory;
  private final AddressSpace ports;
  private final PciBus bus;
  private final PcDrives drives;

  PcParts(
      MachineConfig config,
      Chassis chassis,
      PcMemory memory,
      AddressSpace ports,
      PciBus bus,
      PcDrives drives) {
    this.config = config;
    this.chassis = chassis;
    this.memory = memory;
    this.ports = ports;
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
    return chassis.cpus();
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
    return chassis.ramObserver();
  }

  @Override
  public long ramBytes() {
    return memory.ram().sizeBytes();
  }

  @Override
  public Map<String, Snapshottable<?>> devices() {
    return Collections.unmodifiableMap(chassis.devices());
  }

  @Override
  public PciBus pciBus() {
    return bus;
  }

  @Override
  public List<CharLine> charLines() {
    return chassis.charLines();
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
  public BlockJobs blockJobs() {
    return drives.jobs();
  }

  @Override
  public void change(String drive, String file, String format, Boolean readOnly)
      throws MachineException {
    memory.space().deviceLock().lock();
    try {
      drives.change(drive, file, format, readOnly);
    } finally {
      memory.space().deviceLock().unlock();
    }
  }
}
