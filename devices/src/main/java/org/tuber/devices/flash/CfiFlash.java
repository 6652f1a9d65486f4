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
 * Parallel flash memory with Intel's command set: two 16-bit chips side by side, 32 bits wide, in
 * sectors of 256 KiB.
 *
 * <p>Common Flash Interface, JEDEC JESD68.01, and Intel's command set as in the data sheet of the
 * 28F256P30 (306666). While it shows its array the CPU reads and executes it as memory; commands
 * come by stores. Commands address both chips at once. Programming and erasing take no time, blocks
 * are never locked, and programming can only clear bits. Changes go to the image behind it, if
 * there is one.
 */
public final class CfiFlash implements MmioDevice, Snapshottable<CfiFlash.State> {
  /** Size of a sector. */
  public static final int SECTOR_BYTES = 0x4_0000;

  private static final Logger LOG = LoggerFactory.getLogger(CfiFlash.class);
  private static final int CHIPS = 2;
  private static final int WIDTH_SHIFT = 2;
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
  private final GuestRam array;
  private final RamObserver observer;
  private final BlockBackend image;
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
   * @param sizeBytes size of the bank, a power of two
   * @param image takes changes; null: they last as long as this object
   * @param observer hears of every change
   */
  public CfiFlash(
      AddressSpace memory, long base, long sizeBytes, BlockBackend image, RamObserver observer) {
    if (Long.bitCount(sizeBytes) != 1 || sizeBytes < SECTOR_BYTES || sizeBytes > MAX_SIZE_BYTES) {
      throw new IllegalArgumentException("flash of " + sizeBytes + " bytes");
    }
    this.memory = memory;
    this.image = image;
    this.observer = observer;
    array = new GuestRam(sizeBytes);
    query = queryTable(sizeBytes);
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

  private static byte[] erasedSector() {
    byte[] erased = new byte[SECTOR_BYTES];
    Arrays.fill(erased, (byte) 0xff);
    return erased;
  }

  /** Frees the memory. */
  public void close() {
    array.close();
  }

  /** The query table of one chip, from QUERY_START on. */
  private static int[] queryTable(long sizeBytes) {
    long chip = sizeBytes / CHIPS;
    int blocks = (int) (sizeBytes / SECTOR_BYTES);
    int blockUnits = SECTOR_BYTES / CHIPS >>> 8;
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
      Long.numberOfTrailingZeros(chip),
      0x02, // 8 and 16 bits wide
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
      case STATUS -> onBothChips(status);
      case IDENTITY -> onBothChips(identity((int) (offset >>> WIDTH_SHIFT) & 0xff));
      case QUERY -> onBothChips(query((int) (offset >>> WIDTH_SHIFT) & 0xff));
    };
  }

  private long readArray(long offset, int size) {
    long value = 0;
    for (int i = 0; i < size; i++) {
      value |= (long) array.load8(offset + i) << 8 * i;
    }
    return value;
  }

  private static long onBothChips(int value) {
    return value | (long) value << 16;
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
        status = STATUS_READY;
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
    byte[] bytes = new byte[SECTOR_BYTES];
    array.read((long) sector * SECTOR_BYTES, bytes, 0, SECTOR_BYTES);
    return bytes;
  }

  private void program(long offset, int value, int size) {
    if (offset < 0 || offset + size > array.sizeBytes()) {
      return;
    }
    keepOriginal((int) (offset / SECTOR_BYTES));
    byte[] bytes = new byte[size];
    for (int i = 0; i < size; i++) {
      bytes[i] = (byte) (array.load8(offset + i) & value >>> 8 * i);
    }
    change(offset, bytes);
  }

  private void erase(long offset) {
    int sector = (int) (offset / SECTOR_BYTES);
    keepOriginal(sector);
    change((long) sector * SECTOR_BYTES, erasedSector());
  }

  private void change(long offset, byte[] bytes) {
    array.write(offset, bytes, 0, bytes.length);
    observer.written(array, offset, bytes.length);
    if (image == null || image.isReadOnly() || offset + bytes.length > image.lengthBytes()) {
      return;
    }
    MemorySegment copy = Arena.ofAuto().allocate(bytes.length);
    MemorySegment.copy(MemorySegment.ofArray(bytes), 0, copy, 0, bytes.length);
    CompletableFuture<Void> unused =
        image.write(offset, copy).whenComplete((done, error) -> report(error));
  }

  private static void report(Throwable error) {
    if (error != null) {
      Throwable cause = error instanceof CompletionException e ? e.getCause() : error;
      LOG.error("a change of flash memory is lost: {}", String.valueOf(cause));
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
          || sector.index >= array.sizeBytes() / SECTOR_BYTES
          || sector.data.length != SECTOR_BYTES) {
        throw new IllegalArgumentException("changed: sector " + sector.index);
      }
    }
    originals.forEach((n, bytes) -> change((long) n * SECTOR_BYTES, bytes));
    originals.clear();
    for (Sector sector : s.changed) {
      keepOriginal(sector.index);
      change((long) sector.index * SECTOR_BYTES, sector.data);
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
