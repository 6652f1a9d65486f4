package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.a;
import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.n;

import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.decode.Step;
import org.tuber.truffle.arm.decode.Word;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.engine.SoftTlb;

/**
 * Loads and stores of two general registers (Arm ARM C4.1.96). One look-up in the TLB serves both
 * where they lie on one page of plain memory.
 */
final class LoadStorePair {
  private static final long LOW = 0xffff_ffffL;

  private LoadStorePair() {}

  static void addTo(A64Rows rows) {
    add(rows, "000", "NP <Xt1>, <Xt2>, [<Xn|SP>{, #<imm>}]", offsetStores(), offsetLoads());
    add(rows, "001", "P <Xt1>, <Xt2>, [<Xn|SP>], #<imm>", postStores(), postLoads());
    add(rows, "010", "P <Xt1>, <Xt2>, [<Xn|SP>{, #<imm>}]", offsetStores(), offsetLoads());
    add(rows, "011", "P <Xt1>, <Xt2>, [<Xn|SP>, #<imm>]!", preStores(), preLoads());
  }

  /** opc 00: 32 bits, 01: LDPSW, 10: 64 bits. */
  private static void add(
      A64Rows rows, String mode, String assembler, Step[] stores, Step[] loads) {
    boolean signed = !mode.equals("000");
    rows.row("zz10100" + mode.substring(1) + "0iiiiiiiqqqqqNNNNNrrrrr", "ST" + assembler)
        .memory()
        .immediate(LoadStorePair::offset)
        .by("z", stores[0], null, stores[1], null);
    rows.row("zz10100" + mode.substring(1) + "1iiiiiiiuuuuuNNNNNttttt", "LD" + assembler)
        .memory()
        .immediate(LoadStorePair::offset)
        .by("z", loads[0], signed ? loads[1] : null, loads[2], null);
  }

  private static long offset(Row row, int insn, long pc) {
    return row.signed(insn, 'i') << (row.get(insn, 'z') == 2 ? 3 : 2);
  }

  private static Step[] offsetStores() {
    return new Step[] {
      (s, c, w0, w1) -> store32(s, c, w0, s.r[n(w0)] + w1),
      (s, c, w0, w1) -> store64(s, c, w0, s.r[n(w0)] + w1)
    };
  }

  private static Step[] postStores() {
    return new Step[] {
      (s, c, w0, w1) -> {
        store32(s, c, w0, s.r[n(w0)]);
        s.r[n(w0)] += w1;
      },
      (s, c, w0, w1) -> {
        store64(s, c, w0, s.r[n(w0)]);
        s.r[n(w0)] += w1;
      }
    };
  }

  private static Step[] preStores() {
    return new Step[] {
      (s, c, w0, w1) -> {
        store32(s, c, w0, s.r[n(w0)] + w1);
        s.r[n(w0)] += w1;
      },
      (s, c, w0, w1) -> {
        store64(s, c, w0, s.r[n(w0)] + w1);
        s.r[n(w0)] += w1;
      }
    };
  }

  private static Step[] offsetLoads() {
    return new Step[] {
      (s, c, w0, w1) -> load32(s, c, w0, s.r[n(w0)] + w1, 0, false),
      (s, c, w0, w1) -> load32(s, c, w0, s.r[n(w0)] + w1, 0, true),
      (s, c, w0, w1) -> load64(s, c, w0, s.r[n(w0)] + w1, 0)
    };
  }

  private static Step[] postLoads() {
    return new Step[] {
      (s, c, w0, w1) -> load32(s, c, w0, s.r[n(w0)], w1, false),
      (s, c, w0, w1) -> load32(s, c, w0, s.r[n(w0)], w1, true),
      (s, c, w0, w1) -> load64(s, c, w0, s.r[n(w0)], w1)
    };
  }

  private static Step[] preLoads() {
    return new Step[] {
      (s, c, w0, w1) -> load32(s, c, w0, s.r[n(w0)] + w1, w1, false),
      (s, c, w0, w1) -> load32(s, c, w0, s.r[n(w0)] + w1, w1, true),
      (s, c, w0, w1) -> load64(s, c, w0, s.r[n(w0)] + w1, w1)
    };
  }

  private static void load64(ArmState s, ArmCpu c, long w0, long gva, long writeback) {
    if (Word.isChecked(w0)) {
      Mem.check(s, c, w0, gva, 8, false);
    }
    long host = SoftTlb.readableHost(s, gva, 16);
    long first;
    long second;
    if (host != 0) {
      first = GuestRam.hostLoad64(host);
      second = GuestRam.hostLoad64(host + 8);
    } else {
      first = SoftTlb.load64(s, c, gva);
      second = SoftTlb.load64(s, c, gva + 8);
    }
    s.r[n(w0)] += writeback;
    s.r[d(w0)] = first;
    s.r[a(w0)] = second;
  }

  private static void load32(
      ArmState s, ArmCpu c, long w0, long gva, long writeback, boolean signed) {
    if (Word.isChecked(w0)) {
      Mem.check(s, c, w0, gva, 4, false);
    }
    long first = SoftTlb.load32(s, c, gva);
    long second = SoftTlb.load32(s, c, gva + 4);
    s.r[n(w0)] += writeback;
    s.r[d(w0)] = signed ? first : first & LOW;
    s.r[a(w0)] = signed ? second : second & LOW;
  }

  private static void store64(ArmState s, ArmCpu c, long w0, long gva) {
    if (Word.isChecked(w0)) {
      Mem.check(s, c, w0, gva, 8, true);
    }
    long host = SoftTlb.writableHost(s, c, gva, 16);
    if (host != 0) {
      GuestRam.hostStore64(host, s.r[d(w0)]);
      GuestRam.hostStore64(host + 8, s.r[a(w0)]);
    } else {
      SoftTlb.store64(s, c, gva, s.r[d(w0)]);
      SoftTlb.store64(s, c, gva + 8, s.r[a(w0)]);
    }
  }

  private static void store32(ArmState s, ArmCpu c, long w0, long gva) {
    if (Word.isChecked(w0)) {
      Mem.check(s, c, w0, gva, 4, true);
    }
    SoftTlb.store32(s, c, gva, s.r[d(w0)]);
    SoftTlb.store32(s, c, gva + 4, s.r[a(w0)]);
  }
}
