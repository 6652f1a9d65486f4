package org.tuber.launcher.system;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tuber.core.cpu.VcpuFactory;
import org.tuber.machine.DriveOption;
import org.tuber.truffle.arm.ArmVcpuFactory;

/** {@code tuber system-aarch64}: the {@code virt} board. */
public final class SystemArmCommand extends SystemCommand {
  /** The command's name. */
  public static final String NAME = "system-aarch64";

  private static final Map<String, String> BOARDS = new LinkedHashMap<>();

  static {
    BOARDS.put("virt", "virt");
    BOARDS.put("virt-7.2", "virt");
  }

  /** The command. */
  public SystemArmCommand() {
    super(NAME, "a board with 64-bit Arm processors, QEMU's options");
  }

  @Override
  Map<String, String> boards() {
    return BOARDS;
  }

  @Override
  Set<String> boardProperties() {
    return Set.of(
        "gic-version",
        "its",
        "virtualization",
        "secure",
        "highmem",
        "highmem-ecam",
        "acpi",
        "usb",
        "graphics",
        "dump-guest-core");
  }

  @Override
  List<String> cpuModels() {
    return ArmVcpuFactory.models();
  }

  @Override
  DriveOption.Bus defaultBus() {
    return DriveOption.Bus.VIRTIO;
  }

  @Override
  boolean hasScreen() {
    return false;
  }

  @Override
  VcpuFactory cpuFactory(Map<String, String> options) {
    return new ArmVcpuFactory(options);
  }
}
