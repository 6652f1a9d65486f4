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

  /**
   * The same code from another state.
   *
   * @param pinned registers that have to stay, as bits
   */
  Sample variant(Values values, int pinned) {
    Sample v = copy();
    CpuState fresh = new CpuState();
    values.fill(fresh);
    if (values.once(3)) {
      System.arraycopy(in.data, 0, fresh.data, 0, CpuState.DATA_BYTES);
    }
    for (int i = 0; i < 16; i++) {
      fresh.r[i] = (pinned >> i & 1) != 0 ? in.r[i] : fresh.r[i];
    }
    if (!bits64) {
      for (int i = 0; i < 16; i++) {
        fresh.r[i] &= i < 8 ? 0xffff_ffffL : 0;
      }
    }
    fresh.fsBase = in.fsBase;
    fresh.gsBase = in.gsBase;
    fresh.rip = in.rip;
    if (encoding.vsib) {
      System.arraycopy(in.x, 0, fresh.x, 0, 32);
      System.arraycopy(in.yh, 0, fresh.yh, 0, 32);
    }
    v.in = fresh;
    return v;
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
