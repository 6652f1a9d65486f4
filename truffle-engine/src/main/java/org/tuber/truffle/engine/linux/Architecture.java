package org.tuber.truffle.engine.linux;

import org.tuber.core.mem.AddressSpace;
import org.tuber.core.time.VirtualClock;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.Isa;

/**
 * The kind of CPU that a front end gives to Linux programs, with the ABIs that programs for it can
 * have. An object belongs to one {@link UserSystem}.
 */
public interface Architecture {
  /** For messages: "x86". */
  String name();

  Isa isa();

  /** The ABI of ELF files for a machine (e_machine), or null when they do not run here. */
  Abi abi(int elfMachine);

  /** A CPU for a thread, its registers not set up yet. */
  UserCpu newCpu(GuestThread t, Engine engine, AddressSpace memory, VirtualClock clock);

  /** The text of /proc/cpuinfo; null: the host's. */
  default byte[] cpuInfo() {
    return null;
  }
}
