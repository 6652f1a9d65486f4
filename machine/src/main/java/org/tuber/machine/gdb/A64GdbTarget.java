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

  /** Type of V registers, under the name that GDB gives it where there is no description. */
  private static final String VECTOR = "aarch64v";

  /** Lanes: letter, bits, and the type of floating-point ones, if there is one. */
  private static final String[][] LANES = {
    {"d", "64", "ieee_double"},
    {"s", "32", "ieee_single"},
    {"h", "16", "ieee_half"},
    {"b", "8", null},
    {"q", "128", null}
  };

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
      registers.add(new GdbRegister(v, VECTOR, 16, v + ".low", v + ".high"));
    }
    registers.add(GdbRegister.of("fpsr", "int", 4, "fpsr"));
    registers.add(GdbRegister.of("fpcr", "int", 4, "fpcr"));
  }

  /** As GDB knows V registers itself: {@code $v0.d.f[1]}, {@code $v0.b.u[7]}. */
  private static String vector() {
    StringBuilder xml = new StringBuilder();
    StringBuilder all = new StringBuilder("<union id=\"" + VECTOR + "\">");
    for (String[] lane : LANES) {
      StringBuilder kinds = new StringBuilder("<union id=\"vn" + lane[0] + "\">");
      int count = 128 / Integer.parseInt(lane[1]);
      addKind(xml, kinds, "v" + lane[0] + "u", "u", "uint" + lane[1], count);
      addKind(xml, kinds, "v" + lane[0] + "s", "s", "int" + lane[1], count);
      if (lane[2] != null) {
        addKind(xml, kinds, "v" + lane[0] + "f", "f", lane[2], count);
      }
      xml.append(kinds).append("</union>");
      all.append("<field name=\"").append(lane[0]).append("\" type=\"vn").append(lane[0]);
      all.append("\"/>");
    }
    return xml.append(all).append("</union>").toString();
  }

  private static void addKind(
      StringBuilder vectors, StringBuilder union, String id, String name, String type, int count) {
    vectors.append("<vector id=\"").append(id).append("\" type=\"").append(type);
    vectors.append("\" count=\"").append(count).append("\"/>");
    union.append("<field name=\"").append(name).append("\" type=\"").append(id).append("\"/>");
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
        new Feature("org.gnu.gdb.aarch64.fpu", vector(), CORE, registers.size() - CORE, List.of()));
  }

  @Override
  public int programCounter() {
    return 32;
  }
}
