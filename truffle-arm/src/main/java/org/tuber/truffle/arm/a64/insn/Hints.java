package org.tuber.truffle.arm.a64.insn;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Step;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.Sctlr;
import org.tuber.truffle.arm.state.Syndrome;
import org.tuber.truffle.arm.sys.ArmFeature;

/**
 * Hints and barriers (Arm ARM C4.1.94).
 *
 * <p>WFE ends at once after giving way to other threads, which the manual allows at any time. ISB
 * has nothing to do: translations follow stores to code at once, and system registers take effect
 * at once.
 */
final class Hints {
  private Hints() {}

  static void addTo(A64Rows rows) {
    rows.row("11010101000000110010iiiiooo11111", "HINT #<imm>").does((s, c, w0, w1) -> {});
    rows.row("11010101000000110010000000111111", "YIELD").does((s, c, w0, w1) -> relax(c));
    rows.row("11010101000000110010000001011111", "WFE").system((s, c, w0, w1) -> waitForEvent(c));
    rows.row("11010101000000110010000001111111", "WFI")
        .system((s, c, w0, w1) -> waitForInterrupt(c));
    rows.row("11010101000000110010000010011111", "SEV").does((s, c, w0, w1) -> c.event = true);
    rows.row("11010101000000110010000010111111", "SEVL").does((s, c, w0, w1) -> c.event = true);
    rows.row("11010101000000110011iiii01011111", "CLREX")
        .does((s, c, w0, w1) -> c.exclusiveGva = -1);
    rows.row("11010101000000110011iiii10011111", "DSB <option>").does((s, c, w0, w1) -> fence(c));
    rows.row("11010101000000110011iiii10111111", "DMB <option>").by("i", barriers());
    rows.row("11010101000000110011iiii11011111", "ISB {<option>}").does((s, c, w0, w1) -> {});
    rows.row("11010101000000110011000011111111", "SB")
        .needs(ArmFeature.SB)
        .does((s, c, w0, w1) -> {});
  }

  /** By option: full, but loads only for 1 mod 4, stores only for 2 mod 4. */
  private static Step[] barriers() {
    Step[] t = new Step[16];
    for (int i = 0; i < t.length; i++) {
      t[i] =
          switch (i & 3) {
            case 1 -> (s, c, w0, w1) -> GuestRam.loadFence();
            case 2 -> (s, c, w0, w1) -> GuestRam.storeFence();
            default -> (s, c, w0, w1) -> fence(c);
          };
    }
    return t;
  }

  private static void fence(ArmCpu c) {
    if (c.shared) {
      GuestRam.fullFence();
    }
  }

  @TruffleBoundary
  private static void relax(ArmCpu c) {
    if (c.shared) {
      Thread.onSpinWait();
    }
  }

  private static void waitForEvent(ArmCpu c) {
    if (c.el == 0 && (c.sctlr(1) & Sctlr.NTWE) == 0 && !c.event) {
      trap(c, 1);
    }
    if (c.event) {
      c.event = false;
    } else if (c.shared) {
      Thread.onSpinWait();
    }
  }

  private static void waitForInterrupt(ArmCpu c) {
    if (c.el == 0 && (c.sctlr(1) & Sctlr.NTWI) == 0 && c.pendingInterrupts() == 0) {
      trap(c, 0);
    }
    if (c.userKernel == null) {
      c.halt();
    }
  }

  /** WFI (0) and WFE (1) that EL1 wants to see. */
  private static void trap(ArmCpu c, int kind) {
    throw c.exception(Syndrome.WFX, 1 << 24 | 14 << 20 | kind);
  }
}
