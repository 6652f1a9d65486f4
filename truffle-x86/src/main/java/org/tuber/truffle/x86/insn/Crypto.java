package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Row.FLAGS_KEPT;
import static org.tuber.truffle.x86.decode.Row.SSE;

import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * Dispatch of the AES, PCLMULQDQ and SHA instructions; see {@link Aes}, {@link Pclmul}, {@link
 * Sha}.
 */
final class Crypto {
  static final int AESENC = SseRows.CRYPTO;
  static final int AESENCLAST = AESENC + 1;
  static final int AESDEC = AESENC + 2;
  static final int AESDECLAST = AESENC + 3;
  static final int AESIMC = AESENC + 4;
  static final int AESKEYGENASSIST = AESENC + 5;
  static final int PCLMULQDQ = AESENC + 6;
  static final int SHA1RNDS4 = AESENC + 7;
  static final int SHA1NEXTE = AESENC + 8;
  static final int SHA1MSG1 = AESENC + 9;
  static final int SHA1MSG2 = AESENC + 10;
  static final int SHA256RNDS2 = AESENC + 11;
  static final int SHA256MSG1 = AESENC + 12;
  static final int SHA256MSG2 = AESENC + 13;

  private static final int KEEP = SSE | FLAGS_KEPT;

  private Crypto() {}

  static void add(OpcodeMap m) {
    m.row("66 0F 38 DC /r", "aesenc Vx,Wx", AESENC, KEEP);
    m.row("66 0F 38 DD /r", "aesenclast Vx,Wx", AESENCLAST, KEEP);
    m.row("66 0F 38 DE /r", "aesdec Vx,Wx", AESDEC, KEEP);
    m.row("66 0F 38 DF /r", "aesdeclast Vx,Wx", AESDECLAST, KEEP);
    m.row("66 0F 38 DB /r", "aesimc Vx,Wx", AESIMC, KEEP);
    m.row("66 0F 3A DF /r", "aeskeygenassist Vx,Wx,Ib", AESKEYGENASSIST, KEEP);
    m.row("66 0F 3A 44 /r", "pclmulqdq Vx,Wx,Ib", PCLMULQDQ, KEEP);
    m.row("NP 0F 3A CC /r", "sha1rnds4 Vx,Wx,Ib", SHA1RNDS4, KEEP);
    m.row("NP 0F 38 C8 /r", "sha1nexte Vx,Wx", SHA1NEXTE, KEEP);
    m.row("NP 0F 38 C9 /r", "sha1msg1 Vx,Wx", SHA1MSG1, KEEP);
    m.row("NP 0F 38 CA /r", "sha1msg2 Vx,Wx", SHA1MSG2, KEEP);
    m.row("NP 0F 38 CB /r", "sha256rnds2 Vx,Wx", SHA256RNDS2, KEEP);
    m.row("NP 0F 38 CC /r", "sha256msg1 Vx,Wx", SHA256MSG1, KEEP);
    m.row("NP 0F 38 CD /r", "sha256msg2 Vx,Wx", SHA256MSG2, KEEP);
  }

  static void run(X86State s, X86Cpu c, long w0, long w1, int op) {
    // Processors let the SHA instructions read from any address.
    int w = op < SHA1RNDS4 ? Xmm.aligned(s, c, w0, w1) : Xmm.unaligned(s, c, w0, w1);
    int d = Xmm.v(w0);
    if (op == PCLMULQDQ) {
      Pclmul.run(s, d, w, Xmm.immediate(w1));
    } else if (op < PCLMULQDQ) {
      Aes.run(s, d, w, op, Xmm.immediate(w1));
    } else {
      Sha.run(s, d, w, op, Xmm.immediate(w1));
    }
  }
}
