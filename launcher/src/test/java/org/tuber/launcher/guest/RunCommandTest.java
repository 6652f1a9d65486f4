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
        RunCommand.machineArguments(PARTS, List.of("-m", "1G", "-append", "guest.bench"), "24 80");
    assertThat(arguments).containsSequence("-m", "1G").containsSequence("-kernel", "/k");
    assertThat(arguments.getLast())
        .startsWith("console=ttyS0 ")
        .endsWith(" tuber.tty=24x80 guest.bench");
  }

  @Test
  void oddTerminalSizesAreLeftOut() {
    for (String size : new String[] {null, "", "0 0", "24"}) {
      assertThat(RunCommand.machineArguments(PARTS, List.of(), size).getLast())
          .isEqualTo(DebianGuest.KERNEL_COMMAND_LINE);
    }
  }

  @Test
  void unknownGuestsAndOptionsAreNamed() {
    RunCommand command = new RunCommand();
    assertThatThrownBy(() -> command.run(List.of()))
        .hasMessage("run: no guest named; known: debian");
    assertThatThrownBy(() -> command.run(List.of("plan9")))
        .hasMessage("run: unknown guest 'plan9'; known: debian");
    assertThatThrownBy(() -> command.run(List.of("debian", "-m", "1G")))
        .hasMessageContaining("unknown option -m");
  }
}
