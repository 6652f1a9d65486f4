package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.machine.firmware.FirmwareFiles;

/** The same client talks to Tuber and to QEMU: answers, refusals and events have the same shape. */
@Timeout(300)
class QmpTest {
  private static final long PATIENCE_SECONDS = 60;
  private static final List<String> MACHINE =
      List.of(
          "-m",
          "64",
          "-smp",
          "2",
          "-name",
          "guest",
          "-nodefaults",
          "-display",
          "none",
          "-serial",
          "null");

  /** What both are asked while they have not started yet, in this order. */
  private static final List<String> SAME =
      List.of(
          "{'execute':'query-status'}",
          "{'execute':'qmp_capabilities'}",
          "{'execute':'qmp_capabilities'}",
          "{'execute':'query-status','id':{'n':1}}",
          "{'execute':'query-version'}",
          "{'execute':'query-cpus-fast'}",
          "{'execute':'query-name'}",
          "{'execute':'query-kvm'}",
          "{'execute':'query-uuid'}",
          "{'execute':'query-target'}",
          "{'execute':'query-chardev'}",
          "{'execute':'query-commands'}",
          "{'execute':'query-memory-size-summary'}",
          "{'execute':'nonsense'}",
          "{'execute':'cont','arguments':{'x':1}}",
          "{'execute':'send-key'}",
          "{'execute':'send-key','arguments':{'keys':'a'}}",
          "{'execute':'send-key','arguments':{'keys':[{'type':'qcode','data':'zz'}]}}",
          "{'execute':'input-send-event','arguments':{'events':[]}}",
          "{'execute':'eject','arguments':{'device':'zz'}}",
          "{'foo':1}",
          "[1]",
          "{'execute':1}",
          "{'execute':'human-monitor-command','arguments':{'command-line':'info status'}}",
          "{'execute':'human-monitor-command','arguments':{'command-line':'nonsense'}}",
          "{'execute':'human-monitor-command','arguments':{'command-line':'xp/4xw 0xfffffff0'}}",
          "{'execute':'human-monitor-command','arguments':{'command-line':'xp/10xb 0xfffffff0'}}",
          "{'execute':'human-monitor-command','arguments':{'command-line':'print /x 2*3+0x10'}}",
          "{'execute':'human-monitor-command','arguments':{'command-line':'info name'}}",
          "{'execute':'cont'}",
          "{'execute':'stop'}",
          "{'execute':'stop'}",
          "{'execute':'query-status'}",
          "{'execute':'cont'}",
          "{'execute':'send-key','arguments':{'keys':[{'type':'qcode','data':'a'}]}}");

  @TempDir Path dir;

  @BeforeEach
  void needsTools() throws Exception {
    boolean qemu =
        new ProcessBuilder("sh", "-c", "command -v qemu-system-x86_64").start().waitFor() == 0;
    boolean firmware = new FirmwareFiles(List.of()).find("bios-256k.bin") != null;
    if (System.getenv("CI") == null) {
      assumeTrue(qemu && firmware, "qemu-system-x86_64 or SeaBIOS is not installed");
    }
    assertThat(qemu && firmware).as("QEMU and SeaBIOS must be installed in CI").isTrue();
  }

  private Process start(ProcessBuilder builder, Path socket) throws Exception {
    Path log = dir.resolve(socket.getFileName() + ".log");
    Process process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
    process.getOutputStream().close();
    while (!Files.exists(socket)) {
      assertThat(process.waitFor(100, TimeUnit.MILLISECONDS)).as(Files.readString(log)).isFalse();
    }
    return process;
  }

  private List<String> arguments(Path socket) {
    List<String> all = new ArrayList<>(MACHINE);
    all.addAll(List.of("-S", "-qmp", "unix:" + socket + ",server=on,wait=off"));
    return all;
  }

  private Process tuber(Path socket, String... more) throws Exception {
    List<String> all = new ArrayList<>(List.of("system-x86_64", "-accel", "interp"));
    all.addAll(arguments(socket));
    all.addAll(List.of(more));
    return start(TuberProcess.builder(true, all.toArray(String[]::new)), socket);
  }

  private Process qemu(Path socket) throws Exception {
    List<String> all = new ArrayList<>(List.of("qemu-system-x86_64"));
    all.addAll(arguments(socket));
    return start(new ProcessBuilder(all), socket);
  }

  /** Names and types; of a list its first member; refusals word by word. */
  static Object shape(JsonNode node) {
    if (node.isObject()) {
      Map<String, Object> members = new TreeMap<>();
      node.properties().forEach(m -> members.put(m.getKey(), shape(m.getValue())));
      boolean refusal = node.has("class") && node.has("desc");
      return refusal ? node.toString().replace(" ", "") : members;
    }
    if (node.isArray()) {
      return node.isEmpty() ? List.of() : List.of(shape(node.get(0)));
    }
    return node.getNodeType();
  }

  private static List<Object> conversation(QmpClient client) throws IOException {
    List<Object> all = new ArrayList<>();
    for (String request : SAME) {
      List<String> events = new ArrayList<>();
      JsonNode answer = client.ask(request, events);
      boolean text = answer.path("return").isTextual();
      all.add(request);
      all.add(text ? answer.toString() : shape(answer));
      all.add(events);
    }
    return all;
  }

  @Test
  void answersHaveTheShapeOfQemus() throws Exception {
    Path ours = dir.resolve("tuber.sock");
    Path theirs = dir.resolve("qemu.sock");
    Process qemu = qemu(theirs);
    Process tuber = tuber(ours);
    try (QmpClient a = new QmpClient(ours);
        QmpClient b = new QmpClient(theirs)) {
      assertThat(a.next().path("QMP").path("version").has("package")).isTrue();
      assertThat(b.next().path("QMP").path("version").has("package")).isTrue();
      assertThat(conversation(a)).containsExactlyElementsOf(conversation(b));
    } finally {
      qemu.destroyForcibly();
      tuber.destroyForcibly();
    }
  }

  @Test
  void lifeScreenAndMedia() throws Exception {
    Path socket = dir.resolve("tuber.sock");
    Path picture = dir.resolve("screen.png");
    Path disc = Files.write(dir.resolve("disc.iso"), new byte[2048 * 16]);
    Process tuber = tuber(socket, "-vga", "std", "-drive", "if=ide,index=2,media=cdrom,id=cd");
    List<String> events = new ArrayList<>();
    try (QmpClient c = new QmpClient(socket)) {
      c.next();
      c.ask("{'execute':'qmp_capabilities'}", events);
      assertThat(c.ask("{'execute':'query-block'}", events).at("/return/0").has("inserted"))
          .isFalse();
      String change =
          "{'execute':'blockdev-change-medium','arguments':{'device':'cd','filename':'"
              + disc
              + "','format':'raw'}}";
      assertThat(c.ask(change, events).has("return")).isTrue();
      assertThat(
              c.ask("{'execute':'query-block'}", events)
                  .at("/return/0/inserted/image/virtual-size")
                  .asLong())
          .isEqualTo(2048 * 16);
      assertThat(c.ask("{'execute':'eject','arguments':{'id':'cd'}}", events).has("return"))
          .isTrue();
      assertThat(events).anyMatch(e -> e.startsWith("DEVICE_TRAY_MOVED"));
      c.ask("{'execute':'cont'}", events);
      c.ask("{'execute':'system_reset'}", events);
      assertThat(c.await("RESET").at("/data/reason").asText()).isEqualTo("host-qmp-system-reset");
      c.ask("{'execute':'system_powerdown'}", events);
      c.await("POWERDOWN");
      String dump =
          "{'execute':'screendump','arguments':{'filename':'" + picture + "','format':'png'}}";
      assertThat(c.ask(dump, events).has("return")).isTrue();
      assertThat(Files.readAllBytes(picture)).startsWith(0x89, 'P', 'N', 'G');
      c.ask("{'execute':'quit'}", events);
      assertThat(tuber.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
      assertThat(tuber.exitValue()).isZero();
    } finally {
      tuber.destroyForcibly();
    }
  }
}
