package org.tuber.devices.pci;

import java.util.Arrays;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.irq.MsiSink;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;

/**
 * One PCI function as its configuration space shows it: header type 0, base address registers,
 * capabilities, INTx and MSI outputs. A device owns one and declares its registers before {@link
 * PciBus#attach}.
 *
 * <p>PCI Local Bus specification 3.0, chapter 6. Bits that nobody declared writable are read-only.
 * Windows follow the BARs and the decode-enable bits at once. Deviations: error bits of the status
 * register are never set; a BAR of address 0 or one that reaches the top of its space (sizing)
 * decodes nothing.
 */
public final class PciFunction implements Snapshottable<PciFunction.State> {
  /** Bytes of configuration space. */
  public static final int CONFIG_BYTES = 256;

  /** Offset of the command register. */
  public static final int COMMAND = 0x04;

  /** Offset of the status register. */
  public static final int STATUS = 0x06;

  /** Offset of the interrupt line register. */
  public static final int INTERRUPT_LINE = 0x3c;

  /** Command bit: decode I/O. */
  public static final int COMMAND_IO = 0x0001;

  /** Command bit: decode memory. */
  public static final int COMMAND_MEMORY = 0x0002;

  /** Command bit: may start DMA and send messages. */
  public static final int COMMAND_MASTER = 0x0004;

  /** Command bit: no INTx. */
  public static final int COMMAND_INTX_DISABLE = 0x0400;

  private static final int COMMAND_WRITABLE = 0x0547;
  private static final int STATUS_INTX = 0x0008;
  private static final int STATUS_CAPABILITIES = 0x0010;
  private static final int STATUS_CLEAR = 0xf900;
  private static final int BAR0 = 0x10;
  private static final int BARS = 6;
  private static final int ROM = 6;
  private static final int ROM_ADDRESS = 0x30;
  private static final int CAPABILITIES = 0x34;
  private static final int INTERRUPT_PIN = 0x3d;
  private static final int FIRST_CAPABILITY = 0x40;

  /** Kind of a base address register. */
  public enum Space {
    /** I/O ports. */
    IO(0x1),
    /** Memory below 4 GiB. */
    MEMORY_32(0x0),
    /** Prefetchable memory below 4 GiB. */
    MEMORY_32_PREFETCHABLE(0x8),
    /** Memory anywhere; takes two registers. */
    MEMORY_64(0x4),
    /** Prefetchable memory anywhere; takes two registers. */
    MEMORY_64_PREFETCHABLE(0xc);

    private final int typeBits;

    Space(int typeBits) {
      this.typeBits = typeBits;
    }

    private boolean wide() {
      return (typeBits & 4) != 0;
    }
  }

  /**
   * The read-only identity.
   *
   * @param vendor vendor ID
   * @param device device ID
   * @param revision revision ID
   * @param classCode base class, sub-class and interface, 24 bits
   * @param subsystemVendor subsystem vendor ID
   * @param subsystem subsystem ID
   */
  public record Identity(
      int vendor, int device, int revision, int classCode, int subsystemVendor, int subsystem) {
    /** Subsystem 1AF4:1100, as the functions of this PC carry unless they have their own. */
    public Identity(int vendor, int device, int revision, int classCode) {
      this(vendor, device, revision, classCode, 0x1af4, 0x1100);
    }
  }

  /** Hears of configuration writes, after the masks were applied. */
  @FunctionalInterface
  public interface ConfigHook {
    /** Bytes [{@code offset}, +{@code size}) were written. */
    void written(int offset, int size);
  }

  /**
   * State: the configuration space.
   *
   * @param config 256 bytes
   */
  public record State(byte[] config) {}

  private static final class Window {
    private final Space space;
    private final long size;
    private final MmioDevice device;
    private final GuestRam ram;
    private AddressSpace.Mapping mapping;

    Window(Space space, long size, MmioDevice device, GuestRam ram) {
      this.space = space;
      this.size = size;
      this.device = device;
      this.ram = ram;
    }
  }

  private final String name;
  private final byte[] config = new byte[CONFIG_BYTES];
  private final byte[] initial = new byte[CONFIG_BYTES];
  private final byte[] writable = new byte[CONFIG_BYTES];
  private final byte[] clearable = new byte[CONFIG_BYTES];
  private final Window[] windows = new Window[BARS + 1];
  private final IrqLine intx = new IrqLine(this::intxChanged);
  private ConfigHook hook = (offset, size) -> {};
  private int nextCapability = FIRST_CAPABILITY;
  private int lastCapabilityLink = CAPABILITIES;
  private AddressSpace memory;
  private AddressSpace io;
  private IrqLine intxOutput = IrqLine.unconnected();
  private MsiSink msi = (address, data) -> {};

  /** A function without BARs, capabilities or interrupt pin. */
  public PciFunction(String name, Identity id) {
    this.name = name;
    define(0x00, id.vendor, 2);
    define(0x02, id.device, 2);
    define(0x08, id.revision, 1);
    define(0x09, id.classCode, 3);
    define(0x2c, id.subsystemVendor, 2);
    define(0x2e, id.subsystem, 2);
    allowWrite(COMMAND, COMMAND_WRITABLE, 2);
    allowClear(STATUS, STATUS_CLEAR, 2);
    allowWrite(0x0c, 0xff, 1);
    allowWrite(0x0d, 0xff, 1);
    allowWrite(INTERRUPT_LINE, 0xff, 1);
  }

  // Declaration.

  /** Sets the reset value of {@code size} bytes. */
  public void define(int offset, long value, int size) {
    for (int i = 0; i < size; i++) {
      byte b = (byte) (value >>> (8 * i));
      initial[offset + i] = b;
      config[offset + i] = b;
    }
  }

  /** Sets which bits the guest may write. */
  public void allowWrite(int offset, long mask, int size) {
    for (int i = 0; i < size; i++) {
      writable[offset + i] = (byte) (mask >>> (8 * i));
    }
  }

  /** Sets which bits the guest clears by writing one. */
  public void allowClear(int offset, long mask, int size) {
    for (int i = 0; i < size; i++) {
      clearable[offset + i] = (byte) (mask >>> (8 * i));
    }
  }

  /** Marks function 0 of a device that has more. */
  public void multifunction() {
    define(0x0e, initial[0x0e] | 0x80, 1);
  }

  /** The interrupt pin: 1 for INTA to 4 for INTD. */
  public void interruptPin(int pin) {
    define(INTERRUPT_PIN, pin, 1);
  }

  /** Who hears of configuration writes. */
  public void onConfigWrite(ConfigHook newHook) {
    hook = newHook;
  }

  /** A window of registers behind base address register {@code index}. */
  public void addBar(int index, Space space, long sizeBytes, MmioDevice device) {
    addWindow(index, new Window(space, sizeBytes, device, null));
  }

  /** A window of RAM (video memory) behind base address register {@code index}. */
  public void addRamBar(int index, Space space, GuestRam ram) {
    addWindow(index, new Window(space, ram.sizeBytes(), null, ram));
  }

  /** The expansion ROM; its size is a power of two. */
  public void addRom(GuestRam rom) {
    checkSize(rom.sizeBytes());
    windows[ROM] = new Window(Space.MEMORY_32, rom.sizeBytes(), null, rom);
    allowWrite(ROM_ADDRESS, (-rom.sizeBytes() & 0xffff_f800L) | 1, 4);
  }

  private void addWindow(int index, Window window) {
    checkSize(window.size);
    int offset = BAR0 + 4 * index;
    windows[index] = window;
    int size = window.space.wide() ? 8 : 4;
    define(offset, window.space.typeBits, size);
    long flags = window.space == Space.IO ? 3 : 15;
    allowWrite(offset, -window.size & ~flags, size);
  }

  private void checkSize(long size) {
    if (Long.bitCount(size) != 1 || size < 4) {
      throw new IllegalArgumentException(name + ": window of " + size + " bytes");
    }
  }

  /**
   * Adds a capability to the list.
   *
   * @return its offset
   */
  public int addCapability(int id, int sizeBytes) {
    int offset = nextCapability;
    nextCapability = (offset + sizeBytes + 3) & ~3;
    if (nextCapability > CONFIG_BYTES) {
      throw new IllegalArgumentException(name + ": no room for capability " + id);
    }
    define(lastCapabilityLink, offset, 1);
    lastCapabilityLink = offset + 1;
    define(offset, id, 1);
    define(STATUS, config16(STATUS) | STATUS_CAPABILITIES, 2);
    return offset;
  }

  /** Where the next capability goes; for functions whose registers begin at 40H. */
  public void capabilitiesFrom(int offset) {
    nextCapability = offset;
  }

  /** Puts the function on a bus. */
  void connect(AddressSpace memorySpace, AddressSpace ioSpace, IrqLine output, MsiSink sink) {
    memory = memorySpace;
    io = ioSpace;
    intxOutput = output;
    msi = sink;
    memory.batch(
        () -> {
          for (Window w : windows) {
            if (w != null) {
              map(w);
            }
          }
        });
    updateWindows();
  }

  private void map(Window w) {
    int priority = AddressSpace.PRIORITY_PCI;
    if (w.space == Space.IO) {
      w.mapping = io.mapDevice(0, w.size, w.device, priority);
    } else if (w.ram != null) {
      w.mapping = memory.mapRam(0, w.size, w.ram, 0, w == windows[ROM], priority);
    } else {
      w.mapping = memory.mapDevice(0, w.size, w.device, priority);
    }
    w.mapping.setEnabled(false);
  }

  // What the device uses.

  /** Short name for messages. */
  public String name() {
    return name;
  }

  /** The wire that the device drives for its interrupt pin. */
  public IrqLine intx() {
    return intx;
  }

  /** True when the device may access memory. */
  public boolean busMaster() {
    return (config16(COMMAND) & COMMAND_MASTER) != 0;
  }

  /** The interrupt pin, 0 for none. */
  int pin() {
    return config[INTERRUPT_PIN];
  }

  /** Sends a message if the function may. */
  void sendMessage(long address, int data) {
    if (busMaster()) {
      msi.send(address, data);
    }
  }

  /** A byte of configuration space. */
  public int config8(int offset) {
    return config[offset] & 0xff;
  }

  /** 16 bits of configuration space. */
  public int config16(int offset) {
    return config8(offset) | config8(offset + 1) << 8;
  }

  /** 32 bits of configuration space. */
  public int config32(int offset) {
    return config16(offset) | config16(offset + 2) << 16;
  }

  /** Sets configuration bytes as the hardware itself does, without masks and hook. */
  public void setConfig(int offset, long value, int size) {
    for (int i = 0; i < size; i++) {
      config[offset + i] = (byte) (value >>> (8 * i));
    }
  }

  /** Base address of window {@code index} as the guest set it. */
  public long barAddress(int index) {
    Window w = windows[index];
    int offset = index == ROM ? ROM_ADDRESS : BAR0 + 4 * index;
    long low = config32(offset) & 0xffff_ffffL;
    if (w != null && w.space.wide()) {
      low |= (long) config32(offset + 4) << 32;
    }
    long flags = w != null && w.space == Space.IO ? 3 : index == ROM ? 0x7ff : 15;
    return low & ~flags;
  }

  /** Size of window {@code index}, 0 to 5 or 6 for the ROM; 0: there is none. */
  public long barBytes(int index) {
    return windows[index] == null ? 0 : windows[index].size;
  }

  /** Kind of window {@code index}, or null. */
  public Space barSpace(int index) {
    return windows[index] == null ? null : windows[index].space;
  }

  // What the guest does.

  /** Reads 1, 2 or 4 bytes; what lies outside reads as all ones. */
  public long readConfig(int offset, int size) {
    long value = 0;
    for (int i = 0; i < size; i++) {
      int at = offset + i;
      long b = at >= 0 && at < CONFIG_BYTES ? config[at] & 0xff : 0xff;
      value |= b << (8 * i);
    }
    return value;
  }

  /** Writes 1, 2 or 4 bytes. */
  public void writeConfig(int offset, long value, int size) {
    if (offset < 0 || offset + size > CONFIG_BYTES) {
      return;
    }
    for (int i = 0; i < size; i++) {
      int at = offset + i;
      int v = (int) (value >>> (8 * i)) & 0xff;
      int merged = (config[at] & ~writable[at]) | (v & writable[at]);
      config[at] = (byte) (merged & ~(v & clearable[at]));
    }
    boolean bars = offset < BAR0 + 4 * BARS && offset + size > BAR0;
    boolean rom = offset < ROM_ADDRESS + 4 && offset + size > ROM_ADDRESS;
    boolean command = offset < COMMAND + 2 && offset + size > COMMAND;
    if (bars || rom || command) {
      updateWindows();
    }
    if (command) {
      driveIntx();
    }
    hook.written(offset, size);
  }

  private void updateWindows() {
    if (memory == null) {
      return;
    }
    int command = config16(COMMAND);
    for (int i = 0; i < windows.length; i++) {
      Window w = windows[i];
      if (w == null) {
        continue;
      }
      long address = barAddress(i);
      boolean isIo = w.space == Space.IO;
      boolean on = (command & (isIo ? COMMAND_IO : COMMAND_MEMORY)) != 0;
      if (i == ROM) {
        on &= (config32(ROM_ADDRESS) & 1) != 0;
      }
      long last = address + w.size - 1;
      long top = isIo ? 0xffff : w.space.wide() ? -1L : 0xffff_ffffL;
      on &= address != 0 && Long.compareUnsigned(last, top) < 0 && last - address > 0;
      if (on && address != w.mapping.base()) {
        // Hide before moving: two changes, but never a window at a stale place.
        w.mapping.setEnabled(false);
        w.mapping.moveTo(address);
      }
      w.mapping.setEnabled(on);
    }
  }

  private void intxChanged(boolean level) {
    config[STATUS] = (byte) (level ? config[STATUS] | STATUS_INTX : config[STATUS] & ~STATUS_INTX);
    driveIntx();
  }

  private void driveIntx() {
    intxOutput.set(intx.level() && (config16(COMMAND) & COMMAND_INTX_DISABLE) == 0);
  }

  // State.

  @Override
  public State save() {
    return new State(config.clone());
  }

  @Override
  public void load(State state) {
    if (state.config.length != CONFIG_BYTES) {
      throw new IllegalArgumentException(name + ": config: " + state.config.length + " bytes");
    }
    if (!Arrays.equals(state.config, 0, 4, initial, 0, 4)) {
      throw new IllegalArgumentException(name + ": config: another device");
    }
    System.arraycopy(state.config, 0, config, 0, CONFIG_BYTES);
    updateWindows();
    intxChanged(intx.level());
  }

  @Override
  public void reset() {
    System.arraycopy(initial, 0, config, 0, CONFIG_BYTES);
    updateWindows();
    intxChanged(intx.level());
  }
}
