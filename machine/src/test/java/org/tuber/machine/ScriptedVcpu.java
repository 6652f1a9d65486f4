package org.tuber.machine;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.snapshot.Snapshottable;

/** A CPU that does what a test's script says; it keeps registers and what happened to it. */
public final class ScriptedVcpu implements Vcpu, Snapshottable<ScriptedVcpu.State> {
  /** State. */
  public record State(List<String> names, List<Long> values) {}

  /** What the CPU executes: called again and again while the machine runs. */
  @FunctionalInterface
  public interface Script {
    /** One turn of {@link Vcpu#run}. */
    ExitReason step(ScriptedVcpu cpu);
  }

  private final Map<String, Long> registers = new LinkedHashMap<>();
  private volatile Script script;
  private volatile boolean interrupt;
  private volatile boolean kicked;
  public final AtomicInteger resets = new AtomicInteger();
  public final AtomicInteger nmis = new AtomicInteger();
  public volatile boolean closed;
  public volatile boolean a20 = true;

  public ScriptedVcpu(Script script) {
    this.script = script;
  }

  public void setScript(Script script) {
    this.script = script;
  }

  public boolean interrupt() {
    return interrupt;
  }

  @Override
  public ExitReason run(long budget) {
    if (kicked) {
      kicked = false;
      return ExitReason.KICKED;
    }
    return script.step(this);
  }

  @Override
  public void kick() {
    kicked = true;
  }

  @Override
  public void setInterrupt(boolean level) {
    interrupt = level;
  }

  @Override
  public void setA20(boolean open) {
    a20 = open;
  }

  @Override
  public void nmi() {
    nmis.incrementAndGet();
  }

  @Override
  public boolean isHalted() {
    return !interrupt;
  }

  @Override
  public void reset() {
    resets.incrementAndGet();
    registers.clear();
  }

  @Override
  public long readRegister(String name) {
    return registers.getOrDefault(name, 0L);
  }

  @Override
  public void writeRegister(String name, long value) {
    registers.put(name, value);
  }

  @Override
  public State save() {
    return new State(List.copyOf(registers.keySet()), List.copyOf(registers.values()));
  }

  @Override
  public void load(State state) {
    registers.clear();
    for (int i = 0; i < state.names.size(); i++) {
      registers.put(state.names.get(i), state.values.get(i));
    }
  }

  /** All registers written since the last reset, in order. */
  public Map<String, Long> written() {
    return registers;
  }

  @Override
  public long instructionCount() {
    return 0;
  }

  @Override
  public String statistics() {
    return "";
  }

  @Override
  public void close() {
    closed = true;
  }
}
