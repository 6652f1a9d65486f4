package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.extra;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;

/**
 * Bit fields: SBFM, BFM, UBFM, EXTR (Arm ARM C4.1.93) and with them all shifts by constants and
 * extensions.
 *
 * <p>UBFM and SBFM become one shift left and one right, whether they extract a field or insert it
 * into zeros: the decoder computes both amounts.
 */
final class Bitfield {
  private static final long LOW = 0xffff_ffffL;

  private Bitfield() {}

  static void addTo(A64Rows rows) {
    bitfield(rows, "s00100110kiiiiiijjjjjjnnnnnddddd", "SBFM <Xd>, <Xn>, #<immr>, #<imms>")
        .extra(Bitfield::shifts)
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] << left(w0) >> right(w0) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] << left(w0) >> right(w0));
    bitfield(rows, "s01100110kiiiiiijjjjjjnnnnnddddd", "BFM <Xd>, <Xn>, #<immr>, #<imms>")
        .immediate((row, insn, pc) -> destination(row, insn))
        .extra((row, insn) -> row.get(insn, 'i'))
        .by(
            "s",
            (s, c, w0, w1) ->
                s.r[d(w0)] =
                    s.r[d(w0)] & ~w1 & LOW | Integer.rotateRight((int) s.r[n(w0)], extra(w0)) & w1,
            (s, c, w0, w1) ->
                s.r[d(w0)] = s.r[d(w0)] & ~w1 | Long.rotateRight(s.r[n(w0)], extra(w0)) & w1);
    bitfield(rows, "s10100110kiiiiiijjjjjjnnnnnddddd", "UBFM <Xd>, <Xn>, #<immr>, #<imms>")
        .extra(Bitfield::shifts)
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] << left(w0) >>> right(w0) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] << left(w0) >>> right(w0));
    rows.row("s00100111k0mmmmmjjjjjjnnnnnddddd", "EXTR <Xd>, <Xn>, <Xm>, #<lsb>")
        .when((row, insn) -> row.get(insn, 'k') == row.get(insn, 's'))
        .when((row, insn) -> row.get(insn, 's') == 1 || row.get(insn, 'j') < 32)
        .extra((row, insn) -> row.get(insn, 'j'))
        .by(
            "s",
            (s, c, w0, w1) ->
                s.r[d(w0)] = (s.r[n(w0)] << 32 | s.r[m(w0)] & LOW) >>> extra(w0) & LOW,
            (s, c, w0, w1) ->
                // Twice, because a shift by 64 would be none.
                s.r[d(w0)] = s.r[m(w0)] >>> extra(w0) | s.r[n(w0)] << 63 - extra(w0) << 1);
  }

  private static Row bitfield(A64Rows rows, String diagram, String assembler) {
    return rows.row(diagram, assembler)
        .when((row, insn) -> row.get(insn, 'k') == row.get(insn, 's'))
        .when(
            (row, insn) ->
                row.get(insn, 's') == 1 || row.get(insn, 'i') < 32 && row.get(insn, 'j') < 32);
  }

  private static int shifts(Row row, int insn) {
    int immr = row.get(insn, 'i');
    int imms = row.get(insn, 'j');
    int left = 63 - imms;
    int right = imms >= immr ? left + immr : left - (size(row, insn) - immr);
    return left | right << 6;
  }

  private static int size(Row row, int insn) {
    return row.get(insn, 's') == 1 ? 64 : 32;
  }

  private static int left(long w0) {
    return extra(w0) & 63;
  }

  private static int right(long w0) {
    return extra(w0) >> 6;
  }

  /** Bits of the destination that BFM replaces. */
  private static long destination(Row row, int insn) {
    int immr = row.get(insn, 'i');
    int imms = row.get(insn, 'j');
    int bits = imms >= immr ? imms - immr + 1 : imms + 1;
    long ones = -1L >>> 64 - bits;
    return imms >= immr ? ones : ones << size(row, insn) - immr;
  }
}
