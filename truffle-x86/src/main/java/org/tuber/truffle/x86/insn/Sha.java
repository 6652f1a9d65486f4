package org.tuber.truffle.x86.insn;

import com.oracle.truffle.api.nodes.ExplodeLoop;
import org.tuber.truffle.x86.state.X86State;

/** SHA extensions (SDM vol. 2: SHA1RNDS4 ... SHA256MSG2; FIPS 180-4). */
final class Sha {
  private Sha() {}

  static void run(X86State s, int d, int w, int op, int immediate) {
    long a0 = s.x[d];
    long a1 = s.x[d + 1];
    long b0 = s.x[w];
    long b1 = s.x[w + 1];
    switch (op) {
      case Crypto.SHA1RNDS4 -> rounds1(s, d, b0, b1, immediate & 3);
      case Crypto.SHA1NEXTE ->
          set(s, d, b0, Xmm.pair((int) b1, Xmm.high(b1) + Integer.rotateLeft(Xmm.high(a1), 30)));
      case Crypto.SHA1MSG1 -> set(s, d, b1 ^ a0, a0 ^ a1);
      case Crypto.SHA1MSG2 -> {
        int w16 = Integer.rotateLeft(Xmm.high(a1) ^ (int) b1, 1);
        int w17 = Integer.rotateLeft((int) a1 ^ Xmm.high(b0), 1);
        int w18 = Integer.rotateLeft(Xmm.high(a0) ^ (int) b0, 1);
        int w19 = Integer.rotateLeft((int) a0 ^ w16, 1);
        set(s, d, Xmm.pair(w19, w18), Xmm.pair(w17, w16));
      }
      case Crypto.SHA256RNDS2 -> rounds256(s, d, b0, b1);
      case Crypto.SHA256MSG1 ->
          set(
              s,
              d,
              Xmm.pair((int) a0 + sigma0(Xmm.high(a0)), Xmm.high(a0) + sigma0((int) a1)),
              Xmm.pair((int) a1 + sigma0(Xmm.high(a1)), Xmm.high(a1) + sigma0((int) b0)));
      default -> {
        int w16 = (int) a0 + sigma1((int) b1);
        int w17 = Xmm.high(a0) + sigma1(Xmm.high(b1));
        int w18 = (int) a1 + sigma1(w16);
        int w19 = Xmm.high(a1) + sigma1(w17);
        set(s, d, Xmm.pair(w16, w17), Xmm.pair(w18, w19));
      }
    }
  }

  private static void set(X86State s, int d, long low, long high) {
    s.x[d] = low;
    s.x[d + 1] = high;
  }

  private static int sigma0(int v) {
    return Integer.rotateRight(v, 7) ^ Integer.rotateRight(v, 18) ^ v >>> 3;
  }

  private static int sigma1(int v) {
    return Integer.rotateRight(v, 17) ^ Integer.rotateRight(v, 19) ^ v >>> 10;
  }

  /** Four rounds of SHA-1; E of the first is already part of the first message word. */
  @ExplodeLoop
  private static void rounds1(X86State s, int d, long w0, long w1, int function) {
    int a = Xmm.high(s.x[d + 1]);
    int b = (int) s.x[d + 1];
    int c = Xmm.high(s.x[d]);
    int dd = (int) s.x[d];
    int e = 0;
    int k =
        switch (function) {
          case 0 -> 0x5a82_7999;
          case 1 -> 0x6ed9_eba1;
          case 2 -> 0x8f1b_bcdc;
          default -> 0xca62_c1d6;
        };
    for (int i = 0; i < 4; i++) {
      int w = i == 0 ? Xmm.high(w1) : i == 1 ? (int) w1 : i == 2 ? Xmm.high(w0) : (int) w0;
      int f =
          switch (function) {
            case 0 -> (b & c) ^ (~b & dd);
            case 2 -> (b & c) ^ (b & dd) ^ (c & dd);
            default -> b ^ c ^ dd;
          };
      int next = f + Integer.rotateLeft(a, 5) + w + e + k;
      e = dd;
      dd = c;
      c = Integer.rotateLeft(b, 30);
      b = a;
      a = next;
    }
    set(s, d, Xmm.pair(dd, c), Xmm.pair(b, a));
  }

  /** Two rounds of SHA-256 with the message words plus constants in XMM0. */
  @ExplodeLoop
  private static void rounds256(X86State s, int d, long b0, long b1) {
    int a = Xmm.high(b1);
    int b = (int) b1;
    int c = Xmm.high(s.x[d + 1]);
    int dd = (int) s.x[d + 1];
    int e = Xmm.high(b0);
    int f = (int) b0;
    int g = Xmm.high(s.x[d]);
    int h = (int) s.x[d];
    for (int i = 0; i < 2; i++) {
      int wk = i == 0 ? (int) s.x[0] : Xmm.high(s.x[0]);
      int t =
          h
              + (Integer.rotateRight(e, 6)
                  ^ Integer.rotateRight(e, 11)
                  ^ Integer.rotateRight(e, 25))
              + ((e & f) ^ (~e & g))
              + wk;
      int u =
          (Integer.rotateRight(a, 2) ^ Integer.rotateRight(a, 13) ^ Integer.rotateRight(a, 22))
              + ((a & b) ^ (a & c) ^ (b & c));
      h = g;
      g = f;
      f = e;
      e = dd + t;
      dd = c;
      c = b;
      b = a;
      a = t + u;
    }
    set(s, d, Xmm.pair(f, e), Xmm.pair(b, a));
  }
}
