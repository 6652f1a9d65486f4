package org.tuber.devices.character;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class VirtualTerminalTest {
  private final VirtualTerminal terminal = new VirtualTerminal("vc");
  private final int[] length = new int[1];

  private static byte[] pattern(int size) {
    byte[] bytes = new byte[size];
    for (int i = 0; i < size; i++) {
      bytes[i] = (byte) (i * 7);
    }
    return bytes;
  }

  @Test
  void onlyTheLastOutputIsKept() throws IOException {
    byte[] bytes = pattern(VirtualTerminal.KEPT_BYTES + 1000);
    terminal.output().write(bytes, 0, 500);
    terminal.output().write(bytes, 500, bytes.length - 500);
    assertThat(terminal.written()).isEqualTo(bytes.length);
    assertThat(terminal.firstKept()).isEqualTo(1000);
    byte[] got = new byte[VirtualTerminal.KEPT_BYTES];
    assertThat(terminal.copy(0, got, length)).isEqualTo(bytes.length);
    assertThat(length[0]).isEqualTo(got.length);
    assertThat(got).isEqualTo(Arrays.copyOfRange(bytes, 1000, bytes.length));
    assertThat(terminal.copy(bytes.length, got, length)).isEqualTo(bytes.length);
    assertThat(length[0]).isZero();
  }

  @Test
  void oneWriteMayBeLargerThanWhatIsKept() throws IOException {
    byte[] bytes = pattern(3 * VirtualTerminal.KEPT_BYTES + 5);
    terminal.output().write(bytes);
    byte[] got = new byte[10];
    long next = terminal.copy(terminal.written() - 10, got, length);
    assertThat(next).isEqualTo(bytes.length);
    assertThat(got).isEqualTo(Arrays.copyOfRange(bytes, bytes.length - 10, bytes.length));
  }

  @Test
  void typedBytesBeyondReasonAreDropped() throws IOException {
    terminal.type(new byte[1 << 20]);
    terminal.type(new byte[] {1});
    byte[] got = new byte[1 << 20];
    assertThat(terminal.input().read(got)).isEqualTo(1 << 16);
    terminal.type(new byte[] {2});
    assertThat(terminal.input().read()).isEqualTo(2);
    terminal.close();
    assertThat(terminal.input().read()).isEqualTo(-1);
  }
}
