package org.tuber.truffle.arm.sys;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.Reg;
import org.tuber.truffle.arm.state.Sctlr;
import org.tuber.truffle.arm.state.Syndrome;
import org.tuber.truffle.arm.state.Tcr;

/**
 * Pointer authentication (Arm ARM D8.8, FEAT_PAuth with the architected algorithm): codes in the
 * unused upper bits of pointers. One object per CPU.
 *
 * <p>FEAT_EPAC, FEAT_PAuth2 and FEAT_FPAC are not there: a code that does not fit gives a pointer
 * that no translation accepts.
 */
public final class PointerAuth {
  /** Keys by number: {@link Reg#APIA_LO} and so on. */
  public static final int IA = 0;

  public static final int IB = 1;
  public static final int DA = 2;
  public static final int DB = 3;
  private static final int GA = 4;

  private static final long[] ENABLE = {Sctlr.ENIA, Sctlr.ENIB, Sctlr.ENDA, Sctlr.ENDB};

  // HCR_EL2 and SCR_EL3: no traps.
  private static final long HCR_APK = 1L << 40;
  private static final long HCR_API = 1L << 41;
  private static final long SCR_APK = 1L << 16;
  private static final long SCR_API = 1L << 17;

  private static final int LARGEST_SIZE_FIELD = 39;
  private static final int SMALLEST_SIZE_FIELD = 16;

  /** Functions sign the same few return addresses again and again. */
  private static final int MEMORY = 1 << 9;

  private final ArmCpu c;
  private final long[] pointers = new long[MEMORY];
  private final long[] modifiers = new long[MEMORY];
  private final long[] upperKeys = new long[MEMORY];
  private final long[] lowerKeys = new long[MEMORY];
  private final long[] codes = new long[MEMORY];

  public PointerAuth(ArmCpu c) {
    this.c = c;
  }

  /** Keys that {@code sctlr} enables, as bits by number. */
  public static int enabledKeys(long sctlr) {
    int keys = 0;
    for (int k = 0; k < ENABLE.length; k++) {
      keys |= (sctlr & ENABLE[k]) != 0 ? 1 << k : 0;
    }
    return keys;
  }

  /** Level that wants to see accesses to the key registers, or 0. */
  int keyTrapLevel() {
    return trapLevel(HCR_APK, SCR_APK);
  }

  private int trapLevel(long hcrBit, long scrBit) {
    if (c.el < 2 && c.has(2) && (c.sys[Reg.HCR_EL2] & hcrBit) == 0) {
      return 2;
    }
    return c.el < 3 && c.has(3) && (c.sys[Reg.SCR_EL3] & scrBit) == 0 ? 3 : 0;
  }

  private void permit() {
    int level = trapLevel(HCR_API, SCR_API);
    if (level != 0) {
      throw c.exceptionTo(level, Syndrome.POINTER_AUTHENTICATION_TRAP, 0);
    }
  }

  // ---------------------------------------------------------------- the instructions

  /** PACIA and its like. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public long add(long pointer, long modifier, int key) {
    permit();
    boolean isData = key >= DA;
    boolean tbi = ignoresTop(pointer, isData);
    long sign = signOf(pointer, isData, tbi);
    int bottom = bottomBit(sign != 0);
    int top = tbi ? 55 : 63;
    long field = ones(bottom, top);
    long code = code(pointer & ~field | sign & field, modifier, key);
    long extension = pointer & field;
    if (extension != 0 && extension != field) {
      code ^= 1L << top - 1;
    }
    long place = placeOf(bottom, tbi);
    return pointer & ~place & ~(1L << 55) | code & place | sign & 1L << 55;
  }

  /** AUTIA and its like. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public long authenticate(long pointer, long modifier, int key) {
    permit();
    boolean isData = key >= DA;
    boolean tbi = ignoresTop(pointer, isData);
    int bottom = bottomBit(pointer << 8 < 0);
    long original = stripped(pointer, tbi, bottom);
    long place = placeOf(bottom, tbi);
    if (((code(original, modifier, key) ^ pointer) & place) == 0) {
      return original;
    }
    long error = (key & 1) != 0 ? 2 : 1;
    int at = tbi ? 53 : 61;
    return original & ~(3L << at) | error << at;
  }

  /** XPACI and XPACD. */
  @TruffleBoundary
  public long strip(long pointer, boolean isData) {
    return stripped(pointer, ignoresTop(pointer, isData), bottomBit(pointer << 8 < 0));
  }

  /** PACGA. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public long generic(long value, long modifier) {
    permit();
    return code(value, modifier, GA) & 0xffff_ffff_0000_0000L;
  }

  // ---------------------------------------------------------------- where the code is

  private static long ones(int low, int high) {
    return -1L << low & -1L >>> 63 - high;
  }

  /** Bits that hold the code: all but bit 55, which says which range the pointer is of. */
  private static long placeOf(int bottom, boolean tbi) {
    return ones(bottom, 54) | (tbi ? 0 : 0xffL << 56);
  }

  private static long stripped(long pointer, boolean tbi, int bottom) {
    long field = ones(bottom, tbi ? 55 : 63);
    return pointer << 8 < 0 ? pointer | field : pointer & ~field;
  }

  private boolean ignoresTop(long pointer, boolean isData) {
    if (c.el > 1) {
      long tcr = c.sys[c.el == 2 ? Reg.TCR_EL2 : Reg.TCR_EL3];
      return (tcr & Tcr.SINGLE_TBI) != 0 && (isData || (tcr & Tcr.SINGLE_TBID) == 0);
    }
    return pointer << 8 < 0
        ? ignoresTop(Tcr.TBI1, Tcr.TBID1, isData)
        : ignoresTop(Tcr.TBI0, Tcr.TBID0, isData);
  }

  private boolean ignoresTop(long tbi, long tbid, boolean isData) {
    long tcr = c.sys[Reg.TCR_EL1];
    return (tcr & tbi) != 0 && (isData || (tcr & tbid) == 0);
  }

  /** What extends the pointer: bit 55 where a tag may be in the way, else bit 63; as 0 or -1. */
  private long signOf(long pointer, boolean isData, boolean tbi) {
    boolean tagged =
        c.el > 1
            ? tbi
            : ignoresTop(Tcr.TBI0, Tcr.TBID0, isData) || ignoresTop(Tcr.TBI1, Tcr.TBID1, isData);
    return tagged ? pointer << 8 >> 63 : pointer >> 63;
  }

  private int bottomBit(boolean upper) {
    long tcr = c.sys[c.el <= 1 ? Reg.TCR_EL1 : c.el == 2 ? Reg.TCR_EL2 : Reg.TCR_EL3];
    int size = (int) (tcr >>> (upper && c.el <= 1 ? Tcr.T1SZ_SHIFT : Tcr.T0SZ_SHIFT)) & 63;
    return 64 - Math.clamp(size, SMALLEST_SIZE_FIELD, LARGEST_SIZE_FIELD);
  }

  // ---------------------------------------------------------------- the code

  private long code(long pointer, long modifier, int key) {
    long lower = c.sys[Reg.APIA_LO + 2 * key];
    long upper = c.sys[Reg.APIA_HI + 2 * key];
    int i = (int) (pointer >>> 2 ^ modifier >>> 4 ^ modifier << 3 ^ lower) & MEMORY - 1;
    if (pointers[i] != pointer
        || modifiers[i] != modifier
        || lowerKeys[i] != lower
        || upperKeys[i] != upper
        || pointer == 0) {
      codes[i] = Qarma5.encrypt(pointer, modifier, upper, lower);
      pointers[i] = pointer;
      modifiers[i] = modifier;
      lowerKeys[i] = lower;
      upperKeys[i] = upper;
    }
    return codes[i];
  }
}
