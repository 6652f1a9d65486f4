package org.tuber.truffle.arm.a64.insn;

import static com.oracle.truffle.api.CompilerDirectives.FASTPATH_PROBABILITY;
import static com.oracle.truffle.api.CompilerDirectives.injectBranchProbability;
import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.n;

import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.decode.Word;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.engine.SoftTlb;

/**
 * LDTR and STTR (Arm ARM C4.1.96): at EL1 with the rights of EL0, unless PSTATE.UAO says otherwise.
 * Kernels copy to and from programs with them, so the TLB of EL0 is asked first.
 */
final class LoadStoreUnprivileged {
  private static final long LOW = 0xffff_ffffL;
  private static final long PAGE_MASK = -4096L;

  private LoadStoreUnprivileged() {}

  static void addTo(A64Rows rows) {
    row(rows, "00", "rrrrr", "STTR")
        .by(
            "z",
            (s, c, w0, w1) -> store(s, c, w0, w1, 1),
            (s, c, w0, w1) -> store(s, c, w0, w1, 2),
            (s, c, w0, w1) -> store(s, c, w0, w1, 4),
            (s, c, w0, w1) -> store(s, c, w0, w1, 8));
    row(rows, "01", "ttttt", "LDTR")
        .by(
            "z",
            (s, c, w0, w1) -> s.r[d(w0)] = load(s, c, w0, w1, 1) & 0xff,
            (s, c, w0, w1) -> s.r[d(w0)] = load(s, c, w0, w1, 2) & 0xffff,
            (s, c, w0, w1) -> s.r[d(w0)] = load(s, c, w0, w1, 4) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = load(s, c, w0, w1, 8));
    row(rows, "1o", "ttttt", "LDTRS")
        .by(
            "zo",
            (s, c, w0, w1) -> s.r[d(w0)] = (byte) load(s, c, w0, w1, 1),
            (s, c, w0, w1) -> s.r[d(w0)] = (byte) load(s, c, w0, w1, 1) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = (short) load(s, c, w0, w1, 2),
            (s, c, w0, w1) -> s.r[d(w0)] = (short) load(s, c, w0, w1, 2) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = (int) load(s, c, w0, w1, 4),
            null,
            null,
            null);
  }

  private static Row row(A64Rows rows, String opc, String register, String name) {
    return rows.row(
            "zz111000" + opc + "0iiiiiiiii10NNNNN" + register, name + " <Xt>, [<Xn|SP>{, #<simm>}]")
        .memory()
        .immediate((row, insn, pc) -> row.signed(insn, 'i'));
  }

  private static long load(ArmState s, ArmCpu c, long w0, long w1, int size) {
    long gva = s.r[n(w0)] + w1;
    if (Word.isChecked(w0)) {
      Mem.check(s, c, w0, gva, size, false);
    }
    long e = SoftTlb.entry(c.unprivilegedTlb, gva);
    if (injectBranchProbability(
        FASTPATH_PROBABILITY, GuestRam.hostLoad64(e) == ((gva + size - 1) & PAGE_MASK))) {
      long host = gva + GuestRam.hostLoad64(e + SoftTlb.ADDEND);
      return switch (size) {
        case 1 -> GuestRam.hostLoad8(host);
        case 2 -> GuestRam.hostLoad16(host);
        case 4 -> GuestRam.hostLoad32(host);
        default -> GuestRam.hostLoad64(host);
      };
    }
    return c.loadUnprivileged(gva, size);
  }

  private static void store(ArmState s, ArmCpu c, long w0, long w1, int size) {
    long gva = s.r[n(w0)] + w1;
    if (Word.isChecked(w0)) {
      Mem.check(s, c, w0, gva, size, true);
    }
    long v = s.r[d(w0)];
    long e = SoftTlb.entry(c.unprivilegedTlb, gva);
    if (injectBranchProbability(
        FASTPATH_PROBABILITY,
        GuestRam.hostLoad64(e + SoftTlb.WRITE) == ((gva + size - 1) & PAGE_MASK))) {
      long host = gva + GuestRam.hostLoad64(e + SoftTlb.ADDEND);
      switch (size) {
        case 1 -> GuestRam.hostStore8(host, (int) v);
        case 2 -> GuestRam.hostStore16(host, (int) v);
        case 4 -> GuestRam.hostStore32(host, (int) v);
        default -> GuestRam.hostStore64(host, v);
      }
    } else {
      c.storeUnprivileged(gva, v, size);
    }
  }
}
