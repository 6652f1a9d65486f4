package org.tuber.devices.pci;

import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.mem.RamObserver;
import org.tuber.core.snapshot.Snapshottable;

/**
 * Intel 82441FX (440FX) host bridge: configuration mechanism #1, programmable attribute map, SMRAM.
 *
 * <p>Data sheet 290549-001, sections 3.1 and 3.2. The bridge puts RAM over guest memory C0000H to
 * FFFFFH where the attribute map says so; the board maps RAM around that area and, with {@link
 * AddressSpace#PRIORITY_PCI}, what shows in it otherwise: option ROMs, and the last 128 KiB of the
 * BIOS at E0000H. SMRAM opens at A0000H by D_OPEN only, as no CPU of this machine enters system
 * management mode. DRAM timing and row registers are storage.
 */
public final class I440fxHost implements Snapshottable<I440fxHost.State> {
  /** Ports CF8H to CFFH. */
  public static final int CONFIG_PORTS_BYTES = 8;

  private static final int PAM0 = 0x59;
  private static final int SMRAM = 0x72;
  private static final int SMRAM_D_OPEN = 0x40;
  private static final int SMRAM_D_LCK = 0x10;
  private static final int SMRAM_WRITABLE = 0x78;
  private static final int PAM_SEGMENTS = 13;
  private static final long PAM_BASE = 0xc0000;
  private static final long PAM_SEGMENT_BYTES = 0x4000;
  private static final long SYSTEM_SEGMENT = 0xf0000;
  private static final long SYSTEM_SEGMENT_BYTES = 0x10000;
  private static final long BIOS_SHADOW = 0xe0000;
  private static final long BIOS_ALIAS = 0xfff0_0000L;
  private static final int READ_ENABLE = 1;
  private static final int WRITE_ENABLE = 2;

  /**
   * State.
   *
   * @param pci configuration space
   * @param configAddress CONFADD
   */
  public record State(PciFunction.State pci, int configAddress) {}

  private final class ConfigPorts implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      if (offset >= 4) {
        return (configAddress & 0x8000_0000) == 0
            ? -1
            : bus.readConfig(target(), register(offset), size);
      }
      if (offset == 0 && size == 4) {
        return configAddress & 0xffff_ffffL;
      }
      return offset == 1 && size == 1 ? resetControl.read(0, 1) : -1;
    }

    @Override
    public void write(long offset, long value, int size) {
      if (offset >= 4) {
        if ((configAddress & 0x8000_0000) != 0) {
          bus.writeConfig(target(), register(offset), value, size);
        }
      } else if (offset == 0 && size == 4) {
        configAddress = (int) value & 0x80ff_fffc;
      } else if (offset == 1 && size == 1) {
        resetControl.write(0, value, 1);
      }
    }

    private int target() {
      return configAddress >>> 8 & 0xffff;
    }

    private int register(long offset) {
      return configAddress & 0xfc | (int) offset & 3;
    }

    @Override
    public int maxAccessSize() {
      return 4;
    }
  }

  /** A segment in the state "write only": reads the ROM below 4 GiB, writes RAM under it. */
  private final class RomSide implements MmioDevice {
    private final long base;

    RomSide(long base) {
      this.base = base;
    }

    @Override
    public long read(long offset, int size) {
      long gpa = base + offset;
      return gpa < BIOS_SHADOW ? -1 : memory.read(BIOS_ALIAS + gpa, size);
    }

    @Override
    public void write(long offset, long value, int size) {
      for (int i = 0; i < size; i++) {
        ram.store8(base + offset + i, (int) (value >>> (8 * i)));
      }
      observer.written(ram, base + offset, size);
    }
  }

  private final class Segment {
    private final AddressSpace.Mapping readWrite;
    private final AddressSpace.Mapping readOnly;
    private final AddressSpace.Mapping device;

    Segment(long base, long size) {
      int priority = AddressSpace.PRIORITY_PLATFORM;
      readWrite = memory.mapRam(base, size, ram, base, false, priority);
      readOnly = memory.mapRam(base, size, ram, base, true, priority);
      device = memory.mapDevice(base, size, new RomSide(base), priority);
    }

    private void select(int attributes) {
      readWrite.setEnabled(attributes == (READ_ENABLE | WRITE_ENABLE));
      readOnly.setEnabled(attributes == READ_ENABLE);
      device.setEnabled(attributes == WRITE_ENABLE);
    }
  }

  private final PciBus bus;
  private final AddressSpace memory;
  private final GuestRam ram;
  private final MmioDevice resetControl;
  private final RamObserver observer;
  private final PciFunction pci;
  private final ConfigPorts configPorts = new ConfigPorts();
  private final Segment[] segments = new Segment[PAM_SEGMENTS];
  private final AddressSpace.Mapping smram;
  private int configAddress;

  /** A bridge on a board whose CPUs keep no translated code. */
  public I440fxHost(PciBus bus, AddressSpace memory, GuestRam ram, MmioDevice resetControl) {
    this(bus, memory, ram, resetControl, (written, offset, length) -> {});
  }

  /**
   * The bridge; it puts itself on {@code bus} as device 0.
   *
   * @param bus the root bus
   * @param memory guest-physical memory
   * @param ram RAM whose offsets C0000H to FFFFFH shadow the ROM
   * @param resetControl port CF9H, which lies inside the configuration ports
   * @param observer hears of stores to RAM that guests cannot read at the time
   */
  public I440fxHost(
      PciBus bus,
      AddressSpace memory,
      GuestRam ram,
      MmioDevice resetControl,
      RamObserver observer) {
    this.observer = observer;
    this.bus = bus;
    this.memory = memory;
    this.ram = ram;
    this.resetControl = resetControl;
    pci = new PciFunction("i440fx", new PciFunction.Identity(0x8086, 0x1237, 2, 0x060000));
    pci.define(PciFunction.COMMAND, 0x0006, 2);
    pci.define(PciFunction.STATUS, 0x0280, 2);
    pci.define(SMRAM, 0x02, 1);
    for (int r = 0x50; r < 0x100; r++) {
      pci.allowWrite(r, 0xff, 1);
    }
    pci.allowWrite(PAM0, 0x30, 1);
    for (int r = PAM0 + 1; r <= PAM0 + 6; r++) {
      pci.allowWrite(r, 0x33, 1);
    }
    pci.allowWrite(SMRAM, SMRAM_WRITABLE, 1);
    pci.onConfigWrite(this::configWritten);
    smram = memory.mapRam(0xa0000, 0x20000, ram, 0xa0000, false, AddressSpace.PRIORITY_PLATFORM);
    for (int i = 0; i < PAM_SEGMENTS - 1; i++) {
      segments[i] = new Segment(PAM_BASE + i * PAM_SEGMENT_BYTES, PAM_SEGMENT_BYTES);
    }
    segments[PAM_SEGMENTS - 1] = new Segment(SYSTEM_SEGMENT, SYSTEM_SEGMENT_BYTES);
    bus.attach(0, 0, pci);
    updateMemory();
  }

  /** Ports CF8H to CFFH. */
  public MmioDevice configPorts() {
    return configPorts;
  }

  /** The bridge's own function. */
  public PciFunction pci() {
    return pci;
  }

  /** Selects RAM for C0000H to FFFFFH, as firmware leaves it; for boards that start without. */
  public void openShadowRam() {
    pci.writeConfig(PAM0, 0x30, 1);
    for (int r = PAM0 + 1; r <= PAM0 + 6; r++) {
      pci.writeConfig(r, 0x33, 1);
    }
  }

  private void configWritten(int offset, int size) {
    if (offset <= SMRAM && offset + size > SMRAM) {
      int value = pci.config8(SMRAM);
      if ((value & SMRAM_D_LCK) != 0) {
        // Locked: D_OPEN stays closed and the register read-only until reset.
        pci.setConfig(SMRAM, value & ~SMRAM_D_OPEN, 1);
        pci.allowWrite(SMRAM, 0x20, 1);
      }
      updateMemory();
    } else if (offset <= PAM0 + 6 && offset + size > PAM0) {
      updateMemory();
    }
  }

  private int attributes(int segment) {
    if (segment == PAM_SEGMENTS - 1) {
      return pci.config8(PAM0) >>> 4 & 3;
    }
    int register = pci.config8(PAM0 + 1 + segment / 2);
    return register >>> (segment % 2 * 4) & 3;
  }

  private void updateMemory() {
    memory.batch(
        () -> {
          for (int i = 0; i < PAM_SEGMENTS; i++) {
            segments[i].select(attributes(i));
          }
          smram.setEnabled((pci.config8(SMRAM) & SMRAM_D_OPEN) != 0);
        });
  }

  @Override
  public State save() {
    return new State(pci.save(), configAddress);
  }

  @Override
  public void load(State state) {
    pci.load(state.pci);
    configAddress = state.configAddress & 0x80ff_fffc;
    lockSmram();
    updateMemory();
  }

  @Override
  public void reset() {
    pci.reset();
    configAddress = 0;
    lockSmram();
    updateMemory();
  }

  private void lockSmram() {
    boolean locked = (pci.config8(SMRAM) & SMRAM_D_LCK) != 0;
    pci.allowWrite(SMRAM, locked ? 0x20 : SMRAM_WRITABLE, 1);
  }
}
