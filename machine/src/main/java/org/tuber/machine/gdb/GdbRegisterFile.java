package org.tuber.machine.gdb;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.cpu.Vcpu;

/** The registers of CPUs as packets carry them. CPUs at rest. */
final class GdbRegisterFile {
  private static final Logger LOG = LoggerFactory.getLogger(GdbRegisterFile.class);

  private final GdbTarget target;
  private boolean linear;

  GdbRegisterFile(GdbTarget target) {
    this.target = target;
  }

  /** The program counter is shown as a linear address, with the code segment's base. */
  void setLinear(boolean on) {
    linear = on;
  }

  boolean isLinear() {
    return linear;
  }

  /** What the packet g answers. */
  byte[] readGeneral(Vcpu cpu) {
    int size = 0;
    for (int i = 0; i < target.generalCount(); i++) {
      size += target.registers().get(i).bytes();
    }
    byte[] bytes = new byte[size];
    int at = 0;
    for (int i = 0; i < target.generalCount(); i++) {
      read(cpu, i, bytes, at);
      at += target.registers().get(i).bytes();
    }
    return bytes;
  }

  /** Takes what the packet G carries; false when that is too short. */
  boolean writeGeneral(Vcpu cpu, byte[] bytes) {
    int at = 0;
    for (int i = 0; i < target.generalCount(); i++) {
      int size = target.registers().get(i).bytes();
      if (at + size > bytes.length) {
        return false;
      }
      writeIfPossible(cpu, i, bytes, at);
      at += size;
    }
    return true;
  }

  /** One register's value, or null when there is none with this number. */
  byte[] read(Vcpu cpu, int number) {
    if (number < 0 || number >= target.registers().size()) {
      return null;
    }
    byte[] bytes = new byte[target.registers().get(number).bytes()];
    read(cpu, number, bytes, 0);
    return bytes;
  }

  /** Sets one register; false when there is none or the value is not of its size. */
  boolean write(Vcpu cpu, int number, byte[] bytes) {
    if (number < 0
        || number >= target.registers().size()
        || bytes.length < target.registers().get(number).bytes()) {
      return false;
    }
    return writeIfPossible(cpu, number, bytes, 0);
  }

  /** Sets the program counter, given as it is shown. */
  void setProgramCounter(Vcpu cpu, long pc) {
    byte[] bytes = new byte[8];
    putWord(bytes, 0, 8, pc);
    writeIfPossible(cpu, target.programCounter(), bytes, 0);
  }

  private void read(Vcpu cpu, int number, byte[] bytes, int at) {
    GdbRegister r = target.registers().get(number);
    r.read(cpu, bytes, at);
    if (linear && number == target.programCounter()) {
      putWord(bytes, at, r.bytes(), word(bytes, at, r.bytes()) + target.codeBase(cpu));
    }
  }

  private boolean writeIfPossible(Vcpu cpu, int number, byte[] bytes, int at) {
    GdbRegister r = target.registers().get(number);
    if (linear && number == target.programCounter()) {
      putWord(bytes, at, r.bytes(), word(bytes, at, r.bytes()) - target.codeBase(cpu));
    }
    try {
      r.write(cpu, bytes, at);
      return true;
    } catch (IllegalArgumentException e) {
      LOG.debug("gdb: register {} keeps its value", r.name(), e);
      return false;
    }
  }

  private static long word(byte[] bytes, int at, int size) {
    long value = 0;
    for (int i = size - 1; i >= 0; i--) {
      value = value << 8 | bytes[at + i] & 0xff;
    }
    return value;
  }

  private static void putWord(byte[] bytes, int at, int size, long value) {
    for (int i = 0; i < size; i++) {
      bytes[at + i] = (byte) (value >>> 8 * i);
    }
  }
}
