package org.tuber.devices.flash;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.backend.BlockBackend;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.mem.RamObserver;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;

/**
 * Parallel flash memory with Intel's command set, as one or two chips side by side ({@link Chips}).
 *
 * <p>Common Flash Interface, JEDEC JESD68.01, and Intel's command set as in the data sheet of the
 * 28F256P30 (306666). While it shows its array the CPU reads and executes it as memory; commands
 * come by stores. Commands address all chips at once. Programming and erasing take no time, blocks
 * are never locked, and programming can only clear bits. Changes go to the image behind it, if
 * there is one.
 */
public final class CfiFlash implements MmioDevice, Snapshottable<CfiFlash.State> {
  /** How a board wires its chips. */
  public enum Chips {
    /** 32 bits wide, in sectors of 256 KiB. */
    TWO_OF_16_BITS(2, 2, 0x4_0000, STATUS_READY),
    /**
     * 8 bits wide, in sectors of 4 KiB: the firmware hub of a PC. Clearing its status clears the
     * ready bit as well, until the next operation: that is how UEFI firmware tells it from ROM.
     */
    ONE_OF_8_BITS(1, 0, 0x1000, 0);

    private final int count;
    private final int widthShift;
    private final int sectorBytes;
    private final int clearedStatus;

    Chips(int count, int widthShift, int sectorBytes, int clearedStatus) {
      this.count = count;
      this.widthShift = widthShift;
      this.sectorBytes = sectorBytes;
      this.clearedStatus = clearedStatus;
    }

    /** Size of the unit that is erased at once; a bank has a whole number of them. */
    public int sectorBytes() {
      return sectorBytes;
    }

    private long onEach(int value) {
      return count == 1 ? value : value | (long) value << 16;
    }
  }

  private static final Logger LOG = LoggerFactory.getLogger(CfiFlash.class);
  private static final int MAX_SIZE_BYTES = 1 << 30;

  private static final int STATUS_READY = 0x80;
  private static final int STATUS_COMMAND_ERROR = 0x30;

  private static final int COMMAND_PROGRAM_ALTERNATIVE = 0x10;
  private static final int COMMAND_ERASE = 0x20;
  private static final int COMMAND_PROGRAM = 0x40;
  private static final int COMMAND_CLEAR_STATUS = 0x50;
  private static final int COMMAND_LOCK = 0x60;
  private static final int COMMAND_STATUS = 0x70;
  private static final int COMMAND_IDENTIFY = 0x90;
  private static final int COMMAND_QUERY = 0x98;
  private static final int COMMAND_CONFIRM = 0xd0;
  private static final int COMMAND_BUFFER = 0xe8;
  private static final int COMMAND_RESET = 0xf0;
  private static final int COMMAND_ARRAY = 0xff;

  private static final int MANUFACTURER = 0x89;
  private static final int DEVICE = 0x18;
  private static final int QUERY_START = 0x10;

  /** Bytes of one chip's write buffer, as a power of two. */
  private static final int BUFFER_SHIFT = 8;

  /** What reads show. */
  private enum Show {
    ARRAY,
    STATUS,
    IDENTITY,
    QUERY
  }

  /** What the next store means. */
  private enum Expect {
    COMMAND,
    PROGRAM_DATA,
    ERASE_CONFIRM,
    LOCK_CONFIRM,
    BUFFER_COUNT,
    BUFFER_DATA,
    BUFFER_CONFIRM
  }

  /**
   * A sector that differs from what the image held at first.
   *
   * @param index number of the sector
   * @param data its bytes
   */
  public record Sector(int index, byte[] data) {}

  /**
   * State.
   *
   * @param show what reads show
   * @param expect what the next store means
   * @param status status register of each chip
   * @param bufferLeft stores into the buffer that are still to come
   * @param bufferOffsets where the buffered words go
   * @param bufferWords buffered words
   * @param changed sectors that differ from the image
   */
  public record State(
      String show,
      String expect,
      int status,
      int bufferLeft,
      long[] bufferOffsets,
      int[] bufferWords,
      List<Sector> changed) {}

  private record Word(long offset, int value, int size) {}

  private final OnceLog log = new OnceLog("cfi-flash");
  private final Chips chips;
  private final GuestRam array;
  private final RamObserver observer;
  private final WriteBack writeBack;
  private final AddressSpace memory;
  private final AddressSpace.Mapping shown;
  private final AddressSpace.Mapping registers;
  private final int[] query;
  private final Map<Integer, byte[]> originals = new TreeMap<>();
  private final List<Word> buffer = new ArrayList<>();
  private Show show = Show.ARRAY;
  private Expect expect = Expect.COMMAND;
  private int status = STATUS_READY;
  private int bufferLeft;

  /**
   * A bank, mapped and erased; {@link #fill} gives it contents.
   *
   * @param base guest-physical address
   * @param sizeBytes size of the bank, a whole number of sectors
   * @param image takes changes; null: they last as long as this object
   * @param observer hears of every change
   */
  public CfiFlash(
      Chips chips,
      AddressSpace memory,
      long base,
      long sizeBytes,
      BlockBackend image,
      RamObserver observer) {
    if (sizeBytes % chips.sectorBytes != 0 || sizeBytes <= 0 || sizeBytes > MAX_SIZE_BYTES) {
      throw new IllegalArgumentException("flash of " + sizeBytes + " bytes");
    }
    this.chips = chips;
    this.memory = memory;
    this.observer = observer;
    array = new GuestRam(sizeBytes);
    writeBack = image == null || image.isReadOnly() ? null : new WriteBack(array, image);
    query = queryTable(chips, sizeBytes);
    int priority = AddressSpace.PRIORITY_PLATFORM;
    registers = memory.mapDevice(base, sizeBytes, this, priority);
    shown = memory.mapRom(base, sizeBytes, array, 0, this, priority);
    registers.setEnabled(false);
  }

  /** Puts contents in, from the start; the rest is erased. */
  public void fill(byte[] contents) {
    array.write(0, contents, 0, contents.length);
    byte[] erased = erasedSector();
    for (long at = contents.length; at < array.sizeBytes(); at += erased.length) {
      int n = (int) Math.min(erased.length, array.sizeBytes() - at);
      array.write(at, erased, 0, n);
    }
  }

  /** What the CPU sees; for a board that shows a part of it in a second place. */
  public GuestRam array() {
    return array;
  }

  private byte[] erasedSector() {
    byte[] erased = new byte[chips.sectorBytes];
    Arrays.fill(erased, (byte) 0xff);
    return erased;
  }

  /** All changes are in the image afterwards. */
  public void flush() {
    if (writeBack != null) {
      writeBack.await();
    }
  }

  /** Writes back what is still to be written and frees the memory. */
  public void close() {
    flush();
    array.close();
  }

  /** The query table of one chip, from QUERY_START on. */
  private static int[] queryTable(Chips chips, long sizeBytes) {
    long chip = sizeBytes / chips.count;
    int blocks = (int) (sizeBytes / chips.sectorBytes);
    int blockUnits = chips.sectorBytes / chips.count >>> 8;
    return new int[] {
      'Q',
      'R',
      'Y',
      0x01, // Intel's command set, its table at 31H; no alternative
      0x00,
      0x31,
      0x00,
      0x00,
      0x00,
      0x00,
      0x00,
      0x45, // 4.5 V to 5.5 V, no programming voltage
      0x55,
      0x00,
      0x00,
      0x07, // typical times: word, buffer, block; then the worst
      0x07,
      0x0a,
      0x00,
      0x04,
      0x04,
      0x04,
      0x00,
      Long.SIZE - Long.numberOfLeadingZeros(chip - 1),
      chips == Chips.ONE_OF_8_BITS ? 0 : 0x02, // 8 bits, or 8 and 16 bits wide
      0x00,
      BUFFER_SHIFT,
      0x00,
      0x01, // one region of equal blocks
      blocks - 1 & 0xff,
      blocks - 1 >>> 8,
      blockUnits & 0xff,
      blockUnits >>> 8,
      'P',
      'R',
      'I',
      '1',
      '0',
      0x00, // no optional features
      0x00,
      0x00,
      0x00,
      0x00,
      0x00,
      0x00
    };
  }

  // What the guest does.

  @Override
  public long read(long offset, int size) {
    return switch (show) {
      case ARRAY -> readArray(offset, size);
      case STATUS -> chips.onEach(status);
      case IDENTITY -> chips.onEach(identity((int) (offset >>> chips.widthShift) & 0xff));
      case QUERY -> chips.onEach(query((int) (offset >>> chips.widthShift) & 0xff));
    };
  }

  private long readArray(long offset, int size) {
    long value = 0;
    for (int i = 0; i < size; i++) {
      value |= (long) array.load8(offset + i) << 8 * i;
    }
    return value;
  }

  private static int identity(int word) {
    return word == 0 ? MANUFACTURER : word == 1 ? DEVICE : 0;
  }

  private int query(int word) {
    int at = word - QUERY_START;
    return at >= 0 && at < query.length ? query[at] : 0;
  }

  @Override
  public void write(long offset, long value, int size) {
    int v = (int) value;
    int command = v & 0xff;
    switch (expect) {
      case COMMAND -> command(command, offset);
      case PROGRAM_DATA -> {
        program(offset, v, size);
        finish();
      }
      case ERASE_CONFIRM -> {
        if (command == COMMAND_CONFIRM) {
          erase(offset);
        } else if (command != COMMAND_ARRAY) {
          status |= STATUS_COMMAND_ERROR;
        }
        finish();
      }
      case LOCK_CONFIRM -> finish();
      case BUFFER_COUNT -> {
        bufferLeft = Math.min(v & 0xffff, (1 << BUFFER_SHIFT - 1) - 1) + 1;
        expect = Expect.BUFFER_DATA;
      }
      case BUFFER_DATA -> {
        buffer.add(new Word(offset, v, size));
        if (--bufferLeft == 0) {
          expect = Expect.BUFFER_CONFIRM;
        }
      }
      case BUFFER_CONFIRM -> {
        if (command == COMMAND_CONFIRM) {
          buffer.forEach(w -> program(w.offset, w.value, w.size));
        } else {
          status |= STATUS_COMMAND_ERROR;
        }
        buffer.clear();
        finish();
      }
    }
  }

  private void command(int command, long offset) {
    switch (command) {
      case COMMAND_PROGRAM, COMMAND_PROGRAM_ALTERNATIVE -> begin(Expect.PROGRAM_DATA);
      case COMMAND_ERASE -> begin(Expect.ERASE_CONFIRM);
      case COMMAND_LOCK -> begin(Expect.LOCK_CONFIRM);
      case COMMAND_BUFFER -> begin(Expect.BUFFER_COUNT);
      case COMMAND_CLEAR_STATUS -> {
        status = chips.clearedStatus;
        show(Show.ARRAY);
      }
      case COMMAND_STATUS -> show(Show.STATUS);
      case COMMAND_IDENTIFY -> show(Show.IDENTITY);
      case COMMAND_QUERY -> show(Show.QUERY);
      case COMMAND_ARRAY, COMMAND_RESET, 0 -> show(Show.ARRAY);
      default -> {
        log.unimplemented("command", command, offset);
        show(Show.ARRAY);
      }
    }
  }

  private void begin(Expect next) {
    expect = next;
    status |= STATUS_READY;
    show(Show.STATUS);
  }

  private void finish() {
    expect = Expect.COMMAND;
    show(Show.STATUS);
  }

  /** Reads of the array bypass this object; everything else comes here. */
  private void show(Show what) {
    if (what != show) {
      show = what;
      memory.batch(
          () -> {
            shown.setEnabled(show == Show.ARRAY);
            registers.setEnabled(show != Show.ARRAY);
          });
    }
  }

  // Changes.

  private void keepOriginal(int sector) {
    originals.computeIfAbsent(sector, this::sectorBytes);
  }

  private byte[] sectorBytes(int sector) {
    byte[] bytes = new byte[chips.sectorBytes];
    array.read((long) sector * chips.sectorBytes, bytes, 0, chips.sectorBytes);
    return bytes;
  }

  private void program(long offset, int value, int size) {
    if (offset < 0 || offset + size > array.sizeBytes()) {
      return;
    }
    keepOriginal((int) (offset / chips.sectorBytes));
    byte[] bytes = new byte[size];
    for (int i = 0; i < size; i++) {
      bytes[i] = (byte) (array.load8(offset + i) & value >>> 8 * i);
    }
    change(offset, bytes);
  }

  private void erase(long offset) {
    int sector = (int) (offset / chips.sectorBytes);
    keepOriginal(sector);
    change((long) sector * chips.sectorBytes, erasedSector());
  }

  private void change(long offset, byte[] bytes) {
    array.write(offset, bytes, 0, bytes.length);
    observer.written(array, offset, bytes.length);
    if (writeBack != null) {
      writeBack.changed(offset, bytes.length);
    }
  }

  /**
   * Brings changes to the image, one write at a time: writes in flight together could arrive in
   * another order. What changes meanwhile goes with the next one, so that byte after byte of a
   * guest becomes few writes.
   */
  private static final class WriteBack {
    private final GuestRam array;
    private final BlockBackend image;
    private long from;
    private long to;
    private boolean isWriting;

    WriteBack(GuestRam array, BlockBackend image) {
      this.array = array;
      this.image = image;
    }

    synchronized void changed(long offset, long length) {
      long end = Math.min(offset + length, image.lengthBytes());
      if (offset >= end) {
        return;
      }
      from = from == to ? offset : Math.min(from, offset);
      to = Math.max(to, end);
      if (!isWriting) {
        start();
      }
    }

    private void start() {
      byte[] bytes = new byte[(int) (to - from)];
      array.read(from, bytes, 0, bytes.length);
      MemorySegment copy = Arena.ofAuto().allocate(bytes.length);
      MemorySegment.copy(MemorySegment.ofArray(bytes), 0, copy, 0, bytes.length);
      long at = from;
      from = 0;
      to = 0;
      isWriting = true;
      CompletableFuture<Void> unused =
          image.write(at, copy).whenComplete((done, error) -> written(error));
    }

    private synchronized void written(Throwable error) {
      if (error != null) {
        Throwable cause = error instanceof CompletionException e ? e.getCause() : error;
        LOG.error("a change of flash memory is lost: {}", String.valueOf(cause));
      }
      isWriting = false;
      if (from < to) {
        start();
      } else {
        notifyAll();
      }
    }

    synchronized void await() {
      boolean interrupted = false;
      while (isWriting) {
        try {
          wait();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Override
  public int maxAccessSize() {
    return 4;
  }

  // State.

  @Override
  public State save() {
    List<Sector> changed = new ArrayList<>();
    originals.keySet().forEach(n -> changed.add(new Sector(n, sectorBytes(n))));
    return new State(
        show.name(),
        expect.name(),
        status,
        bufferLeft,
        buffer.stream().mapToLong(w -> w.offset << 3 | w.size).toArray(),
        buffer.stream().mapToInt(Word::value).toArray(),
        changed);
  }

  @Override
  public void load(State s) {
    Show newShow = Show.valueOf(s.show);
    Expect newExpect = Expect.valueOf(s.expect);
    boolean inData = newExpect == Expect.BUFFER_DATA;
    if (s.bufferOffsets.length != s.bufferWords.length
        || s.bufferLeft < (inData ? 1 : 0)
        || s.bufferLeft > 1 << BUFFER_SHIFT - 1) {
      throw new IllegalArgumentException("buffer: does not fit together");
    }
    for (Sector sector : s.changed) {
      if (sector.index < 0
          || sector.index >= array.sizeBytes() / chips.sectorBytes
          || sector.data.length != chips.sectorBytes) {
        throw new IllegalArgumentException("changed: sector " + sector.index);
      }
    }
    originals.forEach((n, bytes) -> change((long) n * chips.sectorBytes, bytes));
    originals.clear();
    for (Sector sector : s.changed) {
      keepOriginal(sector.index);
      change((long) sector.index * chips.sectorBytes, sector.data);
    }
    buffer.clear();
    for (int i = 0; i < s.bufferWords.length; i++) {
      long at = s.bufferOffsets[i];
      buffer.add(new Word(at >>> 3, s.bufferWords[i], Math.min((int) at & 7, 4)));
    }
    status = s.status & 0xff;
    bufferLeft = s.bufferLeft;
    expect = newExpect;
    show(newShow);
  }

  /** The chips show their array; what they hold stays. */
  @Override
  public void reset() {
    status = STATUS_READY;
    expect = Expect.COMMAND;
    bufferLeft = 0;
    buffer.clear();
    show(Show.ARRAY);
  }
}
