package org.tuber.truffle.arm.state;

import org.tuber.truffle.arm.sys.SystemRegisters;

/** Registers by the manual's names in lower case, for debuggers and tests. */
final class RegisterNames {
  private RegisterNames() {}

  static long read(ArmCpu c, String name) {
    int x = numbered(name, 'x', 30);
    if (x >= 0) {
      return c.home.r[x];
    }
    return switch (name) {
      case "sp" -> c.home.r[ArmState.SP];
      case "pc" -> c.home.pc;
      case "pstate", "cpsr" -> c.pstate();
      case "nzcv" -> (long) Nzcv.get(c.home) << Nzcv.SHIFT;
      case "daif" -> c.daif;
      case "currentel" -> (long) c.el << 2;
      case "fpcr" -> c.fpcr;
      case "fpsr" -> c.home.fpsr;
      default -> vectorOrSystem(c, name);
    };
  }

  private static long vectorOrSystem(ArmCpu c, String name) {
    int low = half(name, ".low");
    int high = half(name, ".high");
    if (low >= 0) {
      return c.home.v[2 * low];
    }
    if (high >= 0) {
      return c.home.v[2 * high + 1];
    }
    return SystemRegisters.read(c, name);
  }

  private static int half(String name, String suffix) {
    return name.endsWith(suffix)
        ? numbered(name.substring(0, name.length() - suffix.length()), 'v', 31)
        : -1;
  }

  /** The number after {@code letter}, or -1. */
  private static int numbered(String name, char letter, int last) {
    if (name.length() < 2 || name.length() > 3 || name.charAt(0) != letter) {
      return -1;
    }
    int n = 0;
    for (int i = 1; i < name.length(); i++) {
      char digit = name.charAt(i);
      if (digit < '0' || digit > '9') {
        return -1;
      }
      n = 10 * n + digit - '0';
    }
    return n <= last ? n : -1;
  }

  static void write(ArmCpu c, String name, long value) {
    int x = numbered(name, 'x', 30);
    int low = half(name, ".low");
    int high = half(name, ".high");
    if (x >= 0) {
      c.home.r[x] = value;
    } else if (low >= 0) {
      c.home.v[2 * low] = value;
    } else if (high >= 0) {
      c.home.v[2 * high + 1] = value;
    } else {
      switch (name) {
        case "sp" -> c.home.r[ArmState.SP] = value;
        case "pc" -> c.home.pc = value;
        case "nzcv" -> Nzcv.set(c.home, (int) (value >>> Nzcv.SHIFT) & 15);
        case "daif" -> c.setDaif((int) value);
        case "pstate", "cpsr" -> c.setPstate(value);
        case "fpcr" -> c.setFpcr((int) value);
        case "fpsr" -> c.home.fpsr = (int) value;
        default -> SystemRegisters.write(c, name, value);
      }
    }
  }
}
