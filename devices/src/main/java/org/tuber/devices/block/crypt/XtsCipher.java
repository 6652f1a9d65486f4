package org.tuber.devices.block.crypt;

import java.security.GeneralSecurityException;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.spec.SecretKeySpec;
import org.tuber.devices.block.Bytes;

/**
 * AES in XTS mode (IEEE 1619) over 512-byte sectors. The JDK has AES but not this mode: whole
 * buffers go through its ECB mode, masked with the tweaks before and after.
 */
final class XtsCipher implements SectorCipher {
  private static final int SECTOR = 512;
  private static final int BLOCK = 16;

  private final int unit;
  private final SecretKeySpec dataKey;
  private final SecretKeySpec tweakKey;
  private final ThreadLocal<Cipher[]> ciphers = ThreadLocal.withInitial(this::makeCiphers);

  /** Sectors of 512 bytes. */
  XtsCipher(byte[] key) {
    this(key, SECTOR);
  }

  /**
   * The first half of the key is for data, the second for tweaks.
   *
   * @param unit bytes under one tweak; sectors are counted in 512 bytes nevertheless
   */
  XtsCipher(byte[] key, int unit) {
    this.unit = unit;
    int half = key.length / 2;
    dataKey = new SecretKeySpec(key, 0, half, "AES");
    tweakKey = new SecretKeySpec(key, half, half, "AES");
  }

  private Cipher[] makeCiphers() {
    try {
      Cipher[] c = new Cipher[3];
      for (int i = 0; i < 3; i++) {
        c[i] = Cipher.getInstance("AES/ECB/NoPadding");
      }
      c[0].init(Cipher.ENCRYPT_MODE, dataKey);
      c[1].init(Cipher.DECRYPT_MODE, dataKey);
      c[2].init(Cipher.ENCRYPT_MODE, tweakKey);
      return c;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void encrypt(long sector, byte[] data, int length) {
    run(0, sector, data, length);
  }

  @Override
  public void decrypt(long sector, byte[] data, int length) {
    run(1, sector, data, length);
  }

  private void run(int which, long sector, byte[] data, int length) {
    Cipher[] c = ciphers.get();
    byte[] tweaks = new byte[length];
    byte[] plain = new byte[length / unit * BLOCK];
    for (int s = 0; s < length / unit; s++) {
      Bytes.putLe64(plain, s * BLOCK, sector + (long) s * (unit / SECTOR));
    }
    try {
      byte[] first = c[2].doFinal(plain);
      for (int s = 0; s < length / unit; s++) {
        long low = Bytes.le64(first, s * BLOCK);
        long high = Bytes.le64(first, s * BLOCK + 8);
        for (int at = s * unit; at < (s + 1) * unit; at += BLOCK) {
          Bytes.putLe64(tweaks, at, low);
          Bytes.putLe64(tweaks, at + 8, high);
          // Multiply by x in GF(2^128).
          long carry = high >> 63 & 0x87;
          high = high << 1 | low >>> 63;
          low = low << 1 ^ carry;
        }
      }
      mask(data, tweaks, length);
      c[which].doFinal(data, 0, length, data, 0);
      mask(data, tweaks, length);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
    Arrays.fill(tweaks, (byte) 0);
  }

  private static void mask(byte[] data, byte[] tweaks, int length) {
    for (int i = 0; i < length; i += 8) {
      Bytes.putLe64(data, i, Bytes.le64(data, i) ^ Bytes.le64(tweaks, i));
    }
  }
}
