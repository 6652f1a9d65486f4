package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.extra;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.decode.Step;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;

/**
 * Loads and stores of one general register (Arm ARM C4.1.96): scaled and unscaled offset, register
 * offset, pre- and post-index, literal; PRFM, which does nothing.
 *
 * <p>One table of accesses serves every addressing mode: stores by size, loads by size, and loads
 * that extend the sign by size and opc bit 0.
 */
final class LoadStore {
  private static final long LOW = 0xffff_ffffL;

  private LoadStore() {}

  static void addTo(A64Rows rows) {
    addOffset(rows, "01%siiiiiiiiiiiiNNNNN%s", "", LoadStore::scaled);
    addOffset(rows, "00%s0iiiiiiiii00NNNNN%s", "U", (row, insn, pc) -> row.signed(insn, 'i'));
    addRegister(rows);
    addWriteback(rows, "01", true);
    addWriteback(rows, "11", false);
    addLiteral(rows);
  }

  private static long scaled(Row row, int insn, long pc) {
    return (long) row.get(insn, 'i') << row.get(insn, 'z');
  }

  private static Row row(A64Rows rows, String tail, String opc, String register, String assembler) {
    return rows.row("zz1110" + String.format(tail, opc, register), assembler).memory();
  }

  // ---------------------------------------------------------------- base plus constant

  private static void addOffset(
      A64Rows rows, String tail, String unscaled, Row.Immediate immediate) {
    row(rows, tail, "00", "rrrrr", "ST" + unscaled + "R <Xt>, [<Xn|SP>{, #<imm>}]")
        .immediate(immediate)
        .by(
            "z",
            (s, c, w0, w1) -> Mem.store8(s, c, w0, s.r[n(w0)] + w1, s.r[d(w0)]),
            (s, c, w0, w1) -> Mem.store16(s, c, w0, s.r[n(w0)] + w1, s.r[d(w0)]),
            (s, c, w0, w1) -> Mem.store32(s, c, w0, s.r[n(w0)] + w1, s.r[d(w0)]),
            (s, c, w0, w1) -> Mem.store64(s, c, w0, s.r[n(w0)] + w1, s.r[d(w0)]));
    row(rows, tail, "01", "ttttt", "LD" + unscaled + "R <Xt>, [<Xn|SP>{, #<imm>}]")
        .immediate(immediate)
        .by(
            "z",
            (s, c, w0, w1) -> s.r[d(w0)] = Mem.load8(s, c, w0, s.r[n(w0)] + w1),
            (s, c, w0, w1) -> s.r[d(w0)] = Mem.load16(s, c, w0, s.r[n(w0)] + w1),
            (s, c, w0, w1) -> s.r[d(w0)] = Mem.load32(s, c, w0, s.r[n(w0)] + w1),
            (s, c, w0, w1) -> s.r[d(w0)] = Mem.load64(s, c, w0, s.r[n(w0)] + w1));
    row(rows, tail, "1o", "ttttt", "LD" + unscaled + "RS, PRFM <Xt>, [<Xn|SP>{, #<imm>}]")
        .immediate(immediate)
        .by(
            "zo",
            (s, c, w0, w1) -> s.r[d(w0)] = (byte) Mem.load8(s, c, w0, s.r[n(w0)] + w1),
            (s, c, w0, w1) -> s.r[d(w0)] = (byte) Mem.load8(s, c, w0, s.r[n(w0)] + w1) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = (short) Mem.load16(s, c, w0, s.r[n(w0)] + w1),
            (s, c, w0, w1) -> s.r[d(w0)] = (short) Mem.load16(s, c, w0, s.r[n(w0)] + w1) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = (int) Mem.load32(s, c, w0, s.r[n(w0)] + w1),
            null,
            LoadStore::prefetch,
            null);
  }

  private static void prefetch(ArmState s, ArmCpu c, long w0, long w1) {}

  // ---------------------------------------------------------------- base plus register

  private static void addRegister(A64Rows rows) {
    String tail = "00%s1mmmmmoooy10NNNNN%s";
    String address = ", [<Xn|SP>, <Xm>{, <extend> {<amount>}}]";
    register(rows, tail, "00", "rrrrr", "STR <Xt>" + address)
        .by(
            "z",
            (s, c, w0, w1) -> Mem.store8(s, c, w0, address(s, w0), s.r[d(w0)]),
            (s, c, w0, w1) -> Mem.store16(s, c, w0, address(s, w0), s.r[d(w0)]),
            (s, c, w0, w1) -> Mem.store32(s, c, w0, address(s, w0), s.r[d(w0)]),
            (s, c, w0, w1) -> Mem.store64(s, c, w0, address(s, w0), s.r[d(w0)]));
    register(rows, tail, "01", "ttttt", "LDR <Xt>" + address)
        .by(
            "z",
            (s, c, w0, w1) -> s.r[d(w0)] = Mem.load8(s, c, w0, address(s, w0)),
            (s, c, w0, w1) -> s.r[d(w0)] = Mem.load16(s, c, w0, address(s, w0)),
            (s, c, w0, w1) -> s.r[d(w0)] = Mem.load32(s, c, w0, address(s, w0)),
            (s, c, w0, w1) -> s.r[d(w0)] = Mem.load64(s, c, w0, address(s, w0)));
    register(rows, tail, "1p", "ttttt", "LDRS, PRFM <Xt>" + address)
        .by(
            "zp",
            (s, c, w0, w1) -> s.r[d(w0)] = (byte) Mem.load8(s, c, w0, address(s, w0)),
            (s, c, w0, w1) -> s.r[d(w0)] = (byte) Mem.load8(s, c, w0, address(s, w0)) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = (short) Mem.load16(s, c, w0, address(s, w0)),
            (s, c, w0, w1) -> s.r[d(w0)] = (short) Mem.load16(s, c, w0, address(s, w0)) & LOW,
            (s, c, w0, w1) -> s.r[d(w0)] = (int) Mem.load32(s, c, w0, address(s, w0)),
            null,
            LoadStore::prefetch,
            null);
  }

  private static Row register(
      A64Rows rows, String tail, String opc, String register, String assembler) {
    return row(rows, tail, opc, register, assembler)
        .when((row, insn) -> (row.get(insn, 'o') & 2) != 0)
        .extra(
            (row, insn) ->
                row.get(insn, 'o') << 4 | (row.get(insn, 'y') != 0 ? row.get(insn, 'z') : 0));
  }

  /** Base plus extended register, {@link org.tuber.truffle.arm.decode.Word#extra}. */
  static long address(ArmState s, long w0) {
    int option = extra(w0) >> 4;
    int shift = extra(w0) & 15;
    long offset = s.r[m(w0)];
    if ((option & 1) == 0) {
      offset = option == 2 ? offset & LOW : (int) offset;
    }
    return s.r[n(w0)] + (offset << shift);
  }

  // ---------------------------------------------------------------- pre- and post-index

  private static void addWriteback(A64Rows rows, String mode, boolean isPost) {
    String tail = "00%s0iiiiiiiii" + mode + "NNNNN%s";
    String address = isPost ? ", [<Xn|SP>], #<simm>" : ", [<Xn|SP>, #<simm>]!";
    Step[] stores = isPost ? postStores() : preStores();
    Step[] loads = isPost ? postLoads() : preLoads();
    Step[] signed = isPost ? postSigned() : preSigned();
    Row.Immediate immediate = (row, insn, pc) -> row.signed(insn, 'i');
    row(rows, tail, "00", "rrrrr", "STR <Xt>" + address).immediate(immediate).by("z", stores);
    row(rows, tail, "01", "ttttt", "LDR <Xt>" + address).immediate(immediate).by("z", loads);
    row(rows, tail, "1o", "ttttt", "LDRS <Xt>" + address).immediate(immediate).by("zo", signed);
  }

  private static Step[] postStores() {
    return new Step[] {
      (s, c, w0, w1) -> {
        Mem.store8(s, c, w0, s.r[n(w0)], s.r[d(w0)]);
        s.r[n(w0)] += w1;
      },
      (s, c, w0, w1) -> {
        Mem.store16(s, c, w0, s.r[n(w0)], s.r[d(w0)]);
        s.r[n(w0)] += w1;
      },
      (s, c, w0, w1) -> {
        Mem.store32(s, c, w0, s.r[n(w0)], s.r[d(w0)]);
        s.r[n(w0)] += w1;
      },
      (s, c, w0, w1) -> {
        Mem.store64(s, c, w0, s.r[n(w0)], s.r[d(w0)]);
        s.r[n(w0)] += w1;
      }
    };
  }

  private static Step[] preStores() {
    return new Step[] {
      (s, c, w0, w1) -> {
        Mem.store8(s, c, w0, s.r[n(w0)] + w1, s.r[d(w0)]);
        s.r[n(w0)] += w1;
      },
      (s, c, w0, w1) -> {
        Mem.store16(s, c, w0, s.r[n(w0)] + w1, s.r[d(w0)]);
        s.r[n(w0)] += w1;
      },
      (s, c, w0, w1) -> {
        Mem.store32(s, c, w0, s.r[n(w0)] + w1, s.r[d(w0)]);
        s.r[n(w0)] += w1;
      },
      (s, c, w0, w1) -> {
        Mem.store64(s, c, w0, s.r[n(w0)] + w1, s.r[d(w0)]);
        s.r[n(w0)] += w1;
      }
    };
  }

  private static Step[] postLoads() {
    return new Step[] {
      (s, c, w0, w1) -> loaded(s, w0, w1, Mem.load8(s, c, w0, s.r[n(w0)])),
      (s, c, w0, w1) -> loaded(s, w0, w1, Mem.load16(s, c, w0, s.r[n(w0)])),
      (s, c, w0, w1) -> loaded(s, w0, w1, Mem.load32(s, c, w0, s.r[n(w0)])),
      (s, c, w0, w1) -> loaded(s, w0, w1, Mem.load64(s, c, w0, s.r[n(w0)]))
    };
  }

  private static Step[] preLoads() {
    return new Step[] {
      (s, c, w0, w1) -> loaded(s, w0, w1, Mem.load8(s, c, w0, s.r[n(w0)] + w1)),
      (s, c, w0, w1) -> loaded(s, w0, w1, Mem.load16(s, c, w0, s.r[n(w0)] + w1)),
      (s, c, w0, w1) -> loaded(s, w0, w1, Mem.load32(s, c, w0, s.r[n(w0)] + w1)),
      (s, c, w0, w1) -> loaded(s, w0, w1, Mem.load64(s, c, w0, s.r[n(w0)] + w1))
    };
  }

  private static Step[] postSigned() {
    return new Step[] {
      (s, c, w0, w1) -> loaded(s, w0, w1, (byte) Mem.load8(s, c, w0, s.r[n(w0)])),
      (s, c, w0, w1) -> loaded(s, w0, w1, (byte) Mem.load8(s, c, w0, s.r[n(w0)]) & LOW),
      (s, c, w0, w1) -> loaded(s, w0, w1, (short) Mem.load16(s, c, w0, s.r[n(w0)])),
      (s, c, w0, w1) -> loaded(s, w0, w1, (short) Mem.load16(s, c, w0, s.r[n(w0)]) & LOW),
      (s, c, w0, w1) -> loaded(s, w0, w1, signed32(s, c, w0, s.r[n(w0)])),
      null,
      null,
      null
    };
  }

  private static Step[] preSigned() {
    return new Step[] {
      (s, c, w0, w1) -> loaded(s, w0, w1, (byte) Mem.load8(s, c, w0, s.r[n(w0)] + w1)),
      (s, c, w0, w1) -> loaded(s, w0, w1, (byte) Mem.load8(s, c, w0, s.r[n(w0)] + w1) & LOW),
      (s, c, w0, w1) -> loaded(s, w0, w1, (short) Mem.load16(s, c, w0, s.r[n(w0)] + w1)),
      (s, c, w0, w1) -> loaded(s, w0, w1, (short) Mem.load16(s, c, w0, s.r[n(w0)] + w1) & LOW),
      (s, c, w0, w1) -> loaded(s, w0, w1, signed32(s, c, w0, s.r[n(w0)] + w1)),
      null,
      null,
      null
    };
  }

  private static long signed32(ArmState s, ArmCpu c, long w0, long gva) {
    return (int) Mem.load32(s, c, w0, gva);
  }

  /** Base first: where it is also the target, the loaded value stays. */
  private static void loaded(ArmState s, long w0, long w1, long v) {
    s.r[n(w0)] += w1;
    s.r[d(w0)] = v;
  }

  // ---------------------------------------------------------------- literal

  private static void addLiteral(A64Rows rows) {
    rows.row("zz011000iiiiiiiiiiiiiiiiiiittttt", "LDR, LDRSW, PRFM <Xt>, <label>")
        .address((row, insn, pc) -> pc + (row.signed(insn, 'i') << 2))
        .by(
            "z",
            (s, c, w0, w1) -> s.r[d(w0)] = Mem.load32(s, c, w0, s.pc + w1),
            (s, c, w0, w1) -> s.r[d(w0)] = Mem.load64(s, c, w0, s.pc + w1),
            (s, c, w0, w1) -> s.r[d(w0)] = (int) Mem.load32(s, c, w0, s.pc + w1),
            LoadStore::prefetch);
  }
}
