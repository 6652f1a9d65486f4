package org.tuber.truffle.arm.a64.insn;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import org.tuber.core.mem.GuestRam;

/**
 * Compare and swap on guest memory at a host address, of 1 to 16 bytes that do not cross 16.
 *
 * <p>Deviation: 16 bytes, and misaligned operands (FEAT_LSE2) that cross 8, are atomic among
 * themselves only.
 */
final class HostAtomic {
  private static final Object WIDE = new Object();

  private HostAtomic() {}

  /** Loads {@code size} bytes, zero-extended. */
  static long load(long host, int size) {
    return switch (size) {
      case 1 -> GuestRam.hostLoad8(host) & 0xffL;
      case 2 -> GuestRam.hostLoad16(host) & 0xffffL;
      case 4 -> GuestRam.hostLoad32(host) & 0xffff_ffffL;
      default -> GuestRam.hostLoad64(host);
    };
  }

  static void store(long host, int size, long v) {
    switch (size) {
      case 1 -> GuestRam.hostStore8(host, (int) v);
      case 2 -> GuestRam.hostStore16(host, (int) v);
      case 4 -> GuestRam.hostStore32(host, (int) v);
      default -> GuestRam.hostStore64(host, v);
    }
  }

  /** Replaces {@code expected} (zero-extended) by {@code v}; false when something else is there. */
  static boolean swap(long host, int size, long expected, long v, boolean shared) {
    if (!shared) {
      if (load(host, size) != expected) {
        return false;
      }
      store(host, size, v);
      return true;
    }
    if (size == 8 && (host & 7) == 0) {
      return GuestRam.hostCas64(host, expected, v);
    }
    if (size == 4 && (host & 3) == 0) {
      return GuestRam.hostCas32(host, (int) expected, (int) v);
    }
    return swapPart(host, size, expected, v);
  }

  @TruffleBoundary
  private static boolean swapPart(long host, int size, long expected, long v) {
    int shift = (int) (host & 7) * 8;
    if (shift + 8 * size > 64) {
      synchronized (WIDE) {
        return swap(host, size, expected, v, false);
      }
    }
    long word = host & -8L;
    long mask = (size == 8 ? -1 : (1L << 8 * size) - 1) << shift;
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

  /** Replaces 16 bytes. */
  @TruffleBoundary
  static boolean swap16(long host, long low, long high, long newLow, long newHigh) {
    synchronized (WIDE) {
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
