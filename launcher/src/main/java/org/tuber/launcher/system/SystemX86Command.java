package org.tuber.launcher.system;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tuber.core.cpu.VcpuFactory;
import org.tuber.machine.DriveOption;
import org.tuber.truffle.x86.X86VcpuFactory;

/** {@code tuber system-x86_64}: a PC. */
public final class SystemX86Command extends SystemCommand {
  /** The command's name. */
  public static final String NAME = "system-x86_64";

  private static final Map<String, String> BOARDS = new LinkedHashMap<>();

  static {
    BOARDS.put("pc", "pc");
    BOARDS.put("pc-i440fx-7.2", "pc");
    BOARDS.put("isapc", "isapc");
  }

  /** The command. */
  public SystemX86Command() {
    super(NAME, "a PC with an x86-64 processor, QEMU's options");
  }

  @Override
  Map<String, String> boards() {
    return BOARDS;
  }

  @Override
  Set<String> boardProperties() {
    return Set.of(
        "acpi",
        "hpet",
        "usb",
        "vmport",
        "smm",
        "graphics",
        "dump-guest-core",
        "pflash0",
        "pflash1");
  }

  @Override
  List<String> cpuModels() {
    return X86VcpuFactory.models();
  }

  @Override
  DriveOption.Bus defaultBus() {
    return DriveOption.Bus.IDE;
  }

  @Override
  boolean hasScreen() {
    return true;
  }

  @Override
  VcpuFactory cpuFactory(Map<String, String> options) {
    return new X86VcpuFactory(options);
  }
}
