package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.a;
import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.decode.Step;
import org.tuber.truffle.arm.decode.Word;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.sys.ArmFeature;
import org.tuber.truffle.engine.SoftTlb;

/**
 * Exclusives, load-acquire and store-release (Arm ARM C4.1.96, B2.9).
 *
 * <p>The monitor remembers address and data of the load; a store-exclusive succeeds when memory
 * still has that data. A location that changed and changed back meanwhile goes unnoticed, which no
 * correct program can tell on one of these monitors' granules of memory.
 *
 * <p>Ordering: the host is at least as strong as TSO, so acquire and release need only keep the
 * compiler from reordering, but for a release that a later acquire must not overtake.
 */
final class Exclusive {
  private static final long LOW = 0xffff_ffffL;

  private Exclusive() {}

  static void addTo(A64Rows rows) {
    addExclusive(rows);
    addPairs(rows);
    addOrdered(rows);
    addRcpc(rows);
  }

  /** All of these have to be aligned, to {@code size} bytes. */
  static void align(ArmState s, ArmCpu c, long w0, long gva, int size, boolean isWrite) {
    if ((w0 & Word.CHECK_SP) != 0 && (s.r[ArmState.SP] & 15) != 0) {
      throw c.spAlignment();
    }
    if ((gva & size - 1) != 0 && !c.isMisalignmentAllowed(gva, size)) {
      throw c.alignment(gva, isWrite);
    }
  }

  // ---------------------------------------------------------------- one register

  private static void addExclusive(A64Rows rows) {
    Step[] loads = {
      (s, c, w0, w1) -> loadExclusive(s, c, w0, 1),
      (s, c, w0, w1) -> loadExclusive(s, c, w0, 2),
      (s, c, w0, w1) -> loadExclusive(s, c, w0, 4),
      (s, c, w0, w1) -> loadExclusive(s, c, w0, 8)
    };
    Step[] stores = {
      (s, c, w0, w1) -> storeExclusive(s, c, w0, 1),
      (s, c, w0, w1) -> storeExclusive(s, c, w0, 2),
      (s, c, w0, w1) -> storeExclusive(s, c, w0, 4),
      (s, c, w0, w1) -> storeExclusive(s, c, w0, 8)
    };
    rows.row("zz001000000wwwww0xxxxxNNNNNrrrrr", "STXR <Ws>, <Xt>, [<Xn|SP>]")
        .memory()
        .by("z", stores);
    rows.row("zz001000000wwwww1xxxxxNNNNNrrrrr", "STLXR <Ws>, <Xt>, [<Xn|SP>]")
        .memory()
        .by("z", stores);
    rows.row("zz001000010xxxxx0xxxxxNNNNNttttt", "LDXR <Xt>, [<Xn|SP>]").memory().by("z", loads);
    rows.row("zz001000010xxxxx1xxxxxNNNNNttttt", "LDAXR <Xt>, [<Xn|SP>]").memory().by("z", loads);
  }

  private static void loadExclusive(ArmState s, ArmCpu c, long w0, int size) {
    long gva = s.r[n(w0)];
    align(s, c, w0, gva, size, false);
    long v = load(s, c, gva, size);
    GuestRam.loadFence();
    c.exclusiveGva = gva;
    c.exclusiveSize = size;
    c.exclusiveLow = v;
    s.r[d(w0)] = v;
  }

  private static void storeExclusive(ArmState s, ArmCpu c, long w0, int size) {
    long gva = s.r[n(w0)];
    align(s, c, w0, gva, size, true);
    boolean stored = false;
    if (c.exclusiveGva == gva && c.exclusiveSize == size) {
      long host = SoftTlb.writableHost(s, c, gva, size);
      stored = host != 0 && HostAtomic.swap(host, size, c.exclusiveLow, s.r[d(w0)], c.shared);
    }
    c.exclusiveGva = -1;
    s.r[m(w0)] = stored ? 0 : 1;
  }

  static long load(ArmState s, ArmCpu c, long gva, int size) {
    return switch (size) {
      case 1 -> SoftTlb.load8(s, c, gva) & 0xff;
      case 2 -> SoftTlb.load16(s, c, gva) & 0xffff;
      case 4 -> SoftTlb.load32(s, c, gva) & LOW;
      default -> SoftTlb.load64(s, c, gva);
    };
  }

  static void store(ArmState s, ArmCpu c, long gva, int size, long v) {
    switch (size) {
      case 1 -> SoftTlb.store8(s, c, gva, v);
      case 2 -> SoftTlb.store16(s, c, gva, v);
      case 4 -> SoftTlb.store32(s, c, gva, v);
      default -> SoftTlb.store64(s, c, gva, v);
    }
  }

  // ---------------------------------------------------------------- two registers

  private static void addPairs(A64Rows rows) {
    for (String ordered : new String[] {"0", "1"}) {
      String name = ordered.equals("0") ? "XP" : "AXP";
      rows.row("1z001000011xxxxx" + ordered + "uuuuuNNNNNttttt", "LD" + name + " <Xt1>, <Xt2>")
          .memory()
          .by("z", (s, c, w0, w1) -> loadPair32(s, c, w0), (s, c, w0, w1) -> loadPair64(s, c, w0));
      name = ordered.equals("0") ? "XP" : "LXP";
      rows.row(
              "1z001000001wwwww" + ordered + "qqqqqNNNNNrrrrr", "ST" + name + " <Ws>, <Xt1>, <Xt2>")
          .memory()
          .by(
              "z",
              (s, c, w0, w1) -> storePair32(s, c, w0),
              (s, c, w0, w1) -> storePair64(s, c, w0));
    }
  }

  private static void loadPair32(ArmState s, ArmCpu c, long w0) {
    long gva = s.r[n(w0)];
    align(s, c, w0, gva, 8, false);
    long v = SoftTlb.load64(s, c, gva);
    c.exclusiveGva = gva;
    c.exclusiveSize = 8;
    c.exclusiveLow = v;
    s.r[d(w0)] = v & LOW;
    s.r[a(w0)] = v >>> 32;
  }

  private static void storePair32(ArmState s, ArmCpu c, long w0) {
    long gva = s.r[n(w0)];
    align(s, c, w0, gva, 8, true);
    boolean stored = false;
    if (c.exclusiveGva == gva && c.exclusiveSize == 8) {
      long v = s.r[d(w0)] & LOW | s.r[a(w0)] << 32;
      long host = SoftTlb.writableHost(s, c, gva, 8);
      stored = host != 0 && HostAtomic.swap(host, 8, c.exclusiveLow, v, c.shared);
    }
    c.exclusiveGva = -1;
    s.r[m(w0)] = stored ? 0 : 1;
  }

  private static void loadPair64(ArmState s, ArmCpu c, long w0) {
    long gva = s.r[n(w0)];
    align(s, c, w0, gva, 16, false);
    long low = SoftTlb.load64(s, c, gva);
    long high = SoftTlb.load64(s, c, gva + 8);
    c.exclusiveGva = gva;
    c.exclusiveSize = 16;
    c.exclusiveLow = low;
    c.exclusiveHigh = high;
    s.r[d(w0)] = low;
    s.r[a(w0)] = high;
  }

  private static void storePair64(ArmState s, ArmCpu c, long w0) {
    long gva = s.r[n(w0)];
    align(s, c, w0, gva, 16, true);
    boolean stored = false;
    if (c.exclusiveGva == gva && c.exclusiveSize == 16) {
      long host = SoftTlb.writableHost(s, c, gva, 16);
      stored =
          host != 0
              && HostAtomic.swap16(host, c.exclusiveLow, c.exclusiveHigh, s.r[d(w0)], s.r[a(w0)]);
    }
    c.exclusiveGva = -1;
    s.r[m(w0)] = stored ? 0 : 1;
  }

  // ---------------------------------------------------------------- acquire and release

  private static void addOrdered(A64Rows rows) {
    Step[] loads = {
      (s, c, w0, w1) -> loadAcquire(s, c, w0, 0, 1),
      (s, c, w0, w1) -> loadAcquire(s, c, w0, 0, 2),
      (s, c, w0, w1) -> loadAcquire(s, c, w0, 0, 4),
      (s, c, w0, w1) -> loadAcquire(s, c, w0, 0, 8)
    };
    Step[] stores = {
      (s, c, w0, w1) -> storeRelease(s, c, w0, 0, 1),
      (s, c, w0, w1) -> storeRelease(s, c, w0, 0, 2),
      (s, c, w0, w1) -> storeRelease(s, c, w0, 0, 4),
      (s, c, w0, w1) -> storeRelease(s, c, w0, 0, 8)
    };
    ordered(rows, "zz001000110xxxxx1xxxxxNNNNNttttt", "LDAR <Xt>, [<Xn|SP>]").by("z", loads);
    ordered(rows, "zz001000100xxxxx1xxxxxNNNNNrrrrr", "STLR <Xt>, [<Xn|SP>]").by("z", stores);
    ordered(rows, "zz001000110xxxxx0xxxxxNNNNNttttt", "LDLAR <Xt>, [<Xn|SP>]")
        .needs(ArmFeature.LOR)
        .by("z", loads);
    ordered(rows, "zz001000100xxxxx0xxxxxNNNNNrrrrr", "STLLR <Xt>, [<Xn|SP>]")
        .needs(ArmFeature.LOR)
        .by("z", stores);
    ordered(rows, "zz11100010111111110000NNNNNttttt", "LDAPR <Xt>, [<Xn|SP>]")
        .needs(ArmFeature.LRCPC)
        .by("z", loads);
  }

  private static Row ordered(A64Rows rows, String diagram, String assembler) {
    return rows.row(diagram, assembler).memory();
  }

  private static void loadAcquire(ArmState s, ArmCpu c, long w0, long offset, int size) {
    long gva = s.r[n(w0)] + offset;
    align(s, c, w0, gva, size, false);
    long v = load(s, c, gva, size);
    GuestRam.loadFence();
    s.r[d(w0)] = v;
  }

  private static void storeRelease(ArmState s, ArmCpu c, long w0, long offset, int size) {
    long gva = s.r[n(w0)] + offset;
    align(s, c, w0, gva, size, true);
    GuestRam.storeFence();
    store(s, c, gva, size, s.r[d(w0)]);
    if (c.shared) {
      GuestRam.fullFence();
    }
  }

  private static Row rcpc(A64Rows rows, String opc, String register, String assembler) {
    return rows.row("zz011001" + opc + "0iiiiiiiii00NNNNN" + register, assembler)
        .needs(ArmFeature.LRCPC2)
        .memory()
        .immediate((row, insn, pc) -> row.signed(insn, 'i'));
  }

  private static void addRcpc(A64Rows rows) {
    rcpc(rows, "00", "rrrrr", "STLUR <Xt>, [<Xn|SP>{, #<simm>}]")
        .by(
            "z",
            (s, c, w0, w1) -> storeRelease(s, c, w0, w1, 1),
            (s, c, w0, w1) -> storeRelease(s, c, w0, w1, 2),
            (s, c, w0, w1) -> storeRelease(s, c, w0, w1, 4),
            (s, c, w0, w1) -> storeRelease(s, c, w0, w1, 8));
    rcpc(rows, "01", "ttttt", "LDAPUR <Xt>, [<Xn|SP>{, #<simm>}]")
        .by(
            "z",
            (s, c, w0, w1) -> loadAcquire(s, c, w0, w1, 1),
            (s, c, w0, w1) -> loadAcquire(s, c, w0, w1, 2),
            (s, c, w0, w1) -> loadAcquire(s, c, w0, w1, 4),
            (s, c, w0, w1) -> loadAcquire(s, c, w0, w1, 8));
    rcpc(rows, "1o", "ttttt", "LDAPURS <Xt>, [<Xn|SP>{, #<simm>}]")
        .by(
            "zo",
            (s, c, w0, w1) -> loadSigned(s, c, w0, w1, 1, -1),
            (s, c, w0, w1) -> loadSigned(s, c, w0, w1, 1, LOW),
            (s, c, w0, w1) -> loadSigned(s, c, w0, w1, 2, -1),
            (s, c, w0, w1) -> loadSigned(s, c, w0, w1, 2, LOW),
            (s, c, w0, w1) -> loadSigned(s, c, w0, w1, 4, -1),
            null,
            null,
            null);
  }

  private static void loadSigned(ArmState s, ArmCpu c, long w0, long offset, int size, long mask) {
    loadAcquire(s, c, w0, offset, size);
    int unused = 64 - 8 * size;
    s.r[d(w0)] = s.r[d(w0)] << unused >> unused & mask;
  }
}
