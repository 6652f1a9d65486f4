package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.a;
import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.sys.ArmFeature;

/**
 * Cryptographic instructions (Arm ARM C4.1.97): AES rounds, SHA-1, SHA-256, SHA-512, SHA-3,
 * carry-less products. SM3 and SM4 are declared only, no model has them.
 */
final class Crypto {
  private Crypto() {}

  static void addTo(A64Rows rows) {
    addAes(rows);
    addSha1(rows);
    addSha256(rows);
    addSha512(rows);
    addSha3(rows);
    addChinese(rows);
  }

  // ---------------------------------------------------------------- products without carries

  @TruffleBoundary(transferToInterpreterOnException = false)
  static long carrylessLow(long x, long y) {
    long r = 0;
    for (long rest = y; rest != 0; rest &= rest - 1) {
      r ^= x << Long.numberOfTrailingZeros(rest);
    }
    return r;
  }

  @TruffleBoundary(transferToInterpreterOnException = false)
  static long carrylessHigh(long x, long y) {
    long r = 0;
    for (long rest = y & -2; rest != 0; rest &= rest - 1) {
      r ^= x >>> (64 - Long.numberOfTrailingZeros(rest));
    }
    return r;
  }

  // ---------------------------------------------------------------- AES

  private static void addAes(A64Rows rows) {
    aes(rows, "00100", "AESE")
        .does(
            (s, c, w0, w1) -> {
              long low = s.v[2 * d(w0)] ^ s.v[2 * n(w0)];
              long high = s.v[2 * d(w0) + 1] ^ s.v[2 * n(w0) + 1];
              Lanes.set(s, w0, AesRound.encrypt(low, high), AesRound.encrypt(high, low));
            });
    aes(rows, "00101", "AESD")
        .does(
            (s, c, w0, w1) -> {
              long low = s.v[2 * d(w0)] ^ s.v[2 * n(w0)];
              long high = s.v[2 * d(w0) + 1] ^ s.v[2 * n(w0) + 1];
              Lanes.set(s, w0, AesRound.decrypt(low, high), AesRound.decrypt(high, low));
            });
    aes(rows, "00110", "AESMC")
        .does(
            (s, c, w0, w1) ->
                Lanes.set(s, w0, AesRound.mix(s.v[2 * n(w0)]), AesRound.mix(s.v[2 * n(w0) + 1])));
    aes(rows, "00111", "AESIMC")
        .does(
            (s, c, w0, w1) ->
                Lanes.set(
                    s, w0, AesRound.unmix(s.v[2 * n(w0)]), AesRound.unmix(s.v[2 * n(w0) + 1])));
  }

  private static Row aes(A64Rows rows, String op, String name) {
    return rows.row("0100111000101000" + op.substring(1) + "10nnnnnddddd", name + " <Vd>, <Vn>")
        .vector("dn")
        .needs(ArmFeature.AES);
  }

  // ---------------------------------------------------------------- SHA-1

  private static Row three(A64Rows rows, String op, String name, ArmFeature feature) {
    return rows.row("01011110000mmmmm0" + op + "00nnnnnddddd", name + " <Vd>, <Vn>, <Vm>")
        .vector("dnm")
        .needs(feature);
  }

  private static Row two(A64Rows rows, String op, String name, ArmFeature feature) {
    return rows.row("0101111000101000" + op.substring(1) + "10nnnnnddddd", name + " <Vd>, <Vn>")
        .vector("dn")
        .needs(feature);
  }

  private static void addSha1(A64Rows rows) {
    three(rows, "000", "SHA1C", ArmFeature.SHA1).does((s, c, w0, w1) -> sha1(s, w0, 0));
    three(rows, "001", "SHA1P", ArmFeature.SHA1).does((s, c, w0, w1) -> sha1(s, w0, 1));
    three(rows, "010", "SHA1M", ArmFeature.SHA1).does((s, c, w0, w1) -> sha1(s, w0, 2));
    three(rows, "011", "SHA1SU0", ArmFeature.SHA1)
        .does(
            (s, c, w0, w1) -> {
              long low = s.v[2 * d(w0)];
              long high = s.v[2 * d(w0) + 1];
              long x = high ^ low ^ s.v[2 * m(w0)];
              long y = s.v[2 * n(w0)] ^ high ^ s.v[2 * m(w0) + 1];
              Lanes.set(s, w0, x, y);
            });
    two(rows, "00000", "SHA1H", ArmFeature.SHA1)
        .does(
            (s, c, w0, w1) ->
                Lanes.set(s, w0, Integer.rotateLeft((int) s.v[2 * n(w0)], 30) & Fp.LOW, 0));
    two(rows, "00001", "SHA1SU1", ArmFeature.SHA1)
        .does(
            (s, c, w0, w1) -> {
              long low = s.v[2 * n(w0)];
              long high = s.v[2 * n(w0) + 1];
              long x = s.v[2 * d(w0)] ^ (low >>> 32 | high << 32);
              long y = s.v[2 * d(w0) + 1] ^ high >>> 32;
              int w0New = Integer.rotateLeft((int) x, 1);
              int w1New = Integer.rotateLeft((int) (x >>> 32), 1);
              int w2New = Integer.rotateLeft((int) y, 1);
              int w3New = Integer.rotateLeft((int) (y >>> 32), 1) ^ Integer.rotateLeft((int) x, 2);
              Lanes.set(s, w0, pair(w0New, w1New), pair(w2New, w3New));
            });
  }

  private static long pair(int low, int high) {
    return low & Fp.LOW | (long) high << 32;
  }

  /** Four rounds; {@code kind} 0 chooses, 1 is parity, 2 majority. */
  private static void sha1(ArmState s, long w0, int kind) {
    int x0 = (int) s.v[2 * d(w0)];
    int x1 = (int) (s.v[2 * d(w0)] >>> 32);
    int x2 = (int) s.v[2 * d(w0) + 1];
    int x3 = (int) (s.v[2 * d(w0) + 1] >>> 32);
    int y = (int) s.v[2 * n(w0)];
    for (int i = 0; i < 4; i++) {
      int w = (int) (s.v[2 * m(w0) + (i >> 1)] >>> 32 * (i & 1));
      int f =
          switch (kind) {
            case 0 -> x3 ^ x1 & (x2 ^ x3);
            case 1 -> x1 ^ x2 ^ x3;
            default -> x1 & x2 | (x1 | x2) & x3;
          };
      int t = y + Integer.rotateLeft(x0, 5) + f + w;
      y = x3;
      x3 = x2;
      x2 = Integer.rotateLeft(x1, 30);
      x1 = x0;
      x0 = t;
    }
    Lanes.set(s, w0, pair(x0, x1), pair(x2, x3));
  }

  // ---------------------------------------------------------------- SHA-256

  private static void addSha256(A64Rows rows) {
    three(rows, "100", "SHA256H", ArmFeature.SHA256)
        .does((s, c, w0, w1) -> sha256(s, w0, 2 * d(w0), 2 * n(w0), true));
    three(rows, "101", "SHA256H2", ArmFeature.SHA256)
        .does((s, c, w0, w1) -> sha256(s, w0, 2 * n(w0), 2 * d(w0), false));
    three(rows, "110", "SHA256SU1", ArmFeature.SHA256).does((s, c, w0, w1) -> schedule(s, w0));
    two(rows, "00010", "SHA256SU0", ArmFeature.SHA256)
        .does(
            (s, c, w0, w1) -> {
              long low = s.v[2 * d(w0)];
              long high = s.v[2 * d(w0) + 1];
              int t3 = (int) s.v[2 * n(w0)];
              int r0 = (int) low + small0((int) (low >>> 32));
              int r1 = (int) (low >>> 32) + small0((int) high);
              int r2 = (int) high + small0((int) (high >>> 32));
              int r3 = (int) (high >>> 32) + small0(t3);
              Lanes.set(s, w0, pair(r0, r1), pair(r2, r3));
            });
  }

  private static int small0(int v) {
    return Integer.rotateRight(v, 7) ^ Integer.rotateRight(v, 18) ^ v >>> 3;
  }

  private static int small1(int v) {
    return Integer.rotateRight(v, 17) ^ Integer.rotateRight(v, 19) ^ v >>> 10;
  }

  private static void sha256(ArmState s, long w0, int x, int y, boolean first) {
    int x0 = (int) s.v[x];
    int x1 = (int) (s.v[x] >>> 32);
    int x2 = (int) s.v[x + 1];
    int x3 = (int) (s.v[x + 1] >>> 32);
    int y0 = (int) s.v[y];
    int y1 = (int) (s.v[y] >>> 32);
    int y2 = (int) s.v[y + 1];
    int y3 = (int) (s.v[y + 1] >>> 32);
    for (int i = 0; i < 4; i++) {
      int w = (int) (s.v[2 * m(w0) + (i >> 1)] >>> 32 * (i & 1));
      int big1 =
          Integer.rotateRight(y0, 6) ^ Integer.rotateRight(y0, 11) ^ Integer.rotateRight(y0, 25);
      int t = y3 + big1 + (y2 ^ y0 & (y1 ^ y2)) + w;
      int big0 =
          Integer.rotateRight(x0, 2) ^ Integer.rotateRight(x0, 13) ^ Integer.rotateRight(x0, 22);
      int next = t + big0 + (x0 & x1 | (x0 | x1) & x2);
      y3 = y2;
      y2 = y1;
      y1 = y0;
      y0 = x3 + t;
      x3 = x2;
      x2 = x1;
      x1 = x0;
      x0 = next;
    }
    if (first) {
      Lanes.set(s, w0, pair(x0, x1), pair(x2, x3));
    } else {
      Lanes.set(s, w0, pair(y0, y1), pair(y2, y3));
    }
  }

  /** SHA256SU1. */
  private static void schedule(ArmState s, long w0) {
    long nLow = s.v[2 * n(w0)];
    long nHigh = s.v[2 * n(w0) + 1];
    long mLow = s.v[2 * m(w0)];
    long mHigh = s.v[2 * m(w0) + 1];
    long dLow = s.v[2 * d(w0)];
    long dHigh = s.v[2 * d(w0) + 1];
    int r0 = (int) dLow + (int) (nLow >>> 32) + small1((int) mHigh);
    int r1 = (int) (dLow >>> 32) + (int) nHigh + small1((int) (mHigh >>> 32));
    int r2 = (int) dHigh + (int) (nHigh >>> 32) + small1(r0);
    int r3 = (int) (dHigh >>> 32) + (int) mLow + small1(r1);
    Lanes.set(s, w0, pair(r0, r1), pair(r2, r3));
  }

  // ---------------------------------------------------------------- SHA-512

  private static Row sha512(A64Rows rows, String op, String name, ArmFeature feature) {
    return rows.row("11001110011mmmmm1000" + op + "nnnnnddddd", name + " <Vd>, <Vn>, <Vm>")
        .vector("dnm")
        .needs(feature);
  }

  private static long big0(long v) {
    return Long.rotateRight(v, 28) ^ Long.rotateRight(v, 34) ^ Long.rotateRight(v, 39);
  }

  private static long big1(long v) {
    return Long.rotateRight(v, 14) ^ Long.rotateRight(v, 18) ^ Long.rotateRight(v, 41);
  }

  private static void addSha512(A64Rows rows) {
    sha512(rows, "00", "SHA512H", ArmFeature.SHA512)
        .does(
            (s, c, w0, w1) -> {
              long x0 = s.v[2 * n(w0)];
              long x1 = s.v[2 * n(w0) + 1];
              long y0 = s.v[2 * m(w0)];
              long y1 = s.v[2 * m(w0) + 1];
              long high = (y1 & x0 ^ ~y1 & x1) + big1(y1) + s.v[2 * d(w0) + 1];
              long t = high + y0;
              long low = (t & y1 ^ ~t & x0) + big1(t) + s.v[2 * d(w0)];
              Lanes.set(s, w0, low, high);
            });
    sha512(rows, "01", "SHA512H2", ArmFeature.SHA512)
        .does(
            (s, c, w0, w1) -> {
              long x0 = s.v[2 * n(w0)];
              long y0 = s.v[2 * m(w0)];
              long y1 = s.v[2 * m(w0) + 1];
              long high = (x0 & y1 ^ x0 & y0 ^ y1 & y0) + big0(y0) + s.v[2 * d(w0) + 1];
              long low = (high & y0 ^ high & y1 ^ y1 & y0) + big0(high) + s.v[2 * d(w0)];
              Lanes.set(s, w0, low, high);
            });
    sha512(rows, "10", "SHA512SU1", ArmFeature.SHA512)
        .does(
            (s, c, w0, w1) -> {
              long high = later(s.v[2 * n(w0) + 1]) + s.v[2 * m(w0) + 1] + s.v[2 * d(w0) + 1];
              long low = later(s.v[2 * n(w0)]) + s.v[2 * m(w0)] + s.v[2 * d(w0)];
              Lanes.set(s, w0, low, high);
            });
    rows.row("1100111011000000100000nnnnnddddd", "SHA512SU0 <Vd>, <Vn>")
        .vector("dn")
        .needs(ArmFeature.SHA512)
        .does(
            (s, c, w0, w1) -> {
              long w1Old = s.v[2 * d(w0) + 1];
              long low = earlier(w1Old) + s.v[2 * d(w0)];
              long high = earlier(s.v[2 * n(w0)]) + w1Old;
              Lanes.set(s, w0, low, high);
            });
  }

  private static long earlier(long v) {
    return Long.rotateRight(v, 1) ^ Long.rotateRight(v, 8) ^ v >>> 7;
  }

  private static long later(long v) {
    return Long.rotateRight(v, 19) ^ Long.rotateRight(v, 61) ^ v >>> 6;
  }

  // ---------------------------------------------------------------- SHA-3

  private static void addSha3(A64Rows rows) {
    sha512(rows, "11", "RAX1", ArmFeature.SHA3)
        .does(
            (s, c, w0, w1) -> {
              long low = s.v[2 * n(w0)] ^ Long.rotateLeft(s.v[2 * m(w0)], 1);
              long high = s.v[2 * n(w0) + 1] ^ Long.rotateLeft(s.v[2 * m(w0) + 1], 1);
              Lanes.set(s, w0, low, high);
            });
    rows.row("11001110000mmmmm0aaaaannnnnddddd", "EOR3 <Vd>, <Vn>, <Vm>, <Va>")
        .vector("dnma")
        .needs(ArmFeature.SHA3)
        .does(
            (s, c, w0, w1) -> {
              long low = s.v[2 * n(w0)] ^ s.v[2 * m(w0)] ^ s.v[2 * a(w0)];
              long high = s.v[2 * n(w0) + 1] ^ s.v[2 * m(w0) + 1] ^ s.v[2 * a(w0) + 1];
              Lanes.set(s, w0, low, high);
            });
    rows.row("11001110001mmmmm0aaaaannnnnddddd", "BCAX <Vd>, <Vn>, <Vm>, <Va>")
        .vector("dnma")
        .needs(ArmFeature.SHA3)
        .does(
            (s, c, w0, w1) -> {
              long low = s.v[2 * n(w0)] ^ s.v[2 * m(w0)] & ~s.v[2 * a(w0)];
              long high = s.v[2 * n(w0) + 1] ^ s.v[2 * m(w0) + 1] & ~s.v[2 * a(w0) + 1];
              Lanes.set(s, w0, low, high);
            });
    rows.row("11001110100mmmmmiiiiiinnnnnddddd", "XAR <Vd>, <Vn>, <Vm>, #<imm>")
        .vector("dnm")
        .needs(ArmFeature.SHA3)
        .does(
            (s, c, w0, w1) -> {
              int by = (int) (w1 >>> 10) & 63;
              long low = Long.rotateRight(s.v[2 * n(w0)] ^ s.v[2 * m(w0)], by);
              long high = Long.rotateRight(s.v[2 * n(w0) + 1] ^ s.v[2 * m(w0) + 1], by);
              Lanes.set(s, w0, low, high);
            });
  }

  /** SM3 and SM4. */
  private static void addChinese(A64Rows rows) {
    rows.row("11001110010mmmmm0aaaaannnnnddddd", "SM3SS1 <Vd>, <Vn>, <Vm>, <Va>")
        .vector("dnma")
        .needs(ArmFeature.SM3);
    String[] names = {"SM3TT1A", "SM3TT1B", "SM3TT2A", "SM3TT2B"};
    for (int i = 0; i < 4; i++) {
      rows.row(
              "11001110010mmmmm10ii" + (i >> 1) + (i & 1) + "nnnnnddddd",
              names[i] + " <Vd>, <Vn>, <Vm>[<i>]")
          .vector("dnm")
          .needs(ArmFeature.SM3);
    }
    rows.row("11001110011mmmmm110000nnnnnddddd", "SM3PARTW1 <Vd>, <Vn>, <Vm>")
        .vector("dnm")
        .needs(ArmFeature.SM3);
    rows.row("11001110011mmmmm110001nnnnnddddd", "SM3PARTW2 <Vd>, <Vn>, <Vm>")
        .vector("dnm")
        .needs(ArmFeature.SM3);
    rows.row("11001110011mmmmm110010nnnnnddddd", "SM4EKEY <Vd>, <Vn>, <Vm>")
        .vector("dnm")
        .needs(ArmFeature.SM4);
    rows.row("1100111011000000100001nnnnnddddd", "SM4E <Vd>, <Vn>")
        .vector("dn")
        .needs(ArmFeature.SM4);
  }
}
