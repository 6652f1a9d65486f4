package org.tuber.devices.block.crypt;

import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;

/**
 * The LUKS version 1 header (LUKS1 On-Disk Format Specification 1.2.3): unlocks the volume key with
 * a passphrase. Ciphers: AES in XTS or CBC mode.
 */
final class LuksHeader {
  static final int BYTES = 592;
  private static final byte[] MAGIC = {'L', 'U', 'K', 'S', (byte) 0xba, (byte) 0xbe};
  static final int SLOT_ENABLED = 0x00ac71f3;
  static final int SLOT_DISABLED = 0x0000dead;
  private static final long MAX_ITERATIONS = 1L << 30;
  private static final int MAX_KEY_BYTES = 512;

  private final String image;
  private final byte[] raw;
  private final ImageFile file;
  private final long base;

  private LuksHeader(ImageFile file, long base, byte[] raw) {
    this.image = file.name();
    this.file = file;
    this.base = base;
    this.raw = raw;
  }

  private static ImageException bad(String image, String field, String problem) {
    return new ImageException(image, "LUKS " + field, problem);
  }

  static boolean isLuks(byte[] head) {
    return Arrays.equals(head, 0, 6, MAGIC, 0, 6);
  }

  static LuksHeader read(ImageFile file, long base) throws IOException {
    byte[] raw = Bytes.readArray(file, base, BYTES);
    if (!isLuks(raw)) {
      throw bad(file.name(), "magic", "Volume is not in LUKS format");
    }
    if (Bytes.be16(raw, 6) != 1) {
      throw bad(file.name(), "version", "unsupported: " + Bytes.be16(raw, 6));
    }
    LuksHeader h = new LuksHeader(file, base, raw);
    if (h.keyBytes() < 16 || h.keyBytes() > MAX_KEY_BYTES) {
      throw bad(file.name(), "key bytes", "invalid: " + h.keyBytes());
    }
    if (!Bytes.string(raw, 8, 32).equals("aes")) {
      throw bad(file.name(), "cipher", "unsupported: " + Bytes.string(raw, 8, 32));
    }
    return h;
  }

  /** A header that is about to be written. */
  static LuksHeader of(ImageFile file, long base, byte[] raw) {
    return new LuksHeader(file, base, raw);
  }

  /** The beginning of a new header. */
  static byte[] newRaw() {
    byte[] raw = new byte[BYTES];
    System.arraycopy(MAGIC, 0, raw, 0, 6);
    Bytes.putBe16(raw, 6, 1);
    return raw;
  }

  byte[] raw() {
    return raw;
  }

  ImageFile file() {
    return file;
  }

  long base() {
    return base;
  }

  static int slotAt(int slot) {
    return 208 + slot * 48;
  }

  boolean isActive(int slot) {
    return Bytes.be32(raw, slotAt(slot)) == SLOT_ENABLED;
  }

  /** Where a slot's key material is, from the header on. */
  long material(int slot) {
    return Bytes.beU32(raw, slotAt(slot) + 40) * 512;
  }

  int keyBytes() {
    return Bytes.be32(raw, 108);
  }

  long payloadOffset() {
    return Bytes.beU32(raw, 104) * 512;
  }

  private String mode() {
    return Bytes.string(raw, 40, 32);
  }

  private String hash() {
    return Bytes.string(raw, 72, 32).toLowerCase(Locale.ROOT);
  }

  static String jdkHash(String name) {
    return switch (name) {
      case "sha1" -> "SHA-1";
      case "sha224" -> "SHA-224";
      case "sha256" -> "SHA-256";
      case "sha384" -> "SHA-384";
      case "sha512" -> "SHA-512";
      default -> name;
    };
  }

  SectorCipher cipher(byte[] key) throws IOException {
    return cipher(image, mode(), key, 512);
  }

  /** The cipher of that mode; sectors other than 512 bytes only with XTS. */
  static SectorCipher cipher(String image, String mode, byte[] key, int sectorBytes)
      throws IOException {
    if (sectorBytes != 512 && !mode.startsWith("xts-")) {
      throw bad(image, "sector size", "of " + sectorBytes + " needs XTS");
    }
    try {
      return switch (mode) {
        case "xts-plain64", "xts-plain" -> {
          if (key.length != 32 && key.length != 48 && key.length != 64) {
            throw bad(image, "key bytes", "invalid: " + key.length);
          }
          yield new XtsCipher(key, sectorBytes);
        }
        case "cbc-plain64" -> new CbcCipher(key, null, 8);
        case "cbc-plain" -> new CbcCipher(key, null, 4);
        case "cbc-essiv:sha256" -> new CbcCipher(key, "SHA-256", 8);
        default -> throw bad(image, "cipher mode", "unsupported: " + mode);
      };
    } catch (GeneralSecurityException e) {
      throw new ImageException(image, "LUKS cipher mode", mode, e);
    }
  }

  /** The volume key; throws if no slot opens with the passphrase. */
  byte[] unlock(byte[] passphrase) throws IOException {
    for (int slot = 0; slot < LuksParameters.SLOTS; slot++) {
      byte[] key = isActive(slot) ? tryUnlock(slot, passphrase) : null;
      if (key != null) {
        return key;
      }
    }
    throw bad(image, "passphrase", "Invalid password, cannot unlock any keyslot");
  }

  /** The volume key if that slot opens with the passphrase, or null. */
  byte[] tryUnlock(int slot, byte[] passphrase) throws IOException {
    int s = slotAt(slot);
    long iterations = Bytes.beU32(raw, s + 4);
    long stripes = Bytes.beU32(raw, s + 44);
    if (iterations == 0
        || iterations > MAX_ITERATIONS
        || stripes == 0
        || stripes > LuksParameters.STRIPES
        || material(slot) < BYTES) {
      throw bad(image, "key slot " + slot, "impossible parameters");
    }
    byte[] salt = Arrays.copyOfRange(raw, s + 8, s + 40);
    byte[] slotKey = pbkdf2(passphrase, salt, (int) iterations, keyBytes());
    int n = keyBytes() * (int) stripes;
    byte[] split = Bytes.readArray(file, base + material(slot), n + 511 & -512);
    cipher(slotKey).decrypt(0, split, split.length);
    byte[] key = merge(split, (int) stripes);
    return isRight(key) ? key : null;
  }

  private boolean isRight(byte[] key) throws IOException {
    long iterations = Bytes.beU32(raw, 164);
    if (iterations == 0 || iterations > MAX_ITERATIONS) {
      throw bad(image, "digest iterations", "impossible: " + iterations);
    }
    byte[] digest = pbkdf2(key, Arrays.copyOfRange(raw, 132, 164), (int) iterations, 20);
    return MessageDigest.isEqual(digest, Arrays.copyOfRange(raw, 112, 132));
  }

  byte[] pbkdf2(byte[] secret, byte[] salt, int iterations, int bytes) throws IOException {
    return pbkdf2(image, hash(), secret, salt, iterations, bytes);
  }

  /** PBKDF2 (RFC 8018). */
  static byte[] pbkdf2(
      String image, String hash, byte[] secret, byte[] salt, int iterations, int bytes)
      throws IOException {
    try {
      Mac mac = Mac.getInstance("Hmac" + jdkHash(hash).replace("-", ""));
      mac.init(new SecretKeySpec(secret.length == 0 ? new byte[1] : secret, "HMAC"));
      byte[] out = new byte[bytes];
      int done = 0;
      for (int block = 1; done < bytes; block++) {
        mac.update(salt);
        byte[] number = new byte[4];
        Bytes.putBe32(number, 0, block);
        byte[] u = mac.doFinal(number);
        byte[] t = u.clone();
        for (int i = 1; i < iterations; i++) {
          u = mac.doFinal(u);
          for (int k = 0; k < t.length; k++) {
            t[k] ^= u[k];
          }
        }
        int n = Math.min(t.length, bytes - done);
        System.arraycopy(t, 0, out, done, n);
        done += n;
      }
      return out;
    } catch (GeneralSecurityException e) {
      throw new ImageException(image, "LUKS hash", "unsupported: " + hash, e);
    }
  }

  /** Facts for {@code info}. */
  void describe(Map<String, Object> facts, String format) {
    String mode = mode();
    int dash = mode.indexOf('-');
    String iv = mode.substring(dash + 1);
    int colon = iv.indexOf(':');
    facts.put("ivgen-alg", colon < 0 ? iv : iv.substring(0, colon));
    if (colon >= 0) {
      facts.put("ivgen-hash-alg", iv.substring(colon + 1));
    }
    facts.put("hash-alg", hash());
    facts.put("cipher-alg", "aes-" + keyBytes() * (mode.startsWith("xts") ? 4 : 8));
    facts.put("uuid", Bytes.string(raw, 168, 40));
    if (format != null) {
      facts.put("format", format);
    }
    facts.put("cipher-mode", dash < 0 ? mode : mode.substring(0, dash));
    List<Object> slots = new ArrayList<>();
    for (int i = 0; i < LuksParameters.SLOTS; i++) {
      Map<String, Object> slot = new LinkedHashMap<>();
      slot.put("active", isActive(i));
      if (isActive(i)) {
        slot.put("iters", Bytes.beU32(raw, slotAt(i) + 4));
      }
      slot.put("key-offset", material(i));
      if (isActive(i)) {
        slot.put("stripes", Bytes.beU32(raw, slotAt(i) + 44));
      }
      slots.add(slot);
    }
    facts.put("slots", slots);
    facts.put("payload-offset", payloadOffset());
    facts.put("master-key-iters", Bytes.beU32(raw, 164));
  }

  private void diffuse(byte[] block) throws IOException {
    diffuse(image, hash(), block);
  }

  /** The anti-forensic splitter's diffusion: hashes each piece with its number. */
  private static void diffuse(String image, String hash, byte[] block) throws IOException {
    try {
      MessageDigest digest = MessageDigest.getInstance(jdkHash(hash));
      int size = digest.getDigestLength();
      for (int i = 0; i * size < block.length; i++) {
        byte[] number = new byte[4];
        Bytes.putBe32(number, 0, i);
        digest.update(number);
        int n = Math.min(size, block.length - i * size);
        digest.update(block, i * size, n);
        System.arraycopy(digest.digest(), 0, block, i * size, n);
      }
    } catch (GeneralSecurityException e) {
      throw new ImageException(image, "LUKS hash", "unsupported: " + hash, e);
    }
  }

  private byte[] merge(byte[] split, int stripes) throws IOException {
    return merge(image, hash(), split, stripes, keyBytes());
  }

  /** Puts a key that was split into stripes together again. */
  static byte[] merge(String image, String hash, byte[] split, int stripes, int keyBytes)
      throws IOException {
    byte[] d = new byte[keyBytes];
    for (int s = 0; s < stripes; s++) {
      for (int i = 0; i < d.length; i++) {
        d[i] ^= split[s * d.length + i];
      }
      if (s < stripes - 1) {
        diffuse(image, hash, d);
      }
    }
    return d;
  }

  /** Splits a key into stripes, all of which are needed to have it back. */
  byte[] split(byte[] key, SecureRandom random) throws IOException {
    byte[] out = new byte[key.length * LuksParameters.STRIPES];
    random.nextBytes(out);
    byte[] d = new byte[key.length];
    for (int s = 0; s < LuksParameters.STRIPES - 1; s++) {
      for (int i = 0; i < d.length; i++) {
        d[i] ^= out[s * d.length + i];
      }
      diffuse(d);
    }
    for (int i = 0; i < d.length; i++) {
      out[(LuksParameters.STRIPES - 1) * d.length + i] = (byte) (d[i] ^ key[i]);
    }
    return out;
  }
}
