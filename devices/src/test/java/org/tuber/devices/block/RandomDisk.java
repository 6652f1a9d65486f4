package org.tuber.devices.block;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

/** A disk and, beside it, what it ought to read as: random work goes to both. */
public final class RandomDisk {
  private final BlockNode node;
  private final long base;
  private final byte[] expected;
  private final Random random;

  /** A disk that reads as {@code expected} now; the array is used, not copied. */
  public RandomDisk(BlockNode node, byte[] expected, long seed) {
    this(node, 0, expected, seed);
  }

  /** A part of a disk, which nobody else writes to, from byte {@code base} on. */
  public RandomDisk(BlockNode node, long base, byte[] expected, long seed) {
    this.node = node;
    this.base = base;
    this.expected = expected;
    this.random = new Random(seed);
  }

  /** Content the disk must have. */
  public byte[] expected() {
    return expected;
  }

  /** Some writes, zeroes, discards and flushes of random place and size. */
  public void work(int steps) throws IOException {
    for (int i = 0; i < steps; i++) {
      step();
    }
  }

  private void step() throws IOException {
    int kind = random.nextInt(100);
    int max = random.nextInt(4) == 0 ? 400_000 : 20_000;
    int length = 1 + random.nextInt(Math.min(max, expected.length));
    int offset = random.nextInt(expected.length - length + 1);
    if (random.nextBoolean()) {
      offset &= -512;
      length = Math.min(length + 511 & -512, expected.length - offset);
    }
    if (kind < 60) {
      byte[] data = new byte[length];
      random.nextBytes(data);
      System.arraycopy(data, 0, expected, offset, length);
      node.write(base + offset, ByteBuffer.wrap(data));
    } else if (kind < 75) {
      Arrays.fill(expected, offset, offset + length, (byte) 0);
      node.writeZeroes(base + offset, length, random.nextBoolean());
    } else if (kind < 85) {
      node.discard(base + offset, length);
      // What a discarded range reads as is for the image to say; from now on it stays that.
      byte[] now = new byte[length];
      node.read(base + offset, ByteBuffer.wrap(now));
      System.arraycopy(now, 0, expected, offset, length);
    } else if (kind < 90) {
      node.flush();
    } else {
      verify(offset, length);
    }
  }

  /** Reads a range and compares. */
  public void verify(int offset, int length) throws IOException {
    ByteBuffer got = ByteBuffer.allocate(length);
    node.read(base + offset, got);
    int differs = got.flip().mismatch(ByteBuffer.wrap(expected, offset, length).slice());
    assertThat(differs < 0 ? -1 : offset + differs).as("first wrong byte").isEqualTo(-1);
  }

  /** Reads everything and compares. */
  public void verify() throws IOException {
    verify(0, expected.length);
  }

  /** Stores the expected content as a raw file. */
  public Path store(Path file) throws IOException {
    return Files.write(file, expected);
  }
}
