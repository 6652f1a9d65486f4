package org.tuber.devices.irqchip;

import java.util.BitSet;
import org.tuber.core.irq.IrqLine;

/**
 * One CPU's part of a GICv3: redistributor with the private interrupts and LPIs, and the CPU
 * interface, which the guest reaches by system registers.
 *
 * <p>Arm IHI 0069H, 12.2 (ICC registers) and 12.10 (GICR registers). Five priority bits. LPIs that
 * wait are kept here and not in the pending table; their configuration is read from the table each
 * time, so that the commands that invalidate caches have nothing to do. Deviations: the registers
 * of EL2 are storage, or read as zero.
 */
final class GicV3Cpu {
  static final int PRIORITY_MASK = 0xf8;

  private static final int GICR_CTLR = 0x0000;
  private static final int GICR_IIDR = 0x0004;
  private static final int GICR_TYPER = 0x0008;
  private static final int GICR_TYPER_HIGH = 0x000c;
  private static final int GICR_STATUSR = 0x0010;
  private static final int GICR_WAKER = 0x0014;
  private static final int GICR_PROPBASER = 0x0070;
  private static final int GICR_PENDBASER = 0x0078;
  private static final int SGI_FRAME = 0x1_0000;
  private static final int GICR_IPRIORITYR = 0x0400;
  private static final int GICR_ICFGR0 = 0x0c00;
  private static final int GICR_ICFGR1 = 0x0c04;
  private static final int ID = 0xffd0;
  private static final int CTLR_ENABLE_LPIS = 1;

  /** LPIs can be disabled again. */
  private static final int CTLR_CES = 2;

  private static final int WAKER_SLEEP = 2;
  private static final int WAKER_CHILDREN_ASLEEP = 4;
  private static final long PROPBASER_MASK = 0x070f_ffff_ffff_ff9fL;
  private static final long PENDBASER_MASK = 0x470f_ffff_ffff_0f80L;
  private static final long TABLE_ADDRESS = 0x000f_ffff_ffff_f000L;

  // System registers: op0, op1, CRn, CRm, op2 in 2, 3, 4, 4, 3 bits.
  private static final int ICC_PMR = key(0, 4, 6, 0);
  private static final int ICC_IAR0 = key(0, 12, 8, 0);
  private static final int ICC_EOIR0 = key(0, 12, 8, 1);
  private static final int ICC_HPPIR0 = key(0, 12, 8, 2);
  private static final int ICC_BPR0 = key(0, 12, 8, 3);
  private static final int ICC_AP0R0 = key(0, 12, 8, 4);
  private static final int ICC_AP1R0 = key(0, 12, 9, 0);
  private static final int ICC_DIR = key(0, 12, 11, 1);
  private static final int ICC_RPR = key(0, 12, 11, 3);
  private static final int ICC_SGI1R = key(0, 12, 11, 5);
  private static final int ICC_ASGI1R = key(0, 12, 11, 6);
  private static final int ICC_SGI0R = key(0, 12, 11, 7);
  private static final int ICC_IAR1 = key(0, 12, 12, 0);
  private static final int ICC_EOIR1 = key(0, 12, 12, 1);
  private static final int ICC_HPPIR1 = key(0, 12, 12, 2);
  private static final int ICC_BPR1 = key(0, 12, 12, 3);
  private static final int ICC_CTLR = key(0, 12, 12, 4);
  private static final int ICC_SRE = key(0, 12, 12, 5);
  private static final int ICC_IGRPEN0 = key(0, 12, 12, 6);
  private static final int ICC_IGRPEN1 = key(0, 12, 12, 7);
  private static final int ICC_SRE_EL2 = key(4, 12, 9, 5);
  private static final int ICH_HCR_EL2 = key(4, 12, 11, 0);

  private static final int CTLR_CBPR = 1;
  private static final int CTLR_EOI_MODE = 2;

  /** Affinity 3, 24 bits of interrupt IDs, five priority bits. */
  private static final int CTLR_ALWAYS = 0x8c00;

  /** System registers only, no bypass. */
  private static final int SRE_ALWAYS = 7;

  private static final int SRE_EL2_ALWAYS = 15;
  private static final int MIN_BPR0 = 2;
  private static final int MIN_BPR1 = 3;
  private static final int IDLE_PRIORITY = 0x100;
  private static final int SGI_MASK = 0xffff;

  /**
   * State.
   *
   * @param ctlr GICR_CTLR
   * @param waker GICR_WAKER
   * @param propbaser table of LPI configurations
   * @param pendbaser table of pending LPIs
   * @param bank private interrupts
   * @param pendingLpis LPIs that wait, one bit for each from 8192 up
   * @param pmr priority mask
   * @param bpr0 binary point of group 0
   * @param bpr1 binary point of group 1
   * @param active0 active priorities of group 0
   * @param active1 active priorities of group 1
   * @param iccCtlr ICC_CTLR_EL1
   * @param groups enabled groups, bits 0 and 1
   */
  record State(
      int ctlr,
      int waker,
      long propbaser,
      long pendbaser,
      GicBank.State bank,
      long[] pendingLpis,
      int pmr,
      int bpr0,
      int bpr1,
      int active0,
      int active1,
      int iccCtlr,
      int groups) {}

  private final GicV3 gic;
  private final int index;
  private final IrqLine irq;
  private final IrqLine fiq;

  /** Private interrupts; SGIs are always edge-triggered. */
  final GicBank bank = new GicBank(0, SGI_MASK, SGI_MASK);

  private final BitSet lpis = new BitSet();
  private int ctlr;
  private int waker;
  private long propbaser;
  private long pendbaser;
  private int pmr;
  private int bpr0;
  private int bpr1;
  private int active0;
  private int active1;
  private int iccCtlr;
  private int groups;

  // Results of find().
  private int foundPriority;
  private boolean foundGroup1;

  GicV3Cpu(GicV3 gic, int index, IrqLine irq, IrqLine fiq) {
    this.gic = gic;
    this.index = index;
    this.irq = irq;
    this.fiq = fiq;
    reset();
  }

  private static int key(int op1, int crn, int crm, int op2) {
    return 3 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2;
  }

  // LPIs.

  private boolean lpisEnabled() {
    return (ctlr & CTLR_ENABLE_LPIS) != 0;
  }

  private int lpiLimit() {
    int bits = Math.min((int) (propbaser & 0x1f) + 1, GicV3.ID_BITS);
    return bits < 14 ? 0 : 1 << bits;
  }

  /** Makes an LPI pending, or takes that back. */
  void setLpi(int id, boolean pending) {
    if (id >= GicV3.FIRST_LPI && id < lpiLimit() && lpisEnabled()) {
      lpis.set(id - GicV3.FIRST_LPI, pending);
    }
  }

  boolean isLpiPending(int id) {
    return id >= GicV3.FIRST_LPI && lpis.get(id - GicV3.FIRST_LPI);
  }

  /** Moves everything that waits to another CPU. */
  void moveLpisTo(GicV3Cpu other) {
    if (other != this) {
      other.lpis.or(lpis);
      lpis.clear();
    }
  }

  private int findLpi(int best) {
    int found = best;
    if (!lpisEnabled() || !gic.isGroup1Enabled() || lpis.isEmpty()) {
      return found;
    }
    long table = propbaser & TABLE_ADDRESS;
    for (int i = lpis.nextSetBit(0); i >= 0; i = lpis.nextSetBit(i + 1)) {
      int configuration = gic.memoryByte(table + i);
      int priority = configuration & PRIORITY_MASK;
      if ((configuration & 1) != 0 && priority < foundPriority) {
        foundPriority = priority;
        foundGroup1 = true;
        found = GicV3.FIRST_LPI + i;
      }
    }
    return found;
  }

  // CPU interface.

  /** The pending interrupt of highest priority, or {@link GicV3#SPURIOUS}. */
  private int find() {
    foundPriority = IDLE_PRIORITY;
    int best = findIn(bank, 0, GicV3.SPURIOUS);
    for (int b = 0; b < gic.sharedBanks(); b++) {
      best = findIn(gic.sharedBank(b), GicBank.SIZE * (b + 1), best);
    }
    return findLpi(best);
  }

  private int findIn(GicBank k, int base, int best) {
    int found = best;
    int left = k.candidates() & gic.groupsEnabled(k);
    while (left != 0) {
      int n = Integer.numberOfTrailingZeros(left);
      left &= left - 1;
      int p = k.priorityOf(n);
      if (p < foundPriority && (base == 0 || gic.isRoutedTo(base - GicV3.FIRST_SPI + n, index))) {
        foundPriority = p;
        foundGroup1 = (k.group >>> n & 1) != 0;
        found = base + n;
      }
    }
    return found;
  }

  private int runningPriority() {
    int active = active0 | active1;
    return active == 0 ? IDLE_PRIORITY : Integer.numberOfTrailingZeros(active) << 3;
  }

  private int groupPriority(int priority, boolean group1) {
    if (group1 && (iccCtlr & CTLR_CBPR) == 0) {
      return priority & -1 << bpr1;
    }
    return priority & -1 << bpr0 + 1;
  }

  private boolean isDeliverable(int id) {
    return id != GicV3.SPURIOUS
        && (groups & (foundGroup1 ? 2 : 1)) != 0
        && foundPriority < pmr
        && groupPriority(foundPriority, foundGroup1) < runningPriority();
  }

  void signal() {
    boolean deliverable = isDeliverable(find());
    irq.set(deliverable && foundGroup1);
    fiq.set(deliverable && !foundGroup1);
  }

  private int acknowledge(boolean group1) {
    int id = find();
    if (!isDeliverable(id) || foundGroup1 != group1) {
      return GicV3.SPURIOUS;
    }
    int level = 1 << (groupPriority(foundPriority, group1) >>> 3);
    if (group1) {
      active1 |= level;
    } else {
      active0 |= level;
    }
    if (id >= GicV3.FIRST_LPI) {
      lpis.clear(id - GicV3.FIRST_LPI);
    } else {
      bankOf(id).acknowledge(id & 31);
    }
    gic.update();
    return id;
  }

  private GicBank bankOf(int id) {
    return id < GicV3.FIRST_SPI ? bank : gic.sharedBank(id / GicBank.SIZE - 1);
  }

  private int highestPending(boolean group1) {
    int id = find();
    return id == GicV3.SPURIOUS || foundGroup1 != group1 ? GicV3.SPURIOUS : id;
  }

  private void endOfInterrupt(int id, boolean group1) {
    int mine = group1 ? active1 : active0;
    int other = group1 ? active0 : active1;
    int highest = Integer.lowestOneBit(active0 | active1);
    if (id >= 1020 && id < GicV3.FIRST_LPI || (mine & highest) == 0 || (other & highest) != 0) {
      return;
    }
    if (group1) {
      active1 &= ~highest;
    } else {
      active0 &= ~highest;
    }
    if ((iccCtlr & CTLR_EOI_MODE) == 0) {
      deactivate(id);
    }
  }

  private void deactivate(int id) {
    if (id < GicV3.FIRST_SPI + GicBank.SIZE * gic.sharedBanks()) {
      bankOf(id).active &= ~(1 << id);
    }
  }

  static boolean hasSystemRegister(int k) {
    return k == ICC_PMR
        || k >= ICC_IAR0 && k <= ICC_AP0R0
        || k == ICC_AP1R0
        || k == ICC_DIR
        || k == ICC_RPR
        || k >= ICC_SGI1R && k <= ICC_SGI0R
        || k >= ICC_IAR1 && k <= ICC_IGRPEN1
        || k == ICC_SRE_EL2
        || k == ICH_HCR_EL2;
  }

  long readSystemRegister(int k) {
    if (k == ICC_IAR1) {
      return acknowledge(true);
    } else if (k == ICC_IAR0) {
      return acknowledge(false);
    } else if (k == ICC_PMR) {
      return pmr;
    } else if (k == ICC_HPPIR0) {
      return highestPending(false);
    } else if (k == ICC_HPPIR1) {
      return highestPending(true);
    } else if (k == ICC_BPR0) {
      return bpr0;
    } else if (k == ICC_BPR1) {
      return (iccCtlr & CTLR_CBPR) != 0 ? Math.min(bpr0 + 1, 7) : bpr1;
    } else if (k == ICC_AP0R0) {
      return active0 & 0xffff_ffffL;
    } else if (k == ICC_AP1R0) {
      return active1 & 0xffff_ffffL;
    } else if (k == ICC_RPR) {
      return Math.min(runningPriority(), 0xff);
    } else if (k == ICC_CTLR) {
      return CTLR_ALWAYS | iccCtlr;
    } else if (k == ICC_SRE) {
      return SRE_ALWAYS;
    } else if (k == ICC_IGRPEN0) {
      return groups & 1;
    } else if (k == ICC_IGRPEN1) {
      return groups >> 1 & 1;
    }
    return k == ICC_SRE_EL2 ? SRE_EL2_ALWAYS : 0;
  }

  void writeSystemRegister(int k, long value) {
    int v = (int) value;
    if (k == ICC_EOIR1) {
      endOfInterrupt(v & 0xff_ffff, true);
    } else if (k == ICC_EOIR0) {
      endOfInterrupt(v & 0xff_ffff, false);
    } else if (k == ICC_SGI1R) {
      gic.sendSgi(index, value, 1);
    } else if (k == ICC_SGI0R || k == ICC_ASGI1R) {
      gic.sendSgi(index, value, 0);
    } else if (k == ICC_PMR) {
      pmr = v & PRIORITY_MASK;
    } else if (k == ICC_BPR0) {
      bpr0 = Math.max(v & 7, MIN_BPR0);
    } else if (k == ICC_BPR1) {
      if ((iccCtlr & CTLR_CBPR) == 0) {
        bpr1 = Math.max(v & 7, MIN_BPR1);
      }
    } else if (k == ICC_AP0R0) {
      active0 = v;
    } else if (k == ICC_AP1R0) {
      active1 = v;
    } else if (k == ICC_DIR) {
      if ((iccCtlr & CTLR_EOI_MODE) != 0) {
        deactivate(v & 0xff_ffff);
      }
    } else if (k == ICC_CTLR) {
      iccCtlr = v & (CTLR_CBPR | CTLR_EOI_MODE);
    } else if (k == ICC_IGRPEN0) {
      groups = groups & 2 | v & 1;
    } else if (k == ICC_IGRPEN1) {
      groups = groups & 1 | (v & 1) << 1;
    }
  }

  // Redistributor.

  long readRedistributor(int at, int size) {
    if (size == 8) {
      return readWord(at & ~7) & 0xffff_ffffL | (long) readWord((at & ~7) + 4) << 32;
    }
    return (readWord(at & ~3) & 0xffff_ffffL) >>> 8 * (at & 3);
  }

  void writeRedistributor(int at, long value, int size) {
    if (size == 8) {
      writeWord(at & ~7, (int) value, -1);
      writeWord((at & ~7) + 4, (int) (value >>> 32), -1);
      return;
    }
    int shift = 8 * (at & 3);
    int lanes = (size == 4 ? -1 : (1 << 8 * size) - 1) << shift;
    writeWord(at & ~3, (int) value << shift, lanes);
  }

  private int readWord(int at) {
    if (at >= SGI_FRAME) {
      return readPrivate(at - SGI_FRAME);
    }
    return switch (at) {
      case GICR_CTLR -> ctlr | (gic.hasLpis ? CTLR_CES : 0);
      case GICR_IIDR -> GicV3.IIDR;
      case GICR_TYPER -> typer();
      case GICR_TYPER_HIGH -> index;
      case GICR_STATUSR -> 0;
      case GICR_WAKER -> waker | ((waker & WAKER_SLEEP) != 0 ? WAKER_CHILDREN_ASLEEP : 0);
      case GICR_PROPBASER -> (int) propbaser;
      case GICR_PROPBASER + 4 -> (int) (propbaser >>> 32);
      case GICR_PENDBASER -> (int) pendbaser;
      case GICR_PENDBASER + 4 -> (int) (pendbaser >>> 32);
      default -> {
        if (at >= ID) {
          yield GicV3.identity(at);
        }
        gic.log.unassignedRead(GicV3.DISTRIBUTOR_BYTES + at, 4);
        yield 0;
      }
    };
  }

  private int typer() {
    int v = index << 8 | 1 << 24;
    v |= gic.hasLpis ? 1 : 0;
    return index == gic.cpus() - 1 ? v | 1 << 4 : v;
  }

  private int readPrivate(int at) {
    int block = at & ~0x7f;
    if (GicBank.isBitmap(block)) {
      return (at & 0x7f) == 0 ? bank.readBitmap(block) : 0;
    }
    if (at >= GICR_IPRIORITYR && at < GICR_IPRIORITYR + GicBank.SIZE) {
      return GicV3.readPriorities(bank, at - GICR_IPRIORITYR);
    }
    return switch (at) {
      case GICR_ICFGR0 -> bank.readTriggers(0);
      case GICR_ICFGR1 -> bank.readTriggers(1);
      default -> 0;
    };
  }

  private void writeWord(int at, int value, int lanes) {
    if (at >= SGI_FRAME) {
      writePrivate(at - SGI_FRAME, value, lanes);
      return;
    }
    long v = value & lanes & 0xffff_ffffL;
    long keep = ~((long) lanes & 0xffff_ffffL);
    long keepHigh = ~((long) lanes << 32);
    switch (at) {
      case GICR_CTLR -> {
        if (gic.hasLpis && (lanes & 1) != 0) {
          ctlr = value & CTLR_ENABLE_LPIS;
          if (ctlr == 0) {
            lpis.clear();
          }
        }
      }
      case GICR_WAKER -> waker = waker & ~lanes | value & lanes & WAKER_SLEEP;
      case GICR_PROPBASER -> setPropbaser(propbaser & keep | v);
      case GICR_PROPBASER + 4 -> setPropbaser(propbaser & keepHigh | v << 32);
      case GICR_PENDBASER -> setPendbaser(pendbaser & keep | v);
      case GICR_PENDBASER + 4 -> setPendbaser(pendbaser & keepHigh | v << 32);
      default -> {
        if (at > GICR_STATUSR && at < ID) {
          gic.log.unassignedWrite(GicV3.DISTRIBUTOR_BYTES + at, v, 4);
        }
      }
    }
  }

  /** The tables stay where they are while they are in use. */
  private void setPropbaser(long value) {
    if (gic.hasLpis && !lpisEnabled()) {
      propbaser = value & PROPBASER_MASK;
    }
  }

  private void setPendbaser(long value) {
    if (gic.hasLpis && !lpisEnabled()) {
      pendbaser = value & PENDBASER_MASK & ~(1L << 62); // PTZ reads as zero
    }
  }

  private void writePrivate(int at, int value, int lanes) {
    int block = at & ~0x7f;
    if (GicBank.isBitmap(block)) {
      if ((at & 0x7f) == 0) {
        bank.writeBitmap(block, value, lanes);
      }
    } else if (at >= GICR_IPRIORITYR && at < GICR_IPRIORITYR + GicBank.SIZE) {
      GicV3.writePriorities(bank, at - GICR_IPRIORITYR, value, lanes);
    } else if (at == GICR_ICFGR1) {
      bank.writeTriggers(1, value, lanes);
    }
  }

  // State.

  State save() {
    return new State(
        ctlr,
        waker,
        propbaser,
        pendbaser,
        bank.save(),
        lpis.toLongArray(),
        pmr,
        bpr0,
        bpr1,
        active0,
        active1,
        iccCtlr,
        groups);
  }

  static void check(State s) {
    GicBank.check(s.bank);
    if (s.pendingLpis.length > (1 << GicV3.ID_BITS) / 64) {
      throw new IllegalArgumentException("pendingLpis: " + s.pendingLpis.length + " words");
    }
  }

  void load(State s) {
    ctlr = gic.hasLpis ? s.ctlr & CTLR_ENABLE_LPIS : 0;
    waker = s.waker & WAKER_SLEEP;
    propbaser = s.propbaser & PROPBASER_MASK;
    pendbaser = s.pendbaser & PENDBASER_MASK;
    bank.load(s.bank);
    lpis.clear();
    lpis.or(BitSet.valueOf(s.pendingLpis));
    pmr = s.pmr & PRIORITY_MASK;
    bpr0 = Math.max(s.bpr0 & 7, MIN_BPR0);
    bpr1 = Math.max(s.bpr1 & 7, MIN_BPR1);
    active0 = s.active0;
    active1 = s.active1;
    iccCtlr = s.iccCtlr & (CTLR_CBPR | CTLR_EOI_MODE);
    groups = s.groups & 3;
  }

  void reset() {
    ctlr = 0;
    waker = WAKER_SLEEP;
    propbaser = 0;
    pendbaser = 0;
    bank.reset();
    lpis.clear();
    pmr = 0;
    bpr0 = MIN_BPR0;
    bpr1 = MIN_BPR1;
    active0 = 0;
    active1 = 0;
    iccCtlr = 0;
    groups = 0;
  }
}
