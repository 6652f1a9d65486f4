package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Op.AVX_CLEAR;
import static org.tuber.truffle.x86.decode.Op.AVX_COUNT;
import static org.tuber.truffle.x86.decode.Op.AVX_NARROW;
import static org.tuber.truffle.x86.decode.Op.AVX_PACKED;
import static org.tuber.truffle.x86.decode.Op.AVX_PLAIN;
import static org.tuber.truffle.x86.decode.Op.AVX_SCALAR;
import static org.tuber.truffle.x86.decode.Op.AVX_SHIFT;
import static org.tuber.truffle.x86.decode.Op.AVX_WIDEN;

import org.tuber.truffle.x86.decode.Op;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Row;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;
import org.tuber.truffle.x86.sys.CpuFeature;

/**
 * VEX encodings of the SSE instructions (SDM vol. 2), and the switch to all families with a VEX
 * prefix. Which way an SSE operation becomes a VEX one is told by the {@code AVX_} number, see
 * {@link Op}; families that exist with VEX only have their rows in their own files.
 */
public final class AvxRows {
  /** Attributes of AVX instructions. The feature itself is checked by {@link X86Cpu#MODE_AVX}. */
  static final int AVX = Row.AVX | Row.FLAGS_KEPT;

  static final int AVX2 = AVX | CpuFeature.AVX2.row();

  private static final String[] LENGTHS = {"VEX.128.", "VEX.256."};

  private AvxRows() {}

  /** Registers all rows. */
  public static void add(OpcodeMap m) {
    AvxMove.add(m);
    addIntegers(m);
    addShifts(m);
    addShuffles(m);
    addFloats(m);
    addConversions(m);
    addSse4(m);
    addCrypto(m);
    AvxPermute.add(m);
    AvxSpecial.add(m);
    Fma.add(m);
    Bmi.add(m);
  }

  /** Runs an operation of {@code [Op.VEX, 1024)}. */
  static void run(X86State s, X86Cpu c, long w0, long w1, int op) {
    switch (op) {
      case Op.AVX_MOVE -> AvxMove.run(s, c, w0, w1);
      case Op.AVX_ZERO -> AvxMove.zero(s, w1);
      case Op.BMI -> Bmi.run(s, c, w0, w1);
      case Op.AVX_FMA -> Fma.run(s, c, w0, w1);
      case Op.AVX_PERMUTE -> AvxPermute.run(s, c, w0, w1);
      case Op.AVX_SPECIAL -> AvxSpecial.run(s, c, w0, w1);
      default -> Avx.run(s, c, w0, w1, op);
    }
  }

  /** One row; {@code sub} is the operation proper. */
  static void row(OpcodeMap m, String encoding, String text, int op, int sub, int attributes) {
    m.row(encoding, text, op | sub << 10, attributes);
  }

  /**
   * {@code code} without length, e.g. {@code 66.0F.WIG FE}; the 256-bit form needs {@code wide}.
   */
  static void both(OpcodeMap m, String code, String text, int op, int sub, int wide) {
    for (int l = 0; l < 2; l++) {
      row(m, LENGTHS[l] + code + " /r", text, op, sub, l == 0 ? AVX : wide);
    }
  }

  private static void packed(OpcodeMap m, String code, String text, int sub, int wide) {
    both(m, code, text, AVX_PACKED, sub, wide);
  }

  private static void addIntegers(OpcodeMap m) {
    for (int k = 0; k < SseInt.NAMES.length; k++) {
      int space = SseInt.NAMES[k].indexOf(' ');
      String name = "v" + SseInt.NAMES[k].substring(0, space);
      String code = SseInt.NAMES[k].substring(space + 1);
      String map =
          code.startsWith("38 ") ? "66.0F38.WIG " + code.substring(3) : "66.0F.WIG " + code;
      String operands = name.startsWith("vpabs") ? " Vx,Wx" : " Vx,Hx,Wx";
      packed(m, map, name + operands, SseRows.LANES + k, AVX2);
    }
    String[] bitwise = {"vand", "vandn", "vor", "vxor"};
    for (int i = 0; i < 4; i++) {
      int op = SseRows.LANES + SseInt.PAND + i;
      packed(m, "NP.0F.WIG 5" + (4 + i), bitwise[i] + "ps Vx,Hx,Wx", op, AVX);
      packed(m, "66.0F.WIG 5" + (4 + i), bitwise[i] + "pd Vx,Hx,Wx", op, AVX);
    }
  }

  private static void addShifts(OpcodeMap m) {
    for (int k = 0; k < 8; k++) {
      String name = "v" + SseShift.NAMES[k];
      String code = "66.0F.WIG " + SseShift.BY_OPERAND_CODES[k];
      both(m, code, name + " Vx,Hx,Wx", AVX_COUNT, SseShift.BY_OPERAND + k, AVX2);
      shiftByImmediate(m, SseShift.BY_IMMEDIATE_CODES[k], name, SseShift.BY_IMMEDIATE + k);
    }
    shiftByImmediate(m, "73 /7", "vpslldq", SseShift.PSLLDQ);
    shiftByImmediate(m, "73 /3", "vpsrldq", SseShift.PSRLDQ);
  }

  private static void shiftByImmediate(OpcodeMap m, String code, String name, int sub) {
    for (int l = 0; l < 2; l++) {
      String encoding = LENGTHS[l] + "66.0F.WIG " + code + " reg";
      row(m, encoding, name + " Hx,Wx,Ib", AVX_SHIFT, sub, l == 0 ? AVX : AVX2);
    }
  }

  private static void addShuffles(OpcodeMap m) {
    String[] codes = {"63", "6B", "67", "38 2B", "60", "61", "62", "6C", "68", "69", "6A", "6D"};
    String[] names = {
      "packsswb",
      "packssdw",
      "packuswb",
      "packusdw",
      "punpcklbw",
      "punpcklwd",
      "punpckldq",
      "punpcklqdq",
      "punpckhbw",
      "punpckhwd",
      "punpckhdq",
      "punpckhqdq"
    };
    for (int k = 0; k < codes.length; k++) {
      String code = codes[k].length() > 2 ? "66.0F38.WIG 2B" : "66.0F.WIG " + codes[k];
      packed(m, code, "v" + names[k] + " Vx,Hx,Wx", SseShuffle.PACKSSWB + k, AVX2);
    }
    packed(m, "NP.0F.WIG 14", "vunpcklps Vx,Hx,Wx", SseShuffle.PUNPCKLDQ, AVX);
    packed(m, "NP.0F.WIG 15", "vunpckhps Vx,Hx,Wx", SseShuffle.PUNPCKHDQ, AVX);
    packed(m, "66.0F.WIG 14", "vunpcklpd Vx,Hx,Wx", SseShuffle.PUNPCKLQDQ, AVX);
    packed(m, "66.0F.WIG 15", "vunpckhpd Vx,Hx,Wx", SseShuffle.PUNPCKHQDQ, AVX);
    packed(m, "66.0F.WIG 70", "vpshufd Vx,Wx,Ib", SseShuffle.PSHUFD, AVX2);
    packed(m, "F2.0F.WIG 70", "vpshuflw Vx,Wx,Ib", SseShuffle.PSHUFLW, AVX2);
    packed(m, "F3.0F.WIG 70", "vpshufhw Vx,Wx,Ib", SseShuffle.PSHUFHW, AVX2);
    packed(m, "NP.0F.WIG C6", "vshufps Vx,Hx,Wx,Ib", SseShuffle.SHUFPS, AVX);
    packed(m, "66.0F.WIG C6", "vshufpd Vx,Hx,Wx,Ib", SseShuffle.SHUFPD, AVX);
    packed(m, "66.0F38.WIG 00", "vpshufb Vx,Hx,Wx", SseShuffle.PSHUFB, AVX2);
    packed(m, "66.0F3A.WIG 0F", "vpalignr Vx,Hx,Wx,Ib", SseShuffle.PALIGNR, AVX2);
    for (int k = 0; k < 6; k++) {
      String name = "v" + SseShuffle.HORIZONTAL_NAMES[k] + " Vx,Hx,Wx";
      packed(
          m,
          "66.0F38.WIG " + SseShuffle.HORIZONTAL_CODES[k],
          name,
          SseShuffle.HORIZONTAL + k,
          AVX2);
    }
    String c = "VEX.128.66.0F.WIG ";
    row(m, c + "C4 /r reg", "vpinsrw Vx,Hx,Ed,Ib", AVX_SCALAR, SseShuffle.PINSRW, AVX);
    row(m, c + "C4 /r mem", "vpinsrw Vx,Hx,Mw,Ib", AVX_SCALAR, SseShuffle.PINSRW, AVX);
    row(m, c + "C5 /r reg", "vpextrw Gd,Wx,Ib", AVX_PLAIN, SseShuffle.PEXTRW, AVX);
  }

  private static void scalar(OpcodeMap m, String code, String text, int sub) {
    row(m, "VEX.LIG." + code + " /r", text, AVX_SCALAR, sub, AVX);
  }

  private static void addFloats(OpcodeMap m) {
    String[] prefixes = {"NP", "66", "F3", "F2"};
    String[] suffixes = {"ps", "pd", "ss", "sd"};
    int[] kinds = {
      SseArith.ADD, SseArith.MUL, SseArith.SUB, SseArith.MIN, SseArith.DIV, SseArith.MAX
    };
    String[] names = {"vadd", "vmul", "vsub", "vmin", "vdiv", "vmax"};
    String[] codes = {"58", "59", "5C", "5D", "5E", "5F"};
    for (int form = 0; form < 4; form++) {
      int op = SseFloat.PS + 8 * form;
      String map = prefixes[form] + ".0F.WIG ";
      for (int k = 0; k < kinds.length; k++) {
        String text = names[k] + suffixes[form] + " Vx,Hx,Wx";
        if (form < 2) {
          packed(m, map + codes[k], text, op + kinds[k], AVX);
        } else {
          scalar(m, map + codes[k], text, op + kinds[k]);
        }
      }
      if (form < 2) {
        packed(m, map + "51", "vsqrt" + suffixes[form] + " Vx,Wx", op + SseFloat.SQRT, AVX);
      } else {
        scalar(m, map + "51", "vsqrt" + suffixes[form] + " Vx,Hx,Wx", op + SseFloat.SQRT);
      }
    }
    packed(m, "NP.0F.WIG 53", "vrcpps Vx,Wx", SseFloat.RCPPS, AVX);
    packed(m, "NP.0F.WIG 52", "vrsqrtps Vx,Wx", SseFloat.RSQRTPS, AVX);
    scalar(m, "F3.0F.WIG 53", "vrcpss Vx,Hx,Wx", SseFloat.RCPSS);
    scalar(m, "F3.0F.WIG 52", "vrsqrtss Vx,Hx,Wx", SseFloat.RSQRTSS);
    int flags = Row.AVX;
    row(m, "VEX.LIG.NP.0F.WIG 2E /r", "vucomiss Vx,Wx", AVX_PLAIN, SseFloat.UCOMISS, flags);
    row(m, "VEX.LIG.66.0F.WIG 2E /r", "vucomisd Vx,Wx", AVX_PLAIN, SseFloat.UCOMISD, flags);
    row(m, "VEX.LIG.NP.0F.WIG 2F /r", "vcomiss Vx,Wx", AVX_PLAIN, SseFloat.COMISS, flags);
    row(m, "VEX.LIG.66.0F.WIG 2F /r", "vcomisd Vx,Wx", AVX_PLAIN, SseFloat.COMISD, flags);
    packed(m, "F2.0F.WIG D0", "vaddsubps Vx,Hx,Wx", Sse3.ADDSUBPS, AVX);
    packed(m, "66.0F.WIG D0", "vaddsubpd Vx,Hx,Wx", Sse3.ADDSUBPD, AVX);
    packed(m, "F2.0F.WIG 7C", "vhaddps Vx,Hx,Wx", Sse3.HADDPS, AVX);
    packed(m, "66.0F.WIG 7C", "vhaddpd Vx,Hx,Wx", Sse3.HADDPD, AVX);
    packed(m, "F2.0F.WIG 7D", "vhsubps Vx,Hx,Wx", Sse3.HSUBPS, AVX);
    packed(m, "66.0F.WIG 7D", "vhsubpd Vx,Hx,Wx", Sse3.HSUBPD, AVX);
  }

  private static void addConversions(OpcodeMap m) {
    scalar(m, "F3.0F.WIG 2A", "vcvtsi2ss Vx,Hx,Ey", SseConvert.CVTSI2SS);
    scalar(m, "F2.0F.WIG 2A", "vcvtsi2sd Vx,Hx,Ey", SseConvert.CVTSI2SD);
    scalar(m, "F3.0F.WIG 5A", "vcvtss2sd Vx,Hx,Wx", SseConvert.CVTSS2SD);
    scalar(m, "F2.0F.WIG 5A", "vcvtsd2ss Vx,Hx,Wx", SseConvert.CVTSD2SS);
    String ss = "VEX.LIG.F3.0F.WIG ";
    String sd = "VEX.LIG.F2.0F.WIG ";
    row(m, ss + "2C /r", "vcvttss2si Gy,Wx", AVX_PLAIN, SseConvert.CVTTSS2SI, AVX);
    row(m, sd + "2C /r", "vcvttsd2si Gy,Wx", AVX_PLAIN, SseConvert.CVTTSD2SI, AVX);
    row(m, ss + "2D /r", "vcvtss2si Gy,Wx", AVX_PLAIN, SseConvert.CVTSS2SI, AVX);
    row(m, sd + "2D /r", "vcvtsd2si Gy,Wx", AVX_PLAIN, SseConvert.CVTSD2SI, AVX);
    widen(m, "NP.0F.WIG 5A", "vcvtps2pd Vx,Wx", SseConvert.CVTPS2PD, AVX);
    widen(m, "F3.0F.WIG E6", "vcvtdq2pd Vx,Wx", SseConvert.CVTDQ2PD, AVX);
    narrow(m, "66.0F.WIG 5A", "vcvtpd2ps Vx,Wx", SseConvert.CVTPD2PS);
    narrow(m, "66.0F.WIG E6", "vcvttpd2dq Vx,Wx", SseConvert.CVTTPD2DQ);
    narrow(m, "F2.0F.WIG E6", "vcvtpd2dq Vx,Wx", SseConvert.CVTPD2DQ);
    packed(m, "NP.0F.WIG 5B", "vcvtdq2ps Vx,Wx", SseConvert.CVTDQ2PS, AVX);
    packed(m, "66.0F.WIG 5B", "vcvtps2dq Vx,Wx", SseConvert.CVTPS2DQ, AVX);
    packed(m, "F3.0F.WIG 5B", "vcvttps2dq Vx,Wx", SseConvert.CVTTPS2DQ, AVX);
  }

  private static void widen(OpcodeMap m, String code, String text, int sub, int wide) {
    row(m, "VEX.128." + code + " /r", text, AVX_CLEAR, sub, AVX);
    row(m, "VEX.256." + code + " /r", text, AVX_WIDEN, sub, wide);
  }

  private static void narrow(OpcodeMap m, String code, String text, int sub) {
    row(m, "VEX.128." + code + " /r", text, AVX_PACKED, sub, AVX);
    row(m, "VEX.256." + code + " /r", text, AVX_NARROW, sub, AVX);
  }

  private static void addSse4(OpcodeMap m) {
    packed(m, "66.0F3A.WIG 0C", "vblendps Vx,Hx,Wx,Ib", Sse41.BLENDPS, AVX);
    packed(m, "66.0F3A.WIG 0D", "vblendpd Vx,Hx,Wx,Ib", Sse41.BLENDPD, AVX);
    packed(m, "66.0F3A.WIG 0E", "vpblendw Vx,Hx,Wx,Ib", Sse41.PBLENDW, AVX2);
    packed(m, "66.0F3A.WIG 42", "vmpsadbw Vx,Hx,Wx,Ib", Sse41.MPSADBW, AVX2);
    packed(m, "66.0F3A.WIG 08", "vroundps Vx,Wx,Ib", Sse41.ROUNDPS, AVX);
    packed(m, "66.0F3A.WIG 09", "vroundpd Vx,Wx,Ib", Sse41.ROUNDPD, AVX);
    scalar(m, "66.0F3A.WIG 0A", "vroundss Vx,Hx,Wx,Ib", Sse41.ROUNDSS);
    scalar(m, "66.0F3A.WIG 0B", "vroundsd Vx,Hx,Wx,Ib", Sse41.ROUNDSD);
    for (int k = 0; k < 6; k++) {
      String text = Sse41.EXTENSIONS[k] + " Vx,Wx";
      widen(m, "66.0F38.WIG 2" + k, "vpmovsx" + text, Sse41.PMOVSX + k, AVX2);
      widen(m, "66.0F38.WIG 3" + k, "vpmovzx" + text, Sse41.PMOVZX + k, AVX2);
    }
    String a = "VEX.128.66.0F3A.WIG ";
    row(m, a + "40 /r", "vdpps Vx,Hx,Wx,Ib", AVX_PACKED, Sse41.DPPS, AVX);
    row(m, a + "41 /r", "vdppd Vx,Hx,Wx,Ib", AVX_PACKED, Sse41.DPPD, AVX);
    row(m, a + "21 /r", "vinsertps Vx,Hx,Wx,Ib", AVX_SCALAR, Sse41.INSERTPS, AVX);
    row(m, a + "14 /r reg", "vpextrb Ed,Vx,Ib", AVX_PLAIN, Sse41.PEXTRB, AVX);
    row(m, a + "14 /r mem", "vpextrb Mb,Vx,Ib", AVX_PLAIN, Sse41.PEXTRB, AVX);
    row(m, a + "15 /r reg", "vpextrw Ed,Vx,Ib", AVX_PLAIN, Sse41.PEXTRW, AVX);
    row(m, a + "15 /r mem", "vpextrw Mw,Vx,Ib", AVX_PLAIN, Sse41.PEXTRW, AVX);
    row(m, a + "16 /r", "vpextrd Ey,Vx,Ib", AVX_PLAIN, Sse41.PEXTRD, AVX);
    row(m, a + "17 /r", "vextractps Ed,Vx,Ib", AVX_PLAIN, Sse41.PEXTRD, AVX);
    row(m, a + "20 /r reg", "vpinsrb Vx,Hx,Ed,Ib", AVX_SCALAR, Sse41.PINSRB, AVX);
    row(m, a + "20 /r mem", "vpinsrb Vx,Hx,Mb,Ib", AVX_SCALAR, Sse41.PINSRB, AVX);
    row(m, a + "22 /r", "vpinsrd Vx,Hx,Ey,Ib", AVX_SCALAR, Sse41.PINSRD, AVX);
    row(m, a + "61 /r", "vpcmpestri Vx,Wx,Ib", AVX_PLAIN, Sse42.PCMPESTRI, Row.AVX);
    row(m, a + "63 /r", "vpcmpistri Vx,Wx,Ib", AVX_PLAIN, Sse42.PCMPISTRI, Row.AVX);
    String b = "VEX.128.66.0F38.WIG 41 /r";
    row(m, b, "vphminposuw Vx,Wx", AVX_PACKED, Sse41.PHMINPOSUW, AVX);
  }

  private static void addCrypto(OpcodeMap m) {
    int aes = AVX | CpuFeature.AES.row();
    int vaes = AVX | CpuFeature.VAES.row();
    String[] names = {"vaesenc", "vaesenclast", "vaesdec", "vaesdeclast"};
    for (int k = 0; k < 4; k++) {
      String code = "66.0F38.WIG D" + "CDEF".charAt(k) + " /r";
      String text = names[k] + " Vx,Hx,Wx";
      row(m, "VEX.128." + code, text, AVX_PACKED, Crypto.AESENC + k, aes);
      row(m, "VEX.256." + code, text, AVX_PACKED, Crypto.AESENC + k, vaes);
    }
    String imc = "VEX.128.66.0F38.WIG DB /r";
    row(m, imc, "vaesimc Vx,Wx", AVX_PACKED, Crypto.AESIMC, aes);
    String key = "VEX.128.66.0F3A.WIG DF /r";
    row(m, key, "vaeskeygenassist Vx,Wx,Ib", AVX_PACKED, Crypto.AESKEYGENASSIST, aes);
    String clmul = "66.0F3A.WIG 44 /r";
    String text = "vpclmulqdq Vx,Hx,Wx,Ib";
    int narrow = AVX | CpuFeature.PCLMULQDQ.row();
    int wide = AVX | CpuFeature.VPCLMULQDQ.row();
    row(m, "VEX.128." + clmul, text, AVX_PACKED, Crypto.PCLMULQDQ, narrow);
    row(m, "VEX.256." + clmul, text, AVX_PACKED, Crypto.PCLMULQDQ, wide);
  }
}
