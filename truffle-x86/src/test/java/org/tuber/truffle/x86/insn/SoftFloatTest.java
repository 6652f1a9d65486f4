package org.tuber.truffle.x86.insn;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** The soft-float unit against Java's own arithmetic and against exact decimal numbers. */
class SoftFloatTest {
  private static final int ROUNDS = 20_000;
  private static final RoundingMode[] MODES = {
    RoundingMode.HALF_EVEN, RoundingMode.FLOOR, RoundingMode.CEILING, RoundingMode.DOWN
  };

  private final SplittableRandom random = new SplittableRandom(80);
  private final SoftFloat u = new SoftFloat();

  /** Any double, exponents near each other or at the edges more often than not. */
  private double anyDouble() {
    long v = random.nextLong();
    switch (random.nextInt(4)) {
      case 0 -> v = v & 0x800f_ffff_ffff_ffffL | (long) (1000 + random.nextInt(60)) << 52;
      case 1 -> v = v & 0x800f_ffff_ffff_ffffL | (long) random.nextInt(60) << 52;
      case 2 -> v &= -1L << random.nextInt(60);
      default -> {}
    }
    double d = Double.longBitsToDouble(v);
    return Double.isNaN(d) ? 1.0 : d;
  }

  @Test
  void nearestDoubleArithmeticIsJavas() {
    for (int i = 0; i < ROUNDS; i++) {
      double x = anyDouble();
      double y = anyDouble();
      check(0, x, y, x + y);
      check(1, x, y, x - y);
      check(2, x, y, x * y);
      check(3, x, y, x / y);
      check(4, Math.abs(x), y, StrictMath.sqrt(Math.abs(x)));
    }
  }

  private void check(int operation, double x, double y, double want) {
    u.begin64(SoftFloat.NEAREST);
    SoftFloat.unpack64(u.a, Double.doubleToRawLongBits(x));
    SoftFloat.unpack64(u.b, Double.doubleToRawLongBits(y));
    operate(operation);
    if (Double.isNaN(want)) {
      assertThat(u.flags).isEqualTo(SoftFloat.IE);
    } else {
      assertThat(u.pack64())
          .as("%s %s %s", x, operation, y)
          .isEqualTo(Double.doubleToRawLongBits(want));
    }
  }

  private void operate(int operation) {
    switch (operation) {
      case 0 -> u.add(false);
      case 1 -> u.add(true);
      case 2 -> u.multiply();
      case 3 -> u.divide();
      default -> u.sqrt();
    }
  }

  @Test
  void singleArithmeticIsJavas() {
    for (int i = 0; i < ROUNDS; i++) {
      float x = Float.intBitsToFloat(random.nextInt());
      float y = Float.intBitsToFloat(random.nextInt());
      if (Float.isNaN(x * y) || Float.isNaN(x + y)) {
        continue;
      }
      u.begin32(SoftFloat.NEAREST);
      SoftFloat.unpack32(u.a, Float.floatToRawIntBits(x));
      SoftFloat.unpack32(u.b, Float.floatToRawIntBits(y));
      u.multiply();
      assertThat(u.pack32()).isEqualTo(Float.floatToRawIntBits(x * y));
      u.begin32(SoftFloat.NEAREST);
      u.add(false);
      assertThat(u.pack32()).isEqualTo(Float.floatToRawIntBits(x + y));
    }
  }

  private static BigDecimal exact(SoftFloat.Num n) {
    if (n.kind == SoftFloat.ZERO) {
      return BigDecimal.ZERO;
    }
    BigDecimal m = new BigDecimal(new BigInteger(Long.toUnsignedString(n.significand)));
    int e = n.exponent - 63;
    BigDecimal v =
        e >= 0
            ? m.multiply(new BigDecimal(BigInteger.ONE.shiftLeft(e)))
            : m.divide(new BigDecimal(BigInteger.ONE.shiftLeft(-e)));
    return n.negative ? v.negate() : v;
  }

  /** Rounds an exact value to 64 significant bits. */
  private static BigDecimal rounded(BigDecimal v, int bits, RoundingMode mode) {
    int e = 0;
    BigDecimal limit = new BigDecimal(BigInteger.ONE.shiftLeft(bits));
    BigDecimal least = new BigDecimal(BigInteger.ONE.shiftLeft(bits - 1));
    BigDecimal two = BigDecimal.valueOf(2);
    BigDecimal m = v;
    while (m.abs().compareTo(limit) >= 0) {
      m = m.divide(two);
      e++;
    }
    while (m.abs().compareTo(least) < 0) {
      m = m.multiply(two);
      e--;
    }
    BigDecimal r = m.setScale(0, mode);
    return e >= 0 ? r.multiply(two.pow(e)) : r.divide(two.pow(-e));
  }

  @Test
  void extendedArithmeticRoundsTheExactResult() {
    for (int i = 0; i < 2000; i++) {
      int mode = random.nextInt(4);
      int precision = new int[] {24, 53, 64}[random.nextInt(3)];
      long sigA = random.nextLong() | Long.MIN_VALUE;
      long sigB = (random.nextLong() | Long.MIN_VALUE) & -1L << random.nextInt(64);
      int seA = 16383 + random.nextInt(100) - 50 | random.nextInt(2) << 15;
      int seB = 16383 + random.nextInt(100) - 50 | random.nextInt(2) << 15;
      for (int operation = 0; operation < 4; operation++) {
        u.begin80(precision, mode);
        SoftFloat.unpack80(u.a, seA, sigA);
        SoftFloat.unpack80(u.b, seB, sigB);
        BigDecimal x = exact(u.a);
        BigDecimal y = exact(u.b);
        BigDecimal want =
            switch (operation) {
              case 0 -> x.add(y);
              case 1 -> x.subtract(y);
              case 2 -> x.multiply(y);
              // Far beyond the precision asked for; ties of a quotient are exact in few digits.
              default -> x.divide(y, new MathContext(400, RoundingMode.DOWN));
            };
        operate(operation);
        if (want.signum() == 0) {
          assertThat(u.result.kind).isEqualTo(SoftFloat.ZERO);
        } else {
          BigDecimal r = rounded(want, precision, MODES[mode]);
          assertThat(exact(u.result)).isEqualByComparingTo(r);
          assertThat((u.flags & SoftFloat.PE) != 0).isEqualTo(r.compareTo(want) != 0);
        }
      }
    }
  }

  @Test
  void subnormalResultsAreInexactOnlyWhenBitsAreLost() {
    u.begin64(SoftFloat.NEAREST);
    SoftFloat.unpack64(u.a, Double.doubleToRawLongBits(Double.MIN_NORMAL));
    SoftFloat.unpack64(u.b, Double.doubleToRawLongBits(0.5));
    u.multiply();
    assertThat(u.flags).isZero();
    SoftFloat.unpack64(u.a, Double.doubleToRawLongBits(Double.MIN_NORMAL + Double.MIN_VALUE));
    u.multiply();
    assertThat(u.flags).isEqualTo(SoftFloat.UE | SoftFloat.PE);
  }

  @Test
  void overflowFollowsTheRoundingMode() {
    double huge = Double.MAX_VALUE;
    long[] want = {
      Double.doubleToRawLongBits(Double.POSITIVE_INFINITY),
      Double.doubleToRawLongBits(huge),
      Double.doubleToRawLongBits(Double.POSITIVE_INFINITY),
      Double.doubleToRawLongBits(huge)
    };
    for (int mode = 0; mode < 4; mode++) {
      u.begin64(mode);
      SoftFloat.unpack64(u.a, Double.doubleToRawLongBits(huge));
      SoftFloat.unpack64(u.b, Double.doubleToRawLongBits(huge));
      u.add(false);
      assertThat(u.pack64()).isEqualTo(want[mode]);
      assertThat(u.flags).isEqualTo(SoftFloat.OE | SoftFloat.PE);
    }
  }

  @Test
  void integersOutOfRangeAreIndefinite() {
    u.begin64(SoftFloat.NEAREST);
    SoftFloat.unpack64(u.a, Double.doubleToRawLongBits(-2147483648.0));
    assertThat(u.toInteger(32)).isEqualTo(Integer.MIN_VALUE);
    assertThat(u.flags).isZero();
    SoftFloat.unpack64(u.a, Double.doubleToRawLongBits(2147483647.5));
    assertThat(u.toInteger(32)).isEqualTo(Integer.MIN_VALUE);
    assertThat(u.flags).isEqualTo(SoftFloat.IE);
  }
}
