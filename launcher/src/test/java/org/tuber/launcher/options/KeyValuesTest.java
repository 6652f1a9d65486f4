package org.tuber.launcher.options;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Set;
import org.junit.jupiter.api.Test;
import org.tuber.launcher.CommandLineException;

class KeyValuesTest {
  @Test
  void firstItemWithoutEqualsBelongsToTheHeadKey() {
    KeyValues values = KeyValues.parse("-smp", "4,cores=2", "cpus");
    assertThat(values.get("cpus", null)).isEqualTo("4");
    assertThat(values.integer("cores", 1, 1, 8)).isEqualTo(2);
  }

  @Test
  void doubledCommaIsOneCommaInsideAValue() {
    KeyValues values = KeyValues.parse("-drive", "file=a,,b,if=none", null);
    assertThat(values.get("file", null)).isEqualTo("a,b");
    assertThat(values.get("if", null)).isEqualTo("none");
  }

  @Test
  void keyWithoutValueIsOn() {
    assertThat(KeyValues.parse("-x", "a,b", null).isOn("b", false)).isTrue();
  }

  @Test
  void unknownKeyIsNamed() {
    assertThatThrownBy(() -> KeyValues.parse("-m", "size=1,foo=2", "size").only(Set.of("size")))
        .isInstanceOf(CommandLineException.class)
        .hasMessage("-m size=1,foo=2: unknown property 'foo'");
  }

  @Test
  void numbersHaveBounds() {
    KeyValues values = KeyValues.parse("-smp", "cpus=0,cores=x", "cpus");
    assertThatThrownBy(() -> values.integer("cpus", 1, 1, 8))
        .hasMessageContaining("0 is not within");
    assertThatThrownBy(() -> values.integer("cores", 1, 1, 8)).hasMessageContaining("'x'");
  }
}
