package org.tuber.truffle.arm.sys;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A kind of CPU: its identification registers, from which its features follow. Values are those of
 * the cores' technical reference manuals, as QEMU shows them on its {@code virt} board.
 *
 * <p>Deviations: AArch32 state does not exist yet, so PFR0 says AArch64 only; {@code max} is
 * without SVE, SME, MTE, RAS, and what needs EL2. Debug is as in version 8.0 without watchpoints in
 * use, and there is no PMU.
 */
public final class CpuModel {
  private static final Map<String, CpuModel> MODELS = new LinkedHashMap<>();

  /** L1D, L1I and L2 in the order of CSSELR_EL1.{Level,InD}: 0, 1, 2. */
  private final long[] ccsidr;

  private final String name;
  private final Map<IdRegister, Long> registers = new EnumMap<>(IdRegister.class);
  private final Set<ArmFeature> features = EnumSet.noneOf(ArmFeature.class);

  private CpuModel(String name, long... ccsidr) {
    this.name = name;
    this.ccsidr = ccsidr;
  }

  static {
    cortex("cortex-a57", 0x411fd070L, 0x701fe00aL, 0x201fe012L, 0x70ffe07aL).add();
    CpuModel a53 = cortex("cortex-a53", 0x410fd034L, 0x700fe01aL, 0x201fe00aL, 0x707fe07aL);
    a53.set(IdRegister.CTR_EL0, 0x84448004L).set(IdRegister.AA64MMFR0_EL1, 0x1122);
    a53.add();
    CpuModel a72 = cortex("cortex-a72", 0x410fd083L, 0x701fe00aL, 0x201fe012L, 0x707fe07aL);
    a72.set(IdRegister.MVFR1_EL1, 0x13211111).set(IdRegister.MMFR0_EL1, 0x10201105).add();
    CpuModel n1 = cortex("neoverse-n1", 0x414fd0c1L, 0x701fe01aL, 0x201fe01aL, 0x70ffe03aL);
    n1.set(IdRegister.AA64PFR0_EL1, 0x1100_0000_0011_0011L).set(IdRegister.AA64PFR1_EL1, 0x20);
    n1.set(IdRegister.AA64DFR0_EL1, 0x1030_5008L);
    n1.set(IdRegister.AA64ISAR0_EL1, 0x1000_1021_1120L).set(IdRegister.AA64ISAR1_EL1, 0x10_0001L);
    n1.set(IdRegister.AA64MMFR0_EL1, 0x10_1125L).set(IdRegister.AA64MMFR1_EL1, 0x1021_2022L);
    n1.set(IdRegister.AA64MMFR2_EL1, 0x1011L).set(IdRegister.CLIDR_EL1, 0x8200_0023L);
    n1.set(IdRegister.CTR_EL0, 0x8444_c004L).add();
    CpuModel max = cortex("max", 0x000f_0510L, 0x701fe00aL, 0x201fe012L, 0x70ffe07aL);
    max.set(IdRegister.AA64PFR0_EL1, 0x1201_0000_0011_0011L).set(IdRegister.AA64PFR1_EL1, 0x21);
    max.set(IdRegister.AA64ISAR0_EL1, 0x1221_1000_1021_2120L | 0x1_0000_0000L);
    max.set(IdRegister.AA64ISAR1_EL1, 0x0010_0011_0121_1012L);
    max.set(IdRegister.AA64MMFR0_EL1, 0x0032_3102_0112_6L & 0xff0f_ffffL | 0x20_0000L);
    max.set(IdRegister.AA64MMFR1_EL1, 0x1021_0022L | 0x20_1000L);
    max.set(IdRegister.AA64MMFR2_EL1, 0x1000_0001_0000_0011L);
    max.add();
  }

  private static CpuModel cortex(String name, long midr, long... ccsidr) {
    CpuModel m = new CpuModel(name, ccsidr);
    m.set(IdRegister.MIDR_EL1, midr);
    m.set(IdRegister.AA64PFR0_EL1, 0x11).set(IdRegister.AA64DFR0_EL1, 0x1030_5006L);
    m.set(IdRegister.AA64ISAR0_EL1, 0x1_1120).set(IdRegister.AA64MMFR0_EL1, 0x1124);
    m.set(IdRegister.PFR0_EL1, 0x131).set(IdRegister.PFR1_EL1, 0x1_0001);
    m.set(IdRegister.DFR0_EL1, 0x301_0006).set(IdRegister.MMFR0_EL1, 0x1010_1105);
    m.set(IdRegister.MMFR1_EL1, 0x4000_0000).set(IdRegister.MMFR2_EL1, 0x126_0000);
    m.set(IdRegister.MMFR3_EL1, 0x210_2211).set(IdRegister.ISAR0_EL1, 0x210_1110);
    m.set(IdRegister.ISAR1_EL1, 0x1311_2111).set(IdRegister.ISAR2_EL1, 0x2123_2042);
    m.set(IdRegister.ISAR3_EL1, 0x111_2131).set(IdRegister.ISAR4_EL1, 0x1_1142);
    m.set(IdRegister.ISAR5_EL1, 0x1_1121).set(IdRegister.MVFR0_EL1, 0x1011_0222);
    m.set(IdRegister.MVFR1_EL1, 0x1211_1111).set(IdRegister.MVFR2_EL1, 0x43);
    m.set(IdRegister.CLIDR_EL1, 0xa20_0023).set(IdRegister.CTR_EL0, 0x8444_c004L);
    return m.set(IdRegister.DCZID_EL0, 4);
  }

  private CpuModel set(IdRegister register, long value) {
    registers.put(register, value);
    return this;
  }

  private void add() {
    for (ArmFeature f : ArmFeature.values()) {
      if (f.isIn(id(f.register))) {
        features.add(f);
      }
    }
    MODELS.put(name, this);
  }

  /** Names of all models, the default first. */
  public static List<String> names() {
    return List.copyOf(MODELS.keySet());
  }

  /**
   * The model that {@code properties} name by {@code model}; {@code cortex-a57} without.
   *
   * @throws IllegalArgumentException when there is no such model
   */
  public static CpuModel of(Map<String, String> properties) {
    String wanted = properties.getOrDefault("model", "cortex-a57");
    CpuModel found = MODELS.get(wanted);
    if (found == null) {
      throw new IllegalArgumentException("unknown CPU model '" + wanted + "'");
    }
    return found;
  }

  /** Name as on the command line. */
  public String name() {
    return name;
  }

  /** Value of an identification register; 0 where the model does not say. */
  public long id(IdRegister register) {
    return registers.getOrDefault(register, 0L);
  }

  /** CCSIDR_EL1 for a value of CSSELR_EL1. */
  public long ccsidr(long csselr) {
    return csselr >= 0 && csselr < ccsidr.length ? ccsidr[(int) csselr] : 0;
  }

  /** True when the model has {@code f}. */
  public boolean has(ArmFeature f) {
    return features.contains(f);
  }
}
