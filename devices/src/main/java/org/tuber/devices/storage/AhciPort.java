package org.tuber.devices.storage;

import java.util.Arrays;
import org.tuber.core.mem.DmaView;
import org.tuber.core.reg.OnceLog;

/**
 * One port of an AHCI controller: command list, received FIS area, one drive.
 *
 * <p>Serial ATA AHCI 1.3.1, sections 3.3, 4.2 and 5.3. Programmed transfers move at once, as the
 * port itself fetches and delivers the data. Deviations: no native queuing, no port multiplier, no
 * power management of the link; FISes other than D2H and PIO setup are not written.
 */
final class AhciPort extends DmaHost {
  /** Bytes of a port's registers. */
  static final int WINDOW_BYTES = 0x80;

  private static final int REGISTERS = 16;

  // Registers by their place in the array.
  private static final int CLB = 0;
  private static final int FB = 2;
  private static final int IS = 4;
  private static final int IE = 5;
  private static final int CMD = 6;
  private static final int TFD = 8;
  private static final int SIG = 9;
  private static final int SSTS = 10;
  private static final int SCTL = 11;
  private static final int SERR = 12;
  private static final int SACT = 13;
  private static final int CI = 14;

  private static final int IS_D2H = 0x01;
  private static final int IS_PIO_SETUP = 0x02;
  private static final int IS_TASK_FILE_ERROR = 0x4000_0000;
  private static final int IE_WRITABLE = 0xfdc0_00ff;
  private static final int CMD_START = 0x0001;
  private static final int CMD_OVERRIDE = 0x0008;
  private static final int CMD_FIS_ENABLE = 0x0010;
  private static final int CMD_FIS_RUNNING = 0x4000;
  private static final int CMD_LIST_RUNNING = 0x8000;
  private static final int CMD_WRITABLE = 0x0300_0017;
  private static final int CMD_INITIAL = 0x0006;
  private static final int LINK_UP = 0x113;
  private static final int SIGNATURE_DISK = 0x0000_0101;
  private static final int SIGNATURE_CDROM = 0xeb14_0101;
  private static final int NO_DRIVE = 0x7f;

  private static final int SLOTS = 32;
  private static final int NO_SLOT = -1;
  private static final int HEADER_BYTES = 32;
  private static final int TABLE_PACKET = 0x40;
  private static final int TABLE_REGIONS = 0x80;
  private static final int REGION_BYTES = 16;
  private static final int FIS_HOST_TO_DEVICE = 0x27;
  private static final int FIS_DEVICE_TO_HOST = 0x34;
  private static final int FIS_PIO_SETUP = 0x5f;
  private static final int FIS_IS_COMMAND = 0x80;
  private static final int CONTROL_SRST = 0x04;
  private static final int AREA_PIO_SETUP = 0x20;
  private static final int AREA_D2H = 0x40;
  private static final int FIS_BYTES = 20;
  private static final int CHUNK_BYTES = 0x1_0000;

  /**
   * State; the drive has its own.
   *
   * @param registers PxCLB to PxCI
   * @param slot slot of the present command, or -1
   * @param table its command table
   * @param regions number of its memory regions
   * @param region region where the data goes on
   * @param regionOffset byte in it
   * @param moved bytes moved
   */
  record State(
      int[] registers,
      int slot,
      long table,
      int regions,
      int region,
      int regionOffset,
      int moved) {}

  private final Runnable interruptChanged;
  private final OnceLog log = new OnceLog("ahci");
  private final int[] registers = new int[REGISTERS];
  private AtaDrive drive;
  private int slot = NO_SLOT;
  private long table;
  private int regions;
  private int region;
  private int regionOffset;
  private int moved;
  private boolean settling;

  AhciPort(DmaView memory, Runnable interruptChanged) {
    super(memory);
    this.interruptChanged = interruptChanged;
    reset();
  }

  void attach(AtaDrive newDrive) {
    drive = newDrive;
    drive.host = this;
    reset();
  }

  boolean isFree() {
    return drive == null;
  }

  /** True when the port asks for an interrupt. */
  boolean interrupts() {
    return (registers[IS] & registers[IE]) != 0;
  }

  // Registers.

  int read(int offset) {
    int r = offset >>> 2;
    return r < REGISTERS ? registers[r] : 0;
  }

  void write(int offset, int v) {
    switch (offset >>> 2) {
      case CLB -> registers[CLB] = v & ~0x3ff;
      case CLB + 1, FB + 1 -> registers[offset >>> 2] = v;
      case FB -> registers[FB] = v & ~0xff;
      case IS -> {
        registers[IS] &= ~v;
        interruptChanged.run();
      }
      case IE -> {
        registers[IE] = v & IE_WRITABLE;
        interruptChanged.run();
      }
      case CMD -> writeCommand(v);
      case SCTL -> writeControl(v);
      case SERR -> registers[SERR] &= ~v;
      case CI -> {
        if ((registers[CMD] & CMD_START) != 0) {
          registers[CI] |= v;
          startNext();
        }
      }
      case SACT -> {
        if (v != 0) {
          log.unimplemented("native command queuing", offset, v);
        }
      }
      default -> log.unassignedWrite(offset, v, 4);
    }
  }

  private void writeCommand(int v) {
    int old = registers[CMD];
    int next = v & CMD_WRITABLE;
    next |= (v & CMD_START) != 0 ? CMD_LIST_RUNNING : 0;
    next |= (v & CMD_FIS_ENABLE) != 0 ? CMD_FIS_RUNNING : 0;
    registers[CMD] = next;
    if ((old & ~v & CMD_START) != 0) {
      registers[CI] = 0;
      if (slot != NO_SLOT && drive != null) {
        drive.request.forget();
        drive.rest();
      }
      slot = NO_SLOT;
    }
    if ((v & CMD_OVERRIDE) != 0) {
      registers[TFD] &= ~(AtaDrive.STATUS_BSY | AtaDrive.STATUS_DRQ);
    }
    if ((~old & v & CMD_FIS_ENABLE) != 0 && drive != null && slot == NO_SLOT) {
      // The signature waits since power-on.
      deviceToHost(false);
    }
  }

  private void writeControl(int v) {
    boolean wasResetting = (registers[SCTL] & 0xf) == 1;
    registers[SCTL] = v & 0xfff;
    if (wasResetting && (v & 0xf) == 0 && drive != null) {
      drive.resetTransfer();
      slot = NO_SLOT;
      registers[SSTS] = LINK_UP;
      registers[SERR] |= 0x0400_0000; // the device was exchanged, for all one knows
      deviceToHost(false);
    } else if ((v & 0xf) == 1) {
      registers[SSTS] = 0;
      registers[TFD] = NO_DRIVE;
    }
  }

  private long pair(int low) {
    return registers[low] & 0xffff_ffffL | (long) registers[low + 1] << 32;
  }

  // Commands.

  private void startNext() {
    while (slot == NO_SLOT && registers[CI] != 0 && (registers[CMD] & CMD_START) != 0) {
      if (drive == null || (registers[TFD] & AtaDrive.STATUS_ERR) != 0 && halted()) {
        return;
      }
      slot = Integer.numberOfTrailingZeros(registers[CI]);
      begin();
    }
  }

  /** After an error the list stands still until software restarts it. */
  private boolean halted() {
    return (registers[IS] & IS_TASK_FILE_ERROR) != 0;
  }

  private void begin() {
    long header = pair(CLB) + (long) slot * HEADER_BYTES;
    regions = (int) memory.readValue(header, 4) >>> 16;
    table = memory.readValue(header + 8, 8) & ~0x7fL;
    region = 0;
    regionOffset = 0;
    moved = 0;
    byte[] fis = new byte[FIS_BYTES];
    memory.read(table, fis, 0, FIS_BYTES);
    if ((fis[0] & 0xff) != FIS_HOST_TO_DEVICE) {
      log.unimplemented("command FIS of another kind", fis[0] & 0xff, table);
      finish();
      return;
    }
    if ((fis[1] & FIS_IS_COMMAND) == 0) {
      if ((fis[15] & CONTROL_SRST) != 0) {
        drive.resetTransfer();
      } else {
        deviceToHost(false);
      }
      finish();
      return;
    }
    int[] places = {3, 12, 4, 5, 6};
    int[] previous = {11, 13, 8, 9, 10};
    for (int i = 0; i < places.length; i++) {
      drive.writeRegister(i + 1, fis[previous[i]] & 0xff);
      drive.writeRegister(i + 1, fis[places[i]] & 0xff);
    }
    drive.writeRegister(6, fis[7] & 0xff);
    registers[TFD] = AtaDrive.STATUS_BSY | AtaDrive.STATUS_DRDY;
    settling = true;
    drive.execute(fis[2] & 0xff);
    settling = false;
    settle();
  }

  /** Moves what the drive holds ready; ends the command when the drive is through. */
  private void settle() {
    if (settling || slot == NO_SLOT) {
      return;
    }
    settling = true;
    byte[] chunk = null;
    while (slot != NO_SLOT && drive.blockBytesLeft() > 0) {
      int n = Math.min(drive.blockBytesLeft(), CHUNK_BYTES);
      chunk = chunk == null || chunk.length < n ? new byte[n] : chunk;
      if (drive.isDataIn()) {
        pioSetup(n);
        drive.takeBlock(chunk, 0, n);
        toMemory(chunk, 0, n);
      } else if (drive instanceof AtapiCdrom cdrom && cdrom.wantsPacket()) {
        memory.read(table + TABLE_PACKET, chunk, 0, n);
        drive.giveBlock(chunk, 0, n);
      } else {
        Arrays.fill(chunk, 0, n, (byte) 0);
        fromMemory(chunk, 0, n);
        drive.giveBlock(chunk, 0, n);
      }
    }
    settling = false;
    if (slot != NO_SLOT && drive.phase == AtaDrive.IDLE) {
      boolean failed = (drive.status & AtaDrive.STATUS_ERR) != 0;
      deviceToHost(true);
      if (failed) {
        slot = NO_SLOT; // PxCI keeps the bit: that is how software finds the culprit
        registers[IS] |= IS_TASK_FILE_ERROR;
        interruptChanged.run();
      } else {
        finish();
        startNext();
      }
    }
  }

  private void finish() {
    long header = pair(CLB) + (long) slot * HEADER_BYTES;
    memory.writeValue(header + 4, moved, 4);
    registers[CI] &= ~(1 << slot);
    slot = NO_SLOT;
  }

  private void deviceToHost(boolean withInterrupt) {
    registers[TFD] = drive.status | drive.error << 8;
    registers[SIG] = drive instanceof AtapiCdrom ? SIGNATURE_CDROM : SIGNATURE_DISK;
    byte[] fis = new byte[FIS_BYTES];
    fis[0] = FIS_DEVICE_TO_HOST;
    fis[1] = (byte) (withInterrupt ? 0x40 : 0);
    fillRegisters(fis);
    store(AREA_D2H, fis);
    if (withInterrupt) {
      registers[IS] |= IS_D2H;
      interruptChanged.run();
    }
  }

  private void pioSetup(int bytes) {
    byte[] fis = new byte[FIS_BYTES];
    fis[0] = FIS_PIO_SETUP;
    fis[1] = 0x60;
    fillRegisters(fis);
    fis[15] = AtaDrive.STATUS_DRDY | AtaDrive.STATUS_DSC;
    fis[16] = (byte) bytes;
    fis[17] = (byte) (bytes >>> 8);
    store(AREA_PIO_SETUP, fis);
    registers[IS] |= IS_PIO_SETUP;
    interruptChanged.run();
  }

  private void fillRegisters(byte[] fis) {
    fis[2] = (byte) drive.status;
    fis[3] = (byte) drive.error;
    fis[4] = (byte) drive.lbaLow;
    fis[5] = (byte) drive.lbaMid;
    fis[6] = (byte) drive.lbaHigh;
    fis[7] = (byte) drive.device;
    fis[8] = (byte) drive.previousLow;
    fis[9] = (byte) drive.previousMid;
    fis[10] = (byte) drive.previousHigh;
    fis[12] = (byte) drive.count;
    fis[13] = (byte) drive.previousCount;
  }

  private void store(int area, byte[] fis) {
    if ((registers[CMD] & CMD_FIS_ENABLE) != 0) {
      memory.write(pair(FB) + area, fis, 0, FIS_BYTES);
    }
  }

  // The drive's host.

  @Override
  public void interrupt(AtaDrive from) {
    settle();
  }

  @Override
  public void dataRequest(AtaDrive from) {
    settle();
  }

  @Override
  public void dmaRequest(AtaDrive from) {
    from.dmaGranted();
  }

  @Override
  public void dmaEnded(AtaDrive from) {
    // The interrupt that follows ends the command.
    if (from.phase == AtaDrive.IDLE) {
      settle();
    }
  }

  @Override
  Runnable place() {
    int oldRegion = region;
    int oldOffset = regionOffset;
    int oldMoved = moved;
    return () -> {
      region = oldRegion;
      regionOffset = oldOffset;
      moved = oldMoved;
    };
  }

  @Override
  int move(int length, Step step) {
    int done = 0;
    while (done < length && region < regions) {
      long entry = table + TABLE_REGIONS + (long) region * REGION_BYTES;
      long address = memory.readValue(entry, 8) & ~1L;
      int size = ((int) memory.readValue(entry + 12, 4) & 0x3f_ffff) + 1;
      int n = Math.min(length - done, size - regionOffset);
      if (n > 0) {
        step.at(address + regionOffset, done, n);
        done += n;
        regionOffset += n;
      }
      if (regionOffset >= size) {
        region++;
        regionOffset = 0;
      }
    }
    moved += done;
    return done;
  }

  // State.

  State save() {
    return new State(registers.clone(), slot, table, regions, region, regionOffset, moved);
  }

  static void check(State s) {
    if (s.registers.length != REGISTERS
        || s.slot < NO_SLOT
        || s.slot >= SLOTS
        || s.regions < 0
        || s.regions > 0xffff
        || s.region < 0
        || s.regionOffset < 0
        || s.regionOffset > 0x3f_ffff) {
      throw new IllegalArgumentException("port: out of range");
    }
  }

  void load(State s) {
    check(s);
    System.arraycopy(s.registers, 0, registers, 0, REGISTERS);
    slot = drive == null ? NO_SLOT : s.slot;
    table = s.table;
    regions = s.regions;
    region = s.region;
    regionOffset = s.regionOffset;
    moved = s.moved;
  }

  void reset() {
    Arrays.fill(registers, 0);
    registers[CMD] = CMD_INITIAL;
    registers[SIG] = drive == null ? -1 : 0;
    registers[TFD] = NO_DRIVE;
    registers[SSTS] = drive == null ? 0 : LINK_UP;
    slot = NO_SLOT;
    table = 0;
    regions = 0;
    region = 0;
    regionOffset = 0;
    moved = 0;
    if (drive != null) {
      drive.resetTransfer();
    }
  }
}
