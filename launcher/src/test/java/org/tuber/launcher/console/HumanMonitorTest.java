package org.tuber.launcher.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class HumanMonitorTest {
  private final ByteArrayOutputStream screen = new ByteArrayOutputStream();
  private final ByteOutlet out = new ByteOutlet("test", screen);
  private final HumanMonitor monitor = new HumanMonitor(out);
  private final ScriptedRun machine = new ScriptedRun();

  @BeforeEach
  void attach() {
    monitor.attach(machine);
  }

  private void type(String text) {
    for (byte value : text.getBytes(StandardCharsets.US_ASCII)) {
      monitor.type(value);
    }
    out.flush();
  }

  @Test
  void commandsReachTheMachine() {
    type("stop\rcont\rnmi\rsystem_reset\rsystem_powerdown\rq\r");
    assertThat(machine.calls)
        .containsExactly("pause", "resume", "nmi", "reset", "powerOff", "quit 0");
  }

  @Test
  void statusFollowsTheMachine() {
    assertThat(monitor.execute("info status")).isEqualTo("VM status: running");
    machine.pause();
    assertThat(monitor.execute("info status")).isEqualTo("VM status: paused");
  }

  @Test
  void ruboutAndLineKillEdit() {
    type("stoq\177p\r");
    assertThat(machine.calls).containsExactly("pause");
    type("rubbish\025nmi\r");
    assertThat(machine.calls).containsExactly("pause", "nmi");
    assertThat(screen.toString(StandardCharsets.US_ASCII)).contains("stoq\b \bp\r\n(tuber) ");
  }

  @Test
  void unknownCommandIsNamed() {
    assertThat(monitor.execute("fly")).isEqualTo("unknown command: 'fly'");
  }
}
