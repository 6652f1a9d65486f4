package org.tuber.truffle.x86.language;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.tuber.truffle.engine.interop.CallingConvention;
import org.tuber.truffle.engine.interop.NativeType.Kind;
import org.tuber.truffle.engine.interop.RegisterConvention;
import org.tuber.truffle.engine.linux.LibraryProcess;
import org.tuber.truffle.x86.user.GuestRegisters;
import org.tuber.truffle.x86.user.X86UserCpu;

/** The calling conventions of Linux on x86-64 and i386. */
final class X86Convention {
  private static final int RAX = 0;
  private static final int RDX = 2;
  private static final int RSP = 4;

  private X86Convention() {}

  static CallingConvention of(LibraryProcess p) {
    GuestRegisters r = ((X86UserCpu) p.cpu()).registers();
    return p.is32Bit() ? new Cdecl(p, r) : new SystemV(p, r);
  }

  /** System V ABI for x86-64, 3.2.3; AL says how many vector registers are used. */
  private static final class SystemV extends RegisterConvention {
    /** rdi, rsi, rdx, rcx, r8, r9. */
    private static final int[] INTEGERS = {7, 6, 2, 1, 8, 9};

    private static final int VECTORS = 8;

    private final GuestRegisters r;

    SystemV(LibraryProcess process, GuestRegisters r) {
      super(process, INTEGERS.length, VECTORS);
      this.r = r;
    }

    @Override
    protected long integer(int i) {
      return r.get(INTEGERS[i]);
    }

    @Override
    protected void setInteger(int i, long value) {
      r.set(INTEGERS[i], value);
    }

    @Override
    protected long vector(int i) {
      return r.xmm(i);
    }

    @Override
    protected void setVector(int i, long value) {
      r.setXmm(i, value);
    }

    @Override
    protected long integerResult() {
      return r.get(RAX);
    }

    @Override
    protected void setIntegerResult(long value) {
      r.set(RAX, value);
    }

    /** Above the return address. */
    @Override
    protected long stackArguments() {
      return r.get(RSP) + 8;
    }

    @Override
    protected void placed(int inVectors) {
      r.set(RAX, inVectors);
    }
  }

  /**
   * System V ABI for i386: all arguments on the stack in words of four bytes, floating results on
   * the x87 stack, 64-bit results in EDX:EAX.
   */
  private static final class Cdecl implements CallingConvention {
    private final LibraryProcess process;
    private final GuestRegisters r;

    Cdecl(LibraryProcess process, GuestRegisters r) {
      this.process = process;
      this.r = r;
    }

    @Override
    public byte[] place(Kind[] kinds, long[] raw) {
      ByteBuffer stack = ByteBuffer.allocate(8 * kinds.length).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < kinds.length; i++) {
        if (kinds[i].bytes == 8) {
          stack.putLong(raw[i]);
        } else {
          stack.putInt((int) raw[i]);
        }
      }
      byte[] used = new byte[stack.position()];
      stack.get(0, used);
      return used;
    }

    @Override
    public long result(Kind kind) {
      return switch (kind) {
        case FLOAT -> Float.floatToRawIntBits((float) r.popFloat()) & 0xffff_ffffL;
        case DOUBLE -> Double.doubleToRawLongBits(r.popFloat());
        case SINT64, UINT64 -> r.get(RAX) & 0xffff_ffffL | r.get(RDX) << 32;
        default -> r.get(RAX) & 0xffff_ffffL;
      };
    }

    @Override
    public long[] arguments(Kind[] kinds) {
      long[] raw = new long[kinds.length];
      int at = 4;
      for (int i = 0; i < kinds.length; i++) {
        int bytes = kinds[i].bytes == 8 ? 8 : 4;
        ByteBuffer b = CallingConvention.stack(process, r.get(RSP) + at, bytes);
        raw[i] = bytes == 8 ? b.getLong() : b.getInt() & 0xffff_ffffL;
        at += bytes;
      }
      return raw;
    }

    @Override
    public void setResult(Kind kind, long raw) {
      switch (kind) {
        case FLOAT -> r.pushFloat(Float.intBitsToFloat((int) raw));
        case DOUBLE -> r.pushFloat(Double.longBitsToDouble(raw));
        case SINT64, UINT64 -> {
          r.set(RAX, raw & 0xffff_ffffL);
          r.set(RDX, raw >>> 32);
        }
        default -> r.set(RAX, raw & 0xffff_ffffL);
      }
    }

    @Override
    public Kind word() {
      return Kind.SINT32;
    }
  }
}
