package org.tuber.devices.block.crypt;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.OpenOptions;

/** Encrypts and decrypts the sectors of an image. */
public abstract class DiskCipher {
  /** The cipher of a qcow2 image, or null for a plain one. */
  public static DiskCipher forQcow2(
      ImageFile file, int method, byte[] extension, OpenOptions options) throws IOException {
    if (method == 0) {
      return null;
    }
    throw new ImageException(file.name(), "crypt_method", "encryption is not supported");
  }

  /** True if sector numbers are those of the host file, not of the disk. */
  public abstract boolean usesHostOffset();

  /** Reads and decrypts; {@code tweakOffset} numbers the sectors. */
  public abstract void read(ImageFile file, long tweakOffset, long host, ByteBuffer target)
      throws IOException;

  /** Encrypts and writes; the source is consumed but not changed. */
  public abstract void write(ImageFile file, long tweakOffset, long host, ByteBuffer source)
      throws IOException;
}
