package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Op.BMI;
import static org.tuber.truffle.x86.decode.Row.FLAGS_KEPT;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;
import org.tuber.truffle.x86.sys.CpuFeature;

/**
 * BMI1 and BMI2 (SDM vol. 2: ANDN, BEXTR, BLSI, BLSMSK, BLSR, BZHI, MULX, PDEP, PEXT, RORX, SARX,
 * SHLX, SHRX). TZCNT and LZCNT, which have no VEX prefix, are in {@link BitOps}.
 *
 * <p>Flags the manual leaves undefined are those of AMD's processors: PF and SF follow the result,
 * AF is cleared, by BEXTR set.
 */
final class Bmi {
  private static final int ANDN = 0;
  private static final int BLSR = 1;
  private static final int BLSMSK = 2;
  private static final int BLSI = 3;
  private static final int BZHI = 4;
  private static final int PEXT = 5;
  private static final int PDEP = 6;
  private static final int MULX = 7;
  private static final int BEXTR = 8;
  private static final int SHLX = 9;
  private static final int SARX = 10;
  private static final int SHRX = 11;
  private static final int RORX = 12;

  private Bmi() {}

  static void add(OpcodeMap m) {
    int one = CpuFeature.BMI1.row();
    int two = CpuFeature.BMI2.row();
    int kept = two | FLAGS_KEPT;
    row(m, "NP.0F38.WIG F2 /r", "andn Gy,By,Ey", ANDN, one);
    row(m, "NP.0F38.WIG F3 /1", "blsr By,Ey", BLSR, one);
    row(m, "NP.0F38.WIG F3 /2", "blsmsk By,Ey", BLSMSK, one);
    row(m, "NP.0F38.WIG F3 /3", "blsi By,Ey", BLSI, one);
    row(m, "NP.0F38.WIG F7 /r", "bextr Gy,Ey,By", BEXTR, one);
    row(m, "NP.0F38.WIG F5 /r", "bzhi Gy,Ey,By", BZHI, two);
    row(m, "F3.0F38.WIG F5 /r", "pext Gy,By,Ey", PEXT, kept);
    row(m, "F2.0F38.WIG F5 /r", "pdep Gy,By,Ey", PDEP, kept);
    row(m, "F2.0F38.WIG F6 /r", "mulx Gy,By,Ey", MULX, kept);
    row(m, "66.0F38.WIG F7 /r", "shlx Gy,Ey,By", SHLX, kept);
    row(m, "F3.0F38.WIG F7 /r", "sarx Gy,Ey,By", SARX, kept);
    row(m, "F2.0F38.WIG F7 /r", "shrx Gy,Ey,By", SHRX, kept);
    row(m, "F2.0F3A.WIG F0 /r", "rorx Gy,Ey,Ib", RORX, kept);
  }

  private static void row(OpcodeMap m, String code, String text, int sub, int attributes) {
    AvxRows.row(m, "VEX.128." + code, text, BMI, sub, attributes);
  }

  static void run(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    long e = Operand.e(s, c, w0, w1, size);
    int b = Word.vvvv(w1);
    long control = Operand.register(s, b, size);
    int sub = Word.sub(w1);
    switch (sub) {
      case ANDN -> {
        long r = ~control & e;
        Flags.logic(s, r);
        Operand.setG(s, w0, size, r);
      }
      case BLSR, BLSMSK, BLSI -> lowest(s, b, size, sub, e);
      case BZHI -> {
        int n = (int) control & 0xff;
        int bits = 8 << size;
        long r = n >= bits ? e : Operand.sext(e & (1L << n) - 1, size);
        Flags.result(s, r, n >= bits, false);
        Operand.setG(s, w0, size, r);
      }
      case BEXTR -> {
        long r = Operand.sext(extract(Operand.zext(e, size), (int) control), size);
        Flags.logic(s, r);
        s.fz = Flags.AF;
        s.fd = r & Long.MIN_VALUE;
        Operand.setG(s, w0, size, r);
      }
      case SHLX -> Operand.setG(s, w0, size, e << (control & (8 << size) - 1));
      case SARX -> Operand.setG(s, w0, size, e >> (control & (8 << size) - 1));
      case SHRX -> Operand.setG(s, w0, size, Operand.zext(e, size) >>> (control & (8 << size) - 1));
      case RORX -> {
        int n = (int) w1 & 0xff;
        long r = size == 3 ? Long.rotateRight(e, n) : Integer.rotateRight((int) e, n);
        Operand.setG(s, w0, size, r);
      }
      case MULX -> mulx(s, w0, b, size, e);
      case PEXT -> Operand.setG(s, w0, size, compress(control, Operand.zext(e, size)));
      case PDEP -> Operand.setG(s, w0, size, expand(control, Operand.zext(e, size)));
      default -> throw c.ud();
    }
  }

  /** About the lowest bit that is set; CF: there is one (BLSI), there is none (the others). */
  private static void lowest(X86State s, int d, int size, int sub, long e) {
    long r =
        switch (sub) {
          case BLSR -> e & (e - 1);
          case BLSMSK -> e ^ (e - 1);
          default -> e & -e;
        };
    r = Operand.sext(r, size);
    Flags.result(s, r, (e == 0) != (sub == BLSI), false);
    Operand.setRegister(s, d, size, r);
  }

  private static long extract(long v, int control) {
    int start = control & 0xff;
    int length = control >> 8 & 0xff;
    long shifted = start > 63 ? 0 : v >>> start;
    return length > 63 ? shifted : shifted & (1L << length) - 1;
  }

  /** RDX times E; where both destinations are the same register it gets the high half. */
  private static void mulx(X86State s, long w0, int low, int size, long e) {
    if (size == 3) {
      long d = s.r[2];
      long high = Math.unsignedMultiplyHigh(d, e);
      s.r[low] = d * e;
      s.r[Word.reg(w0)] = high;
    } else {
      long product = (s.r[2] & 0xffff_ffffL) * (e & 0xffff_ffffL);
      s.r[low] = product & 0xffff_ffffL;
      s.r[Word.reg(w0)] = product >>> 32;
    }
  }

  @TruffleBoundary
  private static long compress(long v, long mask) {
    return Long.compress(v, mask);
  }

  @TruffleBoundary
  private static long expand(long v, long mask) {
    return Long.expand(v, mask);
  }
}
