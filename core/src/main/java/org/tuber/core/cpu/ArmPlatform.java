package org.tuber.core.cpu;

import org.tuber.core.irq.IrqLine;

/**
 * What an AArch64 CPU asks of the board around it. Called on the CPU's thread without the device
 * lock; the implementation takes it.
 */
public interface ArmPlatform extends CpuPlatform {
  /** No board at all: bare programs and user mode. */
  ArmPlatform NONE = new ArmPlatform() {};

  /** The generic timers of a CPU (Arm ARM D12.1). */
  enum TimerKind {
    /** CNTP, non-secure EL1 physical: PPI 14 (INTID 30). */
    PHYSICAL,
    /** CNTV, EL1 virtual: PPI 11 (INTID 27). */
    VIRTUAL,
    /** CNTHP, EL2 physical: PPI 10 (INTID 26). */
    HYPERVISOR,
    /** CNTPS, secure EL1 physical: PPI 13 (INTID 29). */
    SECURE,
    /** CNTHV, EL2 virtual: PPI 12 (INTID 28). */
    HYPERVISOR_VIRTUAL
  }

  /** How firmware is called. */
  enum Conduit {
    HVC,
    SMC
  }

  /** Where the output of a timer of this CPU goes. */
  default IrqLine timerLine(TimerKind kind) {
    return IrqLine.unconnected();
  }

  /**
   * A call of firmware that is not in guest memory (PSCI, SMCCC).
   *
   * @param immediate of the instruction
   * @param x X0 to X17: arguments, then results
   * @return false: nobody there, the instruction does what the architecture says
   */
  default boolean firmwareCall(Conduit conduit, int immediate, long[] x) {
    return false;
  }

  /** Value of MPIDR_EL1 for the CPU with number {@code index}. */
  default long mpidr(int index) {
    return 0x8000_0000L | index;
  }

  /**
   * True when the board has the system register with this encoding: op0, op1, CRn, CRm, op2 in 2,
   * 3, 4, 4, 3 bits (GIC CPU interface: ICC_, ICV_, ICH_).
   */
  default boolean hasSystemRegister(int encoding) {
    return false;
  }

  /** Reads such a register at exception level {@code el}. */
  default long readSystemRegister(int encoding, int el) {
    return 0;
  }

  /** Writes such a register at exception level {@code el}. */
  default void writeSystemRegister(int encoding, long value, int el) {}
}
