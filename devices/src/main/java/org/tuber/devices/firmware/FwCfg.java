package org.tuber.devices.firmware;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;

/**
 * The firmware configuration device: numbered items and named files that firmware reads through a
 * selector and a data port, or through its DMA interface.
 *
 * <p>QEMU documentation, "QEMU Firmware Configuration (fw_cfg) Device". The board fills it before
 * the first {@link #reset}; files get their numbers in the order of their names. An item given as a
 * supplier is made when the guest first selects it after a reset, so that it can tell where
 * firmware has put registers meanwhile. Deviation: no item is writable; writes through the data
 * port are ignored, and through DMA they fail.
 */
public final class FwCfg implements Snapshottable<FwCfg.State> {
  /** Ports of selector and data. */
  public static final int PORTS_BYTES = 2;

  /** Ports of the DMA address. */
  public static final int DMA_PORTS_BYTES = 8;

  /** Bytes of the memory-mapped variant: data, selector, DMA address. */
  public static final int WINDOW_BYTES = 24;

  private static final int KEY_SIGNATURE = 0x00;
  private static final int KEY_ID = 0x01;
  private static final int KEY_FILE_DIRECTORY = 0x19;
  private static final int FIRST_FILE = 0x20;
  private static final int KEY_MASK = 0xbfff;
  private static final int MAX_FILES = 0x400;
  private static final int NAME_BYTES = 56;
  private static final int DIRECTORY_ENTRY_BYTES = 64;
  private static final int ID_TRADITIONAL_AND_DMA = 3;
  private static final long DMA_SIGNATURE = 0x5145_4d55_2043_4647L;

  private static final int DMA_ERROR = 0x01;
  private static final int DMA_READ = 0x02;
  private static final int DMA_SKIP = 0x04;
  private static final int DMA_SELECT = 0x08;
  private static final int DMA_WRITE = 0x10;
  private static final int CHUNK_BYTES = 0x1_0000;

  /**
   * State; the items are the board's.
   *
   * @param key selected item
   * @param position next byte of it
   * @param dmaAddress what the high half of the DMA address register holds
   */
  public record State(int key, long position, long dmaAddress) {}

  private static final class Item {
    private final int sizeBytes;
    private final Supplier<byte[]> source;
    private byte[] content;

    Item(int sizeBytes, Supplier<byte[]> source) {
      this.sizeBytes = sizeBytes;
      this.source = source;
    }

    byte[] content() {
      if (content == null) {
        byte[] made = source.get();
        content = made.length == sizeBytes ? made : Arrays.copyOf(made, sizeBytes);
      }
      return content;
    }
  }

  private final class Ports implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      return size == 1 ? nextByte() : 0;
    }

    @Override
    public void write(long offset, long value, int size) {
      if (size == 2 && offset == 0) {
        select((int) value);
      }
    }

    @Override
    public int maxAccessSize() {
      return 2;
    }
  }

  private final class DmaPorts implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      long value = 0;
      for (int i = 0; i < size; i++) {
        long at = offset + i;
        long b = at < 8 ? DMA_SIGNATURE >>> (8 * (7 - at)) & 0xff : 0xff;
        value |= b << (8 * i);
      }
      return value;
    }

    @Override
    public void write(long offset, long value, int size) {
      if (size == 8 && offset == 0) {
        startDma(Long.reverseBytes(value));
      } else if (size == 4 && offset == 0) {
        dmaAddress = (long) Integer.reverseBytes((int) value) << 32;
      } else if (size == 4 && offset == 4) {
        startDma(dmaAddress | Integer.reverseBytes((int) value) & 0xffff_ffffL);
      }
    }
  }

  /** The layout of boards without port space: wide reads of the data register are big-endian. */
  private final class Window implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      if (offset >= 16) {
        return dmaPorts.read(offset - 16, size);
      }
      if (offset + size > 8) {
        return 0;
      }
      long value = 0;
      for (int i = 0; i < size; i++) {
        value |= (long) nextByte() << (8 * i);
      }
      return value;
    }

    @Override
    public void write(long offset, long value, int size) {
      if (offset >= 16) {
        dmaPorts.write(offset - 16, value, size);
      } else if (offset == 8 && size == 2) {
        select(Short.toUnsignedInt(Short.reverseBytes((short) value)));
      }
    }
  }

  private final DmaView memory;
  private final OnceLog log = new OnceLog("fw_cfg");
  private final Map<Integer, Item> items = new TreeMap<>();
  private final Map<String, Item> files = new TreeMap<>();
  private final Ports ports = new Ports();
  private final DmaPorts dmaPorts = new DmaPorts();
  private final Window window = new Window();
  private boolean numbered;
  private int key;
  private long position;
  private long dmaAddress;

  /** A device with only the two items that say what it is. */
  public FwCfg(DmaView memory) {
    this.memory = memory;
    add(KEY_SIGNATURE, "QEMU".getBytes(StandardCharsets.US_ASCII));
    addNumber(KEY_ID, ID_TRADITIONAL_AND_DMA, 4);
  }

  // What the board does.

  /** Adds an item by its number. */
  public void add(int itemKey, byte[] content) {
    items.put(itemKey, new Item(content.length, () -> content));
  }

  /** Adds a little-endian number. */
  public void addNumber(int itemKey, long value, int bytes) {
    byte[] content = new byte[bytes];
    for (int i = 0; i < bytes; i++) {
      content[i] = (byte) (value >>> (8 * i));
    }
    add(itemKey, content);
  }

  /** Adds a file. */
  public void addFile(String name, byte[] content) {
    addFile(name, content.length, () -> content);
  }

  /**
   * Adds a file that is made when the guest first selects it after a reset.
   *
   * @param sizeBytes what the directory says; the content is cut or padded with zeros to it
   */
  public void addFile(String name, int sizeBytes, Supplier<byte[]> source) {
    if (numbered || files.size() == MAX_FILES || name.length() >= NAME_BYTES) {
      throw new IllegalArgumentException("fw_cfg file " + name);
    }
    files.put(name, new Item(sizeBytes, source));
  }

  /** True when there is a file of that name. */
  public boolean hasFile(String name) {
    return files.containsKey(name);
  }

  /** Ports 510H and 511H. */
  public MmioDevice ports() {
    return ports;
  }

  /** Ports 514H to 51BH. */
  public MmioDevice dmaPorts() {
    return dmaPorts;
  }

  /** All registers as boards without ports map them. */
  public MmioDevice window() {
    return window;
  }

  private void numberFiles() {
    if (numbered) {
      return;
    }
    numbered = true;
    ByteBuffer directory = ByteBuffer.allocate(4 + files.size() * DIRECTORY_ENTRY_BYTES);
    directory.putInt(files.size());
    int number = FIRST_FILE;
    for (Map.Entry<String, Item> file : files.entrySet()) {
      directory.putInt(file.getValue().sizeBytes);
      directory.putShort((short) number).putShort((short) 0);
      byte[] name = file.getKey().getBytes(StandardCharsets.US_ASCII);
      directory.put(Arrays.copyOf(name, NAME_BYTES));
      items.put(number++, file.getValue());
    }
    add(KEY_FILE_DIRECTORY, directory.array());
  }

  // What the guest does.

  private void select(int newKey) {
    numberFiles();
    key = newKey & KEY_MASK;
    position = 0;
    if (!items.containsKey(key) && key >= FIRST_FILE && key < 0x8000) {
      log.unassignedRead(key, 2);
    }
  }

  private byte[] selected() {
    numberFiles();
    Item item = items.get(key);
    return item == null ? new byte[0] : item.content();
  }

  private int nextByte() {
    byte[] content = selected();
    return position < content.length ? content[(int) position++] & 0xff : 0;
  }

  private void startDma(long address) {
    dmaAddress = 0;
    byte[] request = new byte[16];
    memory.read(address, request, 0, request.length);
    ByteBuffer fields = ByteBuffer.wrap(request);
    int control = fields.getInt();
    long length = fields.getInt() & 0xffff_ffffL;
    long target = fields.getLong();
    if ((control & DMA_SELECT) != 0) {
      select(control >>> 16);
    }
    int result = 0;
    if ((control & DMA_READ) != 0) {
      readTo(target, length);
    } else if ((control & DMA_WRITE) != 0) {
      log.unimplemented("write to an item", key, length);
      result = DMA_ERROR;
    } else if ((control & DMA_SKIP) != 0) {
      position = Math.min(position + length, Integer.MAX_VALUE);
    }
    byte[] answer = ByteBuffer.allocate(4).putInt(result).array();
    memory.write(address, answer, 0, answer.length);
  }

  /** Copies {@code length} bytes of the selected item; past its end they are zero. */
  private void readTo(long target, long length) {
    byte[] content = selected();
    byte[] zeros = null;
    long done = 0;
    while (done < length) {
      long left = content.length - position;
      int step = (int) Math.min(length - done, left > 0 ? left : CHUNK_BYTES);
      if (left > 0) {
        memory.write(target + done, content, (int) position, step);
        position += step;
      } else {
        zeros = zeros == null ? new byte[CHUNK_BYTES] : zeros;
        memory.write(target + done, zeros, 0, step);
      }
      done += step;
    }
  }

  @Override
  public State save() {
    return new State(key, position, dmaAddress);
  }

  @Override
  public void load(State state) {
    if ((state.key & ~KEY_MASK) != 0
        || state.position < 0
        || state.position > Integer.MAX_VALUE
        || (state.dmaAddress & 0xffff_ffffL) != 0) {
      throw new IllegalArgumentException("key, position or dmaAddress out of range");
    }
    key = state.key;
    position = state.position;
    dmaAddress = state.dmaAddress;
  }

  @Override
  public void reset() {
    numberFiles();
    key = 0;
    position = 0;
    dmaAddress = 0;
    // Items made by a supplier describe the machine of the next boot anew.
    items.values().forEach(item -> item.content = null);
  }
}
