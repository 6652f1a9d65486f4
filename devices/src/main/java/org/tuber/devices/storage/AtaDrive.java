package org.tuber.devices.storage;

import java.util.concurrent.Executor;
import org.tuber.core.mem.RamPieces;
import org.tuber.core.reg.OnceLog;

/**
 * What ATA disks and ATAPI drives have in common: command block registers and the PIO and DMA
 * protocols of the host transfer.
 *
 * <p>ATA/ATAPI-7 (T13/1532D), volume 1 chapters 6 and 9, volume 2 chapter 5. A drive has one
 * command at a time; a transfer goes through its buffer in chunks. Deviation: BSY lasts only while
 * the disk image works.
 */
abstract class AtaDrive {
  static final int STATUS_BSY = 0x80;
  static final int STATUS_DRDY = 0x40;
  static final int STATUS_DF = 0x20;
  static final int STATUS_DSC = 0x10;
  static final int STATUS_DRQ = 0x08;
  static final int STATUS_ERR = 0x01;
  static final int ERROR_ABRT = 0x04;
  static final int ERROR_IDNF = 0x10;
  static final int ERROR_UNC = 0x40;
  static final int DEVICE_LBA = 0x40;
  static final int BUFFER_BYTES = 256 << 10;

  /** The controller's side of the cable. */
  interface Host {
    /** The drive raises INTRQ. */
    void interrupt(AtaDrive drive);

    /** A block of data waits to be read or written through the data register. */
    void dataRequest(AtaDrive drive);

    /** The drive wants DMA; the host answers with {@link #dmaGranted} when it is ready. */
    void dmaRequest(AtaDrive drive);

    /** Data goes to memory; gives how much of it found room. */
    int toMemory(byte[] bytes, int offset, int length);

    /**
     * Data goes to memory at once, without the drive's buffer.
     *
     * @return false when the source has none, or there is no room of that length; nothing has
     *     happened then
     */
    boolean toMemoryAtOnce(int length, RamPieces.Source source);

    /** Data comes from memory; gives how much there was. */
    int fromMemory(byte[] bytes, int offset, int length);

    /** The DMA transfer is over. */
    void dmaEnded(AtaDrive drive);
  }

  // Where a command stands.

  /** No command. */
  static final int IDLE = 0;

  /** The host reads the buffer. */
  static final int DATA_IN = 1;

  /** The host fills the buffer. */
  static final int DATA_OUT = 2;

  /** Waits for the host's DMA. */
  static final int DMA_WAIT = 3;

  /** The disk image works. */
  static final int BUSY = 4;

  /**
   * State of registers and transfer.
   *
   * @param registers error, features, count, LBA low, mid, high, device, status; then the previous
   *     contents of features to LBA high
   * @param phase where the command stands
   * @param operation what the command does, in the drive's own numbering
   * @param buffer data in the buffer
   * @param position next byte for the host
   * @param blockEnd end of the present block
   * @param blockBytes length of a block
   */
  record Transfer(
      int[] registers,
      int phase,
      int operation,
      byte[] buffer,
      int position,
      int blockEnd,
      int blockBytes) {}

  private static final int REGISTERS = 13;

  final OnceLog log;
  final PendingRequest request;
  Host host;

  int error;
  int feature;
  int count;
  int lbaLow;
  int lbaMid;
  int lbaHigh;
  int device;
  int status;
  int previousFeature;
  int previousCount;
  int previousLow;
  int previousMid;
  int previousHigh;

  int phase = IDLE;
  int operation;
  byte[] buffer = new byte[0];
  int position;
  int limit;
  int blockEnd;
  int blockBytes;

  AtaDrive(String name, Executor eventLoop) {
    log = new OnceLog(name);
    request = new PendingRequest(eventLoop, this::answered);
  }

  // What the host does.

  /** Writes one of the registers 1 to 6; the former content stays readable. */
  final void writeRegister(int register, int v) {
    switch (register) {
      case 1 -> {
        previousFeature = feature;
        feature = v;
      }
      case 2 -> {
        previousCount = count;
        count = v;
      }
      case 3 -> {
        previousLow = lbaLow;
        lbaLow = v;
      }
      case 4 -> {
        previousMid = lbaMid;
        lbaMid = v;
      }
      case 5 -> {
        previousHigh = lbaHigh;
        lbaHigh = v;
      }
      default -> device = v | 0xa0;
    }
  }

  /** Reads one of the registers 1 to 7. */
  final int readRegister(int register, boolean previous) {
    return switch (register) {
      case 1 -> error;
      case 2 -> previous ? previousCount : count;
      case 3 -> previous ? previousLow : lbaLow;
      case 4 -> previous ? previousMid : lbaMid;
      case 5 -> previous ? previousHigh : lbaHigh;
      case 6 -> device;
      default -> status;
    };
  }

  /** True while registers must not be written. */
  final boolean isBusy() {
    return (status & (STATUS_BSY | STATUS_DRQ)) != 0;
  }

  /** Carries out a command. */
  abstract void execute(int command);

  /** Bytes until the end of the present block. */
  final int blockBytesLeft() {
    return phase == DATA_IN || phase == DATA_OUT ? blockEnd - position : 0;
  }

  /** True when the present block goes to the host. */
  final boolean isDataIn() {
    return phase == DATA_IN;
  }

  /** Reads the data register. */
  final int readData(int size) {
    if (phase != DATA_IN) {
      return 0;
    }
    int value = 0;
    for (int i = 0; i < size && position < blockEnd; i++) {
      value |= (buffer[position++] & 0xff) << (8 * i);
    }
    if (position >= blockEnd) {
      blockRead();
    }
    return value;
  }

  /** Writes the data register. */
  final void writeData(int value, int size) {
    if (phase != DATA_OUT) {
      return;
    }
    for (int i = 0; i < size && position < blockEnd; i++) {
      buffer[position++] = (byte) (value >>> (8 * i));
    }
    if (position >= blockEnd) {
      status = STATUS_BSY | STATUS_DRDY;
      blockWritten();
    }
  }

  /** Moves a whole block out of the buffer at once. */
  final int takeBlock(byte[] target, int offset, int length) {
    int n = Math.min(length, phase == DATA_IN ? blockEnd - position : 0);
    System.arraycopy(buffer, position, target, offset, n);
    position += n;
    if (n > 0 && position >= blockEnd) {
      blockRead();
    }
    return n;
  }

  /** Moves a whole block into the buffer at once. */
  final int giveBlock(byte[] source, int offset, int length) {
    int n = Math.min(length, phase == DATA_OUT ? blockEnd - position : 0);
    System.arraycopy(source, offset, buffer, position, n);
    position += n;
    if (n > 0 && position >= blockEnd) {
      status = STATUS_BSY | STATUS_DRDY;
      blockWritten();
    }
    return n;
  }

  /** The host's DMA is ready. */
  final void dmaGranted() {
    if (phase == DMA_WAIT) {
      startDma();
    }
  }

  /** The host stopped its DMA before the end. */
  final void dmaStopped() {
    if (phase == DMA_WAIT) {
      return;
    }
    if (phase == BUSY && isDma()) {
      request.forget();
      abort();
    }
  }

  // What a kind of drive does.

  /** The host read all of a block. */
  abstract void blockRead();

  /** The host filled a block. */
  abstract void blockWritten();

  /** DMA may start. */
  abstract void startDma();

  /** True when the present command moves data by DMA. */
  abstract boolean isDma();

  /** The disk image has answered. */
  abstract void answered(boolean success);

  /** Issues the request again in whose midst a state was saved. */
  abstract void resume();

  /** Registers as after power-on, hardware or software reset. */
  abstract void signature();

  // For the kinds of drives.

  final void buffer(int bytes) {
    if (buffer.length < bytes) {
      buffer = new byte[Math.max(bytes, 4096)];
    }
  }

  final void busy() {
    phase = BUSY;
    status = STATUS_BSY | STATUS_DRDY;
  }

  /** The buffer holds {@code bytes} for the host, to be read in blocks of {@code block}. */
  final void offer(int bytes, int block) {
    position = 0;
    limit = bytes;
    blockBytes = block;
    phase = DATA_IN;
    nextBlockIn();
  }

  final void nextBlockIn() {
    blockEnd = Math.min(position + blockBytes, limit);
    status = STATUS_DRDY | STATUS_DSC | STATUS_DRQ;
    host.interrupt(this);
    host.dataRequest(this);
  }

  /** Asks the host for {@code bytes}. */
  final void ask(int bytes, boolean withInterrupt) {
    buffer(bytes);
    position = 0;
    limit = bytes;
    blockEnd = bytes;
    blockBytes = bytes;
    phase = DATA_OUT;
    status = STATUS_DRDY | STATUS_DSC | STATUS_DRQ;
    if (withInterrupt) {
      host.interrupt(this);
    }
    host.dataRequest(this);
  }

  final void waitForDma() {
    phase = DMA_WAIT;
    status = STATUS_BSY | STATUS_DRDY;
    host.dmaRequest(this);
  }

  /** The command is over, without interrupt. */
  final void rest() {
    phase = IDLE;
    operation = 0;
    position = 0;
    limit = 0;
    blockEnd = 0;
    status = STATUS_DRDY | STATUS_DSC;
  }

  /** The command is over. */
  final void complete() {
    rest();
    host.interrupt(this);
  }

  /** The command failed. */
  final void fail(int errorBits) {
    rest();
    error = errorBits;
    status |= STATUS_ERR;
    host.interrupt(this);
  }

  /** The command ends where it is, because the host gave up. */
  private void abort() {
    rest();
    error = ERROR_ABRT;
    status |= STATUS_ERR;
  }

  /** Forgets the present command. */
  final void resetTransfer() {
    request.forget();
    rest();
    error = 1; // diagnostic code: passed
    feature = 0;
    device = 0xa0;
    previousFeature = 0;
    previousCount = 0;
    previousLow = 0;
    previousMid = 0;
    previousHigh = 0;
    blockBytes = 0;
    signature();
  }

  final Transfer saveTransfer() {
    int[] registers = {
      error,
      feature,
      count,
      lbaLow,
      lbaMid,
      lbaHigh,
      device,
      status,
      previousFeature,
      previousCount,
      previousLow,
      previousMid,
      previousHigh
    };
    byte[] data = new byte[limit];
    System.arraycopy(buffer, 0, data, 0, Math.min(limit, buffer.length));
    return new Transfer(registers, phase, operation, data, position, blockEnd, blockBytes);
  }

  static void check(Transfer t, int operations) {
    if (t.registers.length != REGISTERS) {
      throw new IllegalArgumentException("registers: length");
    }
    for (int r : t.registers) {
      if ((r & ~0xff) != 0) {
        throw new IllegalArgumentException("registers: out of range");
      }
    }
    if (t.phase < 0 || t.phase > BUSY || t.operation < 0 || t.operation >= operations) {
      throw new IllegalArgumentException("phase or operation: out of range");
    }
    if (t.buffer.length > BUFFER_BYTES
        || t.position < 0
        || t.position > t.blockEnd
        || t.blockEnd > t.buffer.length
        || t.blockBytes < 0
        || t.blockBytes > BUFFER_BYTES) {
      throw new IllegalArgumentException("buffer or position: out of range");
    }
    boolean data = t.phase == DATA_IN || t.phase == DATA_OUT;
    if (data && (t.position == t.blockEnd || t.blockBytes == 0)) {
      throw new IllegalArgumentException("position: at the end of its block");
    }
  }

  final void loadTransfer(Transfer t) {
    int[] r = t.registers;
    error = r[0];
    feature = r[1];
    count = r[2];
    lbaLow = r[3];
    lbaMid = r[4];
    lbaHigh = r[5];
    device = r[6];
    status = r[7];
    previousFeature = r[8];
    previousCount = r[9];
    previousLow = r[10];
    previousMid = r[11];
    previousHigh = r[12];
    phase = t.phase;
    operation = t.operation;
    limit = t.buffer.length;
    buffer(limit);
    System.arraycopy(t.buffer, 0, buffer, 0, limit);
    position = t.position;
    blockEnd = t.blockEnd;
    blockBytes = t.blockBytes;
  }

  /** Puts text into a data structure, two characters to a word, high byte first. */
  static void putText(byte[] words, int word, int bytes, String text) {
    for (int i = 0; i < bytes; i++) {
      char c = i < text.length() ? text.charAt(i) : ' ';
      words[word * 2 + (i ^ 1)] = (byte) c;
    }
  }

  /** Puts a 16-bit word into a data structure. */
  static void putWord(byte[] words, int word, int value) {
    words[word * 2] = (byte) value;
    words[word * 2 + 1] = (byte) (value >>> 8);
  }
}
