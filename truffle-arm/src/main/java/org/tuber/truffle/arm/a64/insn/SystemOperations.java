package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;

import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.state.Sctlr;
import org.tuber.truffle.arm.sys.MaintenanceOperations;
import org.tuber.truffle.arm.sys.SystemRegisters;
import org.tuber.truffle.engine.SoftTlb;

/** SYS: cache, TLB and address translation operations (Arm ARM C4.1.94, C5.3 to C5.5). */
final class SystemOperations {
  private static final int ZVA_BYTES = 64;

  private SystemOperations() {}

  static void addTo(A64Rows rows) {
    rows.row("1101010100001eeeffffgggghhhrrrrr", "SYS #<op1>, <Cn>, <Cm>, #<op2>{, <Xt>}")
        .system((s, c, w0, w1) -> MaintenanceOperations.run(c, w1, s.r[d(w0)]));
    rows.row("1101010100101eeeffffgggghhhttttt", "SYSL <Xt>, #<op1>, <Cn>, <Cm>, #<op2>")
        .system(
            (s, c, w0, w1) -> {
              throw c.undefined();
            });
    rows.row("110101010000101101110100001rrrrr", "DC ZVA, <Xt>")
        .does((s, c, w0, w1) -> zero(s, c, w0, w1));
  }

  /** Clears the block of 64 bytes, as DCZID_EL0 says, that the address lies in. */
  private static void zero(ArmState s, ArmCpu c, long w0, long w1) {
    if (c.el == 0 && (c.sctlr(1) & Sctlr.DZE) == 0) {
      throw SystemRegisters.trap(c, w1, false);
    }
    long gva = s.r[d(w0)] & -ZVA_BYTES;
    long host = SoftTlb.writableHost(s, c, gva, ZVA_BYTES);
    if (host != 0) {
      GuestRam.hostFill(host, ZVA_BYTES, (byte) 0);
    } else {
      c.zeroSlow(gva, ZVA_BYTES);
    }
  }
}
