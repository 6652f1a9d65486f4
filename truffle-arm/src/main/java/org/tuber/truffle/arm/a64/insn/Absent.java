package org.tuber.truffle.arm.a64.insn;

import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.sys.ArmFeature;

/**
 * Rows of the index that no model has: BFloat16. They are undefined, which software that asks the
 * identification registers never finds out.
 */
final class Absent {
  private Absent() {}

  static void addTo(A64Rows rows) {
    ArmFeature bf16 = ArmFeature.BF16;
    rows.row("0001111001100011010000nnnnnddddd", "BFCVT <Hd>, <Sn>").vector("dn").needs(bf16);
    rows.row("0Q00111010100001011010nnnnnddddd", "BFCVTN{2} <Vd>, <Vn>").vector("dn").needs(bf16);
    three(rows, "0Q101110010mmmmm111111nnnnnddddd", "BFDOT", bf16);
    three(rows, "01101110010mmmmm111011nnnnnddddd", "BFMMLA", bf16);
    three(rows, "0Q101110110mmmmm111111nnnnnddddd", "BFMLALB, BFMLALT", bf16);
    three(rows, "0Q00111101lmmmmm1111h0nnnnnddddd", "BFDOT (element)", bf16);
    three(rows, "0Q00111111lmmmmm1111h0nnnnnddddd", "BFMLALB, BFMLALT (element)", bf16);
  }

  private static void three(A64Rows rows, String diagram, String name, ArmFeature feature) {
    rows.row(diagram, name + " <Vd>, <Vn>, <Vm>").vector("dnm").needs(feature);
  }
}
