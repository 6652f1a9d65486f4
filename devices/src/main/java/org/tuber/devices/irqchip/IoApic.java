package org.tuber.devices.irqchip;

import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;

/**
 * Intel 82093AA I/O APIC with 24 pins, plus the EOI register of version 20H parts.
 *
 * <p>Data sheet 290566-001, ICH 9.5. An edge on a masked pin is lost, as the data sheet has it
 * (operating systems look for it in the 8259). Deviations: the polarity bit has no effect, as wires
 * carry "asserted"; delivery status always reads idle.
 */
public final class IoApic implements MmioDevice, Snapshottable<IoApic.State> {
  /** Number of interrupt pins. */
  public static final int PINS = 24;

  /** Size of the register window. */
  public static final int WINDOW_BYTES = 0x1000;

  private static final int IOREGSEL = 0x00;
  private static final int IOWIN = 0x10;
  private static final int EOIR = 0x40;
  private static final int INDEX_ID = 0;
  private static final int INDEX_VERSION = 1;
  private static final int INDEX_ARBITRATION = 2;
  private static final int INDEX_TABLE = 0x10;
  private static final int VERSION = 0x20 | (PINS - 1) << 16;

  private static final long REMOTE_IRR = 1L << 14;
  private static final long LEVEL = 1L << 15;
  private static final long MASKED = 1L << 16;
  private static final long LOGICAL = 1L << 11;
  private static final long READ_ONLY = 1L << 12 | REMOTE_IRR;
  private static final long WRITABLE = 0xff00_0000_0001_afffL;

  /**
   * State.
   *
   * @param select IOREGSEL
   * @param id bits 27:24 of the ID register
   * @param lines levels of the pins
   * @param table redirection table
   */
  public record State(int select, int id, int lines, long[] table) {}

  private final ApicBus bus;
  private final OnceLog log = new OnceLog("ioapic");
  private final IrqLine[] inputs = new IrqLine[PINS];
  private final long[] table = new long[PINS];
  private int select;
  private int id;
  private int lines;

  /** An IOAPIC that sends its messages over {@code bus} and hears its EOIs. */
  public IoApic(ApicBus bus) {
    this.bus = bus;
    for (int i = 0; i < PINS; i++) {
      int pin = i;
      inputs[i] = new IrqLine(level -> pinChanged(pin, level));
    }
    bus.addIoApic(this);
    reset();
  }

  /** Pin 0 to 23. */
  public IrqLine input(int pin) {
    return inputs[pin];
  }

  private void pinChanged(int pin, boolean level) {
    int bit = 1 << pin;
    boolean was = (lines & bit) != 0;
    lines = level ? lines | bit : lines & ~bit;
    if (level && !was) {
      serve(pin);
    }
  }

  private void serve(int pin) {
    long entry = table[pin];
    if ((entry & MASKED) != 0 || ((entry & LEVEL) != 0 && (entry & REMOTE_IRR) != 0)) {
      return;
    }
    boolean level = (entry & LEVEL) != 0;
    int mode = (int) (entry >>> 8) & 7;
    boolean accepted =
        bus.deliver((entry & LOGICAL) != 0, (int) (entry >>> 56), mode, (int) entry & 0xff, level);
    if (level && accepted && mode <= ApicBus.MODE_LOWEST_PRIORITY) {
      table[pin] |= REMOTE_IRR;
    }
  }

  /** A local APIC ended the level-triggered interrupt {@code vector}. */
  void endOfInterrupt(int vector) {
    for (int pin = 0; pin < PINS; pin++) {
      long entry = table[pin];
      if ((entry & REMOTE_IRR) != 0 && (entry & 0xff) == vector) {
        table[pin] = entry & ~REMOTE_IRR;
        if ((lines & 1 << pin) != 0) {
          serve(pin);
        }
      }
    }
  }

  @Override
  public long read(long offset, int size) {
    if (offset == IOREGSEL) {
      return select;
    }
    if (offset == IOWIN) {
      return readIndexed() & 0xffff_ffffL;
    }
    if (offset == EOIR) {
      return 0;
    }
    log.unassignedRead(offset, size);
    return -1;
  }

  private long readIndexed() {
    switch (select) {
      case INDEX_ID, INDEX_ARBITRATION -> {
        return (long) id << 24;
      }
      case INDEX_VERSION -> {
        return VERSION;
      }
      default -> {
        int entry = (select - INDEX_TABLE) >> 1;
        if (entry < 0 || entry >= PINS) {
          log.unassignedRead(0x10000 + select, 4);
          return -1;
        }
        return (select & 1) == 0 ? table[entry] : table[entry] >>> 32;
      }
    }
  }

  @Override
  public void write(long offset, long value, int size) {
    if (offset == IOREGSEL) {
      select = (int) value & 0xff;
    } else if (offset == IOWIN) {
      writeIndexed(value & 0xffff_ffffL);
    } else if (offset == EOIR) {
      endOfInterrupt((int) value & 0xff);
    } else {
      log.unassignedWrite(offset, value, size);
    }
  }

  private void writeIndexed(long value) {
    if (select == INDEX_ID) {
      id = (int) (value >>> 24) & 0xf;
      return;
    }
    int pin = (select - INDEX_TABLE) >> 1;
    if (pin < 0 || pin >= PINS) {
      log.unassignedWrite(0x10000 + select, value, 4);
      return;
    }
    long old = table[pin];
    long merged =
        (select & 1) == 0
            ? (old & 0xffff_ffff_0000_0000L) | value
            : (old & 0xffff_ffffL) | value << 32;
    long entry = (merged & WRITABLE) | (old & READ_ONLY);
    if ((entry & LEVEL) == 0) {
      // Software ends a stuck level interrupt by switching the pin to edge and back.
      entry &= ~REMOTE_IRR;
    }
    table[pin] = entry;
    if ((entry & LEVEL) != 0 && (lines & 1 << pin) != 0) {
      serve(pin);
    }
  }

  @Override
  public int maxAccessSize() {
    return 4;
  }

  @Override
  public State save() {
    return new State(select, id, lines, table.clone());
  }

  @Override
  public void load(State state) {
    if (state.table.length != PINS) {
      throw new IllegalArgumentException("table: " + state.table.length + " entries");
    }
    for (long entry : state.table) {
      if ((entry & ~(WRITABLE | READ_ONLY)) != 0) {
        throw new IllegalArgumentException("table: reserved bits set");
      }
    }
    if ((state.select & ~0xff) != 0 || (state.id & ~0xf) != 0 || state.lines >>> PINS != 0) {
      throw new IllegalArgumentException("select, id or lines out of range");
    }
    select = state.select;
    id = state.id;
    lines = state.lines;
    System.arraycopy(state.table, 0, table, 0, PINS);
  }

  @Override
  public void reset() {
    select = 0;
    id = 0;
    for (int i = 0; i < PINS; i++) {
      table[i] = MASKED;
    }
  }
}
