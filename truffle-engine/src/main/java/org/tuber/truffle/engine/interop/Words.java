package org.tuber.truffle.engine.interop;

import com.oracle.truffle.api.interop.InteropLibrary;
import com.oracle.truffle.api.interop.UnsupportedMessageException;
import com.oracle.truffle.api.interop.UnsupportedTypeException;
import java.math.BigInteger;
import org.tuber.truffle.engine.interop.NativeType.Kind;

/** Numbers of other languages as bits, and back. */
final class Words {
  private Words() {}

  /** A long, or an unsigned number below 2^64 as its bits; a boolean is 0 or 1. */
  static long integer(Object value) throws UnsupportedTypeException {
    InteropLibrary interop = InteropLibrary.getUncached();
    try {
      if (interop.isBoolean(value)) {
        return interop.asBoolean(value) ? 1 : 0;
      }
      if (interop.fitsInLong(value)) {
        return interop.asLong(value);
      }
      if (interop.fitsInBigInteger(value)) {
        BigInteger big = interop.asBigInteger(value);
        if (big.signum() > 0 && big.bitLength() <= 64) {
          return big.longValue();
        }
      }
    } catch (UnsupportedMessageException e) {
      throw UnsupportedTypeException.create(new Object[] {value}, "an integer");
    }
    throw UnsupportedTypeException.create(new Object[] {value}, "an integer of up to 64 bits");
  }

  /** A number as raw bits of a simple kind; it has to fit, as signed or as unsigned. */
  static long raw(Kind kind, Object value) throws UnsupportedTypeException {
    if (kind.isFloating()) {
      double d = floating(value);
      return kind == Kind.FLOAT
          ? Float.floatToRawIntBits((float) d) & 0xffff_ffffL
          : Double.doubleToRawLongBits(d);
    }
    long v = integer(value);
    int bits = 8 * kind.bytes;
    if (bits < 64 && (v < -(1L << (bits - 1)) || v >= 1L << bits)) {
      throw UnsupportedTypeException.create(new Object[] {value}, "it does not fit into " + kind);
    }
    return kind.extend(v);
  }

  private static double floating(Object value) throws UnsupportedTypeException {
    InteropLibrary interop = InteropLibrary.getUncached();
    try {
      if (interop.fitsInDouble(value)) {
        return interop.asDouble(value);
      }
      // A long that no double has exactly: nearest, as C converts it.
      return interop.asLong(value);
    } catch (UnsupportedMessageException e) {
      throw UnsupportedTypeException.create(new Object[] {value}, "a number");
    }
  }

  /** What other languages see of raw bits of a simple kind. */
  static Object value(Kind kind, long raw) {
    long v = kind.isInteger() ? kind.extend(raw) : raw;
    return switch (kind) {
      case SINT8 -> (byte) v;
      case SINT16 -> (short) v;
      case SINT32, UINT8, UINT16 -> (int) v;
      case FLOAT -> Float.intBitsToFloat((int) v);
      case DOUBLE -> Double.longBitsToDouble(v);
      default -> v;
    };
  }
}
