package org.tuber.machine.board.arm;

import java.util.List;
import java.util.Map;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.RamObserver;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.pci.PciBus;
import org.tuber.machine.MachineParts;

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
    List<CharLine> charLines)
    implements MachineParts {}
