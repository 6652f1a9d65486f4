package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import com.oracle.truffle.api.nodes.ExplodeLoop;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.decode.Step;
import org.tuber.truffle.arm.decode.Word;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.engine.SoftTlb;

/**
 * Loads and stores of structures of one to four elements (Arm ARM C4.1.96): LD1 to LD4 of whole
 * registers, of one lane, of all lanes alike. Whole registers go by 64 bits of memory at a time.
 */
final class VectorStructures {
  /** Elements of a structure by opcode of the multiple forms; 0: unallocated. */
  private static final int[] ELEMENTS = {4, 0, 1, 0, 3, 0, 1, 1, 2, 0, 1, 0, 0, 0, 0, 0};

  private static final int[] REGISTERS = {4, 0, 4, 0, 3, 0, 3, 1, 2, 0, 2, 0, 0, 0, 0, 0};

  private VectorStructures() {}

  static void addTo(A64Rows rows) {
    for (int opcode = 0; opcode < 16; opcode++) {
      if (ELEMENTS[opcode] != 0) {
        addMultiple(rows, opcode);
      }
    }
    for (int elements = 1; elements <= 4; elements++) {
      for (int scale = 0; scale < 4; scale++) {
        addSingle(rows, elements, scale);
      }
    }
  }

  private static void advance(ArmState s, long w0, int bytes) {
    s.r[n(w0)] += m(w0) == ArmState.ZERO ? bytes : s.r[m(w0)];
  }

  private static String name(boolean isLoad, int elements) {
    return (isLoad ? "LD" : "ST") + elements + " {<Vt>.<T>";
  }

  // ---------------------------------------------------------------- whole registers

  private static void addMultiple(A64Rows rows, int opcode) {
    int elements = ELEMENTS[opcode];
    int count = REGISTERS[opcode];
    String op = Integer.toBinaryString(16 + opcode).substring(1);
    for (int i = 0; i < 4; i++) {
      boolean isLoad = (i & 1) != 0;
      boolean post = (i & 2) != 0;
      rows.row(
              "0Q001100"
                  + (post ? "1" : "0")
                  + (isLoad ? "1" : "0")
                  + (post ? "0mmmmm" : "000000")
                  + op
                  + "zzNNNNNddddd",
              name(isLoad, elements) + " x" + count + "}, [<Xn|SP>]" + (post ? ", <Xm>" : ""))
          .when((r, insn) -> elements == 1 || (insn >>> 10 & 3) < 3 || (insn >>> 30 & 1) != 0)
          .vector("d")
          .memory()
          .uses((w0, w1) -> VectorPermute.registers(d(w0), count))
          .does(isLoad ? load(elements, count, post) : store(elements, count, post));
    }
  }

  private static int size(long w1) {
    return (int) (w1 >>> 10) & 3;
  }

  private static void check(ArmState s, ArmCpu c, long w0, long gva, int size, boolean isWrite) {
    if (Word.isChecked(w0)) {
      Mem.check(s, c, w0, gva, 1 << size, isWrite);
    }
  }

  private static Step load(int elements, int count, boolean post) {
    return (s, c, w0, w1) -> {
      load(s, c, w0, w1, elements, count);
      if (post) {
        advance(s, w0, count << (Lanes.isWide(w1) ? 4 : 3));
      }
    };
  }

  private static Step store(int elements, int count, boolean post) {
    return (s, c, w0, w1) -> {
      store(s, c, w0, w1, elements, count);
      if (post) {
        advance(s, w0, count << (Lanes.isWide(w1) ? 4 : 3));
      }
    };
  }

  @ExplodeLoop
  private static void load(ArmState s, ArmCpu c, long w0, long w1, int elements, int count) {
    long gva = s.r[n(w0)];
    check(s, c, w0, gva, size(w1), false);
    int halves = Lanes.isWide(w1) ? 2 : 1;
    long[] words = new long[8];
    for (int i = 0; i < count * halves; i++) {
      words[i] = SoftTlb.load64(s, c, gva + 8 * i);
    }
    for (int r = 0; r < count; r++) {
      int at = 2 * (d(w0) + r & 31);
      int first = elements == 1 ? r * halves : 0;
      s.v[at] = elements == 1 ? words[first] : gathered(words, r, 0, elements, size(w1));
      long high = 0;
      if (halves == 2) {
        high = elements == 1 ? words[first + 1] : gathered(words, r, 1, elements, size(w1));
      }
      s.v[at + 1] = high;
    }
  }

  /** Element {@code r} of each structure of one half of a register. */
  @ExplodeLoop
  private static long gathered(long[] words, int r, int half, int elements, int size) {
    int each = 8 >> size;
    long v = 0;
    for (int i = 0; i < each; i++) {
      int k = (half * each + i) * elements + r;
      v |= Lanes.place(Lanes.unsigned(words[k / each], k % each, size), i, size);
    }
    return v;
  }

  @ExplodeLoop
  private static void store(ArmState s, ArmCpu c, long w0, long w1, int elements, int count) {
    long gva = s.r[n(w0)];
    check(s, c, w0, gva, size(w1), true);
    int halves = Lanes.isWide(w1) ? 2 : 1;
    for (int i = 0; i < count * halves; i++) {
      long v =
          elements == 1
              ? s.v[2 * (d(w0) + i / halves & 31) + i % halves]
              : scattered(s, d(w0), i, elements, size(w1));
      SoftTlb.store64(s, c, gva + 8 * i, v);
    }
  }

  /** Eight bytes of memory, the {@code i}-th, of interleaved registers. */
  @ExplodeLoop
  private static long scattered(ArmState s, int register, int i, int elements, int size) {
    int each = 8 >> size;
    long v = 0;
    for (int j = 0; j < each; j++) {
      int k = i * each + j;
      int number = register + k % elements & 31;
      v |= Lanes.place(Lanes.get(s, number, k / elements, size), j, size);
    }
    return v;
  }

  // ---------------------------------------------------------------- one lane, or all alike

  /** {@code scale} 3: all lanes; else the opcode's upper bits. */
  private static void addSingle(A64Rows rows, int elements, int scale) {
    String op = Integer.toBinaryString(4 + scale).substring(1) + (elements - 1 >> 1);
    for (int i = 0; i < 4; i++) {
      boolean isLoad = (i & 1) != 0;
      boolean post = (i & 2) != 0;
      if (scale == 3 && !isLoad) {
        continue;
      }
      Row row =
          rows.row(
              "0Q001101"
                  + (post ? "1" : "0")
                  + (isLoad ? "1" : "0")
                  + (elements - 1 & 1)
                  + (post ? "mmmmm" : "00000")
                  + op
                  + "ezzNNNNNddddd",
              name(isLoad, elements)
                  + (scale == 3 ? "} all lanes" : "}[<index>] " + scale)
                  + ", [<Xn|SP>]"
                  + (post ? ", <Xm>" : ""));
      row.when((r, insn) -> isAllocated(insn, scale))
          .vector("d")
          .memory()
          .uses((w0, w1) -> VectorPermute.registers(d(w0), elements));
      if (scale == 3) {
        row.does(replicate(elements, post));
      } else {
        row.does(isLoad ? loadLane(elements, scale, post) : storeLane(elements, scale, post));
      }
    }
  }

  private static boolean isAllocated(int insn, int scale) {
    int low = insn >>> 10 & 3;
    boolean upper = (insn >>> 12 & 1) != 0;
    return switch (scale) {
      case 0 -> true;
      case 1 -> (low & 1) == 0;
      case 2 -> low == 0 || low == 1 && !upper;
      default -> !upper;
    };
  }

  /** Size of the lane: words and doublewords share an opcode. */
  private static int laneSize(long w1, int scale) {
    return scale == 2 && (w1 >>> 10 & 1) != 0 ? 3 : scale;
  }

  private static int lane(long w1, int scale) {
    int q = (int) (w1 >>> 30) & 1;
    int all = q << 3 | (int) (w1 >>> 10) & 7;
    return laneSize(w1, scale) == 3 ? q : all >> scale;
  }

  private static Step replicate(int elements, boolean post) {
    return (s, c, w0, w1) -> {
      replicate(s, c, w0, w1, elements);
      if (post) {
        advance(s, w0, elements << size(w1));
      }
    };
  }

  @ExplodeLoop
  private static void replicate(ArmState s, ArmCpu c, long w0, long w1, int elements) {
    int size = size(w1);
    long gva = s.r[n(w0)];
    check(s, c, w0, gva, size, false);
    for (int r = 0; r < elements; r++) {
      long v = VectorWide.repeat(load(s, c, gva + ((long) r << size), size), size);
      int at = 2 * (d(w0) + r & 31);
      s.v[at] = v;
      s.v[at + 1] = Lanes.isWide(w1) ? v : 0;
    }
  }

  private static long load(ArmState s, ArmCpu c, long gva, int size) {
    return switch (size) {
      case 0 -> SoftTlb.load8(s, c, gva);
      case 1 -> SoftTlb.load16(s, c, gva);
      case 2 -> SoftTlb.load32(s, c, gva);
      default -> SoftTlb.load64(s, c, gva);
    };
  }

  private static void store(ArmState s, ArmCpu c, long gva, long v, int size) {
    switch (size) {
      case 0 -> SoftTlb.store8(s, c, gva, v);
      case 1 -> SoftTlb.store16(s, c, gva, v);
      case 2 -> SoftTlb.store32(s, c, gva, v);
      default -> SoftTlb.store64(s, c, gva, v);
    }
  }

  private static Step loadLane(int elements, int scale, boolean post) {
    return (s, c, w0, w1) -> {
      loadLane(s, c, w0, w1, elements, scale);
      if (post) {
        advance(s, w0, elements << laneSize(w1, scale));
      }
    };
  }

  @ExplodeLoop
  private static void loadLane(ArmState s, ArmCpu c, long w0, long w1, int elements, int scale) {
    int size = laneSize(w1, scale);
    long gva = s.r[n(w0)];
    check(s, c, w0, gva, size, false);
    for (int r = 0; r < elements; r++) {
      long v = load(s, c, gva + ((long) r << size), size);
      Lanes.put(s, d(w0) + r & 31, lane(w1, scale), size, v);
    }
  }

  private static Step storeLane(int elements, int scale, boolean post) {
    return (s, c, w0, w1) -> {
      storeLane(s, c, w0, w1, elements, scale);
      if (post) {
        advance(s, w0, elements << laneSize(w1, scale));
      }
    };
  }

  @ExplodeLoop
  private static void storeLane(ArmState s, ArmCpu c, long w0, long w1, int elements, int scale) {
    int size = laneSize(w1, scale);
    long gva = s.r[n(w0)];
    check(s, c, w0, gva, size, true);
    for (int r = 0; r < elements; r++) {
      long v = Lanes.get(s, d(w0) + r & 31, lane(w1, scale), size);
      store(s, c, gva + ((long) r << size), v, size);
    }
  }
}
