package org.tuber.launcher.options;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.launcher.CommandLineException;

class SizesTest {
  @Test
  void suffixesArePowersOf1024() {
    assertThat(Sizes.bytes("-m", "512", 'M')).isEqualTo(512L << 20);
    assertThat(Sizes.bytes("-m", "1G", 'M')).isEqualTo(1L << 30);
    assertThat(Sizes.bytes("-m", "1.5g", 'M')).isEqualTo(3L << 29);
    assertThat(Sizes.bytes("-m", "65536k", 'M')).isEqualTo(64L << 20);
    assertThat(Sizes.bytes("-m", "4096B", 'M')).isEqualTo(4096);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "M", "12X", "-5", "1e9", "9999999999T", "0x10", "1 G"})
  void anythingElseIsRefused(String text) {
    assertThatThrownBy(() -> Sizes.bytes("-m", text, 'M'))
        .isInstanceOf(CommandLineException.class)
        .hasMessage("-m " + text + ": not a size");
  }
}
