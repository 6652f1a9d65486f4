package org.tuber.truffle.x86.sys;

import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.tuber.truffle.x86.decode.Row;

/**
 * CPUID feature bits that a model may have (SDM vol. 2, CPUID; AMD APM vol. 3, appendix E), named
 * as on the command line. What is not listed is not implemented.
 */
public enum CpuFeature {
  // Leaf 1, EDX. FPU is first: row attribute 0 means "always there".
  FPU("fpu", 1, 'd', 0),
  VME("vme", 1, 'd', 1),
  DE("de", 1, 'd', 2),
  PSE("pse", 1, 'd', 3),
  TSC("tsc", 1, 'd', 4),
  MSR("msr", 1, 'd', 5),
  PAE("pae", 1, 'd', 6),
  MCE("mce", 1, 'd', 7),
  CX8("cx8", 1, 'd', 8),
  APIC("apic", 1, 'd', 9),
  SEP("sep", 1, 'd', 11),
  MTRR("mtrr", 1, 'd', 12),
  PGE("pge", 1, 'd', 13),
  MCA("mca", 1, 'd', 14),
  CMOV("cmov", 1, 'd', 15),
  PAT("pat", 1, 'd', 16),
  PSE36("pse36", 1, 'd', 17),
  CLFLUSH("clflush", 1, 'd', 19),
  MMX("mmx", 1, 'd', 23),
  FXSR("fxsr", 1, 'd', 24),
  SSE("sse", 1, 'd', 25),
  SSE2("sse2", 1, 'd', 26),
  HT("ht", 1, 'd', 28),

  // Leaf 1, ECX.
  SSE3("pni", 1, 'c', 0),
  PCLMULQDQ("pclmulqdq", 1, 'c', 1),
  MONITOR("monitor", 1, 'c', 3),
  SSSE3("ssse3", 1, 'c', 9),
  FMA("fma", 1, 'c', 12),
  CX16("cx16", 1, 'c', 13),
  PCID("pcid", 1, 'c', 17),
  SSE41("sse4.1", 1, 'c', 19),
  SSE42("sse4.2", 1, 'c', 20),
  X2APIC("x2apic", 1, 'c', 21),
  MOVBE("movbe", 1, 'c', 22),
  POPCNT("popcnt", 1, 'c', 23),
  TSC_DEADLINE("tsc-deadline", 1, 'c', 24),
  AES("aes", 1, 'c', 25),
  XSAVE("xsave", 1, 'c', 26),
  AVX("avx", 1, 'c', 28),
  F16C("f16c", 1, 'c', 29),
  RDRAND("rdrand", 1, 'c', 30),
  HYPERVISOR("hypervisor", 1, 'c', 31),

  // Leaf 6.
  ARAT("arat", 6, 'a', 2),

  // Leaf 7, subleaf 0.
  FSGSBASE("fsgsbase", 7, 'b', 0),
  TSC_ADJUST("tsc-adjust", 7, 'b', 1),
  BMI1("bmi1", 7, 'b', 3),
  AVX2("avx2", 7, 'b', 5),
  SMEP("smep", 7, 'b', 7),
  BMI2("bmi2", 7, 'b', 8),
  ERMS("erms", 7, 'b', 9),
  INVPCID("invpcid", 7, 'b', 10),
  RDSEED("rdseed", 7, 'b', 18),
  ADX("adx", 7, 'b', 19),
  SMAP("smap", 7, 'b', 20),
  CLFLUSHOPT("clflushopt", 7, 'b', 23),
  CLWB("clwb", 7, 'b', 24),
  SHA_NI("sha-ni", 7, 'b', 29),
  UMIP("umip", 7, 'c', 2),
  PKU("pku", 7, 'c', 3),
  VAES("vaes", 7, 'c', 9),
  VPCLMULQDQ("vpclmulqdq", 7, 'c', 10),
  LA57("la57", 7, 'c', 16),
  RDPID("rdpid", 7, 'c', 22),
  FSRM("fsrm", 7, 'd', 4),

  // Leaf D, subleaf 1.
  XSAVEOPT("xsaveopt", 0xd, 'a', 0),
  XSAVEC("xsavec", 0xd, 'a', 1),
  XGETBV1("xgetbv1", 0xd, 'a', 2),
  XSAVES("xsaves", 0xd, 'a', 3),

  // Extended leaf 1.
  LAHF_LM("lahf-lm", 0x8000_0001, 'c', 0),
  CMP_LEGACY("cmp-legacy", 0x8000_0001, 'c', 1),
  CR8LEGACY("cr8legacy", 0x8000_0001, 'c', 4),
  ABM("abm", 0x8000_0001, 'c', 5),
  PREFETCHW("3dnowprefetch", 0x8000_0001, 'c', 8),
  SYSCALL("syscall", 0x8000_0001, 'd', 11),
  NX("nx", 0x8000_0001, 'd', 20),
  MMXEXT("mmxext", 0x8000_0001, 'd', 22),
  PDPE1GB("pdpe1gb", 0x8000_0001, 'd', 26),
  RDTSCP("rdtscp", 0x8000_0001, 'd', 27),
  LM("lm", 0x8000_0001, 'd', 29),

  // Extended leaf 7.
  INVTSC("invtsc", 0x8000_0007, 'd', 8);

  private static final CpuFeature[] VALUES = values();
  private static final Map<String, CpuFeature> BY_NAME = new TreeMap<>();

  static {
    for (CpuFeature f : values()) {
      BY_NAME.put(f.option, f);
    }
    BY_NAME.put("sse3", SSE3);
    BY_NAME.put("i64", LM);
    BY_NAME.put("xd", NX);
    BY_NAME.put("lzcnt", ABM);
    BY_NAME.put("sse4-1", SSE41);
    BY_NAME.put("sse4-2", SSE42);
    BY_NAME.put("pclmuldq", PCLMULQDQ);
  }

  final String option;
  final int leaf;
  final char register;
  final int bit;

  CpuFeature(String option, int leaf, char register, int bit) {
    this.option = option;
    this.leaf = leaf;
    this.register = register;
    this.bit = bit;
  }

  /** The feature of a name as on the command line, underscores or dashes alike; null: unknown. */
  static CpuFeature of(String name) {
    return BY_NAME.get(name.toLowerCase(Locale.ROOT).replace('_', '-'));
  }

  /** The feature of a row attribute. */
  static CpuFeature ofRow(int index) {
    return VALUES[index];
  }

  /** The feature that row {@code attributes} ask for, as Linux names it; null: none. */
  public static String nameInRow(int attributes) {
    int index = attributes >>> Row.FEATURE_SHIFT & 127;
    return index == 0 ? null : VALUES[index].option.replace('-', '_').replace('.', '_');
  }

  /** Row attribute: the encoding is illegal on models without this feature. */
  @SuppressWarnings("EnumOrdinal") // made and undone in one process, never stored
  public int row() {
    return ordinal() << Row.FEATURE_SHIFT;
  }
}
