package org.tuber.truffle.x86.sys;

import org.tuber.truffle.x86.state.X86Cpu;

/**
 * Where the XSAVE area's components lie (SDM vol. 1, 13.4 and 13.5; CPUID leaf D). PKRU has its
 * place in the standard format behind those of MPX and AVX-512, which do not exist here.
 */
public final class XsaveLayout {
  /** State components as XCR0 bits. */
  public static final long X87 = 1;

  public static final long SSE = 1 << 1;
  public static final long AVX = 1 << 2;
  public static final long PKRU = 1 << 9;

  public static final int LEGACY_BYTES = 512;
  public static final int HEADER_BYTES = 64;

  /** Offset of the first component after the header. */
  public static final int EXTENDED = LEGACY_BYTES + HEADER_BYTES;

  public static final int AVX_BYTES = 256;
  public static final int PKRU_BYTES = 8;

  private static final int AVX_INDEX = 2;
  private static final int PKRU_INDEX = 9;
  private static final int PKRU_OFFSET = 0xa80;

  private XsaveLayout() {}

  static int componentBytes(int index) {
    return index == AVX_INDEX ? AVX_BYTES : index == PKRU_INDEX ? PKRU_BYTES : 0;
  }

  static int standardOffset(int index) {
    return index == AVX_INDEX ? EXTENDED : index == PKRU_INDEX ? PKRU_OFFSET : 0;
  }

  /** Offset of PKRU in the standard format, or in the compacted format with {@code layout}. */
  public static int pkruOffset(boolean compact, long layout) {
    if (!compact) {
      return PKRU_OFFSET;
    }
    return (layout & AVX) != 0 ? EXTENDED + AVX_BYTES : EXTENDED;
  }

  /**
   * XINUSE: x87 and SSE always count as in use, which the manual leaves open; AVX when an upper
   * half is not zero, PKRU when it is not zero.
   */
  public static long inUse(X86Cpu c) {
    long used = X87 | SSE | (c.pkru != 0 ? PKRU : 0);
    for (int i = 0; i < 2 * registers(c); i++) {
      used |= c.home.y[i] != 0 ? AVX : 0;
    }
    return used;
  }

  /** XMM and YMM registers that the present mode can name. */
  public static int registers(X86Cpu c) {
    return c.is64Bit() ? 16 : 8;
  }

  /** Size of an area in the standard format for {@code components}. */
  public static int standardBytes(long components) {
    if ((components & PKRU) != 0) {
      return PKRU_OFFSET + PKRU_BYTES;
    }
    return (components & AVX) != 0 ? EXTENDED + AVX_BYTES : EXTENDED;
  }

  /** Size of an area in the compacted format for {@code components}. */
  public static int compactBytes(long components) {
    return EXTENDED
        + ((components & AVX) != 0 ? AVX_BYTES : 0)
        + ((components & PKRU) != 0 ? PKRU_BYTES : 0);
  }
}
