package org.tuber.truffle.arm.user;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.time.VirtualClock;
import org.tuber.truffle.arm.A64Isa;
import org.tuber.truffle.arm.sys.CpuModel;
import org.tuber.truffle.arm.sys.IdRegister;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.Isa;
import org.tuber.truffle.engine.linux.Abi;
import org.tuber.truffle.engine.linux.Architecture;
import org.tuber.truffle.engine.linux.GuestThread;
import org.tuber.truffle.engine.linux.UserCpu;

/** Linux programs for AArch64. */
public final class ArmLinux implements Architecture {
  final CpuModel model;
  private final Arm64Abi arm64;

  public ArmLinux(CpuModel model) {
    this.model = model;
    arm64 = new Arm64Abi(model);
  }

  @Override
  public String name() {
    return "AArch64";
  }

  @Override
  public Isa isa() {
    return new A64Isa();
  }

  @Override
  public Abi abi(int elfMachine) {
    return elfMachine == Arm64Abi.EM_AARCH64 ? arm64 : null;
  }

  @Override
  public UserCpu newCpu(GuestThread t, Engine engine, AddressSpace memory, VirtualClock clock) {
    return new ArmUserCpu(model, t, engine, memory, clock);
  }

  /** As Linux prints it: one paragraph per processor. */
  @Override
  public byte[] cpuInfo() {
    long midr = model.id(IdRegister.MIDR_EL1);
    StringBuilder text = new StringBuilder();
    int processors = Runtime.getRuntime().availableProcessors();
    for (int i = 0; i < processors; i++) {
      text.append(
          String.format(
              Locale.ROOT,
              "processor\t: %d%nBogoMIPS\t: 125.00%nFeatures\t: %s%nCPU implementer\t: 0x%02x%n"
                  + "CPU architecture: 8%nCPU variant\t: 0x%x%nCPU part\t: 0x%03x%n"
                  + "CPU revision\t: %d%n%n",
              i,
              Capabilities.names(model),
              midr >>> 24 & 0xff,
              midr >>> 20 & 15,
              midr >>> 4 & 0xfff,
              midr & 15));
    }
    return text.toString().getBytes(StandardCharsets.ISO_8859_1);
  }
}
