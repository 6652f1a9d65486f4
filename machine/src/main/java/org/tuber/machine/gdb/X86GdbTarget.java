package org.tuber.machine.gdb;

import java.util.ArrayList;
import java.util.List;
import org.tuber.core.cpu.Vcpu;

/**
 * x86 for GDB, 64 or 32 bits wide: GDB manual, "i386 Features"; numbers are those that debuggers of
 * virtual PCs are used to (general, segments, control, x87, SSE).
 *
 * <p>A CPU model with long mode is described as 64 bits wide in every mode it is in, as GDB cannot
 * change its mind while it is connected.
 */
public final class X86GdbTarget implements GdbTarget {
  private static final List<String> GENERAL64 =
      List.of("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp");
  private static final List<String> GENERAL32 =
      List.of("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi");
  private static final List<String> SEGMENTS = List.of("cs", "ss", "ds", "es", "fs", "gs");
  private static final List<String> CONTROL = List.of("cr0", "cr2", "cr3", "cr4", "cr8", "efer");
  private static final List<String> FLAGS =
      List.of(
          "CF", "", "PF", "", "AF", "", "ZF", "SF", "TF", "IF", "DF", "OF", "", "", "NT", "", "RF",
          "VM", "AC", "VIF", "VIP", "ID");
  private static final List<String> MXCSR =
      List.of(
          "IE", "DE", "ZE", "OE", "UE", "PE", "DAZ", "IM", "DM", "ZM", "OM", "UM", "PM", "", "",
          "FZ");
  private static final int CODE_LONG = 1 << 13;
  private static final int LMA = 1 << 10;

  private final boolean wide;
  private final List<GdbRegister> registers = new ArrayList<>();
  private final List<Feature> features;
  private final int pc;

  /**
   * A description.
   *
   * @param wide the CPU has long mode
   */
  public X86GdbTarget(boolean wide) {
    this.wide = wide;
    int word = wide ? 8 : 4;
    for (String name : wide ? GENERAL64 : GENERAL32) {
      boolean pointer = name.endsWith("sp") || name.endsWith("bp");
      add(name, pointer ? "data_ptr" : wide ? "int64" : "int32", word, name);
    }
    for (int i = 8; wide && i < 16; i++) {
      add("r" + i, "int64", 8, "r" + i);
    }
    pc = registers.size();
    add(wide ? "rip" : "eip", "code_ptr", word, wide ? "rip" : "eip");
    add("eflags", "i386_eflags", 4, "eflags");
    SEGMENTS.forEach(name -> add(name, "int32", 4, name));
    final int bases = registers.size();
    add("fs_base", "int", word, "fs.base");
    add("gs_base", "int", word, "gs.base");
    final int control = registers.size();
    // Models without long mode do not have the register.
    add("k_gs_base", "int", word, wide ? "msr.c0000102" : null);
    for (String name : CONTROL) {
      add(name, wide ? "int64" : "int32", word, name);
    }
    final int x87 = registers.size();
    for (int i = 0; i < 8; i++) {
      String st = "st" + i;
      registers.add(new GdbRegister(st, "i387_ext", 10, st + ".significand", st + ".exponent"));
    }
    add("fctrl", "int", 4, "fcw");
    add("fstat", "int", 4, "fsw");
    add("ftag", "int", 4, "ftag");
    add("fiseg", "int", 4, "fcs");
    add("fioff", "int", 4, "fip");
    add("foseg", "int", 4, "fds");
    add("fooff", "int", 4, "fdp");
    add("fop", "int", 4, "fop");
    final int sse = registers.size();
    for (int i = 0; i < (wide ? 16 : 8); i++) {
      String xmm = "xmm" + i;
      registers.add(new GdbRegister(xmm, "vec128", 16, xmm + ".low", xmm + ".high"));
    }
    add("mxcsr", "i386_mxcsr", 4, "mxcsr");
    features = describe(bases, control, x87, sse);
  }

  private void add(String name, String type, int bytes, String own) {
    registers.add(GdbRegister.of(name, type, bytes, own));
  }

  private List<Feature> describe(int bases, int control, int x87, int sse) {
    List<Integer> floating = new ArrayList<>();
    for (int i = x87; i < sse; i++) {
      floating.add(i);
    }
    String core = "org.gnu.gdb.i386.core";
    String flags = GdbTarget.flags("i386_eflags", 4, FLAGS);
    String vectors = GdbTarget.vector128("vec128") + GdbTarget.flags("i386_mxcsr", 4, MXCSR);
    List<Feature> all = new ArrayList<>();
    all.add(new Feature(core, flags, 0, bases, floating));
    all.add(new Feature("org.gnu.gdb.i386.sse", vectors, sse, registers.size() - sse, List.of()));
    if (wide) {
      all.add(new Feature("org.gnu.gdb.i386.segments", "", bases, 2, List.of()));
      all.add(new Feature("org.tuber.gdb.i386.system", "", control, x87 - control, List.of()));
    } else {
      all.add(new Feature("org.tuber.gdb.i386.system", "", bases, x87 - bases, List.of()));
    }
    return all;
  }

  @Override
  public String architecture() {
    return wide ? "i386:x86-64" : "i386";
  }

  @Override
  public List<GdbRegister> registers() {
    return registers;
  }

  @Override
  public int generalCount() {
    return registers.size();
  }

  @Override
  public List<Feature> features() {
    return features;
  }

  @Override
  public int programCounter() {
    return pc;
  }

  @Override
  public long codeBase(Vcpu cpu) {
    boolean flat =
        (cpu.readRegister("efer") & LMA) != 0
            && (cpu.readRegister("cs.attributes") & CODE_LONG) != 0;
    return flat ? 0 : cpu.readRegister("cs.base");
  }
}
