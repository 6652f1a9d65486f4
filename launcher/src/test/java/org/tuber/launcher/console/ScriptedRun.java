package org.tuber.launcher.console;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.tuber.machine.MachineRun;

/** A machine without guest: remembers what was asked of it. */
class ScriptedRun implements MachineRun {
  final List<String> calls = Collections.synchronizedList(new ArrayList<>());
  volatile State state = State.RUNNING;

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
  }

  @Override
  public void resume() {
    calls.add("resume");
    state = State.RUNNING;
  }

  @Override
  public State state() {
    return state;
  }

  @Override
  public String statistics() {
    return "cpu0 7 blocks";
  }

  @Override
  public void close() {}
}
