package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.extra;
import static org.tuber.truffle.arm.decode.Word.n;

import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.state.Nzcv;
import org.tuber.truffle.arm.sys.ArmFeature;

/** Flag manipulation: FEAT_FlagM and FEAT_FlagM2 (Arm ARM C4.1.95, C4.1.94). */
final class FlagManipulation {
  private FlagManipulation() {}

  static void addTo(A64Rows rows) {
    rows.row("10111010000iiiiii00001nnnnn0kkkk", "RMIF <Xn>, #<shift>, #<mask>")
        .needs(ArmFeature.FLAGM)
        .flags(Nzcv.PRODUCER_EXPLICIT)
        .extra((row, insn) -> row.get(insn, 'i') << 4 | row.get(insn, 'k'))
        .does((s, c, w0, w1) -> rmif(s, w0));
    rows.row("0011101000000000000010nnnnn01101", "SETF8 <Wn>")
        .needs(ArmFeature.FLAGM)
        .flags(Nzcv.PRODUCER_EXPLICIT)
        .does((s, c, w0, w1) -> setf(s, (int) s.r[n(w0)] << 24, (int) s.r[n(w0)] << 23));
    rows.row("0011101000000000010010nnnnn01101", "SETF16 <Wn>")
        .needs(ArmFeature.FLAGM)
        .flags(Nzcv.PRODUCER_EXPLICIT)
        .does((s, c, w0, w1) -> setf(s, (int) s.r[n(w0)] << 16, (int) s.r[n(w0)] << 15));
    rows.row("1101010100000000010000000001 1111", "CFINV")
        .needs(ArmFeature.FLAGM)
        .flags(Nzcv.PRODUCER_EXPLICIT)
        .does((s, c, w0, w1) -> Nzcv.set(s, Nzcv.get(s) ^ Nzcv.C));
    rows.row("1101010100000000010000000011 1111", "XAFLAG")
        .needs(ArmFeature.FLAGM2)
        .flags(Nzcv.PRODUCER_EXPLICIT)
        .does((s, c, w0, w1) -> xaflag(s));
    rows.row("1101010100000000010000000101 1111", "AXFLAG")
        .needs(ArmFeature.FLAGM2)
        .flags(Nzcv.PRODUCER_EXPLICIT)
        .does((s, c, w0, w1) -> axflag(s));
  }

  private static void rmif(ArmState s, long w0) {
    int mask = extra(w0) & 15;
    int v = (int) Long.rotateRight(s.r[n(w0)], extra(w0) >> 4);
    Nzcv.set(s, Nzcv.get(s) & ~mask | v & mask);
  }

  /** {@code v}: the part in the upper bits; {@code above}: the same with the bit above it. */
  private static void setf(ArmState s, int v, int above) {
    int flags = v < 0 ? Nzcv.N : v == 0 ? Nzcv.Z : 0;
    flags |= Nzcv.c(s) ? Nzcv.C : 0;
    flags |= (v ^ above) < 0 ? Nzcv.V : 0;
    Nzcv.set(s, flags);
  }

  /** From the flags of an alternative float comparison to those of the Arm one. */
  private static void xaflag(ArmState s) {
    boolean z = Nzcv.z(s);
    boolean c = Nzcv.c(s);
    int flags = !c && !z ? Nzcv.N : 0;
    flags |= z && c ? Nzcv.Z : 0;
    flags |= c || z ? Nzcv.C : 0;
    flags |= !c && z ? Nzcv.V : 0;
    Nzcv.set(s, flags);
  }

  private static void axflag(ArmState s) {
    boolean z = Nzcv.z(s) || Nzcv.v(s);
    boolean c = Nzcv.c(s) && !Nzcv.v(s);
    Nzcv.set(s, (z ? Nzcv.Z : 0) | (c ? Nzcv.C : 0));
  }
}
