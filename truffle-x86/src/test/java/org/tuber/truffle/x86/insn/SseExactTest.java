package org.tuber.truffle.x86.insn;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Verdicts against the soft-float unit's inexact flag. */
class SseExactTest {
  private static final int ROUNDS = 200_000;
  private static final int[] KINDS = {SseArith.ADD, SseArith.SUB, SseArith.MUL, SseArith.DIV};

  private final SplittableRandom random = new SplittableRandom(754);
  private final SoftFloat u = new SoftFloat();
  private final int[] verdicts = new int[3];

  /** Short significands more often than not: their results are often exact. */
  private double anyDouble() {
    long exponent =
        switch (random.nextInt(5)) {
          case 0 -> random.nextInt(2047);
          case 1 -> random.nextInt(4);
          case 2 -> 2043 + random.nextInt(5);
          default -> 1000 + random.nextInt(60);
        };
    long fraction = random.nextLong() & 0xf_ffff_ffff_ffffL & -1L << random.nextInt(53);
    return Double.longBitsToDouble(random.nextLong() & Long.MIN_VALUE | exponent << 52 | fraction);
  }

  private float anyFloat() {
    int exponent =
        switch (random.nextInt(5)) {
          case 0 -> random.nextInt(255);
          case 1 -> random.nextInt(4);
          case 2 -> 251 + random.nextInt(5);
          default -> 115 + random.nextInt(30);
        };
    int fraction = random.nextInt() & 0x7f_ffff & -1 << random.nextInt(24);
    return Float.intBitsToFloat(random.nextInt() & Integer.MIN_VALUE | exponent << 23 | fraction);
  }

  private void operate(int kind) {
    switch (kind) {
      case SseArith.ADD -> u.add(false);
      case SseArith.SUB -> u.add(true);
      case SseArith.MUL -> u.multiply();
      default -> u.divide();
    }
  }

  /** All flags: a verdict says that there is no other than the inexact one. */
  private void check(int verdict, Object... what) {
    verdicts[verdict]++;
    if (verdict != SseExact.UNKNOWN) {
      int expected = verdict == SseExact.EXACT ? 0 : SoftFloat.PE;
      assertThat(u.flags).as("%s %s %s", what).isEqualTo(expected);
    }
  }

  /** Else the test has seen too little. */
  private void seenAllVerdicts() {
    for (int n : verdicts) {
      assertThat(n).isGreaterThan(ROUNDS / 100);
    }
  }

  @Test
  void doublesLikeSoftFloat() {
    for (int i = 0; i < ROUNDS; i++) {
      double x = anyDouble();
      double y = anyDouble();
      for (int kind : KINDS) {
        double z =
            switch (kind) {
              case SseArith.ADD -> x + y;
              case SseArith.SUB -> x - y;
              case SseArith.MUL -> x * y;
              default -> x / y;
            };
        u.begin64(SoftFloat.NEAREST);
        SoftFloat.unpack64(u.a, Double.doubleToRawLongBits(x));
        SoftFloat.unpack64(u.b, Double.doubleToRawLongBits(y));
        operate(kind);
        check(SseExact.of64(kind, x, y, z), x, kind, y);
      }
    }
    seenAllVerdicts();
  }

  @Test
  void floatsLikeSoftFloat() {
    for (int i = 0; i < ROUNDS; i++) {
      float x = anyFloat();
      float y = anyFloat();
      for (int kind : KINDS) {
        float z =
            switch (kind) {
              case SseArith.ADD -> x + y;
              case SseArith.SUB -> x - y;
              case SseArith.MUL -> x * y;
              default -> x / y;
            };
        u.begin32(SoftFloat.NEAREST);
        SoftFloat.unpack32(u.a, Float.floatToRawIntBits(x));
        SoftFloat.unpack32(u.b, Float.floatToRawIntBits(y));
        operate(kind);
        int verdict = SseExact.of32(kind, x, y, z);
        check(verdict, x, kind, y);
        if (verdict != SseExact.UNKNOWN) {
          assertThat(SseSlow.plain(kind, x, y)).as("%s %s %s", x, kind, y).isEqualTo(z);
          assertThat(u.pack32()).isEqualTo(Float.floatToRawIntBits(z));
        }
      }
    }
    seenAllVerdicts();
  }

  @Test
  void rootsLikeSoftFloat() {
    for (int i = 0; i < ROUNDS; i++) {
      double x = random.nextBoolean() ? anyDouble() : square();
      u.begin64(SoftFloat.NEAREST);
      SoftFloat.unpack64(u.a, Double.doubleToRawLongBits(x));
      u.sqrt();
      check(SseExact.ofRoot64(x, Math.sqrt(x)), x, "root", "");
      float y = random.nextBoolean() ? anyFloat() : (float) square();
      u.begin32(SoftFloat.NEAREST);
      SoftFloat.unpack32(u.a, Float.floatToRawIntBits(y));
      u.sqrt();
      check(SseExact.ofRoot32(y, (float) Math.sqrt(y)), y, "root", "");
    }
    seenAllVerdicts();
  }

  private double square() {
    double v = random.nextInt(1 << 12) * Math.scalb(1.0, random.nextInt(-30, 30));
    return v * v;
  }
}
