package org.tuber.devices.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Damaged and hostile images: a clear error or harmless data, never anything else. */
class HostileImageTest {
  private static final int DISK_BYTES = 300 << 10;
  private static final byte[] PASSPHRASE = {'x'};

  /** Largest table a header may ask for is 32 MiB; checks keep a count for each cluster. */
  private static final long MAX_ALLOCATED_BYTES = 200L << 20;

  private static final long MAX_NANOS = TimeUnit.SECONDS.toNanos(20);
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @TempDir Path dir;

  /** Three blocks of 64 KiB and two that are missing. */
  private static byte[] parallels() {
    byte[] image = new byte[4 << 16];
    Arrays.fill(image, 1 << 16, image.length, (byte) 7);
    System.arraycopy("WithoutFreeSpace".getBytes(StandardCharsets.US_ASCII), 0, image, 0, 16);
    Bytes.putLe32(image, 16, 2);
    Bytes.putLe32(image, 28, 128);
    Bytes.putLe32(image, 32, 5);
    Bytes.putLe32(image, 36, DISK_BYTES / 512);
    for (int i = 0; i < 3; i++) {
      Bytes.putLe32(image, 64 + i * 8, (i + 1) * 128);
    }
    return image;
  }

  private byte[] sample(String format, String option) throws IOException {
    if (format.equals("parallels")) {
      return parallels();
    }
    String image = dir.resolve("s." + format).toString();
    CreateOptions o = CreateOptions.of(image, DISK_BYTES);
    if (!option.isEmpty()) {
      o = o.with(option.split("=")[0], option.split("=")[1]);
    }
    o = o.withSecrets(id -> PASSPHRASE);
    ImageFormats.byName(image, format).create(o);
    OpenOptions open =
        OpenOptions.readWrite().withCache(CacheMode.UNSAFE).withSecrets(id -> PASSPHRASE);
    try (BlockNode node = Images.open(image, open)) {
      byte[] data = new byte[100_000];
      Arrays.fill(data, (byte) 7);
      node.write(5000, ByteBuffer.wrap(data));
      node.write(280_000, ByteBuffer.wrap(data, 0, 10_000));
    }
    return Files.readAllBytes(Path.of(image));
  }

  /** Where the bytes are that decide something: everything but runs of data and zeros. */
  private static int[] interesting(byte[] image) {
    return IntStream.range(0, Math.min(image.length, 4 << 20))
        .filter(i -> image[i] != 7 && (image[i] != 0 || i < 1024))
        .toArray();
  }

  private void fuzz(String format, byte[] good, int rounds, long seed) throws IOException {
    Random random = new Random(seed);
    int[] places = interesting(good);
    byte[] nasty = {0, -1, 1, 127, -128, 64, 2};
    for (int i = 0; i < rounds; i++) {
      PatchedFile bad = new PatchedFile(good);
      for (int k = 0; k <= random.nextInt(4); k++) {
        int at = places[random.nextInt(places.length)];
        byte[] patch = new byte[Math.min(1 + random.nextInt(8), good.length - at)];
        for (int j = 0; j < patch.length; j++) {
          patch[j] =
              random.nextBoolean() ? nasty[random.nextInt(nasty.length)] : (byte) random.nextInt();
        }
        bad.write(at, ByteBuffer.wrap(patch));
      }
      if (random.nextBoolean()) {
        reseal(format, bad);
      }
      long allocated = THREADS.getCurrentThreadAllocatedBytes();
      long start = THREADS.getCurrentThreadCpuTime();
      tryOut(format, bad, random);
      long took = THREADS.getCurrentThreadCpuTime() - start;
      allocated = THREADS.getCurrentThreadAllocatedBytes() - allocated;
      assertThat(took).as("nanoseconds of round %d of seed %d", i, seed).isLessThan(MAX_NANOS);
      assertThat(allocated)
          .as("bytes allocated in round %d of seed %d", i, seed)
          .isLessThan(MAX_ALLOCATED_BYTES + 4L * good.length);
    }
  }

  /** Makes checksums right again, or none of the damage behind them would ever be looked at. */
  private static void reseal(String format, ImageFile file) throws IOException {
    if (format.equals("vhdx")) {
      for (int at = 64 << 10; at < 320 << 10; at += 64 << 10) {
        byte[] part = Bytes.readArray(file, at, at < 192 << 10 ? 4096 : 65536);
        Bytes.putLe32(part, 4, 0);
        CRC32C crc = new CRC32C();
        crc.update(part);
        Bytes.putLe32(part, 4, (int) crc.getValue());
        file.write(at + 4, ByteBuffer.wrap(part, 4, 4));
      }
    } else if (format.equals("vpc")) {
      resealVpc(file, 0, 512, 64);
      resealVpc(file, 512, 1024, 36);
    }
  }

  private static void resealVpc(ImageFile file, int at, int bytes, int sumAt) throws IOException {
    byte[] part = Bytes.readArray(file, at, bytes);
    Bytes.putBe32(part, sumAt, 0);
    int sum = 0;
    for (byte b : part) {
      sum += b & 0xff;
    }
    Bytes.putBe32(part, sumAt, ~sum);
    file.write(at, ByteBuffer.wrap(part));
  }

  private static void tryOut(String format, ImageFile file, Random random) {
    OpenOptions options =
        OpenOptions.readWrite()
            .withFormat(format)
            .withOpenBacking(false)
            .withWithoutKeys(format.equals("luks"));
    try {
      BlockNode node = Images.open(file, options);
      ByteBuffer b = ByteBuffer.allocate((int) Math.min(node.lengthBytes(), 70_000));
      int n = b.capacity();
      for (int i = 0; i < 3; i++) {
        long at = (random.nextLong() >>> 1) % (node.lengthBytes() - n + 1);
        node.read(at, b.clear());
        node.status(at, n);
        if (i > 0 && !node.isReadOnly()) {
          node.write(at, b.clear().limit(Math.min(n, 3000)));
        }
      }
      if (!node.isReadOnly()) {
        node.flush();
      }
      node.check(CheckReport.Repair.NONE);
    } catch (ImageException e) {
      assertThat(e.getMessage()).isNotBlank();
      assertThat(e.field()).isNotBlank();
    } catch (IOException | RuntimeException e) {
      // A wild table entry may lead past what the host can store; that is the host's to say.
      if (!String.valueOf(e.getMessage()).startsWith("no space left")) {
        throw new AssertionError("not the error for bad images", e);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "qcow2:",
        "qcow2:extended_l2=on",
        "qcow2:compat=0.10",
        "vdi:",
        "vpc:",
        "vhdx:block_size=1M",
        "vmdk:",
        "qed:",
        "qcow:",
        "parallels:",
        "luks:iter-time=1"
      })
  void damagedHeadersAndTablesDoNoHarm(String what) throws IOException {
    String format = what.substring(0, what.indexOf(':'));
    byte[] good = sample(format, what.substring(what.indexOf(':') + 1));
    fuzz(format, good, good.length > 1 << 20 ? 40 : 150, 1);
  }

  /** A million damaged images of each format; {@code -Dtuber.fuzz.rounds} for another number. */
  @ParameterizedTest
  @Tag("soak")
  @ValueSource(
      strings = {
        "qcow2:",
        "qcow2:extended_l2=on",
        "qcow2:compat=0.10",
        "vdi:",
        "vpc:",
        "vhdx:block_size=1M",
        "vmdk:",
        "qed:",
        "qcow:",
        "parallels:",
        "luks:iter-time=1"
      })
  void aMillionDamagedImages(String what) throws IOException {
    String format = what.substring(0, what.indexOf(':'));
    byte[] good = sample(format, what.substring(what.indexOf(':') + 1));
    fuzz(format, good, Integer.getInteger("tuber.fuzz.rounds", 1_000_000), 2);
  }

  @Test
  void backingFormatIsNeverGuessed() throws IOException {
    Path base = Files.write(dir.resolve("b"), new byte[4096]);
    String top = dir.resolve("t").toString();
    ImageFormats.byName(top, "qcow2")
        .create(CreateOptions.of(top, 4096).with("backing_file", base.toString()));
    assertThatThrownBy(() -> Images.open(top, OpenOptions.readOnly()))
        .hasMessageContaining("not safe to guess");
    Images.open(top, OpenOptions.readOnly().withBackingFormat("raw")).close();
  }

  @Test
  void chainThatBitesItsTailIsRefused() throws IOException {
    String a = dir.resolve("a").toString();
    ImageFormats.byName(a, "qcow2")
        .create(CreateOptions.of(a, 4096).with("backing_file", "a").with("backing_fmt", "qcow2"));
    assertThatThrownBy(() -> Images.open(a, OpenOptions.readOnly()))
        .hasMessageContaining("chain is longer");
  }

  @Test
  void guestCannotTurnProbedRawIntoAnotherFormat() throws IOException {
    String raw = dir.resolve("r").toString();
    Files.write(Path.of(raw), new byte[1 << 20]);
    byte[] header = sample("qcow2", "");
    try (BlockNode node = Images.open(raw, OpenOptions.readWrite())) {
      assertThatThrownBy(() -> node.write(0, ByteBuffer.wrap(header, 0, 512)))
          .hasMessageContaining("is refused");
      node.write(0, ByteBuffer.wrap(new byte[512]));
    }
    try (BlockNode node = Images.open(raw, OpenOptions.readWrite().withFormat("raw"))) {
      node.write(0, ByteBuffer.wrap(header, 0, 512));
    }
  }

  @Test
  void twoWritersAreRefused() throws IOException {
    String image = dir.resolve("l").toString();
    ImageFormats.byName(image, "qcow2").create(CreateOptions.of(image, 1 << 20));
    try (BlockNode first = Images.open(image, OpenOptions.readWrite())) {
      assertThat(first.isReadOnly()).isFalse();
      assertThatThrownBy(() -> Images.open(image, OpenOptions.readWrite()))
          .hasMessageContaining("lock");
      assertThatThrownBy(() -> Images.open(image, OpenOptions.readOnly()))
          .hasMessageContaining("lock");
      Images.open(image, OpenOptions.readOnly().withLocked(false)).close();
      if (QemuTools.run(dir, "qemu-img", "--version").status() == 0) {
        assertThat(QemuTools.run(dir, "qemu-img", "info", image).output()).contains("lock");
      }
    }
  }
}
