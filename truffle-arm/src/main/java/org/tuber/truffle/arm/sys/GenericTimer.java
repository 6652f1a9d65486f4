package org.tuber.truffle.arm.sys;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.tuber.core.cpu.ArmPlatform.TimerKind;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.time.TickRate;
import org.tuber.core.time.Timer;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.Reg;

/**
 * The generic timer of one CPU (Arm ARM D12): the system counter and the timers that compare with
 * it. Outputs are levels; the board says where they go.
 *
 * <p>Called on the CPU's thread; takes the device lock where timers or lines are touched.
 */
public final class GenericTimer {
  /** Rate of the system counter, as the {@code virt} board's. */
  public static final long FREQUENCY_HZ = 62_500_000;

  private static final long ENABLE = 1;
  private static final long IMASK = 2;
  private static final long ISTATUS = 4;

  private static final TickRate RATE = new TickRate(FREQUENCY_HZ);

  private final class Comparator {
    final TimerKind kind;
    final Timer timer;
    final IrqLine line;
    long control;
    long compareValue;

    Comparator(TimerKind kind) {
      this.kind = kind;
      timer = new Timer(c.clock, this::update);
      line = c.platform.timerLine(kind);
    }

    long count() {
      return kind == TimerKind.VIRTUAL ? count0() - offset() : count0();
    }

    boolean isMet() {
      return count() - compareValue >= 0;
    }

    /** Sets the output and the next deadline. Under the device lock. */
    void update() {
      boolean enabled = (control & ENABLE) != 0;
      boolean met = enabled && isMet();
      if (enabled && !met) {
        long base = kind == TimerKind.VIRTUAL ? compareValue + offset() : compareValue;
        timer.arm(base < 0 ? Timer.NEVER - 1 : RATE.nanos(base));
      } else {
        timer.disarm();
      }
      line.set(met && (control & IMASK) == 0);
    }
  }

  private final ArmCpu c;
  private final ReentrantLock lock;
  private final Map<TimerKind, Comparator> comparators = new EnumMap<>(TimerKind.class);

  public GenericTimer(ArmCpu c) {
    this.c = c;
    lock = c.memory.deviceLock();
    for (TimerKind k : TimerKind.values()) {
      comparators.put(k, new Comparator(k));
    }
  }

  private long count0() {
    return RATE.ticks(c.clock.nanos());
  }

  private long offset() {
    return c.has(2) ? c.sys[Reg.CNTVOFF_EL2] : 0;
  }

  /** CNTPCT_EL0; timers that are due by then have fired. */
  public long physicalCount() {
    c.clock.catchUp();
    return count0();
  }

  /** CNTVCT_EL0. */
  public long virtualCount() {
    return physicalCount() - offset();
  }

  long control(TimerKind kind) {
    Comparator t = comparators.get(kind);
    return t.control | ((t.control & ENABLE) != 0 && t.isMet() ? ISTATUS : 0);
  }

  void setControl(TimerKind kind, long value) {
    Comparator t = comparators.get(kind);
    lock.lock();
    try {
      t.control = value & (ENABLE | IMASK);
      t.update();
    } finally {
      lock.unlock();
    }
  }

  long compareValue(TimerKind kind) {
    return comparators.get(kind).compareValue;
  }

  void setCompareValue(TimerKind kind, long value) {
    Comparator t = comparators.get(kind);
    lock.lock();
    try {
      t.compareValue = value;
      t.update();
    } finally {
      lock.unlock();
    }
  }

  long timerValue(TimerKind kind) {
    Comparator t = comparators.get(kind);
    return t.compareValue - t.count() & 0xffff_ffffL;
  }

  void setTimerValue(TimerKind kind, long value) {
    setCompareValue(kind, comparators.get(kind).count() + (int) value);
  }

  void offsetChanged() {
    setControl(TimerKind.VIRTUAL, comparators.get(TimerKind.VIRTUAL).control);
  }

  /** The comparators, for snapshots. */
  List<CpuSnapshot.TimerState> save() {
    List<CpuSnapshot.TimerState> all = new ArrayList<>();
    for (Comparator t : comparators.values()) {
      all.add(new CpuSnapshot.TimerState((int) t.control, t.compareValue));
    }
    return all;
  }

  /** Refuses what cannot be loaded. */
  void check(List<CpuSnapshot.TimerState> states) {
    if (states.size() != comparators.size()) {
      throw new IllegalArgumentException("timers: " + states.size());
    }
  }

  /** Replaces the comparators; outputs and deadlines follow. */
  void load(List<CpuSnapshot.TimerState> states) {
    lock.lock();
    try {
      int i = 0;
      for (Comparator t : comparators.values()) {
        CpuSnapshot.TimerState s = states.get(i++);
        t.control = s.control() & (ENABLE | IMASK);
        t.compareValue = s.compareValue();
        t.update();
      }
    } finally {
      lock.unlock();
    }
  }

  /** All timers off. */
  public void reset() {
    lock.lock();
    try {
      for (Comparator t : comparators.values()) {
        t.control = 0;
        t.compareValue = 0;
        t.update();
      }
    } finally {
      lock.unlock();
    }
  }
}
