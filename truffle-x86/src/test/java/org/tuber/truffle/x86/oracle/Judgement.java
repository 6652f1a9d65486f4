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

  /**
   * RCP and RSQRT: each maker has tables of its own, within a relative error of 1.5 * 2^-12 of the
   * truth (SDM vol. 2); two of them differ by up to twice that.
   */
  private static final double RECIPROCAL_ERROR = 3.0 / 4096;

  /** Reciprocals up to this may be flushed to zero (SDM vol. 2, RCPPS). */
  private static final int TINY = 0x0080_1000;

  private static final Set<String> RECIPROCALS =
      Set.of("rcpps", "rcpss", "rsqrtps", "rsqrtss", "vrcpps", "vrcpss", "vrsqrtps", "vrsqrtss");

  /** Results of the host's microcode may be one unit in the last place off (SDM vol. 1, 8.3.10). */
  private static final Set<String> TRANSCENDENTALS =
      Set.of("f2xm1", "fyl2x", "fyl2xp1", "fptan", "fpatan", "fsin", "fcos", "fsincos");

  private static final Set<String> SEVERAL_ACCESSES =
      Set.of(
          "cmps",
          "fldenv",
          "fnstenv",
          "frstor",
          "fnsave",
          "fxsave",
          "fxrstor",
          "xsave",
          "xsavec",
          "xsaveopt",
          "xrstor",
          "maskmovq",
          "maskmovdqu",
          "vmaskmovdqu");

  /** C1 (rounded up) and PE follow the result that may be off. */
  private static final int UNDERFLOW = 0x10;

  private static final int FSW_OF_INEXACT = 0x220;

  /** Flags that the SDM leaves undefined and on which makers of processors do not agree. */
  private static final Map<String, Integer> UNDEFINED = new HashMap<>();

  static {
    // AMD sets AF, Intel clears it.
    for (String m : new String[] {"shl", "shr", "sal", "sar", "shld", "shrd"}) {
      UNDEFINED.put(m, Flags.AF);
    }
    // AMD keeps what Intel sets by the source or the result.
    int allButCarry = Flags.OF | Flags.SF | Flags.AF | Flags.PF;
    UNDEFINED.put("bsf", allButCarry | Flags.CF);
    UNDEFINED.put("bsr", allButCarry | Flags.CF);
    UNDEFINED.put("tzcnt", allButCarry);
    UNDEFINED.put("lzcnt", allButCarry);
    int allButOverflow = Flags.SF | Flags.ZF | Flags.AF | Flags.PF;
    UNDEFINED.put("mul", allButOverflow);
    UNDEFINED.put("imul", allButOverflow);
    // Each maker has its own leftovers of the decimal adjustments.
    for (String m : new String[] {"aaa", "aas"}) {
      UNDEFINED.put(m, Flags.OF | Flags.SF | Flags.ZF | Flags.PF);
    }
    for (String m : new String[] {"aad", "aam"}) {
      UNDEFINED.put(m, Flags.OF | Flags.AF | Flags.CF);
    }
    for (String m : new String[] {"daa", "das"}) {
      UNDEFINED.put(m, Flags.OF);
    }
    UNDEFINED.put("div", Flags.ARITHMETIC);
    UNDEFINED.put("idiv", Flags.ARITHMETIC);
  }

  private Judgement() {}

  /** True when the instruction has effects that may differ: no other may depend on it. */
  static boolean hasLiberties(Encoding e) {
    String name = e.mnemonic();
    return RECIPROCALS.contains(name)
        || TRANSCENDENTALS.contains(name)
        || SEVERAL_ACCESSES.contains(name)
        || convertsMmx(name)
        || name.equals("shld")
        || name.equals("shrd");
  }

  /** True when flags after the instruction are undefined. */
  static boolean leavesFlagsUndefined(Encoding e) {
    return UNDEFINED.containsKey(e.mnemonic());
  }

  /** What is wrong with {@code guest}, or "". May adapt {@code guest} where it may differ. */
  static String compare(Sample sample, CpuState host, CpuState guest) {
    String name = sample.name();
    int wordShift = wordDoubleShift(sample, name);
    if (wordShift > 16) {
      // Undefined: Intel takes bits of the destination again, AMD does not.
      return "";
    }
    if (convertsMmx(name) && sample.areaAddress != 0 && guest.vector == 16) {
      // With a memory operand AMD does not look for pending x87 exceptions.
      return "";
    }
    if ((name.equals("fxrstor") || name.equals("xrstor")) && isFault(host) && isFault(guest)) {
      // Which of an invalid image and a missing page is found first.
      return "";
    }
    if (isMaskedStore(name) && host.vector == 14 && guest.vector == CpuState.BREAKPOINT) {
      return "";
    }
    if (host.vector == guest.vector) {
      tolerate(sample, name, host, guest);
    }
    long mask = FLAGS & ~UNDEFINED.getOrDefault(name, 0);
    if ((name.equals("cmps") || name.equals("scas")) && isFault(host)) {
      // AMD leaves the flags of the elements before the fault, the SDM those before the first.
      mask &= ~Flags.ARITHMETIC;
    }
    if (wordShift == 16) {
      mask &= ~Flags.OF;
    }
    return CpuState.difference(host, guest, mask, sample.bits64);
  }

  /** The count of a SHLD or SHRD of 16 bits, else 0. */
  private static int wordDoubleShift(Sample sample, String name) {
    if (!name.equals("shld") && !name.equals("shrd")) {
      return 0;
    }
    boolean word = false;
    for (byte b : sample.bytes) {
      word |= b == 0x66;
      if (b == 0x0f) {
        break;
      }
    }
    boolean byCl = sample.encoding.operands.getLast().equals("CL");
    int count = (int) (byCl ? sample.in.r[1] : sample.bytes[sample.bytes.length - 1]) & 31;
    return word ? count : 0;
  }

  private static boolean isFault(CpuState s) {
    return s.vector == 13 || s.vector == 14;
  }

  /** A store whose mask is zero may fault or not (SDM vol. 2, MASKMOVQ). */
  private static boolean isMaskedStore(String name) {
    return name.endsWith("maskmovq") || name.endsWith("maskmovdqu");
  }

  /** Which of several inaccessible bytes faults first is not said of instructions like these. */
  private static boolean hasSeveralAccesses(String name) {
    return SEVERAL_ACCESSES.contains(name);
  }

  /** Conversions from and to MMX registers enter MMX state before, after or without a fault. */
  private static boolean convertsMmx(String name) {
    return name.startsWith("cvt") && (name.contains("pi2p") || name.endsWith("2pi"));
  }

  private static void tolerate(Sample sample, String name, CpuState host, CpuState guest) {
    if (RECIPROCALS.contains(name)) {
      for (int i = 0; i < 32; i++) {
        guest.x[i] = closeFloats(guest.x[i], host.x[i]);
        guest.yh[i] = closeFloats(guest.yh[i], host.yh[i]);
      }
    }
    if (name.equals("fyl2xp1") || name.equals("f2xm1")) {
      outsideDomain(sample, name, host, guest);
    }
    if (TRANSCENDENTALS.contains(name) && host.vector != 16) {
      guest.fsw = guest.fsw & ~FSW_OF_INEXACT | host.fsw & FSW_OF_INEXACT;
      for (int i = 0; i < 8; i++) {
        if (areNeighbours(guest, host, i)) {
          guest.significand[i] = host.significand[i];
          guest.signExponent[i] = host.signExponent[i];
          if ((host.signExponent[i] & 0x7fff) == 0) {
            guest.fsw = guest.fsw & ~UNDERFLOW | host.fsw & UNDERFLOW;
          }
        }
      }
    }
    if (name.equals("popa") && isFault(host)) {
      // AMD has loaded the registers before the one whose load faults.
      for (int i : new int[] {7, 6, 5, 3, 2, 1}) {
        guest.r[i] = host.r[i];
      }
    }
    if (hasSeveralAccesses(name)) {
      guest.cr2 = host.cr2;
    }
    if (name.equals("maskmovq") && host.vector == 14
        || convertsMmx(name) && (host.vector == 19 || sample.areaAddress != 0)) {
      guest.tags = host.tags;
      guest.fsw = guest.fsw & ~0x3800 | host.fsw & 0x3800;
    }
    saveAreas(sample, name, host, guest);
  }

  /** Results are undefined for operands outside the documented range (SDM vol. 2). */
  private static void outsideDomain(Sample sample, String name, CpuState host, CpuState guest) {
    int n = sample.in.top();
    int exponent = sample.in.signExponent[n] & 0x7fff;
    // 1 - sqrt(1/2) is a little above 1/4.
    if (exponent >= (name.equals("f2xm1") ? 16383 : 16383 - 2)) {
      guest.fsw = host.fsw;
      System.arraycopy(host.significand, 0, guest.significand, 0, 8);
      System.arraycopy(host.signExponent, 0, guest.signExponent, 0, 8);
    }
  }

  /**
   * The last x87 opcode and pointers: processors of one maker update them always, of the other for
   * unmasked exceptions only, in some only what those need.
   */
  private static void saveAreas(Sample sample, String name, CpuState host, CpuState guest) {
    int[] range =
        switch (name) {
          // Here also MXCSR_MASK, which has a bit more on AMD.
          case "fxsave", "xsave" -> new int[] {6, 26};
          // What is in its initial state need not be written.
          case "xsavec", "xsaveopt" -> new int[] {0, 832};
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

  private static boolean areNeighbours(CpuState a, CpuState b, int i) {
    int exponents = a.signExponent[i] - b.signExponent[i];
    if (exponents == 0) {
      return Math.abs(a.significand[i] - b.significand[i]) <= 1;
    }
    CpuState greater = exponents > 0 ? a : b;
    CpuState less = exponents > 0 ? b : a;
    return Math.abs(exponents) == 1
        && greater.significand[i] == Long.MIN_VALUE
        && less.significand[i] == -1;
  }

  private static long closeFloats(long guest, long host) {
    long v = 0;
    for (int at = 0; at < 64; at += 32) {
      int g = (int) (guest >>> at);
      int h = (int) (host >>> at);
      float a = Float.intBitsToFloat(g);
      float b = Float.intBitsToFloat(h);
      boolean close =
          Math.abs((double) a - b) <= Math.abs((double) b) * RECIPROCAL_ERROR
              || (g ^ h) >= 0 && (g & 0x7fff_ffff) <= TINY && (h & 0x7fff_ffff) <= TINY;
      v |= ((close ? h : g) & 0xffff_ffffL) << at;
    }
    return v;
  }

  static {
    assert (FLAGS & Flags.ARITHMETIC) == Flags.ARITHMETIC;
  }
}
