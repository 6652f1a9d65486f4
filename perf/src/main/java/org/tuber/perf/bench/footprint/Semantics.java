package org.tuber.perf.bench.footprint;

/** What each operation does, once for all representations. */
final class Semantics {
  static final int MOVE = 0;
  static final int MOVE_IMMEDIATE = 1;
  static final int ADD = 2;
  static final int ADD_IMMEDIATE = 3;
  static final int SUBTRACT = 4;
  static final int AND = 5;
  static final int EXCLUSIVE_OR = 6;
  static final int SHIFT = 7;
  static final int LOAD = 8;
  static final int STORE = 9;
  static final int ADDRESS = 10;
  static final int COMPARE = 11;
  static final int OPERATIONS = 12;

  private Semantics() {}

  static void move(Machine m, int a, int b) {
    m.r[a] = m.r[b];
  }

  static void moveImmediate(Machine m, int a, long value) {
    m.r[a] = value;
  }

  static void add(Machine m, int a, int b) {
    arithmetic(m, a, m.r[a] + m.r[b], m.r[b]);
  }

  static void addImmediate(Machine m, int a, long value) {
    arithmetic(m, a, m.r[a] + value, value);
  }

  static void subtract(Machine m, int a, int b) {
    arithmetic(m, a, m.r[a] - m.r[b], m.r[b]);
  }

  static void and(Machine m, int a, int b) {
    arithmetic(m, a, m.r[a] & m.r[b], 0);
  }

  static void exclusiveOr(Machine m, int a, int b) {
    arithmetic(m, a, m.r[a] ^ m.r[b], 0);
  }

  static void shift(Machine m, int a, long by) {
    arithmetic(m, a, m.r[a] << (by & 31) | 1, by);
  }

  static void load(Machine m, int a, int b, long displacement) {
    m.r[a] = m.load(m.r[b] + displacement);
  }

  static void store(Machine m, int a, int b, long displacement) {
    m.store(m.r[b] + displacement, m.r[a]);
  }

  static void address(Machine m, int a, int b, long displacement) {
    m.r[a] = m.r[b] * 4 + displacement;
  }

  static void compare(Machine m, int a, int b) {
    m.flagA = m.r[a];
    m.flagB = m.r[b];
  }

  private static void arithmetic(Machine m, int a, long result, long operand) {
    m.r[a] = result;
    m.flagA = result;
    m.flagB = operand;
  }
}
