package org.tuber.devices.storage;

import java.util.Arrays;
import java.util.concurrent.Executor;
import org.tuber.core.backend.BlockBackend;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.dma.I8237Dma;

/**
 * Intel 82077AA floppy disk controller with two drives, ports 3F0H to 3F5H and 3F7H, interrupt 6,
 * DMA channel 2.
 *
 * <p>Data sheet 290166-007, chapters 2, 4 and 5. DMA and programmed transfers of whole 512-byte
 * sectors, multi-track, format. Deviations: nothing takes time; no scan commands, no tape, no
 * overrun; the data rate is not compared with the medium's; deleted data marks are not kept.
 */
public final class I82077Fdc implements Snapshottable<I82077Fdc.State> {
  /** Ports from 3F0H. */
  public static final int PORTS_BYTES = 6;

  /** Number of drives. */
  public static final int DRIVES = 2;

  private static final int SECTOR_BYTES = BlockBackend.SECTOR_BYTES;
  private static final int DMA_CHANNEL = 2;

  private static final int DOR_NOT_RESET = 0x04;
  private static final int DOR_DMA_GATE = 0x08;
  private static final int MSR_RQM = 0x80;
  private static final int MSR_DIO = 0x40;
  private static final int MSR_NON_DMA = 0x20;
  private static final int MSR_BUSY = 0x10;
  private static final int DSR_RESET = 0x80;
  private static final int DIR_CHANGED = 0x80;

  private static final int ST0_ABNORMAL = 0x40;
  private static final int ST0_INVALID = 0x80;
  private static final int ST0_POLLING = 0xc0;
  private static final int ST0_SEEK_END = 0x20;
  private static final int ST1_END_OF_CYLINDER = 0x80;
  private static final int ST1_DATA_ERROR = 0x20;
  private static final int ST1_NO_DATA = 0x04;
  private static final int ST1_NOT_WRITABLE = 0x02;
  private static final int ST1_MISSING_MARK = 0x01;
  private static final int ST3_WRITE_PROTECTED = 0x40;
  private static final int ST3_TRACK0 = 0x10;
  private static final int ST3_FIXED = 0x28;

  // Phases.
  private static final int COMMAND = 0;
  private static final int EXECUTION_IN = 1;
  private static final int EXECUTION_OUT = 2;
  private static final int RESULT = 3;
  private static final int BUSY = 4;

  private static final int MAX_COMMAND_BYTES = 16;

  /**
   * State; drives have their own.
   *
   * @param dor digital output register
   * @param tdr tape drive register
   * @param dsr data rate select register
   * @param phase phase of the command
   * @param fifo command, result or sector
   * @param position next byte of it
   * @param length bytes of command, result or sector
   * @param command opcode and parameters
   * @param interrupt the interrupt line
   * @param senses status bytes that SENSE INTERRUPT STATUS will give, one for each drive
   * @param noDma SPECIFY chose programmed transfers
   * @param specify parameters of SPECIFY
   * @param configure parameters of CONFIGURE
   * @param perpendicular parameter of PERPENDICULAR MODE
   * @param locked LOCK
   * @param cylinder cylinder of the transfer
   * @param head head of the transfer
   * @param sector sector of the transfer
   */
  public record State(
      int dor,
      int tdr,
      int dsr,
      int phase,
      byte[] fifo,
      int position,
      int length,
      byte[] command,
      boolean interrupt,
      int[] senses,
      boolean noDma,
      int specify,
      int configure,
      int perpendicular,
      boolean locked,
      int cylinder,
      int head,
      int sector) {}

  private final class Ports implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      return switch ((int) offset) {
        case 0 -> statusA();
        case 1 -> 0xc0 | (dor & 1) << 5 | dor >>> 4 & 3; // motors; nothing toggles
        case 2 -> dor;
        case 3 -> tdr;
        case 4 -> mainStatus();
        default -> readFifo();
      };
    }

    @Override
    public void write(long offset, long value, int size) {
      int v = (int) value & 0xff;
      switch ((int) offset) {
        case 2 -> writeDor(v);
        case 3 -> tdr = v & 3;
        case 4 -> writeDsr(v);
        case 5 -> writeFifo(v);
        default -> {
          // Status registers are read-only.
        }
      }
    }

    @Override
    public int maxAccessSize() {
      return 1;
    }
  }

  private final class RatePort implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      FloppyDrive drive = drives[dor & 1];
      return (dor & 2) == 0 && (drive == null || drive.isChanged()) ? DIR_CHANGED : 0;
    }

    @Override
    public void write(long offset, long value, int size) {
      dsr = dsr & ~3 | (int) value & 3;
    }

    @Override
    public int maxAccessSize() {
      return 1;
    }
  }

  private final IrqLine irq;
  private final I8237Dma dma;
  private final FloppyDrive[] drives = new FloppyDrive[DRIVES];
  private final PendingRequest request;
  private final OnceLog log = new OnceLog("fdc");
  private final Ports ports = new Ports();
  private final RatePort ratePort = new RatePort();
  private final byte[] fifo = new byte[SECTOR_BYTES];
  private final byte[] command = new byte[MAX_COMMAND_BYTES];
  private final int[] senses = new int[4];
  private int dor;
  private int tdr;
  private int dsr;
  private int phase;
  private int position;
  private int length;
  private boolean interrupt;
  private boolean noDma;
  private int specify;
  private int configure;
  private int perpendicular;
  private boolean locked;
  private int cylinder;
  private int head;
  private int sector;

  /**
   * A controller without drives.
   *
   * @param irq interrupt 6
   * @param dma its channel 2 moves the data
   * @param eventLoop runs answers of images under the device lock
   */
  public I82077Fdc(IrqLine irq, I8237Dma dma, Executor eventLoop) {
    this.irq = irq;
    this.dma = dma;
    this.request = new PendingRequest(eventLoop, this::answered);
    reset();
  }

  /** Connects a drive as number 0 or 1. */
  public void attach(int number, FloppyDrive drive) {
    if (drives[number] != null) {
      throw new IllegalArgumentException("floppy " + number + " is taken");
    }
    drives[number] = drive;
  }

  /** A drive, or null. */
  public FloppyDrive drive(int number) {
    return drives[number];
  }

  /** Ports 3F0H to 3F5H. */
  public MmioDevice ports() {
    return ports;
  }

  /** Port 3F7H. */
  public MmioDevice ratePort() {
    return ratePort;
  }

  // Registers.

  private int statusA() {
    FloppyDrive drive = drives[0];
    boolean atTrack0 = drive != null && drive.track() == 0;
    boolean secondMissing = drives[1] == null;
    return (interrupt ? 0x80 : 0) | (secondMissing ? 0x40 : 0) | (atTrack0 ? 0 : 0x10) | 0x06;
  }

  private int mainStatus() {
    if ((dor & DOR_NOT_RESET) == 0) {
      return 0;
    }
    return switch (phase) {
      case EXECUTION_IN -> MSR_RQM | MSR_DIO | MSR_NON_DMA | MSR_BUSY;
      case EXECUTION_OUT -> MSR_RQM | MSR_NON_DMA | MSR_BUSY;
      case RESULT -> MSR_RQM | MSR_DIO | MSR_BUSY;
      case BUSY -> MSR_BUSY;
      default -> MSR_RQM | (position > 0 ? MSR_BUSY : 0);
    };
  }

  private void writeDor(int v) {
    boolean leavesReset = (v & ~dor & DOR_NOT_RESET) != 0;
    boolean entersReset = (~v & dor & DOR_NOT_RESET) != 0;
    dor = v;
    if (entersReset) {
      softReset();
    } else if (leavesReset) {
      afterReset();
    }
  }

  private void writeDsr(int v) {
    dsr = v & 0x7f;
    if ((v & DSR_RESET) != 0 && (dor & DOR_NOT_RESET) != 0) {
      softReset();
      afterReset();
    }
  }

  private void softReset() {
    request.forget();
    phase = COMMAND;
    position = 0;
    length = 0;
    noDma = false;
    if (!locked) {
      configure = 0;
    }
    Arrays.fill(senses, 0);
    setInterrupt(false);
  }

  /** Polling finds all four drives changed: four senses wait. */
  private void afterReset() {
    for (int i = 0; i < senses.length; i++) {
      senses[i] = ST0_POLLING | i;
    }
    setInterrupt(true);
  }

  private void setInterrupt(boolean on) {
    interrupt = on;
    irq.set(on && (dor & DOR_DMA_GATE) != 0);
  }

  private int readFifo() {
    if (phase == RESULT) {
      setInterrupt(false);
      int v = fifo[position++] & 0xff;
      if (position >= length) {
        commandPhase();
      }
      return v;
    }
    if (phase == EXECUTION_IN) {
      int v = fifo[position++] & 0xff;
      if (position >= SECTOR_BYTES) {
        setInterrupt(false);
        nextSector(false);
      }
      return v;
    }
    return 0;
  }

  private void writeFifo(int v) {
    if ((dor & DOR_NOT_RESET) == 0) {
      return;
    }
    if (phase == EXECUTION_OUT) {
      fifo[position++] = (byte) v;
      if (position >= SECTOR_BYTES) {
        setInterrupt(false);
        writeSector();
      }
    } else if (phase == COMMAND) {
      if (position == 0) {
        length = commandBytes(v);
      }
      command[position++] = (byte) v;
      if (position >= length) {
        position = 0;
        execute();
      }
    }
  }

  private void commandPhase() {
    phase = COMMAND;
    position = 0;
    length = 0;
  }

  /** Bytes of a command, the opcode included. */
  private static int commandBytes(int opcode) {
    return switch (opcode & 0x1f) {
      case 0x02, 0x05, 0x06, 0x09, 0x0c, 0x16 -> 9;
      case 0x0d -> 6;
      case 0x0e -> opcode == 0x4e ? 16 : 1; // RESTORE: 17 bytes, the last of which says nothing
      case 0x03, 0x0f -> 3;
      case 0x04, 0x07, 0x0a, 0x12 -> 2;
      case 0x13 -> 4;
      default -> 1;
    };
  }

  // Commands.

  private int parameter(int n) {
    return command[n] & 0xff;
  }

  private FloppyDrive selected() {
    int unit = parameter(1) & 3;
    return unit < DRIVES ? drives[unit] : null;
  }

  private void execute() {
    int opcode = parameter(0);
    switch (opcode & 0x1f) {
      case 0x03 -> {
        specify = parameter(1) | parameter(2) << 8;
        noDma = (parameter(2) & 1) != 0;
        commandPhase();
      }
      case 0x04 -> result(driveStatus());
      case 0x07 -> seek(0);
      case 0x08 -> senseInterrupt();
      case 0x0a -> readId();
      case 0x0d -> format();
      case 0x02, 0x05, 0x06, 0x09, 0x0c, 0x16 -> transfer();
      case 0x0e -> {
        if (opcode == 0x0e) {
          dumpRegisters();
        } else if (opcode == 0x4e) {
          commandPhase();
        } else {
          invalid();
        }
      }
      case 0x0f -> {
        FloppyDrive drive = selected();
        int track = drive == null ? 0 : drive.track();
        boolean relative = (opcode & 0x80) != 0;
        boolean inward = (opcode & 0x40) != 0;
        int steps = parameter(2);
        seek(relative ? Math.max(0, inward ? track + steps : track - steps) : steps);
      }
      case 0x10 -> result(0x90);
      case 0x12 -> {
        perpendicular = parameter(1);
        commandPhase();
      }
      case 0x13 -> {
        configure = parameter(2);
        commandPhase();
      }
      case 0x14 -> {
        locked = (opcode & 0x80) != 0;
        result(locked ? 0x10 : 0);
      }
      case 0x18 -> result(0x41); // PART ID: stepping 1
      default -> invalid();
    }
  }

  private void invalid() {
    log.unimplemented("command", 5, parameter(0));
    result(ST0_INVALID);
  }

  /** Gives result bytes without interrupt. */
  private void result(int... bytes) {
    for (int i = 0; i < bytes.length; i++) {
      fifo[i] = (byte) bytes[i];
    }
    phase = RESULT;
    position = 0;
    length = bytes.length;
  }

  private int driveStatus() {
    FloppyDrive drive = selected();
    int status = ST3_FIXED | parameter(1) & 7;
    if (drive != null) {
      status |= drive.track() == 0 ? ST3_TRACK0 : 0;
      status |= drive.isWriteProtected() ? ST3_WRITE_PROTECTED : 0;
    }
    return status;
  }

  private void seek(int track) {
    int unit = parameter(1) & 3;
    FloppyDrive drive = selected();
    commandPhase();
    int status = ST0_SEEK_END | unit | parameter(1) & 4;
    if (drive != null) {
      drive.seek(track);
    } else if (track == 0) {
      status |= ST0_ABNORMAL | 0x10; // no track 0 found
    }
    senses[unit] = status;
    setInterrupt(true);
  }

  private void senseInterrupt() {
    for (int i = 0; i < senses.length; i++) {
      int sense = senses[i];
      if (sense != 0) {
        senses[i] = 0;
        setInterrupt(false);
        FloppyDrive drive = i < DRIVES ? drives[i] : null;
        result(sense, drive == null ? 0 : drive.track());
        return;
      }
    }
    setInterrupt(false);
    result(ST0_INVALID);
  }

  private void dumpRegisters() {
    int track0 = drives[0] == null ? 0 : drives[0].track();
    int track1 = drives[1] == null ? 0 : drives[1].track();
    int sectors = drives[0] == null ? 0 : drives[0].sectorsPerTrack();
    int lockByte = (locked ? 0x80 : 0) | perpendicular & 0x7f;
    result(track0, track1, 0, 0, specify & 0xff, specify >>> 8, sectors, lockByte, configure, 0);
  }

  private void readId() {
    FloppyDrive drive = selected();
    head = parameter(1) >>> 2 & 1;
    if (drive == null || drive.medium() == null || head >= drive.heads()) {
      end(ST0_ABNORMAL, ST1_MISSING_MARK);
      return;
    }
    cylinder = drive.track();
    sector = 1;
    end(0, 0);
  }

  private void format() {
    FloppyDrive drive = selected();
    head = parameter(1) >>> 2 & 1;
    cylinder = drive == null ? 0 : drive.track();
    sector = 1;
    if (drive == null || drive.medium() == null) {
      end(ST0_ABNORMAL, ST1_MISSING_MARK);
    } else if (drive.isWriteProtected()) {
      end(ST0_ABNORMAL, ST1_NOT_WRITABLE);
    } else {
      formatTrack(drive);
    }
  }

  /** All sectors of the track get the filler; their addresses, which come by DMA, are the usual. */
  private void formatTrack(FloppyDrive drive) {
    int sectors = Math.min(parameter(3), drive.sectorsPerTrack());
    byte[] addresses = new byte[4 * parameter(3)];
    dma.fromMemory(DMA_CHANNEL, addresses, 0, addresses.length);
    long offset = drive.offset(cylinder, head, 1);
    long bytes = (long) sectors * SECTOR_BYTES;
    if (offset < 0 || sectors == 0 || offset + bytes > drive.medium().lengthBytes()) {
      end(ST0_ABNORMAL, ST1_NO_DATA);
      return;
    }
    byte[] track = new byte[(int) bytes];
    Arrays.fill(track, command[5]);
    phase = BUSY;
    request.write(drive.medium(), offset, track, 0, track.length);
  }

  // Transfers.

  private boolean writes() {
    int opcode = parameter(0) & 0x1f;
    return opcode == 0x05 || opcode == 0x09;
  }

  private boolean verifies() {
    return (parameter(0) & 0x1f) == 0x16;
  }

  private void transfer() {
    FloppyDrive drive = selected();
    cylinder = parameter(2);
    head = parameter(3) & 1;
    sector = parameter(4);
    if ((parameter(0) & 0x1f) == 0x02) {
      sector = 1; // READ TRACK begins at the index hole
    }
    if (drive == null || drive.medium() == null) {
      end(ST0_ABNORMAL, ST1_MISSING_MARK);
      return;
    }
    if ((configure & 0x40) != 0) {
      drive.seek(cylinder);
    }
    if (cylinder != drive.track() || parameter(5) != 2) {
      end(ST0_ABNORMAL, ST1_NO_DATA);
    } else if (writes() && drive.isWriteProtected()) {
      end(ST0_ABNORMAL, ST1_NOT_WRITABLE);
    } else {
      beginSector();
    }
  }

  private long place() {
    FloppyDrive drive = selected();
    if (drive == null || drive.medium() == null) {
      return -1;
    }
    long offset = drive.offset(cylinder, head, sector);
    return offset + SECTOR_BYTES > drive.medium().lengthBytes() ? -1 : offset;
  }

  private boolean usesDma() {
    return !noDma && (dor & DOR_DMA_GATE) != 0;
  }

  private void beginSector() {
    long offset = place();
    if (offset < 0) {
      end(ST0_ABNORMAL, ST1_NO_DATA);
      return;
    }
    position = 0;
    if (!writes()) {
      phase = BUSY;
      request.read(selected().medium(), offset, fifo, 0, SECTOR_BYTES);
    } else if (usesDma()) {
      Arrays.fill(fifo, (byte) 0);
      int n = dma.fromMemory(DMA_CHANNEL, fifo, 0, SECTOR_BYTES);
      if (n == 0) {
        end(0, 0);
      } else {
        writeSector();
      }
    } else {
      phase = EXECUTION_OUT;
      setInterrupt(true);
    }
  }

  private void writeSector() {
    long offset = place();
    if (offset < 0) {
      end(ST0_ABNORMAL, ST1_NO_DATA);
      return;
    }
    phase = BUSY;
    request.write(selected().medium(), offset, fifo, 0, SECTOR_BYTES);
  }

  private void answered(boolean success) {
    if (!success) {
      end(ST0_ABNORMAL, ST1_DATA_ERROR);
    } else if ((parameter(0) & 0x1f) == 0x0d) {
      end(0, 0);
    } else if (writes()) {
      nextSector(usesDma() && !dma.isReady(DMA_CHANNEL));
    } else if (verifies()) {
      nextSector(false);
    } else if (usesDma()) {
      int n = dma.toMemory(DMA_CHANNEL, fifo, 0, SECTOR_BYTES);
      if (n == 0) {
        end(0, 0);
      } else {
        nextSector(n < SECTOR_BYTES || !dma.isReady(DMA_CHANNEL));
      }
    } else {
      phase = EXECUTION_IN;
      position = 0;
      setInterrupt(true);
    }
  }

  /** Goes on with the next sector, unless the terminal count or the last sector was reached. */
  private void nextSector(boolean terminalCount) {
    boolean multiTrack = (parameter(0) & 0x80) != 0;
    boolean lastOfTrack = sector == parameter(6);
    FloppyDrive drive = selected();
    int heads = drive == null ? 2 : drive.heads();
    boolean over = false;
    if (!lastOfTrack) {
      sector = sector + 1 & 0xff;
    } else {
      sector = 1;
      if (multiTrack && head == 0 && heads > 1) {
        head = 1;
      } else {
        head = multiTrack ? 0 : head;
        cylinder = cylinder + 1 & 0xff;
        over = true;
      }
    }
    if (terminalCount) {
      end(0, 0);
    } else if (over) {
      // Without terminal count the end of the track is an abnormal end, except for programmed
      // transfers, which have no other.
      boolean expected = verifies() || !usesDma();
      end(expected ? 0 : ST0_ABNORMAL, expected ? 0 : ST1_END_OF_CYLINDER);
    } else {
      beginSector();
    }
  }

  /** Ends a transfer with its seven result bytes and an interrupt. */
  private void end(int status0, int status1) {
    result(status0 | parameter(1) & 3 | head << 2, status1, 0, cylinder, head, sector, 2);
    setInterrupt(true);
  }

  // State.

  @Override
  public State save() {
    return new State(
        dor,
        tdr,
        dsr,
        phase,
        fifo.clone(),
        position,
        length,
        command.clone(),
        interrupt,
        senses.clone(),
        noDma,
        specify,
        configure,
        perpendicular,
        locked,
        cylinder,
        head,
        sector);
  }

  @Override
  public void load(State s) {
    if (s.fifo.length != SECTOR_BYTES
        || s.command.length != MAX_COMMAND_BYTES
        || s.senses.length != senses.length) {
      throw new IllegalArgumentException("fifo, command or senses: length");
    }
    int most = s.phase == COMMAND ? MAX_COMMAND_BYTES : SECTOR_BYTES;
    boolean sectorPhase = s.phase == EXECUTION_IN || s.phase == EXECUTION_OUT;
    if (s.phase < COMMAND
        || s.phase > BUSY
        || s.length < 0
        || s.length > most
        || s.position < 0
        || sectorPhase && s.position >= SECTOR_BYTES
        || s.phase == COMMAND && s.position > 0 && s.position >= s.length
        || s.phase == RESULT && s.position >= s.length
        || s.position > SECTOR_BYTES) {
      throw new IllegalArgumentException("phase, position or length: out of range");
    }
    boolean wide =
        ((s.dor | s.tdr | s.dsr | s.configure | s.perpendicular | s.cylinder | s.sector) & ~0xff)
            != 0;
    if (wide || (s.head & ~1) != 0 || (s.specify & ~0xffff) != 0) {
      throw new IllegalArgumentException("a register is out of range");
    }
    for (int sense : s.senses) {
      if ((sense & ~0xff) != 0) {
        throw new IllegalArgumentException("senses: out of range");
      }
    }
    request.forget();
    dor = s.dor;
    tdr = s.tdr;
    dsr = s.dsr;
    phase = s.phase;
    System.arraycopy(s.fifo, 0, fifo, 0, SECTOR_BYTES);
    position = s.position;
    length = s.length;
    System.arraycopy(s.command, 0, command, 0, MAX_COMMAND_BYTES);
    System.arraycopy(s.senses, 0, senses, 0, senses.length);
    noDma = s.noDma;
    specify = s.specify;
    configure = s.configure;
    perpendicular = s.perpendicular;
    locked = s.locked;
    cylinder = s.cylinder;
    head = s.head;
    sector = s.sector;
    setInterrupt(s.interrupt);
    if (phase == BUSY) {
      resume();
    }
  }

  /** Begins the sector again in whose midst the state was saved. */
  private void resume() {
    if (selected() == null || selected().medium() == null) {
      end(ST0_ABNORMAL, ST1_MISSING_MARK);
    } else if ((parameter(0) & 0x1f) == 0x0d) {
      formatTrack(selected());
    } else if (writes()) {
      writeSector();
    } else {
      beginSector();
    }
  }

  @Override
  public void reset() {
    request.forget();
    dor = DOR_NOT_RESET | DOR_DMA_GATE;
    tdr = 0;
    dsr = 2;
    locked = false;
    specify = 0;
    perpendicular = 0;
    cylinder = 0;
    head = 0;
    sector = 0;
    Arrays.fill(fifo, (byte) 0);
    Arrays.fill(command, (byte) 0);
    softReset();
    configure = 0;
  }
}
