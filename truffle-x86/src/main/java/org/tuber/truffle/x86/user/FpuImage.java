package org.tuber.truffle.x86.user;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X87State;

/**
 * x87, SSE and AVX registers as signal frames keep them: the FXSAVE image, followed by the XSAVE
 * header and the upper halves of YMM where XSAVE is enabled (SDM vol. 1, 13.4; Linux
 * asm/sigcontext.h for the words that say so).
 */
final class FpuImage {
  static final int FXSAVE_BYTES = 512;
  private static final int HEADER_BYTES = 64;
  private static final int AVX_OFFSET = FXSAVE_BYTES + HEADER_BYTES;
  private static final int AVX_BYTES = 256;
  private static final int MAGIC1 = 0x4650_5853;
  private static final int MAGIC2 = 0x4650_5845;
  private static final int SOFTWARE = 464;

  private FpuImage() {}

  static boolean isExtended(X86Cpu c) {
    return (c.cr4 & Cr.CR4_OSXSAVE) != 0;
  }

  private static int stateBytes(X86Cpu c) {
    return (c.xcr0 & 4) != 0 ? AVX_OFFSET + AVX_BYTES : AVX_OFFSET;
  }

  /** Bytes of the image. */
  static int bytes(X86Cpu c) {
    return isExtended(c) ? stateBytes(c) + 4 : FXSAVE_BYTES;
  }

  static byte[] save(X86Cpu c) {
    ByteBuffer b = ByteBuffer.allocate(bytes(c)).order(ByteOrder.LITTLE_ENDIAN);
    X87State f = c.fpu;
    b.putShort(0, (short) f.control).putShort(2, (short) f.statusWord());
    b.put(4, (byte) f.valid).putShort(6, (short) f.lastOpcode);
    b.putLong(8, f.lastIp).putLong(16, f.lastDp);
    b.putInt(24, c.mxcsr).putInt(28, 0xffff);
    for (int i = 0; i < 8; i++) {
      int n = f.physical(i);
      b.putLong(32 + 16 * i, f.significand[n]).putShort(40 + 16 * i, (short) f.signExponent[n]);
    }
    for (int i = 0; i < 32; i++) {
      b.putLong(160 + 8 * i, c.home.x[i]);
    }
    if (isExtended(c)) {
      int size = stateBytes(c);
      b.putInt(SOFTWARE, MAGIC1).putInt(SOFTWARE + 4, size + 4);
      b.putLong(SOFTWARE + 8, c.xcr0).putInt(SOFTWARE + 16, size);
      b.putLong(FXSAVE_BYTES, c.xcr0 & 7);
      if ((c.xcr0 & 4) != 0) {
        for (int i = 0; i < 32; i++) {
          b.putLong(AVX_OFFSET + 8 * i, c.home.y[i]);
        }
      }
      b.putInt(size, MAGIC2);
    }
    return b.array();
  }

  static void restore(X86Cpu c, byte[] image) {
    ByteBuffer b = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN);
    X87State f = c.fpu;
    f.control = X87State.controlBits(b.getShort(0) & 0xffff);
    f.setStatusWord(b.getShort(2) & 0xffff);
    f.valid = b.get(4) & 0xff;
    f.lastOpcode = b.getShort(6) & 0x7ff;
    f.lastIp = b.getLong(8);
    f.lastDp = b.getLong(16);
    c.mxcsr = b.getInt(24) & 0xffff;
    for (int i = 0; i < 8; i++) {
      int n = f.physical(i);
      f.significand[n] = b.getLong(32 + 16 * i);
      f.signExponent[n] = b.getShort(40 + 16 * i) & 0xffff;
    }
    f.updateSummary();
    for (int i = 0; i < 32; i++) {
      c.home.x[i] = b.getLong(160 + 8 * i);
    }
    boolean extended =
        isExtended(c)
            && image.length >= stateBytes(c)
            && b.getInt(SOFTWARE) == MAGIC1
            && (c.xcr0 & 4) != 0;
    if (extended) {
      boolean present = (b.getLong(FXSAVE_BYTES) & 4) != 0;
      for (int i = 0; i < 32; i++) {
        c.home.y[i] = present ? b.getLong(AVX_OFFSET + 8 * i) : 0;
      }
    }
  }

  static void copy(X87State from, X87State to) {
    System.arraycopy(from.significand, 0, to.significand, 0, 8);
    System.arraycopy(from.signExponent, 0, to.signExponent, 0, 8);
    to.control = from.control;
    to.status = from.status;
    to.top = from.top;
    to.valid = from.valid;
    to.lastOpcode = from.lastOpcode;
    to.lastIp = from.lastIp;
    to.lastDp = from.lastDp;
  }
}
