package org.tuber.devices.block.crypt;

/** Encrypts whole 512-byte sectors in place; thread-safe. */
interface SectorCipher {
  /** Encrypts {@code length} bytes that begin with sector {@code sector}. */
  void encrypt(long sector, byte[] data, int length);

  /** The reverse. */
  void decrypt(long sector, byte[] data, int length);
}
