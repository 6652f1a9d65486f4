package org.tuber.machine.monitor;

import java.util.Locale;
import org.tuber.core.cpu.Vcpu;

/** A CPU's registers for people. CPU at rest. */
final class RegisterText {
  private static final int LMA = 1 << 10;
  private static final int CODE_LONG = 1 << 13;
  private static final int GRANULAR = 1 << 15;
  private static final String[] WIDE = {
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15"
  };
  private static final String[] NARROW = {"eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp"};
  private static final String[] SEGMENTS = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};

  private RegisterText() {}

  static String of(String architecture, Vcpu cpu) {
    return architecture.equals("aarch64") ? a64(cpu) : x86(cpu);
  }

  /** x86: the CPU is in 64-bit mode. */
  static boolean isWide(Vcpu cpu) {
    return (cpu.readRegister("efer") & LMA) != 0
        && (cpu.readRegister("cs.attributes") & CODE_LONG) != 0;
  }

  private static String a64(Vcpu cpu) {
    StringBuilder text = new StringBuilder();
    text.append(String.format(Locale.ROOT, " PC=%016x ", cpu.readRegister("pc")));
    for (int i = 0; i < 31; i++) {
      text.append(
          String.format(
              Locale.ROOT, "X%02d=%016x%s", i, cpu.readRegister("x" + i), i % 3 == 1 ? "\n" : " "));
    }
    text.append(String.format(Locale.ROOT, "SP=%016x\n", cpu.readRegister("sp")));
    long pstate = cpu.readRegister("cpsr");
    text.append(
        String.format(
            Locale.ROOT,
            "PSTATE=%08x %s%s%s%s EL%d\n",
            pstate,
            (pstate >> 31 & 1) != 0 ? "N" : "-",
            (pstate >> 30 & 1) != 0 ? "Z" : "-",
            (pstate >> 29 & 1) != 0 ? "C" : "-",
            (pstate >> 28 & 1) != 0 ? "V" : "-",
            pstate >> 2 & 3));
    for (int i = 0; i < 32; i++) {
      String v = "v" + i;
      text.append(
          String.format(
              Locale.ROOT,
              "Q%02d=%016x:%016x%s",
              i,
              cpu.readRegister(v + ".high"),
              cpu.readRegister(v + ".low"),
              i % 2 == 1 ? "\n" : " "));
    }
    return text.toString();
  }

  private static String x86(Vcpu cpu) {
    boolean wide = isWide(cpu);
    String[] names = wide ? WIDE : NARROW;
    String word = wide ? "%016x" : "%08x";
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < names.length; i++) {
      String name = names[i].length() == 2 ? names[i] + " " : names[i];
      text.append(name.toUpperCase(Locale.ROOT)).append('=');
      text.append(String.format(Locale.ROOT, word, cpu.readRegister(names[i])))
          .append(i % 4 == 3 ? '\n' : ' ');
    }
    long flags = cpu.readRegister("eflags");
    text.append(wide ? "RIP=" : "EIP=")
        .append(String.format(Locale.ROOT, word, cpu.readRegister(wide ? "rip" : "eip")));
    text.append(wide ? " RFL=" : " EFL=").append(String.format(Locale.ROOT, "%08x [", flags));
    text.append(flag(flags, 10, 'D')).append(flag(flags, 11, 'O')).append(flag(flags, 7, 'S'));
    text.append(flag(flags, 6, 'Z')).append(flag(flags, 4, 'A')).append(flag(flags, 2, 'P'));
    text.append(flag(flags, 0, 'C'));
    text.append(
        String.format(
            Locale.ROOT, "] CPL=%d HLT=%d\n", cpu.readRegister("cpl"), cpu.isHalted() ? 1 : 0));
    for (String name : SEGMENTS) {
      text.append(segment(cpu, name, wide));
    }
    text.append(table(cpu, "GDT", "gdtr", wide)).append(table(cpu, "IDT", "idtr", wide));
    text.append(
        String.format(
            Locale.ROOT,
            "CR0=%08x CR2=" + word + " CR3=" + word + " CR4=%08x\n",
            cpu.readRegister("cr0"),
            cpu.readRegister("cr2"),
            cpu.readRegister("cr3"),
            cpu.readRegister("cr4")));
    for (int i : new int[] {0, 1, 2, 3, 6, 7}) {
      text.append(
          String.format(
              Locale.ROOT,
              "DR%d=%016x%s",
              i,
              cpu.readRegister("dr" + i),
              i == 3 || i == 7 ? "\n" : " "));
    }
    text.append(String.format(Locale.ROOT, "EFER=%016x\n", cpu.readRegister("efer")));
    return text.append(floating(cpu, wide ? 16 : 8)).toString();
  }

  private static char flag(long flags, int bit, char letter) {
    return (flags >> bit & 1) != 0 ? letter : '-';
  }

  private static String segment(Vcpu cpu, String name, boolean wide) {
    long attributes = cpu.readRegister(name + ".attributes");
    long limit = cpu.readRegister(name + ".limit");
    // As in the descriptor's second word, where bits 19:16 are the limit's.
    long high = ((attributes & GRANULAR) != 0 ? limit >>> 12 : limit) & 0xf_0000;
    String shown =
        name.equals("ldtr") ? "LDT" : (name.toUpperCase(Locale.ROOT) + " ").substring(0, 3);
    return String.format(
        Locale.ROOT,
        "%s=%04x " + (wide ? "%016x" : "%08x") + " %08x %08x DPL=%d\n",
        shown,
        cpu.readRegister(name),
        cpu.readRegister(name + ".base"),
        limit,
        (attributes & 0xf0ff) << 8 | high,
        attributes >> 5 & 3);
  }

  private static String table(Vcpu cpu, String shown, String name, boolean wide) {
    return String.format(
        Locale.ROOT,
        shown + "=     " + (wide ? "%016x" : "%08x") + " %08x\n",
        cpu.readRegister(name + ".base"),
        cpu.readRegister(name + ".limit"));
  }

  private static String floating(Vcpu cpu, int vectors) {
    StringBuilder text = new StringBuilder();
    long status = cpu.readRegister("fsw");
    text.append(
        String.format(
            Locale.ROOT,
            "FCW=%04x FSW=%04x [ST=%d] FTW=%02x MXCSR=%08x\n",
            cpu.readRegister("fcw"),
            status,
            status >> 11 & 7,
            cpu.readRegister("ftw"),
            cpu.readRegister("mxcsr")));
    for (int i = 0; i < 8; i++) {
      String st = "st" + i;
      text.append(
          String.format(
              Locale.ROOT,
              "FPR%d=%016x %04x%s",
              i,
              cpu.readRegister(st + ".significand"),
              cpu.readRegister(st + ".exponent"),
              i % 2 == 1 ? "\n" : " "));
    }
    for (int i = 0; i < vectors; i++) {
      String xmm = "xmm" + i;
      text.append(
          String.format(
              Locale.ROOT,
              "XMM%02d=%016x %016x%s",
              i,
              cpu.readRegister(xmm + ".high"),
              cpu.readRegister(xmm + ".low"),
              i % 2 == 1 ? "\n" : " "));
    }
    return text.toString();
  }
}
