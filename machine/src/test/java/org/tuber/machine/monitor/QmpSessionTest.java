package org.tuber.machine.monitor;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class QmpSessionTest {
  private final IdleMachine machine = new IdleMachine();
  private final Qmp qmp = new Qmp(machine, new HumanMonitor(machine, "1.0"), "Test 1");
  private final List<String> said = new ArrayList<>();
  private final QmpSession session =
      new QmpSession(qmp, b -> said.add(new String(b, StandardCharsets.UTF_8).strip()));

  @BeforeEach
  void negotiate() {
    session.open();
    assertThat(said.removeFirst()).startsWith("{\"QMP\":{\"version\":");
    assertThat(ask("{'execute': 'query-status'}")).contains("\"class\":\"CommandNotFound\"");
    assertThat(ask("{\"execute\":\"qmp_capabilities\"}")).isEqualTo("{\"return\":{}}");
  }

  private String ask(String text) {
    said.clear();
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    // In two halves, as sockets deliver.
    session.feed(bytes, bytes.length / 2);
    byte[] rest = java.util.Arrays.copyOfRange(bytes, bytes.length / 2, bytes.length);
    session.feed(rest, rest.length);
    return said.isEmpty() ? "" : said.getLast();
  }

  @Test
  void eventsPrecedeTheAnswer() {
    assertThat(ask("{\"execute\":\"stop\",\"id\":{\"a\":[1]}}"))
        .isEqualTo("{\"return\":{},\"id\":{\"a\":[1]}}");
    assertThat(said.getFirst()).contains("\"event\":\"STOP\"", "\"microseconds\":");
    assertThat(ask("{\"execute\":\"query-status\"}"))
        .isEqualTo("{\"return\":{\"status\":\"paused\",\"singlestep\":false,\"running\":false}}");
  }

  @Test
  void mistakesAreNamed() {
    assertThat(ask("{\"execute\":\"cont\",\"arguments\":{\"x\":1}}"))
        .contains("GenericError", "Parameter 'x' is unexpected");
    assertThat(ask("{\"execute\":\"send-key\"}")).contains("Parameter 'keys' is missing");
    assertThat(ask("{\"execute\":\"send-key\",\"arguments\":{\"keys\":1}}"))
        .contains("Invalid parameter type for 'keys', expected: array");
    assertThat(ask("[1]")).contains("QMP input must be a JSON object");
    assertThat(ask("{\"x\":1}")).contains("QMP input member 'x' is unexpected");
    assertThat(ask("nonsense\n")).contains("JSON parse error");
    assertThat(ask("{\"execute\":\"query-status\"}")).contains("running");
  }

  @Test
  void braceInAStringIsNoBrace() {
    String line =
        "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"}\\\"{\"}}";
    assertThat(ask(line)).contains("unknown command: '}\\\"{'");
  }

  @Test
  void whoLeavesHearsNothing() {
    session.close();
    said.clear();
    machine.pause();
    assertThat(said).isEmpty();
  }
}
