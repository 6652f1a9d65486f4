package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.extra;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.sys.ArmFeature;
import org.tuber.truffle.engine.SoftTlb;

/**
 * Atomic memory operations, FEAT_LSE (Arm ARM C4.1.96): LDADD and its like, SWP, CAS, CASP. All are
 * as strong as those with acquire and release.
 *
 * <p>On memory that is not RAM they are a load and a store.
 */
final class AtomicMemory {
  private static final long LOW = 0xffff_ffffL;
  private static final int SWP = 8;

  private AtomicMemory() {}

  static void addTo(A64Rows rows) {
    String[] names = {"LDADD", "LDCLR", "LDEOR", "LDSET", "LDSMAX", "LDSMIN", "LDUMAX", "LDUMIN"};
    for (int i = 0; i < names.length; i++) {
      String opc = String.valueOf(i >> 2) + (i >> 1 & 1) + (i & 1);
      operation(rows, "zz111000bl1mmmmm0" + opc + "00NNNNNttttt", names[i], i);
    }
    operation(rows, "zz111000bl1mmmmm100000NNNNNttttt", "SWP", SWP);
    rows.row("zz0010001b1mmmmml11111NNNNNrrrrr", "CAS <Xs>, <Xt>, [<Xn|SP>]")
        .needs(ArmFeature.LSE)
        .memory()
        .by(
            "z",
            (s, c, w0, w1) -> compareAndSwap(s, c, w0, 1),
            (s, c, w0, w1) -> compareAndSwap(s, c, w0, 2),
            (s, c, w0, w1) -> compareAndSwap(s, c, w0, 4),
            (s, c, w0, w1) -> compareAndSwap(s, c, w0, 8));
    rows.row("0z0010000b1mmmmml11111NNNNNrrrrr", "CASP <Xs>, <X(s+1)>, <Xt>, <X(t+1)>, [<Xn|SP>]")
        .needs(ArmFeature.LSE)
        .memory()
        .when((row, insn) -> (row.get(insn, 'm') & 1) == 0 && (row.get(insn, 'r') & 1) == 0)
        .uses((w0, w1) -> pairMask(m(w0)) | pairMask(d(w0)))
        .by(
            "z",
            (s, c, w0, w1) -> comparePair32(s, c, w0),
            (s, c, w0, w1) -> comparePair64(s, c, w0));
  }

  private static void operation(A64Rows rows, String diagram, String name, int kind) {
    rows.row(diagram, name + " <Xs>, <Xt>, [<Xn|SP>]")
        .needs(ArmFeature.LSE)
        .memory()
        .extra((row, insn) -> kind)
        .by(
            "z",
            (s, c, w0, w1) -> modify(s, c, w0, 1),
            (s, c, w0, w1) -> modify(s, c, w0, 2),
            (s, c, w0, w1) -> modify(s, c, w0, 4),
            (s, c, w0, w1) -> modify(s, c, w0, 8));
  }

  private static long pairMask(int first) {
    return first >= 30 ? 1L << 30 : 3L << first;
  }

  private static long cut(long v, int size) {
    return switch (size) {
      case 1 -> v & 0xff;
      case 2 -> v & 0xffff;
      case 4 -> v & LOW;
      default -> v;
    };
  }

  // ---------------------------------------------------------------- read-modify-write

  private static void modify(ArmState s, ArmCpu c, long w0, int size) {
    long gva = s.r[n(w0)];
    Exclusive.align(s, c, w0, gva, size, true);
    long operand = s.r[m(w0)];
    long host = c.atomicHost(s, gva, size);
    long old;
    if (host == 0) {
      old = Exclusive.load(s, c, gva, size);
      Exclusive.store(s, c, gva, size, result(extra(w0), old, operand, size));
    } else {
      do {
        old = HostAtomic.load(host, size);
      } while (!HostAtomic.swap(
          host, size, old, cut(result(extra(w0), old, operand, size), size), c.shared));
    }
    s.r[d(w0)] = old;
  }

  private static long result(int kind, long old, long operand, int size) {
    int unused = 64 - 8 * size;
    long x = old << unused;
    long y = operand << unused;
    return switch (kind) {
      case 0 -> old + operand;
      case 1 -> old & ~operand;
      case 2 -> old ^ operand;
      case 3 -> old | operand;
      case 4 -> x > y ? old : operand;
      case 5 -> x < y ? old : operand;
      case 6 -> Long.compareUnsigned(x, y) > 0 ? old : operand;
      case 7 -> Long.compareUnsigned(x, y) < 0 ? old : operand;
      default -> operand;
    };
  }

  // ---------------------------------------------------------------- compare and swap

  private static void compareAndSwap(ArmState s, ArmCpu c, long w0, int size) {
    long gva = s.r[n(w0)];
    Exclusive.align(s, c, w0, gva, size, true);
    long expected = cut(s.r[m(w0)], size);
    long wanted = cut(s.r[d(w0)], size);
    long old = swapped(s, c, gva, size, expected, wanted);
    s.r[m(w0) == ArmState.ZERO ? ArmState.SINK : m(w0)] = old;
  }

  /** The old value, which was {@code expected} exactly when {@code wanted} was stored. */
  private static long swapped(
      ArmState s, ArmCpu c, long gva, int size, long expected, long wanted) {
    long host = c.atomicHost(s, gva, size);
    long old;
    if (host == 0) {
      old = Exclusive.load(s, c, gva, size);
      if (old == expected) {
        Exclusive.store(s, c, gva, size, wanted);
      }
    } else {
      do {
        old = HostAtomic.load(host, size);
      } while (old == expected && !HostAtomic.swap(host, size, old, wanted, c.shared));
    }
    return old;
  }

  private static void comparePair32(ArmState s, ArmCpu c, long w0) {
    long gva = s.r[n(w0)];
    Exclusive.align(s, c, w0, gva, 8, true);
    long expected = s.r[m(w0)] & LOW | second(s, m(w0)) << 32;
    long wanted = s.r[d(w0)] & LOW | second(s, d(w0)) << 32;
    long old = swapped(s, c, gva, 8, expected, wanted);
    setPair(s, m(w0), old & LOW, old >>> 32);
  }

  private static void comparePair64(ArmState s, ArmCpu c, long w0) {
    long gva = s.r[n(w0)];
    Exclusive.align(s, c, w0, gva, 16, true);
    long low = s.r[m(w0)];
    long high = second(s, m(w0));
    long host = SoftTlb.writableHost(s, c, gva, 16);
    boolean swapped = host != 0 && HostAtomic.swap16(host, low, high, s.r[d(w0)], second(s, d(w0)));
    if (!swapped) {
      low = SoftTlb.load64(s, c, gva);
      high = SoftTlb.load64(s, c, gva + 8);
    }
    setPair(s, m(w0), low, high);
  }

  /** The odd register of a pair that begins with register {@code first}: after X30 comes XZR. */
  private static long second(ArmState s, int first) {
    return first >= 30 ? 0 : s.r[first + 1];
  }

  private static void setPair(ArmState s, int first, long low, long high) {
    s.r[first] = low;
    s.r[first >= 30 ? ArmState.SINK : first + 1] = high;
  }
}
