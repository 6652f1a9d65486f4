package org.tuber.machine.monitor;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.RamObserver;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.pci.PciBus;
import org.tuber.machine.MachineParts;
import org.tuber.machine.MachineRun;
import org.tuber.machine.RunEvent;

/** A machine without guest: remembers what was asked of it. */
final class IdleMachine implements MachineRun {
  final List<String> calls = Collections.synchronizedList(new ArrayList<>());
  private final List<Consumer<RunEvent>> listeners = new ArrayList<>();
  private State state = State.RUNNING;

  private record NoParts(
      String board,
      String guestName,
      String architecture,
      List<Vcpu> cpus,
      AddressSpace memory,
      AddressSpace ports,
      RamObserver ramObserver,
      long ramBytes,
      Map<String, Snapshottable<?>> devices,
      PciBus pciBus)
      implements MachineParts {}

  @Override
  public MachineParts parts() {
    return new NoParts("none", "", "x86_64", List.of(), null, null, null, 0, Map.of(), null);
  }

  @Override
  public int run() {
    return 0;
  }

  @Override
  public void requestPowerOff() {
    calls.add("powerOff");
  }

  @Override
  public void requestReset() {
    calls.add("reset");
  }

  @Override
  public void quit(int status) {
    calls.add("quit " + status);
  }

  @Override
  public void nmi() {
    calls.add("nmi");
  }

  @Override
  public void pause() {
    calls.add("pause");
    state = State.STOPPED;
    listeners.forEach(l -> l.accept(new RunEvent.Stopped(RunEvent.Rest.PAUSED)));
  }

  @Override
  public void resume() {
    calls.add("resume");
    state = State.RUNNING;
    listeners.forEach(l -> l.accept(new RunEvent.Resumed()));
  }

  @Override
  public State state() {
    return state;
  }

  @Override
  public void addListener(Consumer<RunEvent> listener) {
    listeners.add(listener);
  }

  @Override
  public String statistics() {
    return "cpu0 7 blocks";
  }

  @Override
  public void close() {}
}
