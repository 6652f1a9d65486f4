package org.tuber.truffle.x86.oracle;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/** One instruction at a place in the code pages, with the state it starts from. */
final class Sample {
  final Encoding encoding;
  final boolean bits64;
  byte[] bytes;

  /** Offset of the first byte in the code pages. */
  int at;

  CpuState in;

  /** Of a program: offset and length of each of its instructions and what it is; else null. */
  List<Step> steps;

  /** An instruction of a program, from {@code from} to {@code to} in {@link #bytes}. */
  record Step(int from, int to, Encoding encoding) {}

  /** The explicit memory operand; 0: none. */
  long areaAddress;

  Sample(Encoding encoding, boolean bits64, byte[] bytes, int at, CpuState in) {
    this.encoding = encoding;
    this.bits64 = bits64;
    this.bytes = bytes;
    this.at = at;
    this.in = in;
  }

  Sample copy() {
    Sample c = new Sample(encoding, bits64, bytes.clone(), at, in.copy());
    c.areaAddress = areaAddress;
    c.steps = steps;
    return c;
  }

  /** Code pages: INT3 everywhere but for the instruction. */
  byte[] pages() {
    byte[] pages = new byte[CpuState.CODE_BYTES];
    Arrays.fill(pages, (byte) 0xcc);
    System.arraycopy(bytes, 0, pages, at, bytes.length);
    return pages;
  }

  String hex() {
    return HexFormat.of().formatHex(bytes);
  }

  /** Mnemonic of the one instruction. */
  String name() {
    return steps == null ? encoding.mnemonic() : "";
  }

  @Override
  public String toString() {
    if (steps != null) {
      StringBuilder t = new StringBuilder();
      HexFormat hex = HexFormat.of();
      for (Step step : steps) {
        t.append(hex.formatHex(bytes, step.from, step.to)).append("  ").append(step.encoding);
        t.append("\n    ");
      }
      return t + in.describe();
    }
    return (bits64 ? "64-bit " : "32-bit ") + hex() + "  (" + encoding + ")  " + in.describe();
  }
}
