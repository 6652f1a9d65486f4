package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.extra;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.state.Nzcv;

/**
 * Addition and subtraction (Arm ARM C4.1.93, C4.1.95): immediate, shifted, extended, with carry.
 */
final class AddSub {
  private static final long LOW = 0xffff_ffffL;

  private AddSub() {}

  static void addTo(A64Rows rows) {
    rows.row("s00100010hiiiiiiiiiiiiNNNNNDDDDD", "ADD <Xd|SP>, <Xn|SP>, #<imm>")
        .immediate((row, insn, pc) -> immediate(row, insn))
        .by("s", (s, c, w0, w1) -> addImmediate32(s, w0, w1), (s, c, w0, w1) -> add(s, w0, w1));
    rows.row("s01100010hiiiiiiiiiiiiNNNNNddddd", "ADDS <Xd>, <Xn|SP>, #<imm>")
        .immediate((row, insn, pc) -> immediate(row, insn))
        .flags(Nzcv.PRODUCER_ADD)
        .by(
            "s",
            (s, c, w0, w1) -> adds32(s, w0, (int) s.r[n(w0)], (int) w1),
            (s, c, w0, w1) -> adds64(s, w0, s.r[n(w0)], w1));
    rows.row("s10100010hiiiiiiiiiiiiNNNNNDDDDD", "SUB <Xd|SP>, <Xn|SP>, #<imm>")
        .immediate((row, insn, pc) -> -immediate(row, insn))
        .by("s", (s, c, w0, w1) -> addImmediate32(s, w0, w1), (s, c, w0, w1) -> add(s, w0, w1));
    rows.row("s11100010hiiiiiiiiiiiiNNNNNddddd", "SUBS <Xd>, <Xn|SP>, #<imm>")
        .immediate((row, insn, pc) -> immediate(row, insn))
        .flags(Nzcv.PRODUCER_SUB)
        .by(
            "s",
            (s, c, w0, w1) -> subs32(s, w0, (int) s.r[n(w0)], (int) w1),
            (s, c, w0, w1) -> subs64(s, w0, s.r[n(w0)], w1));
    addShifted(rows);
    addExtended(rows);
    addCarry(rows);
  }

  private static long immediate(Row row, int insn) {
    return (long) row.get(insn, 'i') << 12 * row.get(insn, 'h');
  }

  // ---------------------------------------------------------------- shifted register

  private static Row shifted(A64Rows rows, String diagram, String assembler) {
    return rows.row(diagram, assembler)
        .when((row, insn) -> row.get(insn, 'h') != 3)
        .when((row, insn) -> row.get(insn, 's') == 1 || row.get(insn, 'i') < 32)
        .extra((row, insn) -> row.get(insn, 'h') << 6 | row.get(insn, 'i'));
  }

  /** 0 and 1: no shift, 32 and 64 bits; 2 and 3: with shift. */
  static int shiftIndex(Row row, int insn) {
    return row.get(insn, 's') | (row.get(insn, 'i') != 0 ? 2 : 0);
  }

  private static void addShifted(A64Rows rows) {
    shifted(rows, "s0001011hh0mmmmmiiiiiinnnnnddddd", "ADD <Xd>, <Xn>, <Xm>{, <shift> #<amount>}")
        .by(
            AddSub::shiftIndex,
            (s, c, w0, w1) -> s.r[d(w0)] = (int) s.r[n(w0)] + (int) s.r[m(w0)] & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] + s.r[m(w0)],
            (s, c, w0, w1) -> s.r[d(w0)] = (int) s.r[n(w0)] + shifted32(s, w0) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] + shifted64(s, w0));
    shifted(rows, "s0101011hh0mmmmmiiiiiinnnnnddddd", "ADDS <Xd>, <Xn>, <Xm>{, <shift> #<amount>}")
        .flags(Nzcv.PRODUCER_ADD)
        .by(
            AddSub::shiftIndex,
            (s, c, w0, w1) -> adds32(s, w0, (int) s.r[n(w0)], (int) s.r[m(w0)]),
            (s, c, w0, w1) -> adds64(s, w0, s.r[n(w0)], s.r[m(w0)]),
            (s, c, w0, w1) -> adds32(s, w0, (int) s.r[n(w0)], shifted32(s, w0)),
            (s, c, w0, w1) -> adds64(s, w0, s.r[n(w0)], shifted64(s, w0)));
    shifted(rows, "s1001011hh0mmmmmiiiiiinnnnnddddd", "SUB <Xd>, <Xn>, <Xm>{, <shift> #<amount>}")
        .by(
            AddSub::shiftIndex,
            (s, c, w0, w1) -> s.r[d(w0)] = (int) s.r[n(w0)] - (int) s.r[m(w0)] & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] - s.r[m(w0)],
            (s, c, w0, w1) -> s.r[d(w0)] = (int) s.r[n(w0)] - shifted32(s, w0) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] - shifted64(s, w0));
    shifted(rows, "s1101011hh0mmmmmiiiiiinnnnnddddd", "SUBS <Xd>, <Xn>, <Xm>{, <shift> #<amount>}")
        .flags(Nzcv.PRODUCER_SUB)
        .by(
            AddSub::shiftIndex,
            (s, c, w0, w1) -> subs32(s, w0, (int) s.r[n(w0)], (int) s.r[m(w0)]),
            (s, c, w0, w1) -> subs64(s, w0, s.r[n(w0)], s.r[m(w0)]),
            (s, c, w0, w1) -> subs32(s, w0, (int) s.r[n(w0)], shifted32(s, w0)),
            (s, c, w0, w1) -> subs64(s, w0, s.r[n(w0)], shifted64(s, w0)));
  }

  static long shifted64(ArmState s, long w0) {
    return Shifts.shift64(s.r[m(w0)], extra(w0) >> 6, extra(w0) & 63);
  }

  static int shifted32(ArmState s, long w0) {
    return Shifts.shift32((int) s.r[m(w0)], extra(w0) >> 6, extra(w0) & 63);
  }

  // ---------------------------------------------------------------- extended register

  private static Row extended(A64Rows rows, String diagram, String assembler) {
    return rows.row(diagram, assembler)
        .when((row, insn) -> row.get(insn, 'i') <= 4)
        .extra((row, insn) -> row.get(insn, 'o') << 6 | row.get(insn, 'i'));
  }

  private static long extended(ArmState s, long w0) {
    return Shifts.extend(s.r[m(w0)], extra(w0) >> 6, extra(w0) & 63);
  }

  private static void addExtended(A64Rows rows) {
    extended(rows, "s0001011001mmmmmoooiiiNNNNNDDDDD", "ADD <Xd|SP>, <Xn|SP>, <Xm>, <extend>")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = (int) s.r[n(w0)] + (int) extended(s, w0) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] + extended(s, w0));
    extended(rows, "s0101011001mmmmmoooiiiNNNNNddddd", "ADDS <Xd>, <Xn|SP>, <Xm>, <extend>")
        .flags(Nzcv.PRODUCER_ADD)
        .by(
            "s",
            (s, c, w0, w1) -> adds32(s, w0, (int) s.r[n(w0)], (int) extended(s, w0)),
            (s, c, w0, w1) -> adds64(s, w0, s.r[n(w0)], extended(s, w0)));
    extended(rows, "s1001011001mmmmmoooiiiNNNNNDDDDD", "SUB <Xd|SP>, <Xn|SP>, <Xm>, <extend>")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = (int) s.r[n(w0)] - (int) extended(s, w0) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] - extended(s, w0));
    extended(rows, "s1101011001mmmmmoooiiiNNNNNddddd", "SUBS <Xd>, <Xn|SP>, <Xm>, <extend>")
        .flags(Nzcv.PRODUCER_SUB)
        .by(
            "s",
            (s, c, w0, w1) -> subs32(s, w0, (int) s.r[n(w0)], (int) extended(s, w0)),
            (s, c, w0, w1) -> subs64(s, w0, s.r[n(w0)], extended(s, w0)));
  }

  // ---------------------------------------------------------------- with carry

  private static void addCarry(A64Rows rows) {
    rows.row("s0011010000mmmmm000000nnnnnddddd", "ADC <Xd>, <Xn>, <Xm>")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = (int) s.r[n(w0)] + (int) s.r[m(w0)] + carry(s) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] + s.r[m(w0)] + carry(s));
    rows.row("s0111010000mmmmm000000nnnnnddddd", "ADCS <Xd>, <Xn>, <Xm>")
        .flags(Nzcv.PRODUCER_ADD)
        .by(
            "s",
            (s, c, w0, w1) -> adcs32(s, w0, (int) s.r[m(w0)]),
            (s, c, w0, w1) -> adcs64(s, w0, s.r[m(w0)]));
    rows.row("s1011010000mmmmm000000nnnnnddddd", "SBC <Xd>, <Xn>, <Xm>")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = (int) s.r[n(w0)] + ~(int) s.r[m(w0)] + carry(s) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] + ~s.r[m(w0)] + carry(s));
    rows.row("s1111010000mmmmm000000nnnnnddddd", "SBCS <Xd>, <Xn>, <Xm>")
        .flags(Nzcv.PRODUCER_ADD)
        .by(
            "s",
            (s, c, w0, w1) -> adcs32(s, w0, ~(int) s.r[m(w0)]),
            (s, c, w0, w1) -> adcs64(s, w0, ~s.r[m(w0)]));
  }

  private static int carry(ArmState s) {
    return Nzcv.c(s) ? 1 : 0;
  }

  private static void adcs32(ArmState s, long w0, int y) {
    int x = (int) s.r[n(w0)];
    int r = x + y + carry(s);
    Nzcv.add(s, x, y, r);
    s.r[d(w0)] = r & LOW;
  }

  private static void adcs64(ArmState s, long w0, long y) {
    long x = s.r[n(w0)];
    long r = x + y + carry(s);
    Nzcv.add(s, x, y, r);
    s.r[d(w0)] = r;
  }

  // ---------------------------------------------------------------- shared

  private static void add(ArmState s, long w0, long w1) {
    s.r[d(w0)] = s.r[n(w0)] + w1;
  }

  private static void addImmediate32(ArmState s, long w0, long w1) {
    s.r[d(w0)] = (int) s.r[n(w0)] + (int) w1 & LOW;
  }

  static void adds32(ArmState s, long w0, int x, int y) {
    int r = x + y;
    Nzcv.add(s, x, y, r);
    s.r[d(w0)] = r & LOW;
  }

  static void adds64(ArmState s, long w0, long x, long y) {
    long r = x + y;
    Nzcv.add(s, x, y, r);
    s.r[d(w0)] = r;
  }

  static void subs32(ArmState s, long w0, int x, int y) {
    int r = x - y;
    Nzcv.sub(s, x, y, r);
    s.r[d(w0)] = r & LOW;
  }

  static void subs64(ArmState s, long w0, long x, long y) {
    long r = x - y;
    Nzcv.sub(s, x, y, r);
    s.r[d(w0)] = r;
  }
}
