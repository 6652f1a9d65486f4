package org.tuber.truffle.arm.a64.insn;

import org.tuber.core.cpu.ArmPlatform.Conduit;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.state.Reg;
import org.tuber.truffle.arm.state.Syndrome;
import org.tuber.truffle.arm.sys.ExceptionEntry;

/** SVC, HVC, SMC, BRK, HLT, DCPS, ERET, DRPS (Arm ARM C4.1.94). */
final class ExceptionCalls {
  private static final int ARGUMENTS = 18;
  private static final long SCR_SMD = 1 << 7;
  private static final long HCR_HCD = 1 << 29;

  private ExceptionCalls() {}

  private static int immediate(long insn) {
    return (int) (insn >>> 5) & 0xffff;
  }

  static void addTo(A64Rows rows) {
    rows.row("11010100000iiiiiiiiiiiiiiii00001", "SVC #<imm>")
        .system(
            (s, c, w0, w1) -> {
              if (c.userKernel != null) {
                c.userKernel.supervisorCall();
              } else {
                ExceptionEntry.call(c, ExceptionEntry.svcTarget(c), Syndrome.SVC64, immediate(w1));
              }
            });
    rows.row("11010100000iiiiiiiiiiiiiiii00010", "HVC #<imm>")
        .system((s, c, w0, w1) -> hypervisorCall(s, c, immediate(w1)));
    rows.row("11010100000iiiiiiiiiiiiiiii00011", "SMC #<imm>")
        .system((s, c, w0, w1) -> secureMonitorCall(s, c, immediate(w1)));
    rows.row("11010100001iiiiiiiiiiiiiiii00000", "BRK #<imm>")
        .system(
            (s, c, w0, w1) -> {
              throw c.exception(Syndrome.BRK64, immediate(w1));
            });
    rows.row("11010100010iiiiiiiiiiiiiiii00000", "HLT #<imm>")
        .system(
            (s, c, w0, w1) -> {
              throw c.undefined();
            });
    rows.row("11010100101iiiiiiiiiiiiiiii000ll", "DCPS1 {#<imm>}")
        .when((row, insn) -> row.get(insn, 'l') != 0)
        .system(
            (s, c, w0, w1) -> {
              throw c.undefined();
            });
    rows.row("11010110100111110000001111100000", "ERET")
        .system(
            (s, c, w0, w1) -> {
              if (c.el == 0) {
                throw c.undefined();
              }
              ExceptionEntry.exceptionReturn(c, c.elr[c.el]);
            });
    rows.row("11010110101111110000001111100000", "DRPS")
        .system(
            (s, c, w0, w1) -> {
              throw c.undefined();
            });
  }

  private static void hypervisorCall(ArmState s, ArmCpu c, int immediate) {
    if (c.el > 0 && firmware(s, c, Conduit.HVC, immediate)) {
      return;
    }
    boolean disabled = c.el < 2 && (c.sys[Reg.HCR_EL2] & HCR_HCD) != 0;
    if (c.el == 0 || !c.has(2) || disabled) {
      throw c.undefined();
    }
    ExceptionEntry.call(c, Math.max(c.el, 2), Syndrome.HVC64, immediate);
  }

  private static void secureMonitorCall(ArmState s, ArmCpu c, int immediate) {
    if (c.el > 0 && firmware(s, c, Conduit.SMC, immediate)) {
      return;
    }
    boolean disabled = (c.sys[Reg.SCR_EL3] & SCR_SMD) != 0;
    if (c.el == 0 || !c.has(3) || disabled) {
      throw c.undefined();
    }
    ExceptionEntry.call(c, 3, Syndrome.SMC64, immediate);
  }

  private static boolean firmware(ArmState s, ArmCpu c, Conduit conduit, int immediate) {
    long[] x = new long[ARGUMENTS];
    System.arraycopy(s.r, 0, x, 0, ARGUMENTS);
    if (!c.platform.firmwareCall(conduit, immediate, x)) {
      return false;
    }
    System.arraycopy(x, 0, s.r, 0, ARGUMENTS);
    return true;
  }
}
