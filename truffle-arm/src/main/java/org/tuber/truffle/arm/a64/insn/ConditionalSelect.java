package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.extra;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.state.Nzcv;

/** Conditional select and conditional compare (Arm ARM C4.1.95). */
final class ConditionalSelect {
  private static final long LOW = 0xffff_ffffL;

  private ConditionalSelect() {}

  /** The condition in {@link org.tuber.truffle.arm.decode.Word#extra} holds. */
  static boolean holds(ArmState s, long w0) {
    return Nzcv.condition(s, extra(w0) & 15, extra(w0) >> 4);
  }

  static void addTo(A64Rows rows) {
    select(rows, "s0011010100mmmmmcccc00nnnnnddddd", "CSEL")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = (holds(s, w0) ? s.r[n(w0)] : s.r[m(w0)]) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = holds(s, w0) ? s.r[n(w0)] : s.r[m(w0)]);
    select(rows, "s0011010100mmmmmcccc01nnnnnddddd", "CSINC")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = (holds(s, w0) ? s.r[n(w0)] : s.r[m(w0)] + 1) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = holds(s, w0) ? s.r[n(w0)] : s.r[m(w0)] + 1);
    select(rows, "s1011010100mmmmmcccc00nnnnnddddd", "CSINV")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = (holds(s, w0) ? s.r[n(w0)] : ~s.r[m(w0)]) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = holds(s, w0) ? s.r[n(w0)] : ~s.r[m(w0)]);
    select(rows, "s1011010100mmmmmcccc01nnnnnddddd", "CSNEG")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = (holds(s, w0) ? s.r[n(w0)] : -s.r[m(w0)]) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = holds(s, w0) ? s.r[n(w0)] : -s.r[m(w0)]);
    compare(rows, "s1111010010mmmmmcccc00nnnnn0vvvv", "CCMP <Xn>, <Xm>, #<nzcv>, <cond>")
        .by(
            "s",
            (s, c, w0, w1) -> compare32(s, w0, w1, ~(int) s.r[m(w0)], 1),
            (s, c, w0, w1) -> compare64(s, w0, w1, ~s.r[m(w0)], 1));
    compare(rows, "s0111010010mmmmmcccc00nnnnn0vvvv", "CCMN <Xn>, <Xm>, #<nzcv>, <cond>")
        .by(
            "s",
            (s, c, w0, w1) -> compare32(s, w0, w1, (int) s.r[m(w0)], 0),
            (s, c, w0, w1) -> compare64(s, w0, w1, s.r[m(w0)], 0));
    compare(rows, "s1111010010iiiiicccc10nnnnn0vvvv", "CCMP <Xn>, #<imm>, #<nzcv>, <cond>")
        .by(
            "s",
            (s, c, w0, w1) -> compare32(s, w0, w1, ~(int) (w1 >> 8), 1),
            (s, c, w0, w1) -> compare64(s, w0, w1, ~(w1 >> 8), 1));
    compare(rows, "s0111010010iiiiicccc10nnnnn0vvvv", "CCMN <Xn>, #<imm>, #<nzcv>, <cond>")
        .by(
            "s",
            (s, c, w0, w1) -> compare32(s, w0, w1, (int) (w1 >> 8), 0),
            (s, c, w0, w1) -> compare64(s, w0, w1, w1 >> 8, 0));
  }

  private static Row select(A64Rows rows, String diagram, String name) {
    return rows.row(diagram, name + " <Xd>, <Xn>, <Xm>, <cond>").condition();
  }

  private static Row compare(A64Rows rows, String diagram, String assembler) {
    return rows.row(diagram, assembler)
        .condition()
        .flags(Nzcv.PRODUCER_UNKNOWN)
        .immediate((row, insn, pc) -> row.get(insn, 'v') | (long) row.get(insn, 'i') << 8);
  }

  /** As the addition {@code n + y + carry} if the condition holds. */
  private static void compare32(ArmState s, long w0, long w1, int y, int carry) {
    if (holds(s, w0)) {
      int x = (int) s.r[n(w0)];
      Nzcv.add(s, x, y, x + y + carry);
    } else {
      Nzcv.set(s, (int) w1 & 15);
    }
  }

  private static void compare64(ArmState s, long w0, long w1, long y, int carry) {
    if (holds(s, w0)) {
      long x = s.r[n(w0)];
      Nzcv.add(s, x, y, x + y + carry);
    } else {
      Nzcv.set(s, (int) w1 & 15);
    }
  }
}
