package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.extra;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.sys.ArmFeature;
import org.tuber.truffle.arm.sys.ExceptionEntry;
import org.tuber.truffle.arm.sys.PointerAuth;
import org.tuber.truffle.engine.Block;

/**
 * Pointer authentication (Arm ARM C3.1.10): codes added, checked and removed, and the branches,
 * returns and loads that check first. The rules are {@link PointerAuth}'s; where SCTLR does not
 * enable a key, its instructions leave pointers as they are.
 */
final class PointerCodes {
  private static final ArmFeature PAUTH = ArmFeature.PAUTH;
  private static final int LR = 30;
  private static final long LR_SP = 1L << LR | 1L << ArmState.SP;
  private static final long X16_X17 = 3L << 16;

  private PointerCodes() {}

  static void addTo(A64Rows rows) {
    addRegister(rows);
    addHints(rows);
    addBranches(rows);
    addLoads(rows);
  }

  private static boolean isOn(ArmCpu c, int key) {
    return (c.pointerKeys >>> key & 1) != 0;
  }

  private static long add(ArmCpu c, long pointer, long modifier, int key) {
    return isOn(c, key) ? c.pointerAuth.add(pointer, modifier, key) : pointer;
  }

  private static long check(ArmCpu c, long pointer, long modifier, int key) {
    return isOn(c, key) ? c.pointerAuth.authenticate(pointer, modifier, key) : pointer;
  }

  private static int key(Row row, int insn) {
    return row.get(insn, 'k');
  }

  // ---------------------------------------------------------------- registers

  private static void addRegister(A64Rows rows) {
    rows.row("1101101011000001000ckkNNNNNddddd", "PAC*, AUT* <Xd>, <Xn|SP>")
        .needs(PAUTH)
        .extra(PointerCodes::key)
        .by(
            "c",
            (s, c, w0, w1) -> s.r[d(w0)] = add(c, s.r[d(w0)], s.r[n(w0)], extra(w0)),
            (s, c, w0, w1) -> s.r[d(w0)] = check(c, s.r[d(w0)], s.r[n(w0)], extra(w0)));
    rows.row("1101101011000001001ckk11111ddddd", "PAC*Z, AUT*Z <Xd>")
        .needs(PAUTH)
        .extra(PointerCodes::key)
        .by(
            "c",
            (s, c, w0, w1) -> s.r[d(w0)] = add(c, s.r[d(w0)], 0, extra(w0)),
            (s, c, w0, w1) -> s.r[d(w0)] = check(c, s.r[d(w0)], 0, extra(w0)));
    rows.row("110110101100000101000k11111ddddd", "XPACI, XPACD <Xd>")
        .needs(PAUTH)
        .by(
            "k",
            (s, c, w0, w1) -> s.r[d(w0)] = c.pointerAuth.strip(s.r[d(w0)], false),
            (s, c, w0, w1) -> s.r[d(w0)] = c.pointerAuth.strip(s.r[d(w0)], true));
    rows.row("10011010110MMMMM001100nnnnnddddd", "PACGA <Xd>, <Xn>, <Xm|SP>")
        .needs(PAUTH)
        .does((s, c, w0, w1) -> s.r[d(w0)] = c.pointerAuth.generic(s.r[n(w0)], s.r[m(w0)]));
  }

  // ---------------------------------------------------------------- hints

  /** Hints, so that they do nothing on CPUs without the feature: no key is on there. */
  private static void addHints(A64Rows rows) {
    rows.row("11010101000000110010000011111111", "XPACLRI")
        .uses((w0, w1) -> 1L << LR)
        .does(
            (s, c, w0, w1) -> {
              if (c.hasPointerAuth) {
                s.r[LR] = c.pointerAuth.strip(s.r[LR], false);
              }
            });
    rows.row("1101010100000011001000010k011111", "PACIA1716, PACIB1716")
        .uses((w0, w1) -> X16_X17)
        .by(
            "k",
            (s, c, w0, w1) -> s.r[17] = add(c, s.r[17], s.r[16], PointerAuth.IA),
            (s, c, w0, w1) -> s.r[17] = add(c, s.r[17], s.r[16], PointerAuth.IB));
    rows.row("1101010100000011001000011k011111", "AUTIA1716, AUTIB1716")
        .uses((w0, w1) -> X16_X17)
        .by(
            "k",
            (s, c, w0, w1) -> s.r[17] = check(c, s.r[17], s.r[16], PointerAuth.IA),
            (s, c, w0, w1) -> s.r[17] = check(c, s.r[17], s.r[16], PointerAuth.IB));
    rows.row("1101010100000011001000110k011111", "PACIAZ, PACIBZ")
        .uses((w0, w1) -> 1L << LR)
        .by(
            "k",
            (s, c, w0, w1) -> s.r[LR] = add(c, s.r[LR], 0, PointerAuth.IA),
            (s, c, w0, w1) -> s.r[LR] = add(c, s.r[LR], 0, PointerAuth.IB));
    rows.row("1101010100000011001000110k111111", "PACIASP, PACIBSP")
        .uses((w0, w1) -> LR_SP)
        .by(
            "k",
            (s, c, w0, w1) -> s.r[LR] = add(c, s.r[LR], s.r[ArmState.SP], PointerAuth.IA),
            (s, c, w0, w1) -> s.r[LR] = add(c, s.r[LR], s.r[ArmState.SP], PointerAuth.IB));
    rows.row("1101010100000011001000111k011111", "AUTIAZ, AUTIBZ")
        .uses((w0, w1) -> 1L << LR)
        .by(
            "k",
            (s, c, w0, w1) -> s.r[LR] = check(c, s.r[LR], 0, PointerAuth.IA),
            (s, c, w0, w1) -> s.r[LR] = check(c, s.r[LR], 0, PointerAuth.IB));
    rows.row("1101010100000011001000111k111111", "AUTIASP, AUTIBSP")
        .uses((w0, w1) -> LR_SP)
        .by(
            "k",
            (s, c, w0, w1) -> s.r[LR] = check(c, s.r[LR], s.r[ArmState.SP], PointerAuth.IA),
            (s, c, w0, w1) -> s.r[LR] = check(c, s.r[LR], s.r[ArmState.SP], PointerAuth.IB));
  }

  // ---------------------------------------------------------------- branches

  private static void addBranches(A64Rows rows) {
    rows.row("110101110001111100001knnnnnMMMMM", "BRAA, BRAB <Xn>, <Xm|SP>")
        .needs(PAUTH)
        .extra(PointerCodes::key)
        .ends(
            Block.JUMP_INDIRECT,
            (s, c, w0, w1) -> Branch.jump(s, c, w0, check(c, s.r[n(w0)], s.r[m(w0)], extra(w0))));
    rows.row("110101100001111100001knnnnn11111", "BRAAZ, BRABZ <Xn>")
        .needs(PAUTH)
        .extra(PointerCodes::key)
        .ends(
            Block.JUMP_INDIRECT,
            (s, c, w0, w1) -> Branch.jump(s, c, w0, check(c, s.r[n(w0)], 0, extra(w0))));
    rows.row("110101110011111100001knnnnnMMMMM", "BLRAA, BLRAB <Xn>, <Xm|SP>")
        .needs(PAUTH)
        .extra(PointerCodes::key)
        .uses((w0, w1) -> 1L << LR)
        .ends(
            Block.CALL_INDIRECT,
            (s, c, w0, w1) -> Branch.call(s, c, w0, check(c, s.r[n(w0)], s.r[m(w0)], extra(w0))));
    rows.row("110101100011111100001knnnnn11111", "BLRAAZ, BLRABZ <Xn>")
        .needs(PAUTH)
        .extra(PointerCodes::key)
        .uses((w0, w1) -> 1L << LR)
        .ends(
            Block.CALL_INDIRECT,
            (s, c, w0, w1) -> Branch.call(s, c, w0, check(c, s.r[n(w0)], 0, extra(w0))));
    rows.row("110101100101111100001k1111111111", "RETAA, RETAB")
        .needs(PAUTH)
        .uses((w0, w1) -> LR_SP)
        .ends(
            Block.RETURN,
            "k",
            (s, c, w0, w1) -> returns(s, c, PointerAuth.IA),
            (s, c, w0, w1) -> returns(s, c, PointerAuth.IB));
    rows.row("110101101001111100001k1111111111", "ERETAA, ERETAB")
        .needs(PAUTH)
        .extra(PointerCodes::key)
        .system(
            (s, c, w0, w1) -> {
              if (c.el == 0) {
                throw c.undefined();
              }
              long target = check(c, c.elr[c.el], s.r[ArmState.SP], extra(w0));
              ExceptionEntry.exceptionReturn(c, target);
            });
  }

  private static int returns(ArmState s, ArmCpu c, int key) {
    return Branch.ret(s, c, check(c, s.r[LR], s.r[ArmState.SP], key));
  }

  // ---------------------------------------------------------------- loads

  private static void addLoads(A64Rows rows) {
    rows.row("11111000ki1iiiiiiiiip1NNNNNttttt", "LDRAA, LDRAB <Xt>, [<Xn|SP>{, #<simm>}]{!}")
        .needs(PAUTH)
        .memory()
        .immediate((row, insn, pc) -> row.signed(insn, 'i') << 3)
        .by(
            "kp",
            (s, c, w0, w1) -> load(s, c, w0, w1, PointerAuth.DA, false),
            (s, c, w0, w1) -> load(s, c, w0, w1, PointerAuth.DA, true),
            (s, c, w0, w1) -> load(s, c, w0, w1, PointerAuth.DB, false),
            (s, c, w0, w1) -> load(s, c, w0, w1, PointerAuth.DB, true));
  }

  private static void load(ArmState s, ArmCpu c, long w0, long w1, int key, boolean writesBack) {
    long address = check(c, s.r[n(w0)], 0, key) + w1;
    long v = Mem.load64(s, c, w0, address);
    if (writesBack) {
      s.r[n(w0)] = address;
    }
    s.r[d(w0)] = v;
  }
}
