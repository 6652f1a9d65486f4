package org.tuber.truffle.x86.language;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.tuber.truffle.engine.interop.CallingConvention;
import org.tuber.truffle.engine.interop.NativeType.Kind;
import org.tuber.truffle.engine.linux.LibraryProcess;
import org.tuber.truffle.x86.user.GuestRegisters;
import org.tuber.truffle.x86.user.X86UserCpu;

/** The calling conventions of Linux on x86-64 and i386. */
abstract sealed class X86Convention implements CallingConvention {
  static final int RAX = 0;
  static final int RDX = 2;
  static final int RSP = 4;

  final LibraryProcess process;
  final GuestRegisters r;

  X86Convention(LibraryProcess process) {
    this.process = process;
    r = ((X86UserCpu) process.cpu()).registers();
  }

  static CallingConvention of(LibraryProcess p) {
    return p.is32Bit() ? new Cdecl(p) : new SystemV(p);
  }

  /** An argument on the stack, above the return address. */
  ByteBuffer stack(int offset, int bytes) {
    return CallingConvention.stack(process, r.get(RSP) + offset, bytes);
  }

  /**
   * System V ABI for x86-64, 3.2.3: classes INTEGER and SSE in registers, then on the stack; AL
   * says how many vector registers are used.
   */
  static final class SystemV extends X86Convention {
    /** rdi, rsi, rdx, rcx, r8, r9. */
    private static final int[] INTEGERS = {7, 6, 2, 1, 8, 9};

    private static final int VECTORS = 8;

    SystemV(LibraryProcess process) {
      super(process);
    }

    @Override
    public byte[] place(Kind[] kinds, long[] raw) {
      ByteBuffer stack = ByteBuffer.allocate(8 * kinds.length).order(ByteOrder.LITTLE_ENDIAN);
      int integers = 0;
      int vectors = 0;
      for (int i = 0; i < kinds.length; i++) {
        if (kinds[i].isFloating()) {
          if (vectors < VECTORS) {
            r.setXmm(vectors++, raw[i]);
          } else {
            stack.putLong(raw[i]);
          }
        } else if (integers < INTEGERS.length) {
          r.set(INTEGERS[integers++], raw[i]);
        } else {
          stack.putLong(raw[i]);
        }
      }
      r.set(RAX, vectors);
      byte[] used = new byte[stack.position()];
      stack.get(0, used);
      return used;
    }

    @Override
    public long result(Kind kind) {
      return kind.isFloating() ? r.xmm(0) : r.get(RAX);
    }

    @Override
    public long[] arguments(Kind[] kinds) {
      long[] raw = new long[kinds.length];
      int integers = 0;
      int vectors = 0;
      int onStack = 0;
      for (int i = 0; i < kinds.length; i++) {
        if (kinds[i].isFloating() && vectors < VECTORS) {
          raw[i] = r.xmm(vectors++);
        } else if (!kinds[i].isFloating() && integers < INTEGERS.length) {
          raw[i] = r.get(INTEGERS[integers++]);
        } else {
          raw[i] = stack(8 + 8 * onStack++, 8).getLong();
        }
      }
      return raw;
    }

    @Override
    public void setResult(Kind kind, long raw) {
      if (kind.isFloating()) {
        r.setXmm(0, raw);
      } else {
        r.set(RAX, raw);
      }
    }

    @Override
    public Kind word() {
      return Kind.SINT64;
    }
  }

  /**
   * System V ABI for i386: all arguments on the stack in words of four bytes, floating results on
   * the x87 stack, 64-bit results in EDX:EAX.
   */
  static final class Cdecl extends X86Convention {
    Cdecl(LibraryProcess process) {
      super(process);
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
        ByteBuffer b = stack(at, bytes);
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
