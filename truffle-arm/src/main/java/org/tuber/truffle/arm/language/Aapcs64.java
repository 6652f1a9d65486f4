package org.tuber.truffle.arm.language;

import org.tuber.truffle.arm.user.ArmUserCpu;
import org.tuber.truffle.engine.interop.RegisterConvention;
import org.tuber.truffle.engine.linux.LibraryProcess;

/**
 * Procedure Call Standard for the Arm 64-bit Architecture, 6.8: X0 to X7 and V0 to V7; variable
 * arguments like others.
 */
final class Aapcs64 extends RegisterConvention {
  private static final int REGISTERS = 8;

  private final ArmUserCpu cpu;

  Aapcs64(LibraryProcess process) {
    super(process, REGISTERS, REGISTERS);
    cpu = (ArmUserCpu) process.cpu();
  }

  @Override
  protected long integer(int i) {
    return cpu.get(i);
  }

  @Override
  protected void setInteger(int i, long value) {
    cpu.set(i, value);
  }

  @Override
  protected long vector(int i) {
    return cpu.vector(i);
  }

  @Override
  protected void setVector(int i, long value) {
    cpu.setVector(i, value);
  }

  @Override
  protected long integerResult() {
    return cpu.get(0);
  }

  @Override
  protected void setIntegerResult(long value) {
    cpu.set(0, value);
  }

  @Override
  protected long stackArguments() {
    return cpu.sp();
  }
}
