package org.tuber.truffle.arm;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.tuber.truffle.arm.fp.SoftFloat;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.state.Nzcv;

/**
 * One row of the conformance vectors {@code a64/*.jsonl.gz}, set up and judged by the rules of
 * their README: registers the row does not name get arbitrary values and must keep them.
 */
final class VectorRow {
  private static final int QC = 1 << 27;

  final int line;
  final String assembler;
  final int insn;
  private final JsonNode in;
  private final JsonNode out;

  VectorRow(int line, JsonNode row) {
    this.line = line;
    assembler = row.get("asm").asText();
    insn = (int) Long.parseLong(row.get("enc").asText(), 16);
    in = row.get("in");
    out = row.get("out");
  }

  void setUp(BareArm m, RandomGenerator random) {
    ArmState s = m.state;
    for (int i = 0; i < 32; i++) {
      s.r[i] = random.nextLong();
      s.v[2 * i] = random.nextLong();
      s.v[2 * i + 1] = random.nextLong();
    }
    s.r[ArmState.SP] &= -16;
    // Inexact results before, or not: FPSR.IXC has to make no difference.
    s.fpsr = random.nextBoolean() ? SoftFloat.IXC : 0;
    m.cpu.fpcr = 0;
    Nzcv.set(s, 0);
    for (Map.Entry<String, JsonNode> e : in.properties()) {
      String text = e.getValue().asText();
      String name = e.getKey();
      switch (name.charAt(0)) {
        case 'x' -> s.r[Integer.parseInt(name.substring(1))] = hex(text);
        case 'v' -> {
          int n = Integer.parseInt(name.substring(1));
          s.v[2 * n] = hex(text.substring(16));
          s.v[2 * n + 1] = hex(text.substring(0, 16));
        }
        case 'n' -> Nzcv.set(s, (int) (hex(text) >>> Nzcv.SHIFT));
        case 'q' -> s.fpsr |= text.endsWith("1") ? QC : 0;
        default -> m.data.store64(hex(in.get("x5").asText()) - BareArm.DATA, hex(text));
      }
    }
  }

  private static long hex(String text) {
    return Long.parseUnsignedLong(text, 16);
  }

  /** What is wrong afterwards, or null. {@code before}: the registers after {@link #setUp}. */
  String judge(BareArm m, long[] r, long[] v) {
    ArmState s = m.state;
    for (int i = 0; i < 31; i++) {
      JsonNode want = out.get("x" + i);
      long wanted = want == null ? r[i] : hex(want.asText());
      if (s.r[i] != wanted) {
        return "x" + i + " is " + Long.toHexString(s.r[i]) + ", not " + Long.toHexString(wanted);
      }
    }
    for (int i = 0; i < 32; i++) {
      JsonNode want = out.get("v" + i);
      long low = want == null ? v[2 * i] : hex(want.asText().substring(16));
      long high = want == null ? v[2 * i + 1] : hex(want.asText().substring(0, 16));
      if (s.v[2 * i] != low || s.v[2 * i + 1] != high) {
        return String.format(
            "v%d is %016x%016x, not %016x%016x", i, s.v[2 * i + 1], s.v[2 * i], high, low);
      }
    }
    JsonNode nzcv = out.get("nzcv");
    if (nzcv != null && (long) Nzcv.get(s) << Nzcv.SHIFT != hex(nzcv.asText())) {
      return "nzcv is " + Integer.toHexString(Nzcv.get(s)) + ", not " + nzcv.asText();
    }
    JsonNode qc = out.get("qc");
    if (qc != null && (s.fpsr & QC) != 0 != qc.asText().endsWith("1")) {
      return "qc is not " + qc.asText();
    }
    JsonNode mem = out.get("mem");
    if (mem != null) {
      long is = m.data.load64(hex(in.get("x5").asText()) - BareArm.DATA);
      if (is != hex(mem.asText())) {
        return "memory is " + Long.toHexString(is) + ", not " + mem.asText();
      }
    }
    return null;
  }
}
