package org.tuber.truffle.x86.sys;

import java.util.Arrays;
import org.tuber.truffle.x86.insn.X87Environment;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.DescriptorTable;
import org.tuber.truffle.x86.state.Segment;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * Registers by name, for boards and debuggers, and their values at power-on (SDM vol. 3, table
 * 9-1).
 *
 * <p>Names are the manual's in lower case: {@code rax} to {@code r15} and {@code eax} to {@code
 * r15d}, {@code rip}, {@code rflags} or {@code eflags}, {@code cr0 cr2 cr3 cr4 cr8}, {@code efer},
 * {@code dr0} to {@code dr7}, {@code xcr0}, {@code cpl}; segments {@code es cs ss ds fs gs ldtr tr}
 * (the selector) with {@code .base .limit .attributes}; {@code gdtr.base}, {@code idtr.limit} and
 * so on; {@code xmm0.low}, {@code xmm0.high}, and the same of {@code ymm0} for its bits 255:128;
 * {@code pkru}, {@code mxcsr}, {@code fcw fsw ftw} (abridged) {@code ftag} (full) {@code fop fip
 * fdp fcs fds}; {@code st0.significand} and {@code st0.exponent} (with the sign as bit 15); {@code
 * efer.supported} (0 on models without long mode, read only); {@code msr.c0000080} with the number
 * in hexadecimal.
 *
 * <p>Writing does not check: the board is the firmware that leaves the CPU in some state. CPL
 * follows the DPL of {@code cs.attributes}, EFER.LMA follows LME and CR0.PG.
 */
public final class RegisterNames {
  private static final String[] GENERAL = {
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"
  };
  private static final String[] GENERAL32 = {
    "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi",
    "r8d", "r9d", "r10d", "r11d", "r12d", "r13d", "r14d", "r15d"
  };
  private static final String[] SEGMENTS = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};

  private RegisterNames() {}

  /** Power-on or INIT: the first instruction is at FFFFFFF0H in real mode. */
  public static void reset(X86Cpu c) {
    X86State s = c.home;
    Arrays.fill(s.r, 0);
    s.r[2] = c.model.signature() & 0xffff_ffffL;
    c.setEflags(0);
    c.cr0 = Cr.CR0_CD | Cr.CR0_NW | Cr.CR0_ET;
    c.cr2 = 0;
    c.cr3 = 0;
    c.cr4 = 0;
    c.xcr0 = 1;
    c.efer = 0;
    c.cpl = 0;
    Arrays.fill(c.dr, 0);
    c.dr[6] = 0xffff_0ff0L;
    c.dr[7] = 0x400;
    DebugRegisters.apply(c);
    for (int i = 0; i < 6; i++) {
      c.segments[i].set(0, 0, 0xffff, 0x93);
    }
    c.segments[X86Cpu.CS].set(0xf000, 0xffff_0000L, 0xffff, 0x93);
    c.segments[X86Cpu.LDTR].set(0, 0, 0xffff, 0x82);
    c.segments[X86Cpu.TR].set(0, 0, 0xffff, 0x8b);
    for (DescriptorTable t : new DescriptorTable[] {c.gdtr, c.idtr}) {
      t.base = 0;
      t.limit = 0xffff;
    }
    c.star = 0;
    c.lstar = 0;
    c.cstar = 0;
    c.sfmask = 0;
    c.kernelGsBase = 0;
    c.tscAux = 0;
    c.sysenterCs = 0;
    c.sysenterEsp = 0;
    c.sysenterEip = 0;
    c.pat = 0x0007_0406_0007_0406L;
    c.miscEnable = 1;
    c.otherMsrs.clear();
    c.nmiBlocked = false;
    c.interruptShadow = false;
    c.mxcsr = 0x1f80;
    Arrays.fill(s.x, 0);
    Arrays.fill(s.y, 0);
    c.pkru = 0;
    c.fpu.control = 0x40;
    c.fpu.status = 0;
    c.fpu.top = 0;
    c.fpu.valid = 0xff;
    Arrays.fill(c.fpu.significand, 0);
    Arrays.fill(c.fpu.signExponent, 0);
    s.pc = 0xffff_fff0L;
    c.modeChanged();
  }

  /** Reads a register. */
  public static long read(X86Cpu c, String name) {
    int dot = name.indexOf('.');
    if (dot >= 0) {
      return readPart(c, name, name.substring(0, dot), name.substring(dot + 1));
    }
    X86State s = c.home;
    int n = Arrays.asList(GENERAL).indexOf(name);
    if (n >= 0) {
      return s.r[n];
    }
    n = Arrays.asList(GENERAL32).indexOf(name);
    if (n >= 0) {
      return s.r[n] & 0xffff_ffffL;
    }
    n = Arrays.asList(SEGMENTS).indexOf(name);
    if (n >= 0) {
      return c.segments[n].selector;
    }
    return switch (name) {
      case "rip" -> SegLoad.offset(c, s.pc);
      case "eip" -> SegLoad.offset(c, s.pc) & 0xffff_ffffL;
      case "rflags", "eflags" -> c.eflags();
      case "cr0" -> c.cr0;
      case "cr2" -> c.cr2;
      case "cr3" -> c.cr3;
      case "cr4" -> c.cr4;
      case "cr8" -> c.platform.taskPriority();
      case "xcr0" -> c.xcr0;
      case "pkru" -> c.pkru & 0xffff_ffffL;
      case "efer" -> c.efer;
      case "cpl" -> c.cpl;
      case "mxcsr" -> c.mxcsr & 0xffff_ffffL;
      case "fcw" -> c.fpu.control;
      case "fsw" -> c.fpu.status | c.fpu.top << 11;
      case "ftw" -> c.fpu.valid;
      case "ftag" -> X87Environment.tagWord(c.fpu);
      case "fop" -> c.fpu.lastOpcode;
      case "fip" -> c.fpu.lastIp;
      case "fdp" -> c.fpu.lastDp;
      case "fcs" -> c.fpu.lastCs;
      case "fds" -> c.fpu.lastDs;
      case "dr0", "dr1", "dr2", "dr3", "dr4", "dr5", "dr6", "dr7" -> c.dr[name.charAt(2) - '0'];
      default -> throw unknown(name);
    };
  }

  private static IllegalArgumentException unknown(String name) {
    return new IllegalArgumentException("no x86 register '" + name + "'");
  }

  private static long readPart(X86Cpu c, String name, String register, String part) {
    if (register.equals("msr")) {
      return Msr.read(c, msrNumber(name, part));
    }
    if (register.startsWith("xmm")) {
      return c.home.x[xmmIndex(name, register, part)];
    }
    if (register.startsWith("ymm")) {
      return c.home.y[xmmIndex(name, register, part)];
    }
    if (isStack(register)) {
      int r = c.fpu.physical(register.charAt(2) - '0');
      return switch (part) {
        case "significand" -> c.fpu.significand[r];
        case "exponent" -> c.fpu.signExponent[r];
        default -> throw unknown(name);
      };
    }
    if (name.equals("efer.supported")) {
      return c.model.has(CpuFeature.LM) ? 1 : 0;
    }
    int n = Arrays.asList(SEGMENTS).indexOf(register);
    if (n >= 0) {
      Segment g = c.segments[n];
      return switch (part) {
        case "base" -> g.base;
        case "limit" -> g.limit;
        case "attributes" -> g.attributes;
        case "selector" -> g.selector;
        default -> throw unknown(name);
      };
    }
    DescriptorTable t = table(c, name, register);
    return switch (part) {
      case "base" -> t.base;
      case "limit" -> t.limit;
      default -> throw unknown(name);
    };
  }

  private static DescriptorTable table(X86Cpu c, String name, String register) {
    return switch (register) {
      case "gdtr" -> c.gdtr;
      case "idtr" -> c.idtr;
      default -> throw unknown(name);
    };
  }

  private static int msrNumber(String name, String digits) {
    try {
      return Integer.parseUnsignedInt(digits, 16);
    } catch (NumberFormatException e) {
      throw unknown(name);
    }
  }

  private static boolean isStack(String register) {
    return register.length() == 3
        && register.startsWith("st")
        && register.charAt(2) >= '0'
        && register.charAt(2) <= '7';
  }

  private static int xmmIndex(String name, String register, String part) {
    int n;
    try {
      n = Integer.parseInt(register.substring(3));
    } catch (NumberFormatException e) {
      throw unknown(name);
    }
    boolean low = part.equals("low");
    if (n < 0 || n > 15 || !low && !part.equals("high")) {
      throw unknown(name);
    }
    return 2 * n + (low ? 0 : 1);
  }

  /** Writes a register; RIP keeps its value when the base of CS changes. */
  public static void write(X86Cpu c, String name, long value) {
    X86State s = c.home;
    boolean changesCode = name.startsWith("cs") || name.equals("efer") || name.equals("cr0");
    long rip = codeOffset(c);
    writeUnchecked(c, name, value);
    c.modeChanged();
    if (changesCode) {
      s.pc = codeBase(c) + rip;
    }
  }

  private static long codeBase(X86Cpu c) {
    return c.is64Bit() ? 0 : c.segments[X86Cpu.CS].base;
  }

  /** Not cut to 32 bits: RIP may be written before the mode that gives it 64. */
  private static long codeOffset(X86Cpu c) {
    return c.home.pc - codeBase(c);
  }

  private static void writeUnchecked(X86Cpu c, String name, long value) {
    int dot = name.indexOf('.');
    if (dot >= 0) {
      writePart(c, name, name.substring(0, dot), name.substring(dot + 1), value);
      return;
    }
    X86State s = c.home;
    int n = Arrays.asList(GENERAL).indexOf(name);
    if (n >= 0) {
      s.r[n] = value;
      return;
    }
    n = Arrays.asList(GENERAL32).indexOf(name);
    if (n >= 0) {
      s.r[n] = value & 0xffff_ffffL;
      return;
    }
    n = Arrays.asList(SEGMENTS).indexOf(name);
    if (n >= 0) {
      c.segments[n].selector = (int) value & 0xffff;
      return;
    }
    switch (name) {
      case "rip" -> s.pc = codeBase(c) + value;
      case "eip" -> s.pc = codeBase(c) + (value & 0xffff_ffffL);
      case "rflags", "eflags" -> c.setEflags(value);
      case "cr0" -> {
        c.cr0 = value | Cr.CR0_ET;
        deriveLma(c);
      }
      case "cr2" -> c.cr2 = value;
      case "cr3" -> c.cr3 = value;
      case "cr4" -> {
        c.cr4 = value;
        DebugRegisters.apply(c);
      }
      case "cr8" -> c.platform.setTaskPriority((int) value & 15);
      case "xcr0" -> c.xcr0 = value;
      case "pkru" -> c.setPkru((int) value);
      case "efer" -> {
        c.efer = value;
        deriveLma(c);
      }
      case "cpl" -> c.cpl = (int) value & 3;
      case "mxcsr" -> c.mxcsr = (int) value;
      case "fcw" -> c.fpu.control = (int) value & 0xffff;
      case "fsw" -> {
        c.fpu.status = (int) value & 0xc7ff;
        c.fpu.top = (int) value >> 11 & 7;
      }
      case "ftw" -> c.fpu.valid = (int) value & 0xff;
      case "ftag" -> X87Environment.setTagWord(c.fpu, (int) value);
      case "fop" -> c.fpu.lastOpcode = (int) value & 0x7ff;
      case "fip" -> c.fpu.lastIp = value;
      case "fdp" -> c.fpu.lastDp = value;
      case "fcs" -> c.fpu.lastCs = (int) value & 0xffff;
      case "fds" -> c.fpu.lastDs = (int) value & 0xffff;
      case "dr0", "dr1", "dr2", "dr3", "dr4", "dr5", "dr6", "dr7" -> {
        c.dr[name.charAt(2) - '0'] = value;
        DebugRegisters.apply(c);
      }
      default -> throw unknown(name);
    }
  }

  private static void deriveLma(X86Cpu c) {
    boolean lma = (c.efer & Cr.EFER_LME) != 0 && (c.cr0 & Cr.CR0_PG) != 0;
    c.efer = lma ? c.efer | Cr.EFER_LMA : c.efer & ~Cr.EFER_LMA;
  }

  private static void writePart(X86Cpu c, String name, String register, String part, long value) {
    if (register.equals("msr")) {
      writeMsr(c, name, msrNumber(name, part), value);
      return;
    }
    if (register.startsWith("xmm")) {
      c.home.x[xmmIndex(name, register, part)] = value;
      return;
    }
    if (register.startsWith("ymm")) {
      c.home.y[xmmIndex(name, register, part)] = value;
      return;
    }
    if (isStack(register)) {
      int r = c.fpu.physical(register.charAt(2) - '0');
      switch (part) {
        case "significand" -> c.fpu.significand[r] = value;
        case "exponent" -> c.fpu.signExponent[r] = (int) value & 0xffff;
        default -> throw unknown(name);
      }
      return;
    }
    int n = Arrays.asList(SEGMENTS).indexOf(register);
    if (n >= 0) {
      Segment g = c.segments[n];
      switch (part) {
        case "base" -> g.base = value;
        case "limit" -> g.limit = value & 0xffff_ffffL;
        case "selector" -> g.selector = (int) value & 0xffff;
        case "attributes" -> {
          g.attributes = (int) value & 0xf0ff;
          if (n == X86Cpu.CS) {
            c.cpl = g.dpl();
          }
        }
        default -> throw unknown(name);
      }
      return;
    }
    DescriptorTable t = table(c, name, register);
    switch (part) {
      case "base" -> t.base = value;
      case "limit" -> t.limit = (int) value & 0xffff;
      default -> throw unknown(name);
    }
  }

  private static void writeMsr(X86Cpu c, String name, int msr, long value) {
    try {
      Msr.write(c, msr, value);
    } catch (org.tuber.truffle.engine.GuestFault f) {
      throw new IllegalArgumentException(name + " cannot be 0x" + Long.toHexString(value), f);
    }
  }
}
