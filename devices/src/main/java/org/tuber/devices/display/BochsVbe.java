package org.tuber.devices.display;

import java.util.Arrays;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;

/**
 * The display interface ("DISPI") that Bochs invented for VESA modes: a few 16-bit registers behind
 * an index.
 *
 * <p>Bochs "VBE Display API", version B0C5H. Resolution and depth take effect when the mode is
 * switched on, the virtual size and the offsets at once.
 */
final class BochsVbe implements Snapshottable<BochsVbe.State> {
  /** Number of registers. */
  static final int REGISTERS = 11;

  private static final int ID = 0;
  private static final int XRES = 1;
  private static final int YRES = 2;
  private static final int BPP = 3;
  private static final int ENABLE = 4;
  private static final int BANK = 5;
  private static final int VIRT_WIDTH = 6;
  private static final int VIRT_HEIGHT = 7;
  private static final int X_OFFSET = 8;
  private static final int Y_OFFSET = 9;
  private static final int VIDEO_MEMORY_64K = 10;
  private static final int ENABLED = 0x01;
  private static final int GET_CAPABILITIES = 0x02;
  private static final int WIDE_DAC = 0x20;
  private static final int NO_CLEAR = 0x80;
  private static final int ENABLE_WRITABLE = 0xe3;
  private static final int OLDEST_ID = 0xb0c0;
  private static final int NEWEST_ID = 0xb0c5;
  private static final int MAX_WIDTH = 16000;
  private static final int MAX_HEIGHT = 12000;
  private static final int BANK_BYTES = 0x1_0000;

  /**
   * State.
   *
   * @param registers the registers as last written
   * @param index the one that the data port shows
   */
  record State(int[] registers, int index) {}

  private final GuestRam vram;
  private final VgaCore vga;
  private final OnceLog log = new OnceLog("vga-vbe");
  private final int[] registers = new int[REGISTERS];
  private int index;

  BochsVbe(GuestRam vram, VgaCore vga) {
    this.vram = vram;
    this.vga = vga;
    reset();
  }

  /** True while a mode of this interface is on the screen. */
  boolean isOn() {
    return (registers[ENABLE] & ENABLED) != 0;
  }

  /** True while the window at A0000H shows 64 KiB of the frame buffer. */
  boolean isBanked() {
    return isOn() && registers[BPP] > 4;
  }

  /** Where in video memory the bank starts. */
  long bankStart() {
    return (long) registers[BANK] * BANK_BYTES;
  }

  int index() {
    return index;
  }

  void select(int value) {
    index = value;
  }

  int read(int register) {
    if ((registers[ENABLE] & GET_CAPABILITIES) != 0) {
      switch (register) {
        case XRES -> {
          return MAX_WIDTH;
        }
        case YRES -> {
          return MAX_HEIGHT;
        }
        case BPP -> {
          return 32;
        }
        default -> {}
      }
    }
    if (register == VIRT_HEIGHT && isOn()) {
      return (int) Math.min(0xffff, vram.sizeBytes() / lineBytes());
    }
    return register < REGISTERS ? registers[register] : 0;
  }

  void write(int register, int value) {
    switch (register) {
      case ID -> {
        if (value >= OLDEST_ID && value <= NEWEST_ID) {
          registers[ID] = value;
        }
      }
      case XRES, YRES -> {
        if (!isOn()) {
          registers[register] = Math.clamp(value, 1, register == XRES ? MAX_WIDTH : MAX_HEIGHT);
        }
      }
      case BPP -> writeDepth(value);
      case ENABLE -> writeEnable(value & ENABLE_WRITABLE);
      case BANK -> registers[BANK] = (int) (value & (vram.sizeBytes() / BANK_BYTES - 1));
      case VIRT_WIDTH -> registers[VIRT_WIDTH] = Math.clamp(value, registers[XRES], MAX_WIDTH);
      case VIRT_HEIGHT, VIDEO_MEMORY_64K -> {} // Follow from the rest.
      case X_OFFSET, Y_OFFSET -> registers[register] = value;
      default -> log.unassignedWrite(register, value, 2);
    }
  }

  private void writeDepth(int value) {
    if (isOn()) {
      return;
    }
    switch (value) {
      case 0 -> registers[BPP] = 8;
      case 4, 8, 15, 16, 24, 32 -> registers[BPP] = value;
      default -> log.unimplemented("depth", BPP, value);
    }
  }

  private void writeEnable(int value) {
    boolean starts = (value & ENABLED) != 0 && !isOn();
    registers[ENABLE] = value;
    vga.setWideDac((value & WIDE_DAC) != 0);
    if (!starts) {
      return;
    }
    registers[VIRT_WIDTH] = registers[XRES];
    registers[X_OFFSET] = 0;
    registers[Y_OFFSET] = 0;
    registers[BANK] = 0;
    if ((value & NO_CLEAR) == 0) {
      long bytes = (long) lineBytes() * registers[YRES] * (registers[BPP] == 4 ? 4 : 1);
      vram.clear(0, Math.min(bytes, vram.sizeBytes()));
    }
  }

  /** Bytes of a line, in one plane with 4 bits. */
  private int lineBytes() {
    int width = registers[VIRT_WIDTH];
    return Math.max(1, registers[BPP] == 4 ? width / 8 : width * ((registers[BPP] + 7) / 8));
  }

  /** Draws the frame buffer; as many lines as video memory holds. */
  void render(DisplaySurface out) {
    int bytes = (registers[BPP] + 7) / 8;
    int planes = registers[BPP] == 4 ? 4 : 1;
    int line = lineBytes();
    int width = registers[XRES];
    long from = (long) registers[Y_OFFSET] * line;
    from += planes == 4 ? registers[X_OFFSET] / 8 : (long) registers[X_OFFSET] * bytes;
    long fits = (vram.sizeBytes() / planes - from - (planes == 4 ? width / 8 : width * bytes));
    int height = fits < 0 ? 0 : (int) Math.min(registers[YRES], fits / line + 1);
    if (height == 0) {
      out.resize(1, 1);
      out.clear();
      return;
    }
    out.resize(width, height);
    byte[] row = new byte[width * 4];
    for (int y = 0; y < height; y++) {
      int length = planes == 4 ? (width / 8) * 4 : width * bytes;
      vram.read((from + (long) y * line) * planes, row, 0, length);
      drawRow(row, out.pixels(), y * width, width);
    }
  }

  private void drawRow(byte[] row, int[] pixels, int at, int width) {
    switch (registers[BPP]) {
      case 4 -> {
        for (int x = 0; x < width / 8 * 8; x++) {
          int colour = 0;
          for (int p = 0; p < 4; p++) {
            colour |= (row[x / 8 * 4 + p] >> (7 - x % 8) & 1) << p;
          }
          pixels[at + x] = vga.colour(vga.attribute[colour] & 0x3f);
        }
      }
      case 15, 16 -> {
        boolean green6 = registers[BPP] == 16;
        for (int x = 0; x < width; x++) {
          int v = row[2 * x] & 0xff | (row[2 * x + 1] & 0xff) << 8;
          int red = v >> (green6 ? 11 : 10) & 31;
          int green = green6 ? v >> 5 & 63 : (v >> 5 & 31) << 1 | v >> 9 & 1;
          int blue = v & 31;
          pixels[at + x] =
              (red << 3 | red >> 2) << 16 | (green << 2 | green >> 4) << 8 | blue << 3 | blue >> 2;
        }
      }
      case 24, 32 -> {
        int step = registers[BPP] / 8;
        for (int x = 0; x < width; x++) {
          int i = x * step;
          pixels[at + x] = (row[i + 2] & 0xff) << 16 | (row[i + 1] & 0xff) << 8 | row[i] & 0xff;
        }
      }
      default -> {
        for (int x = 0; x < width; x++) {
          pixels[at + x] = vga.colour(row[x] & 0xff);
        }
      }
    }
  }

  @Override
  public State save() {
    return new State(registers.clone(), index);
  }

  /** Throws when {@code s} is out of range. */
  void check(State s) {
    int[] r = s.registers;
    boolean good = r.length == REGISTERS && s.index >= 0 && s.index <= 0xffff;
    for (int i = 0; good && i < REGISTERS; i++) {
      good = r[i] >= 0 && r[i] <= 0xffff;
    }
    if (good) {
      good = r[XRES] >= 1 && r[XRES] <= MAX_WIDTH && r[YRES] >= 1 && r[YRES] <= MAX_HEIGHT;
      good &= r[VIRT_WIDTH] >= r[XRES] && r[VIRT_WIDTH] <= MAX_WIDTH;
      good &= r[BANK] < vram.sizeBytes() / BANK_BYTES;
      good &= r[VIDEO_MEMORY_64K] == vram.sizeBytes() / BANK_BYTES;
      good &=
          switch (r[BPP]) {
            case 4, 8, 15, 16, 24, 32 -> true;
            default -> false;
          };
    }
    if (!good) {
      throw new IllegalArgumentException("vga-vbe: register out of range");
    }
  }

  @Override
  public void load(State s) {
    check(s);
    System.arraycopy(s.registers, 0, registers, 0, REGISTERS);
    index = s.index;
    vga.setWideDac((registers[ENABLE] & WIDE_DAC) != 0);
  }

  @Override
  public void reset() {
    Arrays.fill(registers, 0);
    registers[ID] = NEWEST_ID;
    registers[XRES] = 640;
    registers[YRES] = 480;
    registers[BPP] = 8;
    registers[VIRT_WIDTH] = 640;
    registers[VIDEO_MEMORY_64K] = (int) (vram.sizeBytes() / BANK_BYTES);
    index = 0;
    vga.setWideDac(false);
  }
}
