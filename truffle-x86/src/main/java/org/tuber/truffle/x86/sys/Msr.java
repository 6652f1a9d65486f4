package org.tuber.truffle.x86.sys;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.X86Cpu;

/**
 * Model-specific registers (SDM vol. 4; AMD APM vol. 2, appendix A). A number that is not listed
 * here raises #GP and is logged once.
 */
final class Msr {
  private static final Logger LOG = LoggerFactory.getLogger(Msr.class);

  static final int TSC = 0x10;
  static final int APIC_BASE = 0x1b;
  static final int TSC_ADJUST = 0x3b;
  static final int BIOS_SIGN_ID = 0x8b;
  static final int MTRR_CAP = 0xfe;
  static final int SYSENTER_CS = 0x174;
  static final int SYSENTER_ESP = 0x175;
  static final int SYSENTER_EIP = 0x176;
  static final int MCG_CAP = 0x179;
  static final int MCG_STATUS = 0x17a;
  static final int MCG_CTL = 0x17b;
  static final int MISC_ENABLE = 0x1a0;
  static final int DEBUG_CTL = 0x1d9;
  static final int MTRR_PHYS_BASE0 = 0x200;
  static final int MTRR_PHYS_LAST = 0x20f;
  static final int PAT = 0x277;
  static final int MTRR_DEF_TYPE = 0x2ff;
  static final int MC0_CTL = 0x400;
  static final int TSC_DEADLINE = 0x6e0;
  static final int XSS = 0xda0;
  static final int X2APIC_FIRST = 0x800;
  static final int X2APIC_LAST = 0x8ff;
  static final int EFER = 0xc000_0080;
  static final int STAR = 0xc000_0081;
  static final int LSTAR = 0xc000_0082;
  static final int CSTAR = 0xc000_0083;
  static final int SFMASK = 0xc000_0084;
  static final int FS_BASE = 0xc000_0100;
  static final int GS_BASE = 0xc000_0101;
  static final int KERNEL_GS_BASE = 0xc000_0102;
  static final int TSC_AUX = 0xc000_0103;

  private static final int MC_BANKS = 10;

  /** Eight variable ranges, fixed ranges, write-combining. */
  private static final long MTRR_CAP_VALUE = 0x508;

  private static final long MCG_CAP_VALUE = 0x100 | MC_BANKS;

  private static final Set<Integer> REPORTED = ConcurrentHashMap.newKeySet();

  private Msr() {}

  /** RDMSR. */
  static long read(X86Cpu c, int msr) {
    switch (msr) {
      case TSC:
        return c.tsc();
      case APIC_BASE:
        return c.platform.apicBase();
      case TSC_ADJUST:
        if (!c.model.has(CpuFeature.TSC_ADJUST)) {
          throw unknown(c, msr, false, 0);
        }
        return c.tscOffset;
      case MTRR_CAP:
        return MTRR_CAP_VALUE;
      case SYSENTER_CS:
        return c.sysenterCs;
      case SYSENTER_ESP:
        return c.sysenterEsp;
      case SYSENTER_EIP:
        return c.sysenterEip;
      case MCG_CAP:
        return MCG_CAP_VALUE;
      case MISC_ENABLE:
        return c.miscEnable;
      case PAT:
        return c.pat;
      case EFER:
        return c.efer;
      case STAR:
        return c.star;
      case LSTAR:
        return c.lstar;
      case CSTAR:
        return c.cstar;
      case SFMASK:
        return c.sfmask;
      case FS_BASE:
        return c.segments[X86Cpu.FS].base;
      case GS_BASE:
        return c.segments[X86Cpu.GS].base;
      case KERNEL_GS_BASE:
        return c.kernelGsBase;
      case TSC_AUX:
        return c.tscAux;
      case XSS:
        if (!c.model.has(CpuFeature.XSAVES)) {
          throw unknown(c, msr, false, 0);
        }
        return 0;
      default:
        if (isApic(msr)) {
          if (!c.platform.hasApicMsr(msr)) {
            throw unknown(c, msr, false, 0);
          }
          return c.platform.readApicMsr(msr);
        }
        if (!isStored(msr)) {
          throw unknown(c, msr, false, 0);
        }
        return c.otherMsrs.getOrDefault(msr, initial(msr));
    }
  }

  /** WRMSR. */
  static void write(X86Cpu c, int msr, long value) {
    switch (msr) {
      case TSC -> c.tscOffset += value - c.tsc();
      case APIC_BASE -> {
        if (!c.platform.setApicBase(value)) {
          throw c.gp(0);
        }
        c.recheckInterrupts();
      }
      case TSC_ADJUST -> {
        if (!c.model.has(CpuFeature.TSC_ADJUST)) {
          throw unknown(c, msr, true, value);
        }
        c.tscOffset = value;
      }
      case MTRR_CAP, MCG_CAP -> throw c.gp(0);
      case SYSENTER_CS -> c.sysenterCs = value & 0xffff_ffffL;
      case SYSENTER_ESP -> c.sysenterEsp = canonical(c, value);
      case SYSENTER_EIP -> c.sysenterEip = canonical(c, value);
      case MISC_ENABLE -> c.miscEnable = value;
      case PAT -> writePat(c, value);
      case EFER -> writeEfer(c, value);
      case STAR -> c.star = value;
      case LSTAR -> c.lstar = canonical(c, value);
      case CSTAR -> c.cstar = canonical(c, value);
      case SFMASK -> c.sfmask = value & 0xffff_ffffL;
      case FS_BASE -> writeBase(c, X86Cpu.FS, value);
      case GS_BASE -> writeBase(c, X86Cpu.GS, value);
      case KERNEL_GS_BASE -> c.kernelGsBase = canonical(c, value);
      case TSC_AUX -> c.tscAux = value & 0xffff_ffffL;
      case XSS -> {
        // No supervisor state component exists.
        if (!c.model.has(CpuFeature.XSAVES) || value != 0) {
          throw unknown(c, msr, true, value);
        }
      }
      default -> {
        if (isApic(msr)) {
          if (!c.platform.hasApicMsr(msr)) {
            throw unknown(c, msr, true, value);
          }
          if (!c.platform.writeApicMsr(msr, value)) {
            throw c.gp(0);
          }
          c.recheckInterrupts();
          return;
        }
        if (!isStored(msr)) {
          throw unknown(c, msr, true, value);
        }
        c.otherMsrs.put(msr, value);
      }
    }
  }

  private static boolean isApic(int msr) {
    return msr == TSC_DEADLINE || msr >= X2APIC_FIRST && msr <= X2APIC_LAST;
  }

  private static long canonical(X86Cpu c, long value) {
    if (!FarTransfer.isCanonical(c, value)) {
      throw c.gp(0);
    }
    return value;
  }

  private static void writeBase(X86Cpu c, int register, long value) {
    c.segments[register].base = canonical(c, value);
    c.segmentBase[register] = value;
  }

  private static void writePat(X86Cpu c, long value) {
    for (int i = 0; i < 64; i += 8) {
      long type = value >>> i & 0xff;
      if (type > 7 || type == 2 || type == 3) {
        throw c.gp(0);
      }
    }
    c.pat = value;
  }

  private static void writeEfer(X86Cpu c, long value) {
    if ((value & ~c.model.eferMask()) != 0
        || c.isPaging() && ((value ^ c.efer) & Cr.EFER_LME) != 0) {
      throw c.gp(0);
    }
    long old = c.efer;
    c.efer = value & ~Cr.EFER_LMA | old & Cr.EFER_LMA;
    if (((old ^ c.efer) & Cr.EFER_NXE) != 0) {
      org.tuber.truffle.x86.mmu.PageWalk.flush(c);
    }
    c.modeChanged();
  }

  /** Registers that only keep their value. */
  private static boolean isStored(int msr) {
    if (msr >= MTRR_PHYS_BASE0 && msr <= MTRR_PHYS_LAST
        || msr >= MC0_CTL && msr < MC0_CTL + 4 * MC_BANKS) {
      return true;
    }
    return switch (msr) {
      case 0x00,
          0x01, // P5 machine check
          0x17, // platform ID
          0x2a, // EBL_CR_POWERON
          BIOS_SIGN_ID,
          0x79, // microcode update
          MCG_STATUS,
          MCG_CTL,
          DEBUG_CTL,
          0x1db, // last branch from and to, last interrupt from and to
          0x1dc,
          0x1dd,
          0x1de,
          0x250, // MTRR fixed ranges
          0x258,
          0x259,
          0x268,
          0x269,
          0x26a,
          0x26b,
          0x26c,
          0x26d,
          0x26e,
          0x26f,
          MTRR_DEF_TYPE ->
          true;
      case 0xc001_0010, // SYSCFG
          0xc001_0015, // HWCR
          0xc001_0016, // IORR base and mask
          0xc001_0017,
          0xc001_0018,
          0xc001_0019,
          0xc001_001a, // TOP_MEM
          0xc001_001d, // TOM2
          0xc001_001f, // NB_CFG
          0xc001_0044, // MCi_CTL_MASK
          0xc001_0045,
          0xc001_0046,
          0xc001_0047,
          0xc001_0048,
          0xc001_0049,
          0xc001_0055, // interrupt pending message
          0xc001_0058, // MMIO configuration base
          0xc001_0061, // P-state limit
          0xc001_0111, // SMM base, TSEG address and mask
          0xc001_0112,
          0xc001_0113,
          0xc001_0114, // VM_CR
          0xc001_0117, // VM_HSAVE_PA
          0xc001_0140, // OSVW ID length and status
          0xc001_0141,
          0xc001_1020, // LS_CFG
          0xc001_1021, // IC_CFG
          0xc001_1022, // DC_CFG
          0xc001_1023, // BU_CFG
          0xc001_1029, // DE_CFG
          0xc001_102a -> // BU_CFG2
          true;
      // Performance counters and their selectors: they exist and do not count.
      case 0xc001_0000,
          0xc001_0001,
          0xc001_0002,
          0xc001_0003,
          0xc001_0004,
          0xc001_0005,
          0xc001_0006,
          0xc001_0007 ->
          true;
      default -> false;
    };
  }

  private static long initial(int msr) {
    return switch (msr) {
      case BIOS_SIGN_ID -> 0x0100_0065L;
      case MCG_CTL -> -1L;
      // VM_CR: SVM disabled and locked.
      case 0xc001_0114 -> 0x18;
      default -> msr >= MC0_CTL && msr < MC0_CTL + 4 * MC_BANKS && (msr & 3) == 0 ? -1L : 0L;
    };
  }

  private static RuntimeException unknown(X86Cpu c, int msr, boolean write, long value) {
    if (REPORTED.add(msr)) {
      if (write) {
        LOG.info(
            "CPU {}: write of 0x{} to unknown MSR 0x{}",
            c.index,
            Long.toHexString(value),
            Integer.toHexString(msr));
      } else {
        LOG.info("CPU {}: read of unknown MSR 0x{}", c.index, Integer.toHexString(msr));
      }
    }
    return c.gp(0);
  }
}
