package org.tuber.truffle.arm;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tuber.core.cpu.ExitReason;
import org.tuber.truffle.arm.state.Reg;
import org.tuber.truffle.arm.state.Sctlr;
import org.tuber.truffle.arm.state.Syndrome;

/**
 * Every kind of branch to every kind of landing pad, from guarded pages and others (Arm ARM D8.4.8,
 * table of compatible instructions).
 */
final class BranchTargetTest {
  private static final long TABLE = 0x8000;
  private static final long GUARDED_ALIAS = 0x4000_0000L;
  private static final long GUARDED_BLOCK = 1 | 3 << 8 | 1 << 10 | 1L << 50;
  private static final long FROM = 0x3000;
  private static final long PAD = 0x4000;
  private static final long VECTORS = 0x2000;
  private static final long SYNCHRONOUS = VECTORS + 0x200;
  private static final int WFI = 0xd503_207f;
  private static final int BR_X9 = 0xd61f_0120;
  private static final int BR_X16 = 0xd61f_0200;
  private static final int BLR_X9 = 0xd63f_0120;
  private static final int RET_X9 = 0xd65f_0120;
  private static final int BRAAZ_X9 = 0xd61f_093f;
  private static final int BLRAAZ_X9 = 0xd63f_093f;

  private enum Pad {
    NOP(0xd503_201f, 0),
    BTI(0xd503_241f, 0),
    BTI_C(0xd503_245f, 6),
    BTI_J(0xd503_249f, 10),
    BTI_JC(0xd503_24df, 14),
    PACIASP(0xd503_233f, 14),
    PACIBSP(0xd503_237f, 14),
    BRK(0xd420_00a0, 14);

    final int insn;

    /** Bit n set: accepts a BTYPE of n, 1 to 3. */
    private final int accepts;

    Pad(int insn, int accepts) {
      this.insn = insn;
      this.accepts = accepts;
    }

    boolean accepts(int type, boolean strict) {
      boolean signs = this == PACIASP || this == PACIBSP;
      return (type == 0 || (accepts >> type & 1) != 0) && !(signs && strict && type == 3);
    }
  }

  private static int typeOf(int branch, boolean fromGuarded) {
    return switch (branch) {
      case BR_X16 -> 1;
      case BR_X9, BRAAZ_X9 -> fromGuarded ? 3 : 1;
      case BLR_X9, BLRAAZ_X9 -> 2;
      default -> 0;
    };
  }

  @ParameterizedTest
  @CsvSource({
    "false, false, false",
    "false, false, true",
    "false, true, false",
    "true, false, false",
    "true, true, false",
    "true, true, true",
    "false, true, true"
  })
  void landing(boolean fromGuarded, boolean toGuarded, boolean strict) {
    for (int branch : new int[] {BR_X9, BR_X16, BLR_X9, RET_X9, BRAAZ_X9, BLRAAZ_X9}) {
      for (Pad pad : Pad.values()) {
        int type = typeOf(branch, fromGuarded);
        boolean faults = toGuarded && !pad.accepts(type, strict);
        String what = Integer.toHexString(branch) + " to " + pad;
        try (BareArm bare = new BareArm()) {
          prepare(bare, branch, pad, strict);
          bare.state.r[9] = toGuarded ? GUARDED_ALIAS + PAD : PAD;
          bare.state.r[16] = bare.state.r[9];
          bare.state.pc = fromGuarded ? GUARDED_ALIAS + FROM : FROM;
          assertThat(bare.cpu.run(1000)).as(what).isEqualTo(ExitReason.HALTED);
          long ec = bare.cpu.sys[Reg.ESR_EL1] >>> Syndrome.EC_SHIFT;
          int expected = faults ? Syndrome.BTI : pad == Pad.BRK ? Syndrome.BRK64 : 0;
          assertThat(ec).as(what).isEqualTo(expected);
          if (faults) {
            assertThat(bare.cpu.sys[Reg.ESR_EL1] & 0xffff).as(what).isEqualTo(type);
            assertThat(bare.cpu.elr[1]).as(what).isEqualTo(GUARDED_ALIAS + PAD);
            assertThat(bare.cpu.spsr[1] >>> 10 & 3).as(what).isEqualTo(type);
          }
          assertThat(bare.cpu.btype).as(what).isZero();
        }
      }
    }
  }

  private static void prepare(BareArm bare, int branch, Pad pad, boolean strict) {
    bare.code.store64(TABLE + 8, GUARDED_BLOCK);
    bare.code.store32(FROM, branch);
    bare.code.store32(PAD, pad.insn);
    bare.code.store32(PAD + 4, WFI);
    bare.code.store32(SYNCHRONOUS, WFI);
    bare.cpu.sys[Reg.VBAR_EL1] = VECTORS;
    if (strict) {
      bare.cpu.sys[Reg.SCTLR_EL1] |= Sctlr.BT1;
    }
    bare.cpu.regimeChanged();
  }
}
