package org.tuber.core.cpu;

/**
 * What a CPU asks of the interrupt controller next to it (x86: its local APIC and, behind it, the
 * 8259 pair). Called on the CPU's thread; the implementation takes the device lock.
 */
public interface CpuPlatform {
  /** No controller at all: bare programs and user mode. */
  CpuPlatform NONE = new CpuPlatform() {};

  /**
   * The CPU accepts the interrupt that {@link Vcpu#setInterrupt} announced.
   *
   * @return the vector, 0 to 255, or -1 when the request has gone meanwhile
   */
  default int acknowledgeInterrupt() {
    return -1;
  }

  /** Task-priority class as CR8 shows it (TPR bits 7:4), 0 to 15. */
  default int taskPriority() {
    return 0;
  }

  /** Sets the task-priority class through CR8. */
  default void setTaskPriority(int priorityClass) {}

  /** IA32_APIC_BASE (MSR 1BH). */
  default long apicBase() {
    return 0;
  }

  /** Writes IA32_APIC_BASE; false makes the CPU raise #GP. */
  default boolean setApicBase(long value) {
    return true;
  }

  /** True when {@code msr} (800H to 8FFH, 6E0H) is readable in the APIC's present mode. */
  default boolean hasApicMsr(int msr) {
    return false;
  }

  /** Reads an x2APIC or TSC-deadline register for which {@link #hasApicMsr} is true. */
  default long readApicMsr(int msr) {
    return 0;
  }

  /** Writes such a register; false makes the CPU raise #GP. */
  default boolean writeApicMsr(int msr, long value) {
    return false;
  }
}
