package org.tuber.truffle.x86.sys;

import static org.tuber.truffle.x86.sys.CpuFeature.*;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The CPU models: QEMU's names, identities and features as far as the features exist here.
 *
 * <p>Deviations: no model has virtualization, MONITOR, transactional memory, AVX-512 or speculation
 * controls; {@code qemu64} has an invariant TSC, which exists here. {@code max} has everything that
 * is implemented but 5-level paging, which has to be asked for.
 *
 * @param vendor 12 characters
 * @param level highest basic CPUID leaf
 * @param xlevel highest extended CPUID leaf, 0 for none
 */
record CpuIdentity(
    String name,
    String vendor,
    int level,
    int xlevel,
    int family,
    int model,
    int stepping,
    String brand,
    Set<CpuFeature> features) {
  static final String DEFAULT = "qemu64";
  static final String AMD = "AuthenticAMD";
  static final String INTEL = "GenuineIntel";

  private static final String QEMU_BRAND = "QEMU Virtual CPU version 2.5+";
  private static final int XLEVEL = 0x8000_0008;

  private static final Map<String, CpuIdentity> MODELS = new LinkedHashMap<>();

  /** Features and properties of QEMU's that do not exist here. */
  private static final Set<String> ELSEWHERE =
      Set.of(
          ("3dnow 3dnowext acpi amd-ssbd amd-stibp arch-capabilities avic avx512-4fmaps"
                  + " avx512-4vnniw avx512-bf16 avx512-bitalg avx512-fp16 avx512-vpopcntdq avx512bw"
                  + " avx512cd avx512dq avx512er avx512f avx512ifma avx512pf avx512vbmi avx512vbmi2"
                  + " avx512vl avx512vnni avx-vnni bus-lock-detect check cid cldemote clzero"
                  + " core-capability dca decodeassists ds ds-cpl dtes64 enforce est extapic"
                  + " flushbyasid fma4 full-cpuid-auto-level fxsr-opt fzrm fsrs fsrc gfni"
                  + " host-cache-info hle ia64 ibpb ibrs ibrs-all ibs intel-pt kvm"
                  + " kvm-asyncpf kvm-hint-dedicated kvm-mmu kvm-nopiodelay kvm-poll-control"
                  + " kvm-pv-eoi kvm-pv-ipi kvm-pv-tlb-flush kvm-pv-unhalt kvm-steal-time kvmclock"
                  + " kvmclock-stable-bit l3-cache lbrv lwp md-clear mds-no migratable misalignsse"
                  + " movdir64b movdiri mpx nodeid-msr npt nrip-save ospke osvw osxsave pause-filter"
                  + " pbe pdcm perfctr-core perfctr-nb pfthreshold phe phe-en pks pmm pmm-en pmu pn"
                  + " pschange-mc-no rdctl-no rsba rtm serialize sgx sgxlc skinit skip-l1dfl-vmentry"
                  + " smx spec-ctrl ss ssb-no ssbd sse4a stibp svm svm-lock svme-addr-chk taa-no tbm"
                  + " tce tm tm2 topoext tsc-scale tsx-ctrl tsx-ldtrk umwait v-vmsave-vmload vgif"
                  + " virt-ssbd vmcb-clean vmx vnmi waitpkg wbnoinvd wdt xcrypt xcrypt-en"
                  + " xfd xop xsaveerptr xstore xstore-en xtpr ace2 ace2-en amx-bf16 amx-int8"
                  + " amx-tile")
              .split(" +"));

  static {
    Set<CpuFeature> i486 = EnumSet.of(FPU, VME, PSE, HYPERVISOR);
    Set<CpuFeature> pentium = with(i486, DE, TSC, MSR, MCE, CX8, MMX, APIC);
    Set<CpuFeature> pentium2 = with(pentium, PAE, SEP, MTRR, PGE, MCA, CMOV, PAT, PSE36, FXSR);
    Set<CpuFeature> pentium3 = with(pentium2, SSE);
    Set<CpuFeature> ppro = with(pentium, PAE, SEP, PGE, CMOV, PAT, FXSR, SSE, SSE2);
    ppro.remove(VME);
    add("486", INTEL, 1, 0, 4, 8, 0, "", i486);
    add("pentium", INTEL, 1, 0, 5, 4, 3, "", pentium);
    add("pentium2", INTEL, 2, 0, 6, 5, 2, "", pentium2);
    add("pentium3", INTEL, 3, 0, 6, 8, 3, "", pentium3);
    add("qemu32", INTEL, 4, 0x8000_0004, 6, 6, 3, QEMU_BRAND, with(ppro, SSE3));
    Set<CpuFeature> coreDuo = with(ppro, VME, MTRR, CLFLUSH, MCA, PSE36, SSE3, NX);
    add(
        "coreduo",
        INTEL,
        10,
        XLEVEL,
        6,
        14,
        8,
        "Genuine Intel(R) CPU           T2600  @ 2.16GHz",
        coreDuo);
    Set<CpuFeature> core2 = with(coreDuo, LM, SYSCALL, LAHF_LM, SSSE3);
    String core2Brand = "Intel(R) Core(TM)2 Duo CPU     T7700  @ 2.40GHz";
    add("core2duo", INTEL, 10, XLEVEL, 6, 15, 11, core2Brand, with(core2, CX16));
    addIntel(core2);
    Set<CpuFeature> qemu64 =
        with(ppro, MTRR, MCA, PSE36, CLFLUSH, SSE3, CX16, LAHF_LM, SYSCALL, NX, LM, INVTSC);
    add("qemu64", AMD, 0xd, XLEVEL, 15, 107, 1, QEMU_BRAND, qemu64);
    addAmd(with(qemu64, VME, RDTSCP, MMXEXT));
    EnumSet<CpuFeature> all = EnumSet.allOf(CpuFeature.class);
    all.removeAll(EnumSet.of(LA57, MONITOR, HT, CMP_LEGACY));
    add("max", AMD, 0x16, XLEVEL, 15, 107, 1, "Tuber x86-64 CPU", all);
  }

  private static void addIntel(Set<CpuFeature> core2) {
    add("Conroe", INTEL, 10, XLEVEL, 6, 15, 3, celeron("Celeron_4x0 (Conroe/Merom"), core2);
    Set<CpuFeature> penryn = with(core2, SSE41, CX16);
    add(
        "Penryn",
        INTEL,
        10,
        XLEVEL,
        6,
        23,
        3,
        "Intel Core 2 Duo P9xxx (Penryn Class Core 2)",
        penryn);
    Set<CpuFeature> nehalem = with(penryn, SSE42, POPCNT);
    String i7 = "Intel Core i7 9xx (Nehalem Class Core i7)";
    add("Nehalem", INTEL, 11, XLEVEL, 6, 26, 3, i7, nehalem);
    Set<CpuFeature> westmere = with(nehalem, AES, PCLMULQDQ, ARAT);
    String i7b = "Westmere E56xx/L56xx/X56xx (Nehalem-C)";
    add("Westmere", INTEL, 11, XLEVEL, 6, 44, 1, i7b, westmere);
    Set<CpuFeature> sandy = with(westmere, AVX, XSAVE, XSAVEOPT, TSC_DEADLINE, X2APIC, RDTSCP);
    add("SandyBridge", INTEL, 0xd, XLEVEL, 6, 42, 1, "Intel Xeon E312xx (Sandy Bridge)", sandy);
    Set<CpuFeature> ivy = with(sandy, F16C, RDRAND, FSGSBASE, SMEP, ERMS);
    add("IvyBridge", INTEL, 0xd, XLEVEL, 6, 58, 9, "Intel Xeon E3-12xx v2 (Ivy Bridge)", ivy);
    Set<CpuFeature> haswell = with(ivy, FMA, MOVBE, PCID, ABM, BMI1, AVX2, BMI2, INVPCID);
    add("Haswell", INTEL, 0xd, XLEVEL, 6, 60, 4, core("Haswell"), haswell);
    Set<CpuFeature> broadwell = with(haswell, RDSEED, ADX, SMAP, PREFETCHW);
    add("Broadwell", INTEL, 0xd, XLEVEL, 6, 61, 2, core("Broadwell"), broadwell);
    Set<CpuFeature> skylake = with(broadwell, XSAVEC, XGETBV1);
    add("Skylake-Client", INTEL, 0xd, XLEVEL, 6, 94, 3, core("Skylake"), skylake);
  }

  private static String celeron(String text) {
    return "Intel " + text + " Class Core 2)";
  }

  private static String core(String text) {
    return "Intel Core Processor (" + text + ")";
  }

  private static void addAmd(Set<CpuFeature> base) {
    Set<CpuFeature> k8 = with(EnumSet.copyOf(base), RDTSCP);
    k8.removeAll(EnumSet.of(CX16, LAHF_LM, RDTSCP, INVTSC, MMXEXT));
    add("Opteron_G1", AMD, 5, XLEVEL, 15, 6, 1, "AMD Opteron 240 (Gen 1 Class Opteron)", k8);
    Set<CpuFeature> g2 = with(k8, CX16, LAHF_LM);
    add("Opteron_G2", AMD, 5, XLEVEL, 15, 6, 1, "AMD Opteron 22xx (Gen 2 Class Opteron)", g2);
    Set<CpuFeature> g3 = with(g2, POPCNT, ABM, RDTSCP);
    add("Opteron_G3", AMD, 5, XLEVEL, 16, 2, 3, "AMD Opteron 23xx (Gen 3 Class Opteron)", g3);
    Set<CpuFeature> epyc =
        with(
            base,
            PCLMULQDQ,
            SSSE3,
            FMA,
            SSE41,
            SSE42,
            MOVBE,
            POPCNT,
            AES,
            XSAVE,
            AVX,
            F16C,
            RDRAND,
            PDPE1GB,
            CR8LEGACY,
            ABM,
            PREFETCHW,
            FSGSBASE,
            BMI1,
            AVX2,
            SMEP,
            BMI2,
            RDSEED,
            ADX,
            SMAP,
            CLFLUSHOPT,
            SHA_NI,
            XSAVEOPT,
            XSAVEC,
            XGETBV1,
            ARAT);
    epyc.remove(INVTSC);
    add("EPYC", AMD, 0xd, XLEVEL, 23, 1, 2, "AMD EPYC Processor", epyc);
    Set<CpuFeature> rome = with(epyc, CLWB, RDPID, UMIP);
    add("EPYC-Rome", AMD, 0xd, XLEVEL, 23, 49, 0, "AMD EPYC-Rome Processor", rome);
    Set<CpuFeature> milan = with(rome, ERMS, INVPCID, PKU, PCID, FSRM);
    add("EPYC-Milan", AMD, 0xd, XLEVEL, 25, 1, 1, "AMD EPYC-Milan Processor", milan);
  }

  private static Set<CpuFeature> with(Set<CpuFeature> base, CpuFeature... more) {
    EnumSet<CpuFeature> all = EnumSet.copyOf(base);
    all.addAll(List.of(more));
    return all;
  }

  private static void add(
      String name,
      String vendor,
      int level,
      int xlevel,
      int family,
      int model,
      int stepping,
      String brand,
      Set<CpuFeature> features) {
    MODELS.put(
        name,
        new CpuIdentity(
            name, vendor, level, xlevel, family, model, stepping, brand, Set.copyOf(features)));
  }

  /** The model of a name; null: unknown. */
  static CpuIdentity of(String name) {
    return MODELS.get(name);
  }

  /** All names, the default first. */
  static List<String> names() {
    List<String> names = new ArrayList<>(MODELS.keySet());
    names.remove(DEFAULT);
    names.addFirst(DEFAULT);
    return List.copyOf(names);
  }

  /** QEMU has such a feature or property. */
  static boolean isKnownElsewhere(String feature) {
    String name = feature.toLowerCase(Locale.ROOT).replace('_', '-');
    return ELSEWHERE.contains(name) || name.startsWith("hv-") || name.startsWith("vmx-");
  }

  /** EAX of CPUID leaf 1 (SDM vol. 2, figure 3-6). */
  int signature() {
    int extendedFamily = Math.max(0, family - 15);
    return extendedFamily << 20
        | model >> 4 << 16
        | Math.min(family, 15) << 8
        | (model & 15) << 4
        | stepping;
  }
}
