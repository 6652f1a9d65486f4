package org.tuber.devices;

import java.util.ArrayList;
import java.util.List;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.cpu.Vcpu;

/** A CPU that executes nothing and remembers what its interrupt controller told it. */
public final class RecordingVcpu implements Vcpu {
  public final List<String> events = new ArrayList<>();
  public boolean interrupt;

  @Override
  public ExitReason run(long budget) {
    return ExitReason.HALTED;
  }

  @Override
  public void kick() {}

  @Override
  public void setInterrupt(boolean level) {
    interrupt = level;
  }

  @Override
  public void nmi() {
    events.add("nmi");
  }

  @Override
  public void init() {
    events.add("init");
  }

  @Override
  public void startup(int vector) {
    events.add("startup " + vector);
  }

  @Override
  public boolean isHalted() {
    return true;
  }

  @Override
  public void reset() {}

  @Override
  public long readRegister(String name) {
    return 0;
  }

  @Override
  public void writeRegister(String name, long value) {}

  @Override
  public long instructionCount() {
    return 0;
  }

  @Override
  public String statistics() {
    return "";
  }

  @Override
  public void close() {}
}
