package org.tuber.machine.monitor;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class MonitorLineTest {
  private final ByteArrayOutputStream screen = new ByteArrayOutputStream();
  private final MonitorLine line = new MonitorLine(screen::writeBytes);
  private final IdleMachine machine = new IdleMachine();
  private final HumanMonitor monitor = new HumanMonitor(machine, "1.0");

  @BeforeEach
  void attach() {
    line.attach(monitor);
  }

  private void type(String text) {
    for (byte value : text.getBytes(StandardCharsets.US_ASCII)) {
      line.type(value);
    }
  }

  @Test
  void commandsReachTheMachine() {
    type("stop\rcont\rnmi\rsystem_reset\rsystem_powerdown\rq\r");
    assertThat(machine.calls)
        .containsExactly("pause", "resume", "nmi", "reset", "powerOff", "quit 0");
  }

  @Test
  void statusFollowsTheMachine() {
    assertThat(monitor.execute("info status")).isEqualTo("VM status: running\n");
    machine.pause();
    assertThat(monitor.execute("info   status")).isEqualTo("VM status: paused\n");
  }

  @Test
  void ruboutLineKillAndArrowsEdit() {
    type("stoq\177p\r");
    assertThat(machine.calls).containsExactly("pause");
    type("rubbish\025nmi\r");
    assertThat(machine.calls).containsExactly("pause", "nmi");
    assertThat(screen.toString(StandardCharsets.US_ASCII)).contains("stoq\b \bp\r\n(tuber) ");
    type("\033[A\033[A\r");
    assertThat(machine.calls).containsExactly("pause", "nmi", "pause");
  }

  @Test
  void unknownCommandIsNamed() {
    assertThat(monitor.execute("fly")).isEqualTo("unknown command: 'fly'\n");
    assertThat(monitor.execute("info fly")).isEqualTo("unknown command: 'info fly'\n");
  }

  @Test
  void helpListsWhatThereIs() {
    assertThat(monitor.execute("help")).contains("xp /fmt addr --", "sendkey keys [ms] --");
    assertThat(monitor.execute("help c")).startsWith("cont -- ");
    assertThat(monitor.execute("info")).contains("info registers").doesNotContain("sendkey");
  }

  @Test
  void expressionsCompute() throws Exception {
    assertThat(Expression.value("1+2*0x10", null)).isEqualTo(33);
    assertThat(Expression.value("(1+2)*-010 & 0xff", null)).isEqualTo(0xe8);
    assertThat(Expression.value("~0 % 16 + 'A'", null)).isEqualTo(15 + 'A');
  }
}
