package org.tuber.devices.block.crypt;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.tuber.devices.block.AmendOptions;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.OpenOptions;

/** Encrypts and decrypts the sectors of an image on their way to its file. */
public final class DiskCipher {
  private static final int METHOD_AES = 1;
  private static final int METHOD_LUKS = 2;
  private static final int SECTOR = 512;
  private static final int CHUNK_BYTES = 64 << 10;

  private final SectorCipher cipher;
  private final boolean hostOffset;
  private final int sectorBytes;
  private final long firstSector;

  private DiskCipher(SectorCipher cipher, boolean hostOffset) {
    this(cipher, hostOffset, SECTOR, 0);
  }

  private DiskCipher(SectorCipher cipher, boolean hostOffset, int sectorBytes, long firstSector) {
    this.cipher = cipher;
    this.hostOffset = hostOffset;
    this.sectorBytes = sectorBytes;
    this.firstSector = firstSector;
  }

  /** The cipher of a qcow2 image, or null for a plain one. */
  public static DiskCipher forQcow2(
      ImageFile file, int method, byte[] extension, OpenOptions options) throws IOException {
    if (method == 0 || options.withoutKeys()) {
      return null;
    }
    byte[] secret =
        passphrase(file.name(), "encrypt.key-secret", options.secrets(), options.secretId());
    if (method == METHOD_AES) {
      return new DiskCipher(oldAes(file.name(), secret), false);
    }
    if (method != METHOD_LUKS || extension == null) {
      throw new ImageException(file.name(), "crypt_method", "the LUKS header is missing");
    }
    long offset = Bytes.be64(extension, 0);
    if (offset < 0 || offset > file.size() - LuksHeader.BYTES) {
      throw new ImageException(file.name(), "encryption extension", "header outside the file");
    }
    LuksHeader h = LuksHeader.read(file, offset);
    return new DiskCipher(h.cipher(h.unlock(secret)), true);
  }

  /** The cipher of a LUKS volume that fills the file, its payload at {@link #luksPayload}. */
  public static DiskCipher forLuks(ImageFile file, OpenOptions options) throws IOException {
    byte[] secret = passphrase(file.name(), "key-secret", options.secrets(), options.secretId());
    if (Luks2Header.isVersion2(file)) {
      Luks2Header h = Luks2Header.read(file);
      SectorCipher cipher = h.cipher(h.unlock(secret));
      return new DiskCipher(cipher, false, h.sectorBytes(), h.firstSector());
    }
    LuksHeader h = LuksHeader.read(file, 0);
    return new DiskCipher(h.cipher(h.unlock(secret)), false);
  }

  /**
   * The passphrase for an image.
   *
   * @param option what names it
   * @param id the name; null if the option was not given
   */
  public static byte[] passphrase(
      String image, String option, Function<String, byte[]> secrets, String id)
      throws ImageException {
    byte[] secret = secrets.apply(id);
    if (secret == null) {
      throw new ImageException(
          image,
          option,
          id == null
              ? "Parameter '" + option + "' is required for cipher"
              : "No secret with id '" + id + "'");
    }
    return secret;
  }

  /** Bytes that are encrypted as one; writes take whole multiples. */
  public int sectorBytes() {
    return sectorBytes;
  }

  /** True if a file begins as a LUKS volume does. */
  public static boolean isLuks(byte[] head) {
    return LuksHeader.isLuks(head);
  }

  /** Where the data of a LUKS volume begins. */
  public static long luksPayload(ImageFile file) throws IOException {
    if (Luks2Header.isVersion2(file)) {
      return Luks2Header.read(file).payloadOffset();
    }
    return LuksHeader.read(file, 0).payloadOffset();
  }

  /** Length of the data of a LUKS volume. */
  public static long luksPayloadBytes(ImageFile file) throws IOException {
    long rest = file.size() - luksPayload(file);
    return Luks2Header.isVersion2(file)
        ? Luks2Header.read(file).payloadBytes(rest)
        : rest & -SECTOR;
  }

  /** Names of the options a new LUKS header takes, each after a prefix. */
  public static Set<String> luksOptionNames(String prefix) {
    return LuksParameters.names(prefix);
  }

  /** Bytes a new LUKS header takes, key slots included. */
  public static long luksHeaderBytes(CreateOptions options, String prefix) throws IOException {
    return LuksParameters.of(options, prefix).headerBytes();
  }

  /** Writes a new LUKS header at an offset of a file. */
  public static void createLuks(
      ImageFile file, long offset, byte[] passphrase, CreateOptions options, String prefix)
      throws IOException {
    LuksKeySlots.create(file, offset, passphrase, LuksParameters.of(options, prefix));
  }

  /**
   * Adds or erases a key slot of a LUKS header.
   *
   * @param offset where the header begins in the file
   * @param prefix what the options' names begin with
   * @param present a passphrase that opens the volume, or null
   */
  public static void amendLuks(
      ImageFile file, long offset, AmendOptions options, String prefix, byte[] present)
      throws IOException {
    if (offset == 0 && Luks2Header.isVersion2(file)) {
      throw new ImageException(
          file.name(), "amend", "key slots of LUKS version 2 cannot be changed here");
    }
    new LuksKeySlots(LuksHeader.read(file, offset))
        .amend(options, prefix, options.secrets(), present);
  }

  /** Adds the facts of a LUKS version 1 header for {@code info}. */
  public static void describeLuks(
      ImageFile file, long offset, Map<String, Object> facts, String format) throws IOException {
    LuksHeader.read(file, offset).describe(facts, format);
  }

  /** The scheme of qcow and early qcow2: the passphrase itself is the key. */
  private static SectorCipher oldAes(String name, byte[] secret) throws ImageException {
    try {
      return new CbcCipher(Arrays.copyOf(secret, 16), null, 8);
    } catch (GeneralSecurityException e) {
      throw new ImageException(name, "crypt_method", "AES is not available", e);
    }
  }

  /** True if sector numbers are those of the host file, not of the disk. */
  public boolean usesHostOffset() {
    return hostOffset;
  }

  /** Reads and decrypts; {@code tweakOffset} numbers the sectors. */
  public void read(ImageFile file, long tweakOffset, long host, ByteBuffer target)
      throws IOException {
    long tweak = tweakOffset;
    long at = host;
    while (target.hasRemaining()) {
      int skip = (int) (tweak & sectorBytes - 1);
      int n = Math.min(target.remaining(), CHUNK_BYTES - skip);
      byte[] b = Bytes.readArray(file, at - skip, skip + n + sectorBytes - 1 & -sectorBytes);
      cipher.decrypt(firstSector + (tweak - skip) / SECTOR, b, b.length);
      target.put(b, skip, n);
      tweak += n;
      at += n;
    }
  }

  /** Encrypts and writes whole sectors; the source is consumed but not changed. */
  public void write(ImageFile file, long tweakOffset, long host, ByteBuffer source)
      throws IOException {
    if (((tweakOffset | source.remaining()) & sectorBytes - 1) != 0) {
      throw new ImageException(file.name(), "request", "encrypted writes take whole sectors");
    }
    long tweak = tweakOffset;
    long at = host;
    while (source.hasRemaining()) {
      byte[] b = new byte[Math.min(CHUNK_BYTES, source.remaining())];
      source.get(b);
      cipher.encrypt(firstSector + tweak / SECTOR, b, b.length);
      file.write(at, ByteBuffer.wrap(b));
      tweak += b.length;
      at += b.length;
    }
  }
}
