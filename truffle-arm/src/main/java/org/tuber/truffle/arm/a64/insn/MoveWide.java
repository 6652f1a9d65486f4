package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.extra;

import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;

/** Constants: MOVZ, MOVN, MOVK, ADR, ADRP (Arm ARM C4.1.93). */
final class MoveWide {
  private static final long LOW = 0xffff_ffffL;

  private MoveWide() {}

  static void addTo(A64Rows rows) {
    wide(rows, "s00100101hhiiiiiiiiiiiiiiiiddddd", "MOVN <Xd>, #<imm>{, LSL #<shift>}")
        .immediate((row, insn, pc) -> ~shifted(row, insn) & width(row, insn))
        .does((s, c, w0, w1) -> s.r[d(w0)] = w1);
    wide(rows, "s10100101hhiiiiiiiiiiiiiiiiddddd", "MOVZ <Xd>, #<imm>{, LSL #<shift>}")
        .immediate((row, insn, pc) -> shifted(row, insn))
        .does((s, c, w0, w1) -> s.r[d(w0)] = w1);
    wide(rows, "s11100101hhiiiiiiiiiiiiiiiiddddd", "MOVK <Xd>, #<imm>{, LSL #<shift>}")
        .immediate((row, insn, pc) -> shifted(row, insn))
        .extra((row, insn) -> 16 * row.get(insn, 'h'))
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[d(w0)] & ~(0xffffL << extra(w0)) & LOW | w1,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[d(w0)] & ~(0xffffL << extra(w0)) | w1);
    rows.row("0jj10000iiiiiiiiiiiiiiiiiiiddddd", "ADR <Xd>, <label>")
        .address((row, insn, pc) -> pc + (row.signed(insn, 'i') << 2 | row.get(insn, 'j')))
        .does((s, c, w0, w1) -> s.r[d(w0)] = s.pc + w1);
    rows.row("1jj10000iiiiiiiiiiiiiiiiiiiddddd", "ADRP <Xd>, <label>")
        .address(
            (row, insn, pc) ->
                (pc & -4096L) + ((row.signed(insn, 'i') << 2 | row.get(insn, 'j')) << 12))
        .does((s, c, w0, w1) -> s.r[d(w0)] = s.pc + w1);
  }

  private static Row wide(A64Rows rows, String diagram, String assembler) {
    return rows.row(diagram, assembler)
        .when((row, insn) -> row.get(insn, 's') == 1 || row.get(insn, 'h') < 2);
  }

  private static long shifted(Row row, int insn) {
    return (long) row.get(insn, 'i') << 16 * row.get(insn, 'h');
  }

  private static long width(Row row, int insn) {
    return row.get(insn, 's') == 1 ? -1 : LOW;
  }
}
