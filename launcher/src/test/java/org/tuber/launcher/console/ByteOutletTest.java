package org.tuber.launcher.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class ByteOutletTest {
  @Test
  void nothingIsLostWhenMuchMoreThanTheRingIsWritten() {
    ByteArrayOutputStream sink = new ByteArrayOutputStream();
    ByteOutlet outlet = new ByteOutlet("test", sink);
    for (int i = 0; i < 1_000_000; i++) {
      outlet.write((byte) (i * 31));
    }
    outlet.close();
    byte[] bytes = sink.toByteArray();
    assertThat(bytes).hasSize(1_000_000);
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] != (byte) (i * 31)) {
        throw new AssertionError("byte " + i);
      }
    }
  }

  @Test
  void brokenPipeDoesNotHoldUpTheGuest() {
    ByteOutlet outlet =
        new ByteOutlet(
            "test",
            new OutputStream() {
              @Override
              public void write(int value) throws IOException {
                throw new IOException("broken pipe");
              }
            });
    for (int i = 0; i < 200_000; i++) {
      outlet.write((byte) i);
    }
    outlet.flush();
    outlet.close();
  }
}
