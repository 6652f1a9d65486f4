package org.tuber.truffle.engine.interop;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.tuber.truffle.engine.interop.NativeType.Kind;
import org.tuber.truffle.engine.linux.LibraryProcess;

/**
 * The calling conventions of 64-bit instruction sets, which differ in the registers only: the first
 * integers and pointers in general registers, the first floating-point numbers in vector registers,
 * the others in words of eight bytes on the stack.
 */
public abstract class RegisterConvention implements CallingConvention {
  private final LibraryProcess process;
  private final int integers;
  private final int vectors;

  /**
   * A convention.
   *
   * @param integers number of general registers for arguments
   * @param vectors number of vector registers for arguments
   */
  protected RegisterConvention(LibraryProcess process, int integers, int vectors) {
    this.process = process;
    this.integers = integers;
    this.vectors = vectors;
  }

  /** General register of argument {@code i}. */
  protected abstract long integer(int i);

  protected abstract void setInteger(int i, long value);

  /** Low half of the vector register of argument {@code i}. */
  protected abstract long vector(int i);

  protected abstract void setVector(int i, long value);

  protected abstract long integerResult();

  protected abstract void setIntegerResult(long value);

  /** Address of the first argument on the stack, in a function that was just called. */
  protected abstract long stackArguments();

  /** All arguments are placed, this many of them in vector registers. */
  protected void placed(int inVectors) {}

  @Override
  public final byte[] place(Kind[] kinds, long[] raw) {
    ByteBuffer stack = ByteBuffer.allocate(8 * kinds.length).order(ByteOrder.LITTLE_ENDIAN);
    int general = 0;
    int floating = 0;
    for (int i = 0; i < kinds.length; i++) {
      if (kinds[i].isFloating() && floating < vectors) {
        setVector(floating++, raw[i]);
      } else if (!kinds[i].isFloating() && general < integers) {
        setInteger(general++, raw[i]);
      } else {
        stack.putLong(raw[i]);
      }
    }
    placed(floating);
    byte[] used = new byte[stack.position()];
    stack.get(0, used);
    return used;
  }

  @Override
  public final long result(Kind kind) {
    return kind.isFloating() ? vector(0) : integerResult();
  }

  @Override
  public final long[] arguments(Kind[] kinds) {
    long[] raw = new long[kinds.length];
    int general = 0;
    int floating = 0;
    long at = stackArguments();
    for (int i = 0; i < kinds.length; i++) {
      if (kinds[i].isFloating() && floating < vectors) {
        raw[i] = vector(floating++);
      } else if (!kinds[i].isFloating() && general < integers) {
        raw[i] = integer(general++);
      } else {
        raw[i] = CallingConvention.stack(process, at, 8).getLong();
        at += 8;
      }
    }
    return raw;
  }

  @Override
  public final void setResult(Kind kind, long raw) {
    if (kind.isFloating()) {
      setVector(0, raw);
    } else {
      setIntegerResult(raw);
    }
  }

  @Override
  public final Kind word() {
    return Kind.SINT64;
  }
}
