package org.tuber.truffle.arm.user;

import java.util.ArrayList;
import java.util.List;
import org.tuber.truffle.arm.sys.ArmFeature;
import org.tuber.truffle.arm.sys.CpuModel;

/**
 * A model's features as Linux tells programs of them: AT_HWCAP, AT_HWCAP2 and the words of
 * /proc/cpuinfo (Linux, Documentation/arch/arm64/elf_hwcaps.rst).
 *
 * <p>BTI is not among them: pages of programs are not guarded here.
 */
enum Capabilities {
  FP("fp", 0, null),
  ASIMD("asimd", 1, null),
  AES("aes", 3, ArmFeature.AES),
  PMULL("pmull", 4, ArmFeature.PMULL),
  SHA1("sha1", 5, ArmFeature.SHA1),
  SHA2("sha2", 6, ArmFeature.SHA256),
  CRC32("crc32", 7, ArmFeature.CRC32),
  ATOMICS("atomics", 8, ArmFeature.LSE),
  FPHP("fphp", 9, ArmFeature.FP16),
  ASIMDHP("asimdhp", 10, ArmFeature.FP16),
  CPUID("cpuid", 11, null),
  ASIMDRDM("asimdrdm", 12, ArmFeature.RDM),
  JSCVT("jscvt", 13, ArmFeature.JSCVT),
  FCMA("fcma", 14, ArmFeature.FCMA),
  LRCPC("lrcpc", 15, ArmFeature.LRCPC),
  DCPOP("dcpop", 16, ArmFeature.DPB),
  SHA3("sha3", 17, ArmFeature.SHA3),
  SM3("sm3", 18, ArmFeature.SM3),
  SM4("sm4", 19, ArmFeature.SM4),
  ASIMDDP("asimddp", 20, ArmFeature.DOTPROD),
  SHA512("sha512", 21, ArmFeature.SHA512),
  ASIMDFHM("asimdfhm", 23, ArmFeature.FHM),
  DIT("dit", 24, ArmFeature.DIT),
  USCAT("uscat", 25, ArmFeature.LSE2),
  ILRCPC("ilrcpc", 26, ArmFeature.LRCPC2),
  FLAGM("flagm", 27, ArmFeature.FLAGM),
  SSBS("ssbs", 28, ArmFeature.SSBS2),
  SB("sb", 29, ArmFeature.SB),
  PACA("paca", 30, ArmFeature.PAUTH),
  PACG("pacg", 31, ArmFeature.PAUTH),
  DCPODP("dcpodp", 32, ArmFeature.DPB2),
  FLAGM2("flagm2", 39, ArmFeature.FLAGM2),
  FRINT("frint", 40, ArmFeature.FRINTTS),
  I8MM("i8mm", 45, ArmFeature.I8MM),
  BF16("bf16", 46, ArmFeature.BF16),
  RNG("rng", 48, ArmFeature.RNG);

  private final String text;

  /** Bit of AT_HWCAP, from 32 on of AT_HWCAP2. */
  private final int bit;

  /** What it stands for; null: every model has it. */
  private final ArmFeature feature;

  Capabilities(String text, int bit, ArmFeature feature) {
    this.text = text;
    this.bit = bit;
    this.feature = feature;
  }

  private boolean isIn(CpuModel model) {
    return feature == null || model.has(feature);
  }

  /** AT_HWCAP in the lower half, AT_HWCAP2 in the upper. */
  static long of(CpuModel model) {
    long bits = 0;
    for (Capabilities c : values()) {
      bits |= c.isIn(model) ? 1L << c.bit : 0;
    }
    return bits;
  }

  static String names(CpuModel model) {
    List<String> names = new ArrayList<>();
    for (Capabilities c : values()) {
      if (c.isIn(model)) {
        names.add(c.text);
      }
    }
    return String.join(" ", names);
  }
}
