package org.tuber.devices;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.time.ManualClock;

/** What a device under test is wired to: a clock, recorded wires and events, empty spaces. */
public final class Rig {
  /** 2026-03-01 12:34:56 UTC. */
  public static final long START_SECONDS = 1_772_368_496L;

  public final ManualClock clock = new ManualClock(START_SECONDS);
  public final ReentrantLock lock = new ReentrantLock();
  public final AddressSpace memory = new AddressSpace("memory", 0, lock);
  public final AddressSpace io = new AddressSpace("io", 0x10000, lock);
  public final List<String> trace = new ArrayList<>();
  private final Map<String, IrqLine> lines = new TreeMap<>();

  /** A wire whose changes go to the trace. */
  public IrqLine line(String name) {
    IrqLine line = new IrqLine(level -> trace.add(clock.nanos() + " " + name + "=" + level));
    lines.put(name, line);
    return line;
  }

  /** A callback whose runs go to the trace. */
  public Runnable event(String name) {
    return () -> trace.add(clock.nanos() + " " + name);
  }

  /** How often {@code text} occurs at the end of a trace entry. */
  public long count(String text) {
    return trace.stream().filter(t -> t.endsWith(text)).count();
  }

  /** Levels of all recorded wires. */
  public Map<String, Boolean> levels() {
    Map<String, Boolean> levels = new TreeMap<>();
    lines.forEach((name, line) -> levels.put(name, line.level()));
    return levels;
  }
}
