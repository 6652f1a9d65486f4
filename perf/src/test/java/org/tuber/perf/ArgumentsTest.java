package org.tuber.perf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.tuber.launcher.CommandLineException;

class ArgumentsTest {
  private static Arguments parse(String... arguments) {
    return new Arguments("perf x", List.of(arguments), Set.of("-n", "--json"), Set.of("--quiet"));
  }

  @Test
  void valuesFlagsAndWhatIsPassedOn() {
    Arguments arguments = parse("-n", "5", "--quiet", "--", "-accel", "interp");
    assertThat(arguments.number("-n", 3, 1)).isEqualTo(5);
    assertThat(arguments.has("--quiet")).isTrue();
    assertThat(arguments.has("--json")).isFalse();
    assertThat(arguments.text("--json", "none")).isEqualTo("none");
    assertThat(arguments.passedOn()).containsExactly("-accel", "interp");
    assertThat(arguments.isHelp()).isFalse();
    assertThat(parse("-h").isHelp()).isTrue();
  }

  @Test
  void mistakesAreOneLineThatNamesThem() {
    assertThatThrownBy(() -> parse("--fast"))
        .isInstanceOf(CommandLineException.class)
        .hasMessage("perf x: unknown option --fast");
    assertThatThrownBy(() -> parse("-n")).hasMessage("perf x: -n needs a value");
    assertThatThrownBy(() -> parse("-n", "many").number("-n", 3, 1))
        .hasMessage("perf x: -n many: needs a number from 1 on");
    assertThatThrownBy(() -> parse("-n", "0").number("-n", 3, 1))
        .hasMessage("perf x: -n 0: needs a number from 1 on");
  }

  @Test
  void unknownMeasurementIsNamed() {
    assertThatThrownBy(() -> new PerfCommand().run(List.of("speed")))
        .isInstanceOf(CommandLineException.class)
        .hasMessage(
            "perf: unknown 'speed'; one of compare, profile, boot, kernels, user, img, disk,"
                + " bench, footprint");
    assertThatThrownBy(() -> new PerfCommand().run(List.of("boot", "--guest", "/no/such/folder")))
        .isInstanceOf(CommandLineException.class);
    assertThat(java.util.ServiceLoader.load(org.tuber.launcher.Subcommand.class))
        .anyMatch(command -> command instanceof PerfCommand);
  }
}
