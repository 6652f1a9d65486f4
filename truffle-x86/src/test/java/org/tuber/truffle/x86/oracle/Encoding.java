package org.tuber.truffle.x86.oracle;

import java.util.List;
import org.tuber.truffle.x86.decode.Row;

/**
 * A row of the opcode map read again from its text, as the generator needs it; independent of what
 * the decoder made of the same text.
 */
final class Encoding {
  /** No mandatory prefix, and none forbidden. */
  static final int ANY = -1;

  final Row row;

  /** 66, F2, F3, 0 for none allowed, or {@link #ANY}. */
  final int prefix;

  /** 0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A. */
  final int map;

  final int opcode;
  final boolean registerInOpcode;
  final boolean hasModRm;

  /** ModRM.reg, or -1. */
  final int digit;

  /** The whole ModRM byte, or -1. */
  final int exactModRm;

  final boolean memoryOnly;
  final boolean registerOnly;
  final boolean vex;
  final boolean vsib;

  /** 0, 1 or {@link #ANY}. */
  final int vexL;

  /** 0, 1 or {@link #ANY}. */
  final int vexW;

  final List<String> operands;

  Encoding(Row row) {
    this.row = row;
    String[] tokens = row.encoding.split(" ");
    int i = 0;
    int p = ANY;
    int m = 0;
    int l = ANY;
    int w = ANY;
    vex = tokens[0].startsWith("VEX.");
    if (vex) {
      p = 0;
      i++;
      for (String field : tokens[0].substring(4).split("\\.")) {
        switch (field) {
          case "128" -> l = 0;
          case "256" -> l = 1;
          case "W0" -> w = 0;
          case "W1" -> w = 1;
          case "0F" -> m = 1;
          case "0F38" -> m = 2;
          case "0F3A" -> m = 3;
          case "66", "F2", "F3" -> p = Integer.parseInt(field, 16);
          default -> {}
        }
      }
    } else {
      if (tokens.length > 1) {
        switch (tokens[0]) {
          case "NP" -> p = 0;
          case "66", "F2", "F3" -> p = Integer.parseInt(tokens[0], 16);
          default -> {}
        }
      }
      i = p == ANY ? 0 : 1;
      if (tokens[i].equals("0F") && i + 1 < tokens.length) {
        i++;
        m = 1;
        boolean third = i + 1 < tokens.length && isHex(tokens[i + 1]);
        if (third && (tokens[i].equals("38") || tokens[i].equals("3A"))) {
          m = tokens[i].equals("38") ? 2 : 3;
          i++;
        }
      }
    }
    prefix = p;
    map = m;
    vexL = l;
    vexW = w;
    registerInOpcode = tokens[i].endsWith("+r");
    opcode = Integer.parseInt(tokens[i].substring(0, 2), 16);
    int d = -1;
    int exact = -1;
    boolean modRm = false;
    boolean mem = false;
    boolean reg = false;
    boolean vectorIndex = false;
    for (i++; i < tokens.length; i++) {
      switch (tokens[i]) {
        case "/r" -> modRm = true;
        case "mem" -> mem = true;
        case "reg" -> reg = true;
        case "vsib" -> {
          mem = true;
          vectorIndex = true;
        }
        default -> {
          modRm = true;
          if (tokens[i].charAt(0) == '/') {
            d = tokens[i].charAt(1) - '0';
          } else {
            exact = Integer.parseInt(tokens[i], 16);
          }
        }
      }
    }
    digit = d;
    exactModRm = exact;
    hasModRm = modRm;
    memoryOnly = mem;
    registerOnly = reg;
    vsib = vectorIndex;
    int space = row.assembler.indexOf(' ');
    operands = space < 0 ? List.of() : List.of(row.assembler.substring(space + 1).split(","));
  }

  private static boolean isHex(String t) {
    return t.length() >= 2 && Character.digit(t.charAt(0), 16) >= 0;
  }

  boolean has(int attribute) {
    return (row.attributes & attribute) != 0;
  }

  String mnemonic() {
    return row.mnemonic();
  }

  /** An operand starts with one of {@code letters}. */
  boolean hasOperand(String letters) {
    for (String o : operands) {
      if (letters.indexOf(o.charAt(0)) >= 0) {
        return true;
      }
    }
    return false;
  }

  /** An operand's size follows the operand-size prefix. */
  boolean hasVariableSize() {
    for (String o : operands) {
      if (o.equals("rAX") || o.length() > 1 && "vyz".indexOf(o.charAt(1)) >= 0) {
        return true;
      }
    }
    return operands.isEmpty();
  }

  @Override
  public String toString() {
    return row.encoding + "  " + row.assembler;
  }
}
