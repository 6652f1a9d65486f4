package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.a;
import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import org.tuber.truffle.arm.decode.A64Rows;

/** Multiplications: three-source data processing (Arm ARM C4.1.95). */
final class Multiply {
  private static final long LOW = 0xffff_ffffL;

  private Multiply() {}

  static void addTo(A64Rows rows) {
    rows.row("s0011011000mmmmm0aaaaannnnnddddd", "MADD <Xd>, <Xn>, <Xm>, <Xa>")
        .by(
            "s",
            (s, c, w0, w1) ->
                s.r[d(w0)] = (int) s.r[a(w0)] + (int) s.r[n(w0)] * (int) s.r[m(w0)] & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[a(w0)] + s.r[n(w0)] * s.r[m(w0)]);
    rows.row("s0011011000mmmmm1aaaaannnnnddddd", "MSUB <Xd>, <Xn>, <Xm>, <Xa>")
        .by(
            "s",
            (s, c, w0, w1) ->
                s.r[d(w0)] = (int) s.r[a(w0)] - (int) s.r[n(w0)] * (int) s.r[m(w0)] & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[a(w0)] - s.r[n(w0)] * s.r[m(w0)]);
    rows.row("10011011001mmmmm0aaaaannnnnddddd", "SMADDL <Xd>, <Wn>, <Wm>, <Xa>")
        .does(
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[a(w0)] + (long) (int) s.r[n(w0)] * (int) s.r[m(w0)]);
    rows.row("10011011001mmmmm1aaaaannnnnddddd", "SMSUBL <Xd>, <Wn>, <Wm>, <Xa>")
        .does(
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[a(w0)] - (long) (int) s.r[n(w0)] * (int) s.r[m(w0)]);
    rows.row("10011011101mmmmm0aaaaannnnnddddd", "UMADDL <Xd>, <Wn>, <Wm>, <Xa>")
        .does((s, c, w0, w1) -> s.r[d(w0)] = s.r[a(w0)] + (s.r[n(w0)] & LOW) * (s.r[m(w0)] & LOW));
    rows.row("10011011101mmmmm1aaaaannnnnddddd", "UMSUBL <Xd>, <Wn>, <Wm>, <Xa>")
        .does((s, c, w0, w1) -> s.r[d(w0)] = s.r[a(w0)] - (s.r[n(w0)] & LOW) * (s.r[m(w0)] & LOW));
    rows.row("10011011010mmmmm0xxxxxnnnnnddddd", "SMULH <Xd>, <Xn>, <Xm>")
        .does((s, c, w0, w1) -> s.r[d(w0)] = Math.multiplyHigh(s.r[n(w0)], s.r[m(w0)]));
    rows.row("10011011110mmmmm0xxxxxnnnnnddddd", "UMULH <Xd>, <Xn>, <Xm>")
        .does((s, c, w0, w1) -> s.r[d(w0)] = Math.unsignedMultiplyHigh(s.r[n(w0)], s.r[m(w0)]));
  }
}
