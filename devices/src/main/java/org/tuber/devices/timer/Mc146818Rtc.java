package org.tuber.devices.timer;

import java.time.LocalDateTime;
import java.time.ZoneOffset;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.core.time.Timer;
import org.tuber.core.time.VirtualClock;

/**
 * Motorola MC146818A real-time clock with 114 bytes of CMOS RAM, ports 70H and 71H.
 *
 * <p>MC146818A data sheet; IBM AT use of the RAM, century in byte 32H. Binary and BCD, 12 and 24
 * hours, alarm with "don't care" codes, periodic, alarm and update-ended interrupts, update in
 * progress 244 µs before each update, divider hold (an update follows 500 ms after release).
 * Deviations: the 4 and 1 MHz time bases count like 32 kHz; no square wave; no daylight saving.
 * Reads outside a SET always show one consistent time.
 *
 * <p>The time is kept as an offset to the guest clock, so nothing runs while no interrupt is on;
 * flags of register C are brought up to date when somebody looks.
 */
public final class Mc146818Rtc implements MmioDevice, Snapshottable<Mc146818Rtc.State> {
  /** Bytes of clock registers and RAM. */
  public static final int CMOS_BYTES = 128;

  private static final int SECONDS = 0x00;
  private static final int SECONDS_ALARM = 0x01;
  private static final int MINUTES = 0x02;
  private static final int MINUTES_ALARM = 0x03;
  private static final int HOURS = 0x04;
  private static final int HOURS_ALARM = 0x05;
  private static final int DAY_OF_WEEK = 0x06;
  private static final int DAY_OF_MONTH = 0x07;
  private static final int MONTH = 0x08;
  private static final int YEAR = 0x09;
  private static final int REG_A = 0x0a;
  private static final int REG_B = 0x0b;
  private static final int REG_C = 0x0c;
  private static final int REG_D = 0x0d;
  private static final int CENTURY = 0x32;

  private static final int A_UIP = 0x80;
  private static final int A_DIVIDER_HOLD = 0x60;
  private static final int A_RATE_MASK = 0x0f;
  private static final int B_SET = 0x80;
  private static final int B_PIE = 0x40;
  private static final int B_AIE = 0x20;
  private static final int B_UIE = 0x10;
  private static final int B_SQWE = 0x08;
  private static final int B_BINARY = 0x04;
  private static final int B_24_HOURS = 0x02;
  private static final int B_DSE = 0x01;
  private static final int C_IRQF = 0x80;
  private static final int C_PF = 0x40;
  private static final int C_AF = 0x20;
  private static final int C_UF = 0x10;
  private static final int D_VRT = 0x80;
  private static final int PM = 0x80;
  private static final int ALARM_ANY = 0xc0;

  private static final long NANOS_PER_SECOND = 1_000_000_000L;
  private static final long UIP_NANOS = 244_000;
  private static final long TIME_BASE_HZ = 32_768;

  /**
   * State.
   *
   * @param cmos registers and RAM as stored
   * @param index selected byte
   * @param baseSeconds clock seconds at guest time zero
   * @param phaseNanos fraction of a second added to guest time, 0 to below 1 s
   * @param seenNanos guest time up to which register C is current
   * @param heldSeconds clock seconds while SET or divider hold stops updates
   */
  public record State(
      byte[] cmos,
      int index,
      long baseSeconds,
      long phaseNanos,
      long seenNanos,
      long heldSeconds) {}

  private final VirtualClock clock;
  private final IrqLine irq;
  private final Timer timer;
  private final OnceLog log = new OnceLog("rtc");
  private final int[] cmos = new int[CMOS_BYTES];
  private int index;
  private long baseSeconds;
  private long phaseNanos;
  private long seenNanos;
  private long heldSeconds;

  /**
   * A clock that shows the machine's wall time, in BCD and 24 hours.
   *
   * @param clock guest time
   * @param irq interrupt 8
   */
  public Mc146818Rtc(VirtualClock clock, IrqLine irq) {
    this.clock = clock;
    this.irq = irq;
    this.timer = new Timer(clock, this::catchUp);
    long now = clock.nanos();
    baseSeconds = clock.wallSeconds() - now / NANOS_PER_SECOND;
    seenNanos = now;
    cmos[REG_A] = 0x26;
    cmos[REG_B] = B_24_HOURS;
    cmos[REG_D] = D_VRT;
  }

  /** Sets a byte of CMOS RAM (not a clock register), as a board does for its firmware. */
  public void setRam(int address, int value) {
    if (address <= REG_D || address >= CMOS_BYTES) {
      throw new IllegalArgumentException("no CMOS RAM at " + address);
    }
    cmos[address] = value & 0xff;
  }

  /** A byte of CMOS RAM. */
  public int ram(int address) {
    return cmos[address];
  }

  /**
   * Fills in what PC firmware reads: memory sizes, CPU count, equipment, boot order.
   *
   * @param lowBytes RAM below 4 GiB
   * @param highBytes RAM from 4 GiB up
   * @param cpus number of CPUs present
   */
  public void describeMachine(long lowBytes, long highBytes, int cpus) {
    setWord(0x15, 640);
    long extendedKib = Math.clamp((lowBytes >>> 10) - 1024, 0, 0xffff);
    setWord(0x17, (int) extendedKib);
    setWord(0x30, (int) extendedKib);
    long above16 = Math.clamp((lowBytes - (16L << 20)) >> 16, 0, 0xffff);
    setWord(0x34, (int) above16);
    long high = highBytes >>> 16;
    setWord(0x5b, (int) high & 0xffff);
    setRam(0x5d, (int) (high >>> 16));
    setRam(0x5f, cpus - 1);
    setRam(0x14, 0x06);
    setRam(0x38, 0x30);
    setRam(0x3d, 0x12);
  }

  private void setWord(int address, int value) {
    setRam(address, value);
    setRam(address + 1, value >>> 8);
  }

  // Time.

  private boolean stopped() {
    return (cmos[REG_B] & B_SET) != 0 || dividerHeld();
  }

  private boolean dividerHeld() {
    return (cmos[REG_A] & A_DIVIDER_HOLD) == A_DIVIDER_HOLD;
  }

  private long secondsAt(long nanos) {
    return baseSeconds + (nanos + phaseNanos) / NANOS_PER_SECOND;
  }

  private long nowSeconds() {
    return stopped() ? heldSeconds : secondsAt(clock.nanos());
  }

  /** Makes {@code seconds} the time now and keeps the phase of the seconds. */
  private void setSeconds(long seconds) {
    heldSeconds = seconds;
    baseSeconds = seconds - (clock.nanos() + phaseNanos) / NANOS_PER_SECOND;
  }

  private int encode(int value) {
    return (cmos[REG_B] & B_BINARY) != 0 ? value : value / 10 << 4 | value % 10;
  }

  private int decode(int value) {
    return (cmos[REG_B] & B_BINARY) != 0 ? value : (value >>> 4) * 10 + (value & 15);
  }

  private int encodeHours(int hours) {
    if ((cmos[REG_B] & B_24_HOURS) != 0) {
      return encode(hours);
    }
    return encode(hours % 12 == 0 ? 12 : hours % 12) | (hours >= 12 ? PM : 0);
  }

  private int decodeHours(int value) {
    if ((cmos[REG_B] & B_24_HOURS) != 0) {
      return decode(value);
    }
    return decode(value & ~PM) % 12 + ((value & PM) != 0 ? 12 : 0);
  }

  /** Copies the running time into the clock registers. */
  private void timeToRegisters() {
    LocalDateTime t = LocalDateTime.ofEpochSecond(nowSeconds(), 0, ZoneOffset.UTC);
    cmos[SECONDS] = encode(t.getSecond());
    cmos[MINUTES] = encode(t.getMinute());
    cmos[HOURS] = encodeHours(t.getHour());
    cmos[DAY_OF_WEEK] = encode(t.getDayOfWeek().getValue() % 7 + 1);
    cmos[DAY_OF_MONTH] = encode(t.getDayOfMonth());
    cmos[MONTH] = encode(t.getMonthValue());
    // Month 0 of year 0 is a year before 0: four digits wrap round.
    cmos[YEAR] = encode(Math.floorMod(t.getYear(), 100));
    cmos[CENTURY] = encode(Math.floorMod(Math.floorDiv(t.getYear(), 100), 100));
  }

  /** Makes the clock registers the time; values out of range carry over. */
  private void registersToTime() {
    int year = decode(cmos[CENTURY]) * 100 + decode(cmos[YEAR]);
    LocalDateTime t =
        LocalDateTime.of(year, 1, 1, 0, 0)
            .plusMonths(decode(cmos[MONTH]) - 1L)
            .plusDays(decode(cmos[DAY_OF_MONTH]) - 1L)
            .plusHours(decodeHours(cmos[HOURS]))
            .plusMinutes(decode(cmos[MINUTES]))
            .plusSeconds(decode(cmos[SECONDS]));
    setSeconds(t.toEpochSecond(ZoneOffset.UTC));
  }

  // Interrupts.

  private int periodicShift() {
    int rate = cmos[REG_A] & A_RATE_MASK;
    if (rate == 0) {
      return -1;
    }
    return rate <= 2 ? rate + 6 : rate - 1;
  }

  private long periodicTick(long nanos, int shift) {
    long t = nanos + phaseNanos;
    long seconds = t / NANOS_PER_SECOND;
    long base =
        seconds * TIME_BASE_HZ + (t - seconds * NANOS_PER_SECOND) * TIME_BASE_HZ / NANOS_PER_SECOND;
    return base >> shift;
  }

  private long periodicNanos(long tick, int shift) {
    long base = tick << shift;
    long seconds = base / TIME_BASE_HZ;
    long rest = base - seconds * TIME_BASE_HZ;
    return seconds * NANOS_PER_SECOND
        + (rest * NANOS_PER_SECOND + TIME_BASE_HZ - 1) / TIME_BASE_HZ
        - phaseNanos;
  }

  /** First clock second after {@code after} that matches the alarm, or -1. */
  private long nextAlarm(long after) {
    long second = after + 1;
    long day = Math.floorDiv(second, 86_400L);
    int ofDay = (int) Math.floorMod(second, 86_400L);
    int best = -1;
    for (int hour = 0; hour < 24; hour++) {
      if (!alarmMatches(HOURS_ALARM, hour)) {
        continue;
      }
      for (int minute = 0; minute < 60; minute++) {
        if (!alarmMatches(MINUTES_ALARM, minute)) {
          continue;
        }
        for (int s = 0; s < 60; s++) {
          if (alarmMatches(SECONDS_ALARM, s)) {
            int candidate = (hour * 60 + minute) * 60 + s;
            if (candidate >= ofDay) {
              return day * 86_400L + candidate;
            }
            if (best < 0) {
              best = candidate;
            }
          }
        }
      }
    }
    return best < 0 ? -1 : (day + 1) * 86_400L + best;
  }

  private boolean alarmMatches(int register, int value) {
    int alarm = cmos[register];
    if ((alarm & ALARM_ANY) == ALARM_ANY) {
      return true;
    }
    return (register == HOURS_ALARM ? decodeHours(alarm) : decode(alarm)) == value;
  }

  /** Brings register C, the wire and the timer up to date. */
  private void catchUp() {
    long now = clock.nanos();
    int shift = periodicShift();
    if (shift >= 0
        && !dividerHeld()
        && periodicTick(now, shift) != periodicTick(seenNanos, shift)) {
      cmos[REG_C] |= C_PF;
    }
    if (!stopped()) {
      long from = secondsAt(seenNanos);
      long to = secondsAt(now);
      if (to > from) {
        cmos[REG_C] |= C_UF;
        long alarm = nextAlarm(from);
        if (alarm >= 0 && alarm <= to) {
          cmos[REG_C] |= C_AF;
        }
      }
    }
    seenNanos = now;
    update();
  }

  private void update() {
    boolean active = (cmos[REG_C] & cmos[REG_B] & (C_PF | C_AF | C_UF)) != 0;
    cmos[REG_C] = active ? cmos[REG_C] | C_IRQF : cmos[REG_C] & ~C_IRQF;
    irq.set(active);
    long deadline = Timer.NEVER;
    int wanted = cmos[REG_B] & ~cmos[REG_C];
    int shift = periodicShift();
    if ((wanted & B_PIE) != 0 && shift >= 0 && !dividerHeld()) {
      deadline = periodicNanos(periodicTick(seenNanos, shift) + 1, shift);
    }
    if (!stopped()) {
      if ((wanted & B_UIE) != 0) {
        deadline = Math.min(deadline, nanosOf(secondsAt(seenNanos) + 1));
      }
      if ((wanted & B_AIE) != 0) {
        long alarm = nextAlarm(secondsAt(seenNanos));
        if (alarm >= 0) {
          deadline = Math.min(deadline, nanosOf(alarm));
        }
      }
    }
    if (deadline == Timer.NEVER) {
      timer.disarm();
    } else {
      timer.arm(deadline);
    }
  }

  private long nanosOf(long seconds) {
    return (seconds - baseSeconds) * NANOS_PER_SECOND - phaseNanos;
  }

  // Registers.

  @Override
  public long read(long offset, int size) {
    if ((offset & 1) == 0) {
      return 0xff;
    }
    switch (index) {
      case SECONDS, MINUTES, HOURS, DAY_OF_WEEK, DAY_OF_MONTH, MONTH, YEAR, CENTURY -> {
        if ((cmos[REG_B] & B_SET) == 0) {
          timeToRegisters();
        }
        return cmos[index];
      }
      case REG_A -> {
        return cmos[REG_A] | (updateInProgress() ? A_UIP : 0);
      }
      case REG_C -> {
        catchUp();
        int flags = cmos[REG_C];
        cmos[REG_C] = 0;
        update();
        return flags;
      }
      default -> {
        return cmos[index];
      }
    }
  }

  private boolean updateInProgress() {
    long fraction = (clock.nanos() + phaseNanos) % NANOS_PER_SECOND;
    return !stopped() && fraction >= NANOS_PER_SECOND - UIP_NANOS;
  }

  @Override
  public void write(long offset, long value, int size) {
    int v = (int) value & 0xff;
    if ((offset & 1) == 0) {
      index = v & (CMOS_BYTES - 1);
      return;
    }
    switch (index) {
      case SECONDS, MINUTES, HOURS, DAY_OF_WEEK, DAY_OF_MONTH, MONTH, YEAR, CENTURY -> {
        catchUp();
        if ((cmos[REG_B] & B_SET) == 0) {
          timeToRegisters();
          cmos[index] = v;
          registersToTime();
        } else {
          cmos[index] = v;
        }
        update();
      }
      case SECONDS_ALARM, MINUTES_ALARM, HOURS_ALARM -> {
        catchUp();
        cmos[index] = v;
        update();
      }
      case REG_A -> writeA(v);
      case REG_B -> writeB(v);
      case REG_C, REG_D -> {
        // Read-only.
      }
      default -> cmos[index] = v;
    }
  }

  private void writeA(int v) {
    catchUp();
    boolean wasHeld = dividerHeld();
    long now = nowSeconds();
    cmos[REG_A] = v & ~A_UIP;
    if (dividerHeld()) {
      heldSeconds = now;
    } else if (wasHeld) {
      // The first update comes half a second after the divider chain starts.
      phaseNanos =
          Math.floorMod(NANOS_PER_SECOND / 2 - clock.nanos() % NANOS_PER_SECOND, NANOS_PER_SECOND);
      setSeconds(now);
    }
    update();
  }

  private void writeB(int v) {
    catchUp();
    boolean wasSet = (cmos[REG_B] & B_SET) != 0;
    if ((v & (B_SQWE | B_DSE)) != 0) {
      log.unimplemented("square wave or daylight saving", REG_B, v);
    }
    if ((v & B_SET) != 0) {
      if (!wasSet) {
        timeToRegisters();
        heldSeconds = nowSeconds();
      }
      cmos[REG_B] = v & ~B_UIE;
    } else {
      if (wasSet) {
        cmos[REG_B] = v;
        registersToTime();
      }
      cmos[REG_B] = v;
    }
    seenNanos = clock.nanos();
    update();
  }

  @Override
  public int maxAccessSize() {
    return 1;
  }

  // State.

  @Override
  public State save() {
    byte[] bytes = new byte[CMOS_BYTES];
    for (int i = 0; i < CMOS_BYTES; i++) {
      bytes[i] = (byte) cmos[i];
    }
    return new State(bytes, index, baseSeconds, phaseNanos, seenNanos, heldSeconds);
  }

  @Override
  public void load(State s) {
    if (s.cmos.length != CMOS_BYTES) {
      throw new IllegalArgumentException("cmos: " + s.cmos.length + " bytes");
    }
    if ((s.index & ~(CMOS_BYTES - 1)) != 0) {
      throw new IllegalArgumentException("index: " + s.index);
    }
    long limit = 1L << 40;
    if (Math.abs(s.baseSeconds) > limit || Math.abs(s.heldSeconds) > limit) {
      throw new IllegalArgumentException("baseSeconds or heldSeconds out of range");
    }
    if (s.phaseNanos < 0
        || s.phaseNanos >= NANOS_PER_SECOND
        || s.seenNanos < 0
        || s.seenNanos > Timer.NEVER / 2) {
      throw new IllegalArgumentException("phaseNanos or seenNanos out of range");
    }
    for (int i = 0; i < CMOS_BYTES; i++) {
      cmos[i] = s.cmos[i] & 0xff;
    }
    index = s.index;
    baseSeconds = s.baseSeconds;
    phaseNanos = s.phaseNanos;
    seenNanos = s.seenNanos;
    heldSeconds = s.heldSeconds;
    update();
  }

  /** The RESET pin: interrupts off and flags clear; time and RAM live on the battery. */
  @Override
  public void reset() {
    catchUp();
    cmos[REG_B] &= ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    cmos[REG_C] = 0;
    index = 0;
    update();
  }
}
