package org.tuber.launcher.guest;

import com.github.luben.zstd.ZstdInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import org.tukaani.xz.SingleXZInputStream;

/**
 * Takes the uncompressed kernel out of a bzImage (Linux, Documentation/arch/x86/boot.rst:
 * setup_sects, payload_offset, payload_length). The guest then need not decompress itself, which is
 * a fifth of a boot's instructions.
 */
final class KernelUnpacker {
  private static final int SETUP_SECTS = 0x1f1;
  private static final int HEADER_MAGIC = 0x202;
  private static final int VERSION = 0x206;
  private static final int PAYLOAD_OFFSET = 0x248;
  private static final int PAYLOAD_LENGTH = 0x24c;
  private static final int SECTOR_BYTES = 512;
  private static final int HDRS = 0x53726448;
  private static final int VERSION_WITH_PAYLOAD = 0x208;
  private static final int MOST_BYTES = 1 << 30;

  private KernelUnpacker() {}

  /** The ELF kernel inside, or empty when its form is not one of those known here. */
  static Optional<byte[]> unpack(byte[] image) {
    if (image.length < 0x268) {
      return Optional.empty();
    }
    ByteBuffer header = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN);
    if (header.getInt(HEADER_MAGIC) != HDRS || header.getShort(VERSION) < VERSION_WITH_PAYLOAD) {
      return Optional.empty();
    }
    int setupSectors = image[SETUP_SECTS] == 0 ? 4 : image[SETUP_SECTS] & 0xff;
    long start =
        (setupSectors + 1L) * SECTOR_BYTES + Integer.toUnsignedLong(header.getInt(PAYLOAD_OFFSET));
    long end = start + Integer.toUnsignedLong(header.getInt(PAYLOAD_LENGTH));
    if (end > image.length || end - start < 16) {
      return Optional.empty();
    }
    try {
      byte[] kernel = decompress(Arrays.copyOfRange(image, (int) start, (int) end));
      boolean isElf =
          kernel.length > 4
              && kernel[0] == 0x7f
              && kernel[1] == 'E'
              && kernel[2] == 'L'
              && kernel[3] == 'F';
      return isElf ? Optional.of(kernel) : Optional.empty();
    } catch (IOException | IndexOutOfBoundsException e) {
      // A form this reader does not know: the guest can still unpack itself.
      return Optional.empty();
    }
  }

  private static byte[] decompress(byte[] payload) throws IOException {
    int length = payload.length - 4;
    ByteBuffer view = ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
    // Except for gzip, the build appends the uncompressed size.
    int size = view.getInt(length);
    int magic = view.getInt(0);
    if ((magic & 0xffff) == 0x8b1f) {
      try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(payload))) {
        return in.readAllBytes();
      }
    }
    if (size <= 0 || size > MOST_BYTES) {
      throw new IOException("size");
    }
    InputStream packed = new ByteArrayInputStream(payload, 0, length);
    return switch (magic) {
      case 0x184c2102 -> Lz4Legacy.decode(payload, length, size);
      case 0x587a37fd -> readFully(new SingleXZInputStream(packed), size);
      case 0xfd2fb528 -> readFully(new ZstdInputStream(packed), size);
      default -> throw new IOException("compression");
    };
  }

  private static byte[] readFully(InputStream in, int size) throws IOException {
    try (in) {
      return in.readNBytes(size);
    }
  }
}
