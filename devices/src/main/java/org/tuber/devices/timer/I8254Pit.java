package org.tuber.devices.timer;

import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.core.time.TickRate;
import org.tuber.core.time.Timer;
import org.tuber.core.time.VirtualClock;

/**
 * Intel 8254 programmable interval timer: three counters at 1193182 Hz, ports 40H to 43H.
 *
 * <p>Intel 8254 data sheet (231164-005). Counter 0 drives an interrupt wire, counter 2 is gated by
 * port 61H and read back there. All six modes, binary and BCD, latch and read-back commands.
 * Deviations: a new count takes effect at once, not at the end of the running period (modes 2 and
 * 3) nor one clock later; the low phase of counter 0 in modes 2 to 5 has no length on the wire (the
 * wire falls and rises at the same instant); periods below 20 µs skip interrupts.
 */
public final class I8254Pit implements MmioDevice, Snapshottable<I8254Pit.State> {
  /** Input clock of the counters. */
  public static final long CLOCK_HZ = 1_193_182;

  private static final int CONTROL = 3;
  private static final int READ_BACK = 3;
  private static final int RW_LATCH = 0;
  private static final int RW_LSB = 1;
  private static final int RW_MSB = 2;
  private static final int RW_BOTH = 3;
  private static final long MIN_REARM_NANOS = 20_000;

  /**
   * State of one counter.
   *
   * @param count initial count, 1 to 65536
   * @param startTick clock tick at which it was loaded or triggered
   * @param mode 0 to 5
   * @param access read/write mode: 1 low byte, 2 high byte, 3 both
   * @param bcd counts in decimal
   * @param gate level of the gate
   * @param loaded a count was written since the mode
   * @param triggered the gate rose since the mode (modes 1 and 5)
   * @param writeHigh the next write is the high byte
   * @param readHigh the next read is the high byte
   * @param writeLow low byte that waits for its high byte
   * @param latchedCount latched count or -1
   * @param latchedStatus latched status or -1
   * @param frozenTicks ticks counted when the gate fell, or -1 while counting
   */
  public record Counter8254(
      int count,
      long startTick,
      int mode,
      int access,
      boolean bcd,
      boolean gate,
      boolean loaded,
      boolean triggered,
      boolean writeHigh,
      boolean readHigh,
      int writeLow,
      int latchedCount,
      int latchedStatus,
      long frozenTicks) {}

  /**
   * State.
   *
   * @param counter0 system timer
   * @param counter1 memory refresh
   * @param counter2 speaker
   * @param irq level of the interrupt wire
   * @param irqDeadlineNanos next event of counter 0
   */
  public record State(
      Counter8254 counter0,
      Counter8254 counter1,
      Counter8254 counter2,
      boolean irq,
      long irqDeadlineNanos) {}

  private final class Counter {
    private int count;
    private long startTick;
    private int mode;
    private int access;
    private boolean bcd;
    private boolean gate;
    private boolean loaded;
    private boolean triggered;
    private boolean writeHigh;
    private boolean readHigh;
    private int writeLow;
    private int latchedCount;
    private int latchedStatus;
    private long frozenTicks;

    private void clear(boolean gateLevel) {
      count = 0x10000;
      startTick = 0;
      mode = 0;
      access = RW_BOTH;
      bcd = false;
      gate = gateLevel;
      loaded = false;
      triggered = false;
      writeHigh = false;
      readHigh = false;
      writeLow = 0;
      latchedCount = -1;
      latchedStatus = -1;
      frozenTicks = -1;
    }

    /** Clock ticks counted since the count was loaded or triggered. */
    private long elapsed() {
      if (frozenTicks >= 0) {
        return frozenTicks;
      }
      return Math.max(0, rate.ticks(clock.nanos()) - startTick);
    }

    private boolean counting() {
      return loaded && (mode == 1 || mode == 5 ? triggered : true);
    }

    private boolean out() {
      if (!counting()) {
        return mode != 0;
      }
      long ticks = elapsed();
      return switch (mode) {
        case 0, 1 -> ticks >= count;
        case 2 -> !gate || ticks % count != count - 1;
        case 3 -> !gate || ticks % count < (count + 1) / 2;
        default -> ticks != count;
      };
    }

    /** The count register as it reads now, binary. */
    private int current() {
      if (!counting()) {
        return count & 0xffff;
      }
      long ticks = elapsed();
      int modulus = bcd ? 10_000 : 0x10000;
      return switch (mode) {
        case 2 -> (int) (count - ticks % count) % modulus;
        case 3 -> (int) (count - (2 * (ticks % count)) % count) % modulus & ~1;
        default -> (int) Math.floorMod(count - ticks, (long) modulus);
      };
    }

    private int shown(int binary) {
      if (!bcd) {
        return binary & 0xffff;
      }
      int d = binary % 10_000;
      return d / 1000 << 12 | d / 100 % 10 << 8 | d / 10 % 10 << 4 | d % 10;
    }

    private void control(int value) {
      access = value >>> 4 & 3;
      int m = value >>> 1 & 7;
      mode = m > 5 ? m & 3 : m;
      bcd = (value & 1) != 0;
      loaded = false;
      triggered = false;
      writeHigh = false;
      readHigh = false;
      latchedCount = -1;
      latchedStatus = -1;
      frozenTicks = -1;
    }

    private void latchCount() {
      if (latchedCount < 0) {
        latchedCount = shown(current());
      }
    }

    private void latchStatus() {
      if (latchedStatus < 0) {
        int status = access << 4 | mode << 1 | (bcd ? 1 : 0);
        latchedStatus = status | (out() ? 0x80 : 0) | (loaded ? 0 : 0x40);
      }
    }

    private int read() {
      if (latchedStatus >= 0) {
        int status = latchedStatus;
        latchedStatus = -1;
        return status;
      }
      int value = latchedCount >= 0 ? latchedCount : shown(current());
      boolean high = access == RW_MSB || (access == RW_BOTH && readHigh);
      if (access == RW_BOTH) {
        readHigh = !readHigh;
      }
      if (access != RW_BOTH || high) {
        latchedCount = -1;
      }
      return high ? value >>> 8 & 0xff : value & 0xff;
    }

    /** Takes a byte of the count; true when the count is complete. */
    private boolean write(int value) {
      switch (access) {
        case RW_LSB -> load(value);
        case RW_MSB -> load(value << 8);
        default -> {
          if (!writeHigh) {
            writeLow = value;
            writeHigh = true;
            if (mode == 0) {
              // The first byte stops a mode 0 count.
              loaded = false;
            }
            return mode == 0;
          }
          writeHigh = false;
          load(value << 8 | writeLow);
        }
      }
      return true;
    }

    private void load(int raw) {
      int binary = raw;
      if (bcd) {
        binary = (raw >>> 12) * 1000 + (raw >>> 8 & 15) * 100 + (raw >>> 4 & 15) * 10 + (raw & 15);
      }
      int modulus = bcd ? 10_000 : 0x10000;
      count = binary == 0 || binary > modulus ? modulus : binary;
      loaded = true;
      if (mode != 1 && mode != 5) {
        restart();
      }
    }

    private void restart() {
      startTick = rate.ticks(clock.nanos());
      frozenTicks = gate || mode == 1 || mode == 5 ? -1 : 0;
    }

    private void setGate(boolean level) {
      if (level == gate) {
        return;
      }
      long ticks = elapsed();
      gate = level;
      switch (mode) {
        case 1, 5 -> {
          if (level) {
            triggered = true;
            restart();
          }
        }
        case 2, 3 -> {
          if (level) {
            restart();
          } else {
            frozenTicks = 0;
          }
        }
        default -> {
          if (level) {
            startTick = rate.ticks(clock.nanos()) - ticks;
            frozenTicks = -1;
          } else {
            frozenTicks = ticks;
          }
        }
      }
    }

    /** Ticks from the start to the next rise of OUT after {@code ticks}, or -1. */
    private long nextRise(long ticks) {
      if (!counting() || !gate) {
        return -1;
      }
      return switch (mode) {
        case 0, 1 -> ticks < count ? count : -1;
        case 2, 3 -> (ticks / count + 1) * count;
        default -> ticks <= count ? count + 1L : -1;
      };
    }

    private Counter8254 save() {
      return new Counter8254(
          count,
          startTick,
          mode,
          access,
          bcd,
          gate,
          loaded,
          triggered,
          writeHigh,
          readHigh,
          writeLow,
          latchedCount,
          latchedStatus,
          frozenTicks);
    }

    private void load(Counter8254 s) {
      count = s.count;
      startTick = s.startTick;
      mode = s.mode;
      access = s.access;
      bcd = s.bcd;
      gate = s.gate;
      loaded = s.loaded;
      triggered = s.triggered;
      writeHigh = s.writeHigh;
      readHigh = s.readHigh;
      writeLow = s.writeLow;
      latchedCount = s.latchedCount;
      latchedStatus = s.latchedStatus;
      frozenTicks = s.gate ? -1 : s.frozenTicks;
    }
  }

  private final VirtualClock clock;
  private final IrqLine irq;
  private final TickRate rate = new TickRate(CLOCK_HZ);
  private final Timer timer;
  private final Counter[] counters = {new Counter(), new Counter(), new Counter()};

  /**
   * The timer.
   *
   * @param clock guest time
   * @param irq OUT of counter 0
   */
  public I8254Pit(VirtualClock clock, IrqLine irq) {
    this.clock = clock;
    this.irq = irq;
    this.timer = new Timer(clock, this::outRises);
    reset();
  }

  /** Drives the gate of counter 2 (port 61H bit 0). */
  public void setGate2(boolean level) {
    counters[2].setGate(level);
  }

  /** Level of the gate of counter 2. */
  public boolean gate2() {
    return counters[2].gate;
  }

  /** OUT of counter 2 (port 61H bit 5, and the speaker). */
  public boolean out2() {
    return counters[2].out();
  }

  /** Frequency of counter 2 when it makes a tone, else 0. */
  public int toneHz() {
    Counter c = counters[2];
    return c.counting() && c.gate && c.mode == 3 ? (int) (CLOCK_HZ / c.count) : 0;
  }

  @Override
  public long read(long offset, int size) {
    return offset < CONTROL && offset >= 0 ? counters[(int) offset].read() : 0xff;
  }

  @Override
  public void write(long offset, long value, int size) {
    int v = (int) value & 0xff;
    if (offset == CONTROL) {
      int select = v >>> 6;
      if (select == READ_BACK) {
        readBack(v);
      } else if ((v >>> 4 & 3) == RW_LATCH) {
        counters[select].latchCount();
      } else {
        counters[select].control(v);
        if (select == 0) {
          countChanged();
        }
      }
    } else if (offset >= 0 && offset < CONTROL && counters[(int) offset].write(v) && offset == 0) {
      countChanged();
    }
  }

  private void readBack(int v) {
    for (int i = 0; i < 3; i++) {
      if ((v & 2 << i) != 0) {
        if ((v & 0x20) == 0) {
          counters[i].latchCount();
        }
        if ((v & 0x10) == 0) {
          counters[i].latchStatus();
        }
      }
    }
  }

  @Override
  public int maxAccessSize() {
    return 1;
  }

  private void countChanged() {
    irq.set(counters[0].out());
    schedule(counters[0].elapsed());
  }

  private void schedule(long after) {
    Counter c = counters[0];
    long rise = c.nextRise(after);
    if (rise < 0) {
      timer.disarm();
      return;
    }
    long deadline = rate.nanos(c.startTick + rise);
    long earliest = clock.nanos() + MIN_REARM_NANOS;
    if (deadline < earliest && (c.mode == 2 || c.mode == 3) && after > 0) {
      rise = c.nextRise(rate.ticks(earliest) - c.startTick);
      deadline = rate.nanos(c.startTick + rise);
    }
    timer.arm(deadline);
  }

  private void outRises() {
    irq.set(false);
    irq.set(true);
    schedule(counters[0].elapsed());
  }

  @Override
  public State save() {
    return new State(
        counters[0].save(),
        counters[1].save(),
        counters[2].save(),
        irq.level(),
        timer.deadlineNanos());
  }

  @Override
  public void load(State s) {
    check(s.counter0, "counter0");
    check(s.counter1, "counter1");
    check(s.counter2, "counter2");
    if (s.irqDeadlineNanos < 0) {
      throw new IllegalArgumentException("irqDeadlineNanos: " + s.irqDeadlineNanos);
    }
    counters[0].load(s.counter0);
    counters[1].load(s.counter1);
    counters[2].load(s.counter2);
    irq.set(s.irq);
    if (s.irqDeadlineNanos == Timer.NEVER) {
      timer.disarm();
    } else {
      timer.arm(s.irqDeadlineNanos);
    }
  }

  private static void check(Counter8254 s, String name) {
    if (s.count < 1 || s.count > 0x10000) {
      throw new IllegalArgumentException(name + ".count: " + s.count);
    }
    if (s.mode < 0 || s.mode > 5 || s.access < 1 || s.access > 3) {
      throw new IllegalArgumentException(name + ": mode " + s.mode + " access " + s.access);
    }
    if ((s.writeLow & ~0xff) != 0 || s.latchedCount > 0xffff || s.latchedStatus > 0xff) {
      throw new IllegalArgumentException(name + ": a byte is out of range");
    }
    long limit = Timer.NEVER / 2;
    if (Math.abs(s.startTick) > limit || s.frozenTicks > limit || s.frozenTicks < -1) {
      throw new IllegalArgumentException(name + ": ticks out of range");
    }
  }

  @Override
  public void reset() {
    counters[0].clear(true);
    counters[1].clear(true);
    counters[2].clear(false);
    timer.disarm();
    irq.set(counters[0].out());
  }
}
