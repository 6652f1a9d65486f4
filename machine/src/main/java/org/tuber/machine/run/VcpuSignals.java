package org.tuber.machine.run;

import org.tuber.core.cpu.ExitReason;
import org.tuber.core.cpu.Vcpu;

/**
 * A CPU as its interrupt controller sees it: the same CPU, but every signal also wakes the thread
 * that sleeps while the CPU is halted. A running CPU looks at its request lines by itself, so
 * {@link #kick} is no more than the wake-up here: an interrupt never throws a busy CPU out of
 * {@link #run}.
 */
final class VcpuSignals implements Vcpu {
  private final Vcpu vcpu;
  private final VcpuThread thread;

  VcpuSignals(Vcpu vcpu, VcpuThread thread) {
    this.vcpu = vcpu;
    this.thread = thread;
  }

  @Override
  public void setInterrupt(boolean level) {
    vcpu.setInterrupt(level);
    if (level) {
      thread.wake();
    }
  }

  @Override
  public void setFastInterrupt(boolean level) {
    vcpu.setFastInterrupt(level);
    if (level) {
      thread.wake();
    }
  }

  @Override
  public void nmi() {
    vcpu.nmi();
    thread.wake();
  }

  @Override
  public void kick() {
    thread.wake();
  }

  @Override
  public void init() {
    thread.init();
  }

  @Override
  public void startup(int vector) {
    thread.start(
        cpu -> {
          cpu.writeRegister("cs", (long) vector << 8);
          cpu.writeRegister("cs.base", (long) vector << 12);
          cpu.writeRegister("rip", 0);
        });
  }

  @Override
  public ExitReason run(long budget) {
    return vcpu.run(budget);
  }

  @Override
  public boolean isHalted() {
    return vcpu.isHalted();
  }

  @Override
  public void reset() {
    vcpu.reset();
  }

  @Override
  public long readRegister(String name) {
    return vcpu.readRegister(name);
  }

  @Override
  public void writeRegister(String name, long value) {
    vcpu.writeRegister(name, value);
  }

  @Override
  public long instructionCount() {
    return vcpu.instructionCount();
  }

  @Override
  public String statistics() {
    return vcpu.statistics();
  }

  @Override
  public void close() {
    vcpu.close();
  }
}
