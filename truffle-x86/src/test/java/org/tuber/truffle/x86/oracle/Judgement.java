package org.tuber.truffle.x86.oracle;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.tuber.truffle.x86.state.Flags;

/**
 * What may differ between the host and the guest, and why. Everything that is not named here has to
 * be equal to the bit.
 */
final class Judgement {
  /** The six arithmetic flags, DF, NT, AC, ID. RF is what the kernel's signal frame makes of it. */
  private static final long FLAGS = 0x24_4cd5;

  /** RCP and RSQRT: each maker has tables of its own, within this relative error (SDM vol. 2). */
  private static final double RECIPROCAL_ERROR = 1.5 / 4096;

  private static final Set<String> RECIPROCALS =
      Set.of("rcpps", "rcpss", "rsqrtps", "rsqrtss", "vrcpps", "vrcpss", "vrsqrtps", "vrsqrtss");

  /** Results of the host's microcode may be one unit in the last place off (SDM vol. 1, 8.3.10). */
  private static final Set<String> TRANSCENDENTALS =
      Set.of("f2xm1", "fyl2x", "fyl2xp1", "fptan", "fpatan", "fsin", "fcos", "fsincos");

  /** C1 (rounded up) and PE follow the result that may be off. */
  private static final int FSW_OF_INEXACT = 0x220;

  /** Flags that the SDM leaves undefined and on which makers of processors do not agree. */
  private static final Map<String, Integer> UNDEFINED = new HashMap<>();

  static {
    // AMD sets AF, Intel clears it.
    for (String m : new String[] {"shl", "shr", "sal", "sar", "shld", "shrd"}) {
      UNDEFINED.put(m, Flags.AF);
    }
  }

  private Judgement() {}

  /** What is wrong with {@code guest}, or "". May adapt {@code guest} where it may differ. */
  static String compare(Sample sample, CpuState host, CpuState guest) {
    String name = sample.encoding.mnemonic();
    if (host.vector == guest.vector) {
      tolerate(sample, name, host, guest);
    }
    long mask = FLAGS & ~UNDEFINED.getOrDefault(name, 0);
    return CpuState.difference(host, guest, mask, sample.bits64);
  }

  private static void tolerate(Sample sample, String name, CpuState host, CpuState guest) {
    if (RECIPROCALS.contains(name)) {
      for (int i = 0; i < 32; i++) {
        guest.x[i] = closeFloats(guest.x[i], host.x[i]);
        guest.yh[i] = closeFloats(guest.yh[i], host.yh[i]);
      }
    }
    if (TRANSCENDENTALS.contains(name) && host.vector != 16) {
      guest.fsw = guest.fsw & ~FSW_OF_INEXACT | host.fsw & FSW_OF_INEXACT;
      for (int i = 0; i < 8; i++) {
        if (guest.signExponent[i] == host.signExponent[i]
            && Math.abs(guest.significand[i] - host.significand[i]) <= 1) {
          guest.significand[i] = host.significand[i];
        }
      }
    }
    saveAreas(sample, name, host, guest);
  }

  /**
   * The last x87 opcode and pointers: processors of one maker update them always, of the other for
   * unmasked exceptions only, in some only what those need.
   */
  private static void saveAreas(Sample sample, String name, CpuState host, CpuState guest) {
    int[] range =
        switch (name) {
          case "fxsave", "xsave", "xsavec", "xsaveopt" -> new int[] {6, 18};
          case "fnstenv", "fnsave" -> new int[] {6, 22};
          default -> null;
        };
    if (range == null) {
      return;
    }
    // Where the area was: the first byte that either side changed, as far as it is an area.
    for (int i = 0; i < CpuState.DATA_BYTES; i++) {
      if (host.data[i] != guest.data[i]) {
        long at = sample.areaAddress - CpuState.DATA;
        if (i >= at + range[0] && i < at + range[0] + range[1]) {
          guest.data[i] = host.data[i];
        }
      }
    }
  }

  private static long closeFloats(long guest, long host) {
    long v = 0;
    for (int at = 0; at < 64; at += 32) {
      int g = (int) (guest >>> at);
      int h = (int) (host >>> at);
      float a = Float.intBitsToFloat(g);
      float b = Float.intBitsToFloat(h);
      boolean close = Math.abs((double) a - b) <= Math.abs((double) b) * RECIPROCAL_ERROR;
      v |= ((close ? h : g) & 0xffff_ffffL) << at;
    }
    return v;
  }

  static {
    assert (FLAGS & Flags.ARITHMETIC) == Flags.ARITHMETIC;
  }
}
