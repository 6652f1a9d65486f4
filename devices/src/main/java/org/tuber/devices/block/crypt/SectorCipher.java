package org.tuber.devices.block.crypt;

/** Encrypts whole sectors in place; thread-safe. Sectors are counted in 512 bytes. */
interface SectorCipher {
  /** Encrypts {@code length} bytes that begin with sector {@code sector}. */
  void encrypt(long sector, byte[] data, int length);

  /** The reverse. */
  void decrypt(long sector, byte[] data, int length);
}
