package org.tuber.devices.block.crypt;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.tuber.devices.block.Bytes;

/** AES in CBC mode by sector; the IV is the sector number, plain or encrypted (ESSIV). */
final class CbcCipher implements SectorCipher {
  private static final int SECTOR = 512;

  private final SecretKeySpec key;
  private final SecretKeySpec ivKey;
  private final int ivBytes;

  /**
   * A cipher.
   *
   * @param essivHash hash of the key that encrypts IVs, or null for plain ones
   * @param ivBytes bytes of the sector number in a plain IV: 4 or 8
   */
  CbcCipher(byte[] key, String essivHash, int ivBytes) throws GeneralSecurityException {
    this.key = new SecretKeySpec(key, "AES");
    this.ivKey =
        essivHash == null
            ? null
            : new SecretKeySpec(MessageDigest.getInstance(essivHash).digest(key), "AES");
    this.ivBytes = ivBytes;
  }

  @Override
  public void encrypt(long sector, byte[] data, int length) {
    run(Cipher.ENCRYPT_MODE, sector, data, length);
  }

  @Override
  public void decrypt(long sector, byte[] data, int length) {
    run(Cipher.DECRYPT_MODE, sector, data, length);
  }

  private void run(int mode, long sector, byte[] data, int length) {
    try {
      Cipher cbc = Cipher.getInstance("AES/CBC/NoPadding");
      Cipher ecb = null;
      if (ivKey != null) {
        ecb = Cipher.getInstance("AES/ECB/NoPadding");
        ecb.init(Cipher.ENCRYPT_MODE, ivKey);
      }
      for (int at = 0; at < length; at += SECTOR) {
        byte[] iv = new byte[16];
        long n = sector + at / SECTOR;
        Bytes.putLe64(iv, 0, ivBytes == 4 ? n & 0xffff_ffffL : n);
        cbc.init(mode, key, new IvParameterSpec(ecb == null ? iv : ecb.doFinal(iv)));
        cbc.doFinal(data, at, SECTOR, data, at);
      }
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }
}
