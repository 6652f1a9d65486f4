package org.tuber.truffle.x86.insn;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * LOCK (SDM vol. 3, 9.1.4) where CPUs really run side by side: read-modify-write by compare and
 * swap on the host. With one CPU the plain path is taken.
 *
 * <p>Deviations: an operand that crosses eight aligned bytes, and CMPXCHG16B, are atomic among
 * themselves only; one that crosses a page is not atomic.
 */
final class Atomic {
  private static final Object SPLIT_LOCK = new Object();

  private Atomic() {}

  /** The instruction has to be atomic. */
  static boolean isWanted(X86Cpu c, long w0) {
    return (w0 & Word.LOCK) != 0 && c.shared;
  }

  /** Replaces {@code expected} by {@code v}, both sign-extended from {@code 8 << size} bits. */
  static boolean swap(long host, int size, long expected, long v) {
    if (size == 2 && (host & 3) == 0) {
      return GuestRam.hostCas32(host, (int) expected, (int) v);
    }
    if (size == 3 && (host & 7) == 0) {
      return GuestRam.hostCas64(host, expected, v);
    }
    return swapPart(host, size, expected, v);
  }

  @TruffleBoundary
  private static boolean swapPart(long host, int size, long expected, long v) {
    int shift = (int) (host & 7) * 8;
    long word = host & -8L;
    if (shift + (8 << size) > 64) {
      synchronized (SPLIT_LOCK) {
        GuestRam.fullFence();
        if (Alu.hostLoad(host, size) != expected) {
          return false;
        }
        Alu.hostStore(host, size, v);
        GuestRam.fullFence();
        return true;
      }
    }
    long mask = Operand.zext(-1L, size) << shift;
    long from = expected << shift & mask;
    long to = v << shift & mask;
    while (true) {
      long w = GuestRam.hostLoad64(word);
      if ((w & mask) != from) {
        return false;
      }
      if (GuestRam.hostCas64(word, w, w & ~mask | to)) {
        return true;
      }
    }
  }

  /** XCHG: the old value. */
  static long exchange(long host, int size, long v) {
    long e;
    do {
      e = Alu.hostLoad(host, size);
    } while (!swap(host, size, e, v));
    return e;
  }

  /** XADD: the old value. */
  static long add(long host, int size, long v) {
    long e;
    do {
      e = Alu.hostLoad(host, size);
    } while (!swap(host, size, e, Operand.sext(e + v, size)));
    return e;
  }

  /** CMPXCHG: the old value, which was {@code expected} exactly when {@code v} was stored. */
  static long compareExchange(long host, int size, long expected, long v) {
    long e;
    do {
      e = Alu.hostLoad(host, size);
    } while (e == expected && !swap(host, size, e, v));
    return e;
  }

  /** BTS, BTR, BTC: the old value. */
  static long modifyBits(long host, int size, long mask, int kind) {
    long e;
    do {
      e = Alu.hostLoad(host, size);
    } while (!swap(host, size, e, Operand.sext(BitOps.modified(e, mask, kind), size)));
    return e;
  }

  /**
   * CMPXCHG16B on a 16-byte aligned, writable address.
   *
   * @return true when the new value was stored; else RAX and RDX have the old one
   */
  static boolean compareExchange16(X86State s, X86Cpu c, long gva) {
    long host = SoftTlb.writableHost(s, c, gva, 8);
    boolean equal = host != 0 && swap16(host, s.r[0], s.r[2], s.r[3], s.r[1]);
    if (!equal) {
      s.r[0] = SoftTlb.load64(s, c, gva);
      s.r[2] = SoftTlb.load64(s, c, gva + 8);
    }
    return equal;
  }

  @TruffleBoundary
  private static boolean swap16(long host, long low, long high, long newLow, long newHigh) {
    synchronized (SPLIT_LOCK) {
      GuestRam.fullFence();
      if (GuestRam.hostLoad64(host) != low || GuestRam.hostLoad64(host + 8) != high) {
        return false;
      }
      GuestRam.hostStore64(host, newLow);
      GuestRam.hostStore64(host + 8, newHigh);
      GuestRam.fullFence();
      return true;
    }
  }
}
