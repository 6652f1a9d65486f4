package org.tuber.machine;

import org.tuber.core.cpu.VcpuFactory;
import org.tuber.machine.board.arm.ArmVirt;
import org.tuber.machine.board.pc.IsaPc;
import org.tuber.machine.board.pc.PcI440fx;

/** Builds the machine that a configuration names. */
public final class MachineFactory {
  private MachineFactory() {}

  /** What a board is, in a few words; empty for an unknown one. */
  public static String describe(String machineType) {
    return switch (machineType) {
      case "pc" -> "Standard PC (i440FX + PIIX, 1996)";
      case "isapc" -> "ISA-only PC";
      case "virt" -> "Arm virtual machine, as QEMU's 7.2";
      default -> "";
    };
  }

  /**
   * Builds a machine, powered on, with its kernel in memory; {@link MachineRun#run} starts it.
   *
   * @param cpus makes its CPUs; closed with the machine
   * @throws MachineException with one line for the user when that cannot be done
   */
  public static MachineRun create(MachineConfig config, VcpuFactory cpus) throws MachineException {
    return switch (config.machineType()) {
      case "pc", "pc-i440fx-7.2" -> PcI440fx.build(config, cpus).control();
      case "isapc" -> IsaPc.build(config, cpus).control();
      case "virt" -> ArmVirt.build(config, cpus).control();
      default -> throw new MachineException("unknown machine type '" + config.machineType() + "'");
    };
  }
}
