package org.tuber.devices.dma;

import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;

/**
 * Two cascaded Intel 8237A DMA controllers with the page registers of a PC: channels 0 to 3 move
 * bytes within 64 KiB, channels 5 to 7 words within 128 KiB.
 *
 * <p>8237A data sheet (231466-005); 82371SB (PIIX3) section 2.5.1 for the page registers. A device
 * moves its data in one call instead of by request and acknowledge. Deviations: no memory-to-memory
 * transfers, no cascade masters, all timing modes are alike, software requests are storage.
 */
public final class I8237Dma implements Snapshottable<I8237Dma.State> {
  /** Number of channels; 4 is the cascade. */
  public static final int CHANNELS = 8;

  /** Ports from 81H to 8FH. */
  public static final int PAGE_PORTS = 15;

  private static final int STATUS_COMMAND = 8;
  private static final int REQUEST = 9;
  private static final int SINGLE_MASK = 10;
  private static final int MODE = 11;
  private static final int CLEAR_POINTER = 12;
  private static final int MASTER_CLEAR = 13;
  private static final int CLEAR_MASK = 14;
  private static final int ALL_MASK = 15;

  private static final int COMMAND_DISABLE = 0x04;
  private static final int COMMAND_MEMORY_TO_MEMORY = 0x01;
  private static final int MODE_TYPE = 0x0c;
  private static final int MODE_TO_MEMORY = 0x04;
  private static final int MODE_FROM_MEMORY = 0x08;
  private static final int MODE_AUTO_INIT = 0x10;
  private static final int MODE_DECREMENT = 0x20;

  /** Channel of each page register from 81H up; -1 for the spare ones. */
  private static final int[] PAGE_CHANNEL = {2, 3, 1, -1, -1, -1, 0, -1, 6, 7, 5, -1, -1, -1, 4};

  /**
   * State of one channel.
   *
   * @param baseAddress address to start again from
   * @param baseCount count to start again from
   * @param address current address
   * @param count current count; transfers left less one
   * @param mode mode register
   */
  public record Channel(int baseAddress, int baseCount, int address, int count, int mode) {}

  /**
   * State.
   *
   * @param channels the eight channels
   * @param pages page registers from 81H up
   * @param commands command registers of both controllers
   * @param status terminal counts in bits 3:0, requests in bits 7:4
   * @param masks mask registers
   * @param highByte byte pointers
   */
  public record State(
      Channel[] channels,
      byte[] pages,
      int[] commands,
      int[] status,
      int[] masks,
      boolean[] highByte) {}

  private final class Controller implements MmioDevice {
    private final int index;
    private final int shift;

    Controller(int index) {
      this.index = index;
      this.shift = index;
    }

    @Override
    public long read(long offset, int size) {
      int register = (int) offset >>> shift;
      if (register < STATUS_COMMAND) {
        int channel = index * 4 + register / 2;
        int value = (register & 1) == 0 ? address[channel] : count[channel];
        boolean high = highByte[index];
        highByte[index] = !high;
        return (high ? value >>> 8 : value) & 0xff;
      }
      switch (register) {
        case STATUS_COMMAND -> {
          int value = status[index];
          status[index] &= 0xf0;
          return value;
        }
        case ALL_MASK -> {
          return masks[index] | 0xf0;
        }
        case MASTER_CLEAR -> {
          return 0;
        }
        default -> {
          log.unassignedRead(offset, size);
          return 0xff;
        }
      }
    }

    @Override
    public void write(long offset, long value, int size) {
      int register = (int) offset >>> shift;
      int v = (int) value & 0xff;
      if (register < STATUS_COMMAND) {
        writePair(index * 4 + register / 2, (register & 1) == 0, v);
        return;
      }
      int bit = 1 << (v & 3);
      switch (register) {
        case STATUS_COMMAND -> {
          if ((v & COMMAND_MEMORY_TO_MEMORY) != 0) {
            log.unimplemented("memory-to-memory transfer", offset, v);
          }
          commands[index] = v;
        }
        case REQUEST -> {
          bit <<= 4;
          status[index] = (v & 4) != 0 ? status[index] | bit : status[index] & ~bit;
        }
        case SINGLE_MASK -> masks[index] = (v & 4) != 0 ? masks[index] | bit : masks[index] & ~bit;
        case MODE -> mode[index * 4 + (v & 3)] = v & 0xfc;
        case CLEAR_POINTER -> highByte[index] = false;
        case MASTER_CLEAR -> clear(index);
        case CLEAR_MASK -> masks[index] = 0;
        default -> masks[index] = v & 0xf;
      }
    }

    private void writePair(int channel, boolean isAddress, int v) {
      int[] base = isAddress ? baseAddress : baseCount;
      int[] current = isAddress ? address : count;
      boolean high = highByte[index];
      highByte[index] = !high;
      base[channel] = high ? base[channel] & 0xff | v << 8 : base[channel] & 0xff00 | v;
      current[channel] = base[channel];
    }

    @Override
    public int maxAccessSize() {
      return 1;
    }
  }

  private final class Pages implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      return offset < PAGE_PORTS ? pages[(int) offset] & 0xff : 0xff;
    }

    @Override
    public void write(long offset, long value, int size) {
      if (offset < PAGE_PORTS) {
        pages[(int) offset] = (byte) value;
      }
    }

    @Override
    public int maxAccessSize() {
      return 1;
    }
  }

  private final DmaView memory;
  private final OnceLog log = new OnceLog("i8237");
  private final Controller first = new Controller(0);
  private final Controller second = new Controller(1);
  private final Pages pageRegisters = new Pages();
  private final int[] baseAddress = new int[CHANNELS];
  private final int[] baseCount = new int[CHANNELS];
  private final int[] address = new int[CHANNELS];
  private final int[] count = new int[CHANNELS];
  private final int[] mode = new int[CHANNELS];
  private final byte[] pages = new byte[PAGE_PORTS];
  private final int[] commands = new int[2];
  private final int[] status = new int[2];
  private final int[] masks = new int[2];
  private final boolean[] highByte = new boolean[2];

  /** Controllers that reach guest memory through {@code memory}. */
  public I8237Dma(DmaView memory) {
    this.memory = memory;
    reset();
  }

  /** Channels 0 to 3, ports 00H to 0FH. */
  public MmioDevice first() {
    return first;
  }

  /** Channels 4 to 7, ports C0H to DFH. */
  public MmioDevice second() {
    return second;
  }

  /** Page registers, ports 81H to 8FH. */
  public MmioDevice pages() {
    return pageRegisters;
  }

  /** True when {@code channel} is programmed to move data now. */
  public boolean isReady(int channel) {
    int controller = channel >>> 2;
    return (masks[controller] & 1 << (channel & 3)) == 0
        && (commands[controller] & COMMAND_DISABLE) == 0;
  }

  /** Bytes until the terminal count of {@code channel}. */
  public int remainingBytes(int channel) {
    return (count[channel] + 1) * unitBytes(channel);
  }

  private static int unitBytes(int channel) {
    return channel < 4 ? 1 : 2;
  }

  /**
   * The device takes bytes from memory; a channel in verify mode gives none of them a value.
   *
   * @return bytes moved, fewer than {@code length} at the terminal count or when not ready
   */
  public int fromMemory(int channel, byte[] target, int offset, int length) {
    return move(channel, target, offset, length, MODE_FROM_MEMORY);
  }

  /**
   * The device gives bytes to memory; a channel in verify mode drops them.
   *
   * @return bytes moved, fewer than {@code length} at the terminal count or when not ready
   */
  public int toMemory(int channel, byte[] source, int offset, int length) {
    return move(channel, source, offset, length, MODE_TO_MEMORY);
  }

  private int move(int channel, byte[] bytes, int offset, int length, int direction) {
    int done = 0;
    int unit = unitBytes(channel);
    while (length - done >= unit && isReady(channel)) {
      int type = mode[channel] & MODE_TYPE;
      if (type != 0 && type != direction) {
        log.unimplemented("transfer against the programmed direction", channel, mode[channel]);
        return done;
      }
      int step = run(channel, length - done);
      long gpa = physical(channel);
      if (type == MODE_FROM_MEMORY) {
        memory.read(gpa, bytes, offset + done, step);
      } else if (type == MODE_TO_MEMORY) {
        memory.write(gpa, bytes, offset + done, step);
      }
      done += step;
      advance(channel, step / unit);
    }
    return done;
  }

  /** Bytes that lie in a row from the present address: up to the end of the segment or count. */
  private int run(int channel, int wantedBytes) {
    int unit = unitBytes(channel);
    if ((mode[channel] & MODE_DECREMENT) != 0) {
      return unit;
    }
    int units = Math.min(wantedBytes / unit, count[channel] + 1);
    return Math.min(units, 0x10000 - address[channel]) * unit;
  }

  private long physical(int channel) {
    int page = 0;
    for (int i = 0; i < PAGE_PORTS; i++) {
      if (PAGE_CHANNEL[i] == channel) {
        page = pages[i] & 0xff;
      }
    }
    return channel < 4
        ? (long) page << 16 | address[channel]
        : (long) (page & 0xfe) << 16 | (long) address[channel] << 1;
  }

  private void advance(int channel, int units) {
    boolean down = (mode[channel] & MODE_DECREMENT) != 0;
    address[channel] = address[channel] + (down ? -units : units) & 0xffff;
    if (units <= count[channel]) {
      count[channel] -= units;
      return;
    }
    int bit = 1 << (channel & 3);
    status[channel >>> 2] |= bit;
    if ((mode[channel] & MODE_AUTO_INIT) != 0) {
      address[channel] = baseAddress[channel];
      count[channel] = baseCount[channel];
    } else {
      count[channel] = 0xffff;
      masks[channel >>> 2] |= bit;
    }
  }

  private void clear(int controller) {
    commands[controller] = 0;
    status[controller] = 0;
    masks[controller] = 0xf;
    highByte[controller] = false;
  }

  @Override
  public State save() {
    Channel[] channels = new Channel[CHANNELS];
    for (int i = 0; i < CHANNELS; i++) {
      channels[i] = new Channel(baseAddress[i], baseCount[i], address[i], count[i], mode[i]);
    }
    return new State(
        channels, pages.clone(), commands.clone(), status.clone(), masks.clone(), highByte.clone());
  }

  @Override
  public void load(State s) {
    if (s.channels.length != CHANNELS
        || s.pages.length != PAGE_PORTS
        || s.commands.length != 2
        || s.status.length != 2
        || s.masks.length != 2
        || s.highByte.length != 2) {
      throw new IllegalArgumentException("channels, pages or registers: length");
    }
    for (Channel c : s.channels) {
      if (((c.baseAddress | c.baseCount | c.address | c.count) & ~0xffff) != 0
          || (c.mode & ~0xfc) != 0) {
        throw new IllegalArgumentException("channels: a register is out of range");
      }
    }
    for (int i = 0; i < 2; i++) {
      if (((s.commands[i] | s.status[i]) & ~0xff) != 0 || (s.masks[i] & ~0xf) != 0) {
        throw new IllegalArgumentException("commands, status or masks out of range");
      }
    }
    for (int i = 0; i < CHANNELS; i++) {
      baseAddress[i] = s.channels[i].baseAddress;
      baseCount[i] = s.channels[i].baseCount;
      address[i] = s.channels[i].address;
      count[i] = s.channels[i].count;
      mode[i] = s.channels[i].mode;
    }
    System.arraycopy(s.pages, 0, pages, 0, PAGE_PORTS);
    for (int i = 0; i < 2; i++) {
      commands[i] = s.commands[i];
      status[i] = s.status[i];
      masks[i] = s.masks[i];
      highByte[i] = s.highByte[i];
    }
  }

  @Override
  public void reset() {
    for (int i = 0; i < CHANNELS; i++) {
      baseAddress[i] = 0;
      baseCount[i] = 0;
      address[i] = 0;
      count[i] = 0;
      mode[i] = 0;
    }
    for (int i = 0; i < PAGE_PORTS; i++) {
      pages[i] = 0;
    }
    clear(0);
    clear(1);
  }
}
