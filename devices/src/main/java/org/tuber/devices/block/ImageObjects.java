package org.tuber.devices.block;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.tuber.devices.block.nbd.tls.TlsCredentials;

/**
 * Passphrases and credentials by id, as QEMU's objects {@code secret}, {@code tls-creds-x509} and
 * {@code tls-creds-psk} define them (QEMU's manual, "Providing secret data to QEMU").
 *
 * <p>A secret may itself be encrypted (AES-256 in CBC mode, PKCS#7 padding) with another one, its
 * {@code keyid}, so that it can stand on a command line.
 */
public final class ImageObjects {
  private static final Set<String> SECRET_KEYS = Set.of("data", "file", "format", "keyid", "iv");
  private static final Set<String> TLS_KEYS =
      Set.of("dir", "endpoint", "verify-peer", "username", "priority", "sanity-check");
  private static final int MASTER_KEY_BYTES = 32;
  private static final int IV_BYTES = 16;

  private final Map<String, byte[]> secrets = new LinkedHashMap<>();
  private final Map<String, TlsCredentials> credentials = new LinkedHashMap<>();

  /** True for the kinds of objects that are kept here. */
  public static boolean isKnown(String type) {
    return type.equals("secret") || isTls(type);
  }

  private static boolean isTls(String type) {
    return type.equals("tls-creds-x509") || type.equals("tls-creds-psk");
  }

  /**
   * Adds an object.
   *
   * @param type its kind
   * @param id its name
   * @param properties the rest
   */
  public synchronized void add(String type, String id, Map<String, String> properties)
      throws IOException {
    if (!id.matches("[A-Za-z][A-Za-z0-9_.-]*")) {
      throw new ImageException(id, "object", "Parameter 'id' expects an identifier");
    }
    if (!isKnown(type)) {
      throw new ImageException(
          id, "object", "Parameter 'qom-type' does not accept value '" + type + "'");
    }
    Set<String> known = isTls(type) ? TLS_KEYS : SECRET_KEYS;
    for (String key : properties.keySet()) {
      if (!known.contains(key)) {
        throw new ImageException(id, "object", "Parameter '" + key + "' is unexpected");
      }
    }
    if (secrets.containsKey(id) || credentials.containsKey(id)) {
      throw new ImageException(
          id,
          "object",
          "attempt to add duplicate property '" + id + "' to object (type 'container')");
    }
    if (isTls(type)) {
      Map<String, String> all = new LinkedHashMap<>(properties);
      all.put(type, "on");
      all.put("id", id);
      credentials.put(id, TlsCredentials.fromOptions(all));
    } else {
      secrets.put(id, load(id, properties));
    }
  }

  /** Removes an object; what was opened with it stays open. */
  public synchronized void remove(String id) throws ImageException {
    if (secrets.remove(id) == null && credentials.remove(id) == null) {
      throw new ImageException(id, "object", "object '" + id + "' not found");
    }
  }

  /** The passphrase of that id; null if there is none. */
  public synchronized byte[] secret(String id) {
    byte[] value = id == null ? null : secrets.get(id);
    return value == null ? null : value.clone();
  }

  /** The id of the first passphrase; null if there is none. */
  public synchronized String firstSecret() {
    return secrets.isEmpty() ? null : secrets.keySet().iterator().next();
  }

  /** The credentials of that id. */
  public synchronized TlsCredentials tls(String id) throws ImageException {
    TlsCredentials found = credentials.get(id);
    if (found == null) {
      throw new ImageException(id, "tls-creds", "No TLS credentials with id '" + id + "'");
    }
    return found;
  }

  private byte[] load(String id, Map<String, String> m) throws IOException {
    String data = m.get("data");
    String file = m.get("file");
    if (data == null && file == null) {
      throw new ImageException(id, "secret", "Either 'file' or 'data' must be provided");
    }
    if (data != null && file != null) {
      throw new ImageException(id, "secret", "'file' and 'data' are mutually exclusive");
    }
    String format = m.getOrDefault("format", "raw");
    if (!format.equals("raw") && !format.equals("base64")) {
      throw new ImageException(
          id, "secret", "Parameter 'format' does not accept value '" + format + "'");
    }
    byte[] value = data != null ? data.getBytes(StandardCharsets.UTF_8) : read(id, file);
    if (format.equals("base64")) {
      value = decode(id, new String(value, StandardCharsets.ISO_8859_1));
    }
    String key = m.get("keyid");
    if (key == null) {
      return value;
    }
    if (m.get("iv") == null) {
      throw new ImageException(id, "secret", "IV is required to decrypt secret");
    }
    return decrypt(id, key, decode(id, m.get("iv")), value);
  }

  private static byte[] read(String id, String file) throws IOException {
    try {
      return Files.readAllBytes(Path.of(file));
    } catch (NoSuchFileException e) {
      throw new ImageException(
          id,
          "secret",
          "Unable to read %s: Failed to open file “%s”: No such file or directory"
              .formatted(file, file),
          e);
    } catch (IOException e) {
      throw new ImageException(id, "secret", "Unable to read " + file + ": " + e.getMessage(), e);
    }
  }

  private static byte[] decode(String id, String text) throws ImageException {
    try {
      return Base64.getDecoder().decode(text.replaceAll("[\\s]", ""));
    } catch (IllegalArgumentException e) {
      throw new ImageException(id, "secret", "Base64 data contains invalid characters", e);
    }
  }

  private byte[] decrypt(String id, String key, byte[] iv, byte[] value) throws ImageException {
    byte[] master = secrets.get(key);
    if (master == null) {
      throw new ImageException(id, "secret", "No secret with id '" + key + "'");
    }
    if (master.length != MASTER_KEY_BYTES) {
      throw new ImageException(id, "secret", "Key should be 32 bytes in length");
    }
    if (iv.length != IV_BYTES) {
      throw new ImageException(id, "secret", "IV should be 16 bytes in length not " + iv.length);
    }
    try {
      Cipher cipher = Cipher.getInstance("AES/CBC/PKCS5Padding");
      cipher.init(Cipher.DECRYPT_MODE, new SecretKeySpec(master, "AES"), new IvParameterSpec(iv));
      return cipher.doFinal(value);
    } catch (GeneralSecurityException e) {
      throw new ImageException(id, "secret", "Incorrect number of padding bytes", e);
    }
  }
}
