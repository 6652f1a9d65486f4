package org.tuber.truffle.arm.a64.insn;

import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.sys.ArmFeature;

/**
 * Rows of the index that no model has: pointer authentication, BFloat16, 8-bit matrices. They are
 * undefined, which software that asks the identification registers never finds out.
 */
final class Absent {
  private Absent() {}

  static void addTo(A64Rows rows) {
    ArmFeature pauth = ArmFeature.PAUTH;
    rows.row("1101101011000001000kkknnnnnddddd", "PAC*, AUT* <Xd>, <Xn|SP>").needs(pauth);
    rows.row("1101101011000001001kkk11111ddddd", "PAC*Z, AUT*Z <Xd>").needs(pauth);
    rows.row("110110101100000101000k11111ddddd", "XPACI, XPACD <Xd>").needs(pauth);
    rows.row("10011010110mmmmm001100nnnnnddddd", "PACGA <Xd>, <Xn>, <Xm|SP>").needs(pauth);
    rows.row("110101110001111100001knnnnnmmmmm", "BRAA, BRAB <Xn>, <Xm|SP>").needs(pauth);
    rows.row("110101100001111100001knnnnn11111", "BRAAZ, BRABZ <Xn>").needs(pauth);
    rows.row("110101110011111100001knnnnnmmmmm", "BLRAA, BLRAB <Xn>, <Xm|SP>").needs(pauth);
    rows.row("110101100011111100001knnnnn11111", "BLRAAZ, BLRABZ <Xn>").needs(pauth);
    rows.row("110101100101111100001k1111111111", "RETAA, RETAB").needs(pauth);
    rows.row("110101101001111100001k1111111111", "ERETAA, ERETAB").needs(pauth);
    rows.row("11111000ki1iiiiiiiiip1NNNNNddddd", "LDRAA, LDRAB <Xt>, [<Xn|SP>{, #<simm>}]")
        .needs(pauth);
    ArmFeature bf16 = ArmFeature.BF16;
    rows.row("0001111001100011010000nnnnnddddd", "BFCVT <Hd>, <Sn>").vector("dn").needs(bf16);
    rows.row("0Q00111010100001011010nnnnnddddd", "BFCVTN{2} <Vd>, <Vn>").vector("dn").needs(bf16);
    three(rows, "0Q101110010mmmmm111111nnnnnddddd", "BFDOT", bf16);
    three(rows, "01101110010mmmmm111011nnnnnddddd", "BFMMLA", bf16);
    three(rows, "0Q101110110mmmmm111111nnnnnddddd", "BFMLALB, BFMLALT", bf16);
    three(rows, "0Q00111101lmmmmm1111h0nnnnnddddd", "BFDOT (element)", bf16);
    three(rows, "0Q00111111lmmmmm1111h0nnnnnddddd", "BFMLALB, BFMLALT (element)", bf16);
    ArmFeature i8mm = ArmFeature.I8MM;
    three(rows, "01001110100mmmmm101001nnnnnddddd", "SMMLA", i8mm);
    three(rows, "01101110100mmmmm101001nnnnnddddd", "UMMLA", i8mm);
    three(rows, "01001110100mmmmm101011nnnnnddddd", "USMMLA", i8mm);
    three(rows, "0Q001110100mmmmm100111nnnnnddddd", "USDOT", i8mm);
    three(rows, "0Q00111110lmmmmm1111h0nnnnnddddd", "USDOT (element)", i8mm);
    three(rows, "0Q00111100lmmmmm1111h0nnnnnddddd", "SUDOT (element)", i8mm);
  }

  private static void three(A64Rows rows, String diagram, String name, ArmFeature feature) {
    rows.row(diagram, name + " <Vd>, <Vn>, <Vm>").vector("dnm").needs(feature);
  }
}
