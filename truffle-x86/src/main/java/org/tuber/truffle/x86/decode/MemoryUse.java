package org.tuber.truffle.x86.decode;

import java.util.Set;

/** What an instruction does with its memory operand, for the checks of a segment's type. */
enum MemoryUse {
  /** Takes the address alone, or does nothing when it may not do more. */
  NONE,
  READ,
  /** Also where it reads before. */
  WRITE;

  /** With a first operand in memory that is not the destination. */
  private static final Set<String> READERS =
      Set.of(
          "bt",
          "call",
          "callf",
          "cmp",
          "div",
          "fxrstor",
          "idiv",
          "imul",
          "jmp",
          "jmpf",
          "ldmxcsr",
          "lgdt",
          "lidt",
          "lldt",
          "lmsw",
          "ltr",
          "mul",
          "push",
          "test",
          "verr",
          "verw",
          "vldmxcsr",
          "xrstor",
          "xrstors");

  private static final Set<String> NEITHER =
      Set.of("clflush", "clflushopt", "clwb", "invlpg", "lea", "nop", "prefetch", "prefetchw");

  static MemoryUse of(String mnemonic, String[] operands) {
    if (operands.length == 0 || NEITHER.contains(mnemonic)) {
      return NONE;
    }
    if (READERS.contains(mnemonic)) {
      return READ;
    }
    if (mnemonic.charAt(0) == 'f') {
      return storesX87(mnemonic) ? WRITE : READ;
    }
    // E, M, W, Q, O in the first place; the address of MASKMOVQ and its kin is implied.
    boolean isDestination = "EMWQO".indexOf(operands[0].charAt(0)) >= 0;
    return isDestination || mnemonic.endsWith("maskmovq") || mnemonic.endsWith("maskmovdqu")
        ? WRITE
        : READ;
  }

  private static boolean storesX87(String mnemonic) {
    return mnemonic.startsWith("fst")
        || mnemonic.startsWith("fist")
        || mnemonic.startsWith("fbst")
        || mnemonic.startsWith("fnst")
        || mnemonic.equals("fnsave")
        || mnemonic.startsWith("fxsave");
  }
}
