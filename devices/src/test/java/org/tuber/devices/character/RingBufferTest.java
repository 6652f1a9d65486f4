package org.tuber.devices.character;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class RingBufferTest {
  private static void put(RingBuffer ring, String text) throws IOException {
    ring.output().write(text.getBytes(US_ASCII));
  }

  private static String take(RingBuffer ring, long most) {
    return new String(ring.take(most), US_ASCII);
  }

  @Test
  void whatIsTakenIsGone() throws IOException {
    RingBuffer ring = new RingBuffer(8);
    put(ring, "abcdef");
    assertThat(take(ring, 4)).isEqualTo("abcd");
    put(ring, "ghi");
    assertThat(take(ring, 100)).isEqualTo("efghi");
    assertThat(take(ring, 1)).isEmpty();
    assertThat(ring.input().read()).isEqualTo(-1);
  }

  @Test
  void theOldestIsOverwritten() throws IOException {
    RingBuffer ring = new RingBuffer(4);
    put(ring, "abcdef");
    put(ring, "g");
    assertThat(take(ring, -1)).isEmpty();
    assertThat(take(ring, 100)).isEqualTo("defg");
    put(ring, "a much longer line");
    assertThat(take(ring, 100)).isEqualTo("line");
  }
}
