package org.tuber.devices.display;

import java.util.Arrays;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.mem.RamObserver;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.core.time.VirtualClock;
import org.tuber.devices.pci.PciFunction;

/**
 * Cirrus Logic CL-GD5446, a PCI card of the nineties with a BitBLT engine.
 *
 * <p>CL-GD5446 Technical Reference Manual. BAR 0 is a window of 32 MiB: the linear frame buffer at
 * its start, data for the BitBLT engine at 16 MiB; BAR 1 has the VGA's ports from 3C0H and, from
 * 100H, the engine's registers. Deviations: no video overlay, no byte-swapped frame buffer, no
 * colour key, no EEPROM, no clock synthesis; extended registers answer while SR6 locks them; write
 * modes 4 and 5 work in the window at A0000H only.
 */
public final class CirrusVga implements Display, Snapshottable<CirrusVga.State>, AutoCloseable {
  /** Size of video memory: the most a GD5446 has. */
  public static final int VRAM_BYTES = 4 << 20;

  private static final long APERTURE_BYTES = 32L << 20;
  private static final long BLT_APERTURE = 16L << 20;
  private static final int REGISTERS_BYTES = 0x1000;
  private static final int VGA_FIRST_PORT = 0x3c0;
  private static final int BLT_REGISTERS = 0x100;
  private static final int WINDOW_BLT_REGISTERS = 0x1_8000;
  private static final int CHIP_ID = 0xb8;
  private static final int UNLOCK = 0x12;
  private static final int LOCKED = 0x0f;
  private static final int HIDDEN_DAC_READS = 4;
  private static final int BANK_BYTES = 0x8000;

  /** BitBLT registers of the memory-mapped block: index in the graphics controller, or -1. */
  private static final int[] BLT_INDEX = {
    0x00, 0x10, 0x12, 0x14, 0x01, 0x11, 0x13, 0x15, // background, foreground
    0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, // sizes, pitches
    0x28, 0x29, 0x2a, -1, 0x2c, 0x2d, 0x2e, 0x2f, // addresses, mask
    0x30, -1, 0x32, 0x33, 0x34, 0x35, -1, -1 // mode, operation, extension, key
  };

  private static final int BLT_STATUS = 0x40;

  /**
   * State.
   *
   * @param pci configuration space
   * @param vga the VGA's registers
   * @param sequencer SR0 to SR1F as written
   * @param graphics GR0 to GR3F as written
   * @param crtc CR0 to CR3F as written
   * @param hiddenPalette the cursor's colours
   * @param singles the single registers: see {@code save}
   * @param blitter the BitBLT engine
   * @param vram video memory
   */
  public record State(
      PciFunction.State pci,
      VgaCore.State vga,
      byte[] sequencer,
      byte[] graphics,
      byte[] crtc,
      byte[] hiddenPalette,
      int[] singles,
      CirrusBlitter.State blitter,
      byte[] vram) {}

  private final byte[] sr = new byte[0x20];
  private final byte[] gr = new byte[0x40];
  private final byte[] cr = new byte[0x40];
  private final byte[] hiddenPalette = new byte[48];
  private int srIndex;
  private int grIndex;
  private int crIndex;
  private int hiddenDac;
  private int hiddenDacReads;
  private int cursorX;
  private int cursorY;
  private int palettePart;
  private int paletteIndex;

  private final PciFunction pci;
  private final GuestRam vram;
  private final GuestRam rom;
  private final VgaCore vga;
  private final VgaScreen vgaScreen;
  private final CirrusScreen screen;
  private final CirrusBlitter blitter;
  private final RamObserver observer;
  private final OnceLog log = new OnceLog("cirrus");
  private final MmioDevice ports = new Ports();
  private final MmioDevice window = new MemoryWindow();
  private final MmioDevice aperture = new Aperture();
  private final MmioDevice registers = new Registers();

  /** The part of BAR 0 that is plain memory; null until the card is in a machine. */
  private AddressSpace.Mapping linear;

  /**
   * A card after power-on; the board attaches {@link #pci}.
   *
   * @param romImage the card's BIOS, or null
   * @param observer hears of stores to pages that were marked
   */
  public CirrusVga(byte[] romImage, VirtualClock clock, RamObserver observer) {
    this(VRAM_BYTES, romImage, clock, observer);
  }

  CirrusVga(int vramBytes, byte[] romImage, VirtualClock clock, RamObserver observer) {
    this.observer = observer;
    vram = new GuestRam(vramBytes);
    vga = new VgaCore(vram, clock, observer);
    vgaScreen = new VgaScreen(vga, vram);
    blitter = new CirrusBlitter(gr, vram, observer);
    screen = new CirrusScreen(sr, cr, hiddenPalette, vga, vram);
    pci = new PciFunction("cirrus-vga", new PciFunction.Identity(0x1013, 0x00b8, 0, 0x030000));
    pci.addBar(0, PciFunction.Space.MEMORY_32_PREFETCHABLE, APERTURE_BYTES, aperture);
    pci.addBar(1, PciFunction.Space.MEMORY_32, REGISTERS_BYTES, registers);
    pci.onConfigWrite((offset, size) -> placeLinear());
    if (romImage == null) {
      rom = null;
    } else {
      int bytes = Math.max(0x1_0000, Integer.highestOneBit(Math.max(1, romImage.length * 2 - 1)));
      rom = new GuestRam(bytes);
      rom.write(0, romImage, 0, romImage.length);
      pci.addRom(rom);
    }
    resetRegisters();
  }

  /** Makes the ports, the window below 1 MiB and the linear frame buffer answer. */
  public void mapLegacy(AddressSpace memory, AddressSpace io) {
    int platform = AddressSpace.PRIORITY_PLATFORM;
    io.mapDevice(VgaCore.FIRST_PORT, VgaCore.PORTS_BYTES, ports, platform);
    memory.mapDevice(VgaCore.WINDOW_BASE, VgaCore.WINDOW_BYTES, window, AddressSpace.PRIORITY_PCI);
    int above = AddressSpace.PRIORITY_PCI + 1;
    linear = memory.mapRam(APERTURE_BYTES, vram.sizeBytes(), vram, 0, false, above);
    linear.setEnabled(false);
  }

  /** The PCI function. */
  public PciFunction pci() {
    return pci;
  }

  MmioDevice vgaPorts() {
    return ports;
  }

  MmioDevice window() {
    return window;
  }

  MmioDevice aperture() {
    return aperture;
  }

  MmioDevice registers() {
    return registers;
  }

  GuestRam vram() {
    return vram;
  }

  /** Plain memory answers in BAR 0 unless what is written there has to be looked at. */
  private void placeLinear() {
    if (linear == null) {
      return;
    }
    long base = pci.barAddress(0);
    boolean decoded = (pci.config16(PciFunction.COMMAND) & PciFunction.COMMAND_MEMORY) != 0;
    boolean plain = !blitter.isWaiting() && (gr[0x0b] & 0x16) == 0;
    boolean on = decoded && plain && base != 0 && base + APERTURE_BYTES < 1L << 32;
    if (on && base != linear.base()) {
      linear.setEnabled(false);
      linear.moveTo(base);
    }
    linear.setEnabled(on);
  }

  private boolean isExtended() {
    return (sr[7] & 1) != 0;
  }

  @Override
  public void render(DisplaySurface surface) {
    if (isExtended()) {
      screen.render(surface, hiddenDac);
    } else {
      vgaScreen.render(surface);
    }
    screen.drawCursor(surface, cursorX, cursorY);
  }

  @Override
  public String text() {
    return isExtended() || !vgaScreen.isText() ? "" : vgaScreen.text();
  }

  @Override
  public boolean render(TextScreen out) {
    boolean text = !isExtended() && vgaScreen.isText();
    if (text) {
      vgaScreen.render(out);
    }
    return text;
  }

  // Ports.

  private int readPort(int port) {
    if (vga.isOtherCrtc(port)) {
      return 0xff;
    }
    return switch (port) {
      case 0x3c4 -> srIndex;
      case 0x3c5 -> readSequencer();
      case 0x3c6 -> readHiddenDac(port);
      case 0x3c9 -> isHiddenPalette() ? nextHidden(-1) : vga.readPort(port);
      case 0x3ce -> grIndex;
      case 0x3cf -> readGraphics(grIndex);
      case 0x3b4, 0x3d4 -> crIndex;
      case 0x3b5, 0x3d5 -> readCrtc(port);
      default -> vga.readPort(port);
    };
  }

  private void writePort(int port, int value) {
    if (vga.isOtherCrtc(port)) {
      return;
    }
    switch (port) {
      case 0x3c4 -> {
        srIndex = value;
        vga.writePort(port, value);
      }
      case 0x3c5 -> writeSequencer(value);
      case 0x3c6 -> {
        if (hiddenDacReads == HIDDEN_DAC_READS) {
          hiddenDac = value;
        } else {
          vga.writePort(port, value);
        }
        hiddenDacReads = 0;
      }
      case 0x3c7, 0x3c8 -> {
        paletteIndex = value;
        palettePart = 0;
        vga.writePort(port, value);
      }
      case 0x3c9 -> {
        if (isHiddenPalette()) {
          nextHidden(value);
        } else {
          vga.writePort(port, value);
        }
      }
      case 0x3ce -> grIndex = value & 0x3f;
      case 0x3cf -> writeGraphics(grIndex, value);
      case 0x3b4, 0x3d4 -> {
        crIndex = value & 0x3f;
        vga.writePort(port, value);
      }
      case 0x3b5, 0x3d5 -> writeCrtc(port, value);
      default -> vga.writePort(port, value);
    }
  }

  private int readHiddenDac(int port) {
    if (hiddenDacReads == HIDDEN_DAC_READS) {
      hiddenDacReads = 0;
      return hiddenDac;
    }
    hiddenDacReads++;
    return vga.readPort(port);
  }

  private boolean isHiddenPalette() {
    return (sr[0x12] & 2) != 0;
  }

  /** Reads, or writes a value that is not negative: the cursor's colours. */
  private int nextHidden(int value) {
    int at = 3 * (paletteIndex & 15) + palettePart;
    if (value >= 0) {
      hiddenPalette[at] = (byte) (value & 0x3f);
    }
    int result = hiddenPalette[at] & 0xff;
    palettePart++;
    if (palettePart == 3) {
      palettePart = 0;
      paletteIndex = paletteIndex + 1 & 0xff;
    }
    return result;
  }

  private int readSequencer() {
    int index = srIndex & 0x1f;
    // The cursor's position has its low bits in the index.
    if (index == 0x10 || index == 0x11) {
      return sr[index] & 0xff;
    }
    return index < 5 ? vga.readPort(0x3c5) : sr[index] & 0xff;
  }

  private void writeSequencer(int value) {
    int index = srIndex & 0x1f;
    sr[index] = (byte) value;
    switch (index) {
      case 0, 1, 2, 3, 4 -> vga.writePort(0x3c5, value);
      case 6 -> sr[6] = (byte) ((value & 0x17) == UNLOCK ? UNLOCK : LOCKED);
      case 0x10 -> cursorX = value << 3 | srIndex >> 5;
      case 0x11 -> cursorY = value << 3 | srIndex >> 5;
      // What is strapped cannot be written.
      case 0x17 -> sr[0x17] = (byte) (sr[0x17] & 0x38 | value & 0xc7);
      default -> {}
    }
  }

  private int readGraphics(int index) {
    return gr[index] & 0xff;
  }

  private void writeGraphics(int index, int value) {
    if (index != 0x31) {
      gr[index] = (byte) value;
    }
    if (index < 9) {
      vga.writePort(0x3ce, index);
      vga.writePort(0x3cf, value);
    }
    switch (index) {
      case 0x21, 0x25, 0x27 -> gr[index] = (byte) (value & 0x1f);
      case 0x23 -> gr[index] = (byte) (value & 7);
      case 0x2e -> gr[index] = (byte) (value & 0x3f);
      case 0x2a -> {
        gr[index] = (byte) (value & 0x3f);
        blitter.addressWritten();
        placeLinear();
      }
      case 0x31 -> {
        blitter.control(value);
        placeLinear();
      }
      case 0x0b -> placeLinear();
      default -> {}
    }
  }

  private int readCrtc(int port) {
    return switch (crIndex) {
      case 0x24, 0x26 -> vga.readPort(0x3c0) & 0x3f;
      case 0x27 -> CHIP_ID;
      default -> crIndex < 0x19 ? vga.readPort(port) : cr[crIndex] & 0xff;
    };
  }

  private void writeCrtc(int port, int value) {
    if (crIndex < 0x19) {
      vga.writePort(port, value);
    } else if (crIndex != 0x24 && crIndex != 0x26 && crIndex != 0x27) {
      cr[crIndex] = (byte) value;
    }
  }

  private int readBlt(int offset) {
    if (offset == BLT_STATUS) {
      return gr[0x31] & 0xff;
    }
    int index = offset < BLT_INDEX.length ? BLT_INDEX[offset] : -1;
    if (index < 0) {
      log.unassignedRead(BLT_REGISTERS + offset, 1);
      return 0xff;
    }
    return gr[index] & 0xff;
  }

  private void writeBlt(int offset, int value) {
    int index = offset < BLT_INDEX.length ? BLT_INDEX[offset] : -1;
    if (offset == BLT_STATUS) {
      writeGraphics(0x31, value);
    } else if (index >= 0) {
      writeGraphics(index, value);
    } else {
      log.unassignedWrite(BLT_REGISTERS + offset, value, 1);
    }
  }

  /** The engine's registers answer at B8000H instead of in BAR 1. */
  private boolean isBltInWindow() {
    return (sr[0x17] & 0x44) == 0x04;
  }

  // Memory.

  /** Where a byte of the window lies in video memory, or -1. */
  private int inBank(int offset) {
    if (offset >= 0x1_0000) {
      return -1;
    }
    int shift = (gr[0x0b] & 0x20) != 0 ? 14 : 12;
    boolean dual = (gr[0x0b] & 1) != 0;
    int half = offset / BANK_BYTES;
    int bank = gr[dual && half == 1 ? 0x0a : 9] & 0xff;
    int at = (bank << shift) + (dual ? offset % BANK_BYTES : offset);
    return expanded(at) < vram.sizeBytes() ? expanded(at) : -1;
  }

  /** Addresses count groups of 8 or 16 bytes in some modes. */
  private int expanded(int at) {
    return (gr[0x0b] & 0x14) == 0x14 ? at << 4 : (gr[0x0b] & 2) != 0 ? at << 3 : at;
  }

  private void store(int at, int value) {
    int writeMode = gr[5] & 7;
    boolean extendedMode = (gr[0x0b] & 4) != 0 && (writeMode == 4 || writeMode == 5);
    if (!extendedMode) {
      put(at, value);
      return;
    }
    boolean wide = (gr[0x0b] & 0x14) == 0x14;
    int bytes = wide ? 2 : 1;
    for (int x = 0; x < 8; x++) {
      boolean set = (value >> 7 - x & 1) != 0;
      if (set || writeMode == 5) {
        put(at + x * bytes, gr[set ? 1 : 0]);
        if (wide) {
          put(at + x * bytes + 1, gr[set ? 0x11 : 0x10]);
        }
      }
    }
  }

  private void put(int at, int value) {
    if (at >= 0 && at < vram.sizeBytes()) {
      vram.store8(at, value);
      if (vram.pageFlags(at) != 0) {
        observer.written(vram, at, 1);
      }
    }
  }

  private void bltData(int value) {
    blitter.data(value & 0xff);
    if (!blitter.isWaiting()) {
      placeLinear();
    }
  }

  /** A device of which every byte is for itself. */
  private abstract static class Bytes implements MmioDevice {
    @Override
    public int maxAccessSize() {
      return 1;
    }
  }

  /** 3B0H to 3DFH. */
  private final class Ports extends Bytes {
    @Override
    public long read(long offset, int size) {
      return readPort(VgaCore.FIRST_PORT + (int) offset);
    }

    @Override
    public void write(long offset, long value, int size) {
      writePort(VgaCore.FIRST_PORT + (int) offset, (int) value & 0xff);
    }
  }

  /** A0000H to BFFFFH. */
  private final class MemoryWindow extends Bytes {
    @Override
    public long read(long offset, int size) {
      if (!isExtended()) {
        return vga.readMemory((int) offset);
      }
      if (isBltInWindow() && offset >= WINDOW_BLT_REGISTERS) {
        return readBlt((int) offset & 0xff);
      }
      int at = inBank((int) offset);
      return at < 0 ? 0xff : vram.load8(at);
    }

    @Override
    public void write(long offset, long value, int size) {
      if (!isExtended()) {
        vga.writeMemory((int) offset, (int) value & 0xff);
      } else if (isBltInWindow() && offset >= WINDOW_BLT_REGISTERS) {
        writeBlt((int) offset & 0xff, (int) value & 0xff);
      } else if (blitter.isWaiting() && offset < 0x1_0000) {
        bltData((int) value);
      } else {
        int at = inBank((int) offset);
        if (at >= 0) {
          store(at, (int) value & 0xff);
        }
      }
    }
  }

  /** BAR 0 where it is not plain memory. */
  private final class Aperture extends Bytes {
    @Override
    public long read(long offset, int size) {
      if (offset >= BLT_APERTURE) {
        return 0xff;
      }
      return vram.load8(expanded((int) offset) & (int) vram.sizeBytes() - 1);
    }

    @Override
    public void write(long offset, long value, int size) {
      if (blitter.isWaiting()) {
        bltData((int) value);
      } else if (offset < BLT_APERTURE) {
        store(expanded((int) offset) & (int) vram.sizeBytes() - 1, (int) value & 0xff);
      } else {
        log.unassignedWrite(offset, value, size);
      }
    }
  }

  /** BAR 1. */
  private final class Registers extends Bytes {
    @Override
    public long read(long offset, int size) {
      if (offset >= BLT_REGISTERS) {
        return offset < 2 * BLT_REGISTERS ? readBlt((int) offset - BLT_REGISTERS) : 0xff;
      }
      return offset < 0x20 ? readPort(VGA_FIRST_PORT + (int) offset) : 0xff;
    }

    @Override
    public void write(long offset, long value, int size) {
      if (offset < 0x20) {
        writePort(VGA_FIRST_PORT + (int) offset, (int) value & 0xff);
      } else if (offset >= BLT_REGISTERS && offset < 2 * BLT_REGISTERS) {
        writeBlt((int) offset - BLT_REGISTERS, (int) value & 0xff);
      } else {
        log.unassignedWrite(offset, value, size);
      }
    }
  }

  // State.

  @Override
  public State save() {
    byte[] memory = new byte[(int) vram.sizeBytes()];
    vram.read(0, memory, 0, memory.length);
    int[] singles = {
      srIndex,
      grIndex,
      crIndex,
      hiddenDac,
      hiddenDacReads,
      cursorX,
      cursorY,
      palettePart,
      paletteIndex
    };
    return new State(
        pci.save(),
        vga.save(),
        sr.clone(),
        gr.clone(),
        cr.clone(),
        hiddenPalette.clone(),
        singles,
        blitter.save(),
        memory);
  }

  @Override
  public void load(State s) {
    boolean good = s.vram.length == vram.sizeBytes() && s.sequencer.length == sr.length;
    good &= s.graphics.length == gr.length && s.crtc.length == cr.length;
    good &= s.hiddenPalette.length == hiddenPalette.length && s.singles.length == 9;
    int[] most = {0xff, 0x3f, 0x3f, 0xff, HIDDEN_DAC_READS, 0x7ff, 0x7ff, 2, 0xff};
    for (int i = 0; good && i < most.length; i++) {
      good = s.singles[i] >= 0 && s.singles[i] <= most[i];
    }
    if (!good) {
      throw new IllegalArgumentException("cirrus: out of range");
    }
    vga.check(s.vga);
    blitter.check(s.blitter);
    pci.load(s.pci);
    vga.load(s.vga);
    blitter.load(s.blitter);
    System.arraycopy(s.sequencer, 0, sr, 0, sr.length);
    System.arraycopy(s.graphics, 0, gr, 0, gr.length);
    System.arraycopy(s.crtc, 0, cr, 0, cr.length);
    System.arraycopy(s.hiddenPalette, 0, hiddenPalette, 0, hiddenPalette.length);
    srIndex = s.singles[0];
    grIndex = s.singles[1];
    crIndex = s.singles[2];
    hiddenDac = s.singles[3];
    hiddenDacReads = s.singles[4];
    cursorX = s.singles[5];
    cursorY = s.singles[6];
    palettePart = s.singles[7];
    paletteIndex = s.singles[8];
    vram.write(0, s.vram, 0, s.vram.length);
    observer.written(vram, 0, s.vram.length);
    placeLinear();
  }

  @Override
  public void reset() {
    pci.reset();
    vga.reset();
    blitter.reset();
    resetRegisters();
    vram.clear(0, vram.sizeBytes());
    observer.written(vram, 0, vram.sizeBytes());
    placeLinear();
  }

  private void resetRegisters() {
    Arrays.fill(sr, (byte) 0);
    Arrays.fill(gr, (byte) 0);
    Arrays.fill(cr, (byte) 0);
    Arrays.fill(hiddenPalette, (byte) 0);
    sr[0x06] = LOCKED;
    sr[0x0f] = (byte) 0x98; // 64 bits wide, fast page mode
    sr[0x15] = 0x04; // 4 MiB
    sr[0x17] = 0x20; // PCI
    sr[0x1f] = 0x2d; // memory clock
    gr[0x18] = 0x0f;
    srIndex = 0;
    grIndex = 0;
    crIndex = 0;
    hiddenDac = 0;
    hiddenDacReads = 0;
    cursorX = 0;
    cursorY = 0;
    palettePart = 0;
    paletteIndex = 0;
  }

  /** Frees video memory; the machine no longer runs. */
  @Override
  public void close() {
    vram.close();
    if (rom != null) {
      rom.close();
    }
  }
}
