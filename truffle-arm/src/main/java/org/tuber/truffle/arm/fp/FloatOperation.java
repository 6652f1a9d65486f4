package org.tuber.truffle.arm.fp;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;

/**
 * The operations of {@link SoftFloat} by number, as compiled code calls them: with bit patterns,
 * FPCR and nothing else. {@link SoftFloat#flags} has the exceptions afterwards.
 */
public final class FloatOperation {
  public static final int ADD = 0;
  public static final int SUBTRACT = 1;
  public static final int MULTIPLY = 2;
  public static final int DIVIDE = 3;
  public static final int MAX = 4;
  public static final int MIN = 5;
  public static final int MAX_NUMBER = 6;
  public static final int MIN_NUMBER = 7;
  public static final int MULTIPLY_EXTENDED = 8;
  public static final int RECIPROCAL_STEP = 9;
  public static final int ROOT_STEP = 10;

  /** Comparisons: all ones or zero. */
  public static final int EQUAL = 11;

  public static final int GREATER_EQUAL = 12;
  public static final int GREATER = 13;

  /** Comparisons with NZCV as result, the second signals quiet NaNs too. */
  public static final int COMPARE = 14;

  public static final int COMPARE_SIGNALLING = 15;

  public static final int SQUARE_ROOT = 0;
  public static final int RECIPROCAL = 1;
  public static final int RECIPROCAL_ROOT = 2;
  public static final int RECIPROCAL_EXPONENT = 3;

  private FloatOperation() {}

  /** Two operands. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public static long binary(SoftFloat f, int control, int op, int size, long v, long w) {
    f.begin(control);
    return switch (op) {
      case ADD -> f.add(size, v, w);
      case SUBTRACT -> subtract(f, size, v, w);
      case MULTIPLY -> f.multiply(size, v, w, false);
      case DIVIDE -> f.divide(size, v, w);
      case MAX -> f.extreme(size, v, w, true, false);
      case MIN -> f.extreme(size, v, w, false, false);
      case MAX_NUMBER -> f.extreme(size, v, w, true, true);
      case MIN_NUMBER -> f.extreme(size, v, w, false, true);
      case MULTIPLY_EXTENDED -> f.multiply(size, v, w, true);
      case RECIPROCAL_STEP -> f.step(size, v, w, false);
      case ROOT_STEP -> f.step(size, v, w, true);
      case EQUAL, GREATER_EQUAL, GREATER -> test(f, op, size, v, w);
      default -> compare(f, size, v, w, op == COMPARE_SIGNALLING);
    };
  }

  private static long subtract(SoftFloat f, int size, long v, long w) {
    f.unpack(f.b, size, w);
    boolean isNaN = SoftFloat.isNaN(f.b);
    // Of NaNs the sign stays.
    return f.add(size, v, isNaN ? w : w ^ SoftFloat.sign(size));
  }

  /** All ones when the relation holds. */
  private static long test(SoftFloat f, int op, int size, long v, long w) {
    int nzcv = (int) compare(f, size, v, w, op != EQUAL);
    boolean holds =
        switch (op) {
          case EQUAL -> nzcv == 6;
          case GREATER_EQUAL -> nzcv == 6 || nzcv == 2;
          default -> nzcv == 2;
        };
    return holds ? -1L >>> (64 - SoftFloat.bits(size)) : 0;
  }

  private static long compare(SoftFloat f, int size, long v, long w, boolean signalling) {
    f.unpack(f.a, size, v);
    f.unpack(f.b, size, w);
    if (SoftFloat.isNaN(f.a) || SoftFloat.isNaN(f.b)) {
      boolean invalid = f.a.kind == SoftFloat.SIGNALLING || f.b.kind == SoftFloat.SIGNALLING;
      f.flags |= invalid || signalling ? SoftFloat.IOC : 0;
      return 3;
    }
    int order = f.order();
    return order == 0 ? 6 : order < 0 ? 8 : 2;
  }

  /** {@code add + v * w}. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public static long fused(SoftFloat f, int control, int size, long add, long v, long w) {
    f.begin(control);
    return f.fused(size, add, v, w);
  }

  /** {@code add + v * w} of single precision, v and w of half precision (FMLAL). */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public static long fusedHalves(SoftFloat f, int control, long add, long v, long w) {
    f.begin(control);
    return f.fusedHalves(add, v, w);
  }

  /** One operand. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public static long unary(SoftFloat f, int control, int op, int size, long v) {
    f.begin(control);
    return switch (op) {
      case SQUARE_ROOT -> f.squareRoot(size, v);
      case RECIPROCAL -> FloatEstimate.reciprocal(f, size, v);
      case RECIPROCAL_ROOT -> FloatEstimate.reciprocalRoot(f, size, v);
      default -> FloatEstimate.exponent(f, size, v);
    };
  }

  /** Another precision; {@code mode} -1: FPCR's rounding. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public static long convert(SoftFloat f, int control, int mode, int from, int to, long v) {
    f.begin(control, mode < 0 ? control >>> 22 & 3 : mode);
    return f.convert(from, to, v);
  }

  /** Rounded to an integral value; {@code mode} -1: FPCR's rounding. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public static long integral(SoftFloat f, int control, int mode, int size, long v, boolean exact) {
    f.begin(control, mode < 0 ? control >>> 22 & 3 : mode);
    return f.integral(size, v, exact);
  }

  /** Rounded to an integral value that fits {@code bits}; {@code mode} -1: FPCR's rounding. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public static long integralOf(SoftFloat f, int control, int mode, int size, long v, int bits) {
    f.begin(control, mode < 0 ? control >>> 22 & 3 : mode);
    return f.integral(size, v, bits);
  }

  /** To an integer of {@code bits} with a binary {@code fraction}. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public static long toInteger(
      SoftFloat f, int control, int mode, int size, long v, int bits, int fraction, boolean u) {
    f.begin(control, mode);
    return f.toInteger(size, v, bits, fraction, u);
  }

  /** From an integer with a binary {@code fraction}. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public static long fromInteger(
      SoftFloat f, int control, int size, long v, int fraction, boolean unsigned) {
    f.begin(control);
    return f.fromInteger(size, v, fraction, unsigned);
  }

  /** FJCVTZS: bit 32 is set when the result is exact. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public static long toJavaScriptInteger(SoftFloat f, int control, long v) {
    f.begin(control, SoftFloat.TRUNCATE);
    return f.toJavaScriptInteger(v);
  }
}
