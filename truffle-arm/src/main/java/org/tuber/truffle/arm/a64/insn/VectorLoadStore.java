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
 * Loads and stores of one or two vector registers, whole or of their lower parts (Arm ARM C4.1.96).
 * The size is the logarithm of the bytes, 0 to 4.
 */
final class VectorLoadStore {
  private static final int QUAD = 4;
  private static final String[] NAMES = {"B", "H", "S", "D", "Q"};

  private VectorLoadStore() {}

  /** Where an access is and what becomes of the base. */
  private enum Mode {
    OFFSET,
    POST,
    PRE,
    REGISTER
  }

  static void addTo(A64Rows rows) {
    for (int size = 0; size <= QUAD; size++) {
      String bits = size == QUAD ? "00" : Integer.toBinaryString(4 + size).substring(1);
      String opc = size == QUAD ? "1" : "0";
      addOne(rows, size, bits + "111101" + opc, "iiiiiiiiiiii", Mode.OFFSET, "");
      addOne(rows, size, bits + "111100" + opc, "0iiiiiiiii00", Mode.OFFSET, "U");
      addOne(rows, size, bits + "111100" + opc, "0iiiiiiiii01", Mode.POST, "");
      addOne(rows, size, bits + "111100" + opc, "0iiiiiiiii11", Mode.PRE, "");
      addOne(rows, size, bits + "111100" + opc, "1mmmmmoooy10", Mode.REGISTER, "");
    }
    for (int size = 2; size <= QUAD; size++) {
      String head = "0" + (size - 2);
      head = size == QUAD ? "10" : head;
      addPair(rows, size, head + "1011000", "NP", Mode.OFFSET);
      addPair(rows, size, head + "1011001", "P", Mode.POST);
      addPair(rows, size, head + "1011010", "P", Mode.OFFSET);
      addPair(rows, size, head + "1011011", "P", Mode.PRE);
      int z = size;
      rows.row(
              (size == QUAD ? "10" : "0" + (size - 2)) + "011100iiiiiiiiiiiiiiiiiiiddddd",
              "LDR <" + NAMES[size] + "t>, <label>")
          .vector("d")
          .address((row, insn, pc) -> pc + (row.signed(insn, 'i') << 2))
          .does((s, c, w0, w1) -> load(s, c, w0, s.pc + w1, z));
    }
  }

  // ---------------------------------------------------------------- one register

  private static void addOne(
      A64Rows rows, int size, String head, String tail, Mode mode, String unscaled) {
    for (int isLoad = 0; isLoad < 2; isLoad++) {
      String name = (isLoad == 0 ? "ST" : "LD") + unscaled + "R <" + NAMES[size] + "t>, ";
      Row row =
          rows.row(head + isLoad + tail + "NNNNNddddd", name + address(mode)).vector("d").memory();
      if (mode == Mode.REGISTER) {
        row.when((r, insn) -> (r.get(insn, 'o') & 2) != 0)
            .extra((r, insn) -> r.get(insn, 'o') << 4 | (r.get(insn, 'y') != 0 ? size : 0));
      } else if (tail.startsWith("i")) {
        row.immediate((r, insn, pc) -> (long) r.get(insn, 'i') << size);
      } else {
        row.immediate((r, insn, pc) -> r.signed(insn, 'i'));
      }
      row.does(isLoad == 0 ? store(mode, size) : load(mode, size));
    }
  }

  private static String address(Mode mode) {
    return switch (mode) {
      case OFFSET -> "[<Xn|SP>{, #<imm>}]";
      case POST -> "[<Xn|SP>], #<imm>";
      case PRE -> "[<Xn|SP>, #<imm>]!";
      case REGISTER -> "[<Xn|SP>, <Xm>{, <extend> {<amount>}}]";
    };
  }

  private static Step load(Mode mode, int size) {
    return switch (mode) {
      case OFFSET -> (s, c, w0, w1) -> load(s, c, w0, s.r[n(w0)] + w1, size);
      case REGISTER -> (s, c, w0, w1) -> load(s, c, w0, LoadStore.address(s, w0), size);
      case POST ->
          (s, c, w0, w1) -> {
            load(s, c, w0, s.r[n(w0)], size);
            s.r[n(w0)] += w1;
          };
      case PRE ->
          (s, c, w0, w1) -> {
            load(s, c, w0, s.r[n(w0)] + w1, size);
            s.r[n(w0)] += w1;
          };
    };
  }

  private static Step store(Mode mode, int size) {
    return switch (mode) {
      case OFFSET -> (s, c, w0, w1) -> store(s, c, w0, s.r[n(w0)] + w1, size);
      case REGISTER -> (s, c, w0, w1) -> store(s, c, w0, LoadStore.address(s, w0), size);
      case POST ->
          (s, c, w0, w1) -> {
            store(s, c, w0, s.r[n(w0)], size);
            s.r[n(w0)] += w1;
          };
      case PRE ->
          (s, c, w0, w1) -> {
            store(s, c, w0, s.r[n(w0)] + w1, size);
            s.r[n(w0)] += w1;
          };
    };
  }

  private static void load(ArmState s, ArmCpu c, long w0, long gva, int size) {
    if (size == QUAD) {
      load128(s, c, w0, gva);
    } else {
      Lanes.set(s, w0, loadLow(s, c, w0, gva, size), 0);
    }
  }

  /** Up to 64 bits, zero-extended. */
  static long loadLow(ArmState s, ArmCpu c, long w0, long gva, int size) {
    return switch (size) {
      case 0 -> Mem.load8(s, c, w0, gva);
      case 1 -> Mem.load16(s, c, w0, gva);
      case 2 -> Mem.load32(s, c, w0, gva);
      default -> Mem.load64(s, c, w0, gva);
    };
  }

  static void storeLow(ArmState s, ArmCpu c, long w0, long gva, long v, int size) {
    switch (size) {
      case 0 -> Mem.store8(s, c, w0, gva, v);
      case 1 -> Mem.store16(s, c, w0, gva, v);
      case 2 -> Mem.store32(s, c, w0, gva, v);
      default -> Mem.store64(s, c, w0, gva, v);
    }
  }

  private static void load128(ArmState s, ArmCpu c, long w0, long gva) {
    if (Word.isChecked(w0)) {
      Mem.check(s, c, w0, gva, 16, false);
    }
    long host = SoftTlb.readableHost(s, gva, 16);
    if (host != 0) {
      Lanes.set(s, w0, GuestRam.hostLoad64(host), GuestRam.hostLoad64(host + 8));
    } else {
      long low = SoftTlb.load64(s, c, gva);
      Lanes.set(s, w0, low, SoftTlb.load64(s, c, gva + 8));
    }
  }

  private static void store(ArmState s, ArmCpu c, long w0, long gva, int size) {
    if (size != QUAD) {
      storeLow(s, c, w0, gva, s.v[2 * d(w0)], size);
      return;
    }
    if (Word.isChecked(w0)) {
      Mem.check(s, c, w0, gva, 16, true);
    }
    store128(s, c, gva, 2 * d(w0));
  }

  private static void store128(ArmState s, ArmCpu c, long gva, int at) {
    long host = SoftTlb.writableHost(s, c, gva, 16);
    if (host != 0) {
      GuestRam.hostStore64(host, s.v[at]);
      GuestRam.hostStore64(host + 8, s.v[at + 1]);
    } else {
      SoftTlb.store64(s, c, gva, s.v[at]);
      SoftTlb.store64(s, c, gva + 8, s.v[at + 1]);
    }
  }

  // ---------------------------------------------------------------- two registers

  private static void addPair(A64Rows rows, int size, String head, String name, Mode mode) {
    for (int isLoad = 0; isLoad < 2; isLoad++) {
      String registers = " <" + NAMES[size] + "t1>, <" + NAMES[size] + "t2>, ";
      rows.row(
              head + isLoad + "iiiiiiiaaaaaNNNNNddddd",
              (isLoad == 0 ? "ST" : "LD") + name + registers + address(mode))
          .vector("da")
          .memory()
          .immediate((r, insn, pc) -> r.signed(insn, 'i') << size)
          .does(isLoad == 0 ? storePair(mode, size) : loadPair(mode, size));
    }
  }

  private static Step loadPair(Mode mode, int size) {
    return (s, c, w0, w1) -> {
      long gva = mode == Mode.POST ? s.r[n(w0)] : s.r[n(w0)] + w1;
      if (Word.isChecked(w0)) {
        Mem.check(s, c, w0, gva, 1 << size, false);
      }
      if (size == QUAD) {
        loadQuads(s, c, w0, gva);
      } else {
        long first = size == 2 ? SoftTlb.load32(s, c, gva) & Fp.LOW : SoftTlb.load64(s, c, gva);
        long at = gva + (1L << size);
        long second = size == 2 ? SoftTlb.load32(s, c, at) & Fp.LOW : SoftTlb.load64(s, c, at);
        setPair(s, w0, first, 0, second, 0);
      }
      if (mode != Mode.OFFSET) {
        s.r[n(w0)] += w1;
      }
    };
  }

  private static void setPair(ArmState s, long w0, long x0, long x1, long y0, long y1) {
    s.v[2 * d(w0)] = x0;
    s.v[2 * d(w0) + 1] = x1;
    s.v[2 * a(w0)] = y0;
    s.v[2 * a(w0) + 1] = y1;
  }

  private static void loadQuads(ArmState s, ArmCpu c, long w0, long gva) {
    long host = SoftTlb.readableHost(s, gva, 32);
    if (host != 0) {
      setPair(
          s,
          w0,
          GuestRam.hostLoad64(host),
          GuestRam.hostLoad64(host + 8),
          GuestRam.hostLoad64(host + 16),
          GuestRam.hostLoad64(host + 24));
    } else {
      long x0 = SoftTlb.load64(s, c, gva);
      long x1 = SoftTlb.load64(s, c, gva + 8);
      long y0 = SoftTlb.load64(s, c, gva + 16);
      setPair(s, w0, x0, x1, y0, SoftTlb.load64(s, c, gva + 24));
    }
  }

  private static Step storePair(Mode mode, int size) {
    return (s, c, w0, w1) -> {
      long gva = mode == Mode.POST ? s.r[n(w0)] : s.r[n(w0)] + w1;
      if (Word.isChecked(w0)) {
        Mem.check(s, c, w0, gva, 1 << size, true);
      }
      if (size == QUAD) {
        store128(s, c, gva, 2 * d(w0));
        store128(s, c, gva + 16, 2 * a(w0));
      } else if (size == 2) {
        SoftTlb.store32(s, c, gva, s.v[2 * d(w0)]);
        SoftTlb.store32(s, c, gva + 4, s.v[2 * a(w0)]);
      } else {
        SoftTlb.store64(s, c, gva, s.v[2 * d(w0)]);
        SoftTlb.store64(s, c, gva + 8, s.v[2 * a(w0)]);
      }
      if (mode != Mode.OFFSET) {
        s.r[n(w0)] += w1;
      }
    };
  }
}
