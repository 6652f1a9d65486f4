package org.tuber.truffle.arm.mmu;

import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.Reg;
import org.tuber.truffle.arm.state.Sctlr;
import org.tuber.truffle.arm.state.Syndrome;
import org.tuber.truffle.arm.state.Tcr;
import org.tuber.truffle.arm.sys.ArmFeature;
import org.tuber.truffle.arm.sys.IdRegister;
import org.tuber.truffle.engine.GuestCpu;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.engine.PageFilter;
import org.tuber.truffle.engine.PhysicalWindow;

/**
 * Stage 1 translation, VMSAv8-64 (Arm ARM D8): granules of 4, 16 and 64 KiB, one or two address
 * ranges, hardware update of access flag and dirty state. One object per CPU, used again for each
 * walk.
 *
 * <p>Deviations: no stage 2; tables are little-endian; the contiguous bit is ignored, which the
 * manual allows.
 */
public final class TableWalk {
  private static final long OUTPUT_48 = 0x0000_ffff_ffff_f000L;
  private static final long AF = 1 << 10;
  private static final long AP_EL0 = 1 << 6;
  private static final long AP_READ_ONLY = 1 << 7;
  private static final long DBM = 1L << 51;
  private static final long PXN = 1L << 53;
  private static final long UXN = 1L << 54;
  private static final long GUARDED = 1L << 50;
  private static final int[] PA_BITS = {32, 36, 40, 42, 44, 48, 52, 52};

  private final ArmCpu c;
  private final PhysicalWindow physical;

  /** Pages above 4 KiB that may be in the TLB: TLBI by address has to forget all their pieces. */
  public final PageFilter large = new PageFilter();

  private final int paBits;
  private final boolean hasAccessFlag;
  private final boolean hasDirty;
  private final boolean hasHierarchyOff;

  // Parameters of the walk under way.
  private int regime;
  private int access;
  private long gva;
  private long sctlr;
  private long tcr;
  private long ttbr;
  private boolean upper;
  private int inputBits;
  private int granuleBits;
  private int outputBits;
  private boolean hierarchyOff;
  private boolean updatesAccess;
  private boolean updatesDirty;
  private long noEl0;
  private long readOnly;
  private long notExecutable;
  private int memoryType;
  private boolean guarded;
  private boolean isDevice;
  private int shareability;

  public TableWalk(ArmCpu c) {
    this.c = c;
    physical = new PhysicalWindow(c.memory);
    paBits = PA_BITS[(int) c.model.id(IdRegister.AA64MMFR0_EL1) & 7];
    hasAccessFlag = c.model.has(ArmFeature.HAFDBS_AF);
    hasDirty = c.model.has(ArmFeature.HAFDBS);
    hasHierarchyOff = c.model.has(ArmFeature.HPDS);
  }

  /** MAIR attribute of the last walk's page; 0 (Device-nGnRnE) with the MMU off. */
  public int memoryType() {
    return memoryType;
  }

  /** The last walk's page is Device memory by its page table. */
  public boolean isDevice() {
    return isDevice;
  }

  /** Shareability of the last walk's page: 0 none, 2 outer, 3 inner. */
  public int shareability() {
    return shareability;
  }

  /** The last walk's page is guarded (FEAT_BTI). */
  public boolean isGuarded() {
    return guarded;
  }

  /** Number of physical address bits. */
  public int paBits() {
    return paBits;
  }

  /** See {@code GuestCpu.walk}; {@code level} is the exception level whose rights count. */
  public void walk(long address, int accessKind, int level) {
    gva = address;
    access = accessKind;
    regime = Math.max(level, 1);
    sctlr = c.sctlr(regime);
    guarded = false;
    isDevice = false;
    if (accessKind == GuestCpu.ACCESS_FETCH && (address & 3) != 0) {
      throw c.pcAlignment(address);
    }
    if (regime == 1) {
      twoRanges();
    } else {
      oneRange();
    }
    if ((sctlr & Sctlr.M) == 0) {
      flat();
      return;
    }
    if (isDisabled(level)) {
      throw fault(Syndrome.TRANSLATION, 0);
    }
    descend(level);
  }

  // ---------------------------------------------------------------- parameters

  private void twoRanges() {
    tcr = c.sys[Reg.TCR_EL1];
    upper = gva << 8 < 0;
    ttbr = c.sys[upper ? Reg.TTBR1_EL1 : Reg.TTBR0_EL1];
    inputBits = 64 - (int) (tcr >>> (upper ? Tcr.T1SZ_SHIFT : Tcr.T0SZ_SHIFT) & 63);
    int tg = (int) (tcr >>> (upper ? Tcr.TG1_SHIFT : Tcr.TG0_SHIFT)) & 3;
    granuleBits = upper ? (tg == 1 ? 14 : tg == 3 ? 16 : 12) : (tg == 1 ? 16 : tg == 2 ? 14 : 12);
    outputBits = PA_BITS[(int) (tcr >>> Tcr.IPS_SHIFT) & 7];
    hierarchyOff = hasHierarchyOff && (tcr & (upper ? Tcr.HPD1 : Tcr.HPD0)) != 0;
    updatesAccess = hasAccessFlag && (tcr & Tcr.HA) != 0;
    updatesDirty = updatesAccess && hasDirty && (tcr & Tcr.HD) != 0;
  }

  private void oneRange() {
    tcr = c.sys[regime == 2 ? Reg.TCR_EL2 : Reg.TCR_EL3];
    ttbr = c.sys[regime == 2 ? Reg.TTBR0_EL2 : Reg.TTBR0_EL3];
    upper = false;
    inputBits = 64 - (int) (tcr & 63);
    int tg = (int) (tcr >>> Tcr.TG0_SHIFT) & 3;
    granuleBits = tg == 1 ? 16 : tg == 2 ? 14 : 12;
    outputBits = PA_BITS[(int) (tcr >>> Tcr.SINGLE_PS_SHIFT) & 7];
    hierarchyOff = hasHierarchyOff && (tcr & Tcr.SINGLE_HPD) != 0;
    updatesAccess = hasAccessFlag && (tcr & Tcr.SINGLE_HA) != 0;
    updatesDirty = updatesAccess && hasDirty && (tcr & Tcr.SINGLE_HD) != 0;
  }

  /** True when the top byte of the address is no part of it. */
  private boolean ignoresTag() {
    boolean isFetch = access == GuestCpu.ACCESS_FETCH;
    if (regime != 1) {
      return (tcr & Tcr.SINGLE_TBI) != 0 && !(isFetch && (tcr & Tcr.SINGLE_TBID) != 0);
    }
    return (tcr & (upper ? Tcr.TBI1 : Tcr.TBI0)) != 0
        && !(isFetch && (tcr & (upper ? Tcr.TBID1 : Tcr.TBID0)) != 0);
  }

  private boolean isDisabled(int level) {
    if (regime != 1) {
      return false;
    }
    if ((tcr & (upper ? Tcr.EPD1 : Tcr.EPD0)) != 0) {
      return true;
    }
    return level == 0
        && c.model.has(ArmFeature.E0PD)
        && (tcr & (upper ? Tcr.E0PD1 : Tcr.E0PD0)) != 0;
  }

  // ---------------------------------------------------------------- translation

  /** Translation disabled: addresses are physical. */
  private void flat() {
    long gpa = ignoresTag() ? gva << 8 >>> 8 : gva;
    memoryType = 0;
    shareability = 2;
    if (gpa >>> paBits != 0) {
      throw fault(Syndrome.ADDRESS_SIZE, 0);
    }
    c.walked(gpa, GuestCpu.PERMIT_READ | GuestCpu.PERMIT_WRITE | GuestCpu.PERMIT_FETCH);
  }

  private void descend(int level) {
    if (inputBits > 48 && granuleBits != 16) {
      inputBits = 48;
    }
    long beyond = ignoresTag() ? gva << 8 >> 8 : gva;
    if (upper ? beyond >> (inputBits - 1) >> 1 != -1 : beyond >>> inputBits - 1 >>> 1 != 0) {
      throw fault(Syndrome.TRANSLATION, 0);
    }
    if (inputBits < 25 || inputBits > 52) {
      throw fault(Syndrome.TRANSLATION, 0);
    }
    int stride = granuleBits - 3;
    int depth = 4 - (inputBits - granuleBits + stride - 1) / stride;
    int top = inputBits - granuleBits - stride * (3 - depth);
    long table = ttbr & OUTPUT_48 | ttbr & 0xffe;
    if (granuleBits == 16 && paBits == 52) {
      table = table & ~0x3fL | (ttbr >>> 2 & 15) << 48;
    }
    table &= -1L << Math.min(top + 3, granuleBits);
    checkSize(table, 0);
    noEl0 = 0;
    readOnly = 0;
    notExecutable = 0;
    int indexBits = top;
    while (true) {
      int shift = granuleBits + stride * (3 - depth);
      long entry = table + ((gva >>> shift & (1L << indexBits) - 1) << 3);
      long descriptor = load(entry, depth);
      if ((descriptor & 1) == 0) {
        throw fault(Syndrome.TRANSLATION, depth);
      }
      boolean isTable = depth < 3 && (descriptor & 2) != 0;
      if (!isTable) {
        if (depth == 3 ? (descriptor & 2) == 0 : !hasBlocks(depth)) {
          throw fault(Syndrome.TRANSLATION, depth);
        }
        leaf(descriptor, entry, shift, depth, level);
        return;
      }
      if (!hierarchyOff) {
        inherit(descriptor);
      }
      table = output(descriptor, granuleBits);
      checkSize(table, depth);
      depth++;
      indexBits = stride;
    }
  }

  private boolean hasBlocks(int depth) {
    return switch (granuleBits) {
      case 12 -> depth == 1 || depth == 2;
      case 14 -> depth == 2;
      default -> depth == 2 || depth == 1 && paBits == 52;
    };
  }

  private void inherit(long descriptor) {
    noEl0 |= descriptor >>> 61 & 1;
    readOnly |= descriptor >>> 62 & 1;
    // PXNTable and UXNTable at the places of PXN and UXN; with one range XNTable is UXN's.
    notExecutable |= descriptor >>> 59 - 53 & (PXN | UXN);
  }

  private long output(long descriptor, int lowBits) {
    long address = descriptor & OUTPUT_48 & -1L << lowBits;
    if (granuleBits == 16 && paBits == 52) {
      address |= (descriptor >>> 12 & 15) << 48;
    }
    return address;
  }

  private void checkSize(long address, int depth) {
    if (address >>> Math.min(outputBits, paBits) != 0) {
      throw fault(Syndrome.ADDRESS_SIZE, depth);
    }
  }

  private long load(long entry, int depth) {
    if (!physical.isRam(entry)) {
      throw fault(Syndrome.EXTERNAL_ON_WALK, depth);
    }
    return physical.load64(entry);
  }

  // ---------------------------------------------------------------- permissions

  private void leaf(long first, long entry, int shift, int depth, int level) {
    long descriptor = first;
    long page = output(descriptor, shift);
    checkSize(page, depth);
    while (true) {
      long wanted = descriptor;
      if ((descriptor & AF) == 0) {
        if (!updatesAccess) {
          throw fault(Syndrome.ACCESS_FLAG, depth);
        }
        wanted |= AF;
      }
      boolean clean = updatesDirty && (descriptor & (DBM | AP_READ_ONLY)) == (DBM | AP_READ_ONLY);
      int permitted = permissions(descriptor, clean, level);
      if ((permitted & 1 << access) == 0) {
        throw fault(Syndrome.PERMISSION, depth);
      }
      if (clean && access == GuestCpu.ACCESS_WRITE) {
        wanted &= ~AP_READ_ONLY;
        clean = false;
      }
      if (wanted != descriptor && !physical.replace64(entry, descriptor, wanted)) {
        descriptor = load(entry, depth);
        if ((descriptor & 1) == 0) {
          throw fault(Syndrome.TRANSLATION, depth);
        }
        page = output(descriptor, shift);
        continue;
      }
      if (clean) {
        permitted &= ~GuestCpu.PERMIT_WRITE;
      }
      if (shift > 12) {
        large.add(gva << 8 >> 8, shift);
      }
      finish(descriptor, page | gva & (1L << shift) - 1, permitted);
      return;
    }
  }

  private void finish(long descriptor, long gpa, int permitted) {
    long mair = c.sys[regime == 1 ? Reg.MAIR_EL1 : regime == 2 ? Reg.MAIR_EL2 : Reg.MAIR_EL3];
    memoryType = (int) (mair >>> 8 * (descriptor >>> 2 & 7)) & 0xff;
    isDevice = (memoryType & 0xf0) == 0;
    shareability = isDevice || memoryType == 0x44 ? 2 : (int) (descriptor >>> 8) & 3;
    guarded = (descriptor & GUARDED) != 0;
    if (guarded && (permitted & GuestCpu.PERMIT_FETCH) != 0) {
      c.guardFound(gva, access == GuestCpu.ACCESS_FETCH);
    }
    // Device memory takes the slow path, which checks alignment.
    c.walked(
        gpa, isDevice ? permitted & ~(GuestCpu.PERMIT_READ | GuestCpu.PERMIT_WRITE) : permitted);
  }

  /** What the page allows to {@code level}, as {@code PERMIT_} bits. */
  private int permissions(long descriptor, boolean clean, int level) {
    boolean el0 = (descriptor & AP_EL0) != 0 && noEl0 == 0;
    boolean writable = ((descriptor & AP_READ_ONLY) == 0 || clean) && readOnly == 0;
    boolean wxn = (sctlr & Sctlr.WXN) != 0;
    long xn = descriptor | notExecutable;
    int p = 0;
    if (regime != 1) {
      p = GuestCpu.PERMIT_READ | (writable ? GuestCpu.PERMIT_WRITE : 0);
      return (xn & UXN) == 0 && !(writable && wxn) ? p | GuestCpu.PERMIT_FETCH : p;
    }
    if (level == 0) {
      if (el0) {
        p = GuestCpu.PERMIT_READ | (writable ? GuestCpu.PERMIT_WRITE : 0);
      }
      boolean exec = (xn & UXN) == 0 && !(el0 && writable && wxn);
      return exec ? p | GuestCpu.PERMIT_FETCH : p;
    }
    if (!(c.pan && el0)) {
      p = GuestCpu.PERMIT_READ | (writable ? GuestCpu.PERMIT_WRITE : 0);
    }
    boolean exec = (xn & PXN) == 0 && !(el0 && writable) && !(writable && wxn);
    return exec ? p | GuestCpu.PERMIT_FETCH : p;
  }

  private GuestFault fault(int status, int depth) {
    int code = status | depth;
    if (access == GuestCpu.ACCESS_FETCH) {
      return c.instructionAbort(gva, code);
    }
    return c.dataAbort(gva, code | (access == GuestCpu.ACCESS_WRITE ? Syndrome.WNR : 0));
  }
}
