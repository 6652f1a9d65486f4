package org.tuber.machine.gdb;

import org.tuber.core.cpu.Vcpu;

/**
 * A register as GDB knows it and as the CPU names it.
 *
 * @param name GDB's name
 * @param type GDB's type in the target description
 * @param bytes size in packets
 * @param low the CPU's name of bits 63:0; null: reads as zero, writes are lost
 * @param high the CPU's name of the bits above, or null
 */
public record GdbRegister(String name, String type, int bytes, String low, String high) {
  /** A register that the CPU calls {@code own}. */
  static GdbRegister of(String name, String type, int bytes, String own) {
    return new GdbRegister(name, type, bytes, own, null);
  }

  /** Puts the value at {@code at}, little-endian. */
  void read(Vcpu cpu, byte[] target, int at) {
    for (int i = 0; i < bytes; i += 8) {
      String part = i == 0 ? low : high;
      long value = part == null ? 0 : cpu.readRegister(part);
      for (int j = i; j < Math.min(bytes, i + 8); j++) {
        target[at + j] = (byte) (value >>> 8 * (j - i));
      }
    }
  }

  /** Takes the value from {@code at}. */
  void write(Vcpu cpu, byte[] source, int at) {
    for (int i = 0; i < bytes; i += 8) {
      String part = i == 0 ? low : high;
      long value = 0;
      for (int j = i; j < Math.min(bytes, i + 8); j++) {
        value |= (source[at + j] & 0xffL) << 8 * (j - i);
      }
      // Writing drops caches, and some registers refuse values: only what changes is written.
      if (part != null && cpu.readRegister(part) != value) {
        cpu.writeRegister(part, value);
      }
    }
  }
}
