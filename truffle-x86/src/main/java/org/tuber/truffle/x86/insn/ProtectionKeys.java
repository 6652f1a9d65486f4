package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Row.SYSTEM;

import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;
import org.tuber.truffle.x86.sys.CpuFeature;

/**
 * RDPKRU and WRPKRU (SDM vol. 2; vol. 3, 4.6.2). The keys themselves are checked by page walks;
 * interpreter only.
 */
final class ProtectionKeys {
  static final int RDPKRU = SseRows.SYSTEM + 12;
  static final int WRPKRU = SseRows.SYSTEM + 13;

  private ProtectionKeys() {}

  static void add(OpcodeMap m) {
    m.row("NP 0F 01 EE", "rdpkru", RDPKRU, SYSTEM | CpuFeature.PKU.row());
    m.row("NP 0F 01 EF", "wrpkru", WRPKRU, SYSTEM | CpuFeature.PKU.row());
  }

  static void run(X86State s, X86Cpu c, int op) {
    if ((c.cr4 & Cr.CR4_PKE) == 0) {
      throw c.ud();
    }
    boolean write = op == WRPKRU;
    if ((int) s.r[1] != 0 || write && (int) s.r[2] != 0) {
      throw c.gp(0);
    }
    if (write) {
      c.setPkru((int) s.r[0]);
    } else {
      s.r[0] = c.pkru & 0xffff_ffffL;
      s.r[2] = 0;
    }
  }
}
