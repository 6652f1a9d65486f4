package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Row.FLAGS_KEPT;
import static org.tuber.truffle.x86.decode.Row.SSE;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * SSE4.2: string comparisons (SDM vol. 2, 4.1) and CRC32. PCMPGTQ is in {@link SseInt}, POPCNT
 * among the integer families.
 */
final class Sse42 {
  static final int PCMPESTRM = SseRows.SSE42;
  static final int PCMPESTRI = PCMPESTRM + 1;
  static final int PCMPISTRM = PCMPESTRM + 2;
  static final int PCMPISTRI = PCMPESTRM + 3;
  static final int CRC32_B = PCMPESTRM + 4;
  static final int CRC32 = PCMPESTRM + 5;

  /** CRC-32C, bit-reflected: 11EDC6F41H. */
  private static final int[] TABLE = table();

  private Sse42() {}

  static void add(OpcodeMap m) {
    m.row("66 0F 3A 60 /r", "pcmpestrm Vx,Wx,Ib", PCMPESTRM, SSE);
    m.row("66 0F 3A 61 /r", "pcmpestri Vx,Wx,Ib", PCMPESTRI, SSE);
    m.row("66 0F 3A 62 /r", "pcmpistrm Vx,Wx,Ib", PCMPISTRM, SSE);
    m.row("66 0F 3A 63 /r", "pcmpistri Vx,Wx,Ib", PCMPISTRI, SSE);
    m.row("F2 0F 38 F0 /r", "crc32 Gy,Eb", CRC32_B, FLAGS_KEPT);
    m.row("F2 0F 38 F1 /r", "crc32 Gv,Ev", CRC32, FLAGS_KEPT);
  }

  static void run(X86State s, X86Cpu c, long w0, long w1, int op) {
    switch (op) {
      case CRC32_B -> crc32(s, c, w0, w1, 0);
      case CRC32 -> crc32(s, c, w0, w1, Word.size(w0));
      default -> compare(s, c, w0, w1, op);
    }
  }

  private static int[] table() {
    int[] t = new int[256];
    for (int i = 0; i < 256; i++) {
      int r = i;
      for (int k = 0; k < 8; k++) {
        r = (r & 1) != 0 ? r >>> 1 ^ 0x82f6_3b78 : r >>> 1;
      }
      t[i] = r;
    }
    return t;
  }

  private static void crc32(X86State s, X86Cpu c, long w0, long w1, int size) {
    long v = Operand.e(s, c, w0, w1, size);
    int g = Word.reg(w0);
    s.r[g] = crc((int) s.r[g], v, 1 << size) & 0xffff_ffffL;
  }

  @TruffleBoundary(transferToInterpreterOnException = false)
  private static int crc(int start, long v, int bytes) {
    int r = start;
    for (int i = 0; i < bytes; i++) {
      r = r >>> 8 ^ TABLE[(r ^ (int) (v >>> (8 * i))) & 0xff];
    }
    return r;
  }

  // ---------------------------------------------------------------- strings

  private static void compare(X86State s, X86Cpu c, long w0, long w1, int op) {
    int w = Xmm.unaligned(s, c, w0, w1);
    int d = Xmm.v(w0);
    int control = Xmm.immediate(w1);
    int elements = (control & 1) != 0 ? 8 : 16;
    int lengthA;
    int lengthB;
    if (op == PCMPESTRM || op == PCMPESTRI) {
      boolean wide = (w0 & Word.REX_W) != 0;
      lengthA = length(wide ? s.r[0] : (int) s.r[0], elements);
      lengthB = length(wide ? s.r[2] : (int) s.r[2], elements);
    } else {
      lengthA = zeroAt(s.x[d], s.x[d + 1], elements);
      lengthB = zeroAt(s.x[w], s.x[w + 1], elements);
    }
    int r = aggregate(s.x[d], s.x[d + 1], lengthA, s.x[w], s.x[w + 1], lengthB, control);
    if (op == PCMPESTRI || op == PCMPISTRI) {
      int index;
      if (r == 0) {
        index = elements;
      } else {
        index =
            (control & 0x40) != 0
                ? 31 - Integer.numberOfLeadingZeros(r)
                : Integer.numberOfTrailingZeros(r);
      }
      s.r[1] = index;
    } else if ((control & 0x40) != 0) {
      s.x[0] = elementMask(r, 0, elements);
      s.x[1] = elementMask(r, elements / 2, elements);
    } else {
      s.x[0] = r;
      s.x[1] = 0;
    }
    Flags.setArithmetic(
        s,
        (r != 0 ? Flags.CF : 0)
            | (lengthB < elements ? Flags.ZF : 0)
            | (lengthA < elements ? Flags.SF : 0)
            | ((r & 1) != 0 ? Flags.OF : 0));
  }

  private static int length(long v, int elements) {
    long magnitude = v < 0 ? -v : v;
    return magnitude < 0 || magnitude > elements ? elements : (int) magnitude;
  }

  /** Number of elements before the first zero. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  private static int zeroAt(long low, long high, int elements) {
    for (int i = 0; i < elements; i++) {
      if (element(low, high, i, elements, false) == 0) {
        return i;
      }
    }
    return elements;
  }

  private static int element(long low, long high, int i, int elements, boolean signed) {
    if (elements == 16) {
      int v = (int) ((i < 8 ? low : high) >>> (8 * (i & 7)));
      return signed ? (byte) v : v & 0xff;
    }
    int v = (int) ((i < 4 ? low : high) >>> (16 * (i & 3)));
    return signed ? (short) v : v & 0xffff;
  }

  private static long elementMask(int r, int first, int elements) {
    int bits = 128 / elements;
    long m = 0;
    for (int i = 0; i < elements / 2; i++) {
      if ((r >> (first + i) & 1) != 0) {
        m |= ((1L << bits) - 1) << (bits * i);
      }
    }
    return m;
  }

  /** IntRes2: comparison, aggregation and polarity (SDM vol. 2, 4.1.2 to 4.1.6). */
  @TruffleBoundary(transferToInterpreterOnException = false)
  private static int aggregate(
      long a0, long a1, int lengthA, long b0, long b1, int lengthB, int control) {
    int elements = (control & 1) != 0 ? 8 : 16;
    boolean signed = (control & 2) != 0;
    int r = 0;
    for (int j = 0; j < elements; j++) {
      boolean hit;
      switch (control >> 2 & 3) {
        case 0 -> {
          hit = false;
          if (j < lengthB) {
            int b = element(b0, b1, j, elements, signed);
            for (int i = 0; i < lengthA; i++) {
              hit |= element(a0, a1, i, elements, signed) == b;
            }
          }
        }
        case 1 -> {
          hit = false;
          if (j < lengthB) {
            int b = element(b0, b1, j, elements, signed);
            for (int i = 0; i + 1 < lengthA; i += 2) {
              hit |=
                  b >= element(a0, a1, i, elements, signed)
                      && b <= element(a0, a1, i + 1, elements, signed);
            }
          }
        }
        case 2 -> {
          boolean inA = j < lengthA;
          boolean inB = j < lengthB;
          hit =
              inA && inB
                  ? element(a0, a1, j, elements, signed) == element(b0, b1, j, elements, signed)
                  : inA == inB;
        }
        default -> {
          hit = true;
          for (int i = 0; i < lengthA && i + j < elements; i++) {
            hit &=
                i + j < lengthB
                    && element(a0, a1, i, elements, signed)
                        == element(b0, b1, i + j, elements, signed);
          }
        }
      }
      r |= hit ? 1 << j : 0;
    }
    int all = (1 << elements) - 1;
    return switch (control >> 4 & 3) {
      case 1 -> r ^ all;
      case 3 -> r ^ (lengthB >= elements ? all : (1 << lengthB) - 1);
      default -> r;
    };
  }
}
