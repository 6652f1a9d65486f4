package org.tuber.launcher.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** A whole process on a real (pseudo-)terminal: raw while it runs, as before on every way out. */
@EnabledOnOs(OS.LINUX)
@Timeout(120)
class TerminalTest {
  private final AtomicReference<String> shown = new AtomicReference<>("");
  private PseudoTerminal pty;
  private Process process;
  private String settingsBefore;

  @BeforeEach
  void makeTerminal() throws Exception {
    pty = new PseudoTerminal();
    stty("sane");
    settingsBefore = stty("-g");
  }

  @AfterEach
  void end() {
    if (process != null) {
      process.destroyForcibly();
    }
  }

  private String stty(String argument) throws Exception {
    Process stty =
        new ProcessBuilder("stty", "-F", pty.name(), argument).redirectErrorStream(true).start();
    String out = new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
    stty.waitFor();
    return out;
  }

  private void start(String... arguments) throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin/java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-Dtuber.stdin.tty=true",
            "-cp",
            System.getProperty("java.class.path"),
            EchoConsole.class.getName());
    builder.command().addAll(List.of(arguments));
    File far = new File(pty.name());
    process = builder.redirectInput(far).redirectOutput(far).redirectError(far).start();
    Thread.ofPlatform()
        .daemon()
        .start(
            () -> {
              byte[] chunk = new byte[256];
              int length;
              while ((length = pty.read(chunk)) > 0) {
                shown.accumulateAndGet(
                    new String(chunk, 0, length, StandardCharsets.ISO_8859_1), String::concat);
              }
            });
    waitFor("ready");
    while (stty("-a").contains(" icanon")) {
      TimeUnit.MILLISECONDS.sleep(20);
    }
  }

  private void type(String keys) {
    byte[] bytes = keys.getBytes(StandardCharsets.ISO_8859_1);
    pty.write(bytes, 0, bytes.length);
  }

  private void waitFor(String text) throws Exception {
    while (!shown.get().contains(text)) {
      assertThat(process.isAlive() || shown.get().contains(text)).as(shown.get()).isTrue();
      TimeUnit.MILLISECONDS.sleep(20);
    }
  }

  private void ended() throws Exception {
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).as(shown.get()).isTrue();
    assertThat(stty("-g")).isEqualTo(settingsBefore);
  }

  @Test
  void everyKeyReachesTheGuestAndCtrlAxLeaves() throws Exception {
    start();
    assertThat(stty("-a")).contains("-icanon", "-echo", "-isig", "-ixon", "-icrnl");
    type("a\003\032\034\r\177\021");
    waitFor("<61><03><1a><1c><0d><7f><11>");
    type("\001x");
    ended();
    assertThat(process.exitValue()).isZero();
    assertThat(shown.get()).contains("tuber: terminated");
  }

  @Test
  void killedProcessLeavesTheTerminalAsItWas() throws Exception {
    start();
    process.destroy();
    ended();
  }

  @Test
  void uncaughtExceptionLeavesTheTerminalAsItWas() throws Exception {
    start();
    type("z");
    ended();
    assertThat(process.exitValue()).isNotZero();
  }

  @Test
  void withSignalsKeptCtrlCIsNotAGuestKey() throws Exception {
    start("signals");
    assertThat(stty("-a")).containsPattern("(?<!-)isig").contains("-icanon");
    type("q");
    waitFor("<71>");
    process.destroy();
    ended();
  }
}
