package org.tuber.devices.block.crypt;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;

/**
 * What a new LUKS volume is encrypted with, from options spelled as QEMU's.
 *
 * @param mode cipher mode and source of IVs as the header has them: {@code xts-plain64}
 * @param hash hash of key derivation and splitting
 * @param keyBytes length of the volume key
 * @param iterMillis how long trying a passphrase should take
 */
record LuksParameters(String mode, String hash, int keyBytes, long iterMillis) {
  static final int SLOTS = 8;
  static final int STRIPES = 4000;
  static final int SLOTS_OFFSET = 4096;
  static final long STANDARD_ITER_MILLIS = 2000;

  private static final List<String> NAMES =
      List.of(
          "key-secret",
          "cipher-alg",
          "cipher-mode",
          "ivgen-alg",
          "ivgen-hash-alg",
          "hash-alg",
          "iter-time");

  /** Option names, each after the prefix. */
  static Set<String> names(String prefix) {
    Set<String> all = new TreeSet<>();
    NAMES.forEach(n -> all.add(prefix + n));
    return all;
  }

  /** Reads options whose names begin with the prefix. */
  static LuksParameters of(CreateOptions o, String prefix) throws ImageException {
    String alg = o.get(prefix + "cipher-alg", "aes-256");
    // With AES-192 a split key would not end with a sector, which QEMU cannot open.
    int bytes =
        switch (alg) {
          case "aes-128" -> 16;
          case "aes-256" -> 32;
          default -> throw bad(o, prefix + "cipher-alg", "Algorithm '" + alg + "' not supported");
        };
    String cipherMode = o.get(prefix + "cipher-mode", "xts");
    if (!cipherMode.equals("xts") && !cipherMode.equals("cbc")) {
      throw bad(o, prefix + "cipher-mode", "does not accept value '" + cipherMode + "'");
    }
    String ivgen = o.get(prefix + "ivgen-alg", "plain64");
    String ivHash = o.get(prefix + "ivgen-hash-alg", "sha256");
    String iv =
        switch (ivgen) {
          case "plain", "plain64" -> ivgen;
          case "essiv" -> {
            if (!ivHash.equals("sha256")) {
              throw bad(o, prefix + "ivgen-hash-alg", "only sha256 is supported");
            }
            if (cipherMode.equals("xts")) {
              throw bad(o, prefix + "ivgen-alg", "'essiv' is supported with cbc only");
            }
            yield "essiv:" + ivHash;
          }
          default -> throw bad(o, prefix + "ivgen-alg", "does not accept value '" + ivgen + "'");
        };
    String hash = o.get(prefix + "hash-alg", "sha256");
    if (!Set.of("sha1", "sha224", "sha256", "sha384", "sha512").contains(hash)) {
      throw bad(o, prefix + "hash-alg", "Hash algorithm '" + hash + "' not supported");
    }
    long millis = o.bytes(prefix + "iter-time", STANDARD_ITER_MILLIS);
    if (millis < 0 || millis > 3_600_000) {
      throw bad(o, prefix + "iter-time", "must be 0 to 3600000 milliseconds");
    }
    int keyBytes = cipherMode.equals("xts") ? 2 * bytes : bytes;
    return new LuksParameters(cipherMode + "-" + iv, hash, keyBytes, millis);
  }

  private static ImageException bad(CreateOptions o, String field, String problem) {
    return new ImageException(o.filename(), field, problem);
  }

  /** Bytes each key slot takes. */
  long slotBytes() {
    return (long) keyBytes * STRIPES + 4095 & -4096L;
  }

  /** Bytes the header takes with its key slots; the data follows. */
  long headerBytes() {
    return SLOTS_OFFSET + SLOTS * slotBytes();
  }
}
