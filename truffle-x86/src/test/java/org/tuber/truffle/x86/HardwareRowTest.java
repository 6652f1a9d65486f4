package org.tuber.truffle.x86;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Instructions with a VEX prefix, BMI and their neighbours against hashes recorded on an AMD
 * processor (Zen 3, user mode): {@code hardware-rows.txt}, one instruction a line.
 *
 * <p>Not there: VRCPPS and VRSQRTPS, whose results differ between processors.
 */
class HardwareRowTest {
  @Test
  void everyRowDoesWhatHardwareDid() throws IOException {
    List<String> failures = new ArrayList<>();
    int rows = 0;
    try (InputStream in = HardwareRowTest.class.getResourceAsStream("hardware-rows.txt");
        BareCpu bare = new BareCpu(true)) {
      for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList()) {
        if (line.startsWith("#")) {
          continue;
        }
        rows++;
        String[] fields = line.split(" ", 3);
        if (!HardwareRow.hash(bare, fields[0]).equals(fields[1])) {
          failures.add(line);
        }
      }
    }
    assertThat(rows).isGreaterThan(1000);
    assertThat(failures).isEmpty();
  }
}
