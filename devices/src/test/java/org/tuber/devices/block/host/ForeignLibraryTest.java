package org.tuber.devices.block.host;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.tuber.devices.block.ImageException;

/** Libraries that storage of others needs. */
class ForeignLibraryTest {
  @Test
  void saysWhatIsMissingAndWhereItComesFrom() {
    assertThatThrownBy(
            () -> ForeignLibrary.load("x:y", "libnone-of-this-name.so.9", "Storage", "a package"))
        .isInstanceOf(ImageException.class)
        .hasMessageContaining("x:y")
        .hasMessageContaining("Storage")
        .hasMessageContaining("libnone-of-this-name.so.9")
        .hasMessageContaining("a package");
  }
}
