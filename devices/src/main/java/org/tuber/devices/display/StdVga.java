package org.tuber.devices.display;

import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.mem.RamObserver;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.core.time.VirtualClock;
import org.tuber.devices.pci.PciFunction;

/**
 * The standard VGA card of virtual PCs: PCI 1234:1111, a VGA with Bochs' VBE registers, a linear
 * frame buffer and a window of registers with the monitor's EDID.
 *
 * <p>QEMU "standard vga" interface description; see {@link VgaCore}, {@link BochsVbe} and {@link
 * Edid} for the parts. BAR 0 is video memory, BAR 2 the registers. Deviations: the big-endian frame
 * buffer is refused; the legacy ports and the window at A0000H answer whatever the PCI command
 * register says.
 */
public final class StdVga implements Display, Snapshottable<StdVga.State>, AutoCloseable {
  /** Usual size of video memory. */
  public static final int DEFAULT_VRAM_BYTES = 16 << 20;

  private static final int DISPI_PORT = 0x1ce;
  private static final int DISPI_PORTS_BYTES = 4;
  private static final int REGISTERS_BYTES = 0x1000;
  private static final int VGA_OFFSET = 0x400;
  private static final int VGA_FIRST_PORT = 0x3c0;
  private static final int VGA_PORTS = 0x20;
  private static final int DISPI_OFFSET = 0x500;
  private static final int EXTENSION_OFFSET = 0x600;
  private static final int EXTENSION_BYTES = 8;
  private static final int ENDIAN_OFFSET = 0x604;
  private static final long LITTLE_ENDIAN = 0x1e1e_1e1eL;
  private static final int PREFERRED_WIDTH = 1280;
  private static final int PREFERRED_HEIGHT = 800;

  /**
   * State.
   *
   * @param pci configuration space
   * @param vga the VGA's registers
   * @param vbe the VBE registers
   * @param vram video memory
   */
  public record State(PciFunction.State pci, VgaCore.State vga, BochsVbe.State vbe, byte[] vram) {}

  private final PciFunction pci;
  private final GuestRam vram;
  private final GuestRam rom;
  private final VgaCore vga;
  private final BochsVbe vbe;
  private final VgaScreen screen;
  private final RamObserver observer;
  private final byte[] edid = Edid.of(PREFERRED_WIDTH, PREFERRED_HEIGHT);
  private final OnceLog log = new OnceLog("stdvga");
  private final MmioDevice window = new MemoryWindow();
  private final MmioDevice dispiPorts = new DispiPorts();
  private final MmioDevice registers = new Registers();

  /**
   * A card after power-on; the board attaches {@link #pci}.
   *
   * @param vramBytes size of video memory, a power of two of at least 64 KiB
   * @param romImage the card's BIOS, or null
   * @param observer hears of stores to pages that were marked
   */
  public StdVga(int vramBytes, byte[] romImage, VirtualClock clock, RamObserver observer) {
    this.observer = observer;
    vram = new GuestRam(vramBytes);
    vga = new VgaCore(vram, clock, observer);
    vbe = new BochsVbe(vram, vga);
    screen = new VgaScreen(vga, vram);
    pci = new PciFunction("stdvga", new PciFunction.Identity(0x1234, 0x1111, 2, 0x030000));
    pci.addRamBar(0, PciFunction.Space.MEMORY_32_PREFETCHABLE, vram);
    pci.addBar(2, PciFunction.Space.MEMORY_32, REGISTERS_BYTES, registers);
    if (romImage == null) {
      rom = null;
    } else {
      int bytes = Math.max(0x1_0000, Integer.highestOneBit(Math.max(1, romImage.length * 2 - 1)));
      rom = new GuestRam(bytes);
      rom.write(0, romImage, 0, romImage.length);
      pci.addRom(rom);
    }
  }

  /** Makes the ports and the window below 1 MiB answer. */
  public void mapLegacy(AddressSpace memory, AddressSpace io) {
    int platform = AddressSpace.PRIORITY_PLATFORM;
    io.mapDevice(VgaCore.FIRST_PORT, VgaCore.PORTS_BYTES, vga.ports(), platform);
    io.mapDevice(DISPI_PORT, DISPI_PORTS_BYTES, dispiPorts, platform);
    memory.mapDevice(VgaCore.WINDOW_BASE, VgaCore.WINDOW_BYTES, window, AddressSpace.PRIORITY_PCI);
  }

  /** The PCI function. */
  public PciFunction pci() {
    return pci;
  }

  /** The ports 3B0H to 3DFH. */
  MmioDevice vgaPorts() {
    return vga.ports();
  }

  /** The ports 1CEH to 1D1H. */
  MmioDevice dispiPorts() {
    return dispiPorts;
  }

  /** The window at A0000H. */
  MmioDevice window() {
    return window;
  }

  /** The registers behind BAR 2. */
  MmioDevice registers() {
    return registers;
  }

  /** Video memory. */
  GuestRam vram() {
    return vram;
  }

  @Override
  public void render(DisplaySurface surface) {
    if (vbe.isOn()) {
      vbe.render(surface);
    } else {
      screen.render(surface);
    }
  }

  @Override
  public String text() {
    return vbe.isOn() || !screen.isText() ? "" : screen.text();
  }

  @Override
  public boolean render(TextScreen out) {
    boolean text = !vbe.isOn() && screen.isText();
    if (text) {
      screen.render(out);
    }
    return text;
  }

  /** A0000H to BFFFFH. */
  private final class MemoryWindow implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      if (!vbe.isBanked()) {
        return vga.readMemory((int) offset);
      }
      long at = vbe.bankStart() + offset;
      return offset < 0x1_0000 && at < vram.sizeBytes() ? vram.load8(at) : 0xff;
    }

    @Override
    public void write(long offset, long value, int size) {
      if (!vbe.isBanked()) {
        vga.writeMemory((int) offset, (int) value & 0xff);
        return;
      }
      long at = vbe.bankStart() + offset;
      if (offset < 0x1_0000 && at < vram.sizeBytes()) {
        vram.store8(at, (int) value);
        if (vram.pageFlags(at) != 0) {
          observer.written(vram, at, 1);
        }
      }
    }

    @Override
    public int maxAccessSize() {
      return 1;
    }
  }

  /** Index at 1CEH; data at 1CFH, where PCs of old looked for it, and at 1D0H. */
  private final class DispiPorts implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      return offset == 0 ? vbe.index() : offset == 3 ? 0xffff : vbe.read(vbe.index());
    }

    @Override
    public void write(long offset, long value, int size) {
      if (offset == 0) {
        vbe.select((int) value & 0xffff);
      } else if (offset < 3) {
        vbe.write(vbe.index(), (int) value & 0xffff);
      }
    }

    @Override
    public int maxAccessSize() {
      return 2;
    }
  }

  /** BAR 2. */
  private final class Registers implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      int at = (int) offset;
      if (at >= DISPI_OFFSET && at < DISPI_OFFSET + 2 * BochsVbe.REGISTERS) {
        return (long) vbe.read((at - DISPI_OFFSET) / 2) >>> (8 * (at & 1));
      }
      if (at >= EXTENSION_OFFSET && at < EXTENSION_OFFSET + EXTENSION_BYTES) {
        long both = (long) EXTENSION_BYTES | LITTLE_ENDIAN << 32;
        return both >>> (8 * (at - EXTENSION_OFFSET));
      }
      long value = 0;
      for (int i = 0; i < size; i++) {
        value |= (long) readByte(at + i) << (8 * i);
      }
      return value;
    }

    private int readByte(int at) {
      if (at < edid.length) {
        return edid[at] & 0xff;
      }
      if (at < VGA_OFFSET) {
        return 0;
      }
      if (at < VGA_OFFSET + VGA_PORTS) {
        return vga.readPort(VGA_FIRST_PORT + at - VGA_OFFSET);
      }
      log.unassignedRead(at, 1);
      return 0xff;
    }

    @Override
    public void write(long offset, long value, int size) {
      int at = (int) offset;
      if (at >= DISPI_OFFSET && at < DISPI_OFFSET + 2 * BochsVbe.REGISTERS) {
        for (int i = 0; i < Math.max(1, size / 2); i++) {
          vbe.write((at - DISPI_OFFSET) / 2 + i, (int) (value >>> (16 * i)) & 0xffff);
        }
      } else if (at >= VGA_OFFSET && at < VGA_OFFSET + VGA_PORTS) {
        for (int i = 0; i < size && at + i < VGA_OFFSET + VGA_PORTS; i++) {
          vga.writePort(VGA_FIRST_PORT + at + i - VGA_OFFSET, (int) (value >>> (8 * i)) & 0xff);
        }
      } else if (at == ENDIAN_OFFSET) {
        if (value != LITTLE_ENDIAN) {
          log.unimplemented("big-endian frame buffer", offset, value);
        }
      } else {
        log.unassignedWrite(offset, value, size);
      }
    }

    @Override
    public int maxAccessSize() {
      return 4;
    }
  }

  @Override
  public State save() {
    byte[] memory = new byte[(int) vram.sizeBytes()];
    vram.read(0, memory, 0, memory.length);
    return new State(pci.save(), vga.save(), vbe.save(), memory);
  }

  @Override
  public void load(State s) {
    if (s.vram.length != vram.sizeBytes()) {
      throw new IllegalArgumentException("stdvga: vram: " + s.vram.length + " bytes");
    }
    vga.check(s.vga);
    vbe.check(s.vbe);
    pci.load(s.pci);
    vga.load(s.vga);
    vbe.load(s.vbe);
    vram.write(0, s.vram, 0, s.vram.length);
    observer.written(vram, 0, s.vram.length);
  }

  @Override
  public void reset() {
    pci.reset();
    vga.reset();
    vbe.reset();
    vram.clear(0, vram.sizeBytes());
    observer.written(vram, 0, vram.sizeBytes());
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
