package org.tuber.machine.board.arm;

import java.util.List;
import java.util.Map;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.RamObserver;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.block.live.BlockJobs;
import org.tuber.devices.pci.PciBus;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineParts;
import org.tuber.machine.board.PciDrives;

/** The Arm board as monitors and debuggers look into it. */
record VirtParts(
    String board,
    String guestName,
    String architecture,
    List<Vcpu> cpus,
    AddressSpace memory,
    AddressSpace ports,
    RamObserver ramObserver,
    long ramBytes,
    Map<String, Snapshottable<?>> devices,
    PciBus pciBus,
    List<CharLine> charLines,
    PciDrives pciDrives)
    implements MachineParts {
  @Override
  public List<Drive> drives() {
    return pciDrives.list();
  }

  @Override
  public BlockJobs blockJobs() {
    return pciDrives.jobs();
  }

  /** Only controllers of fixed disks can be on this board. */
  private static MachineException notRemovable(List<Drive> drives, String name) {
    for (Drive d : drives) {
      if (d.name().equals(name) || d.device().equals(name)) {
        return new MachineException("Device '" + name + "' is not removable");
      }
    }
    return new MachineException("Device '" + name + "' not found");
  }

  @Override
  public void eject(String drive, boolean force) throws MachineException {
    throw notRemovable(drives(), drive);
  }

  @Override
  public void change(String drive, String file, String format, Boolean readOnly)
      throws MachineException {
    throw notRemovable(drives(), drive);
  }
}
