package org.tuber.core.cpu;

import java.util.Map;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.RamObserver;
import org.tuber.core.time.VirtualClock;

/** Makes the CPUs of one machine; they share translated code. */
public interface VcpuFactory extends AutoCloseable {
  /**
   * What a CPU is built from.
   *
   * @param index number from 0; on x86 also the APIC ID
   * @param memory guest-physical memory
   * @param ports the port space, or null where the architecture has none
   * @param clock the guest's time (the TSC counts it)
   * @param platform what sits between CPU and interrupt controller
   * @param properties model and flags as on the command line, e.g. {@code model=qemu64}
   */
  record Config(
      int index,
      AddressSpace memory,
      AddressSpace ports,
      VirtualClock clock,
      CpuPlatform platform,
      Map<String, String> properties) {}

  /** Makes one CPU. */
  Vcpu create(Config config);

  /** Who must hear of stores that bypass the CPUs' write path. */
  RamObserver ramObserver();

  /** Closes the CPUs it made and frees what they share. */
  @Override
  void close();
}
