package org.tuber.machine.gdb;

import java.util.ArrayList;
import java.util.List;

/** AArch64 for GDB: GDB manual, "AArch64 Features"; the packet g carries the core only. */
public final class A64GdbTarget implements GdbTarget {
  private static final int CORE = 34;
  private static final List<String> CPSR =
      List.of(
          "SP", "", "EL0", "EL1", "nRW", "", "F", "I", "A", "D", "BTYPE0", "BTYPE1", "SSBS",
          "ALLINT", "", "", "", "", "", "", "IL", "SS", "PAN", "UAO", "DIT", "TCO", "", "", "V",
          "C", "Z", "N");

  private final List<GdbRegister> registers = new ArrayList<>();

  /** The description. */
  public A64GdbTarget() {
    for (int i = 0; i < 31; i++) {
      registers.add(GdbRegister.of("x" + i, "int", 8, "x" + i));
    }
    registers.add(GdbRegister.of("sp", "data_ptr", 8, "sp"));
    registers.add(GdbRegister.of("pc", "code_ptr", 8, "pc"));
    registers.add(GdbRegister.of("cpsr", "cpsr_flags", 4, "cpsr"));
    for (int i = 0; i < 32; i++) {
      String v = "v" + i;
      registers.add(new GdbRegister(v, "vec128", 16, v + ".low", v + ".high"));
    }
    registers.add(GdbRegister.of("fpsr", "int", 4, "fpsr"));
    registers.add(GdbRegister.of("fpcr", "int", 4, "fpcr"));
  }

  @Override
  public String architecture() {
    return "aarch64";
  }

  @Override
  public List<GdbRegister> registers() {
    return registers;
  }

  @Override
  public int generalCount() {
    return CORE;
  }

  @Override
  public List<Feature> features() {
    return List.of(
        new Feature(
            "org.gnu.gdb.aarch64.core", GdbTarget.flags("cpsr_flags", 4, CPSR), 0, CORE, List.of()),
        new Feature(
            "org.gnu.gdb.aarch64.fpu",
            GdbTarget.vector128("vec128"),
            CORE,
            registers.size() - CORE,
            List.of()));
  }

  @Override
  public int programCounter() {
    return 32;
  }
}
