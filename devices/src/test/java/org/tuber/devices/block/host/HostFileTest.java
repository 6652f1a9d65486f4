package org.tuber.devices.block.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.devices.block.CacheMode;

/** Files on the host: what is in them, how long they are, and what they occupy. */
class HostFileTest {
  private static final int MIB = 1 << 20;

  /** File systems round up, and need a block for their own lists. */
  private static final int SLACK = 64 << 10;

  @TempDir Path dir;

  private static byte[] random(Random random, int bytes) {
    byte[] b = new byte[bytes];
    random.nextBytes(b);
    return b;
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void growingOccupiesNothing() throws IOException {
    Path path = dir.resolve("f");
    try (HostFile file = HostFile.create(path.toString())) {
      file.setSize(64L * MIB + 1);
      assertThat(Files.size(path)).isEqualTo(64L * MIB + 1);
      assertThat(file.allocatedBytes()).isLessThan(4096);
    }
  }

  /** Long writes to a blank place may reserve room, but that and no more, and no length. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void longWritesOccupyWhatTheyWrite() throws IOException {
    Path path = dir.resolve("f");
    HostFile.create(path.toString()).close();
    byte[] data = random(new Random(1), 2 * MIB);
    try (HostFile file = HostFile.open(path.toString(), true, true, CacheMode.WRITEBACK)) {
      file.setSize(16L * MIB);
      for (long at : new long[] {MIB, 5L * MIB, 12L * MIB + 4096}) {
        file.write(at, ByteBuffer.wrap(data));
        assertThat(Files.size(path)).isEqualTo(16L * MIB);
      }
      file.flush();
      assertThat(file.allocatedBytes()).isBetween(6L * MIB, 6L * MIB + SLACK);
      file.write(16L * MIB + 300, ByteBuffer.wrap(data));
      assertThat(Files.size(path)).isEqualTo(18L * MIB + 300);
    }
    byte[] all = Files.readAllBytes(path);
    assertThat(Arrays.copyOfRange(all, 12 * MIB + 4096, 14 * MIB + 4096)).isEqualTo(data);
    assertThat(Arrays.copyOfRange(all, 16 * MIB + 300, all.length)).isEqualTo(data);
    assertThat(Arrays.copyOfRange(all, 3 * MIB, 5 * MIB)).containsOnly(0);
    assertThat(Arrays.copyOfRange(all, 14 * MIB + 4096, 16 * MIB + 300)).containsOnly(0);
  }

  @Test
  void randomWorkReadsBack() throws IOException {
    for (CacheMode cache : new CacheMode[] {CacheMode.WRITEBACK, CacheMode.UNSAFE}) {
      Path path = dir.resolve(cache.name());
      Random random = new Random(2);
      byte[] model = new byte[0];
      HostFile.create(path.toString()).close();
      for (int round = 0; round < 4; round++) {
        try (HostFile file = HostFile.open(path.toString(), true, true, cache)) {
          for (int i = 0; i < 40; i++) {
            model = change(file, model, random);
          }
        }
        assertThat(Files.readAllBytes(path)).isEqualTo(model);
      }
    }
  }

  /** Writes, cuts, grows or zeroes at random; returns what the file should hold then. */
  private static byte[] change(HostFile file, byte[] model, Random random) throws IOException {
    int at = random.nextInt(8 * MIB);
    int length = 1 + random.nextInt(random.nextBoolean() ? MIB : 8192);
    if (random.nextInt(10) == 0) {
      file.setSize(at);
      return Arrays.copyOf(model, at);
    }
    byte[] next = Arrays.copyOf(model, Math.max(model.length, at + length));
    if (random.nextInt(5) == 0) {
      file.writeZeroes(at, length, random.nextBoolean());
      Arrays.fill(next, at, at + length, (byte) 0);
    } else {
      byte[] data = random(random, length);
      file.write(at, ByteBuffer.wrap(data));
      System.arraycopy(data, 0, next, at, length);
    }
    return next;
  }
}
