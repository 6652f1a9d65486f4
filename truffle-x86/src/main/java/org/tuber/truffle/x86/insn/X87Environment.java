package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Row.FPU;
import static org.tuber.truffle.x86.decode.Row.SYSTEM;

import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;
import org.tuber.truffle.x86.state.X87State;

/**
 * FNSTENV, FLDENV, FNSAVE, FRSTOR in their 16 and 32-bit, real and protected-mode layouts (SDM vol.
 * 1, 8.1.10). Interpreter only.
 */
public final class X87Environment {
  static final int FNSTENV = SseRows.SYSTEM + 8;
  static final int FLDENV = SseRows.SYSTEM + 9;
  static final int FNSAVE = SseRows.SYSTEM + 10;
  static final int FRSTOR = SseRows.SYSTEM + 11;

  private static final int TAG_VALID = 0;
  private static final int TAG_ZERO = 1;
  private static final int TAG_SPECIAL = 2;
  private static final int TAG_EMPTY = 3;

  private X87Environment() {}

  static void add(OpcodeMap m) {
    m.row("D9 /6 mem", "fnstenv M", FNSTENV, SYSTEM | FPU);
    m.row("D9 /4 mem", "fldenv M", FLDENV, SYSTEM | FPU);
    m.row("DD /6 mem", "fnsave M", FNSAVE, SYSTEM | FPU);
    m.row("DD /4 mem", "frstor M", FRSTOR, SYSTEM | FPU);
  }

  static void run(X86State s, X86Cpu c, long w0, long a, int op) {
    boolean wide = Word.size(w0) != 1;
    int bytes = environmentBytes(w0);
    X87State f = c.fpu;
    switch (op) {
      case FNSTENV -> {
        FxSave.probe(s, c, a, bytes);
        storeEnvironment(s, c, a, wide);
        f.control |= 0x3f;
        f.updateSummary();
      }
      case FLDENV -> {
        X87Control.check(c);
        loadEnvironment(s, c, a, wide);
      }
      case FNSAVE -> {
        FxSave.probe(s, c, a, bytes + 80);
        storeEnvironment(s, c, a, wide);
        for (int i = 0; i < 8; i++) {
          int p = f.physical(i);
          SoftTlb.store64(s, c, a + bytes + 10 * i, f.significand[p]);
          SoftTlb.store16(s, c, a + bytes + 10 * i + 8, f.signExponent[p]);
        }
        f.initialize();
      }
      case FRSTOR -> {
        X87Control.check(c);
        SoftTlb.load8(s, c, a + bytes + 79);
        loadEnvironment(s, c, a, wide);
        for (int i = 0; i < 8; i++) {
          int p = f.physical(i);
          f.significand[p] = SoftTlb.load64(s, c, a + bytes + 10 * i);
          f.signExponent[p] = (int) SoftTlb.load16(s, c, a + bytes + 10 * i + 8) & 0xffff;
        }
      }
      default -> throw c.ud();
    }
  }

  private static int environmentBytes(long w0) {
    return Word.size(w0) != 1 ? 28 : 14;
  }

  /** Length of the memory operand. */
  static int bytes(long w0, int op) {
    return environmentBytes(w0) + (op == FNSAVE || op == FRSTOR ? 80 : 0);
  }

  /** The full tag word: two bits for each physical register. */
  public static int tagWord(X87State f) {
    int tags = 0;
    for (int p = 0; p < 8; p++) {
      int tag;
      int e = f.signExponent[p] & 0x7fff;
      if ((f.valid >> p & 1) == 0) {
        tag = TAG_EMPTY;
      } else if (e == 0 && f.significand[p] == 0) {
        tag = TAG_ZERO;
      } else if (e == 0 || e == 0x7fff || f.significand[p] >= 0) {
        tag = TAG_SPECIAL;
      } else {
        tag = TAG_VALID;
      }
      tags |= tag << (2 * p);
    }
    return tags;
  }

  /** Takes over a full tag word: what is not empty counts as valid. */
  public static void setTagWord(X87State f, int tags) {
    f.valid = 0;
    for (int p = 0; p < 8; p++) {
      if ((tags >> (2 * p) & 3) != TAG_EMPTY) {
        f.valid |= 1 << p;
      }
    }
  }

  private static boolean isRealLayout(X86Cpu c) {
    return (c.mode & X86Cpu.MODE_PROTECTED) == 0;
  }

  private static void storeEnvironment(X86State s, X86Cpu c, long a, boolean wide) {
    X87State f = c.fpu;
    long[] words = new long[7];
    words[0] = f.control;
    words[1] = f.statusWord();
    words[2] = tagWord(f);
    if (isRealLayout(c)) {
      long ip = f.lastIp + ((long) f.lastCs << 4);
      long dp = f.lastDp + ((long) f.lastDs << 4);
      words[3] = ip & 0xffff;
      words[5] = dp & 0xffff;
      if (wide) {
        words[4] = (ip >>> 16 & 0xffff) << 12 | f.lastOpcode & 0x7ff;
        words[6] = (dp >>> 16 & 0xffff) << 12;
      } else {
        words[4] = (ip >>> 16 & 15) << 12 | f.lastOpcode & 0x7ff;
        words[6] = (dp >>> 16 & 15) << 12;
      }
    } else {
      words[3] = f.lastIp;
      words[4] = f.lastCs | (wide ? (long) f.lastOpcode << 16 : 0);
      words[5] = f.lastDp;
      words[6] = f.lastDs;
    }
    for (int i = 0; i < 7; i++) {
      if (!wide) {
        SoftTlb.store16(s, c, a + 2 * i, words[i]);
      } else {
        // The upper halves of control, status and tag words are stored as ones.
        boolean half = i < 3 || i == 6 || (isRealLayout(c) && (i == 3 || i == 5));
        SoftTlb.store32(s, c, a + 4 * i, half ? words[i] | 0xffff_0000L : words[i]);
      }
    }
  }

  private static void loadEnvironment(X86State s, X86Cpu c, long a, boolean wide) {
    long[] words = new long[7];
    for (int i = 0; i < 7; i++) {
      words[i] =
          wide
              ? SoftTlb.load32(s, c, a + 4 * i) & 0xffff_ffffL
              : SoftTlb.load16(s, c, a + 2 * i) & 0xffff;
    }
    X87State f = c.fpu;
    f.control = X87State.controlBits((int) words[0]);
    f.setStatusWord((int) words[1]);
    setTagWord(f, (int) words[2]);
    if (isRealLayout(c)) {
      f.lastIp = words[3] & 0xffff | (words[4] >>> 12) << 16;
      f.lastDp = words[5] & 0xffff | (words[6] >>> 12) << 16;
      f.lastCs = 0;
      f.lastDs = 0;
      f.lastOpcode = (int) words[4] & 0x7ff;
    } else {
      f.lastIp = words[3];
      f.lastCs = (int) words[4] & 0xffff;
      f.lastOpcode = wide ? (int) (words[4] >>> 16) & 0x7ff : f.lastOpcode;
      f.lastDp = words[5];
      f.lastDs = (int) words[6] & 0xffff;
    }
    f.updateSummary();
  }
}
