package org.tuber.launcher.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class RunCommandTest {
  private static final DebianGuest.Parts PARTS =
      new DebianGuest.Parts(Path.of("/k"), Path.of("/i"));

  @Test
  void appendAddsAndOtherOptionsPass() {
    List<String> arguments =
        RunCommand.machineArguments(
            DebianKind.AMD64, PARTS, List.of("-m", "1G", "-append", "guest.bench"), "24 80");
    assertThat(arguments).containsSequence("-m", "1G").containsSequence("-kernel", "/k");
    assertThat(arguments.getLast())
        .startsWith("console=ttyS0 ")
        .endsWith(" tuber.tty=24x80 guest.bench");
  }

  @Test
  void oddTerminalSizesAreLeftOut() {
    for (String size : new String[] {null, "", "0 0", "24"}) {
      assertThat(RunCommand.machineArguments(DebianKind.AMD64, PARTS, List.of(), size).getLast())
          .isEqualTo(DebianKind.AMD64.kernelCommandLine);
    }
  }

  @Test
  void armGuestsRunOnTheArmBoard() {
    List<String> arguments = RunCommand.machineArguments(DebianKind.ARM64, PARTS, List.of(), null);
    assertThat(arguments).containsSequence("-M", "virt");
    assertThat(arguments.getLast()).startsWith("console=ttyAMA0 ");
    assertThat(DebianKind.ARM64.command().name()).isEqualTo("system-aarch64");
  }

  @Test
  void unknownGuestsAndOptionsAreNamed() {
    RunCommand command = new RunCommand();
    assertThatThrownBy(() -> command.run(List.of()))
        .hasMessage("run: no guest named; known: debian, debian-arm64");
    assertThatThrownBy(() -> command.run(List.of("plan9")))
        .hasMessage("run: unknown guest 'plan9'; known: debian, debian-arm64");
    assertThatThrownBy(() -> command.run(List.of("debian", "-m", "1G")))
        .hasMessageContaining("unknown option -m");
  }
}
