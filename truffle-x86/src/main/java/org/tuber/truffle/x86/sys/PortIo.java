package org.tuber.truffle.x86.sys;

import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.Segment;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/** IN and OUT, and the permission to use ports (SDM vol. 1, chapter 19). */
final class PortIo {
  private PortIo() {}

  /** #GP(0) unless {@code 1 << size} ports from {@code port} may be used. */
  static void check(X86Cpu c, int port, int size) {
    boolean v86 = (c.eflagsHigh & Flags.VM) != 0;
    if (!c.isProtected() || !v86 && c.cpl <= (c.eflagsHigh & Flags.IOPL) >> 12) {
      return;
    }
    Segment tr = c.segments[X86Cpu.TR];
    if ((tr.attributes & 8) == 0 || tr.limit < 103) {
      throw c.gp(0);
    }
    int offset = Descriptors.load16(c, tr.base + 0x66) + (port >> 3);
    if (offset + 1 > tr.limit) {
      throw c.gp(0);
    }
    int bits = Descriptors.load16(c, tr.base + offset) >> (port & 7);
    if ((bits & (1 << (1 << size)) - 1) != 0) {
      throw c.gp(0);
    }
  }

  /** Reads a port, zero-extended. */
  static long read(X86Cpu c, int port, int size) {
    if (c.ioBreakpoints) {
      DebugRegisters.port(c, port, size);
    }
    return c.ports == null ? -1 : Operand.zext(c.ports.read(port, 1 << size), size);
  }

  static void write(X86Cpu c, int port, int size, long value) {
    if (c.ioBreakpoints) {
      DebugRegisters.port(c, port, size);
    }
    if (c.ports != null) {
      c.ports.write(port, Operand.zext(value, size), 1 << size);
    }
  }

  /** Port instructions have no 64-bit form. */
  static int size(long w0) {
    return Math.min(Word.size(w0), 2);
  }

  static void in(X86State s, X86Cpu c, int port, int size) {
    check(c, port, size);
    Operand.setRegister(s, 0, size, read(c, port, size));
  }

  static void out(X86State s, X86Cpu c, int port, int size) {
    check(c, port, size);
    write(c, port, size, s.r[0]);
  }
}
