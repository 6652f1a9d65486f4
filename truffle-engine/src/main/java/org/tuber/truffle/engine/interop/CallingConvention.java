package org.tuber.truffle.engine.interop;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.tuber.truffle.engine.interop.NativeType.Kind;
import org.tuber.truffle.engine.linux.LibraryProcess;

/**
 * Where arguments and results are in a library's process. Values are raw bits: integers extended to
 * 64 bits, a FLOAT in the low half, pointers as addresses.
 */
public interface CallingConvention {
  /** Sets argument registers; returns the arguments for the stack. */
  byte[] place(Kind[] kinds, long[] raw);

  long result(Kind kind);

  /** Arguments of the host function that guest code is calling. */
  long[] arguments(Kind[] kinds);

  void setResult(Kind kind, long raw);

  /** Word of this convention for integers without a declared type. */
  Kind word();

  /** Bytes of the stack of the guest code that called a host function. */
  static ByteBuffer stack(LibraryProcess p, long gva, int bytes) {
    byte[] b = new byte[bytes];
    if (!p.read(gva, b, 0, bytes)) {
      throw new GuestException("arguments of a host function are outside the stack");
    }
    return ByteBuffer.wrap(b).order(ByteOrder.LITTLE_ENDIAN);
  }
}
