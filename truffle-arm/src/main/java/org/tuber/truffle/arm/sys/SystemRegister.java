package org.tuber.truffle.arm.sys;

import java.util.function.Predicate;
import java.util.function.ToIntFunction;
import java.util.function.ToLongFunction;
import org.tuber.truffle.arm.state.ArmCpu;

/**
 * One system register as MRS and MSR see it: name, encoding, who may access it, which bits can be
 * written, what it is after reset, and what reading or writing it does besides.
 */
public final class SystemRegister {
  /** What a write does. */
  @FunctionalInterface
  interface Writer {
    void write(ArmCpu c, long value);
  }

  /** Nobody may. */
  private static final int NEVER = 4;

  final String name;

  /** op0, op1, CRn, CRm, op2 in 2, 3, 4, 4, 3 bits. */
  final int key;

  /** Index of its value in {@code ArmCpu.sys}, or -1. */
  int index = -1;

  private int readLevel;
  private int writeLevel;
  private long mask = -1;
  private long ones;
  private long resetValue;
  private ToLongFunction<ArmCpu> reader;
  private Writer writer;

  /** What EL0 needs besides, where it may at all. */
  private Predicate<ArmCpu> enabledForEl0;

  private ToIntFunction<ArmCpu> trapLevel;
  private ArmFeature feature;

  SystemRegister(String name, int op0, int op1, int crn, int crm, int op2) {
    this.name = name;
    key = key(op0, op1, crn, crm, op2);
    int level =
        switch (op1) {
          case 3 -> 0;
          case 4, 5 -> 2;
          case 6, 7 -> 3;
          default -> 1;
        };
    readLevel = level;
    writeLevel = level;
  }

  static int key(int op0, int op1, int crn, int crm, int op2) {
    return op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2;
  }

  // ---------------------------------------------------------------- description

  SystemRegister at(int i) {
    index = i;
    return this;
  }

  SystemRegister readOnly() {
    writeLevel = NEVER;
    return this;
  }

  SystemRegister writeOnly() {
    readLevel = NEVER;
    return this;
  }

  SystemRegister levels(int read, int write) {
    readLevel = read;
    writeLevel = write;
    return this;
  }

  /** Bits that can be written; the others keep their reset value. */
  SystemRegister mask(long bits) {
    mask = bits;
    return this;
  }

  /** Bits that are always one. */
  SystemRegister ones(long bits) {
    ones = bits;
    return this;
  }

  SystemRegister reset(long value) {
    resetValue = value;
    return this;
  }

  SystemRegister reads(ToLongFunction<ArmCpu> r) {
    reader = r;
    return this;
  }

  SystemRegister constant(long value) {
    reader = c -> value;
    return readOnly();
  }

  /** Called after the value was stored, if there is one. */
  SystemRegister writes(Writer w) {
    writer = w;
    return this;
  }

  SystemRegister el0(Predicate<ArmCpu> enabled) {
    enabledForEl0 = enabled;
    return this;
  }

  /** Level that wants to see accesses from below, or 0. */
  SystemRegister traps(ToIntFunction<ArmCpu> level) {
    trapLevel = level;
    return this;
  }

  SystemRegister needs(ArmFeature f) {
    feature = f;
    return this;
  }

  // ---------------------------------------------------------------- access

  boolean existsFor(ArmCpu c) {
    return feature == null || c.model.has(feature);
  }

  boolean isPermitted(ArmCpu c, boolean isRead) {
    return c.el >= (isRead ? readLevel : writeLevel);
  }

  boolean isTrappedFromEl0(ArmCpu c) {
    return enabledForEl0 != null && c.el == 0 && !enabledForEl0.test(c);
  }

  int trapLevel(ArmCpu c) {
    return trapLevel == null ? 0 : trapLevel.applyAsInt(c);
  }

  long read(ArmCpu c) {
    return reader != null ? reader.applyAsLong(c) : index >= 0 ? c.sys[index] : 0;
  }

  void write(ArmCpu c, long value) {
    if (index >= 0) {
      c.sys[index] = value & mask | c.sys[index] & ~mask | ones;
    }
    if (writer != null) {
      writer.write(c, value);
    }
  }

  void reset(ArmCpu c) {
    if (index >= 0) {
      c.sys[index] = resetValue;
    }
  }
}
