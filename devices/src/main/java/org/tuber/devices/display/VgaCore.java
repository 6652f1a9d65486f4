package org.tuber.devices.display;

import java.util.Arrays;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.mem.RamObserver;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.core.time.VirtualClock;

/**
 * The IBM VGA's registers and its way to the four planes of video memory.
 *
 * <p>IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem". Byte {@code p} of plane
 * cell {@code n} is byte {@code 4n+p} of video memory; chained accesses are linear, as Super VGA
 * cards have them. Deviations: the window at A0000H answers without the PCI decode bit; retrace
 * follows a fixed 70 Hz; vertical interrupt and light pen are absent.
 */
final class VgaCore implements Snapshottable<VgaCore.State> {
  /** First of the ports. */
  static final int FIRST_PORT = 0x3b0;

  /** Ports from {@link #FIRST_PORT}. */
  static final int PORTS_BYTES = 0x30;

  /** Guest address of the memory window. */
  static final long WINDOW_BASE = 0xa0000;

  /** Size of the memory window. */
  static final int WINDOW_BYTES = 0x2_0000;

  private static final int FRAME_NANOS = 14_285_714;
  private static final int LINES = 449;
  private static final int RETRACE_LINE = 412;
  private static final int[] SEQUENCER_MASKS = {0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0, 0, 0};
  private static final int[] GRAPHICS_MASKS = {0xf, 0xf, 0xf, 0x1f, 3, 0x7b, 0xf, 0xf, 0xff};
  private static final int CRTC_REGISTERS = 0x19;
  private static final int ATTRIBUTE_REGISTERS = 0x15;

  /**
   * State.
   *
   * @param sequencer registers SR0 to SR7
   * @param graphics registers GR0 to GRF
   * @param crtc registers CR0 to CR1F
   * @param attribute registers AR0 to AR1F
   * @param palette red, green and blue of 256 colours
   * @param misc the single registers: see {@code save}
   * @param latches one byte of each plane, plane 0 in bits 7:0
   */
  record State(
      byte[] sequencer,
      byte[] graphics,
      byte[] crtc,
      byte[] attribute,
      byte[] palette,
      byte[] misc,
      int latches) {}

  final byte[] sequencer = new byte[8];
  final byte[] graphics = new byte[16];
  final byte[] crtc = new byte[32];
  final byte[] attribute = new byte[32];
  final byte[] palette = new byte[768];
  private final GuestRam vram;
  private final VirtualClock clock;
  private final RamObserver observer;
  private final OnceLog log = new OnceLog("vga");
  private int latches;
  private int miscOutput;
  private int sequencerIndex;
  private int graphicsIndex;
  private int crtcIndex;
  private int attributeIndex;
  private boolean attributeData;
  private int featureControl;
  private int dacMask;
  private int dacIndex;
  private int dacPart;
  private boolean dacReading;
  private boolean wideDac;

  VgaCore(GuestRam vram, VirtualClock clock, RamObserver observer) {
    this.vram = vram;
    this.clock = clock;
    this.observer = observer;
    reset();
  }

  /** The ports 3B0H to 3DFH. */
  MmioDevice ports() {
    return new MmioDevice() {
      @Override
      public long read(long offset, int size) {
        return readPort(FIRST_PORT + (int) offset);
      }

      @Override
      public void write(long offset, long value, int size) {
        writePort(FIRST_PORT + (int) offset, (int) value & 0xff);
      }

      @Override
      public int maxAccessSize() {
        return 1;
      }
    };
  }

  /** Eight bits for each colour of the palette instead of six. */
  void setWideDac(boolean wide) {
    wideDac = wide;
  }

  /** Colour {@code index} after the pixel mask. */
  int colour(int index) {
    int at = 3 * (index & dacMask);
    int r = palette[at] & 0xff;
    int g = palette[at + 1] & 0xff;
    int b = palette[at + 2] & 0xff;
    if (!wideDac) {
      r = (r & 0x3f) << 2 | (r & 0x3f) >> 4;
      g = (g & 0x3f) << 2 | (g & 0x3f) >> 4;
      b = (b & 0x3f) << 2 | (b & 0x3f) >> 4;
    }
    return r << 16 | g << 8 | b;
  }

  /** False while the attribute controller is cut off from the screen: the picture is blank. */
  boolean isScreenOn() {
    return (attributeIndex & 0x20) != 0 && (sequencer[1] & 0x20) == 0;
  }

  // Ports.

  /** True for the CRT controller's ports of the other kind of monitor, which do not answer. */
  boolean isOtherCrtc(int port) {
    boolean colourPort = port >= 0x3d0;
    return port < 0x3c0 || colourPort ? colourPort != ((miscOutput & 1) != 0) : false;
  }

  int readPort(int port) {
    if (isOtherCrtc(port)) {
      return 0xff;
    }
    return switch (port) {
      case 0x3c0 -> attributeIndex;
      case 0x3c1 -> attribute[attributeIndex & 0x1f] & 0xff;
      case 0x3c2 -> 0x10;
      case 0x3c3 -> 0x01;
      case 0x3c4 -> sequencerIndex;
      case 0x3c5 -> sequencer[sequencerIndex & 7] & 0xff;
      case 0x3c6 -> dacMask;
      case 0x3c7 -> dacReading ? 3 : 0;
      case 0x3c8 -> dacIndex;
      case 0x3c9 -> readDac();
      case 0x3ca -> featureControl;
      case 0x3cc -> miscOutput;
      case 0x3ce -> graphicsIndex;
      case 0x3cf -> graphics[graphicsIndex & 15] & 0xff;
      case 0x3b4, 0x3d4 -> crtcIndex;
      case 0x3b5, 0x3d5 -> crtc[crtcIndex & 31] & 0xff;
      case 0x3ba, 0x3da -> inputStatus();
      default -> {
        log.unassignedRead(port, 1);
        yield 0xff;
      }
    };
  }

  private int inputStatus() {
    attributeData = false;
    long phase = Math.floorMod(clock.nanos(), FRAME_NANOS);
    long line = phase * LINES / FRAME_NANOS;
    boolean vertical = line >= RETRACE_LINE;
    boolean horizontal = phase * LINES % FRAME_NANOS > FRAME_NANOS * 4L / 5;
    int retrace = vertical && line < RETRACE_LINE + 2 ? 8 : 0;
    return retrace | (vertical || horizontal ? 1 : 0);
  }

  void writePort(int port, int value) {
    if (isOtherCrtc(port)) {
      return;
    }
    switch (port) {
      case 0x3c0 -> writeAttribute(value);
      case 0x3c2 -> miscOutput = value & ~0x10;
      case 0x3c3 -> {} // The card is woken by PCI alone.
      case 0x3c4 -> sequencerIndex = value & 7;
      case 0x3c5 ->
          sequencer[sequencerIndex & 7] = (byte) (value & SEQUENCER_MASKS[sequencerIndex & 7]);
      case 0x3c6 -> dacMask = value;
      case 0x3c7 -> {
        dacIndex = value;
        dacPart = 0;
        dacReading = true;
      }
      case 0x3c8 -> {
        dacIndex = value;
        dacPart = 0;
        dacReading = false;
      }
      case 0x3c9 -> writeDac(value);
      case 0x3ce -> graphicsIndex = value & 15;
      case 0x3cf -> {
        if (graphicsIndex < GRAPHICS_MASKS.length) {
          graphics[graphicsIndex] = (byte) (value & GRAPHICS_MASKS[graphicsIndex]);
        }
      }
      case 0x3b4, 0x3d4 -> crtcIndex = value & 31;
      case 0x3b5, 0x3d5 -> writeCrtc(value);
      case 0x3ba, 0x3da -> featureControl = value & 0x10;
      default -> log.unassignedWrite(port, value, 1);
    }
  }

  private void writeAttribute(int value) {
    if (!attributeData) {
      attributeIndex = value & 0x3f;
    } else {
      int index = attributeIndex & 0x1f;
      if (index < ATTRIBUTE_REGISTERS) {
        int mask = index < 16 ? 0x3f : index == 0x10 ? 0xef : index == 0x11 ? 0xff : 0x3f;
        attribute[index] = (byte) (value & mask);
      }
    }
    attributeData = !attributeData;
  }

  private void writeCrtc(int value) {
    int index = crtcIndex & 31;
    boolean isProtected = (crtc[0x11] & 0x80) != 0 && index < 8;
    if (isProtected) {
      if (index == 7) {
        crtc[7] = (byte) (crtc[7] & ~0x10 | value & 0x10);
      }
    } else if (index < CRTC_REGISTERS) {
      crtc[index] = (byte) value;
    }
  }

  private int readDac() {
    int value = palette[3 * dacIndex + dacPart] & 0xff;
    nextDacPart();
    return value;
  }

  private void writeDac(int value) {
    palette[3 * dacIndex + dacPart] = (byte) (wideDac ? value : value & 0x3f);
    nextDacPart();
  }

  private void nextDacPart() {
    dacPart++;
    if (dacPart == 3) {
      dacPart = 0;
      dacIndex = (dacIndex + 1) & 0xff;
    }
  }

  // Memory.

  /** The offset in the selected part of the window, or -1 where nothing answers. */
  private int inWindow(int offset) {
    return switch (graphics[6] >> 2 & 3) {
      case 0 -> offset;
      case 1 -> offset < 0x1_0000 ? offset : -1;
      case 2 -> offset >= 0x1_0000 && offset < 0x1_8000 ? offset - 0x1_0000 : -1;
      default -> offset >= 0x1_8000 ? offset - 0x1_8000 : -1;
    };
  }

  private boolean isChained() {
    return (sequencer[4] & 8) != 0;
  }

  int readMemory(int windowOffset) {
    int offset = inWindow(windowOffset);
    if (offset < 0) {
      return 0xff;
    }
    if (isChained()) {
      return at(offset);
    }
    int plane = graphics[4] & 3;
    int cell = offset;
    if ((graphics[5] & 0x10) != 0) {
      plane = plane & 2 | offset & 1;
      cell = offset >> 1;
    }
    if (4L * cell + 4 > vram.sizeBytes()) {
      return 0xff;
    }
    latches = vram.load32(4L * cell);
    if ((graphics[5] & 8) == 0) {
      return latches >>> (8 * plane) & 0xff;
    }
    // Read mode 1: where do the planes that count have the colour to compare with?
    int difference = (latches ^ expand(graphics[2])) & expand(graphics[7]);
    difference |= difference >>> 16;
    difference |= difference >>> 8;
    return ~difference & 0xff;
  }

  private int at(int offset) {
    return offset < vram.sizeBytes() ? vram.load8(offset) : 0xff;
  }

  void writeMemory(int windowOffset, int value) {
    int offset = inWindow(windowOffset);
    if (offset < 0) {
      return;
    }
    int planes = sequencer[2];
    if (isChained()) {
      if ((planes >> (offset & 3) & 1) != 0) {
        store8(offset, value);
      }
    } else if ((graphics[5] & 0x10) != 0 && (sequencer[4] & 4) == 0) {
      int plane = graphics[4] & 2 | offset & 1;
      if ((planes >> plane & 1) != 0) {
        store8(4 * (offset >> 1) + plane, value);
      }
    } else {
      writePlanes(offset, value, expand(planes));
    }
  }

  private void writePlanes(int cell, int value, int planes) {
    if (4L * cell + 4 > vram.sizeBytes()) {
      return;
    }
    int bits = graphics[8] & 0xff;
    int data;
    switch (graphics[5] & 3) {
      case 0 -> {
        int setReset = expand(graphics[1]);
        data = repeat(rotate(value)) & ~setReset | expand(graphics[0]) & setReset;
      }
      case 1 -> {
        store32(cell, latches, planes);
        return;
      }
      case 2 -> data = expand(value);
      default -> {
        bits &= rotate(value);
        data = expand(graphics[0]);
      }
    }
    data =
        switch (graphics[3] >> 3 & 3) {
          case 0 -> data;
          case 1 -> data & latches;
          case 2 -> data | latches;
          default -> data ^ latches;
        };
    int mask = repeat(bits);
    store32(cell, data & mask | latches & ~mask, planes);
  }

  private int rotate(int value) {
    int count = graphics[3] & 7;
    return (value >>> count | value << (8 - count)) & 0xff;
  }

  private static int repeat(int value) {
    return value * 0x0101_0101;
  }

  /** Four bits as four bytes of zeros or ones. */
  private static int expand(int bits) {
    return ((bits & 1) | (bits & 2) << 7 | (bits & 4) << 14 | (bits & 8) << 21) * 0xff;
  }

  private void store32(int cell, int data, int planes) {
    long offset = 4L * cell;
    vram.store32(offset, vram.load32(offset) & ~planes | data & planes);
    written(offset);
  }

  private void store8(int offset, int value) {
    if (offset < vram.sizeBytes()) {
      vram.store8(offset, value);
      written(offset);
    }
  }

  private void written(long offset) {
    if (vram.pageFlags(offset) != 0) {
      observer.written(vram, offset, 4);
    }
  }

  // State.

  @Override
  public State save() {
    int[] singles = {
      miscOutput,
      sequencerIndex,
      graphicsIndex,
      crtcIndex,
      attributeIndex,
      attributeData ? 1 : 0,
      featureControl,
      dacMask,
      dacIndex,
      dacPart,
      dacReading ? 1 : 0
    };
    byte[] misc = new byte[singles.length];
    for (int i = 0; i < misc.length; i++) {
      misc[i] = (byte) singles[i];
    }
    return new State(
        sequencer.clone(),
        graphics.clone(),
        crtc.clone(),
        attribute.clone(),
        palette.clone(),
        misc,
        latches);
  }

  /** Throws when {@code s} cannot be this card's. */
  void check(State s) {
    if (s.sequencer.length != sequencer.length
        || s.graphics.length != graphics.length
        || s.crtc.length != crtc.length
        || s.attribute.length != attribute.length
        || s.palette.length != palette.length
        || s.misc.length != 11) {
      throw new IllegalArgumentException("vga: wrong number of registers");
    }
    byte[] m = s.misc;
    boolean inRange = (m[1] & ~7 | m[2] & ~15 | m[3] & ~31 | m[4] & ~63) == 0;
    inRange &= (m[5] & ~1 | m[10] & ~1) == 0 && m[9] >= 0 && m[9] < 3;
    if (!inRange) {
      throw new IllegalArgumentException("vga: register out of range");
    }
  }

  @Override
  public void load(State s) {
    check(s);
    System.arraycopy(s.sequencer, 0, sequencer, 0, sequencer.length);
    System.arraycopy(s.graphics, 0, graphics, 0, graphics.length);
    System.arraycopy(s.crtc, 0, crtc, 0, crtc.length);
    System.arraycopy(s.attribute, 0, attribute, 0, attribute.length);
    System.arraycopy(s.palette, 0, palette, 0, palette.length);
    byte[] m = s.misc;
    miscOutput = m[0] & 0xff;
    sequencerIndex = m[1];
    graphicsIndex = m[2];
    crtcIndex = m[3];
    attributeIndex = m[4];
    attributeData = m[5] != 0;
    featureControl = m[6] & 0xff;
    dacMask = m[7] & 0xff;
    dacIndex = m[8] & 0xff;
    dacPart = m[9];
    dacReading = m[10] != 0;
    latches = s.latches;
  }

  @Override
  public void reset() {
    Arrays.fill(sequencer, (byte) 0);
    Arrays.fill(graphics, (byte) 0);
    Arrays.fill(crtc, (byte) 0);
    Arrays.fill(attribute, (byte) 0);
    Arrays.fill(palette, (byte) 0);
    latches = 0;
    miscOutput = 0;
    sequencerIndex = 0;
    graphicsIndex = 0;
    crtcIndex = 0;
    attributeIndex = 0;
    attributeData = false;
    featureControl = 0;
    dacMask = 0xff;
    dacIndex = 0;
    dacPart = 0;
    dacReading = false;
    wideDac = false;
  }
}
