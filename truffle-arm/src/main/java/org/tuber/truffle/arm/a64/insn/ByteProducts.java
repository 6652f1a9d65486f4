package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import com.oracle.truffle.api.nodes.ExplodeLoop;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.decode.Step;
import org.tuber.truffle.arm.sys.ArmFeature;

/**
 * Products of matrices of bytes, and dot products of bytes of different signedness, added to words
 * (FEAT_I8MM, Arm ARM C7.2: SMMLA, UMMLA, USMMLA, SUDOT, USDOT). No flags; sums wrap.
 */
final class ByteProducts {
  private ByteProducts() {}

  static void addTo(A64Rows rows) {
    row(rows, "01001110100mmmmm101001nnnnnddddd", "SMMLA <Vd>.4S, <Vn>.16B, <Vm>.16B")
        .does(matrices(true, true));
    row(rows, "01101110100mmmmm101001nnnnnddddd", "UMMLA <Vd>.4S, <Vn>.16B, <Vm>.16B")
        .does(matrices(false, false));
    row(rows, "01001110100mmmmm101011nnnnnddddd", "USMMLA <Vd>.4S, <Vn>.16B, <Vm>.16B")
        .does(matrices(false, true));
    row(rows, "0Q001110100mmmmm100111nnnnnddddd", "USDOT <Vd>.<T>, <Vn>.<Tb>, <Vm>.<Tb>")
        .does(
            (s, c, w0, w1) -> {
              int x = 2 * n(w0);
              int y = 2 * m(w0);
              int z = 2 * d(w0);
              long low = dots(s.v[z], s.v[x], s.v[y], false, true);
              long high = 0;
              if (Lanes.isWide(w1)) {
                high = dots(s.v[z + 1], s.v[x + 1], s.v[y + 1], false, true);
              }
              Lanes.set(s, w0, low, high);
            });
    row(rows, "0Q00111110lmmmmm1111h0nnnnnddddd", "USDOT <Vd>.<T>, <Vn>.<Tb>, <Vm>.4B[<index>]")
        .does(byElement(false));
    row(rows, "0Q00111100lmmmmm1111h0nnnnnddddd", "SUDOT <Vd>.<T>, <Vn>.<Tb>, <Vm>.4B[<index>]")
        .does(byElement(true));
  }

  private static Row row(A64Rows rows, String diagram, String assembler) {
    return rows.row(diagram, assembler).vector("dnm").needs(ArmFeature.I8MM);
  }

  /** {@code signed}: the vector is, and the element is not; else the other way round. */
  private static Step byElement(boolean signed) {
    return (s, c, w0, w1) -> {
      int index = (int) (w1 >>> 11 & 1) << 1 | (int) (w1 >>> 21) & 1;
      long b = VectorWide.repeat(Lanes.get(s, m(w0), index, 2), 2);
      int x = 2 * n(w0);
      int z = 2 * d(w0);
      long low = dots(s.v[z], s.v[x], b, signed, !signed);
      long high = 0;
      if (Lanes.isWide(w1)) {
        high = dots(s.v[z + 1], s.v[x + 1], b, signed, !signed);
      }
      Lanes.set(s, w0, low, high);
    };
  }

  /** Two rows of eight bytes each, times the same transposed. */
  private static Step matrices(boolean signedN, boolean signedM) {
    return (s, c, w0, w1) -> {
      int x = 2 * n(w0);
      int y = 2 * m(w0);
      int z = 2 * d(w0);
      long low = pair(s.v[z], s.v[x], s.v[y], s.v[y + 1], signedN, signedM);
      long high = pair(s.v[z + 1], s.v[x + 1], s.v[y], s.v[y + 1], signedN, signedM);
      Lanes.set(s, w0, low, high);
    };
  }

  private static long pair(long d, long a, long b, long c, boolean signedA, boolean signedB) {
    long low = product(a, b, 0, 8, signedA, signedB);
    long high = product(a, c, 0, 8, signedA, signedB);
    return words(d, low, high);
  }

  private static long dots(long d, long a, long b, boolean signedA, boolean signedB) {
    long low = product(a, b, 0, 4, signedA, signedB);
    long high = product(a, b, 4, 8, signedA, signedB);
    return words(d, low, high);
  }

  private static long words(long d, long low, long high) {
    return d + low & Fp.LOW | (d >>> 32) + high << 32;
  }

  /** Products of the bytes {@code from} to {@code to}, added. */
  @ExplodeLoop
  private static long product(long a, long b, int from, int to, boolean signedA, boolean signedB) {
    long r = 0;
    for (int i = from; i < to; i++) {
      r += Lanes.lane(a, i, 0, signedA) * Lanes.lane(b, i, 0, signedB);
    }
    return r;
  }
}
