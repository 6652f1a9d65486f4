package org.tuber.truffle.x86.insn;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigInteger;
import java.util.SplittableRandom;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.tuber.truffle.x86.BareCpu;
import org.tuber.truffle.x86.state.X87State;

/** Transcendental functions against {@link StrictMath}, whose error is far above theirs. */
class X87TranscendentalTest {
  private static final double TOLERANCE = 1e-15;

  private final SplittableRandom random = new SplittableRandom(87);

  private static void push(X87State f, double v) {
    SoftFloat u = f.arithmetic;
    u.begin80(64, SoftFloat.NEAREST);
    SoftFloat.unpack64(u.a, Double.doubleToRawLongBits(v));
    u.round(u.a);
    f.push(u.signExponent80(), u.significand80());
  }

  private static double top(X87State f) {
    int p = f.physical(0);
    double m = new BigInteger(Long.toUnsignedString(f.significand[p])).doubleValue();
    int e = f.signExponent[p];
    return Math.scalb((e & 0x8000) != 0 ? -m : m, (e & 0x7fff) - 16446);
  }

  private void unary(int code, double limit, DoubleUnaryOperator want) {
    try (BareCpu bare = new BareCpu(true)) {
      for (int i = 0; i < 300; i++) {
        double x = (random.nextDouble() * 2 - 1) * limit;
        bare.cpu.fpu.initialize();
        push(bare.cpu.fpu, x);
        assertThat(bare.step(new byte[] {(byte) 0xd9, (byte) code})).isEqualTo(-1);
        double expected = want.applyAsDouble(x);
        assertThat(top(bare.cpu.fpu))
            .as("%s", x)
            .isCloseTo(expected, Offset.offset(Math.abs(expected) * TOLERANCE));
      }
    }
  }

  private void binary(int code, double least, double limit, DoubleBinaryOperator want) {
    try (BareCpu bare = new BareCpu(true)) {
      for (int i = 0; i < 300; i++) {
        double y = (random.nextDouble() * 2 - 1) * 100;
        double x = least + random.nextDouble() * (limit - least);
        bare.cpu.fpu.initialize();
        push(bare.cpu.fpu, y);
        push(bare.cpu.fpu, x);
        assertThat(bare.step(new byte[] {(byte) 0xd9, (byte) code})).isEqualTo(-1);
        double expected = want.applyAsDouble(y, x);
        assertThat(top(bare.cpu.fpu))
            .as("%s %s", y, x)
            .isCloseTo(expected, Offset.offset(Math.abs(expected) * TOLERANCE));
      }
    }
  }

  @Test
  void powers() {
    unary(
        0xf0,
        1,
        x -> StrictMath.expm1(x * 0.5 * StrictMath.log(2)) * (StrictMath.pow(2, x / 2) + 1));
  }

  @Test
  void sineAndCosine() {
    unary(0xfe, 0.7, StrictMath::sin);
    unary(0xff, 1.5, StrictMath::cos);
    unary(0xfe, 1e-9, StrictMath::sin);
  }

  @Test
  void arcTangent() {
    binary(0xf3, -50, 50, StrictMath::atan2);
  }

  @Test
  void logarithms() {
    binary(0xf1, 2, 1e6, (y, x) -> y * StrictMath.log(x) / StrictMath.log(2));
    binary(0xf9, -0.25, 0.25, (y, x) -> y * (StrictMath.log1p(x) / StrictMath.log(2)));
  }

  @Test
  void hugeAnglesSetC2AndStay() {
    try (BareCpu bare = new BareCpu(true)) {
      push(bare.cpu.fpu, 0x1p63);
      bare.step(new byte[] {(byte) 0xd9, (byte) 0xfe});
      assertThat(bare.cpu.fpu.status & X87State.C2).isNotZero();
      assertThat(top(bare.cpu.fpu)).isEqualTo(0x1p63);
    }
  }
}
