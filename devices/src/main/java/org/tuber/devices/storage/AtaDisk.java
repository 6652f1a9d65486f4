package org.tuber.devices.storage;

import java.util.concurrent.Executor;
import org.tuber.core.backend.BlockBackend;
import org.tuber.core.snapshot.Snapshottable;

/**
 * An ATA hard disk over a disk image.
 *
 * <p>ATA/ATAPI-7 volume 1, chapter 6; DATA SET MANAGEMENT from ACS-2, 7.10. CHS, 28-bit and 48-bit
 * addressing, PIO, multiple-sector and DMA transfers, flush, TRIM, SMART as far as a healthy disk
 * shows it. Deviations: no security, no host-protected area, no queued commands, power modes are
 * accepted and change nothing; registers 2 to 5 hold the address of the chunk that failed, not of
 * its sector.
 */
public final class AtaDisk extends AtaDrive implements Snapshottable<AtaDisk.State> {
  private static final int SECTOR_BYTES = BlockBackend.SECTOR_BYTES;
  private static final int MAX_MULTIPLE = 16;
  private static final int CHUNK_SECTORS = BUFFER_BYTES / SECTOR_BYTES;

  /** Read while the guest waits at its register: 1 MiB. */
  private static final int AT_ONCE_SECTORS = 2048;

  private static final int TRIM_RANGE_BYTES = 8;
  private static final int MAX_TRIM_BLOCKS = 8;
  private static final String MODEL = "QEMU HARDDISK";
  private static final String FIRMWARE = "2.5+";

  // Operations.
  private static final int PIO_READ = 1;
  private static final int PIO_WRITE = 2;
  private static final int DMA_READ = 3;
  private static final int DMA_WRITE = 4;
  private static final int FLUSH = 5;
  private static final int TRIM = 6;
  private static final int ANSWER = 7;
  private static final int OPERATIONS = 8;

  /**
   * State; the image is the board's.
   *
   * @param transfer registers and buffer
   * @param sector first sector of the present chunk
   * @param sectorsLeft sectors of the command from there
   * @param pioSectors sectors of a block
   * @param multiple SET MULTIPLE MODE, 0 for off
   * @param writeCache the write cache is on
   * @param forceUnit every write of the command is flushed
   * @param smart SMART is on
   * @param transferMode SET FEATURES transfer mode
   * @param trimOffset next range of a TRIM in the buffer
   */
  public record State(
      Transfer transfer,
      long sector,
      int sectorsLeft,
      int pioSectors,
      int multiple,
      boolean writeCache,
      boolean forceUnit,
      boolean smart,
      int transferMode,
      int trimOffset) {}

  private final BlockBackend disk;
  private final DiskGeometry geometry;
  private final String serial;
  private long totalSectors;
  private long sector;
  private int sectorsLeft;
  private int pioSectors = 1;
  private int multiple = MAX_MULTIPLE;
  private boolean writeCache = true;
  private boolean forceUnit;
  private boolean smart = true;
  private int transferMode;
  private int trimOffset;

  /**
   * A disk.
   *
   * @param disk its image
   * @param serial serial number
   * @param eventLoop runs answers of the image under the device lock
   */
  public AtaDisk(BlockBackend disk, String serial, Executor eventLoop) {
    super("ata-disk", eventLoop);
    this.disk = disk;
    this.serial = serial;
    this.geometry = DiskGeometry.of(disk);
    this.totalSectors = disk.lengthBytes() / SECTOR_BYTES;
    // A drive does not grow by itself: the guest sees it when it asks again (IDENTIFY DEVICE).
    disk.onResize(() -> eventLoop.execute(() -> totalSectors = disk.lengthBytes() / SECTOR_BYTES));
    resetTransfer();
  }

  /** What IDENTIFY DEVICE says of cylinders, heads and sectors. */
  public DiskGeometry geometry() {
    return geometry;
  }

  @Override
  void signature() {
    count = 1;
    lbaLow = 1;
    lbaMid = 0;
    lbaHigh = 0;
    sector = 0;
    sectorsLeft = 0;
    pioSectors = 1;
    forceUnit = false;
    trimOffset = 0;
  }

  // Commands.

  @Override
  void execute(int command) {
    error = 0;
    status &= ~(STATUS_ERR | STATUS_DF);
    forceUnit = false;
    switch (command) {
      case 0x20, 0x21 -> transfer(PIO_READ, false, 1);
      case 0x24 -> transfer(PIO_READ, true, 1);
      case 0x30, 0x31 -> transfer(PIO_WRITE, false, 1);
      case 0x34 -> transfer(PIO_WRITE, true, 1);
      case 0xc4 -> transferMultiple(PIO_READ, false);
      case 0x29 -> transferMultiple(PIO_READ, true);
      case 0xc5 -> transferMultiple(PIO_WRITE, false);
      case 0x39 -> transferMultiple(PIO_WRITE, true);
      case 0xc8, 0xc9 -> transfer(DMA_READ, false, 1);
      case 0x25 -> transfer(DMA_READ, true, 1);
      case 0xca, 0xcb -> transfer(DMA_WRITE, false, 1);
      case 0x35 -> transfer(DMA_WRITE, true, 1);
      case 0x3d -> {
        forceUnit = true;
        transfer(DMA_WRITE, true, 1);
      }
      case 0xce -> {
        forceUnit = true;
        transferMultiple(PIO_WRITE, true);
      }
      case 0x40, 0x41 -> verify(false);
      case 0x42 -> verify(true);
      case 0xe7, 0xea -> flush();
      case 0x06 -> dataSetManagement();
      case 0xec -> answer(identify());
      case 0xa1 -> {
        // A packet command to a disk is refused, with the signature that tells the kind of drive.
        signature();
        fail(ERROR_ABRT);
      }
      case 0xef -> setFeatures();
      case 0xc6 -> setMultiple();
      case 0xb0 -> smart();
      case 0xf8 -> nativeMax(false);
      case 0x27 -> nativeMax(true);
      case 0x90 -> {
        signature();
        rest();
        error = 1;
        host.interrupt(this);
      }
      case 0xe5, 0x98 -> {
        count = 0xff; // active or idle
        complete();
      }
      case 0x91, 0x70, 0xe0, 0xe1, 0xe2, 0xe3, 0xe6, 0x94, 0x95, 0x96, 0x97, 0x99 -> complete();
      default -> {
        if ((command & 0xf0) == 0x10) {
          complete(); // RECALIBRATE
        } else {
          if (command != 0) {
            log.unimplemented("command", 7, command);
          }
          fail(ERROR_ABRT);
        }
      }
    }
  }

  /**
   * Reads the address registers; gives the sector count, or 0 when the range is not on the disk.
   */
  private int address(boolean wide) {
    int n;
    if (wide) {
      n = previousCount << 8 | count;
      n = n == 0 ? 0x1_0000 : n;
      sector =
          (long) previousHigh << 40
              | (long) previousMid << 32
              | (long) previousLow << 24
              | (long) lbaHigh << 16
              | lbaMid << 8
              | lbaLow;
    } else {
      n = count == 0 ? 0x100 : count;
      if ((device & DEVICE_LBA) != 0) {
        sector = (device & 0xfL) << 24 | lbaHigh << 16 | lbaMid << 8 | lbaLow;
      } else {
        int cylinder = lbaHigh << 8 | lbaMid;
        int head = device & 0xf;
        if (lbaLow == 0 || lbaLow > geometry.sectors() || head >= geometry.heads()) {
          return 0;
        }
        sector = ((long) cylinder * geometry.heads() + head) * geometry.sectors() + lbaLow - 1;
      }
    }
    return sector + n > totalSectors ? 0 : n;
  }

  private void transfer(int kind, boolean wide, int block) {
    int n = address(wide);
    if (n == 0) {
      fail(ERROR_IDNF | ERROR_ABRT);
      return;
    }
    if ((kind == PIO_WRITE || kind == DMA_WRITE) && disk.isReadOnly()) {
      fail(ERROR_ABRT);
      return;
    }
    operation = kind;
    sectorsLeft = n;
    pioSectors = block;
    switch (kind) {
      case PIO_READ -> readChunk();
      case PIO_WRITE -> ask(Math.min(n, block) * SECTOR_BYTES, false);
      default -> waitForDma();
    }
  }

  private void transferMultiple(int kind, boolean wide) {
    if (multiple == 0) {
      fail(ERROR_ABRT);
    } else {
      transfer(kind, wide, multiple);
    }
  }

  private int chunkBytes() {
    return Math.min(sectorsLeft, CHUNK_SECTORS) * SECTOR_BYTES;
  }

  private void readChunk() {
    busy();
    limit = chunkBytes();
    buffer(limit);
    request.read(disk, sector * SECTOR_BYTES, buffer, 0, limit);
  }

  private void writeBuffer() {
    busy();
    request.write(disk, sector * SECTOR_BYTES, buffer, 0, limit);
  }

  private void advance(int bytes) {
    sector += bytes / SECTOR_BYTES;
    sectorsLeft -= bytes / SECTOR_BYTES;
  }

  private void verify(boolean wide) {
    if (address(wide) == 0) {
      fail(ERROR_IDNF | ERROR_ABRT);
    } else {
      complete();
    }
  }

  private void flush() {
    operation = FLUSH;
    busy();
    request.flush(disk);
  }

  private void answer(byte[] data) {
    operation = ANSWER;
    buffer(data.length);
    System.arraycopy(data, 0, buffer, 0, data.length);
    offer(data.length, data.length);
  }

  private void dataSetManagement() {
    if ((feature & 1) == 0 || disk.isReadOnly()) {
      fail(ERROR_ABRT);
      return;
    }
    int blocks = previousCount << 8 | count;
    if (blocks < 1 || blocks > MAX_TRIM_BLOCKS) {
      fail(ERROR_ABRT);
      return;
    }
    operation = TRIM;
    sectorsLeft = blocks;
    trimOffset = 0;
    waitForDma();
  }

  private void trimNext() {
    while (trimOffset < limit) {
      long first = 0;
      for (int i = 5; i >= 0; i--) {
        first = first << 8 | buffer[trimOffset + i] & 0xff;
      }
      long length = (buffer[trimOffset + 6] & 0xff) | (buffer[trimOffset + 7] & 0xff) << 8;
      if (length != 0 && first + length > totalSectors) {
        fail(ERROR_IDNF | ERROR_ABRT);
        return;
      }
      if (length != 0) {
        busy();
        request.discard(disk, first * SECTOR_BYTES, length * SECTOR_BYTES);
        return;
      }
      trimOffset += TRIM_RANGE_BYTES;
    }
    complete();
  }

  private void setFeatures() {
    switch (feature) {
      case 0x02 -> writeCache = true;
      case 0x82 -> {
        writeCache = false;
        flush();
        return;
      }
      case 0x03 -> transferMode = count;
      case 0xcc, 0x66, 0xaa, 0x55, 0x05, 0x85, 0x69, 0x67, 0x96, 0x9a, 0x42, 0xc2 -> {
        // Power-on defaults, read look-ahead, power and acoustic management: nothing changes.
      }
      default -> {
        log.unimplemented("SET FEATURES", 1, feature);
        fail(ERROR_ABRT);
        return;
      }
    }
    complete();
  }

  private void setMultiple() {
    if (count > MAX_MULTIPLE || Integer.bitCount(count) > 1) {
      multiple = 0;
      fail(ERROR_ABRT);
    } else {
      multiple = count;
      complete();
    }
  }

  private void nativeMax(boolean wide) {
    long last = Math.max(0, totalSectors - 1);
    if (!wide) {
      last = Math.min(last, 0xfff_fffe);
      device = device & 0xf0 | (int) (last >>> 24) & 0xf;
    }
    lbaLow = (int) last & 0xff;
    lbaMid = (int) (last >>> 8) & 0xff;
    lbaHigh = (int) (last >>> 16) & 0xff;
    previousLow = (int) (last >>> 24) & 0xff;
    previousMid = (int) (last >>> 32) & 0xff;
    previousHigh = (int) (last >>> 40) & 0xff;
    complete();
  }

  private void smart() {
    if (lbaMid != 0x4f || lbaHigh != 0xc2 || !smart && feature != 0xd8) {
      fail(ERROR_ABRT);
      return;
    }
    switch (feature) {
      case 0xd8 -> {
        smart = true;
        complete();
      }
      case 0xd9 -> {
        smart = false;
        complete();
      }
      case 0xda, 0xd2, 0xdb -> complete(); // status: no threshold exceeded; autosave
      case 0xd0, 0xd1 -> answer(smartPage(feature == 0xd0));
      default -> fail(ERROR_ABRT);
    }
  }

  /** A page without attributes: revision and checksum only. */
  private static byte[] smartPage(boolean values) {
    byte[] page = new byte[SECTOR_BYTES];
    page[0] = 1;
    if (values) {
      page[362] = 2; // off-line collection was never started and completed
      page[372] = 2; // minutes a short self-test would take
    }
    putChecksum(page);
    return page;
  }

  private static void putChecksum(byte[] page) {
    int sum = 0;
    for (int i = 0; i < SECTOR_BYTES - 1; i++) {
      sum += page[i];
    }
    page[SECTOR_BYTES - 1] = (byte) -sum;
  }

  private byte[] identify() {
    byte[] d = new byte[SECTOR_BYTES];
    putWord(d, 0, 0x0040); // fixed drive
    putWord(d, 1, geometry.cylinders());
    putWord(d, 3, geometry.heads());
    putWord(d, 4, SECTOR_BYTES * geometry.sectors());
    putWord(d, 5, SECTOR_BYTES);
    putWord(d, 6, geometry.sectors());
    putText(d, 10, 20, serial);
    putWord(d, 20, 3);
    putWord(d, 21, 512);
    putWord(d, 22, 4);
    putText(d, 23, 8, FIRMWARE);
    putText(d, 27, 40, MODEL);
    putWord(d, 47, 0x8000 | MAX_MULTIPLE);
    putWord(d, 48, 1); // 32-bit data register
    putWord(d, 49, 0x0b00); // IORDY, LBA, DMA
    putWord(d, 51, 0x200);
    putWord(d, 52, 0x200);
    putWord(d, 53, 7); // words 54-58, 64-70 and 88 hold
    putWord(d, 54, geometry.cylinders());
    putWord(d, 55, geometry.heads());
    putWord(d, 56, geometry.sectors());
    int chs = geometry.cylinders() * geometry.heads() * geometry.sectors();
    putWord(d, 57, chs);
    putWord(d, 58, chs >>> 16);
    putWord(d, 59, multiple == 0 ? 0 : 0x100 | multiple);
    int narrow = (int) Math.min(totalSectors, 0xfff_ffff);
    putWord(d, 60, narrow);
    putWord(d, 61, narrow >>> 16);
    putWord(d, 63, 0x07 | selected(0x20)); // multiword DMA 0-2
    putWord(d, 64, 0x03); // PIO 3 and 4
    for (int w = 65; w <= 68; w++) {
      putWord(d, w, 120);
    }
    putWord(d, 69, 0x4000); // trimmed sectors may read as anything
    putWord(d, 80, 0xf0); // ATA/ATAPI-4 to -7
    putWord(d, 81, 0x16);
    putWord(d, 82, 0x4021 | 0x4000); // NOP, write cache, SMART
    putWord(d, 83, 0x7400); // flush, 48-bit
    putWord(d, 84, 0x4002 | 0x0040); // SMART self-test, FUA
    putWord(d, 85, 0x4000 | (writeCache ? 0x20 : 0) | (smart ? 1 : 0));
    putWord(d, 86, 0x3400);
    putWord(d, 87, 0x4002 | 0x0040);
    putWord(d, 88, 0x3f | selected(0x40)); // Ultra DMA 0-5
    putWord(d, 93, 0x6001 | 0x2000); // 80-conductor cable
    for (int i = 0; i < 4; i++) {
      putWord(d, 100 + i, (int) (totalSectors >>> (16 * i)));
    }
    putWord(d, 105, MAX_TRIM_BLOCKS);
    putWord(d, 106, 0x6000);
    putWord(d, 169, disk.isReadOnly() ? 0 : 1); // TRIM
    putWord(d, 217, 1); // does not rotate
    d[510] = (byte) 0xa5;
    putChecksum(d);
    return d;
  }

  private int selected(int kind) {
    return (transferMode & 0xf8) == kind ? 1 << 8 + (transferMode & 7) : 0;
  }

  // Protocols.

  @Override
  boolean isDma() {
    return operation == DMA_READ || operation == DMA_WRITE || operation == TRIM;
  }

  @Override
  void startDma() {
    switch (operation) {
      case DMA_READ -> dmaRead();
      case DMA_WRITE -> dmaOut();
      case TRIM -> {
        limit = sectorsLeft * SECTOR_BYTES;
        buffer(limit);
        if (host.fromMemory(buffer, 0, limit) < limit) {
          endDmaShort();
        } else {
          host.dmaEnded(this);
          trimNext();
        }
      }
      default -> rest();
    }
  }

  private void dmaOut() {
    limit = chunkBytes();
    buffer(limit);
    if (host.fromMemory(buffer, 0, limit) < limit) {
      endDmaShort();
    } else {
      writeBuffer();
    }
  }

  /** The host's list ended before the command: no interrupt, as hardware does it. */
  private void endDmaShort() {
    rest();
    host.dmaEnded(this);
  }

  @Override
  void blockRead() {
    if (position < limit) {
      nextBlockIn();
    } else if (operation == PIO_READ && sectorsLeft > limit / SECTOR_BYTES) {
      advance(limit);
      readChunk();
    } else {
      rest();
    }
  }

  @Override
  void blockWritten() {
    if (operation == PIO_WRITE) {
      writeBuffer();
    } else {
      rest();
    }
  }

  @Override
  void answered(boolean success) {
    if (!success) {
      boolean reading = operation == PIO_READ || operation == DMA_READ;
      if (isDma() && operation != TRIM) {
        host.dmaEnded(this);
      }
      fail(reading ? ERROR_UNC : ERROR_ABRT);
      return;
    }
    switch (operation) {
      case PIO_READ -> offer(limit, pioSectors * SECTOR_BYTES);
      case PIO_WRITE -> written();
      case DMA_READ -> dmaIn();
      case DMA_WRITE -> {
        advance(limit);
        if (sectorsLeft > 0) {
          dmaOut();
        } else {
          host.dmaEnded(this);
          endWrite();
        }
      }
      case TRIM -> {
        trimOffset += TRIM_RANGE_BYTES;
        trimNext();
      }
      default -> complete();
    }
  }

  private void written() {
    advance(limit);
    if (sectorsLeft > 0) {
      ask(Math.min(sectorsLeft, pioSectors) * SECTOR_BYTES, true);
    } else {
      endWrite();
    }
  }

  private void endWrite() {
    if (forceUnit || !writeCache) {
      flush();
    } else {
      complete();
    }
  }

  /** Reads on; what needs no waiting goes without the buffer. */
  private void dmaRead() {
    int atOnce = AT_ONCE_SECTORS;
    while (sectorsLeft > 0 && atOnce > 0) {
      int n = Math.min(sectorsLeft, atOnce);
      long offset = sector * SECTOR_BYTES;
      if (!host.toMemoryAtOnce(n * SECTOR_BYTES, pieces -> disk.readAtOnce(offset, pieces))) {
        break;
      }
      atOnce -= n;
      advance(n * SECTOR_BYTES);
    }
    if (sectorsLeft > 0) {
      readChunk();
    } else {
      host.dmaEnded(this);
      complete();
    }
  }

  private void dmaIn() {
    int bytes = limit;
    if (host.toMemory(buffer, 0, bytes) < bytes) {
      endDmaShort();
      return;
    }
    advance(bytes);
    dmaRead();
  }

  @Override
  void resume() {
    if (phase != BUSY) {
      return;
    }
    switch (operation) {
      case PIO_READ, DMA_READ -> readChunk();
      case PIO_WRITE, DMA_WRITE -> writeBuffer();
      case FLUSH -> flush();
      case TRIM -> trimNext();
      default -> rest();
    }
  }

  // State.

  @Override
  public State save() {
    return new State(
        saveTransfer(),
        sector,
        sectorsLeft,
        pioSectors,
        multiple,
        writeCache,
        forceUnit,
        smart,
        transferMode,
        trimOffset);
  }

  @Override
  public void load(State s) {
    check(s.transfer, OPERATIONS);
    long end = s.sector + s.sectorsLeft;
    if (s.sector < 0 || s.sectorsLeft < 0 || s.sectorsLeft > 0x1_0000 || end < 0) {
      throw new IllegalArgumentException("sector or sectorsLeft: out of range");
    }
    boolean moves = s.transfer.operation() >= PIO_READ && s.transfer.operation() <= DMA_WRITE;
    if (moves
        && (end > totalSectors
            || s.sectorsLeft == 0
            || s.transfer.buffer().length > (long) s.sectorsLeft * SECTOR_BYTES
            || s.transfer.buffer().length % SECTOR_BYTES != 0)) {
      throw new IllegalArgumentException("sector or sectorsLeft: not on this disk");
    }
    if (s.pioSectors < 1
        || s.pioSectors > MAX_MULTIPLE
        || s.multiple < 0
        || s.multiple > MAX_MULTIPLE
        || (s.transferMode & ~0xff) != 0) {
      throw new IllegalArgumentException("pioSectors, multiple or transferMode: out of range");
    }
    boolean trims = s.transfer.operation() == TRIM;
    if (s.trimOffset < 0
        || s.trimOffset % TRIM_RANGE_BYTES != 0
        || s.trimOffset > s.transfer.buffer().length && trims
        || s.trimOffset > BUFFER_BYTES
        || trims && (s.sectorsLeft > MAX_TRIM_BLOCKS || s.transfer.buffer().length % 8 != 0)) {
      throw new IllegalArgumentException("trimOffset: out of range");
    }
    request.forget();
    loadTransfer(s.transfer);
    sector = s.sector;
    sectorsLeft = s.sectorsLeft;
    pioSectors = s.pioSectors;
    multiple = s.multiple;
    writeCache = s.writeCache;
    forceUnit = s.forceUnit;
    smart = s.smart;
    transferMode = s.transferMode;
    trimOffset = s.trimOffset;
    resume();
  }

  @Override
  public void reset() {
    resetTransfer();
    multiple = MAX_MULTIPLE;
    writeCache = true;
    smart = true;
    transferMode = 0;
  }
}
