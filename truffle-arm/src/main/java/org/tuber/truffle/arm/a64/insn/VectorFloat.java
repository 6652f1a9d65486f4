package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.n;

import com.oracle.truffle.api.nodes.ExplodeLoop;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.decode.Step;
import org.tuber.truffle.arm.fp.SoftFloat;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.sys.ArmFeature;

/**
 * Floating-point operations of vectors, and the scalar ones among the Advanced SIMD encodings (Arm
 * ARM C4.1.97): of two vectors, of one, across lanes. Half precision has encodings and rows of its
 * own.
 */
final class VectorFloat {
  private VectorFloat() {}

  static void addTo(A64Rows rows) {
    addSame(rows);
    addPairs(rows);
    addMisc(rows);
    addConversions(rows);
    addPrecision(rows);
    addAcross(rows);
  }

  /** Single precision, double precision with 64 or 128 bits. */
  private static Row singleOrDouble(Row row, Step single, Step dbl) {
    return row.by("zQ", single, single, null, dbl);
  }

  // ---------------------------------------------------------------- of two

  private static final String THREE = " <Vd>.<T>, <Vn>.<T>, <Vm>.<T>";

  /** {@code op}: bit 23, then three bits. */
  private static void same(
      A64Rows rows, int u, String op, String name, Step single, Step dbl, Step half) {
    String a = op.substring(0, 1);
    String code = op.substring(1);
    Row row = rows.row("0Q" + u + "01110" + a + "z1mmmmm11" + code + "1nnnnnddddd", name + THREE);
    singleOrDouble(row.vector("dnm"), single, dbl);
    rows.row(
            "0Q" + u + "01110" + a + "10mmmmm00" + code + "1nnnnnddddd",
            name + " <Vd>.<Th>, <Vn>.<Th>, <Vm>.<Th>")
        .vector("dnm")
        .needs(ArmFeature.FP16)
        .does(half);
  }

  private static void same(A64Rows rows, int u, String op, String name, Fp.Binary f) {
    same(rows, u, op, name, Lanes.floats(f, 2), Lanes.floats(f, 3), Lanes.floats(f, 1));
  }

  private static void pairs(A64Rows rows, String op, String name, Fp.Binary f) {
    same(rows, 1, op, name, Lanes.floatPairs(f, 2), Lanes.floatPairs(f, 3), Lanes.floatPairs(f, 1));
  }

  private static void sameAndScalar(A64Rows rows, int u, String op, String name, Fp.Binary f) {
    same(rows, u, op, name, f);
    String a = op.substring(0, 1);
    String code = op.substring(1);
    rows.row(
            "01" + u + "11110" + a + "z1mmmmm11" + code + "1nnnnnddddd", name + " <Vd>, <Vn>, <Vm>")
        .vector("dnm")
        .by("z", FloatScalar.binary(f, 2), FloatScalar.binary(f, 3));
    rows.row(
            "01" + u + "11110" + a + "10mmmmm00" + code + "1nnnnnddddd", name + " <Hd>, <Hn>, <Hm>")
        .vector("dnm")
        .needs(ArmFeature.FP16)
        .does(FloatScalar.binary(f, 1));
  }

  private static void fused(A64Rows rows, String op, String name, Fp.Ternary f) {
    same(rows, 0, op, name, Lanes.floats(f, 2), Lanes.floats(f, 3), Lanes.floats(f, 1));
  }

  private static void addSame(A64Rows rows) {
    same(rows, 0, "0000", "FMAXNM", Fp::maxNumber);
    fused(rows, "0001", "FMLA", Fp::fused);
    same(rows, 0, "0010", "FADD", Fp::add);
    sameAndScalar(rows, 0, "0011", "FMULX", Fp::multiplyExtended);
    sameAndScalar(rows, 0, "0100", "FCMEQ", Fp::equal);
    same(rows, 0, "0110", "FMAX", Fp::max);
    sameAndScalar(rows, 0, "0111", "FRECPS", Fp::reciprocalStep);
    same(rows, 0, "1000", "FMINNM", Fp::minNumber);
    fused(rows, "1001", "FMLS", Fp::fusedMinus);
    same(rows, 0, "1010", "FSUB", Fp::subtract);
    same(rows, 0, "1110", "FMIN", Fp::min);
    sameAndScalar(rows, 0, "1111", "FRSQRTS", Fp::rootStep);
    pairs(rows, "0000", "FMAXNMP", Fp::maxNumber);
    pairs(rows, "0010", "FADDP", Fp::add);
    same(rows, 1, "0011", "FMUL", Fp::multiply);
    sameAndScalar(rows, 1, "0100", "FCMGE", Fp::greaterEqual);
    sameAndScalar(rows, 1, "0101", "FACGE", Fp::absoluteGreaterEqual);
    pairs(rows, "0110", "FMAXP", Fp::max);
    same(rows, 1, "0111", "FDIV", Fp::divide);
    pairs(rows, "1000", "FMINNMP", Fp::minNumber);
    sameAndScalar(rows, 1, "1010", "FABD", Fp::absoluteDifference);
    sameAndScalar(rows, 1, "1100", "FCMGT", Fp::greater);
    sameAndScalar(rows, 1, "1101", "FACGT", Fp::absoluteGreater);
    pairs(rows, "1110", "FMINP", Fp::min);
  }

  /** Scalar pairwise: both lanes of n. */
  private static void addPairs(A64Rows rows) {
    pair(rows, "0", "01100", "FMAXNMP", Fp::maxNumber);
    pair(rows, "0", "01101", "FADDP", Fp::add);
    pair(rows, "0", "01111", "FMAXP", Fp::max);
    pair(rows, "1", "01100", "FMINNMP", Fp::minNumber);
    pair(rows, "1", "01111", "FMINP", Fp::min);
  }

  private static void pair(A64Rows rows, String a, String op, String name, Fp.Binary f) {
    rows.row("01111110" + a + "z11000" + op + "10nnnnnddddd", name + " <Vd>, <Vn>.<T>")
        .vector("dn")
        .by("z", pair(f, 2), pair(f, 3));
    rows.row("01011110" + a + "011000" + op + "10nnnnnddddd", name + " <Hd>, <Vn>.2H")
        .vector("dn")
        .needs(ArmFeature.FP16)
        .does(pair(f, 1));
  }

  private static Step pair(Fp.Binary f, int size) {
    return (s, c, w0, w1) -> {
      long x = Lanes.get(s, n(w0), 0, size);
      Lanes.set(s, w0, f.of(s, c, w0, x, Lanes.get(s, n(w0), 1, size), size), 0);
    };
  }

  // ---------------------------------------------------------------- of one

  private static void one(A64Rows rows, int u, String op, String name, Fp.Unary f) {
    String a = op.substring(0, 1);
    String code = op.substring(1);
    singleOrDouble(
        rows.row(
                "0Q" + u + "01110" + a + "z10000" + code + "10nnnnnddddd",
                name + " <Vd>.<T>, <Vn>.<T>")
            .vector("dn"),
        Lanes.floats(f, 2),
        Lanes.floats(f, 3));
    rows.row(
            "0Q" + u + "01110" + a + "111100" + code + "10nnnnnddddd",
            name + " <Vd>.<Th>, <Vn>.<Th>")
        .vector("dn")
        .needs(ArmFeature.FP16)
        .does(Lanes.floats(f, 1));
  }

  private static void scalar(A64Rows rows, int u, String op, String name, Fp.Unary f) {
    String a = op.substring(0, 1);
    String code = op.substring(1);
    rows.row("01" + u + "11110" + a + "z10000" + code + "10nnnnnddddd", name + " <Vd>, <Vn>")
        .vector("dn")
        .by("z", FloatScalar.unary(f, 2), FloatScalar.unary(f, 3));
    rows.row("01" + u + "11110" + a + "111100" + code + "10nnnnnddddd", name + " <Hd>, <Hn>")
        .vector("dn")
        .needs(ArmFeature.FP16)
        .does(FloatScalar.unary(f, 1));
  }

  private static void both(A64Rows rows, int u, String op, String name, Fp.Unary f) {
    one(rows, u, op, name, f);
    scalar(rows, u, op, name, f);
  }

  private static void addMisc(A64Rows rows) {
    both(rows, 0, "101100", "FCMGT #0.0", (s, c, w0, a, z) -> Fp.greater(s, c, w0, a, 0, z));
    both(rows, 0, "101101", "FCMEQ #0.0", (s, c, w0, a, z) -> Fp.equal(s, c, w0, a, 0, z));
    both(rows, 0, "101110", "FCMLT #0.0", (s, c, w0, a, z) -> Fp.greater(s, c, w0, 0, a, z));
    both(rows, 1, "101100", "FCMGE #0.0", (s, c, w0, a, z) -> Fp.greaterEqual(s, c, w0, a, 0, z));
    both(rows, 1, "101101", "FCMLE #0.0", (s, c, w0, a, z) -> Fp.greaterEqual(s, c, w0, 0, a, z));
    one(rows, 0, "101111", "FABS", Fp::absolute);
    one(rows, 1, "101111", "FNEG", Fp::negate);
    one(rows, 1, "111111", "FSQRT", Fp::squareRoot);
    both(rows, 0, "111101", "FRECPE", Fp::reciprocal);
    both(rows, 1, "111101", "FRSQRTE", Fp::reciprocalRoot);
    scalar(rows, 0, "111111", "FRECPX", Fp::reciprocalExponent);
    one(rows, 0, "011000", "FRINTN", FloatScalar.rounding(SoftFloat.NEAREST, false));
    one(rows, 0, "011001", "FRINTM", FloatScalar.rounding(SoftFloat.DOWN, false));
    one(rows, 0, "111000", "FRINTP", FloatScalar.rounding(SoftFloat.UP, false));
    one(rows, 0, "111001", "FRINTZ", FloatScalar.rounding(SoftFloat.TRUNCATE, false));
    one(rows, 1, "011000", "FRINTA", FloatScalar.rounding(SoftFloat.AWAY, false));
    one(rows, 1, "011001", "FRINTX", FloatScalar.rounding(-1, true));
    one(rows, 1, "111001", "FRINTI", FloatScalar.rounding(-1, false));
    for (int u = 0; u < 2; u++) {
      for (int wide = 0; wide < 2; wide++) {
        Fp.Unary f =
            FloatScalar.roundingToSize(u == 0 ? SoftFloat.TRUNCATE : -1, wide == 0 ? 32 : 64);
        String name = "FRINT" + (wide == 0 ? "32" : "64") + (u == 0 ? "Z" : "X");
        singleOrDouble(
            rows.row(
                    "0Q" + u + "011100z100001111" + wide + "10nnnnnddddd",
                    name + " <Vd>.<T>, <Vn>.<T>")
                .vector("dn")
                .needs(ArmFeature.FRINTTS),
            Lanes.floats(f, 2),
            Lanes.floats(f, 3));
      }
    }
  }

  private static Fp.Unary toInteger(int mode, boolean unsigned) {
    return (s, c, w0, a, z) -> Fp.toInteger(s, c, w0, a, z, 8 << z, mode, unsigned);
  }

  private static void addConversions(A64Rows rows) {
    for (int u = 0; u < 2; u++) {
      boolean unsigned = u != 0;
      String kind = unsigned ? "U" : "S";
      both(rows, u, "011010", "FCVTN" + kind, toInteger(SoftFloat.NEAREST, unsigned));
      both(rows, u, "011011", "FCVTM" + kind, toInteger(SoftFloat.DOWN, unsigned));
      both(rows, u, "011100", "FCVTA" + kind, toInteger(SoftFloat.AWAY, unsigned));
      both(rows, u, "111010", "FCVTP" + kind, toInteger(SoftFloat.UP, unsigned));
      both(rows, u, "111011", "FCVTZ" + kind, toInteger(SoftFloat.TRUNCATE, unsigned));
      both(
          rows,
          u,
          "011101",
          kind + "CVTF",
          (s, c, w0, a, z) ->
              Fp.fromInteger(s, c, w0, Lanes.extend(a, z, !unsigned), z, unsigned, 0));
    }
  }

  // ---------------------------------------------------------------- other precisions

  private static void addPrecision(A64Rows rows) {
    rows.row("0Q0011100z100001011110nnnnnddddd", "FCVTL{2} <Vd>.<Ta>, <Vn>.<Tb>")
        .vector("dn")
        .by("z", lengthened(1), lengthened(2));
    rows.row("0Q0011100z100001011010nnnnnddddd", "FCVTN{2} <Vd>.<Tb>, <Vn>.<Ta>")
        .vector("dn")
        .by("z", shortened(1, -1), shortened(2, -1));
    rows.row("0Q10111001100001011010nnnnnddddd", "FCVTXN{2} <Vd>.<Tb>, <Vn>.2D")
        .vector("dn")
        .does(shortened(2, SoftFloat.ODD));
    rows.row("0111111001100001011010nnnnnddddd", "FCVTXN <Sd>, <Dn>")
        .vector("dn")
        .does(
            (s, c, w0, w1) ->
                Lanes.set(s, w0, Fp.convertSlowly(s, c, s.v[2 * n(w0)], 3, 2, SoftFloat.ODD), 0));
  }

  private static Step lengthened(int from) {
    return (s, c, w0, w1) -> {
      long v = s.v[2 * n(w0) + (Lanes.isWide(w1) ? 1 : 0)];
      long low = lengthened(s, c, w0, v, 0, from);
      long high = lengthened(s, c, w0, v, 4 >> from, from);
      Lanes.set(s, w0, low, high);
    };
  }

  @ExplodeLoop
  private static long lengthened(ArmState s, ArmCpu c, long w0, long v, int first, int from) {
    long r = 0;
    for (int i = 0; i < 4 >> from; i++) {
      long x = Fp.convert(s, c, w0, Lanes.unsigned(v, first + i, from), from, from + 1);
      r |= Lanes.place(x, i, from + 1);
    }
    return r;
  }

  private static Step shortened(int to, int mode) {
    return (s, c, w0, w1) -> {
      long low = shortened(s, c, w0, s.v[2 * n(w0)], to, mode);
      long high = shortened(s, c, w0, s.v[2 * n(w0) + 1], to, mode);
      VectorWide.setNarrow(s, w0, w1, low | high << 32);
    };
  }

  @ExplodeLoop
  private static long shortened(ArmState s, ArmCpu c, long w0, long v, int to, int mode) {
    long r = 0;
    for (int i = 0; i < 4 >> to; i++) {
      long x = Lanes.unsigned(v, i, to + 1);
      long y =
          mode < 0
              ? Fp.convert(s, c, w0, x, to + 1, to)
              : Fp.convertSlowly(s, c, x, to + 1, to, mode);
      r |= Lanes.place(y, i, to);
    }
    return r;
  }

  // ---------------------------------------------------------------- across lanes

  private static void addAcross(A64Rows rows) {
    across(rows, "0", "01100", "FMAXNMV", Fp::maxNumber);
    across(rows, "1", "01100", "FMINNMV", Fp::minNumber);
    across(rows, "0", "01111", "FMAXV", Fp::max);
    across(rows, "1", "01111", "FMINV", Fp::min);
  }

  private static void across(A64Rows rows, String a, String op, String name, Fp.Binary f) {
    rows.row("01101110" + a + "011000" + op + "10nnnnnddddd", name + " <Sd>, <Vn>.4S")
        .vector("dn")
        .does(
            (s, c, w0, w1) -> {
              long low = pairOf(s, c, w0, f, s.v[2 * n(w0)]);
              long high = pairOf(s, c, w0, f, s.v[2 * n(w0) + 1]);
              Lanes.set(s, w0, f.of(s, c, w0, low, high, 2), 0);
            });
    rows.row("0Q001110" + a + "011000" + op + "10nnnnnddddd", name + " <Hd>, <Vn>.<Th>")
        .vector("dn")
        .needs(ArmFeature.FP16)
        .does(
            (s, c, w0, w1) -> {
              long r = fourOf(s, c, w0, f, s.v[2 * n(w0)]);
              if (Lanes.isWide(w1)) {
                r = f.of(s, c, w0, r, fourOf(s, c, w0, f, s.v[2 * n(w0) + 1]), 1);
              }
              Lanes.set(s, w0, r, 0);
            });
  }

  private static long pairOf(ArmState s, ArmCpu c, long w0, Fp.Binary f, long v) {
    return f.of(s, c, w0, v & Fp.LOW, v >>> 32, 2);
  }

  /** The manual's tree: halves of halves. */
  private static long fourOf(ArmState s, ArmCpu c, long w0, Fp.Binary f, long v) {
    long low = f.of(s, c, w0, v & 0xffff, v >>> 16 & 0xffff, 1);
    return f.of(s, c, w0, low, f.of(s, c, w0, v >>> 32 & 0xffff, v >>> 48, 1), 1);
  }
}
