package org.tuber.devices.display;

import org.tuber.core.mem.GuestRam;
import org.tuber.core.mem.RamObserver;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;

/**
 * The BitBLT engine of the Cirrus Logic GD5446: copies, pattern and solid fills and colour
 * expansion with sixteen raster operations, from video memory or from data that the CPU writes.
 *
 * <p>CL-GD5446 Technical Reference Manual, "BitBLT Engine". It reads its parameters from the
 * graphics controller's registers (GR0, GR1, GR10 to GR15, GR20 to GR35). A blit is over as soon as
 * it has its data: the busy bit is only seen while it waits for the CPU. Addresses wrap at the end
 * of video memory. Deviation: blits to the CPU are refused.
 */
final class CirrusBlitter implements Snapshottable<CirrusBlitter.State> {
  static final int STATUS_BUSY = 0x01;
  static final int STATUS_START = 0x02;
  static final int STATUS_RESET = 0x04;
  static final int STATUS_FIFO = 0x10;
  static final int STATUS_AUTOSTART = 0x80;

  private static final int MODE_BACKWARDS = 0x01;
  private static final int MODE_TO_CPU = 0x02;
  private static final int MODE_FROM_CPU = 0x04;
  private static final int MODE_TRANSPARENT = 0x08;
  private static final int MODE_PATTERN = 0x40;
  private static final int MODE_EXPAND = 0x80;
  private static final int EXTENSION_DWORDS = 0x01;
  private static final int EXTENSION_INVERT = 0x02;
  private static final int EXTENSION_SOLID = 0x04;
  private static final int PATTERN_SIDE = 8;

  /**
   * State.
   *
   * @param waiting a blit waits for the CPU's data
   * @param row what has come of the present row
   * @param filled how many bytes that is
   * @param rowsLeft rows still to come
   * @param line number of the present row
   */
  record State(boolean waiting, byte[] row, int filled, int rowsLeft, int line) {}

  private final byte[] gr;
  private final GuestRam vram;
  private final RamObserver observer;
  private final int addressMask;
  private final OnceLog log = new OnceLog("cirrus-blt");
  private boolean waiting;
  private byte[] row = {};
  private int filled;
  private int rowsLeft;
  private int line;

  // The present blit, from the registers.
  private int width;
  private int height;
  private int destination;
  private int destinationPitch;
  private int source;
  private int sourcePitch;
  private int mode;
  private int extension;
  private int rop;
  private int pixelBytes;
  private int skipPixels;
  private int foreground;
  private int background;
  private int key;

  /** An engine over the graphics controller's registers {@code gr}. */
  CirrusBlitter(byte[] gr, GuestRam vram, RamObserver observer) {
    this.gr = gr;
    this.vram = vram;
    this.observer = observer;
    addressMask = (int) vram.sizeBytes() - 1;
  }

  /** True while a blit waits for the CPU's data: writes to video memory are that. */
  boolean isWaiting() {
    return waiting;
  }

  private int register(int index, int bytes) {
    int value = 0;
    for (int i = bytes - 1; i >= 0; i--) {
      value = value << 8 | gr[index + i] & 0xff;
    }
    return value;
  }

  /** A write to GR31. */
  void control(int value) {
    int old = gr[0x31];
    gr[0x31] =
        (byte) (value & (STATUS_AUTOSTART | STATUS_RESET | STATUS_START) | old & STATUS_BUSY);
    if ((old & STATUS_RESET) != 0 && (value & STATUS_RESET) == 0) {
      stop();
    } else if ((old & STATUS_START) == 0 && (value & STATUS_START) != 0) {
      start();
    }
  }

  /** The last byte of the destination's address was written, which may start a blit. */
  void addressWritten() {
    if ((gr[0x31] & STATUS_AUTOSTART) != 0) {
      start();
    }
  }

  private void stop() {
    waiting = false;
    filled = 0;
    rowsLeft = 0;
    gr[0x31] &= (byte) ~(STATUS_START | STATUS_BUSY | STATUS_FIFO);
  }

  private void readParameters() {
    width = (register(0x20, 2) & 0x1fff) + 1;
    height = (register(0x22, 2) & 0x7ff) + 1;
    destinationPitch = register(0x24, 2) & 0x1fff;
    sourcePitch = register(0x26, 2) & 0x1fff;
    destination = register(0x28, 3) & 0x3f_ffff;
    source = register(0x2c, 3) & 0x3f_ffff;
    mode = gr[0x30] & 0xff;
    extension = gr[0x33] & 0xff;
    rop = gr[0x32] & 0xff;
    pixelBytes = (mode >> 4 & 3) + 1;
    int skip = gr[0x2f] & 0x1f;
    skipPixels = pixelBytes == 3 ? skip / 3 : skip & 7;
    foreground = colour(1, 0x11);
    background = colour(0, 0x10);
    key = register(0x34, 2) & (pixelBytes == 1 ? 0xff : 0xffff);
  }

  /** A colour's lowest byte is at {@code first}, the others at every second register. */
  private int colour(int first, int others) {
    return gr[first] & 0xff
        | (gr[others] & 0xff) << 8
        | (gr[others + 2] & 0xff) << 16
        | (gr[others + 4] & 0xff) << 24;
  }

  private void start() {
    readParameters();
    gr[0x31] |= STATUS_BUSY;
    if ((mode & MODE_TO_CPU) != 0) {
      log.unimplemented("blit to the CPU", 0x30, mode);
      stop();
    } else if ((mode & MODE_FROM_CPU) != 0) {
      waitForCpu();
    } else if ((mode & MODE_PATTERN) != 0) {
      fillPattern();
      stop();
    } else {
      copy();
      stop();
    }
  }

  // Data from the CPU.

  private void waitForCpu() {
    rowsLeft = (mode & MODE_PATTERN) != 0 ? 1 : height;
    row = new byte[rowBytes()];
    filled = 0;
    line = 0;
    waiting = true;
    gr[0x31] |= STATUS_FIFO;
  }

  /** What the CPU has to write for one row, or for the whole pattern. */
  private int rowBytes() {
    if ((mode & MODE_PATTERN) != 0) {
      return (mode & MODE_EXPAND) != 0 ? PATTERN_SIDE : PATTERN_SIDE * patternPitch();
    }
    if ((mode & MODE_EXPAND) != 0) {
      int pixels = (width + pixelBytes - 1) / pixelBytes;
      boolean dwords = (extension & EXTENSION_DWORDS) != 0;
      return dwords ? (pixels + 31) / 32 * 4 : (pixels + 7) / 8;
    }
    return width + 3 & ~3;
  }

  /** The CPU writes a byte of data. */
  void data(int value) {
    if (!waiting) {
      return;
    }
    row[filled++] = (byte) value;
    if (filled < row.length) {
      return;
    }
    filled = 0;
    readParameters();
    if (rowBytes() != row.length) {
      // The guest changed its mind while the blit waited.
      log.unimplemented("parameters written during a blit", 0x20, width);
      stop();
      return;
    }
    if ((mode & MODE_PATTERN) != 0) {
      fillPattern();
    } else if ((mode & MODE_EXPAND) != 0) {
      expandRow(row, line);
    } else {
      for (int x = 0; x < width; x++) {
        copyByte(destination + line * destinationPitch, x, row);
      }
    }
    line++;
    if (--rowsLeft == 0) {
      stop();
    }
  }

  private void copyByte(int rowStart, int x, byte[] from) {
    if ((mode & MODE_TRANSPARENT) == 0) {
      put(rowStart + x, combine(from[x] & 0xff, get(rowStart + x)));
    } else if (x % transparentBytes() == transparentBytes() - 1) {
      int first = x - transparentBytes() + 1;
      int low = from[first] & 0xff;
      putUnlessKey(rowStart + first, low | (from[x] & 0xff) << 8);
    }
  }

  /** Transparency compares pixels of one or two bytes. */
  private int transparentBytes() {
    return pixelBytes == 1 ? 1 : 2;
  }

  private void putUnlessKey(int at, int pixel) {
    int low = combine(pixel & 0xff, get(at));
    if (pixelBytes == 1) {
      if (low != key) {
        put(at, low);
      }
      return;
    }
    int high = combine(pixel >> 8 & 0xff, get(at + 1));
    if ((low | high << 8) != key) {
      put(at, low);
      put(at + 1, high);
    }
  }

  // Copies within video memory.

  private void copy() {
    if ((mode & MODE_EXPAND) != 0) {
      int pixels = (width + pixelBytes - 1) / pixelBytes;
      byte[] bits = new byte[(pixels + 7) / 8];
      int from = source;
      for (int y = 0; y < height; y++) {
        for (int i = 0; i < bits.length; i++) {
          bits[i] = (byte) get(from++);
        }
        expandRow(bits, y);
      }
      return;
    }
    int step = (mode & MODE_BACKWARDS) != 0 ? -1 : 1;
    boolean transparent = (mode & MODE_TRANSPARENT) != 0;
    int together = transparent ? transparentBytes() : 1;
    for (int y = 0; y < height; y++) {
      int to = destination + step * y * destinationPitch;
      int from = source + step * y * sourcePitch;
      for (int x = 0; x + together <= width; x += together) {
        int at = to + step * x - (step < 0 ? together - 1 : 0);
        int origin = from + step * x - (step < 0 ? together - 1 : 0);
        if (transparent) {
          putUnlessKey(at, get(origin) | get(origin + 1) << 8);
        } else {
          put(at, combine(get(origin), get(at)));
        }
      }
    }
  }

  // Colour expansion and fills.

  /** Paints one row from bits, the leftmost first. */
  private void expandRow(byte[] bits, int y) {
    boolean transparent = (mode & MODE_TRANSPARENT) != 0;
    boolean inverted = transparent && (extension & EXTENSION_INVERT) != 0;
    int pixels = width / pixelBytes;
    for (int x = skipPixels; x < pixels; x++) {
      boolean set = (bits[x >> 3] >> 7 - (x & 7) & 1) != 0 ^ inverted;
      int at = destination + y * destinationPitch + x * pixelBytes;
      if (!transparent) {
        paint(at, set ? foreground : background);
      } else if (set) {
        // Inverted transparency paints what is clear, in the background's colour.
        paint(at, inverted ? background : foreground);
      }
    }
  }

  private void paint(int at, int colour) {
    for (int i = 0; i < pixelBytes; i++) {
      put(at + i, combine(colour >>> 8 * i & 0xff, get(at + i)));
    }
  }

  /** Bytes of a row of a coloured pattern: three-byte pixels are aligned to four. */
  private int patternPitch() {
    return PATTERN_SIDE * (pixelBytes == 3 ? 4 : pixelBytes);
  }

  /** A pattern of eight by eight pixels, or one colour, over the whole rectangle. */
  private void fillPattern() {
    boolean fromCpu = (mode & MODE_FROM_CPU) != 0;
    boolean expand = (mode & MODE_EXPAND) != 0;
    boolean solid =
        (extension & EXTENSION_SOLID) != 0 && expand && (mode & MODE_TRANSPARENT) == 0 && !fromCpu;
    int first = source & PATTERN_SIDE - 1;
    int base = source & -(expand ? PATTERN_SIDE : PATTERN_SIDE * patternPitch());
    boolean transparent = (mode & MODE_TRANSPARENT) != 0;
    boolean inverted = transparent && (extension & EXTENSION_INVERT) != 0;
    int pixels = width / pixelBytes;
    for (int y = 0; y < height; y++) {
      int patternRow = first + y & PATTERN_SIDE - 1;
      int to = destination + y * destinationPitch;
      int bits = !expand ? 0 : fromCpu ? row[patternRow] : get(base + patternRow);
      for (int x = solid ? 0 : skipPixels; x < pixels; x++) {
        int at = to + x * pixelBytes;
        if (solid) {
          paint(at, foreground);
        } else if (expand) {
          boolean bit = (bits >> 7 - (x & 7) & 1) != 0;
          if (!transparent) {
            paint(at, bit ? foreground : background);
          } else if (bit ^ inverted) {
            paint(at, inverted ? background : foreground);
          }
        } else {
          paint(at, patternPixel(fromCpu, base, patternRow, x & PATTERN_SIDE - 1));
        }
      }
    }
  }

  private int patternPixel(boolean fromCpu, int base, int y, int x) {
    int at = y * patternPitch() + x * pixelBytes;
    int pixel = 0;
    for (int i = pixelBytes - 1; i >= 0; i--) {
      pixel = pixel << 8 | (fromCpu ? row[at + i] & 0xff : get(base + at + i));
    }
    return pixel;
  }

  // Bytes.

  private int get(int at) {
    return vram.load8(at & addressMask);
  }

  private void put(int at, int value) {
    long offset = at & addressMask;
    vram.store8(offset, value);
    if (vram.pageFlags(offset) != 0) {
      observer.written(vram, offset, 1);
    }
  }

  /** The raster operation of GR32 on a byte of source and one of destination. */
  private int combine(int s, int d) {
    int result =
        switch (rop) {
          case 0x00 -> 0;
          case 0x05 -> s & d;
          case 0x06 -> d;
          case 0x09 -> s & ~d;
          case 0x0b -> ~d;
          case 0x0d -> s;
          case 0x0e -> 0xff;
          case 0x50 -> ~s & d;
          case 0x59 -> s ^ d;
          case 0x6d -> s | d;
          case 0x90 -> ~(s | d);
          case 0x95 -> ~(s ^ d);
          case 0xad -> s | ~d;
          case 0xd0 -> ~s;
          case 0xd6 -> ~s | d;
          case 0xda -> ~(s & d);
          default -> {
            log.unimplemented("raster operation", 0x32, rop);
            yield d;
          }
        };
    return result & 0xff;
  }

  // State.

  @Override
  public State save() {
    return new State(waiting, row.clone(), filled, rowsLeft, line);
  }

  /** Throws when {@code s} is out of range. */
  void check(State s) {
    boolean good = s.filled >= 0 && s.rowsLeft >= 0 && s.rowsLeft <= 0x800 && s.line >= 0;
    good &= s.line <= 0x800 && s.row.length <= 0x2004;
    if (!good || s.waiting && (s.filled >= s.row.length || s.rowsLeft == 0)) {
      throw new IllegalArgumentException("cirrus-blt: out of range");
    }
  }

  @Override
  public void load(State s) {
    check(s);
    waiting = s.waiting;
    row = s.row.clone();
    filled = s.filled;
    rowsLeft = s.rowsLeft;
    line = s.line;
  }

  @Override
  public void reset() {
    waiting = false;
    row = new byte[0];
    filled = 0;
    rowsLeft = 0;
    line = 0;
  }
}
