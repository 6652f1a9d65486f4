package org.tuber.launcher.guest;

import static org.assertj.core.api.Assertions.assertThat;

import com.github.luben.zstd.Zstd;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

class KernelUnpackerTest {
  private static byte[] kernel() {
    byte[] kernel = new byte[100_000];
    new Random(1).nextBytes(kernel);
    Arrays.fill(kernel, 1000, 60_000, (byte) 7);
    kernel[0] = 0x7f;
    kernel[1] = 'E';
    kernel[2] = 'L';
    kernel[3] = 'F';
    return kernel;
  }

  /** A bzImage as the boot protocol describes it, nothing but header and payload. */
  private static byte[] image(byte[] payload, int appendedSize) {
    int setupBytes = 3 * 512;
    byte[] image = new byte[setupBytes + 64 + payload.length + 4];
    ByteBuffer view = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN);
    image[0x1f1] = 2;
    view.putInt(0x202, 0x53726448);
    view.putShort(0x206, (short) 0x20f);
    view.putInt(0x248, 64);
    view.putInt(0x24c, payload.length + (appendedSize > 0 ? 4 : 0));
    view.put(setupBytes + 64, payload);
    view.putInt(setupBytes + 64 + payload.length, appendedSize);
    return image;
  }

  @Test
  void gzip() throws Exception {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
      out.write(kernel());
    }
    assertThat(KernelUnpacker.unpack(image(packed.toByteArray(), 0))).hasValue(kernel());
  }

  @Test
  void xz() throws Exception {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (XZOutputStream out = new XZOutputStream(packed, new LZMA2Options(1))) {
      out.write(kernel());
    }
    assertThat(KernelUnpacker.unpack(image(packed.toByteArray(), kernel().length)))
        .hasValue(kernel());
  }

  @Test
  void zstd() {
    assertThat(KernelUnpacker.unpack(image(Zstd.compress(kernel()), kernel().length)))
        .hasValue(kernel());
  }

  @Test
  void lz4LiteralsAndOverlappingMatch() {
    // ELF magic as literals, then a match of distance 1 that repeats the last byte 4+15+3 times.
    byte[] block = {0x4f, 0x7f, 'E', 'L', 'F', 1, 0, 3, 0x10, 'z'};
    ByteBuffer payload = ByteBuffer.allocate(8 + block.length).order(ByteOrder.LITTLE_ENDIAN);
    payload.putInt(0x184c2102).putInt(block.length).put(block);
    byte[] kernel = KernelUnpacker.unpack(image(payload.array(), 27)).orElseThrow();
    assertThat(kernel).hasSize(27).endsWith('F', 'F', 'z').startsWith(0x7f, 'E', 'L', 'F', 'F');
  }

  @Test
  void damagedOrUnknownImagesAreLeftToTheGuest() {
    assertThat(KernelUnpacker.unpack(new byte[0])).isEmpty();
    assertThat(KernelUnpacker.unpack(new byte[4096])).isEmpty();
    Random random = new Random(2);
    for (int i = 0; i < 200; i++) {
      byte[] noise = new byte[200];
      random.nextBytes(noise);
      int magic = new int[] {0x184c2102, 0x587a37fd, 0xfd2fb528, 0x00088b1f}[i % 4];
      ByteBuffer.wrap(noise).order(ByteOrder.LITTLE_ENDIAN).putInt(0, magic);
      assertThat(KernelUnpacker.unpack(image(noise, 5000))).isEmpty();
    }
  }

  @Test
  void aRealKernelUnpacksToWhatTheReferenceScriptUnpacked() throws Exception {
    String guests = System.getenv("TUBER_GUESTS");
    Assumptions.assumeTrue(guests != null, "TUBER_GUESTS names no guest files");
    Path folder = Path.of(guests, "amd64");
    Assumptions.assumeTrue(Files.exists(folder.resolve("vmlinux")));
    byte[] kernel =
        KernelUnpacker.unpack(Files.readAllBytes(folder.resolve("vmlinuz"))).orElseThrow();
    assertThat(Arrays.equals(kernel, Files.readAllBytes(folder.resolve("vmlinux")))).isTrue();
  }
}
