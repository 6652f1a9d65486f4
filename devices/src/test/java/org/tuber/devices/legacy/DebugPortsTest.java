package org.tuber.devices.legacy;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.devices.FakeCharBackend;

/** Ports without state, for which the device contract has nothing to check. */
class DebugPortsTest {
  @Test
  void debugConsoleIsFoundByItsReadValueAndPrints() {
    FakeCharBackend backend = new FakeCharBackend();
    DebugConsole console = new DebugConsole(backend);
    assertThat(console.read(0, 1)).isEqualTo(0xe9);
    console.write(0, 'h', 1);
    console.write(0, 'i', 1);
    assertThat(backend.output).hasToString("hi");
  }

  @Test
  void debugExitGivesAnOddStatus() {
    List<Integer> statuses = new ArrayList<>();
    IsaDebugExit exit = new IsaDebugExit(statuses::add);
    exit.write(0, 0x10, 4);
    exit.write(0, 0, 1);
    assertThat(statuses).containsExactly(0x21, 1);
  }
}
