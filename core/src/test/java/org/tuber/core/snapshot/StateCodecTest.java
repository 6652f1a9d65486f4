package org.tuber.core.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StateCodecTest {
  enum Phase {
    IDLE,
    BUSY
  }

  record Inner(int a, String name) {}

  record All(
      boolean flag,
      byte b,
      short s,
      char c,
      int i,
      long l,
      double d,
      String text,
      Phase phase,
      byte[] bytes,
      int[] ints,
      long[] longs,
      boolean[] flags,
      Inner inner,
      List<Inner> list,
      Inner[] array) {}

  private static All sample() {
    return new All(
        true,
        (byte) -3,
        (short) -300,
        'x',
        Integer.MIN_VALUE,
        Long.MAX_VALUE,
        -0.5,
        "Grüße",
        Phase.BUSY,
        new byte[] {1, -1},
        new int[] {0, -1, 1 << 30},
        new long[] {Long.MIN_VALUE},
        new boolean[] {true, false},
        new Inner(7, ""),
        List.of(new Inner(1, "one"), new Inner(2, "two")),
        new Inner[] {new Inner(3, "three")});
  }

  @Test
  void everyTypeComesBack() {
    All all = StateCodec.decode(All.class, StateCodec.encode(sample()));
    assertThat(all).usingRecursiveComparison().isEqualTo(sample());
  }

  @Test
  void repeatedRecordsNameTheirComponentsOnce() {
    String text = new String(StateCodec.encode(sample()), java.nio.charset.StandardCharsets.UTF_8);
    assertThat(text.split("name", -1)).hasSize(2);
  }

  @Test
  void damageIsAnIllegalArgumentNeverAnythingElse() {
    byte[] good = StateCodec.encode(sample());
    Random random = new Random(1);
    for (int i = 0; i < 20_000; i++) {
      byte[] bad =
          Arrays.copyOf(good, random.nextInt(4) == 0 ? random.nextInt(good.length) : good.length);
      for (int n = random.nextInt(4); n >= 0 && bad.length > 0; n--) {
        bad[random.nextInt(bad.length)] = (byte) random.nextInt();
      }
      try {
        StateCodec.decode(All.class, bad);
      } catch (IllegalArgumentException e) {
        assertThat(e.getMessage()).isNotBlank();
      }
    }
  }

  record Narrow(int value) {}

  record Wide(long value) {}

  @Test
  void anotherRecordIsRefused() {
    assertThatThrownBy(() -> StateCodec.decode(Narrow.class, StateCodec.encode(new Wide(1))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("Wide");
  }

  @Test
  void bytesAfterTheEndAreRefused() {
    byte[] bytes = StateCodec.encode(new Narrow(1));
    assertThatThrownBy(
            () -> StateCodec.decode(Narrow.class, Arrays.copyOf(bytes, bytes.length + 1)))
        .hasMessageContaining("too many");
  }

  @Test
  void nullIsRefusedWithItsPath() {
    assertThatThrownBy(() -> StateCodec.encode(new Inner(1, null)))
        .hasMessageContaining("Inner.name");
  }

  static final class Old {
    record Device(int a) {}
  }

  static final class New {
    @StateVersion(2)
    record Device(int a, @StateVersion(2) int b, @StateVersion(2) List<Inner> more) {}
  }

  static final class Broken {
    @StateVersion(2)
    record Device(int a, int b) {}
  }

  @Test
  void olderVersionsLackNewerComponents() {
    byte[] old = StateCodec.encode(new Old.Device(5));
    assertThat(StateCodec.decode(New.Device.class, old)).isEqualTo(new New.Device(5, 0, List.of()));
    assertThatThrownBy(() -> StateCodec.decode(Broken.Device.class, old))
        .hasMessageContaining("component b is missing");
  }

  @Test
  void newerVersionsAreRefused() {
    byte[] bytes = StateCodec.encode(new New.Device(1, 2, List.of()));
    assertThatThrownBy(() -> StateCodec.decode(Old.Device.class, bytes))
        .hasMessageContaining("newer");
  }
}
