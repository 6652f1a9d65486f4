package org.tuber.machine.monitor;

import org.tuber.core.cpu.Vcpu;

/**
 * A number as people write it in the monitor: decimal, 0x, octal, {@code 'c'}, {@code $register},
 * with {@code + - * / % & | ^ ~ ( )} and C's order of operators.
 */
final class Expression {
  private final String text;
  private final Vcpu cpu;
  private int at;

  private Expression(String text, Vcpu cpu) {
    this.text = text;
    this.cpu = cpu;
  }

  /** The value of {@code text}; registers are those of {@code cpu}, at rest. */
  static long value(String text, Vcpu cpu) throws QmpException {
    Expression e = new Expression(text, cpu);
    long value = e.or();
    if (e.peek() != 0) {
      throw new QmpException("invalid char '" + e.peek() + "' in expression");
    }
    return value;
  }

  private char peek() {
    while (at < text.length() && text.charAt(at) == ' ') {
      at++;
    }
    return at < text.length() ? text.charAt(at) : 0;
  }

  private boolean accept(char c) {
    if (peek() != c) {
      return false;
    }
    at++;
    return true;
  }

  private long or() throws QmpException {
    long value = sum();
    while (true) {
      if (accept('|')) {
        value |= sum();
      } else if (accept('&')) {
        value &= sum();
      } else if (accept('^')) {
        value ^= sum();
      } else {
        return value;
      }
    }
  }

  private long sum() throws QmpException {
    long value = product();
    while (true) {
      if (accept('+')) {
        value += product();
      } else if (accept('-')) {
        value -= product();
      } else {
        return value;
      }
    }
  }

  private long product() throws QmpException {
    long value = unary();
    while (true) {
      if (accept('*')) {
        value *= unary();
      } else if (accept('/')) {
        value = Long.divideUnsigned(value, nonZero(unary()));
      } else if (accept('%')) {
        value = Long.remainderUnsigned(value, nonZero(unary()));
      } else {
        return value;
      }
    }
  }

  private static long nonZero(long value) throws QmpException {
    if (value == 0) {
      throw new QmpException("division by zero");
    }
    return value;
  }

  private long unary() throws QmpException {
    if (accept('+')) {
      return unary();
    }
    if (accept('-')) {
      return -unary();
    }
    if (accept('~')) {
      return ~unary();
    }
    if (accept('(')) {
      long value = or();
      if (!accept(')')) {
        throw new QmpException("')' expected");
      }
      return value;
    }
    if (accept('\'')) {
      if (at + 1 >= text.length() || text.charAt(at + 1) != '\'') {
        throw new QmpException("missing terminating ' character");
      }
      at += 2;
      return text.charAt(at - 2);
    }
    return accept('$') ? register() : number();
  }

  private String word() {
    int from = at;
    while (at < text.length()
        && (Character.isLetterOrDigit(text.charAt(at)) || text.charAt(at) == '.')) {
      at++;
    }
    return text.substring(from, at);
  }

  private long register() throws QmpException {
    String name = word();
    try {
      return name.equals("pc") && hasRip() ? linearRip() : cpu.readRegister(name);
    } catch (IllegalArgumentException e) {
      throw new QmpException("unknown register");
    }
  }

  /** x86: where the next instruction is, base of the code segment included. */
  private long linearRip() {
    long rip = cpu.readRegister("rip");
    return RegisterText.isWide(cpu) ? rip : rip + cpu.readRegister("cs.base") & 0xffff_ffffL;
  }

  private boolean hasRip() {
    try {
      cpu.readRegister("rip");
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private long number() throws QmpException {
    peek();
    String digits = word();
    try {
      if (digits.startsWith("0x") || digits.startsWith("0X")) {
        return Long.parseUnsignedLong(digits.substring(2), 16);
      }
      if (digits.length() > 1 && digits.startsWith("0")) {
        return Long.parseUnsignedLong(digits, 8);
      }
      return Long.parseUnsignedLong(digits);
    } catch (NumberFormatException e) {
      throw new QmpException(
          digits.isEmpty() ? "unexpected end of expression" : "invalid char in expression");
    }
  }
}
