package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.state.Nzcv;

/**
 * Logical operations (Arm ARM C4.1.93, C4.1.95): immediate and shifted register. 32-bit operations
 * work on 64 bits and cut the result, whose upper half may be wrong before.
 */
final class Logic {
  private static final long LOW = 0xffff_ffffL;

  private Logic() {}

  static void addTo(A64Rows rows) {
    immediate(rows, "s00100100kiiiiiijjjjjjnnnnnDDDDD", "AND <Xd|SP>, <Xn>, #<imm>")
        .does((s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] & w1);
    immediate(rows, "s01100100kiiiiiijjjjjjnnnnnDDDDD", "ORR <Xd|SP>, <Xn>, #<imm>")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = (s.r[n(w0)] | w1) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] | w1);
    immediate(rows, "s10100100kiiiiiijjjjjjnnnnnDDDDD", "EOR <Xd|SP>, <Xn>, #<imm>")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = (s.r[n(w0)] ^ w1) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] ^ w1);
    immediate(rows, "s11100100kiiiiiijjjjjjnnnnnddddd", "ANDS <Xd>, <Xn>, #<imm>")
        .flags(Nzcv.PRODUCER_LOGIC)
        .by(
            "s",
            (s, c, w0, w1) -> ands32(s, w0, (int) s.r[n(w0)] & (int) w1),
            (s, c, w0, w1) -> ands64(s, w0, s.r[n(w0)] & w1));
    addPlain(rows);
    addInverted(rows);
  }

  private static Row immediate(A64Rows rows, String diagram, String assembler) {
    return rows.row(diagram, assembler)
        .when((row, insn) -> mask(row, insn) != 0)
        .immediate((row, insn, pc) -> mask(row, insn));
  }

  private static long mask(Row row, int insn) {
    return Shifts.bitMask(
        row.get(insn, 'k'), row.get(insn, 'j'), row.get(insn, 'i'), row.get(insn, 's') == 1);
  }

  private static Row shifted(A64Rows rows, String diagram, String assembler) {
    return rows.row(diagram, assembler + " <Xd>, <Xn>, <Xm>{, <shift> #<amount>}")
        .when((row, insn) -> row.get(insn, 's') == 1 || row.get(insn, 'i') < 32)
        .extra((row, insn) -> row.get(insn, 'h') << 6 | row.get(insn, 'i'));
  }

  private static void addPlain(A64Rows rows) {
    shifted(rows, "s0001010hh0mmmmmiiiiiinnnnnddddd", "AND")
        .by(
            AddSub::shiftIndex,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] & s.r[m(w0)] & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] & s.r[m(w0)],
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] & AddSub.shifted32(s, w0) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] & AddSub.shifted64(s, w0));
    shifted(rows, "s0101010hh0mmmmmiiiiiinnnnnddddd", "ORR")
        .by(
            (row, insn) -> AddSub.shiftIndex(row, insn) | (row.get(insn, 'n') == 31 ? 4 : 0),
            (s, c, w0, w1) -> s.r[d(w0)] = (s.r[n(w0)] | s.r[m(w0)]) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] | s.r[m(w0)],
            (s, c, w0, w1) -> s.r[d(w0)] = (s.r[n(w0)] | AddSub.shifted32(s, w0)) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] | AddSub.shifted64(s, w0),
            // MOV <Xd>, <Xm>
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[m(w0)] & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[m(w0)],
            (s, c, w0, w1) -> s.r[d(w0)] = AddSub.shifted32(s, w0) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = AddSub.shifted64(s, w0));
    shifted(rows, "s1001010hh0mmmmmiiiiiinnnnnddddd", "EOR")
        .by(
            AddSub::shiftIndex,
            (s, c, w0, w1) -> s.r[d(w0)] = (s.r[n(w0)] ^ s.r[m(w0)]) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] ^ s.r[m(w0)],
            (s, c, w0, w1) -> s.r[d(w0)] = (s.r[n(w0)] ^ AddSub.shifted32(s, w0)) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] ^ AddSub.shifted64(s, w0));
    shifted(rows, "s1101010hh0mmmmmiiiiiinnnnnddddd", "ANDS")
        .flags(Nzcv.PRODUCER_LOGIC)
        .by(
            AddSub::shiftIndex,
            (s, c, w0, w1) -> ands32(s, w0, (int) s.r[n(w0)] & (int) s.r[m(w0)]),
            (s, c, w0, w1) -> ands64(s, w0, s.r[n(w0)] & s.r[m(w0)]),
            (s, c, w0, w1) -> ands32(s, w0, (int) s.r[n(w0)] & AddSub.shifted32(s, w0)),
            (s, c, w0, w1) -> ands64(s, w0, s.r[n(w0)] & AddSub.shifted64(s, w0)));
  }

  private static void addInverted(A64Rows rows) {
    shifted(rows, "s0001010hh1mmmmmiiiiiinnnnnddddd", "BIC")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] & ~AddSub.shifted32(s, w0) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] & ~AddSub.shifted64(s, w0));
    shifted(rows, "s0101010hh1mmmmmiiiiiinnnnnddddd", "ORN")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = (s.r[n(w0)] | ~AddSub.shifted32(s, w0)) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] | ~AddSub.shifted64(s, w0));
    shifted(rows, "s1001010hh1mmmmmiiiiiinnnnnddddd", "EON")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = (s.r[n(w0)] ^ ~AddSub.shifted32(s, w0)) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] ^ ~AddSub.shifted64(s, w0));
    shifted(rows, "s1101010hh1mmmmmiiiiiinnnnnddddd", "BICS")
        .flags(Nzcv.PRODUCER_LOGIC)
        .by(
            "s",
            (s, c, w0, w1) -> ands32(s, w0, (int) s.r[n(w0)] & ~AddSub.shifted32(s, w0)),
            (s, c, w0, w1) -> ands64(s, w0, s.r[n(w0)] & ~AddSub.shifted64(s, w0)));
  }

  private static void ands32(ArmState s, long w0, int r) {
    Nzcv.logic(s, r);
    s.r[d(w0)] = r & LOW;
  }

  private static void ands64(ArmState s, long w0, long r) {
    Nzcv.logic(s, r);
    s.r[d(w0)] = r;
  }
}
