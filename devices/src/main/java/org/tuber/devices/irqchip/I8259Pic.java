package org.tuber.devices.irqchip;

import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;

/**
 * Two cascaded Intel 8259A interrupt controllers with the edge/level control registers of the
 * PIIX3.
 *
 * <p>Intel 8259A data sheet (231468-003) and 82371SB (PIIX3) section 2.5.3. Modelled: fully nested,
 * special fully nested, special mask, poll and rotating modes, automatic EOI, spurious interrupts 7
 * and 15. Deviations: an edge stays latched when the line drops before it is acknowledged (a real
 * 8259A then answers with a spurious interrupt 7); MCS-80 mode and buffered mode have no effect.
 */
public final class I8259Pic implements Snapshottable<I8259Pic.State> {
  private static final int CASCADE = 2;
  private static final int ICW1 = 0x10;
  private static final int ICW1_IC4 = 0x01;
  private static final int ICW1_SNGL = 0x02;
  private static final int ICW1_LTIM = 0x08;
  private static final int ICW4_AEOI = 0x02;
  private static final int ICW4_SFNM = 0x10;
  private static final int OCW3 = 0x08;
  private static final int OCW3_RIS = 0x01;
  private static final int OCW3_RR = 0x02;
  private static final int OCW3_POLL = 0x04;
  private static final int OCW3_SMM = 0x20;
  private static final int OCW3_ESMM = 0x40;
  private static final int MASTER_ELCR_MASK = 0xf8;
  private static final int SLAVE_ELCR_MASK = 0xde;

  /**
   * State of one chip.
   *
   * @param lines levels of the inputs
   * @param irr interrupt request register
   * @param imr interrupt mask register
   * @param isr in-service register
   * @param elcr level-triggered inputs
   * @param vectorBase ICW2
   * @param highestPriority input that comes first
   * @param initStep next initialisation word: 0 none, else 2, 3, 4
   * @param icw1 last ICW1
   * @param icw4 last ICW4
   * @param readIsr OCW3 selected the in-service register
   * @param poll the next read polls
   * @param specialMask special mask mode
   * @param rotateOnAutoEoi rotate in automatic EOI mode
   */
  public record Chip8259(
      int lines,
      int irr,
      int imr,
      int isr,
      int elcr,
      int vectorBase,
      int highestPriority,
      int initStep,
      int icw1,
      int icw4,
      boolean readIsr,
      boolean poll,
      boolean specialMask,
      boolean rotateOnAutoEoi) {}

  /**
   * State of the pair.
   *
   * @param master inputs 0 to 7
   * @param slave inputs 8 to 15
   */
  public record State(Chip8259 master, Chip8259 slave) {}

  private final class Chip implements MmioDevice {
    private final boolean isMaster;
    private final int elcrMask;
    private int lines;
    private int irr;
    private int imr;
    private int isr;
    private int elcr;
    private int vectorBase;
    private int highestPriority;
    private int initStep;
    private int icw1;
    private int icw4;
    private boolean readIsr;
    private boolean poll;
    private boolean specialMask;
    private boolean rotateOnAutoEoi;

    Chip(boolean isMaster) {
      this.isMaster = isMaster;
      this.elcrMask = isMaster ? MASTER_ELCR_MASK : SLAVE_ELCR_MASK;
    }

    private void clear() {
      irr = 0;
      imr = 0;
      isr = 0;
      elcr = 0;
      vectorBase = 0;
      highestPriority = 0;
      initStep = 0;
      icw1 = 0;
      icw4 = 0;
      readIsr = false;
      poll = false;
      specialMask = false;
      rotateOnAutoEoi = false;
    }

    private boolean levelTriggered(int bit) {
      return (elcr & bit) != 0 || (icw1 & ICW1_LTIM) != 0;
    }

    private void input(int n, boolean level) {
      int bit = 1 << n;
      boolean was = (lines & bit) != 0;
      lines = level ? lines | bit : lines & ~bit;
      if (levelTriggered(bit)) {
        irr = level ? irr | bit : irr & ~bit;
      } else if (level && !was) {
        irr |= bit;
      }
    }

    /** Rank of the first set bit in priority order, 8 when none. */
    private int rank(int bits) {
      if (bits == 0) {
        return 8;
      }
      int rotated = ((bits | bits << 8) >>> highestPriority) & 0xff;
      return Integer.numberOfTrailingZeros(rotated);
    }

    /** The input to serve now, or -1. */
    private int pending() {
      int requested = rank(irr & ~imr);
      int inService = isr;
      if (specialMask) {
        inService &= ~imr;
      }
      if (isMaster && (icw4 & ICW4_SFNM) != 0) {
        inService &= ~(1 << CASCADE);
      }
      return requested < rank(inService) ? (requested + highestPriority) & 7 : -1;
    }

    private void acknowledge(int n) {
      int bit = 1 << n;
      if ((icw4 & ICW4_AEOI) != 0) {
        if (rotateOnAutoEoi) {
          highestPriority = (n + 1) & 7;
        }
      } else {
        isr |= bit;
      }
      if (!levelTriggered(bit)) {
        irr &= ~bit;
      }
    }

    @Override
    public long read(long offset, int size) {
      if (offset > 1) {
        return -1;
      }
      if (poll) {
        poll = false;
        int n = pending();
        if (n < 0) {
          return 0;
        }
        acknowledge(n);
        update();
        return 0x80 | n;
      }
      if (offset == 1) {
        return imr;
      }
      return readIsr ? isr : irr;
    }

    @Override
    public void write(long offset, long value, int size) {
      int v = (int) value & 0xff;
      if (offset == 0) {
        if ((v & ICW1) != 0) {
          initialise(v);
        } else if ((v & OCW3) != 0) {
          operationWord3(v);
        } else {
          operationWord2(v);
        }
      } else if (offset == 1) {
        dataWord(v);
      }
      update();
    }

    private void initialise(int v) {
      icw1 = v;
      irr = 0;
      for (int bit = 1; bit < 0x100; bit <<= 1) {
        if (levelTriggered(bit)) {
          irr |= lines & bit;
        }
      }
      imr = 0;
      isr = 0;
      highestPriority = 0;
      readIsr = false;
      poll = false;
      specialMask = false;
      rotateOnAutoEoi = false;
      icw4 = 0;
      initStep = 2;
    }

    private void dataWord(int v) {
      boolean wants4 = (icw1 & ICW1_IC4) != 0;
      switch (initStep) {
        case 2 -> {
          vectorBase = v & 0xf8;
          boolean single = (icw1 & ICW1_SNGL) != 0;
          initStep = !single ? 3 : wants4 ? 4 : 0;
        }
        case 3 -> initStep = wants4 ? 4 : 0;
        case 4 -> {
          icw4 = v;
          initStep = 0;
        }
        default -> imr = v;
      }
    }

    private void operationWord2(int v) {
      int n = v & 7;
      switch (v >>> 5) {
        case 0, 4 -> rotateOnAutoEoi = v >>> 5 == 4;
        case 1, 5 -> {
          int candidates = specialMask ? isr & ~imr : isr;
          int rank = rank(candidates);
          if (rank < 8) {
            int served = (rank + highestPriority) & 7;
            isr &= ~(1 << served);
            if (v >>> 5 == 5) {
              highestPriority = (served + 1) & 7;
            }
          }
        }
        case 3 -> isr &= ~(1 << n);
        case 6 -> highestPriority = (n + 1) & 7;
        case 7 -> {
          isr &= ~(1 << n);
          highestPriority = (n + 1) & 7;
        }
        default -> {
          // 2 is "no operation" in the data sheet.
        }
      }
    }

    private void operationWord3(int v) {
      if ((v & OCW3_POLL) != 0) {
        poll = true;
      }
      if ((v & OCW3_RR) != 0) {
        readIsr = (v & OCW3_RIS) != 0;
      }
      if ((v & OCW3_ESMM) != 0) {
        specialMask = (v & OCW3_SMM) != 0;
      }
    }

    private void writeElcr(int v) {
      elcr = v & elcrMask;
      irr = (irr & ~elcr) | (lines & elcr);
    }

    private Chip8259 save() {
      return new Chip8259(
          lines,
          irr,
          imr,
          isr,
          elcr,
          vectorBase,
          highestPriority,
          initStep,
          icw1,
          icw4,
          readIsr,
          poll,
          specialMask,
          rotateOnAutoEoi);
    }

    private void load(Chip8259 s) {
      lines = s.lines;
      irr = s.irr;
      imr = s.imr;
      isr = s.isr;
      elcr = s.elcr;
      vectorBase = s.vectorBase;
      highestPriority = s.highestPriority;
      initStep = s.initStep;
      icw1 = s.icw1;
      icw4 = s.icw4;
      readIsr = s.readIsr;
      poll = s.poll;
      specialMask = s.specialMask;
      rotateOnAutoEoi = s.rotateOnAutoEoi;
    }
  }

  /** The registers 4D0H and 4D1H. */
  private final class Elcr implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      return offset == 0 ? master.elcr : offset == 1 ? slave.elcr : -1;
    }

    @Override
    public void write(long offset, long value, int size) {
      if (offset == 0) {
        master.writeElcr((int) value);
      } else if (offset == 1) {
        slave.writeElcr((int) value);
      }
      update();
    }

    @Override
    public int maxAccessSize() {
      return 1;
    }
  }

  private final IrqLine intr;
  private final Chip master = new Chip(true);
  private final Chip slave = new Chip(false);
  private final Elcr elcr = new Elcr();
  private final IrqLine[] inputs = new IrqLine[16];

  /**
   * The pair.
   *
   * @param intr the master's INT output
   */
  public I8259Pic(IrqLine intr) {
    this.intr = intr;
    for (int i = 0; i < 16; i++) {
      int n = i;
      inputs[i] =
          i == CASCADE
              ? IrqLine.unconnected()
              : new IrqLine(
                  level -> {
                    (n < 8 ? master : slave).input(n & 7, level);
                    update();
                  });
    }
  }

  /** Interrupt input 0 to 15; 2 is taken by the cascade. */
  public IrqLine input(int n) {
    return inputs[n];
  }

  /** Ports 20H and 21H. */
  public MmioDevice master() {
    return master;
  }

  /** Ports A0H and A1H. */
  public MmioDevice slave() {
    return slave;
  }

  /** Ports 4D0H and 4D1H. */
  public MmioDevice elcr() {
    return elcr;
  }

  /** The CPU's two INTA cycles: the vector, a spurious one when the request has gone. */
  public int acknowledge() {
    int n = master.pending();
    if (n < 0) {
      return master.vectorBase + 7;
    }
    int vector = master.vectorBase + n;
    if (n == CASCADE) {
      int second = slave.pending();
      if (second >= 0) {
        slave.acknowledge(second);
      } else {
        second = 7;
      }
      vector = slave.vectorBase + second;
    }
    master.acknowledge(n);
    update();
    return vector;
  }

  /** The slave's INT is a level to its master: a request it withdraws is gone there too. */
  private void update() {
    int bit = 1 << CASCADE;
    if (slave.pending() >= 0) {
      master.irr |= bit;
      master.lines |= bit;
    } else {
      master.irr &= ~bit;
      master.lines &= ~bit;
    }
    intr.set(master.pending() >= 0);
  }

  @Override
  public State save() {
    return new State(master.save(), slave.save());
  }

  @Override
  public void load(State state) {
    check(state.master, "master");
    check(state.slave, "slave");
    master.load(state.master);
    slave.load(state.slave);
    intr.set(master.pending() >= 0);
  }

  private static void check(Chip8259 s, String chip) {
    int bytes = s.lines | s.irr | s.imr | s.isr | s.elcr | s.vectorBase | s.icw1 | s.icw4;
    if ((bytes & ~0xff) != 0) {
      throw new IllegalArgumentException(chip + ": a register is wider than 8 bits");
    }
    if (s.highestPriority < 0 || s.highestPriority > 7) {
      throw new IllegalArgumentException(chip + ".highestPriority: " + s.highestPriority);
    }
    if (s.initStep != 0 && (s.initStep < 2 || s.initStep > 4)) {
      throw new IllegalArgumentException(chip + ".initStep: " + s.initStep);
    }
  }

  @Override
  public void reset() {
    master.clear();
    slave.clear();
    update();
  }
}
