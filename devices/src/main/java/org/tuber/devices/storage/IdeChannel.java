package org.tuber.devices.storage;

import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.pci.PciFunction;

/**
 * One channel of an IDE controller: command and control block of two drives, and the bus master
 * that moves their data.
 *
 * <p>ATA/ATAPI-7 volume 2, chapter 5 for the register protocol; Programming Interface for Bus
 * Master IDE Controller 1.0 for the bus master. Where no drive is, registers read zero.
 */
final class IdeChannel extends DmaHost implements Snapshottable<IdeChannel.State> {
  /** Bytes of the command block. */
  static final int COMMAND_BYTES = 8;

  /** Bytes of the bus master's registers. */
  static final int BUS_MASTER_BYTES = 8;

  private static final int DEVICE_SELECT = 0x10;
  private static final int CONTROL_NIEN = 0x02;
  private static final int CONTROL_SRST = 0x04;
  private static final int CONTROL_HOB = 0x80;
  private static final int COMMAND_DEVICE_RESET = 0x08;
  private static final int COMMAND_DIAGNOSTIC = 0x90;

  private static final int BM_START = 0x01;
  private static final int BM_TO_MEMORY = 0x08;
  private static final int BM_ACTIVE = 0x01;
  private static final int BM_ERROR = 0x02;
  private static final int BM_INTERRUPT = 0x04;
  private static final int BM_CAPABLE = 0x60;
  private static final int PRD_BYTES = 8;
  private static final int PRD_LAST = 0x8000;
  private static final int MAX_EMPTY_STEPS = 0x1_0000;

  /**
   * State; the drives have their own.
   *
   * @param control device control register
   * @param selected 0 or 1
   * @param interrupt INTRQ
   * @param bmCommand bus master command
   * @param bmStatus bus master status
   * @param bmTable descriptor table pointer
   * @param prdNext address of the next descriptor
   * @param prdAddress where the present region goes on
   * @param prdLeft bytes left in it
   * @param prdLast the present region is the last one
   */
  record State(
      int control,
      int selected,
      boolean interrupt,
      int bmCommand,
      int bmStatus,
      int bmTable,
      int prdNext,
      int prdAddress,
      int prdLeft,
      boolean prdLast) {}

  private final class CommandBlock implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      AtaDrive drive = drives[selected];
      if (offset == 0) {
        return drive == null ? 0 : drive.readData(size);
      }
      if (size != 1) {
        long value = 0;
        for (int i = 0; i < size; i++) {
          value |= (offset + i < COMMAND_BYTES ? read(offset + i, 1) : 0xff) << (8 * i);
        }
        return value;
      }
      if (drive == null) {
        return 0;
      }
      if (offset == 7) {
        setInterrupt(false);
      }
      return drive.readRegister((int) offset, (control & CONTROL_HOB) != 0);
    }

    @Override
    public void write(long offset, long value, int size) {
      AtaDrive drive = drives[selected];
      if (offset == 0) {
        if (drive != null) {
          drive.writeData((int) value, size);
        }
        return;
      }
      for (int i = 0; i < size && offset + i < COMMAND_BYTES; i++) {
        int v = (int) (value >>> (8 * i)) & 0xff;
        if (offset + i == 7) {
          command(v);
        } else {
          writeRegister((int) offset + i, v);
        }
      }
    }

    @Override
    public int maxAccessSize() {
      return 4;
    }
  }

  private final class ControlBlock implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      AtaDrive drive = drives[selected];
      return drive == null ? 0 : drive.readRegister(7, false);
    }

    @Override
    public void write(long offset, long value, int size) {
      writeControl((int) value & 0xff);
    }

    @Override
    public int maxAccessSize() {
      return 1;
    }
  }

  private final class BusMaster implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      long registers =
          bmCommand & 0xffL | (bmStatus & 0xffL) << 16 | (bmTable & 0xffff_ffffL) << 32;
      return offset + size > BUS_MASTER_BYTES ? -1 : registers >>> (8 * offset);
    }

    @Override
    public void write(long offset, long value, int size) {
      for (int i = 0; i < size && offset + i < BUS_MASTER_BYTES; i++) {
        int v = (int) (value >>> (8 * i)) & 0xff;
        int at = (int) offset + i;
        if (at == 2) {
          bmStatus =
              bmStatus & BM_ACTIVE | v & BM_CAPABLE | bmStatus & ~v & (BM_ERROR | BM_INTERRUPT);
        } else if (at >= 4) {
          int shift = 8 * (at - 4);
          bmTable = (bmTable & ~(0xff << shift) | v << shift) & ~3;
        }
      }
      // The start bit last: a wide write brings the table along.
      if (offset == 0) {
        writeBusMasterCommand((int) value & 0xff);
      }
    }

    @Override
    public int maxAccessSize() {
      return 4;
    }
  }

  private final String name;
  private final IrqLine irq;
  private final PciFunction pci;
  private final AtaDrive[] drives = new AtaDrive[2];
  private final CommandBlock commandBlock = new CommandBlock();
  private final ControlBlock controlBlock = new ControlBlock();
  private final BusMaster busMaster = new BusMaster();
  private int control;
  private int selected;
  private boolean interrupt;
  private int bmCommand;
  private int bmStatus;
  private int bmTable;
  private int prdNext;
  private int prdAddress;
  private int prdLeft;
  private boolean prdLast;

  /**
   * A channel without drives.
   *
   * @param name for messages
   * @param irq INTRQ's way to the interrupt controller
   * @param memory where the bus master moves data
   * @param pci the function whose bus-master bit counts
   */
  IdeChannel(String name, IrqLine irq, DmaView memory, PciFunction pci) {
    super(memory);
    this.name = name;
    this.irq = irq;
    this.pci = pci;
  }

  /** Connects a drive as number 0 or 1. */
  void attach(int number, AtaDrive drive) {
    if (drives[number] != null) {
      throw new IllegalArgumentException(name + ": drive " + number + " is taken");
    }
    drives[number] = drive;
    drive.host = this;
  }

  AtaDrive drive(int number) {
    return drives[number];
  }

  MmioDevice commandBlock() {
    return commandBlock;
  }

  MmioDevice controlBlock() {
    return controlBlock;
  }

  MmioDevice busMaster() {
    return busMaster;
  }

  // Registers.

  private void writeRegister(int register, int v) {
    control &= ~CONTROL_HOB;
    for (AtaDrive drive : drives) {
      if (drive != null && !drive.isBusy()) {
        drive.writeRegister(register, v);
      }
    }
    if (register == 6) {
      selected = (v & DEVICE_SELECT) != 0 ? 1 : 0;
    }
  }

  private void command(int v) {
    control &= ~CONTROL_HOB;
    AtaDrive drive = drives[selected];
    if (drive == null) {
      return;
    }
    setInterrupt(false);
    if (v == COMMAND_DEVICE_RESET && drive instanceof AtapiCdrom) {
      drive.resetTransfer();
    } else if (!drive.isBusy()) {
      if (v == COMMAND_DIAGNOSTIC) {
        selected = 0;
        drive = drives[0] == null ? drive : drives[0];
      }
      drive.execute(v);
    }
  }

  private void writeControl(int v) {
    boolean resetStarts = (v & ~control & CONTROL_SRST) != 0;
    control = v & (CONTROL_NIEN | CONTROL_SRST | CONTROL_HOB);
    if (resetStarts) {
      for (AtaDrive drive : drives) {
        if (drive != null) {
          drive.resetTransfer();
        }
      }
      selected = 0;
      interrupt = false;
    }
    driveIrq();
  }

  private void setInterrupt(boolean on) {
    interrupt = on;
    driveIrq();
  }

  private void driveIrq() {
    irq.set(interrupt && (control & CONTROL_NIEN) == 0);
  }

  // The drives' host.

  @Override
  public void interrupt(AtaDrive drive) {
    if (drive == drives[selected]) {
      interrupt = true;
      bmStatus |= BM_INTERRUPT;
      driveIrq();
    }
  }

  @Override
  public void dataRequest(AtaDrive drive) {
    // The CPU comes and fetches it.
  }

  @Override
  public void dmaRequest(AtaDrive drive) {
    if ((bmStatus & BM_ACTIVE) != 0) {
      drive.dmaGranted();
    }
  }

  private void writeBusMasterCommand(int v) {
    boolean starts = (v & ~bmCommand & BM_START) != 0;
    boolean stops = (~v & bmCommand & BM_START) != 0;
    bmCommand = v & (BM_START | BM_TO_MEMORY);
    AtaDrive drive = drives[selected];
    if (starts) {
      bmStatus |= BM_ACTIVE;
      prdNext = bmTable;
      prdLeft = 0;
      prdLast = false;
      if (drive != null) {
        drive.dmaGranted();
      }
    } else if (stops) {
      bmStatus &= ~BM_ACTIVE;
      if (drive != null) {
        drive.dmaStopped();
      }
    }
  }

  @Override
  Runnable place() {
    int next = prdNext;
    int address = prdAddress;
    int left = prdLeft;
    boolean last = prdLast;
    return () -> {
      prdNext = next;
      prdAddress = address;
      prdLeft = left;
      prdLast = last;
    };
  }

  @Override
  int move(int length, Step step) {
    int done = 0;
    if (!pci.busMaster()) {
      return 0;
    }
    for (int steps = 0; done < length && steps < MAX_EMPTY_STEPS; steps++) {
      if (prdLeft == 0 && !nextRegion()) {
        break;
      }
      int n = Math.min(length - done, prdLeft);
      long gpa = prdAddress & 0xffff_ffffL;
      step.at(gpa, done, n);
      prdAddress += n;
      prdLeft -= n;
      done += n;
    }
    return done;
  }

  private boolean nextRegion() {
    if (prdLast) {
      return false;
    }
    long entry = memory.readValue(prdNext & 0xffff_ffffL, PRD_BYTES);
    prdNext += PRD_BYTES;
    prdAddress = (int) entry & ~1;
    int bytes = (int) (entry >>> 32) & 0xfffe;
    prdLeft = bytes == 0 ? 0x1_0000 : bytes;
    prdLast = (entry >>> 48 & PRD_LAST) != 0;
    return true;
  }

  @Override
  public void dmaEnded(AtaDrive drive) {
    // Regions left over keep the bus master active, by which software sees the mismatch.
    if (prdLast && prdLeft == 0) {
      bmStatus &= ~BM_ACTIVE;
    }
  }

  // State.

  @Override
  public State save() {
    return new State(
        control,
        selected,
        interrupt,
        bmCommand,
        bmStatus,
        bmTable,
        prdNext,
        prdAddress,
        prdLeft,
        prdLast);
  }

  void check(State s) {
    if ((s.control & ~(CONTROL_NIEN | CONTROL_SRST | CONTROL_HOB)) != 0
        || (s.selected & ~1) != 0
        || (s.bmCommand & ~(BM_START | BM_TO_MEMORY)) != 0
        || (s.bmStatus & ~(BM_CAPABLE | BM_ACTIVE | BM_ERROR | BM_INTERRUPT)) != 0
        || (s.bmTable & 3) != 0
        || s.prdLeft < 0
        || s.prdLeft > 0x1_0000) {
      throw new IllegalArgumentException(name + ": a register is out of range");
    }
  }

  @Override
  public void load(State s) {
    check(s);
    control = s.control;
    selected = s.selected;
    interrupt = s.interrupt;
    bmCommand = s.bmCommand;
    bmStatus = s.bmStatus;
    bmTable = s.bmTable;
    prdNext = s.prdNext;
    prdAddress = s.prdAddress;
    prdLeft = s.prdLeft;
    prdLast = s.prdLast;
    driveIrq();
  }

  @Override
  public void reset() {
    load(new State(0, 0, false, 0, 0, 0, 0, 0, 0, false));
  }
}
