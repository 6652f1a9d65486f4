package org.tuber.launcher.console;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.tuber.launcher.console.EscapeKeys.Action;

class EscapeKeysTest {
  private final EscapeKeys keys = new EscapeKeys();

  @Test
  void ordinaryBytesPass() {
    assertThat(keys.type((byte) 3)).isEqualTo(Action.SEND);
    assertThat(keys.literal()).isEqualTo((byte) 3);
  }

  @Test
  void prefixMakesACommand() {
    assertThat(keys.type((byte) 1)).isEqualTo(Action.NOTHING);
    assertThat(keys.type((byte) 'x')).isEqualTo(Action.QUIT);
    assertThat(keys.type((byte) 'x')).isEqualTo(Action.SEND);
  }

  @Test
  void prefixTwiceSendsIt() {
    assertThat(keys.type((byte) 1)).isEqualTo(Action.NOTHING);
    assertThat(keys.type((byte) 1)).isEqualTo(Action.SEND);
    assertThat(keys.literal()).isEqualTo((byte) 1);
  }

  @Test
  void unknownCommandIsDropped() {
    assertThat(keys.type((byte) 1)).isEqualTo(Action.NOTHING);
    assertThat(keys.type((byte) 'q')).isEqualTo(Action.NOTHING);
    assertThat(keys.type((byte) 'q')).isEqualTo(Action.SEND);
  }
}
