package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.a;
import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.decode.Step;
import org.tuber.truffle.arm.fp.SoftFloat;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.state.Nzcv;
import org.tuber.truffle.arm.sys.ArmFeature;

/**
 * Scalar floating point but for integer conversions (Arm ARM C4.1.97): one to three sources,
 * compare, select, immediate. Each row is there twice, the second time for half precision, which is
 * a feature of its own.
 */
final class FloatScalar {
  private FloatScalar() {}

  /** Makes a row of a diagram in which {@code ff} is the precision. */
  @FunctionalInterface
  interface Maker {
    Row of(String diagram, String assembler);
  }

  /** The scalar of {@code size} in vector register {@code number}. */
  static long get(ArmState s, int number, int size) {
    return s.v[2 * number] & Fp.mask(size);
  }

  static void set(ArmState s, long w0, long v) {
    s.v[2 * d(w0)] = v;
    s.v[2 * d(w0) + 1] = 0;
  }

  static Step unary(Fp.Unary f, int size) {
    return (s, c, w0, w1) -> set(s, w0, f.of(s, c, w0, get(s, n(w0), size), size));
  }

  static Step binary(Fp.Binary f, int size) {
    return (s, c, w0, w1) ->
        set(s, w0, f.of(s, c, w0, get(s, n(w0), size), get(s, m(w0), size), size));
  }

  private static Step ternary(Fp.Ternary f, int size) {
    return (s, c, w0, w1) ->
        set(
            s,
            w0,
            f.of(s, c, w0, get(s, a(w0), size), get(s, n(w0), size), get(s, m(w0), size), size));
  }

  static void addTo(A64Rows rows) {
    addUnary(rows, "000000", "FMOV", Fp::move);
    addUnary(rows, "000001", "FABS", Fp::absolute);
    addUnary(rows, "000010", "FNEG", Fp::negate);
    addUnary(rows, "000011", "FSQRT", Fp::squareRoot);
    addUnary(rows, "001000", "FRINTN", rounding(SoftFloat.NEAREST, false));
    addUnary(rows, "001001", "FRINTP", rounding(SoftFloat.UP, false));
    addUnary(rows, "001010", "FRINTM", rounding(SoftFloat.DOWN, false));
    addUnary(rows, "001011", "FRINTZ", rounding(SoftFloat.TRUNCATE, false));
    addUnary(rows, "001100", "FRINTA", rounding(SoftFloat.AWAY, false));
    addUnary(rows, "001110", "FRINTX", rounding(-1, true));
    addUnary(rows, "001111", "FRINTI", rounding(-1, false));
    addRoundingToSize(rows);
    addPrecision(rows);
    addBinary(rows, "0000", "FMUL", Fp::multiply);
    addBinary(rows, "0001", "FDIV", Fp::divide);
    addBinary(rows, "0010", "FADD", Fp::add);
    addBinary(rows, "0011", "FSUB", Fp::subtract);
    addBinary(rows, "0100", "FMAX", Fp::max);
    addBinary(rows, "0101", "FMIN", Fp::min);
    addBinary(rows, "0110", "FMAXNM", Fp::maxNumber);
    addBinary(rows, "0111", "FMINNM", Fp::minNumber);
    addBinary(rows, "1000", "FNMUL", Fp::negatedMultiply);
    addTernary(rows, "0", "0", "FMADD", Fp::fused);
    addTernary(rows, "0", "1", "FMSUB", Fp::fusedMinus);
    addTernary(
        rows,
        "1",
        "0",
        "FNMADD",
        (s, c, w0, d, x, y, z) -> Fp.fused(s, c, w0, d ^ Fp.signBit(z), x ^ Fp.signBit(z), y, z));
    addTernary(
        rows,
        "1",
        "1",
        "FNMSUB",
        (s, c, w0, d, x, y, z) -> Fp.fused(s, c, w0, d ^ Fp.signBit(z), x, y, z));
    addCompare(rows);
    addSelect(rows);
  }

  static Fp.Unary rounding(int mode, boolean exact) {
    return (s, c, w0, v, size) -> Fp.integral(s, c, w0, v, size, mode, exact);
  }

  /** The row for single and double precision, and that for half precision. */
  static void both(
      A64Rows rows, String diagram, String assembler, Maker maker, Step single, Step dbl, Step h) {
    String d = diagram.replace(" ", "");
    maker.of(d.replace("ff", "0f"), assembler).by("f", single, dbl);
    maker.of(d.replace("ff", "11"), assembler.replace("<V", "<H")).needs(ArmFeature.FP16).does(h);
  }

  private static void addUnary(A64Rows rows, String op, String name, Fp.Unary f) {
    both(
        rows,
        "00011110ff1" + op + "10000nnnnnddddd",
        name + " <Vd>, <Vn>",
        (diagram, assembler) -> rows.row(diagram, assembler).vector("dn"),
        unary(f, 2),
        unary(f, 3),
        unary(f, 1));
  }

  private static void addRoundingToSize(A64Rows rows) {
    String[] names = {"FRINT32Z", "FRINT32X", "FRINT64Z", "FRINT64X"};
    for (int i = 0; i < 4; i++) {
      Fp.Unary f = roundingToSize((i & 1) == 0 ? SoftFloat.TRUNCATE : -1, i < 2 ? 32 : 64);
      String op = "0100" + (i >> 1) + (i & 1);
      rows.row("000111100f1" + op + "10000nnnnnddddd", names[i] + " <Vd>, <Vn>")
          .vector("dn")
          .needs(ArmFeature.FRINTTS)
          .by("f", unary(f, 2), unary(f, 3));
    }
  }

  static Fp.Unary roundingToSize(int mode, int bits) {
    return (s, c, w0, v, size) -> Fp.integralOf(s, c, v, size, mode, bits);
  }

  private static void addPrecision(A64Rows rows) {
    String[] types = {"00", "01", "11"};
    int[] sizes = {2, 3, 1};
    String[] names = {"S", "D", "H"};
    for (int from = 0; from < 3; from++) {
      for (int to = 0; to < 3; to++) {
        if (from != to) {
          int x = sizes[from];
          int y = sizes[to];
          rows.row(
                  "00011110" + types[from] + "10001" + types[to] + "10000nnnnnddddd",
                  "FCVT <" + names[to] + "d>, <" + names[from] + "n>")
              .vector("dn")
              .does((s, c, w0, w1) -> set(s, w0, Fp.convert(s, c, w0, get(s, n(w0), x), x, y)));
        }
      }
    }
  }

  private static void addBinary(A64Rows rows, String op, String name, Fp.Binary f) {
    both(
        rows,
        "00011110ff1mmmmm" + op + "10nnnnnddddd",
        name + " <Vd>, <Vn>, <Vm>",
        (diagram, assembler) -> rows.row(diagram, assembler).vector("dnm"),
        binary(f, 2),
        binary(f, 3),
        binary(f, 1));
  }

  private static void addTernary(A64Rows rows, String o1, String o0, String name, Fp.Ternary f) {
    both(
        rows,
        "00011111ff" + o1 + "mmmmm" + o0 + "aaaaannnnnddddd",
        name + " <Vd>, <Vn>, <Vm>, <Va>",
        (diagram, assembler) -> rows.row(diagram, assembler).vector("dnma"),
        ternary(f, 2),
        ternary(f, 3),
        ternary(f, 1));
  }

  // ---------------------------------------------------------------- compare, select, immediate

  private static Step compare(int size, boolean signalling, boolean zero) {
    return (s, c, w0, w1) -> {
      long y = zero ? 0 : get(s, m(w0), size);
      Nzcv.set(s, Fp.compare(s, c, w0, get(s, n(w0), size), y, size, signalling));
    };
  }

  private static void addCompare(A64Rows rows) {
    for (int i = 0; i < 4; i++) {
      boolean signalling = (i & 2) != 0;
      boolean zero = (i & 1) != 0;
      both(
          rows,
          "00011110ff1"
              + (zero ? "xxxxx" : "mmmmm")
              + "001000nnnnn"
              + (signalling ? "1" : "0")
              + (zero ? "1" : "0")
              + "000",
          (signalling ? "FCMPE <Vn>, " : "FCMP <Vn>, ") + (zero ? "#0.0" : "<Vm>"),
          (diagram, assembler) ->
              rows.row(diagram, assembler).vector("nm").flags(Nzcv.PRODUCER_EXPLICIT),
          compare(2, signalling, zero),
          compare(3, signalling, zero),
          compare(1, signalling, zero));
    }
    for (int i = 0; i < 2; i++) {
      boolean signalling = i != 0;
      both(
          rows,
          "00011110ff1mmmmmcccc01nnnnn" + i + "vvvv",
          (signalling ? "FCCMPE" : "FCCMP") + " <Vn>, <Vm>, #<nzcv>, <cond>",
          (diagram, assembler) ->
              rows.row(diagram, assembler).vector("nm").condition().flags(Nzcv.PRODUCER_EXPLICIT),
          conditional(2, signalling),
          conditional(3, signalling),
          conditional(1, signalling));
    }
  }

  private static Step conditional(int size, boolean signalling) {
    return (s, c, w0, w1) -> {
      if (ConditionalSelect.holds(s, w0)) {
        long x = get(s, n(w0), size);
        Nzcv.set(s, Fp.compare(s, c, w0, x, get(s, m(w0), size), size, signalling));
      } else {
        Nzcv.set(s, (int) w1 & 15);
      }
    };
  }

  private static Step select(int size) {
    return (s, c, w0, w1) -> {
      long x = get(s, n(w0), size);
      long y = get(s, m(w0), size);
      set(s, w0, ConditionalSelect.holds(s, w0) ? x : y);
    };
  }

  private static void addSelect(A64Rows rows) {
    both(
        rows,
        "00011110ff1mmmmmcccc11nnnnnddddd",
        "FCSEL <Vd>, <Vn>, <Vm>, <cond>",
        (diagram, assembler) -> rows.row(diagram, assembler).vector("dnm").condition(),
        select(2),
        select(3),
        select(1));
    Step constant = (s, c, w0, w1) -> set(s, w0, w1);
    both(
        rows,
        "00011110ff1iiiiiiii10000000ddddd",
        "FMOV <Vd>, #<imm>",
        (diagram, assembler) ->
            rows.row(diagram, assembler)
                .vector("d")
                .immediate((row, insn, pc) -> Fp.expand(row.get(insn, 'i'), size(insn >>> 22 & 3))),
        constant,
        constant,
        constant);
  }

  /** The size of a precision as scalar instructions have it. */
  static int size(int type) {
    return type == 3 ? 1 : 2 + type;
  }
}
