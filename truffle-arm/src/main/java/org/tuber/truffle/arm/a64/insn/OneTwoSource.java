package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.sys.ArmFeature;

/** One- and two-source data processing (Arm ARM C4.1.95): division, variable shifts, bits, CRC. */
final class OneTwoSource {
  private static final long LOW = 0xffff_ffffL;

  /** CRC-32 (04C11DB7) and CRC-32C (1EDC6F41), bit-reversed. */
  private static final int[] CRC32 = crcTable(0xedb8_8320);

  private static final int[] CRC32C = crcTable(0x82f6_3b78);

  private OneTwoSource() {}

  static void addTo(A64Rows rows) {
    addTwoSource(rows);
    addOneSource(rows);
    addCrc(rows, "CRC32", "0", CRC32);
    addCrc(rows, "CRC32C", "1", CRC32C);
  }

  private static Row two(A64Rows rows, String opcode, String name) {
    return rows.row("s0011010110mmmmm" + opcode + "nnnnnddddd", name + " <Xd>, <Xn>, <Xm>");
  }

  private static void addTwoSource(A64Rows rows) {
    two(rows, "000010", "UDIV")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = udiv32((int) s.r[n(w0)], (int) s.r[m(w0)]) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = udiv64(s.r[n(w0)], s.r[m(w0)]));
    two(rows, "000011", "SDIV")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = sdiv32((int) s.r[n(w0)], (int) s.r[m(w0)]) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = sdiv64(s.r[n(w0)], s.r[m(w0)]));
    two(rows, "001000", "LSLV")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = (int) s.r[n(w0)] << (int) s.r[m(w0)] & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] << s.r[m(w0)]);
    two(rows, "001001", "LSRV")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = (int) s.r[n(w0)] >>> (int) s.r[m(w0)] & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] >>> s.r[m(w0)]);
    two(rows, "001010", "ASRV")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = (int) s.r[n(w0)] >> (int) s.r[m(w0)] & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = s.r[n(w0)] >> s.r[m(w0)]);
    two(rows, "001011", "RORV")
        .by(
            "s",
            (s, c, w0, w1) ->
                s.r[d(w0)] = Integer.rotateRight((int) s.r[n(w0)], (int) s.r[m(w0)]) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = Long.rotateRight(s.r[n(w0)], (int) s.r[m(w0)]));
  }

  // Without a branch, and never by zero or, as its quotient may overflow, by -1: compiled code is
  // given up when it meets these divisors, even where the result would not be used.

  /** 1 for zero, else 0. */
  private static int isZero(long y) {
    return (int) ((y | -y) >>> 63) ^ 1;
  }

  private static int udiv32(int x, int y) {
    int zero = isZero(y);
    return Integer.divideUnsigned(x, y + zero) & (zero - 1);
  }

  private static long udiv64(long x, long y) {
    int zero = isZero(y);
    return Long.divideUnsigned(x, y + zero) & (zero - 1);
  }

  private static int sdiv32(int x, int y) {
    return (int) sdiv64(x, y);
  }

  private static long sdiv64(long x, long y) {
    long special = isZero(y + 1 & ~1);
    long quotient = x / (y & (special - 1) | special);
    return quotient & (special - 1) | -(x & y) & -special;
  }

  private static Row one(A64Rows rows, String sf, String opcode, String name) {
    return rows.row(sf + "101101011000000" + opcode + "nnnnnddddd", name + " <Xd>, <Xn>");
  }

  private static void addOneSource(A64Rows rows) {
    one(rows, "s", "000000", "RBIT")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = Integer.reverse((int) s.r[n(w0)]) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = Long.reverse(s.r[n(w0)]));
    one(rows, "s", "000001", "REV16")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = swapBytes(s.r[n(w0)]) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = swapBytes(s.r[n(w0)]));
    one(rows, "0", "000010", "REV")
        .does((s, c, w0, w1) -> s.r[d(w0)] = Integer.reverseBytes((int) s.r[n(w0)]) & LOW);
    one(rows, "1", "000010", "REV32")
        .does((s, c, w0, w1) -> s.r[d(w0)] = Long.rotateLeft(Long.reverseBytes(s.r[n(w0)]), 32));
    one(rows, "1", "000011", "REV64")
        .does((s, c, w0, w1) -> s.r[d(w0)] = Long.reverseBytes(s.r[n(w0)]));
    one(rows, "s", "000100", "CLZ")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = Integer.numberOfLeadingZeros((int) s.r[n(w0)]),
            (s, c, w0, w1) -> s.r[d(w0)] = Long.numberOfLeadingZeros(s.r[n(w0)]));
    one(rows, "s", "000101", "CLS")
        .by(
            "s",
            (s, c, w0, w1) -> s.r[d(w0)] = leadingSigns32((int) s.r[n(w0)]),
            (s, c, w0, w1) -> s.r[d(w0)] = leadingSigns(s.r[n(w0)]));
  }

  private static long swapBytes(long v) {
    return (v & 0x00ff_00ff_00ff_00ffL) << 8 | v >>> 8 & 0x00ff_00ff_00ff_00ffL;
  }

  private static int leadingSigns(long v) {
    return Long.numberOfLeadingZeros(v ^ v >> 63) - 1;
  }

  private static int leadingSigns32(int v) {
    return Integer.numberOfLeadingZeros(v ^ v >> 31) - 1;
  }

  private static void addCrc(A64Rows rows, String name, String kind, int[] table) {
    rows.row("00011010110mmmmm010" + kind + "00nnnnnddddd", name + "B <Wd>, <Wn>, <Wm>")
        .needs(ArmFeature.CRC32)
        .does((s, c, w0, w1) -> s.r[d(w0)] = crc(table, s.r[n(w0)], s.r[m(w0)], 1));
    rows.row("00011010110mmmmm010" + kind + "01nnnnnddddd", name + "H <Wd>, <Wn>, <Wm>")
        .needs(ArmFeature.CRC32)
        .does((s, c, w0, w1) -> s.r[d(w0)] = crc(table, s.r[n(w0)], s.r[m(w0)], 2));
    rows.row("00011010110mmmmm010" + kind + "10nnnnnddddd", name + "W <Wd>, <Wn>, <Wm>")
        .needs(ArmFeature.CRC32)
        .does((s, c, w0, w1) -> s.r[d(w0)] = crc(table, s.r[n(w0)], s.r[m(w0)], 4));
    rows.row("10011010110mmmmm010" + kind + "11nnnnnddddd", name + "X <Wd>, <Wn>, <Xm>")
        .needs(ArmFeature.CRC32)
        .does((s, c, w0, w1) -> s.r[d(w0)] = crc(table, s.r[n(w0)], s.r[m(w0)], 8));
  }

  @TruffleBoundary
  private static long crc(int[] table, long accumulator, long data, int bytes) {
    int crc = (int) accumulator;
    for (int i = 0; i < bytes; i++) {
      crc = table[(crc ^ (int) (data >>> 8 * i)) & 0xff] ^ crc >>> 8;
    }
    return crc & LOW;
  }

  private static int[] crcTable(int polynomial) {
    int[] table = new int[256];
    for (int i = 0; i < 256; i++) {
      int v = i;
      for (int bit = 0; bit < 8; bit++) {
        v = (v & 1) != 0 ? v >>> 1 ^ polynomial : v >>> 1;
      }
      table[i] = v;
    }
    return table;
  }
}
