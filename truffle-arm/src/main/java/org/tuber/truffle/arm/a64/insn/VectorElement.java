package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.decode.Step;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.sys.ArmFeature;

/**
 * Operations of a vector and one lane of another (Arm ARM C4.1.97, vector x indexed element). The
 * lane's number is H:L:M for halfwords, which then come from V0 to V15, H:L for words, H for
 * doublewords.
 */
final class VectorElement {
  private static final String VECTOR = " <Vd>.<T>, <Vn>.<T>, <Vm>.<Ts>[<index>]";
  private static final String SCALAR = " <Vd>, <Vn>, <Vm>.<Ts>[<index>]";

  private VectorElement() {}

  static void addTo(A64Rows rows) {
    same(rows, 0, "1000", "MUL", false, (s, d, a, b, z) -> a * b);
    same(rows, 1, "0000", "MLA", false, (s, d, a, b, z) -> d + a * b);
    same(rows, 1, "0100", "MLS", false, (s, d, a, b, z) -> d - a * b);
    same(
        rows,
        0,
        "1100",
        "SQDMULH",
        true,
        (s, d, a, b, z) -> LaneMath.doubledHigh(s, a, b, z, false));
    same(
        rows,
        0,
        "1101",
        "SQRDMULH",
        true,
        (s, d, a, b, z) -> LaneMath.doubledHigh(s, a, b, z, true));
    same(
        rows,
        1,
        "1101",
        "SQRDMLAH",
        true,
        (s, d, a, b, z) -> LaneMath.doubledHighAdd(s, d, a, b, z, false));
    same(
        rows,
        1,
        "1111",
        "SQRDMLSH",
        true,
        (s, d, a, b, z) -> LaneMath.doubledHighAdd(s, d, a, b, z, true));
    wide(rows, "0010", "MLAL", (s, d, a, b, z) -> d + a * b);
    wide(rows, "0110", "MLSL", (s, d, a, b, z) -> d - a * b);
    wide(rows, "1010", "MULL", (s, d, a, b, z) -> a * b);
    saturating(rows, "0011", "SQDMLAL", VectorWide::doubledAdd);
    saturating(rows, "0111", "SQDMLSL", VectorWide::doubledSubtract);
    saturating(rows, "1011", "SQDMULL", VectorWide::doubled);
    addDots(rows);
    floats(rows, 0, "0001", "FMLA", Fp::fused);
    floats(rows, 0, "0101", "FMLS", Fp::fusedMinus);
    floats(rows, 0, "1001", "FMUL", (s, c, w0, d, a, b, z) -> Fp.multiply(s, c, w0, a, b, z));
    floats(
        rows, 1, "1001", "FMULX", (s, c, w0, d, a, b, z) -> Fp.multiplyExtended(s, c, w0, a, b, z));
  }

  /** The lane of halfwords, words or doublewords. */
  private static int index(long w1, int size) {
    int high = (int) (w1 >>> 11) & 1;
    int low = (int) (w1 >>> 21) & 1;
    int least = (int) (w1 >>> 20) & 1;
    return switch (size) {
      case 1 -> high << 2 | low << 1 | least;
      case 2 -> high << 1 | low;
      default -> high;
    };
  }

  /** The lane, zero-extended. Slot m has M as highest bit. */
  private static long element(ArmState s, long w0, long w1, int size) {
    int number = size == 1 ? m(w0) & 15 : m(w0);
    return Lanes.get(s, number, index(w1, size), size);
  }

  private static long bySize(ArmState s, long w0, long w1) {
    return element(s, w0, w1, Lanes.size(w1));
  }

  /** The register of a halfword's lane is not the one that slot m seems to name. */
  private static Row uses(Row row) {
    return row.vector("dnm").uses((w0, w1) -> 1L << (Row.VECTOR_SHIFT + (m(w0) & 15)));
  }

  private static Row integer(A64Rows rows, String head, String op, String name) {
    return uses(rows.row(head + "zzlmmmmm" + op + "h0nnnnnddddd", name))
        .when((r, insn) -> VectorWide.isMiddle(insn));
  }

  private static void same(
      A64Rows rows, int u, String op, String name, boolean hasScalar, Lanes.Lane f) {
    Row row = integer(rows, "0Q" + u + "01111", op, name + VECTOR);
    row.does(
        (s, c, w0, w1) -> {
          int size = Lanes.size(w1);
          long b = VectorWide.repeat(element(s, w0, w1, size), size);
          int x = 2 * n(w0);
          int z = 2 * d(w0);
          boolean isWide = Lanes.isWide(w1);
          long low = Lanes.half(s, f, s.v[z], s.v[x], b, size, true);
          long high = isWide ? Lanes.half(s, f, s.v[z + 1], s.v[x + 1], b, size, true) : 0;
          Lanes.set(s, w0, low, high);
        });
    boolean isRdm = name.startsWith("SQRDML");
    if (isRdm) {
      row.needs(ArmFeature.RDM);
    }
    if (hasScalar) {
      Row one = integer(rows, "01" + u + "11111", op, name + SCALAR);
      one.does(
          (s, c, w0, w1) -> {
            int size = Lanes.size(w1);
            long a = Lanes.extend(s.v[2 * n(w0)], size, true);
            long b = Lanes.extend(element(s, w0, w1, size), size, true);
            long z = Lanes.extend(s.v[2 * d(w0)], size, true);
            Lanes.set(s, w0, f.of(s, z, a, b, size) & Fp.mask(size), 0);
          });
      if (isRdm) {
        one.needs(ArmFeature.RDM);
      }
    }
  }

  private static void wide(A64Rows rows, String op, String name, Lanes.Lane f) {
    for (int u = 0; u < 2; u++) {
      integer(rows, "0Q" + u + "01111", op, (u == 0 ? "S" : "U") + name + "{2}" + VECTOR)
          .does(VectorWide.wideningBy(u == 0, f, VectorElement::bySize));
    }
  }

  private static void saturating(A64Rows rows, String op, String name, Lanes.Lane f) {
    integer(rows, "0Q001111", op, name + "{2}" + VECTOR)
        .does(VectorWide.wideningBy(true, f, VectorElement::bySize));
    integer(rows, "01011111", op, name + SCALAR)
        .does(VectorWide.wideningScalar(f, VectorElement::bySize));
  }

  private static void addDots(A64Rows rows) {
    for (int u = 0; u < 2; u++) {
      boolean signed = u == 0;
      Lanes.Lane f = (s, d, a, b, z) -> d + VectorSame.dot(a, b, signed);
      rows.row(
              "0Q" + u + "0111110lmmmmm1110h0nnnnnddddd",
              (signed ? "SDOT" : "UDOT") + " <Vd>.<T>, <Vn>.<Tb>, <Vm>.4B[<index>]")
          .vector("dnm")
          .needs(ArmFeature.DOTPROD)
          .does(
              (s, c, w0, w1) -> {
                long b = VectorWide.repeat(element(s, w0, w1, 2), 2);
                int x = 2 * n(w0);
                int z = 2 * d(w0);
                boolean isWide = Lanes.isWide(w1);
                long low = Lanes.half(s, f, s.v[z], s.v[x], b, 2, signed);
                long high = isWide ? Lanes.half(s, f, s.v[z + 1], s.v[x + 1], b, 2, signed) : 0;
                Lanes.set(s, w0, low, high);
              });
    }
  }

  // ---------------------------------------------------------------- floating point

  private static Step floats(Fp.Ternary f, int size) {
    return (s, c, w0, w1) -> {
      long b = VectorWide.repeat(element(s, w0, w1, size), size);
      int x = 2 * n(w0);
      int z = 2 * d(w0);
      long low = Lanes.floats(s, c, w0, f, s.v[z], s.v[x], b, size);
      long high = 0;
      if (Lanes.isWide(w1)) {
        high = Lanes.floats(s, c, w0, f, s.v[z + 1], s.v[x + 1], b, size);
      }
      Lanes.set(s, w0, low, high);
    };
  }

  private static Step one(Fp.Ternary f, int size) {
    return (s, c, w0, w1) -> {
      long a = s.v[2 * n(w0)] & Fp.mask(size);
      long z = s.v[2 * d(w0)] & Fp.mask(size);
      Lanes.set(s, w0, f.of(s, c, w0, z, a, element(s, w0, w1, size), size), 0);
    };
  }

  private static void floats(A64Rows rows, int u, String op, String name, Fp.Ternary f) {
    // Doublewords have no L.
    rows.row("0Q" + u + "011111zlmmmmm" + op + "h0nnnnnddddd", name + VECTOR)
        .vector("dnm")
        .by(
            "zlQ",
            floats(f, 2),
            floats(f, 2),
            floats(f, 2),
            floats(f, 2),
            null,
            floats(f, 3),
            null,
            null);
    rows.row("01" + u + "111111zlmmmmm" + op + "h0nnnnnddddd", name + SCALAR)
        .vector("dnm")
        .by("zl", one(f, 2), one(f, 2), one(f, 3), null);
    uses(rows.row("0Q" + u + "0111100lmmmmm" + op + "h0nnnnnddddd", name + VECTOR))
        .needs(ArmFeature.FP16)
        .does(floats(f, 1));
    uses(rows.row("01" + u + "1111100lmmmmm" + op + "h0nnnnnddddd", name + SCALAR))
        .needs(ArmFeature.FP16)
        .does(one(f, 1));
  }
}
