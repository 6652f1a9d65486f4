package org.tuber.devices.block.crypt;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Base64;
import java.util.Map;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;

/**
 * The LUKS version 2 header (LUKS2 On-Disk Format Specification 1.1.1): a binary part, twice, and
 * JSON text that tells of key slots, digests and the one data segment. Unlocks with a passphrase
 * under PBKDF2, Argon2i or Argon2id. Not supported: making one, integrity, reencryption under way,
 * tokens, and ciphers other than AES.
 */
final class Luks2Header {
  private static final byte[] SECOND_MAGIC = {'S', 'K', 'U', 'L', (byte) 0xba, (byte) 0xbe};
  private static final int BINARY_BYTES = 4096;
  private static final int CHECKSUM = 448;
  private static final int CHECKSUM_BYTES = 64;
  private static final long MIN_BYTES = 16 << 10;
  private static final long MAX_BYTES = 4 << 20;
  private static final int MAX_KEY_BYTES = 512;
  private static final int MAX_STRIPES = 4000;
  private static final long MAX_ITERATIONS = 1L << 30;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final String image;
  private final ImageFile file;
  private final JsonNode root;
  private final JsonNode segment;
  private final String segmentId;

  private Luks2Header(ImageFile file, JsonNode root) throws ImageException {
    this.image = file.name();
    this.file = file;
    this.root = root;
    JsonNode segments = root.path("segments");
    if (segments.size() != 1 || !segments.elements().next().path("type").asText().equals("crypt")) {
      throw bad("segments", "only one encrypted segment is supported");
    }
    Map.Entry<String, JsonNode> only = segments.properties().iterator().next();
    this.segmentId = only.getKey();
    this.segment = only.getValue();
    if (segment.has("integrity") || root.path("config").path("requirements").has("mandatory")) {
      throw bad("requirements", "integrity or a reencryption under way is not supported");
    }
    int sector = sectorBytes();
    if (sector < 512 || sector > 4096 || Integer.bitCount(sector) != 1) {
      throw bad("sector_size", "invalid: " + sector);
    }
  }

  private ImageException bad(String field, String problem) {
    return new ImageException(image, "LUKS2 " + field, problem);
  }

  /** True if the file begins with a header of this version. */
  static boolean isVersion2(ImageFile file) throws IOException {
    byte[] head = Bytes.readArray(file, 0, 8);
    return LuksHeader.isLuks(head) && Bytes.be16(head, 6) == 2;
  }

  /** Reads whichever of the two headers is sound and newer. */
  static Luks2Header read(ImageFile file) throws IOException {
    byte[] first = area(file, 0, false);
    byte[] second = null;
    long at = Bytes.be64(Bytes.readArray(file, 0, 16), 8);
    if (at >= MIN_BYTES && at <= MAX_BYTES) {
      second = area(file, at, true);
    }
    byte[] best = first;
    if (first == null
        || second != null
            && Long.compareUnsigned(Bytes.be64(second, 16), Bytes.be64(first, 16)) > 0) {
      best = second;
    }
    if (best == null) {
      throw new ImageException(file.name(), "LUKS2 header", "neither copy is sound");
    }
    int end = BINARY_BYTES;
    while (end < best.length && best[end] != 0) {
      end++;
    }
    String text = new String(best, BINARY_BYTES, end - BINARY_BYTES, StandardCharsets.UTF_8);
    try {
      return new Luks2Header(file, JSON.readTree(text));
    } catch (JacksonException e) {
      throw new ImageException(file.name(), "LUKS2 JSON area", e.getOriginalMessage(), e);
    }
  }

  /** One of the headers; null if it is damaged. */
  private static byte[] area(ImageFile file, long at, boolean second) throws IOException {
    byte[] head = Bytes.readArray(file, at, BINARY_BYTES);
    long size = Bytes.be64(head, 8);
    boolean magic =
        second ? Arrays.equals(head, 0, 6, SECOND_MAGIC, 0, 6) : LuksHeader.isLuks(head);
    if (!magic
        || Bytes.be16(head, 6) != 2
        || size < MIN_BYTES
        || size > MAX_BYTES
        || Bytes.be64(head, 256) != at) {
      return null;
    }
    byte[] all = Bytes.readArray(file, at, (int) size);
    byte[] want = Arrays.copyOfRange(all, CHECKSUM, CHECKSUM + CHECKSUM_BYTES);
    Arrays.fill(all, CHECKSUM, CHECKSUM + CHECKSUM_BYTES, (byte) 0);
    try {
      byte[] got =
          MessageDigest.getInstance(LuksHeader.jdkHash(Bytes.string(all, 72, 32))).digest(all);
      return Arrays.equals(got, 0, got.length, want, 0, got.length) ? all : null;
    } catch (GeneralSecurityException e) {
      return null;
    }
  }

  private long number(JsonNode n, String field) throws ImageException {
    JsonNode v = n.path(field);
    try {
      long value = v.isTextual() ? Long.parseLong(v.asText()) : v.asLong(-1);
      if (value >= 0) {
        return value;
      }
    } catch (NumberFormatException e) {
      throw new ImageException(image, "LUKS2 " + field, "is no number", e);
    }
    throw bad(field, "is missing or negative");
  }

  private byte[] base64(JsonNode n, String field) throws ImageException {
    try {
      return Base64.getDecoder().decode(n.path(field).asText());
    } catch (IllegalArgumentException e) {
      throw new ImageException(image, "LUKS2 " + field, "bad Base64 text", e);
    }
  }

  long payloadOffset() throws ImageException {
    long offset = number(segment, "offset");
    if ((offset & 511) != 0) {
      throw bad("segment offset", "is not aligned: " + offset);
    }
    return offset;
  }

  /** Length of the data where {@code rest} bytes of the file follow its beginning. */
  long payloadBytes(long rest) throws ImageException {
    long bytes = segment.path("size").asText().equals("dynamic") ? rest : number(segment, "size");
    if (bytes > rest) {
      throw bad("segment size", "outside the file");
    }
    return bytes & -(long) sectorBytes();
  }

  int sectorBytes() throws ImageException {
    return (int) Math.min(number(segment, "sector_size"), 1 << 20);
  }

  /** Number of the segment's first sector, in 512 bytes. */
  long firstSector() throws ImageException {
    return number(segment, "iv_tweak");
  }

  SectorCipher cipher(byte[] key) throws IOException {
    return cipher(segment.path("encryption").asText(), key, sectorBytes());
  }

  private SectorCipher cipher(String encryption, byte[] key, int sector) throws IOException {
    if (!encryption.startsWith("aes-")) {
      throw bad("encryption", "unsupported: " + encryption);
    }
    return LuksHeader.cipher(image, encryption.substring(4), key, sector);
  }

  /** The volume key; throws if no slot opens with the passphrase. */
  byte[] unlock(byte[] passphrase) throws IOException {
    for (Map.Entry<String, JsonNode> digest : root.path("digests").properties()) {
      if (!contains(digest.getValue().path("segments"), segmentId)) {
        continue;
      }
      for (JsonNode id : digest.getValue().path("keyslots")) {
        JsonNode slot = root.path("keyslots").path(id.asText());
        if (!slot.path("type").asText().equals("luks2")) {
          continue;
        }
        byte[] key = open(slot, passphrase);
        if (isRight(digest.getValue(), key)) {
          return key;
        }
      }
    }
    throw bad("passphrase", "Invalid password, cannot unlock any keyslot");
  }

  private static boolean contains(JsonNode list, String value) {
    for (JsonNode n : list) {
      if (n.asText().equals(value)) {
        return true;
      }
    }
    return false;
  }

  private byte[] open(JsonNode slot, byte[] passphrase) throws IOException {
    JsonNode area = slot.path("area");
    JsonNode af = slot.path("af");
    long keyBytes = number(slot, "key_size");
    long areaKeyBytes = number(area, "key_size");
    long stripes = number(af, "stripes");
    if (keyBytes < 16
        || keyBytes > MAX_KEY_BYTES
        || areaKeyBytes < 16
        || areaKeyBytes > MAX_KEY_BYTES
        || stripes < 1
        || stripes > MAX_STRIPES) {
      throw bad("key slot", "impossible parameters");
    }
    byte[] slotKey = derive(slot.path("kdf"), passphrase, (int) areaKeyBytes);
    int n = (int) (keyBytes * stripes);
    byte[] split = Bytes.readArray(file, number(area, "offset"), n + 511 & -512);
    cipher(area.path("encryption").asText(), slotKey, 512).decrypt(0, split, split.length);
    String hash = af.path("hash").asText();
    return LuksHeader.merge(image, hash, split, (int) stripes, (int) keyBytes);
  }

  private byte[] derive(JsonNode kdf, byte[] passphrase, int bytes) throws IOException {
    String type = kdf.path("type").asText();
    byte[] salt = base64(kdf, "salt");
    if (type.equals("pbkdf2")) {
      long iterations = iterations(kdf);
      String hash = kdf.path("hash").asText();
      return LuksHeader.pbkdf2(image, hash, passphrase, salt, (int) iterations, bytes);
    }
    if (!type.equals("argon2id") && !type.equals("argon2i")) {
      throw bad("kdf", "unsupported: " + type);
    }
    return Argon2.derive(
        image,
        new Argon2.Cost(
            type.equals("argon2id"),
            number(kdf, "time"),
            number(kdf, "memory"),
            number(kdf, "cpus")),
        passphrase,
        salt,
        bytes);
  }

  private long iterations(JsonNode n) throws ImageException {
    long iterations = number(n, "iterations");
    if (iterations < 1 || iterations > MAX_ITERATIONS) {
      throw bad("iterations", "impossible: " + iterations);
    }
    return iterations;
  }

  private boolean isRight(JsonNode digest, byte[] key) throws IOException {
    if (!digest.path("type").asText().equals("pbkdf2")) {
      throw bad("digest", "unsupported: " + digest.path("type").asText());
    }
    byte[] want = base64(digest, "digest");
    byte[] got =
        LuksHeader.pbkdf2(
            image,
            digest.path("hash").asText(),
            key,
            base64(digest, "salt"),
            (int) iterations(digest),
            Math.clamp(want.length, 1, 64));
    return MessageDigest.isEqual(want, got);
  }
}
