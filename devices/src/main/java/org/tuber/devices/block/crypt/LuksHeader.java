package org.tuber.devices.block.crypt;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Locale;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;

/**
 * The LUKS version 1 header (LUKS1 On-Disk Format Specification 1.2.3): unlocks the volume key with
 * a passphrase, or makes a new header. Ciphers: AES in XTS or CBC mode.
 */
final class LuksHeader {
  static final int BYTES = 592;
  private static final byte[] MAGIC = {'L', 'U', 'K', 'S', (byte) 0xba, (byte) 0xbe};
  private static final int SLOTS = 8;
  private static final int SLOT_ENABLED = 0x00ac71f3;
  private static final int SLOT_DISABLED = 0x0000dead;
  private static final int STRIPES = 4000;
  private static final long MAX_ITERATIONS = 1L << 30;
  private static final int MAX_KEY_BYTES = 512;
  private static final int SAMPLE_ITERATIONS = 2000;
  private static final int MIN_ITERATIONS = 1000;
  private static final int SLOTS_OFFSET = 4096;

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

  private int keyBytes() {
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
    for (int slot = 0; slot < SLOTS; slot++) {
      int s = 208 + slot * 48;
      if (Bytes.be32(raw, s) != SLOT_ENABLED) {
        continue;
      }
      long iterations = Bytes.beU32(raw, s + 4);
      long material = Bytes.beU32(raw, s + 40) * 512;
      long stripes = Bytes.beU32(raw, s + 44);
      if (iterations == 0
          || iterations > MAX_ITERATIONS
          || stripes == 0
          || stripes > STRIPES
          || material < BYTES) {
        throw bad(image, "key slot " + slot, "impossible parameters");
      }
      byte[] salt = Arrays.copyOfRange(raw, s + 8, s + 40);
      byte[] slotKey = pbkdf2(passphrase, salt, (int) iterations, keyBytes());
      int n = keyBytes() * (int) stripes;
      byte[] split = Bytes.readArray(file, base + material, n + 511 & -512);
      cipher(slotKey).decrypt(0, split, split.length);
      byte[] key = merge(split, (int) stripes);
      if (isRight(key)) {
        return key;
      }
    }
    throw bad(image, "passphrase", "Invalid password, cannot unlock any keyslot");
  }

  private boolean isRight(byte[] key) throws IOException {
    long iterations = Bytes.beU32(raw, 164);
    if (iterations == 0 || iterations > MAX_ITERATIONS) {
      throw bad(image, "digest iterations", "impossible: " + iterations);
    }
    byte[] digest = pbkdf2(key, Arrays.copyOfRange(raw, 132, 164), (int) iterations, 20);
    return MessageDigest.isEqual(digest, Arrays.copyOfRange(raw, 112, 132));
  }

  private byte[] pbkdf2(byte[] secret, byte[] salt, int iterations, int bytes) throws IOException {
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

  private byte[] split(byte[] key, SecureRandom random) throws IOException {
    byte[] out = new byte[key.length * STRIPES];
    random.nextBytes(out);
    byte[] d = new byte[key.length];
    for (int s = 0; s < STRIPES - 1; s++) {
      for (int i = 0; i < d.length; i++) {
        d[i] ^= out[s * d.length + i];
      }
      diffuse(d);
    }
    for (int i = 0; i < d.length; i++) {
      out[(STRIPES - 1) * d.length + i] = (byte) (d[i] ^ key[i]);
    }
    return out;
  }

  /** Bytes that a new header with its key slots takes. */
  static long newHeaderBytes() {
    long slot = 64L * STRIPES + 4095 & -4096L;
    return SLOTS_OFFSET + SLOTS * slot;
  }

  /** As many iterations as take about that long here. */
  private int iterationsFor(long millis) throws IOException {
    pbkdf2(new byte[16], new byte[32], SAMPLE_ITERATIONS, 20);
    long start = System.nanoTime();
    pbkdf2(new byte[16], new byte[32], SAMPLE_ITERATIONS, 20);
    long nanos = Math.max(1, System.nanoTime() - start);
    double wanted = (double) SAMPLE_ITERATIONS * millis * 1_000_000 / nanos;
    return (int) Math.clamp((long) wanted, MIN_ITERATIONS, 100_000_000L);
  }

  /** Writes a new header: AES-256, XTS, SHA-256, one slot that takes some time to try. */
  static void create(ImageFile file, long base, byte[] passphrase, long iterMillis)
      throws IOException {
    SecureRandom random = new SecureRandom();
    byte[] raw = new byte[BYTES];
    System.arraycopy(MAGIC, 0, raw, 0, 6);
    Bytes.putBe16(raw, 6, 1);
    put(raw, 8, "aes");
    put(raw, 40, "xts-plain64");
    put(raw, 72, "sha256");
    Bytes.putBe32(raw, 104, (int) (newHeaderBytes() / 512));
    Bytes.putBe32(raw, 108, 64);
    byte[] key = new byte[64];
    random.nextBytes(key);
    byte[] salt = new byte[32];
    random.nextBytes(salt);
    System.arraycopy(salt, 0, raw, 132, 32);
    put(raw, 168, UUID.randomUUID().toString());
    int slotSectors = (64 * STRIPES + 4095 & -4096) / 512;
    for (int i = 0; i < SLOTS; i++) {
      int s = 208 + i * 48;
      Bytes.putBe32(raw, s, i == 0 ? SLOT_ENABLED : SLOT_DISABLED);
      Bytes.putBe32(raw, s + 40, SLOTS_OFFSET / 512 + i * slotSectors);
      Bytes.putBe32(raw, s + 44, STRIPES);
    }
    byte[] slotSalt = new byte[32];
    random.nextBytes(slotSalt);
    System.arraycopy(slotSalt, 0, raw, 216, 32);
    LuksHeader h = new LuksHeader(file, base, raw);
    // The slot key is two hashes long, so it takes twice the work of the sample.
    int iterations = Math.max(MIN_ITERATIONS, h.iterationsFor(iterMillis) / 2);
    int digestIterations = Math.max(MIN_ITERATIONS, iterations / 8);
    Bytes.putBe32(raw, 164, digestIterations);
    Bytes.putBe32(raw, 212, iterations);
    System.arraycopy(h.pbkdf2(key, salt, digestIterations, 20), 0, raw, 112, 20);
    byte[] split = h.split(key, random);
    byte[] padded = Arrays.copyOf(split, split.length + 511 & -512);
    h.cipher(h.pbkdf2(passphrase, slotSalt, iterations, 64)).encrypt(0, padded, padded.length);
    file.write(base + SLOTS_OFFSET, ByteBuffer.wrap(padded));
    file.write(base, ByteBuffer.wrap(raw));
  }

  private static void put(byte[] b, int at, String text) {
    byte[] t = text.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(t, 0, b, at, t.length);
  }
}
