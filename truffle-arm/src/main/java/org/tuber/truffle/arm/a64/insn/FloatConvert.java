package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.n;

import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.decode.Step;
import org.tuber.truffle.arm.fp.FloatOperation;
import org.tuber.truffle.arm.fp.SoftFloat;
import org.tuber.truffle.arm.state.Nzcv;
import org.tuber.truffle.arm.sys.ArmFeature;

/**
 * Conversions between scalar floating point and general registers, with and without binary
 * fraction; FMOV between them; FJCVTZS (Arm ARM C4.1.97).
 */
final class FloatConvert {
  private static final int[] SIZES = {2, 3, 1};
  private static final String[] TYPES = {"00", "01", "11"};

  private FloatConvert() {}

  static void addTo(A64Rows rows) {
    // rmode, opcode
    addTo(rows, "00000", "FCVTNS", SoftFloat.NEAREST, false);
    addTo(rows, "00001", "FCVTNU", SoftFloat.NEAREST, true);
    addTo(rows, "00100", "FCVTAS", SoftFloat.AWAY, false);
    addTo(rows, "00101", "FCVTAU", SoftFloat.AWAY, true);
    addTo(rows, "01000", "FCVTPS", SoftFloat.UP, false);
    addTo(rows, "01001", "FCVTPU", SoftFloat.UP, true);
    addTo(rows, "10000", "FCVTMS", SoftFloat.DOWN, false);
    addTo(rows, "10001", "FCVTMU", SoftFloat.DOWN, true);
    addTo(rows, "11000", "FCVTZS", SoftFloat.TRUNCATE, false);
    addTo(rows, "11001", "FCVTZU", SoftFloat.TRUNCATE, true);
    addFrom(rows, "00010", "SCVTF", false);
    addFrom(rows, "00011", "UCVTF", true);
    addFixed(rows);
    addMoves(rows);
    rows.row("0001111001111110000000nnnnnddddd", "FJCVTZS <Wd>, <Dn>")
        .vector("n")
        .needs(ArmFeature.JSCVT)
        .flags(Nzcv.PRODUCER_EXPLICIT)
        .does(
            (s, c, w0, w1) -> {
              long r = FloatOperation.toJavaScriptInteger(c.softFloat, c.fpcr, s.v[2 * n(w0)]);
              s.fpsr |= c.softFloat.flags;
              s.r[d(w0)] = r & Fp.LOW;
              Nzcv.set(s, r >>> 32 != 0 ? Nzcv.Z : 0);
            });
  }

  private static void half(Row row, int type) {
    if (type == 2) {
      row.needs(ArmFeature.FP16);
    }
  }

  private static void addTo(A64Rows rows, String op, String name, int mode, boolean unsigned) {
    for (int t = 0; t < 3; t++) {
      Row row =
          rows.row("s0011110" + TYPES[t] + "1" + op + "000000nnnnnddddd", name + " <Xd>, <Vn>")
              .vector("n")
              .by("s", to(SIZES[t], 32, mode, unsigned), to(SIZES[t], 64, mode, unsigned));
      half(row, t);
    }
  }

  private static Step to(int size, int bits, int mode, boolean unsigned) {
    return (s, c, w0, w1) ->
        s.r[d(w0)] =
            Fp.toInteger(s, c, w0, FloatScalar.get(s, n(w0), size), size, bits, mode, unsigned);
  }

  private static void addFrom(A64Rows rows, String op, String name, boolean unsigned) {
    for (int t = 0; t < 3; t++) {
      Row row =
          rows.row("s0011110" + TYPES[t] + "1" + op + "000000nnnnnddddd", name + " <Vd>, <Xn>")
              .vector("d")
              .by("s", from(SIZES[t], 32, unsigned), from(SIZES[t], 64, unsigned));
      half(row, t);
    }
  }

  private static Step from(int size, int bits, boolean unsigned) {
    return (s, c, w0, w1) -> {
      long v = s.r[n(w0)];
      if (bits == 32) {
        v = unsigned ? v & Fp.LOW : (int) v;
      }
      FloatScalar.set(s, w0, Fp.fromInteger(s, c, w0, v, size, unsigned, 0));
    };
  }

  private static void addFixed(A64Rows rows) {
    for (int t = 0; t < 3; t++) {
      int size = SIZES[t];
      for (int u = 0; u < 2; u++) {
        boolean unsigned = u != 0;
        String kind = unsigned ? "U" : "S";
        String end = "kkkkkknnnnnddddd";
        half(
            fixed(
                    rows.row(
                        "s0011110" + TYPES[t] + "000" + "01" + u + end,
                        kind + "CVTF <Vd>, <Xn>, #<fbits>"))
                .vector("d")
                .does(
                    (s, c, w0, w1) -> {
                      long v = s.r[n(w0)];
                      if (w1 >>> 31 == 0) {
                        v = unsigned ? v & Fp.LOW : (int) v;
                      }
                      long r = Fp.fromInteger(s, c, w0, v, size, unsigned, fraction(w1));
                      FloatScalar.set(s, w0, r);
                    }),
            t);
        half(
            fixed(
                    rows.row(
                        "s0011110" + TYPES[t] + "011" + "00" + u + end,
                        "FCVTZ" + kind + " <Xd>, <Vn>, #<fbits>"))
                .vector("n")
                .does(
                    (s, c, w0, w1) -> {
                      long v = FloatScalar.get(s, n(w0), size);
                      int bits = w1 >>> 31 == 0 ? 32 : 64;
                      s.r[d(w0)] =
                          Fp.toFixed(
                              s, c, v, size, bits, SoftFloat.TRUNCATE, unsigned, fraction(w1));
                    }),
            t);
      }
    }
  }

  private static int fraction(long w1) {
    return 64 - ((int) (w1 >>> 10) & 63);
  }

  private static Row fixed(Row row) {
    return row.when((r, insn) -> insn < 0 || r.get(insn, 'k') >= 32);
  }

  private static void addMoves(A64Rows rows) {
    rows.row("0001111000100110000000nnnnnddddd", "FMOV <Wd>, <Sn>")
        .vector("n")
        .does((s, c, w0, w1) -> s.r[d(w0)] = s.v[2 * n(w0)] & Fp.LOW);
    rows.row("0001111000100111000000nnnnnddddd", "FMOV <Sd>, <Wn>")
        .vector("d")
        .does((s, c, w0, w1) -> FloatScalar.set(s, w0, s.r[n(w0)] & Fp.LOW));
    rows.row("1001111001100110000000nnnnnddddd", "FMOV <Xd>, <Dn>")
        .vector("n")
        .does((s, c, w0, w1) -> s.r[d(w0)] = s.v[2 * n(w0)]);
    rows.row("1001111001100111000000nnnnnddddd", "FMOV <Dd>, <Xn>")
        .vector("d")
        .does((s, c, w0, w1) -> FloatScalar.set(s, w0, s.r[n(w0)]));
    rows.row("1001111010101110000000nnnnnddddd", "FMOV <Xd>, <Vn>.D[1]")
        .vector("n")
        .does((s, c, w0, w1) -> s.r[d(w0)] = s.v[2 * n(w0) + 1]);
    rows.row("1001111010101111000000nnnnnddddd", "FMOV <Vd>.D[1], <Xn>")
        .vector("d")
        .does((s, c, w0, w1) -> s.v[2 * d(w0) + 1] = s.r[n(w0)]);
    rows.row("s001111011100110000000nnnnnddddd", "FMOV <Xd>, <Hn>")
        .vector("n")
        .needs(ArmFeature.FP16)
        .does((s, c, w0, w1) -> s.r[d(w0)] = s.v[2 * n(w0)] & 0xffff);
    rows.row("s001111011100111000000nnnnnddddd", "FMOV <Hd>, <Xn>")
        .vector("d")
        .needs(ArmFeature.FP16)
        .does((s, c, w0, w1) -> FloatScalar.set(s, w0, s.r[n(w0)] & 0xffff));
  }
}
