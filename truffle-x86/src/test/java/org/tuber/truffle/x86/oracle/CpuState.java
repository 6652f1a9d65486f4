package org.tuber.truffle.x86.oracle;

import java.util.Arrays;

/**
 * The user-visible registers of an x86-64 CPU, with the memory that test code may touch and what
 * stopped it. Both sides of the comparison start from one of these and end in one.
 */
final class CpuState {
  /** First address of the code pages. */
  static final long CODE = NativePages.BASE;

  /** Two pages of code; what follows is not mapped. */
  static final int CODE_BYTES = 0x2000;

  /** First address of the data pages; the pages around them are not mapped. */
  static final long DATA = CODE + 0x1_0000;

  static final int DATA_BYTES = 0x2000;

  /** The vector of INT3, with which all code ends that does not fault. */
  static final int BREAKPOINT = 3;

  static final int RSP = 4;

  final long[] r = new long[16];
  long rip;
  long rflags = 0x202;
  long fsBase;
  long gsBase;

  /** XMM n at 2n and 2n + 1. */
  final long[] x = new long[32];

  /** Bits 255:128 of YMM n at 2n and 2n + 1. */
  final long[] yh = new long[32];

  int mxcsr = 0x1f80;
  int fcw = 0x37f;
  int fsw;

  /** Bit n: physical register n holds something. */
  int tags;

  /** Significands by physical number. */
  final long[] significand = new long[8];

  /** Sign and exponent by physical number. */
  final int[] signExponent = new int[8];

  final byte[] data = new byte[DATA_BYTES];

  /** The exception that ended the run; -1: it did not end. */
  int vector;

  long errorCode;

  /** Address of a page fault. */
  long cr2;

  int top() {
    return fsw >> 11 & 7;
  }

  void copyFrom(CpuState o) {
    System.arraycopy(o.r, 0, r, 0, 16);
    rip = o.rip;
    rflags = o.rflags;
    fsBase = o.fsBase;
    gsBase = o.gsBase;
    System.arraycopy(o.x, 0, x, 0, 32);
    System.arraycopy(o.yh, 0, yh, 0, 32);
    mxcsr = o.mxcsr;
    fcw = o.fcw;
    fsw = o.fsw;
    tags = o.tags;
    System.arraycopy(o.significand, 0, significand, 0, 8);
    System.arraycopy(o.signExponent, 0, signExponent, 0, 8);
    System.arraycopy(o.data, 0, data, 0, DATA_BYTES);
    vector = o.vector;
    errorCode = o.errorCode;
    cr2 = o.cr2;
  }

  CpuState copy() {
    CpuState s = new CpuState();
    s.copyFrom(this);
    return s;
  }

  /** Writes {@code bytes} low bytes of {@code value} at a guest address, where it is data. */
  void poke(long address, long value, int bytes) {
    for (int i = 0; i < bytes; i++) {
      long at = address + i - DATA;
      if (at >= 0 && at < DATA_BYTES) {
        data[(int) at] = (byte) (value >>> (8 * i));
      }
    }
  }

  private static final String[] NAMES = {
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"
  };

  /** What differs from a state in which everything is zero or as after a reset. */
  String describe() {
    StringBuilder t = new StringBuilder();
    for (int i = 0; i < 16; i++) {
      hex(t, NAMES[i], r[i], 0);
    }
    hex(t, "rip", rip, 0);
    hex(t, "rflags", rflags, 0x202);
    hex(t, "fs", fsBase, 0);
    hex(t, "gs", gsBase, 0);
    for (int i = 0; i < 16; i++) {
      if ((x[2 * i] | x[2 * i + 1] | yh[2 * i] | yh[2 * i + 1]) != 0) {
        t.append(
            String.format(
                " ymm%d=%016x_%016x_%016x_%016x",
                i, yh[2 * i + 1], yh[2 * i], x[2 * i + 1], x[2 * i]));
      }
    }
    hex(t, "mxcsr", mxcsr, 0x1f80);
    hex(t, "fcw", fcw, 0x37f);
    hex(t, "fsw", fsw, 0);
    hex(t, "tags", tags, 0);
    for (int i = 0; i < 8; i++) {
      if (significand[i] != 0 || signExponent[i] != 0) {
        t.append(
            String.format(
                " st%d=%04x_%016x", (i - top()) & 7, signExponent[i] & 0xffff, significand[i]));
      }
    }
    int i = 0;
    while (i < DATA_BYTES) {
      if (data[i] == 0) {
        i++;
        continue;
      }
      int from = i & -8;
      t.append(String.format(" [%x]=", DATA + from));
      for (int k = 7; k >= 0; k--) {
        t.append(String.format("%02x", data[from + k]));
      }
      i = from + 8;
    }
    return t.toString().strip();
  }

  private static void hex(StringBuilder t, String name, long v, long usual) {
    if (v != usual) {
      t.append(' ').append(name).append('=').append(Long.toHexString(v));
    }
  }

  /**
   * What differs between two outcomes, or "".
   *
   * @param host what the processor left
   * @param flagsMask RFLAGS bits that count
   * @param bits64 false: only the low halves of the first eight registers count
   */
  static String difference(CpuState host, CpuState guest, long flagsMask, boolean bits64) {
    StringBuilder t = new StringBuilder();
    if (host.vector != guest.vector) {
      t.append(" vector ").append(guest.vector).append(" not ").append(host.vector);
      t.append(", rip ").append(Long.toHexString(guest.rip));
      t.append(" host ").append(Long.toHexString(host.rip));
      return t.toString().strip();
    }
    differ(t, "error code", guest.errorCode, host.errorCode);
    if (host.vector == 14) {
      differ(t, "cr2", guest.cr2, host.cr2);
    }
    long width = bits64 ? -1 : 0xffff_ffffL;
    for (int i = 0; i < 16; i++) {
      differ(t, NAMES[i], guest.r[i] & width, host.r[i] & width);
    }
    differ(t, "rip", guest.rip, host.rip);
    differ(t, "rflags", guest.rflags & flagsMask, host.rflags & flagsMask);
    differ(t, "fs", guest.fsBase, host.fsBase);
    differ(t, "gs", guest.gsBase, host.gsBase);
    for (int i = 0; i < 32; i++) {
      differ(t, "xmm" + i / 2 + (i % 2 == 0 ? ".low" : ".high"), guest.x[i], host.x[i]);
    }
    for (int i = 0; i < 32; i++) {
      differ(t, "ymm" + i / 2 + (i % 2 == 0 ? ".2" : ".3"), guest.yh[i], host.yh[i]);
    }
    differ(t, "mxcsr", guest.mxcsr, host.mxcsr);
    differ(t, "fcw", guest.fcw, host.fcw);
    differ(t, "fsw", guest.fsw, host.fsw);
    differ(t, "tags", guest.tags, host.tags);
    for (int i = 0; i < 8; i++) {
      String name = "st" + ((i - host.top()) & 7);
      differ(t, name + ".high", guest.signExponent[i], host.signExponent[i]);
      differ(t, name, guest.significand[i], host.significand[i]);
    }
    int at = Arrays.mismatch(guest.data, host.data);
    if (at >= 0) {
      int from = at & -8;
      t.append(String.format(" [%x]", DATA + from));
      for (int k = 7; k >= 0; k--) {
        t.append(String.format("%s%02x", k == 7 ? " " : "", guest.data[from + k]));
      }
      t.append(" not");
      for (int k = 7; k >= 0; k--) {
        t.append(String.format("%s%02x", k == 7 ? " " : "", host.data[from + k]));
      }
    }
    return t.toString().strip();
  }

  private static void differ(StringBuilder t, String name, long guest, long host) {
    if (guest != host) {
      t.append(' ').append(name).append(' ').append(Long.toHexString(guest));
      t.append(" not ").append(Long.toHexString(host));
    }
  }
}
