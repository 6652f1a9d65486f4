package org.tuber.devices.timer;

import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.core.time.Timer;
import org.tuber.core.time.VirtualClock;

/**
 * High precision event timer: a 100 MHz, 64-bit counter and three comparators.
 *
 * <p>IA-PC HPET specification 1.0a. All comparators are 64 bits wide and can be periodic; outside
 * legacy routing they may only use IOAPIC pin 2. In legacy routing comparator 0 replaces the 8254
 * on interrupt 0 and comparator 1 the RTC on interrupt 8: the wires of both pass through here.
 * Deviations: no FSB (message) delivery; periods below 20 µs skip interrupts.
 */
public final class Hpet implements MmioDevice, Snapshottable<Hpet.State> {
  /** Size of the register window. */
  public static final int WINDOW_BYTES = 0x400;

  private static final int COMPARATORS = 3;
  private static final long TICK_NANOS = 10;
  private static final long PERIOD_FEMTOS = TICK_NANOS * 1_000_000;
  private static final long CAPABILITIES = PERIOD_FEMTOS << 32 | 0x8086_a201L;

  private static final int GCAP_ID = 0x000;
  private static final int GEN_CONF = 0x010;
  private static final int GINTR_STA = 0x020;
  private static final int MAIN_CNT = 0x0f0;
  private static final int TIMER_BASE = 0x100;
  private static final int TIMER_STRIDE = 0x20;
  private static final int TIMER_CONF = 0x00;
  private static final int TIMER_COMPARATOR = 0x08;
  private static final int TIMER_FSB = 0x10;

  private static final long CONF_ENABLE = 1;
  private static final long CONF_LEGACY = 2;
  private static final long TN_LEVEL = 1 << 1;
  private static final long TN_ENABLE = 1 << 2;
  private static final long TN_PERIODIC = 1 << 3;
  private static final long TN_SET_VALUE = 1 << 6;
  private static final long TN_32BIT = 1 << 8;
  private static final long TN_FSB_ENABLE = 1 << 14;
  private static final int TN_ROUTE_SHIFT = 9;
  private static final long TN_WRITABLE = 0x3f4eL;
  private static final long TN_READ_ONLY = 0x4_0000_0030L;
  private static final int ROUTE_PIN = 2;
  private static final long MIN_REARM_NANOS = 20_000;

  /**
   * State of one comparator.
   *
   * @param config configuration and capability
   * @param comparator comparator value
   * @param period last value written in periodic mode
   * @param deadlineNanos next match
   */
  public record Comparator(long config, long comparator, long period, long deadlineNanos) {}

  /**
   * State.
   *
   * @param config general configuration
   * @param status general interrupt status
   * @param counter counter while stopped; while running, what is added to guest time in ticks
   * @param comparators the three
   */
  public record State(long config, long status, long counter, Comparator[] comparators) {}

  private final class Channel {
    private final int number;
    private final Timer timer;
    private long config;
    private long comparator;
    private long period;

    Channel(int number) {
      this.number = number;
      this.timer = new Timer(clock, this::matched);
    }

    private IrqLine line() {
      if (legacy() && number < 2) {
        return number == 0 ? irq0 : irq8;
      }
      return (config >>> TN_ROUTE_SHIFT & 0x1f) == ROUTE_PIN ? pin2 : IrqLine.unconnected();
    }

    private boolean narrow() {
      return (config & TN_32BIT) != 0;
    }

    /** Arms the timer for the next match; {@code matched} when the present value just did. */
    private void schedule(boolean matched) {
      if (!running()) {
        timer.disarm();
        return;
      }
      long now = count();
      long ticks = comparator - now;
      if (narrow()) {
        ticks &= 0xffff_ffffL;
      }
      if (ticks == 0 && matched) {
        // The low half of the counter meets the comparator again after it wrapped.
        ticks = narrow() ? 1L << 32 : -1;
      }
      if (ticks < 0 || ticks > Timer.NEVER / TICK_NANOS / 2) {
        timer.disarm();
      } else {
        timer.arm(deadline(now, ticks));
      }
    }

    private long deadline(long now, long ticks) {
      return (now + ticks - counter) * TICK_NANOS;
    }

    private void matched() {
      long now = count();
      if ((config & TN_PERIODIC) != 0 && period != 0) {
        long step = narrow() ? period & 0xffff_ffffL : period;
        long behind = now - comparator;
        if (narrow()) {
          behind &= 0xffff_ffffL;
        }
        long minimum = MIN_REARM_NANOS / TICK_NANOS;
        long skip = step > 0 && step < minimum ? minimum : 0;
        if (step > 0 && behind >= 0) {
          comparator += ((behind + skip) / step + 1) * step;
        }
        if (narrow()) {
          comparator &= 0xffff_ffffL;
        }
      }
      schedule(true);
      raise();
    }

    private void raise() {
      if ((config & TN_LEVEL) != 0) {
        status |= 1L << number;
      } else if ((config & TN_ENABLE) != 0) {
        line().pulse();
      }
      drive();
    }

    private boolean asserts() {
      return (config & TN_LEVEL) != 0 && (config & TN_ENABLE) != 0 && (status & 1L << number) != 0;
    }

    private void writeConfig(long value) {
      if ((value & TN_FSB_ENABLE) != 0) {
        log.unimplemented("FSB delivery", TIMER_BASE + number * TIMER_STRIDE, value);
      }
      config = (value & TN_WRITABLE) | TN_READ_ONLY;
      if (narrow()) {
        comparator &= 0xffff_ffffL;
        period &= 0xffff_ffffL;
      }
      if ((config & TN_LEVEL) == 0) {
        status &= ~(1L << number);
      }
      drive();
      schedule(false);
    }

    private void writeComparator(long value, long lanes) {
      long v = narrow() ? value & 0xffff_ffffL : value;
      if ((config & TN_PERIODIC) == 0 || (config & TN_SET_VALUE) != 0) {
        comparator = (comparator & ~lanes) | (v & lanes);
      }
      if ((config & TN_PERIODIC) != 0) {
        period = (period & ~lanes) | (v & lanes);
      }
      config &= ~TN_SET_VALUE;
      schedule(false);
    }
  }

  private final VirtualClock clock;
  private final IrqLine irq0;
  private final IrqLine irq8;
  private final IrqLine pin2;
  private final IrqLine pitInput = new IrqLine(this::pitChanged);
  private final IrqLine rtcInput = new IrqLine(this::rtcChanged);
  private final OnceLog log = new OnceLog("hpet");
  private final Channel[] channels = new Channel[COMPARATORS];
  private long config;
  private long status;
  private long counter;

  /**
   * The timer.
   *
   * @param clock guest time
   * @param irq0 interrupt 0, shared by comparator 0 and the 8254
   * @param irq8 interrupt 8, shared by comparator 1 and the RTC
   * @param pin2 IOAPIC pin 2 for comparators outside legacy routing
   */
  public Hpet(VirtualClock clock, IrqLine irq0, IrqLine irq8, IrqLine pin2) {
    this.clock = clock;
    this.irq0 = irq0;
    this.irq8 = irq8;
    this.pin2 = pin2;
    for (int i = 0; i < COMPARATORS; i++) {
      channels[i] = new Channel(i);
    }
    reset();
  }

  /** Where the 8254 drives its interrupt: silent in legacy routing. */
  public IrqLine pitInput() {
    return pitInput;
  }

  /** Where the RTC drives its interrupt: silent in legacy routing. */
  public IrqLine rtcInput() {
    return rtcInput;
  }

  private void pitChanged(boolean level) {
    if (!legacy()) {
      drive();
    }
  }

  private void rtcChanged(boolean level) {
    if (!legacy()) {
      drive();
    }
  }

  /** Puts every wire to the level its sources ask for; edges are pulses on top of that. */
  private void drive() {
    boolean level0 = !legacy() && pitInput.level();
    boolean level8 = !legacy() && rtcInput.level();
    boolean level2 = false;
    for (Channel c : channels) {
      if (c.asserts()) {
        IrqLine line = c.line();
        level0 |= line == irq0;
        level8 |= line == irq8;
        level2 |= line == pin2;
      }
    }
    irq0.set(level0);
    irq8.set(level8);
    pin2.set(level2);
  }

  private boolean legacy() {
    return (config & CONF_LEGACY) != 0;
  }

  private boolean running() {
    return (config & CONF_ENABLE) != 0;
  }

  private long count() {
    return running() ? counter + clock.nanos() / TICK_NANOS : counter;
  }

  @Override
  public long read(long offset, int size) {
    long at = offset & ~7L;
    return at == MAIN_CNT ? count() >>> (8 * (offset & 7)) : readOther(at) >>> (8 * (offset & 7));
  }

  private long readOther(long offset) {
    switch ((int) offset) {
      case GCAP_ID -> {
        return CAPABILITIES;
      }
      case GEN_CONF -> {
        return config;
      }
      case GINTR_STA -> {
        return status;
      }
      default -> {
        int n = (int) (offset - TIMER_BASE) / TIMER_STRIDE;
        if (offset < TIMER_BASE || n >= COMPARATORS) {
          log.unassignedRead(offset, 8);
          return 0;
        }
        return switch ((int) offset & (TIMER_STRIDE - 1)) {
          case TIMER_CONF -> channels[n].config;
          case TIMER_COMPARATOR -> channels[n].comparator;
          default -> 0;
        };
      }
    }
  }

  @Override
  public void write(long offset, long value, int size) {
    int shift = (int) (8 * (offset & 7));
    long lanes = (size >= 8 ? -1L : (1L << (8 * size)) - 1) << shift;
    long v = value << shift & lanes;
    switch ((int) offset & ~7) {
      case GEN_CONF -> writeConfig((config & ~lanes) | v);
      case GINTR_STA -> {
        status &= ~v;
        drive();
      }
      case MAIN_CNT -> {
        if (running()) {
          log.unimplemented("writing the running counter", offset, value);
        } else {
          counter = (counter & ~lanes) | v;
        }
      }
      case GCAP_ID -> {
        // Read-only.
      }
      default -> writeChannel((int) offset & ~7, v, lanes);
    }
  }

  private void writeChannel(int offset, long value, long lanes) {
    int n = (offset - TIMER_BASE) / TIMER_STRIDE;
    if (offset < TIMER_BASE || n >= COMPARATORS) {
      log.unassignedWrite(offset, value, 8);
      return;
    }
    Channel c = channels[n];
    switch (offset & (TIMER_STRIDE - 1)) {
      case TIMER_CONF -> c.writeConfig((c.config & ~lanes) | value);
      case TIMER_COMPARATOR -> c.writeComparator(value, lanes);
      case TIMER_FSB -> log.unimplemented("FSB route", offset, value);
      default -> log.unassignedWrite(offset, value, 8);
    }
  }

  private void writeConfig(long value) {
    boolean wasRunning = running();
    long count = count();
    config = value & (CONF_ENABLE | CONF_LEGACY);
    if (running() != wasRunning) {
      counter = running() ? count - clock.nanos() / TICK_NANOS : count;
    }
    drive();
    if (running() != wasRunning) {
      for (Channel c : channels) {
        c.schedule(false);
      }
    }
  }

  @Override
  public State save() {
    Comparator[] all = new Comparator[COMPARATORS];
    for (int i = 0; i < COMPARATORS; i++) {
      Channel c = channels[i];
      all[i] = new Comparator(c.config, c.comparator, c.period, c.timer.deadlineNanos());
    }
    return new State(config, status, counter, all);
  }

  @Override
  public void load(State s) {
    if (s.comparators.length != COMPARATORS) {
      throw new IllegalArgumentException("comparators: " + s.comparators.length);
    }
    for (Comparator c : s.comparators) {
      if ((c.config & ~(TN_WRITABLE | TN_READ_ONLY)) != 0 || c.deadlineNanos < 0) {
        throw new IllegalArgumentException("comparators: config or deadline out of range");
      }
    }
    if ((s.config & ~(CONF_ENABLE | CONF_LEGACY)) != 0 || s.status >>> COMPARATORS != 0) {
      throw new IllegalArgumentException("config or status: reserved bits set");
    }
    config = s.config;
    status = s.status;
    counter = s.counter;
    for (int i = 0; i < COMPARATORS; i++) {
      Channel c = channels[i];
      Comparator from = s.comparators[i];
      c.config = from.config;
      c.comparator = from.comparator;
      c.period = from.period;
      if (from.deadlineNanos == Timer.NEVER) {
        c.timer.disarm();
      } else {
        c.timer.arm(from.deadlineNanos);
      }
    }
    drive();
  }

  @Override
  public void reset() {
    config = 0;
    status = 0;
    counter = 0;
    for (Channel c : channels) {
      c.timer.disarm();
      c.config = TN_READ_ONLY;
      c.comparator = -1;
      c.period = 0;
    }
    drive();
  }
}
