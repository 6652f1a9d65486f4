package org.tuber.truffle.x86.decode;

import java.util.ArrayList;
import java.util.List;
import org.tuber.truffle.x86.insn.AvxRows;
import org.tuber.truffle.x86.insn.IntegerRows;
import org.tuber.truffle.x86.insn.SseGenerations;
import org.tuber.truffle.x86.insn.SseRows;
import org.tuber.truffle.x86.insn.X87Rows;
import org.tuber.truffle.x86.sys.SystemRows;

/**
 * All rows, by map and opcode. Built once at start-up from the families' own lists, so that
 * encoding and semantics of an instruction stand in one place.
 */
public final class OpcodeMap {
  /** The one map. */
  public static final OpcodeMap INSTANCE = new OpcodeMap();

  private static final int MAPS = 2 * Row.VEX_MAPS + 1;

  private final Row[][] rows = new Row[MAPS * 256][];
  private final boolean[] modRm = new boolean[MAPS * 256];
  private final List<Row> all = new ArrayList<>();

  private OpcodeMap() {
    IntegerRows.add(this);
    SystemRows.add(this);
    SseRows.add(this);
    X87Rows.add(this);
    AvxRows.add(this);
    for (Row r : all) {
      for (int n = 0; n < (r.registerInOpcode ? 8 : 1); n++) {
        int i = r.map << 8 | (r.opcode + n);
        Row[] old = rows[i] == null ? new Row[0] : rows[i];
        rows[i] = java.util.Arrays.copyOf(old, old.length + 1);
        rows[i][old.length] = r;
        modRm[i] |= r.hasModRm;
      }
    }
  }

  /** Adds a row; {@code attributes} are {@link Row} bits. */
  public void row(String encoding, String assembler, int op, int attributes) {
    int number = op & 0x3ff;
    int feature =
        number >= Op.SSE && number < Op.X87 && attributes >>> Row.FEATURE_SHIFT == 0
            ? SseGenerations.feature(encoding, assembler)
            : 0;
    all.add(new Row(encoding, assembler, op, attributes | feature));
  }

  /** Adds a row without attributes. */
  public void row(String encoding, String assembler, int op) {
    row(encoding, assembler, op, 0);
  }

  /** All rows in order of registration. */
  public List<Row> rows() {
    return List.copyOf(all);
  }

  /** True when some row of the opcode has a ModRM byte. */
  boolean needsModRm(int map, int opcode) {
    return modRm[map << 8 | opcode];
  }

  /** The same after a VEX prefix. */
  boolean needsModRm(VexPrefix vex, int opcode) {
    return exists(vex) && needsModRm(Row.VEX_MAPS + vex.map, opcode);
  }

  private static boolean exists(VexPrefix vex) {
    return vex.map > 0 && vex.map <= Row.VEX_MAPS;
  }

  /**
   * The row for an opcode, or null.
   *
   * @param map 0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A
   * @param prefix last of 66, F2, F3 with F2/F3 taking precedence; 0 for none
   * @param modRm the byte after the opcode
   */
  Row find(int map, int opcode, int prefix, int modRm, boolean bits64) {
    return find(map, opcode, prefix, modRm, bits64, null);
  }

  /** The row for an opcode after a VEX prefix, or null. */
  Row find(VexPrefix vex, int opcode, int modRm, boolean bits64) {
    return exists(vex)
        ? find(Row.VEX_MAPS + vex.map, opcode, vex.prefix, modRm, bits64, vex)
        : null;
  }

  private Row find(int map, int opcode, int prefix, int modRm, boolean bits64, VexPrefix vex) {
    Row[] candidates = rows[map << 8 | opcode];
    if (candidates == null) {
      return null;
    }
    Row fallback = null;
    for (Row r : candidates) {
      if (r.has(bits64 ? Row.I64 : Row.O64)) {
        continue;
      }
      if (r.exactModRm >= 0 && r.exactModRm != modRm) {
        continue;
      }
      if (r.digit >= 0 && r.digit != ((modRm >> 3) & 7)) {
        continue;
      }
      if (r.memoryOnly && modRm >= 0xc0 || r.registerOnly && modRm < 0xc0) {
        continue;
      }
      if (vex != null
          && (r.vexL != Row.ANY && (r.vexL == 1) != vex.is256
              || r.vexW != Row.ANY && (r.vexW == 1) != vex.w)) {
        continue;
      }
      if (r.prefix == prefix) {
        return r;
      }
      if (r.prefix == Row.ANY_PREFIX && fallback == null) {
        fallback = r;
      }
    }
    return fallback;
  }
}
