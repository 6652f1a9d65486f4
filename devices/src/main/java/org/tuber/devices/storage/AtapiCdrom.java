package org.tuber.devices.storage;

import java.util.concurrent.Executor;
import org.tuber.core.backend.BlockBackend;
import org.tuber.core.snapshot.Snapshottable;

/**
 * An ATAPI CD/DVD-ROM drive: {@link MmcDrive} behind the packet interface.
 *
 * <p>ATA/ATAPI-7 volume 1, PACKET and IDENTIFY PACKET DEVICE; INF-8020i for byte counts. Deviation:
 * overlapped commands are refused.
 */
public final class AtapiCdrom extends AtaDrive implements Snapshottable<AtapiCdrom.State> {
  private static final int PACKET_BYTES = 12;
  private static final int MAX_ANSWER_BYTES = 1 << 16;
  private static final int REASON_COMMAND = 1;
  private static final int REASON_TO_HOST = 2;
  private static final int FEATURE_DMA = 1;
  private static final int CHUNK_BLOCKS = 64;

  // Operations.
  private static final int NONE = 0;
  private static final int PACKET = 1;
  private static final int ANSWER = 2;
  private static final int READ = 3;
  private static final int PARAMETERS = 4;
  private static final int IDENTIFY = 5;
  private static final int OPERATIONS = 6;

  /**
   * State; the medium is the board's.
   *
   * @param transfer registers and buffer
   * @param drive tray, lock and sense
   * @param dma the command moves data by DMA
   * @param block next block to read
   * @param blocksLeft blocks left to read, those in the buffer included
   * @param sectorBytes 2048, or 2352 for raw sectors
   * @param byteCount the host's limit for one block of data
   * @param transferMode SET FEATURES transfer mode
   */
  public record State(
      Transfer transfer,
      MmcDrive.State drive,
      boolean dma,
      long block,
      int blocksLeft,
      int sectorBytes,
      int byteCount,
      int transferMode) {}

  private final MmcDrive drive;
  private boolean dma;
  private long block;
  private int blocksLeft;
  private int sectorBytes = MmcDrive.BLOCK_BYTES;
  private int byteCount;
  private int transferMode;

  /**
   * A drive.
   *
   * @param drive tray and command set
   * @param eventLoop runs answers of the image under the device lock
   */
  public AtapiCdrom(MmcDrive drive, Executor eventLoop) {
    super("atapi", eventLoop);
    this.drive = drive;
    resetTransfer();
  }

  /** Tray and medium. */
  public MmcDrive drive() {
    return drive;
  }

  @Override
  void signature() {
    count = 1;
    lbaLow = 1;
    lbaMid = 0x14;
    lbaHigh = 0xeb;
    status = 0;
    dma = false;
    block = 0;
    blocksLeft = 0;
    sectorBytes = MmcDrive.BLOCK_BYTES;
    byteCount = 0;
  }

  @Override
  void execute(int command) {
    error = 0;
    status &= ~(STATUS_ERR | STATUS_DF);
    switch (command) {
      case 0xa0 -> packet();
      case 0xa1 -> {
        operation = IDENTIFY;
        byte[] d = identify();
        buffer(d.length);
        System.arraycopy(d, 0, buffer, 0, d.length);
        offer(d.length, d.length);
      }
      case 0x08 -> resetTransfer();
      case 0x90 -> {
        rest();
        signature();
        error = 1;
        host.interrupt(this);
      }
      case 0xec, 0x20, 0x21 -> {
        // IDENTIFY DEVICE and READ are refused, with the signature of a packet device.
        signature();
        fail(ERROR_ABRT);
      }
      case 0xef -> {
        if (feature == 3) {
          transferMode = count;
        }
        complete();
      }
      case 0xe5, 0x98 -> {
        count = 0xff;
        complete();
      }
      case 0xe0, 0xe1, 0xe2, 0xe3, 0xe6, 0xe7, 0x94, 0x95, 0x96, 0x97, 0x99 -> complete();
      default -> {
        if (command != 0) {
          log.unimplemented("command", 7, command);
        }
        fail(ERROR_ABRT);
      }
    }
  }

  private void packet() {
    if ((feature & 2) != 0) {
      fail(ERROR_ABRT);
      return;
    }
    dma = (feature & FEATURE_DMA) != 0;
    byteCount = lbaHigh << 8 | lbaMid;
    if (byteCount == 0 || byteCount == 0xffff) {
      byteCount = 0xfffe;
    }
    operation = PACKET;
    count = REASON_COMMAND;
    ask(PACKET_BYTES, false);
  }

  /** True while the drive waits for a command packet. */
  boolean wantsPacket() {
    return operation == PACKET;
  }

  private void command() {
    byte[] cdb = new byte[PACKET_BYTES];
    System.arraycopy(buffer, 0, cdb, 0, PACKET_BYTES);
    MmcDrive.Outcome outcome = drive.execute(cdb);
    switch (outcome) {
      case DONE -> success();
      case CHECK -> check();
      case DATA_IN -> {
        byte[] answer = drive.answer();
        operation = ANSWER;
        limit = Math.min(answer.length, MAX_ANSWER_BYTES);
        buffer(limit);
        System.arraycopy(answer, 0, buffer, 0, limit);
        toHost();
      }
      case READ -> {
        operation = READ;
        block = drive.readFirst();
        blocksLeft = drive.readBlocks();
        sectorBytes = drive.readBlockBytes();
        if (dma) {
          limit = 0;
          waitForDma();
        } else {
          readChunk();
        }
      }
      case DATA_OUT -> {
        operation = PARAMETERS;
        count = 0;
        lbaMid = drive.wantedBytes() & 0xff;
        lbaHigh = drive.wantedBytes() >>> 8 & 0xff;
        if (dma) {
          limit = drive.wantedBytes();
          buffer(limit);
          waitForDma();
        } else {
          ask(drive.wantedBytes(), true);
        }
      }
    }
  }

  private void success() {
    rest();
    status = STATUS_DRDY;
    count = REASON_COMMAND | REASON_TO_HOST;
    host.interrupt(this);
  }

  private void check() {
    rest();
    status = STATUS_DRDY | STATUS_ERR;
    error = drive.senseKey() << 4;
    count = REASON_COMMAND | REASON_TO_HOST;
    host.interrupt(this);
  }

  private void readChunk() {
    BlockBackend medium = drive.medium();
    if (!drive.hasMedium() || block + blocksLeft > drive.blocks()) {
      drive.mediumFailed();
      check();
      return;
    }
    busy();
    int blocks = Math.min(blocksLeft, CHUNK_BLOCKS);
    limit = blocks * sectorBytes;
    buffer(limit);
    request.read(medium, block * MmcDrive.BLOCK_BYTES, buffer, 0, blocks * MmcDrive.BLOCK_BYTES);
  }

  /** Spreads data blocks, which stand in a row, to raw sectors. */
  private void frameChunk() {
    int data = MmcDrive.BLOCK_BYTES;
    for (int i = limit / sectorBytes - 1; i >= 0; i--) {
      int raw = i * sectorBytes;
      System.arraycopy(buffer, i * data, buffer, raw + MmcDrive.RAW_HEADER_BYTES, data);
    }
    for (int i = 0; i < limit / sectorBytes; i++) {
      MmcDrive.frame(buffer, i * sectorBytes, block + i);
    }
  }

  /** What is in the buffer goes to the host. */
  private void toHost() {
    if (dma) {
      waitForDma();
    } else {
      position = 0;
      phase = DATA_IN;
      packetBlock();
    }
  }

  private void packetBlock() {
    int n = Math.min(byteCount, limit - position);
    if (n < limit - position) {
      n = Math.max(2, n & ~1);
      n = Math.min(n, limit - position);
    }
    count = REASON_TO_HOST;
    lbaMid = n & 0xff;
    lbaHigh = n >>> 8;
    blockBytes = n;
    nextBlockIn();
  }

  @Override
  boolean isDma() {
    return dma;
  }

  @Override
  void startDma() {
    switch (operation) {
      case ANSWER -> {
        host.toMemory(buffer, 0, limit);
        endDma();
      }
      case PARAMETERS -> {
        host.fromMemory(buffer, 0, limit);
        endDma();
      }
      case READ -> readChunk();
      default -> rest();
    }
  }

  private void endDma() {
    host.dmaEnded(this);
    success();
  }

  @Override
  void blockRead() {
    if (operation == IDENTIFY) {
      rest();
    } else if (position < limit) {
      packetBlock();
    } else if (operation == READ && advance()) {
      readChunk();
    } else {
      success();
    }
  }

  /** Leaves the chunk in the buffer behind; true when there is more to read. */
  private boolean advance() {
    int done = limit / sectorBytes;
    block += done;
    blocksLeft = Math.max(0, blocksLeft - done);
    return blocksLeft > 0;
  }

  @Override
  void blockWritten() {
    if (operation == PACKET && limit == PACKET_BYTES) {
      command();
    } else {
      success();
    }
  }

  @Override
  void answered(boolean ok) {
    if (operation != READ) {
      rest();
      return;
    }
    if (!ok) {
      if (dma) {
        host.dmaEnded(this);
      }
      drive.mediumFailed();
      check();
      return;
    }
    if (sectorBytes == MmcDrive.RAW_BYTES) {
      frameChunk();
    }
    if (!dma) {
      toHost();
      return;
    }
    int bytes = limit;
    if (host.toMemory(buffer, 0, bytes) < bytes || !advance()) {
      endDma();
    } else {
      readChunk();
    }
  }

  @Override
  void resume() {
    if (phase == BUSY) {
      if (operation == READ && blocksLeft > 0) {
        readChunk();
      } else {
        rest();
      }
    }
  }

  private byte[] identify() {
    byte[] d = new byte[512];
    putWord(d, 0, 0x85c0); // CD-ROM, removable, answers packets within 50 us, 12 bytes
    putText(d, 10, 20, drive.serial());
    putWord(d, 20, 3);
    putWord(d, 21, 512);
    putWord(d, 22, 4);
    putText(d, 23, 8, "2.5+");
    putText(d, 27, 40, "QEMU DVD-ROM");
    putWord(d, 48, 1);
    putWord(d, 49, 0x0b00); // IORDY, LBA, DMA
    putWord(d, 53, 7);
    putWord(d, 62, 7);
    putWord(d, 63, 7 | selected(0x20));
    putWord(d, 64, 3);
    putWord(d, 65, 0xb4);
    putWord(d, 66, 0xb4);
    putWord(d, 67, 0x12c);
    putWord(d, 68, 0xb4);
    putWord(d, 71, 30);
    putWord(d, 72, 30);
    putWord(d, 80, 0x1e);
    putWord(d, 82, 0x4214); // NOP, DEVICE RESET, PACKET, removable
    putWord(d, 83, 0x4000);
    putWord(d, 85, 0x4214);
    putWord(d, 88, 0x3f | selected(0x40));
    putWord(d, 93, 0x6001 | 0x2000);
    return d;
  }

  private int selected(int kind) {
    return (transferMode & 0xf8) == kind ? 1 << 8 + (transferMode & 7) : 0;
  }

  // State.

  @Override
  public State save() {
    return new State(
        saveTransfer(), drive.save(), dma, block, blocksLeft, sectorBytes, byteCount, transferMode);
  }

  @Override
  public void load(State s) {
    check(s.transfer, OPERATIONS);
    if (s.block < 0
        || s.block > 1L << 32
        || s.blocksLeft < 0
        || s.sectorBytes != MmcDrive.BLOCK_BYTES && s.sectorBytes != MmcDrive.RAW_BYTES
        || (s.byteCount & ~0xffff) != 0
        || (s.transferMode & ~0xff) != 0) {
      throw new IllegalArgumentException("block, byteCount or transferMode: out of range");
    }
    boolean packets =
        s.transfer.operation() != NONE && s.transfer.operation() != IDENTIFY && s.byteCount == 0;
    if (packets) {
      throw new IllegalArgumentException("byteCount: 0");
    }
    drive.load(s.drive);
    request.forget();
    loadTransfer(s.transfer);
    dma = s.dma;
    block = s.block;
    blocksLeft = s.blocksLeft;
    sectorBytes = s.sectorBytes;
    byteCount = s.byteCount;
    transferMode = s.transferMode;
    resume();
  }

  @Override
  public void reset() {
    resetTransfer();
    transferMode = 0;
    drive.reset();
  }
}
