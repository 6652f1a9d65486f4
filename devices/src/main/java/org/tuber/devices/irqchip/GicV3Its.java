package org.tuber.devices.irqchip;

import org.tuber.core.irq.MsiSink;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;

/**
 * Interrupt Translation Service of a GICv3: turns messages (device, event) into LPIs of a CPU, by
 * tables in guest memory that commands change.
 *
 * <p>Arm IHI 0069H, chapters 5.3 and 12.18. The formats of table entries are this model's own, as
 * the architecture leaves them to the implementation: devices and collections take eight bytes,
 * events twelve, as on QEMU. Commands run at once when GITS_CWRITER is written; a command that
 * makes no sense is skipped. No virtual LPIs, no multi-level collections.
 */
public final class GicV3Its implements MmioDevice, Snapshottable<GicV3Its.State> {
  /** Size of the window: control and translation frame. */
  public static final int WINDOW_BYTES = 0x2_0000;

  private static final int GITS_CTLR = 0x0000;
  private static final int GITS_IIDR = 0x0004;
  private static final int GITS_TYPER = 0x0008;
  private static final int GITS_CBASER = 0x0080;
  private static final int GITS_CWRITER = 0x0088;
  private static final int GITS_CREADR = 0x0090;
  private static final int GITS_BASER = 0x0100;
  private static final int GITS_BASER_END = 0x0140;
  private static final int ID = 0xffd0;
  private static final int GITS_TRANSLATER = 0x1_0040;

  private static final int CTLR_ENABLED = 1;
  private static final long CTLR_QUIESCENT = 1L << 31;

  /** Physical LPIs; 12-byte events; 16 bits of events, devices and collections. */
  private static final long TYPER = 0x1f_0001_efb1L;

  private static final int BASERS = 8;
  private static final int DEVICES = 0;
  private static final int COLLECTIONS = 1;
  private static final long VALID = 1L << 63;
  private static final long INDIRECT = 1L << 62;
  private static final long BASER_READ_ONLY = 0x071f_0000_0000_0000L;
  private static final long[] BASER_RESET = {0x0107_0000_0000_0200L, 0x0407_0000_0000_0200L};
  private static final long PAGE_ADDRESS = 0x0000_ffff_ffff_f000L;
  private static final long QUEUE_ADDRESS = 0x000f_ffff_ffff_f000L;
  private static final long CBASER_MASK = 0xbfff_ffff_ffff_ffffL & ~0x300L;
  private static final int COMMAND_BYTES = 32;
  private static final int EVENT_BYTES = 12;
  private static final long ITT_ADDRESS = 0x000f_ffff_ffff_ff00L;

  private static final int MOVI = 0x01;
  private static final int INT = 0x03;
  private static final int CLEAR = 0x04;
  private static final int SYNC = 0x05;
  private static final int MAPD = 0x08;
  private static final int MAPC = 0x09;
  private static final int MAPTI = 0x0a;
  private static final int MAPI = 0x0b;
  private static final int INV = 0x0c;
  private static final int INVALL = 0x0d;
  private static final int MOVALL = 0x0e;
  private static final int DISCARD = 0x0f;

  /**
   * State; the tables are in guest memory.
   *
   * @param enabled GITS_CTLR.Enabled
   * @param cbaser command queue
   * @param cwriter where the guest writes next
   * @param creadr where commands are read next
   * @param baser tables
   */
  public record State(boolean enabled, long cbaser, long cwriter, long creadr, long[] baser) {}

  private final GicV3 gic;
  private final DmaView memory;
  private final long base;
  private final long[] baser = new long[BASERS];
  private boolean enabled;
  private long cbaser;
  private long cwriter;
  private long creadr;

  /**
   * A service in front of {@code gic}.
   *
   * @param base guest-physical address of the window, where messages go
   */
  public GicV3Its(GicV3 gic, DmaView memory, long base) {
    this.gic = gic;
    this.memory = memory;
    this.base = base;
    reset();
  }

  /** Where messages of the device with this ID go. */
  public MsiSink messagesOf(int device) {
    return (address, data) -> {
      if (address == base + GITS_TRANSLATER) {
        deliver(device, data & 0xffff_ffffL, true);
      }
    };
  }

  // Tables.

  private static long pageBytes(long register) {
    return switch ((int) (register >>> 8) & 3) {
      case 0 -> 0x1000;
      case 1 -> 0x4000;
      default -> 0x1_0000;
    };
  }

  /** Address of entry {@code n} of a table of eight-byte entries, or -1. */
  private long entry(int table, long n) {
    long register = baser[table];
    if (register >= 0 || n < 0 || n >= 1 << GicV3.ID_BITS) {
      return -1;
    }
    long page = pageBytes(register);
    long size = ((register & 0xff) + 1) * page;
    long address = register & PAGE_ADDRESS;
    if ((register & INDIRECT) == 0) {
      return 8 * n < size ? address + 8 * n : -1;
    }
    long at = 8 * n / page * 8;
    if (at >= size) {
      return -1;
    }
    long second = memory.readValue(address + at, 8);
    return second < 0 ? (second & PAGE_ADDRESS) + 8 * n % page : -1;
  }

  /** Reads an entry; one that is not valid reads as 0. */
  private long load(int table, long n) {
    long at = entry(table, n);
    long value = at < 0 ? 0 : memory.readValue(at, 8);
    return value < 0 ? value : 0;
  }

  private void store(int table, long n, long value) {
    long at = entry(table, n);
    if (at >= 0) {
      memory.writeValue(at, value, 8);
    }
  }

  /** Address of an event's entry, or -1. A device's entry: valid, ITT address, ID bits - 1. */
  private long event(long device, long event) {
    long d = load(DEVICES, device);
    long limit = 1L << (d & 0x1f) + 1;
    return d == 0 || event >= limit ? -1 : (d & ITT_ADDRESS) + EVENT_BYTES * event;
  }

  /** The CPU of a collection, or null. */
  private GicV3Cpu cpuOf(long collection) {
    long c = load(COLLECTIONS, collection);
    return c == 0 ? null : gic.cpu((int) (c & 0xffff));
  }

  /** Sends an event's LPI to its CPU, or takes it back. */
  private void deliver(long device, long event, boolean pending) {
    long at = enabled ? event(device, event) : -1;
    if (at < 0) {
      return;
    }
    long mapping = memory.readValue(at, 8);
    GicV3Cpu cpu = mapping < 0 ? cpuOf(memory.readValue(at + 8, 4) & 0xffff) : null;
    if (cpu != null) {
      cpu.setLpi((int) mapping & 0xffff, pending);
      gic.update();
    }
  }

  // Commands.

  private void runCommands() {
    if (!enabled || cbaser >= 0) {
      return;
    }
    long bytes = ((cbaser & 0xff) + 1) * 0x1000;
    long from = cbaser & QUEUE_ADDRESS;
    // A write pointer behind the end of the queue stalls it.
    while (creadr != cwriter && cwriter < bytes) {
      long at = from + creadr;
      long[] words = new long[COMMAND_BYTES / 8];
      for (int w = 0; w < words.length; w++) {
        words[w] = memory.readValue(at + 8 * w, 8);
      }
      run(words);
      creadr += COMMAND_BYTES;
      if (creadr >= bytes) {
        creadr = 0;
      }
    }
    gic.update();
  }

  private void run(long[] words) {
    long w0 = words[0];
    long w1 = words[1];
    long w2 = words[2];
    long device = w0 >>> 32;
    long event = w1 & 0xffff_ffffL;
    switch ((int) w0 & 0xff) {
      case MAPD -> store(DEVICES, device, w2 < 0 ? VALID | w2 & ITT_ADDRESS | w1 & 0x1f : 0);
      case MAPC -> store(COLLECTIONS, w2 & 0xffff, w2 < 0 ? VALID | w2 >>> 16 & 0xffff : 0);
      case MAPTI -> map(device, event, w1 >>> 32, w2 & 0xffff);
      case MAPI -> map(device, event, event, w2 & 0xffff);
      case MOVI -> move(device, event, w2 & 0xffff);
      case INT -> deliver(device, event, true);
      case CLEAR -> deliver(device, event, false);
      case DISCARD -> {
        deliver(device, event, false);
        long at = event(device, event);
        if (at >= 0) {
          memory.writeValue(at, 0, 8);
        }
      }
      case MOVALL -> {
        GicV3Cpu source = gic.cpu((int) (w2 >>> 16) & 0xffff);
        GicV3Cpu target = gic.cpu((int) (words[3] >>> 16) & 0xffff);
        if (source != null && target != null) {
          source.moveLpisTo(target);
        }
      }
      case INV, INVALL, SYNC -> {
        // Nothing is cached.
      }
      default -> gic.log.unimplemented("ITS command", w0 & 0xff, w0);
    }
  }

  private void map(long device, long event, long lpi, long collection) {
    long at = event(device, event);
    if (at >= 0 && lpi >= GicV3.FIRST_LPI && lpi < 1 << GicV3.ID_BITS) {
      memory.writeValue(at, VALID | lpi, 8);
      memory.writeValue(at + 8, collection, 4);
    }
  }

  private void move(long device, long event, long collection) {
    long at = event(device, event);
    if (at < 0) {
      return;
    }
    long mapping = memory.readValue(at, 8);
    GicV3Cpu source = cpuOf(memory.readValue(at + 8, 4) & 0xffff);
    GicV3Cpu target = cpuOf(collection);
    int lpi = (int) mapping & 0xffff;
    if (mapping >= 0 || target == null) {
      return;
    }
    if (source != null && source != target && source.isLpiPending(lpi)) {
      source.setLpi(lpi, false);
      target.setLpi(lpi, true);
    }
    memory.writeValue(at + 8, collection, 4);
  }

  // Registers.

  @Override
  public long read(long offset, int size) {
    return registerAt((int) offset & ~7) >>> 8 * (offset & 7);
  }

  private long registerAt(int at) {
    if (at >= GITS_BASER && at < GITS_BASER_END) {
      return baser[at - GITS_BASER >>> 3];
    }
    return switch (at) {
      case GITS_CTLR ->
          (enabled ? CTLR_ENABLED : 0L) | CTLR_QUIESCENT | (long) GicV3.IIDR << 8 * GITS_IIDR;
      case GITS_TYPER -> TYPER;
      case GITS_CBASER -> cbaser;
      case GITS_CWRITER -> cwriter;
      case GITS_CREADR -> creadr;
      default -> {
        if (at >= ID && at < 0x1_0000) {
          yield GicV3.identity(at) | (long) GicV3.identity(at + 4) << 32;
        }
        yield 0;
      }
    };
  }

  @Override
  public void write(long offset, long value, int size) {
    if (offset == GITS_TRANSLATER && size <= 4) {
      // A CPU has no device ID; QEMU's has none either.
      deliver(0, value & 0xffff, true);
      return;
    }
    if (size < 4 || (offset & size - 1) != 0) {
      return;
    }
    int at = (int) offset & ~7;
    int shift = 8 * ((int) offset & 7);
    long lanes = size == 8 ? -1 : 0xffff_ffffL << shift;
    long v = value << shift & lanes;
    if (at >= GITS_BASER && at < GITS_BASER_END) {
      int n = at - GITS_BASER >>> 3;
      long fixed = n < BASER_RESET.length ? BASER_READ_ONLY : -1;
      if (!enabled) {
        baser[n] = baser[n] & (fixed | ~lanes) | v & ~fixed;
      }
      return;
    }
    switch (at) {
      case GITS_CTLR -> {
        if ((lanes & 1) != 0) {
          enabled = (v & CTLR_ENABLED) != 0;
          runCommands();
        }
      }
      case GITS_CBASER -> {
        if (!enabled) {
          cbaser = (cbaser & ~lanes | v) & CBASER_MASK;
          creadr = 0;
          cwriter = 0;
        }
      }
      case GITS_CWRITER -> {
        cwriter = (cwriter & ~lanes | v) & 0xf_ffe0L;
        runCommands();
      }
      default -> {
        if (at < ID && at != GITS_TYPER && at != GITS_CREADR) {
          gic.log.unassignedWrite(WINDOW_BYTES + offset, value, size);
        }
      }
    }
  }

  // State.

  @Override
  public State save() {
    return new State(enabled, cbaser, cwriter, creadr, baser.clone());
  }

  @Override
  public void load(State s) {
    if (s.baser.length != BASERS || ((s.cwriter | s.creadr) & ~0xf_ffe0L) != 0) {
      throw new IllegalArgumentException("baser, cwriter or creadr out of range");
    }
    enabled = s.enabled;
    cbaser = s.cbaser & CBASER_MASK;
    cwriter = s.cwriter;
    creadr = s.creadr;
    for (int i = 0; i < BASERS; i++) {
      baser[i] =
          i < BASER_RESET.length
              ? s.baser[i] & ~BASER_READ_ONLY | BASER_RESET[i] & BASER_READ_ONLY
              : 0;
    }
  }

  @Override
  public void reset() {
    enabled = false;
    cbaser = 0;
    cwriter = 0;
    creadr = 0;
    for (int i = 0; i < BASERS; i++) {
      baser[i] = i < BASER_RESET.length ? BASER_RESET[i] : 0;
    }
  }
}
