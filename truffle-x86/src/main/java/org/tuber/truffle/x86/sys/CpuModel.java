package org.tuber.truffle.x86.sys;

import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * A CPU model: its features, and CPUID made from them (SDM vol. 2, CPUID; AMD APM vol. 3, appendix
 * E).
 *
 * <p>The models are those of {@link CpuIdentity}. Feature names are QEMU's. A feature that QEMU
 * knows and that does not exist here stays off, as there; one that nobody knows is an error.
 */
public final class CpuModel {
  private static final Logger LOG = LoggerFactory.getLogger(CpuModel.class);

  private static final String HYPERVISOR_VENDOR = "TCGTCGTCGTCG";

  private static final int PHYSICAL_BITS = 40;
  private static final int PHYSICAL_BITS_32 = 36;
  private static final int VIRTUAL_BITS = 48;
  private static final int MAX_HYPERVISOR = 0x4000_0010;

  /** Properties that are not features although their values may look so. */
  private static final Set<String> NOT_FEATURES =
      Set.of("model", "accel", "cpus", "thread", "mode", "hot-threshold", "tsc-frequency");

  private final CpuIdentity identity;
  private final EnumSet<CpuFeature> features;
  private final int cpus;

  private CpuModel(CpuIdentity identity, EnumSet<CpuFeature> features, int cpus) {
    this.identity = identity;
    this.features = features;
    this.cpus = cpus;
  }

  /** Names of all models, the default first. */
  public static List<String> names() {
    return CpuIdentity.names();
  }

  /**
   * The model that {@code properties} ask for: {@code model} (default {@code qemu64}), {@code cpus}
   * (how many there are, default 1), and features by name with the values {@code on} and {@code
   * off}.
   *
   * @throws IllegalArgumentException for a model or feature that does not exist
   */
  public static CpuModel of(Map<String, String> properties) {
    String name = properties.getOrDefault("model", CpuIdentity.DEFAULT);
    CpuIdentity identity = CpuIdentity.of(name);
    if (identity == null) {
      throw new IllegalArgumentException("unknown CPU model '" + name + "'");
    }
    EnumSet<CpuFeature> features = EnumSet.copyOf(identity.features());
    for (Map.Entry<String, String> p : properties.entrySet()) {
      boolean on = p.getValue().equals("on");
      if (NOT_FEATURES.contains(p.getKey()) || !on && !p.getValue().equals("off")) {
        continue;
      }
      CpuFeature f = CpuFeature.of(p.getKey());
      if (f == null && CpuIdentity.isKnownElsewhere(p.getKey())) {
        if (on) {
          LOG.warn("CPU feature {} does not exist here and stays off", p.getKey());
        }
        continue;
      }
      if (f == null) {
        throw new IllegalArgumentException(
            "CPU feature '" + p.getKey() + "' is unknown or not implemented");
      }
      if (on) {
        features.add(f);
      } else {
        features.remove(f);
      }
    }
    features.add(CpuFeature.FPU);
    removeOrphans(features);
    int cpus = Integer.parseInt(properties.getOrDefault("cpus", "1"));
    if (cpus > 1) {
      features.add(CpuFeature.HT);
      features.add(CpuFeature.CMP_LEGACY);
    }
    return new CpuModel(identity, features, cpus);
  }

  /** What rests on a feature that was taken away goes with it (SDM vol. 1, 13.2 and 14.3). */
  private static void removeOrphans(EnumSet<CpuFeature> features) {
    if (!features.contains(CpuFeature.XSAVE)) {
      features.removeAll(
          EnumSet.of(
              CpuFeature.AVX,
              CpuFeature.PKU,
              CpuFeature.XSAVEOPT,
              CpuFeature.XSAVEC,
              CpuFeature.XGETBV1,
              CpuFeature.XSAVES));
    }
    if (!features.contains(CpuFeature.AVX)) {
      features.removeAll(
          EnumSet.of(
              CpuFeature.AVX2,
              CpuFeature.FMA,
              CpuFeature.F16C,
              CpuFeature.VAES,
              CpuFeature.VPCLMULQDQ));
    }
  }

  /** Name as on the command line. */
  public String name() {
    return identity.name();
  }

  /** Family, model and stepping: EAX of CPUID leaf 1, and EDX at reset. */
  public int signature() {
    return identity.signature();
  }

  public boolean has(CpuFeature f) {
    return features.contains(f);
  }

  /** True when encodings with row attribute {@link CpuFeature#row} {@code index} exist. */
  public boolean hasRowFeature(int index) {
    return index == 0 || features.contains(CpuFeature.ofRow(index));
  }

  /** CPUID.1:EDX as a kernel hands it to programs. */
  public int featureWord() {
    return bits(1, 'd');
  }

  /** Width of physical addresses in bits. */
  public int physicalBits() {
    return has(CpuFeature.LM) ? PHYSICAL_BITS : PHYSICAL_BITS_32;
  }

  /** Pages of 1 GiB may be used. */
  public boolean hasGigabytePages() {
    return has(CpuFeature.PDPE1GB);
  }

  /** CR4 bits that may be set. */
  public long cr4Mask() {
    long mask =
        Cr.CR4_TSD
            | Cr.CR4_PCE
            | bit(CpuFeature.VME, Cr.CR4_VME | Cr.CR4_PVI)
            | bit(CpuFeature.DE, Cr.CR4_DE)
            | bit(CpuFeature.PSE, Cr.CR4_PSE)
            | bit(CpuFeature.PAE, Cr.CR4_PAE)
            | bit(CpuFeature.MCE, Cr.CR4_MCE)
            | bit(CpuFeature.PGE, Cr.CR4_PGE)
            | bit(CpuFeature.FXSR, Cr.CR4_OSFXSR)
            | bit(CpuFeature.SSE, Cr.CR4_OSXMMEXCPT)
            | bit(CpuFeature.UMIP, Cr.CR4_UMIP)
            | bit(CpuFeature.LA57, Cr.CR4_LA57)
            | bit(CpuFeature.FSGSBASE, Cr.CR4_FSGSBASE)
            | bit(CpuFeature.PCID, Cr.CR4_PCIDE)
            | bit(CpuFeature.XSAVE, Cr.CR4_OSXSAVE)
            | bit(CpuFeature.SMEP, Cr.CR4_SMEP)
            | bit(CpuFeature.SMAP, Cr.CR4_SMAP)
            | bit(CpuFeature.PKU, Cr.CR4_PKE);
    return mask;
  }

  private long bit(CpuFeature f, long bit) {
    return has(f) ? bit : 0;
  }

  /** XCR0 bits that may be set. */
  public long xcr0Mask() {
    return XsaveLayout.X87
        | XsaveLayout.SSE
        | bit(CpuFeature.AVX, XsaveLayout.AVX)
        | bit(CpuFeature.PKU, XsaveLayout.PKRU);
  }

  /** EFER bits that may be set. */
  long eferMask() {
    return Cr.EFER_LMA
        | bit(CpuFeature.SYSCALL, Cr.EFER_SCE)
        | bit(CpuFeature.LM, Cr.EFER_LME)
        | bit(CpuFeature.NX, Cr.EFER_NXE);
  }

  /** Feature bits of one CPUID register. */
  private int bits(int leaf, char register) {
    int v = 0;
    for (CpuFeature f : features) {
      if (f.leaf == leaf && f.register == register) {
        v |= 1 << f.bit;
      }
    }
    return v;
  }

  private static void set(X86Cpu c, int a, int b, int cx, int d) {
    X86State s = c.home;
    s.r[0] = a & 0xffff_ffffL;
    s.r[3] = b & 0xffff_ffffL;
    s.r[1] = cx & 0xffff_ffffL;
    s.r[2] = d & 0xffff_ffffL;
  }

  /** CPUID: fills EAX, EBX, ECX, EDX. */
  public void cpuid(X86Cpu c, int leaf, int subleaf) {
    int l = leaf;
    int maxBasic = identity.level();
    if (leaf >>> 30 == 1) {
      if (has(CpuFeature.HYPERVISOR)) {
        hypervisor(c, leaf);
        return;
      }
      l = maxBasic;
    } else if (leaf < 0 ? Integer.compareUnsigned(leaf, identity.xlevel()) > 0 : leaf > maxBasic) {
      // What lies beyond the last leaf reads as the last basic leaf does (SDM).
      l = maxBasic;
    }
    if (l < 0) {
      extended(c, l);
    } else {
      basic(c, l, subleaf);
    }
  }

  private void basic(X86Cpu c, int leaf, int subleaf) {
    switch (leaf) {
      case 0 -> vendor(c, identity.level());
      case 1 -> {
        int ecx = bits(1, 'c');
        if (!c.platform.hasApicMsr(Msr.TSC_DEADLINE)) {
          ecx &= ~(1 << CpuFeature.TSC_DEADLINE.bit);
        }
        if ((c.cr4 & Cr.CR4_OSXSAVE) != 0) {
          ecx |= 1 << 27;
        }
        int edx = bits(1, 'd');
        if ((c.platform.apicBase() & 1 << 11) == 0) {
          edx &= ~(1 << CpuFeature.APIC.bit);
        }
        int ebx = c.index << 24 | (cpus > 1 ? cpus << 16 : 0) | 8 << 8;
        set(c, signature(), ebx, ecx, edx);
      }
      case 4 -> cacheParameters(c, subleaf);
      case 5 -> set(c, 0, 0, 3, 0);
      case 6 -> set(c, bits(6, 'a'), 0, 0, 0);
      case 7 -> {
        if (subleaf == 0) {
          int osPke = (c.cr4 & Cr.CR4_PKE) != 0 ? 1 << 4 : 0;
          set(c, 0, bits(7, 'b'), bits(7, 'c') | osPke, bits(7, 'd'));
        } else {
          set(c, 0, 0, 0, 0);
        }
      }
      case 0xb -> topology(c, subleaf);
      case 0xd -> xsave(c, subleaf);
      // Ratio 1 : 1 of the TSC to a crystal of its own frequency.
      case 0x15 -> set(c, 1, 1, (int) X86Cpu.TSC_HZ, 0);
      case 0x16 -> {
        int mhz = (int) (X86Cpu.TSC_HZ / 1_000_000);
        set(c, mhz, mhz, 100, 0);
      }
      default -> set(c, 0, 0, 0, 0);
    }
  }

  /** Deterministic cache parameters: L1 64 KiB 2-way twice, L2 512 KiB 16-way. */
  private void cacheParameters(X86Cpu c, int subleaf) {
    switch (subleaf) {
      case 0 -> set(c, 0x121 | (cpus - 1) << 26, 1 << 22 | 63, 511, 1);
      case 1 -> set(c, 0x122 | (cpus - 1) << 26, 1 << 22 | 63, 511, 1);
      case 2 -> set(c, 0x143 | (cpus - 1) << 26, 15 << 22 | 63, 511, 0);
      default -> set(c, 0, 0, 0, 0);
    }
  }

  /** Extended topology: one thread per core, all cores in one package. */
  private void topology(X86Cpu c, int subleaf) {
    int shift = cpus <= 1 ? 0 : 32 - Integer.numberOfLeadingZeros(cpus - 1);
    switch (subleaf) {
      case 0 -> set(c, 0, 1, 1 << 8, c.index);
      case 1 -> set(c, shift, cpus, 2 << 8 | 1, c.index);
      default -> set(c, 0, 0, subleaf & 0xff, c.index);
    }
  }

  private void xsave(X86Cpu c, int subleaf) {
    if (!has(CpuFeature.XSAVE)) {
      set(c, 0, 0, 0, 0);
      return;
    }
    long all = xcr0Mask();
    switch (subleaf) {
      case 0 ->
          set(c, (int) all, XsaveLayout.standardBytes(c.xcr0), XsaveLayout.standardBytes(all), 0);
      case 1 -> {
        boolean compacts = has(CpuFeature.XSAVEC) || has(CpuFeature.XSAVES);
        set(c, bits(0xd, 'a'), compacts ? XsaveLayout.compactBytes(c.xcr0) : 0, 0, 0);
      }
      default -> {
        boolean exists = subleaf > 1 && subleaf < 63 && (all >>> subleaf & 1) != 0;
        int bytes = exists ? XsaveLayout.componentBytes(subleaf) : 0;
        set(c, bytes, exists ? XsaveLayout.standardOffset(subleaf) : 0, 0, 0);
      }
    }
  }

  private void vendor(X86Cpu c, int highest) {
    String v = identity.vendor();
    set(c, highest, text(v, 0), text(v, 8), text(v, 4));
  }

  private boolean isAmd() {
    return identity.vendor().equals(CpuIdentity.AMD);
  }

  private void extended(X86Cpu c, int leaf) {
    switch (leaf & 0xffff) {
      case 0 -> vendor(c, identity.xlevel());
      case 1 -> {
        // AMD repeats the features of leaf 1 that it had first.
        int common = isAmd() ? bits(1, 'd') & 0x0183_f3ff : 0;
        if ((c.platform.apicBase() & 1 << 11) == 0) {
          common &= ~(1 << CpuFeature.APIC.bit);
        }
        int mmxExt = isAmd() ? 0 : 1 << CpuFeature.MMXEXT.bit;
        int edx = bits(leaf, 'd') & ~mmxExt | common;
        set(c, isAmd() ? signature() : 0, 0, bits(leaf, 'c'), edx);
      }
      case 2, 3, 4 -> {
        String brand = identity.brand();
        brand = brand + "\0".repeat(48 - brand.length());
        int at = ((leaf & 0xf) - 2) * 16;
        set(c, text(brand, at), text(brand, at + 4), text(brand, at + 8), text(brand, at + 12));
      }
      // L1: 64 KiB, 2-way, 64-byte lines, 1 line per tag; TLBs 255 entries.
      case 5 -> set(c, 0x01ff_01ff, 0x01ff_01ff, 0x4002_0140, 0x4002_0140);
      // L2: 512 KiB, 16-way.
      case 6 -> set(c, 0, 0x4200_4200, 0x0200_8140, 0);
      case 7 -> set(c, 0, 0, 0, bits(leaf, 'd'));
      case 8 -> {
        int virtual = has(CpuFeature.LA57) ? 57 : VIRTUAL_BITS;
        set(
            c,
            (has(CpuFeature.LM) ? virtual << 8 : 32 << 8) | physicalBits(),
            0,
            cpus > 1 ? cpus - 1 : 0,
            0);
      }
      default -> set(c, 0, 0, 0, 0);
    }
  }

  private void hypervisor(X86Cpu c, int leaf) {
    switch (leaf & 0xffff) {
      case 0 ->
          set(
              c,
              MAX_HYPERVISOR,
              text(HYPERVISOR_VENDOR, 0),
              text(HYPERVISOR_VENDOR, 4),
              text(HYPERVISOR_VENDOR, 8));
      // TSC and APIC bus frequencies in kHz.
      case 0x10 -> set(c, (int) (X86Cpu.TSC_HZ / 1000), 1_000_000, 0, 0);
      default -> set(c, 0, 0, 0, 0);
    }
  }

  /** Four characters as a little-endian register. */
  private static int text(String s, int at) {
    return s.charAt(at) | s.charAt(at + 1) << 8 | s.charAt(at + 2) << 16 | s.charAt(at + 3) << 24;
  }
}
