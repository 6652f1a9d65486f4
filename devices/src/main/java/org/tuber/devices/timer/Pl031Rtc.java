package org.tuber.devices.timer;

import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.reg.RegisterBank;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.core.time.Timer;
import org.tuber.core.time.VirtualClock;

/**
 * Arm PrimeCell PL031: a clock that counts seconds, with one alarm.
 *
 * <p>Technical reference manual DDI 0224C, chapter 3. It starts with the guest's wall time (seconds
 * since 1970) and keeps what it is set to over a reset, as the battery does. Deviation: RTCEN
 * cannot be cleared, which is what the manual says of a running clock too.
 */
public final class Pl031Rtc implements MmioDevice, Snapshottable<Pl031Rtc.State> {
  /** Size of the register window. */
  public static final int WINDOW_BYTES = 0x1000;

  private static final int[] IDENTITY = {0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
  private static final int ID = 0xfe0;
  private static final long NANOS_PER_SECOND = 1_000_000_000L;
  private static final long WORD = 0xffff_ffffL;

  /**
   * State.
   *
   * @param registers match, load, interrupt registers
   * @param offsetSeconds what the guest added to the wall time by setting the clock
   */
  public record State(RegisterBank.State registers, long offsetSeconds) {}

  private final VirtualClock clock;
  private final IrqLine irq;
  private final Timer alarm;
  private final RegisterBank bank = new RegisterBank("pl031", WINDOW_BYTES);
  private final RegisterBank.Register match;
  private final RegisterBank.Register load;
  private final RegisterBank.Register mask;
  private final RegisterBank.Register raw;
  private long offsetSeconds;

  /** A clock that shows the wall time of {@code clock}. */
  public Pl031Rtc(VirtualClock clock, IrqLine irq) {
    this.clock = clock;
    this.irq = irq;
    alarm = new Timer(clock, this::alarm);
    bank.register("RTCDR", 0x00, 4, 0).onRead(v -> seconds());
    match =
        bank.register("RTCMR", 0x04, 4, 0)
            .sticky()
            .writable(WORD)
            .onWrite((old, written) -> armAlarm());
    load =
        bank.register("RTCLR", 0x08, 4, 0).sticky().writable(WORD).onWrite((old, written) -> set());
    bank.register("RTCCR", 0x0c, 4, 1);
    mask = bank.register("RTCIMSC", 0x10, 4, 0).writable(1).onWrite((old, written) -> update());
    raw = bank.register("RTCRIS", 0x14, 4, 0);
    bank.register("RTCMIS", 0x18, 4, 0).onRead(v -> raw.value() & mask.value());
    bank.register("RTCICR", 0x1c, 4, 0).onRead(v -> 0).onWrite((old, written) -> clear(written));
    for (int i = 0; i < IDENTITY.length; i++) {
      bank.register("ID" + i, ID + 4 * i, 4, IDENTITY[i]);
    }
  }

  private long seconds() {
    return clock.wallSeconds() + offsetSeconds & WORD;
  }

  private void set() {
    offsetSeconds = load.value() - clock.wallSeconds();
    armAlarm();
  }

  /** The alarm comes when the counter reaches the match register, if need be after wrapping. */
  private void armAlarm() {
    long left = match.value() - seconds() & WORD;
    if (left == 0) {
      alarm();
      return;
    }
    long now = clock.nanos();
    // Counted from the start of the present second.
    alarm.arm(now - now % NANOS_PER_SECOND + left * NANOS_PER_SECOND);
  }

  private void alarm() {
    raw.set(1);
    update();
  }

  private void clear(long written) {
    raw.clearBits(written & 1);
    update();
  }

  private void update() {
    irq.set((raw.value() & mask.value()) != 0);
  }

  @Override
  public long read(long offset, int size) {
    return bank.read(offset, size);
  }

  @Override
  public void write(long offset, long value, int size) {
    bank.write(offset, value, size);
  }

  @Override
  public int maxAccessSize() {
    return 4;
  }

  @Override
  public State save() {
    return new State(bank.save(), offsetSeconds);
  }

  @Override
  public void load(State state) {
    if (Math.abs(state.offsetSeconds) > 1L << 33) {
      throw new IllegalArgumentException("offsetSeconds: " + state.offsetSeconds);
    }
    bank.load(state.registers);
    offsetSeconds = state.offsetSeconds;
    rearm();
    update();
  }

  /** The alarm that is due, if it is not just now: that one is in the state already. */
  private void rearm() {
    alarm.disarm();
    if ((match.value() - seconds() & WORD) != 0) {
      armAlarm();
    }
  }

  @Override
  public void reset() {
    bank.reset();
    rearm();
    update();
  }
}
