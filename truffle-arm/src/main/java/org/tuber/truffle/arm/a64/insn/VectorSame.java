package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.a64.insn.LaneMath.test;
import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import com.oracle.truffle.api.nodes.ExplodeLoop;
import java.io.Serializable;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.decode.Step;
import org.tuber.truffle.arm.sys.ArmFeature;

/** Integer operations of two vectors with lanes of the same size (Arm ARM C4.1.97). */
final class VectorSame {
  /** Sizes that a row has. */
  static final int BYTES = 1;

  static final int HALFWORDS = 2;
  static final int WORDS = 4;
  static final int DOUBLEWORDS = 8;
  static final int TO_WORDS = 7;
  static final int ALL = 15;
  private static final int MIDDLE = 6;

  private VectorSame() {}

  static void addTo(A64Rows rows) {
    addArithmetic(rows);
    addSaturating(rows);
    addComparisons(rows);
    addShifts(rows);
    addExtremes(rows);
    addProducts(rows);
    addLogic(rows);
    addDots(rows);
  }

  /** Allocated for {@code sizes}, of which doublewords need 128 bits. */
  static Row sized(Row row, int sizes) {
    return row.when(
        (r, insn) -> {
          int size = insn >>> 22 & 3;
          return (sizes >> size & 1) != 0 && (size < 3 || (insn >>> 30 & 1) != 0);
        });
  }

  static void vector(A64Rows rows, int u, String op, String name, int sizes, Step step) {
    String diagram = "0Q" + u + "01110zz1mmmmm" + op + "1nnnnnddddd";
    sized(rows.row(diagram, name + " <Vd>.<T>, <Vn>.<T>, <Vm>.<T>"), sizes)
        .vector("dnm")
        .does(step);
  }

  static void scalar(A64Rows rows, int u, String op, String name, int sizes, Step step) {
    String diagram = "01" + u + "11110zz1mmmmm" + op + "1nnnnnddddd";
    rows.row(diagram, name + " <Vd>, <Vn>, <Vm>")
        .when((r, insn) -> (sizes >> (insn >>> 22 & 3) & 1) != 0)
        .vector("dnm")
        .does(step);
  }

  /** Both of them, the first for lanes with sign. */
  private static void two(
      A64Rows rows, String op, String name, String second, int sizes, Lanes.Lane f, Lanes.Lane g) {
    vector(rows, 0, op, name, sizes, Lanes.lanes(true, f));
    vector(rows, 1, op, second, sizes, Lanes.lanes(false, g));
  }

  private static void addArithmetic(A64Rows rows) {
    vector(rows, 0, "10000", "ADD", ALL, Lanes.halves(LaneMath::add));
    vector(rows, 1, "10000", "SUB", ALL, Lanes.halves(LaneMath::subtract));
    scalar(rows, 0, "10000", "ADD", DOUBLEWORDS, Lanes.scalar(true, (s, d, a, b, z) -> a + b));
    scalar(rows, 1, "10000", "SUB", DOUBLEWORDS, Lanes.scalar(true, (s, d, a, b, z) -> a - b));
    vector(rows, 0, "10111", "ADDP", ALL, Lanes.pairs(true, (s, d, a, b, z) -> a + b));
    Lanes.Lane halving = (s, d, a, b, z) -> LaneMath.halvingAdd(a, b, false);
    Lanes.Lane rounding = (s, d, a, b, z) -> LaneMath.halvingAdd(a, b, true);
    Lanes.Lane minus = (s, d, a, b, z) -> a - b >> 1;
    two(rows, "00000", "SHADD", "UHADD", TO_WORDS, halving, halving);
    two(rows, "00010", "SRHADD", "URHADD", TO_WORDS, rounding, rounding);
    two(rows, "00100", "SHSUB", "UHSUB", TO_WORDS, minus, minus);
    Lanes.Lane sabd = (s, d, a, b, z) -> LaneMath.difference(a, b, true);
    two(rows, "01110", "SABD", "UABD", TO_WORDS, sabd, sabd);
    Lanes.Lane saba = (s, d, a, b, z) -> d + LaneMath.difference(a, b, true);
    two(rows, "01111", "SABA", "UABA", TO_WORDS, saba, saba);
  }

  private static void addSaturating(A64Rows rows) {
    Lanes.Lane sqadd = (s, d, a, b, z) -> LaneMath.addSaturating(s, a, b, z);
    Lanes.Lane uqadd = (s, d, a, b, z) -> LaneMath.addSaturatingUnsigned(s, a, b, z);
    Lanes.Lane sqsub = (s, d, a, b, z) -> LaneMath.subtractSaturating(s, a, b, z);
    Lanes.Lane uqsub = (s, d, a, b, z) -> LaneMath.subtractSaturatingUnsigned(s, a, b, z);
    two(rows, "00001", "SQADD", "UQADD", ALL, sqadd, uqadd);
    two(rows, "00101", "SQSUB", "UQSUB", ALL, sqsub, uqsub);
    scalar(rows, 0, "00001", "SQADD", ALL, Lanes.scalar(true, sqadd));
    scalar(rows, 1, "00001", "UQADD", ALL, Lanes.scalar(false, uqadd));
    scalar(rows, 0, "00101", "SQSUB", ALL, Lanes.scalar(true, sqsub));
    scalar(rows, 1, "00101", "UQSUB", ALL, Lanes.scalar(false, uqsub));
  }

  private static void addComparisons(A64Rows rows) {
    Lanes.Lane cmgt = (s, d, a, b, z) -> test(a > b);
    Lanes.Lane cmhi = (s, d, a, b, z) -> test(Long.compareUnsigned(a, b) > 0);
    Lanes.Lane cmge = (s, d, a, b, z) -> test(a >= b);
    Lanes.Lane cmhs = (s, d, a, b, z) -> test(Long.compareUnsigned(a, b) >= 0);
    Lanes.Lane cmtst = (s, d, a, b, z) -> test((a & b) != 0);
    Lanes.Lane cmeq = (s, d, a, b, z) -> test(a == b);
    two(rows, "00110", "CMGT", "CMHI", ALL, cmgt, cmhi);
    two(rows, "00111", "CMGE", "CMHS", ALL, cmge, cmhs);
    vector(rows, 0, "10001", "CMTST", ALL, Lanes.lanes(true, cmtst));
    vector(rows, 1, "10001", "CMEQ", ALL, Lanes.halves(LaneMath::equal));
    scalar(rows, 0, "00110", "CMGT", DOUBLEWORDS, Lanes.scalar(true, cmgt));
    scalar(rows, 1, "00110", "CMHI", DOUBLEWORDS, Lanes.scalar(true, cmhi));
    scalar(rows, 0, "00111", "CMGE", DOUBLEWORDS, Lanes.scalar(true, cmge));
    scalar(rows, 1, "00111", "CMHS", DOUBLEWORDS, Lanes.scalar(true, cmhs));
    scalar(rows, 0, "10001", "CMTST", DOUBLEWORDS, Lanes.scalar(true, cmtst));
    scalar(rows, 1, "10001", "CMEQ", DOUBLEWORDS, Lanes.scalar(true, cmeq));
  }

  private static void addShifts(A64Rows rows) {
    for (int i = 0; i < 4; i++) {
      boolean saturates = (i & 1) != 0;
      boolean rounds = (i & 2) != 0;
      Lanes.Lane signed = (s, d, a, b, z) -> LaneMath.shift(s, a, b, z, rounds, saturates);
      Lanes.Lane unsigned =
          (s, d, a, b, z) -> LaneMath.shiftUnsigned(s, a, b, z, rounds, saturates);
      String name = (saturates ? "Q" : "") + (rounds ? "R" : "") + "SHL";
      String op = "010" + (i >> 1) + (i & 1);
      two(rows, op, "S" + name, "U" + name, ALL, signed, unsigned);
      int sizes = saturates ? ALL : DOUBLEWORDS;
      scalar(rows, 0, op, "S" + name, sizes, Lanes.scalar(true, signed));
      scalar(rows, 1, op, "U" + name, sizes, Lanes.scalar(false, unsigned));
    }
  }

  private static void addExtremes(A64Rows rows) {
    Lanes.Lane max = (s, d, a, b, z) -> LaneMath.max(a, b);
    Lanes.Lane min = (s, d, a, b, z) -> LaneMath.min(a, b);
    two(rows, "01100", "SMAX", "UMAX", TO_WORDS, max, max);
    two(rows, "01101", "SMIN", "UMIN", TO_WORDS, min, min);
    vector(rows, 0, "10100", "SMAXP", TO_WORDS, Lanes.pairs(true, max));
    vector(rows, 1, "10100", "UMAXP", TO_WORDS, Lanes.pairs(false, max));
    vector(rows, 0, "10101", "SMINP", TO_WORDS, Lanes.pairs(true, min));
    vector(rows, 1, "10101", "UMINP", TO_WORDS, Lanes.pairs(false, min));
  }

  private static void addProducts(A64Rows rows) {
    Lanes.Lane pmul = (s, d, a, b, z) -> LaneMath.polynomial8(a, b);
    vector(rows, 0, "10010", "MLA", TO_WORDS, Lanes.lanes(true, (s, d, a, b, z) -> d + a * b));
    vector(rows, 1, "10010", "MLS", TO_WORDS, Lanes.lanes(true, (s, d, a, b, z) -> d - a * b));
    vector(rows, 0, "10011", "MUL", TO_WORDS, Lanes.lanes(true, (s, d, a, b, z) -> a * b));
    vector(rows, 1, "10011", "PMUL", BYTES, Lanes.lanes(false, pmul));
    Lanes.Lane high = (s, d, a, b, z) -> LaneMath.doubledHigh(s, a, b, z, false);
    Lanes.Lane rounded = (s, d, a, b, z) -> LaneMath.doubledHigh(s, a, b, z, true);
    vector(rows, 0, "10110", "SQDMULH", MIDDLE, Lanes.lanes(true, high));
    vector(rows, 1, "10110", "SQRDMULH", MIDDLE, Lanes.lanes(true, rounded));
    scalar(rows, 0, "10110", "SQDMULH", MIDDLE, Lanes.scalar(true, high));
    scalar(rows, 1, "10110", "SQRDMULH", MIDDLE, Lanes.scalar(true, rounded));
    for (int i = 0; i < 2; i++) {
      boolean minus = i != 0;
      Lanes.Lane f = (s, d, a, b, z) -> LaneMath.doubledHighAdd(s, d, a, b, z, minus);
      String name = minus ? "SQRDMLSH" : "SQRDMLAH";
      String tail = "101110zz0mmmmm1000" + i + "1nnnnnddddd";
      sized(rows.row("0Q" + tail, name + " <Vd>.<T>, <Vn>.<T>, <Vm>.<T>"), MIDDLE)
          .vector("dnm")
          .needs(ArmFeature.RDM)
          .does(Lanes.lanes(true, f));
      rows.row(
              "011" + tail.substring(1).replaceFirst("^01110", "11110"), name + " <Vd>, <Vn>, <Vm>")
          .when((r, insn) -> (MIDDLE >> (insn >>> 22 & 3) & 1) != 0)
          .vector("dnm")
          .needs(ArmFeature.RDM)
          .does(Lanes.scalar(true, f));
    }
  }

  // ---------------------------------------------------------------- logic

  private static void logic(A64Rows rows, int u, int size, String name, Step narrow, Step wide) {
    String sizeBits = Integer.toBinaryString(4 + size).substring(1);
    rows.row(
            "0Q" + u + "01110" + sizeBits + "1mmmmm000111nnnnnddddd",
            name + " <Vd>.<T>, <Vn>.<T>, <Vm>.<T>")
        .vector("dnm")
        .by("Q", narrow, wide);
  }

  private static void logic(A64Rows rows, int u, int size, String name, Lanes.Half f) {
    logic(
        rows,
        u,
        size,
        name,
        (s, c, w0, w1) -> Lanes.set(s, w0, f.of(s.v[2 * n(w0)], s.v[2 * m(w0)], 3), 0),
        (s, c, w0, w1) ->
            Lanes.set(
                s,
                w0,
                f.of(s.v[2 * n(w0)], s.v[2 * m(w0)], 3),
                f.of(s.v[2 * n(w0) + 1], s.v[2 * m(w0) + 1], 3)));
  }

  /** Selects among three operands. */
  @FunctionalInterface
  private interface Selection extends Serializable {
    long of(long d, long a, long b);
  }

  private static void selection(A64Rows rows, int size, String name, Selection f) {
    logic(
        rows,
        1,
        size,
        name,
        (s, c, w0, w1) -> Lanes.set(s, w0, f.of(s.v[2 * d(w0)], s.v[2 * n(w0)], s.v[2 * m(w0)]), 0),
        (s, c, w0, w1) -> {
          long low = f.of(s.v[2 * d(w0)], s.v[2 * n(w0)], s.v[2 * m(w0)]);
          long high = f.of(s.v[2 * d(w0) + 1], s.v[2 * n(w0) + 1], s.v[2 * m(w0) + 1]);
          Lanes.set(s, w0, low, high);
        });
  }

  private static void addLogic(A64Rows rows) {
    logic(rows, 0, 0, "AND", LaneMath::and);
    logic(rows, 0, 1, "BIC", LaneMath::bic);
    logic(rows, 0, 2, "ORR", LaneMath::or);
    logic(rows, 0, 3, "ORN", LaneMath::orn);
    logic(rows, 1, 0, "EOR", LaneMath::xor);
    selection(rows, 1, "BSL", (d, a, b) -> b ^ (a ^ b) & d);
    selection(rows, 2, "BIT", (d, a, b) -> d ^ (d ^ a) & b);
    selection(rows, 3, "BIF", (d, a, b) -> d ^ (d ^ a) & ~b);
  }

  // ---------------------------------------------------------------- dot products

  private static void addDots(A64Rows rows) {
    for (int u = 0; u < 2; u++) {
      boolean signed = u == 0;
      Lanes.Lane f = (s, d, a, b, z) -> d + dot(a, b, signed);
      rows.row(
              "0Q" + u + "01110100mmmmm100101nnnnnddddd",
              (signed ? "SDOT" : "UDOT") + " <Vd>.<T>, <Vn>.<Tb>, <Vm>.<Tb>")
          .vector("dnm")
          .needs(ArmFeature.DOTPROD)
          .does(Lanes.lanes(signed, f));
    }
  }

  /** Products of four bytes, added. */
  @ExplodeLoop
  static long dot(long a, long b, boolean signed) {
    long r = 0;
    for (int i = 0; i < 4; i++) {
      r += Lanes.lane(a, i, 0, signed) * Lanes.lane(b, i, 0, signed);
    }
    return r;
  }
}
