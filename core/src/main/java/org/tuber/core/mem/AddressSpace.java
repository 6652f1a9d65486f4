package org.tuber.core.mem;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A guest-physical (or port) address space: ranges of RAM, ROM and device windows with priorities.
 *
 * <p>Mappings are flattened into sorted, disjoint {@link Range}s; where mappings overlap the higher
 * priority wins, among equals the one added later. Every change bumps {@link #epoch} and tells the
 * listeners, which drop cached translations. Look-ups read one volatile array and take no lock;
 * device accesses take the machine's device lock.
 */
public final class AddressSpace {
  /** What an address resolves to: {@code ram} or {@code device}, never both. */
  public static final class Range {
    /** First guest address. */
    public final long start;

    /** Last guest address, inclusive. */
    public final long last;

    /** Backing RAM, or null for a device. */
    public final GuestRam ram;

    /** Device, or null for RAM. */
    public final MmioDevice device;

    /** Offset in {@link #ram} or {@link #device} of {@link #start}. */
    public final long offset;

    /** True when guest stores do not reach {@link #ram} (ROM). */
    public final boolean readOnly;

    /** Who takes stores to a ROM (flash memory); null: they are dropped. */
    public final MmioDevice stores;

    Range(long start, long last, Mapping m) {
      this.start = start;
      this.last = last;
      this.ram = m.ram;
      this.device = m.device;
      this.offset = m.targetOffset + (start - m.base);
      this.readOnly = m.readOnly;
      this.stores = m.stores;
    }

    /** Offset in the RAM or device of a guest address inside this range. */
    public long offsetOf(long gpa) {
      return offset + (gpa - start);
    }
  }

  /** A mapping that its owner can move, enable and remove. */
  public final class Mapping {
    private final GuestRam ram;
    private final MmioDevice device;
    private final long targetOffset;
    private final boolean readOnly;
    private final MmioDevice stores;
    private final int priority;
    private final int order;
    private final long size;
    private long base;
    private boolean enabled = true;

    private Mapping(
        GuestRam ram,
        MmioDevice device,
        long targetOffset,
        boolean readOnly,
        MmioDevice stores,
        int priority,
        int order,
        long base,
        long size) {
      this.ram = ram;
      this.device = device;
      this.targetOffset = targetOffset;
      this.readOnly = readOnly;
      this.stores = stores;
      this.priority = priority;
      this.order = order;
      this.base = base;
      this.size = size;
    }

    /** First address. */
    public long base() {
      return base;
    }

    /** Size in bytes. */
    public long size() {
      return size;
    }

    /** Moves the window, as a write to a BAR does. */
    public void moveTo(long newBase) {
      if (newBase != base) {
        base = newBase;
        if (enabled) {
          rebuild();
        }
      }
    }

    /** Shows or hides the window, as the decode-enable bits do. */
    public void setEnabled(boolean on) {
      if (on != enabled) {
        enabled = on;
        rebuild();
      }
    }

    /** Takes the mapping away for good. */
    public void remove() {
      if (mappings.remove(this)) {
        rebuild();
      }
    }
  }

  /** Priority of RAM. */
  public static final int PRIORITY_RAM = 0;

  /** Priority of PCI windows: above RAM, so that the VGA hole works. */
  public static final int PRIORITY_PCI = 10;

  /** Priority of fixed platform devices (APICs, HPET) and shadow RAM. */
  public static final int PRIORITY_PLATFORM = 20;

  private final String name;
  private final long sizeBytes;
  private final ReentrantLock deviceLock;
  private final List<Mapping> mappings = new ArrayList<>();
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private volatile Range[] ranges = {};
  private volatile int epoch;
  private int nextOrder;
  private boolean batching;

  /**
   * An empty address space.
   *
   * @param name for messages: {@code "memory"}, {@code "io"}
   * @param sizeBytes addresses are below this; 0 means the full 64 bits
   * @param deviceLock the machine's one lock around device code
   */
  public AddressSpace(String name, long sizeBytes, ReentrantLock deviceLock) {
    this.name = name;
    this.sizeBytes = sizeBytes;
    this.deviceLock = deviceLock;
  }

  /** Name for messages. */
  public String name() {
    return name;
  }

  /** Exclusive upper bound of addresses; 0 means the full 64 bits. */
  public long sizeBytes() {
    return sizeBytes;
  }

  /** The lock held around every device access. */
  public ReentrantLock deviceLock() {
    return deviceLock;
  }

  /** Grows by one at each change of the map. */
  public int epoch() {
    return epoch;
  }

  /** Calls {@code listener} after each change of the map, on the thread that made it. */
  public void addListener(Runnable listener) {
    listeners.add(listener);
  }

  /** Maps RAM [{@code ramOffset}, +{@code size}) at {@code base}. */
  public Mapping mapRam(long base, long size, GuestRam ram, long ramOffset) {
    return add(
        new Mapping(ram, null, ramOffset, false, null, PRIORITY_RAM, nextOrder++, base, size));
  }

  /** Maps RAM with a priority; {@code readOnly} drops guest stores (ROM, shadow RAM). */
  public Mapping mapRam(
      long base, long size, GuestRam ram, long ramOffset, boolean readOnly, int priority) {
    return add(
        new Mapping(ram, null, ramOffset, readOnly, null, priority, nextOrder++, base, size));
  }

  /**
   * Maps memory that is read like RAM while stores go to a device (flash memory); the device's
   * offsets are those in {@code ram}.
   */
  public Mapping mapRom(
      long base, long size, GuestRam ram, long ramOffset, MmioDevice stores, int priority) {
    return add(new Mapping(ram, null, ramOffset, true, stores, priority, nextOrder++, base, size));
  }

  /** Maps a device window of {@code size} bytes at {@code base}. */
  public Mapping mapDevice(long base, long size, MmioDevice device, int priority) {
    return add(new Mapping(null, device, 0, false, null, priority, nextOrder++, base, size));
  }

  private Mapping add(Mapping m) {
    if (m.size <= 0) {
      throw new IllegalArgumentException(name + ": mapping of size " + m.size);
    }
    mappings.add(m);
    rebuild();
    return m;
  }

  /** Runs several changes as one: listeners hear once. */
  public void batch(Runnable changes) {
    if (batching) {
      changes.run();
      return;
    }
    batching = true;
    try {
      changes.run();
    } finally {
      batching = false;
      rebuild();
    }
  }

  private void rebuild() {
    if (batching) {
      return;
    }
    List<Mapping> byPriority = new ArrayList<>();
    for (Mapping m : mappings) {
      if (m.enabled) {
        byPriority.add(m);
      }
    }
    byPriority.sort(
        Comparator.comparingInt((Mapping m) -> m.priority)
            .thenComparingInt(m -> m.order)
            .reversed());
    List<Range> flat = new ArrayList<>();
    for (Mapping m : byPriority) {
      long last = m.base + m.size - 1;
      if (sizeBytes != 0 && Long.compareUnsigned(last, sizeBytes - 1) > 0) {
        last = sizeBytes - 1;
      }
      if (Long.compareUnsigned(m.base, last) > 0) {
        continue;
      }
      addVisible(flat, m, m.base, last);
    }
    flat.sort((a, b) -> Long.compareUnsigned(a.start, b.start));
    ranges = flat.toArray(new Range[0]);
    synchronized (this) {
      epoch++;
    }
    for (Runnable listener : listeners) {
      listener.run();
    }
  }

  /** Adds the parts of [start, last] that no range in {@code flat} covers yet. */
  private static void addVisible(List<Range> flat, Mapping m, long start, long last) {
    List<Range> covering = new ArrayList<>(flat);
    covering.removeIf(
        r -> Long.compareUnsigned(r.last, start) < 0 || Long.compareUnsigned(r.start, last) > 0);
    covering.sort((a, b) -> Long.compareUnsigned(a.start, b.start));
    long from = start;
    for (Range r : covering) {
      if (Long.compareUnsigned(from, r.start) < 0) {
        flat.add(new Range(from, r.start - 1, m));
      }
      if (r.last == last || Long.compareUnsigned(r.last, last) > 0) {
        return;
      }
      from = r.last + 1;
    }
    flat.add(new Range(from, last, m));
  }

  /** The range that holds {@code gpa}, or null where nothing answers. */
  public Range find(long gpa) {
    Range[] rs = ranges;
    int low = 0;
    int high = rs.length - 1;
    while (low <= high) {
      int mid = (low + high) >>> 1;
      Range r = rs[mid];
      if (Long.compareUnsigned(gpa, r.start) < 0) {
        high = mid - 1;
      } else if (Long.compareUnsigned(gpa, r.last) > 0) {
        low = mid + 1;
      } else {
        return r;
      }
    }
    return null;
  }

  /** Bytes from {@code gpa}, where nothing answers, up to the next range; at most 2 GiB. */
  public long holeBytes(long gpa) {
    long hole = Integer.MAX_VALUE;
    for (Range r : ranges) {
      long distance = r.start - gpa;
      if (distance > 0 && distance < hole) {
        hole = distance;
      }
    }
    return hole;
  }

  /** All visible ranges in ascending order. */
  public List<Range> ranges() {
    return List.of(ranges);
  }

  /**
   * Reads 1 to 8 bytes at a guest address, RAM or device, little-endian; nothing there reads as all
   * ones. The slow door: takes the device lock for a device.
   */
  public long read(long gpa, int size) {
    Range r = find(gpa);
    if (r == null || Long.compareUnsigned(r.last - gpa, size - 1) < 0) {
      return readBytewise(gpa, size);
    }
    long offset = r.offsetOf(gpa);
    if (r.ram != null) {
      return switch (size) {
        case 1 -> r.ram.load8(offset);
        case 2 -> r.ram.load16(offset);
        case 4 -> r.ram.load32(offset) & 0xffff_ffffL;
        case 8 -> r.ram.load64(offset);
        default -> readBytewise(gpa, size);
      };
    }
    deviceLock.lock();
    try {
      int step = Math.min(size, r.device.maxAccessSize());
      long value = 0;
      for (int i = 0; i < size; i += step) {
        value |= (r.device.read(offset + i, step) & mask(step)) << (8 * i);
      }
      return value;
    } finally {
      deviceLock.unlock();
    }
  }

  private long readBytewise(long gpa, int size) {
    if (size == 1) {
      return 0xff;
    }
    long value = 0;
    for (int i = 0; i < size; i++) {
      value |= read(gpa + i, 1) << (8 * i);
    }
    return value;
  }

  /** Writes 1 to 8 bytes at a guest address; see {@link #read}. */
  public void write(long gpa, long value, int size) {
    Range r = find(gpa);
    if (r == null || Long.compareUnsigned(r.last - gpa, size - 1) < 0) {
      if (size > 1) {
        for (int i = 0; i < size; i++) {
          write(gpa + i, value >>> (8 * i), 1);
        }
      }
      return;
    }
    long offset = r.offsetOf(gpa);
    if (r.ram != null) {
      if (r.readOnly) {
        if (r.stores != null) {
          writeDevice(r.stores, offset, value, size);
        }
        return;
      }
      switch (size) {
        case 1 -> r.ram.store8(offset, (int) value);
        case 2 -> r.ram.store16(offset, (int) value);
        case 4 -> r.ram.store32(offset, (int) value);
        case 8 -> r.ram.store64(offset, value);
        default -> {
          for (int i = 0; i < size; i++) {
            r.ram.store8(offset + i, (int) (value >>> (8 * i)));
          }
        }
      }
      return;
    }
    writeDevice(r.device, offset, value, size);
  }

  private void writeDevice(MmioDevice device, long offset, long value, int size) {
    deviceLock.lock();
    try {
      int step = Math.min(size, device.maxAccessSize());
      for (int i = 0; i < size; i += step) {
        device.write(offset + i, (value >>> (8 * i)) & mask(step), step);
      }
    } finally {
      deviceLock.unlock();
    }
  }

  private static long mask(int size) {
    return size == 8 ? -1L : (1L << (8 * size)) - 1;
  }
}
