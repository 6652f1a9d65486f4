package org.tuber.truffle.arm;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.tuber.truffle.arm.state.Reg;
import org.tuber.truffle.arm.state.Sctlr;
import org.tuber.truffle.arm.state.Syndrome;
import org.tuber.truffle.engine.Engine;

/** Pointer authentication beside what QEMU's {@code -cpu max} computes, and where it traps. */
final class PointerAuthTest {
  private static final int NOP = 0xd503_201f;
  private static final int PACIA = 0xdac1_0020;
  private static final int AUTIA = 0xdac1_1020;
  private static final int AUTIB = 0xdac1_1420;
  private static final long KEYS = Sctlr.ENIA | Sctlr.ENIB | Sctlr.ENDA | Sctlr.ENDB;
  private static final long STEP = 0x9e37_79b9_7f4a_7c15L;

  /** PACGA, PACIA, PACIB, PACDA, PACDB, PACIZA, PACDZB, XPACI, XPACD, AUTIA to AUTDA, AUTDZB. */
  private static final int[] OPERATIONS = {
    0x9ac13000,
    PACIA,
    0xdac10420,
    0xdac10820,
    0xdac10c20,
    0xdac123e0,
    0xdac12fe0,
    0xdac143e0,
    0xdac147e0,
    AUTIA,
    AUTIB,
    0xdac11820,
    0xdac13fe0
  };

  private long counter = 0x0123_4567_89ab_cdefL;

  private long next() {
    counter += STEP;
    long v = counter * STEP;
    return v ^ v >>> 29;
  }

  private BareArm cpu() {
    BareArm bare = new BareArm();
    for (int i = Reg.APIA_LO; i <= Reg.APGA_HI; i++) {
      bare.cpu.sys[i] = next();
    }
    // The page is in the TLB before ranges of other sizes are set.
    bare.step(NOP);
    bare.cpu.sys[Reg.SCTLR_EL1] |= KEYS;
    bare.cpu.sys[Reg.TCR_EL1] = 16 << 16 | 16;
    bare.cpu.modeChanged();
    return bare;
  }

  /** The sum is that of the values that qemu-system-aarch64 7.2 gives. */
  @Test
  void codesAreThoseOfTheArchitectedAlgorithm() {
    CRC32 sum = new CRC32();
    ByteBuffer buffer = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    try (BareArm bare = cpu()) {
      for (int round = 40; round > 0; round--) {
        long value = next();
        long modifier = counter ^ Long.rotateRight(value, 17);
        if ((round & 3) != 0) {
          value = value << 25 >> 25;
          value ^= (round & 4) != 0 ? 0x0f00_0000_0000_0000L : 0;
        }
        for (int insn : OPERATIONS) {
          bare.state.r[0] = value;
          bare.state.r[1] = modifier;
          assertThat(bare.step(insn)).isEqualTo(-1);
          sum.update(buffer.putLong(0, bare.state.r[0]).array());
        }
      }
    }
    assertThat(sum.getValue()).isEqualTo(0x9522_18c0L);
  }

  @Test
  void aSignedPointerComesBackAndAnotherDoesNot() {
    try (BareArm bare = cpu()) {
      long pointer = 0xffff_8000_1234_5678L;
      bare.state.r[0] = pointer;
      bare.state.r[1] = 42;
      bare.step(PACIA);
      long signed = bare.state.r[0];
      assertThat(signed).isNotEqualTo(pointer);
      bare.step(AUTIA);
      assertThat(bare.state.r[0]).isEqualTo(pointer);
      bare.state.r[0] = signed;
      bare.step(AUTIB);
      assertThat(bare.state.r[0]).as("error code of key B").isEqualTo(0xdfff_8000_1234_5678L);
      bare.state.r[0] = signed ^ 4;
      bare.step(AUTIA);
      assertThat(bare.state.r[0]).as("error code of key A").isEqualTo(0xbfff_8000_1234_567cL);
    }
  }

  @Test
  void aKeyThatIsOffDoesNothing() {
    try (BareArm bare = cpu()) {
      bare.cpu.sys[Reg.SCTLR_EL1] &= ~Sctlr.ENIA;
      bare.cpu.modeChanged();
      bare.state.r[0] = 77;
      bare.state.r[1] = 42;
      bare.step(PACIA);
      assertThat(bare.state.r[0]).isEqualTo(77);
    }
  }

  @Test
  void otherModelsDoNotHaveIt() {
    try (BareArm bare = new BareArm(Engine.Options.INTERPRETER, "cortex-a57")) {
      bare.state.r[30] = 77;
      assertThat(bare.step(PACIA)).isEqualTo(Syndrome.UNKNOWN);
      assertThat(bare.step(0xd503_233f)).as("PACIASP is a hint").isEqualTo(-1);
      assertThat(bare.state.r[30]).isEqualTo(77);
    }
  }
}
