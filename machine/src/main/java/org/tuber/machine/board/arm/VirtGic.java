package org.tuber.machine.board.arm;

import org.tuber.core.irq.IrqLine;
import org.tuber.core.irq.MsiSink;
import org.tuber.machine.firmware.acpi.VirtAcpi;
import org.tuber.machine.firmware.fdt.FdtNode;

/** The board's interrupt controller, whichever version it is. */
interface VirtGic {
  /** Connects the next CPU. */
  void addCpu(IrqLine irq, IrqLine fiq);

  /** The calling thread is that of this CPU from now on. */
  void bindToCurrentThread(int cpu);

  /** A wire into a shared interrupt, counted from 0. */
  IrqLine shared(int n);

  /** A wire into a private interrupt, by its ID. */
  IrqLine ownOf(int cpu, int id);

  /** Where messages of the PCI function with this requester ID go. */
  MsiSink messagesOf(int requester);

  /** A system register of the CPU interface, see {@link org.tuber.core.cpu.ArmPlatform}. */
  default boolean hasSystemRegister(int encoding) {
    return false;
  }

  /** Reads one. Without the device lock. */
  default long readSystemRegister(int cpu, int encoding) {
    return 0;
  }

  /** Writes one. Without the device lock. */
  default void writeSystemRegister(int cpu, int encoding, long value) {}

  /** True when messages reach anybody. */
  default boolean hasMessages() {
    return true;
  }

  /** What a device tree says of private interrupts in bits 15:8: the CPUs. */
  int privateFlags();

  /** What ACPI says of it. */
  VirtAcpi.Gic acpi();

  /** Adds the nodes to a device tree. */
  void describe(FdtNode root, int handle, int messageHandle);
}
