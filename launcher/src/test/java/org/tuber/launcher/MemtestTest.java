package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** memtest86+ finds nothing wrong with 64 MiB in one pass. */
@Tag("soak")
@Timeout(4000)
class MemtestTest {
  private static final Duration PATIENCE = Duration.ofMinutes(30);

  @ParameterizedTest
  @ValueSource(strings = {"/boot/memtest86+x64.bin", "/boot/memtest86+ia32.bin"})
  void onePassIsWithoutErrors(String kernel) throws Exception {
    HostTool.need("memtest86+", kernel);
    try (Conversation guest =
        Conversation.with(
            "-m 64 -nographic -nic none -kernel " + kernel, "-append", "console=ttyS0,115200")) {
      guest.await("Pass:  1        Errors: ", PATIENCE);
      assertThat(guest.text()).doesNotContainPattern("Errors: [1-9]");
    }
  }
}
