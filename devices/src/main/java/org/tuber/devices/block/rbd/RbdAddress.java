package org.tuber.devices.block.rbd;

import java.util.LinkedHashMap;
import java.util.Map;
import org.tuber.devices.block.ImageException;

/**
 * Which image of a Ceph cluster is meant: {@code
 * rbd:pool[/namespace]/image[@snapshot][:option=value…]}, where a backslash takes the meaning from
 * the character after it (Ceph's manual, "QEMU and block devices"). Options are {@code id}, {@code
 * conf} and those of Ceph's configuration.
 *
 * @param pool name of the pool
 * @param namespace in the pool; empty for none
 * @param image name of the image
 * @param snapshot of the image, or null
 * @param user without {@code client.}; null for Ceph's own choice
 * @param conf configuration file, or null for the usual ones
 * @param settings further options of Ceph
 */
public record RbdAddress(
    String pool,
    String namespace,
    String image,
    String snapshot,
    String user,
    String conf,
    Map<String, String> settings) {

  /** A setting of ours: id of the secret with the user's key. */
  public static final String KEY_SECRET = "key-secret";

  private static final String SCHEME = "rbd:";

  /** True for names this class understands. */
  public static boolean matches(String name) {
    return name.startsWith(SCHEME);
  }

  /** Parses a name. */
  public static RbdAddress parse(String name) throws ImageException {
    Scanner s = new Scanner(name, SCHEME.length());
    String pool = s.next("/:");
    if (pool.isEmpty() || s.ended() != '/') {
      throw new ImageException(name, "pool", "expected rbd:pool/image");
    }
    String namespace = "";
    String image = s.next("/@:");
    if (s.ended() == '/') {
      namespace = image;
      image = s.next("@:");
    }
    String snapshot = s.ended() == '@' ? s.next(":") : null;
    if (image.isEmpty() || snapshot != null && snapshot.isEmpty()) {
      throw new ImageException(name, image.isEmpty() ? "image" : "snapshot", "has no name");
    }
    String user = null;
    String conf = null;
    Map<String, String> settings = new LinkedHashMap<>();
    while (s.ended() != 0) {
      String key = s.next("=:");
      if (key.isEmpty() && s.ended() == 0) {
        break;
      }
      if (s.ended() != '=') {
        throw new ImageException(name, "option " + key, "has no value");
      }
      String value = s.next(":");
      switch (key) {
        case "id" -> user = value;
        case "conf" -> conf = value;
        default -> settings.put(key, value);
      }
    }
    return new RbdAddress(pool, namespace, image, snapshot, user, conf, settings);
  }

  /** The name that {@link #parse} understands so. */
  public String name() {
    StringBuilder s = new StringBuilder(SCHEME).append(quote(pool)).append('/');
    if (!namespace.isEmpty()) {
      s.append(quote(namespace)).append('/');
    }
    s.append(quote(image));
    if (snapshot != null) {
      s.append('@').append(quote(snapshot));
    }
    if (user != null) {
      s.append(":id=").append(quote(user));
    }
    if (conf != null) {
      s.append(":conf=").append(quote(conf));
    }
    settings.forEach((k, v) -> s.append(':').append(quote(k)).append('=').append(quote(v)));
    return s.toString();
  }

  private static String quote(String text) {
    return text.replaceAll("[\\\\/@:=]", "\\\\$0");
  }

  /** The name of another image in the same pool, with the same options. */
  public static String sibling(String name, String other) {
    try {
      RbdAddress a = parse(name);
      return other.startsWith("/")
          ? other
          : new RbdAddress(a.pool, a.namespace, other, null, a.user, a.conf, a.settings).name();
    } catch (ImageException e) {
      return other;
    }
  }

  /** Cuts the name at separators. */
  private static final class Scanner {
    private final String text;
    private int at;
    private char ended = ':';

    Scanner(String text, int at) {
      this.text = text;
      this.at = at;
    }

    /** The next part up to one of the separators, unquoted. */
    String next(String separators) {
      StringBuilder s = new StringBuilder();
      ended = 0;
      while (at < text.length()) {
        char c = text.charAt(at++);
        if (c == '\\' && at < text.length()) {
          s.append(text.charAt(at++));
        } else if (separators.indexOf(c) >= 0) {
          ended = c;
          break;
        } else {
          s.append(c);
        }
      }
      return s.toString();
    }

    /** The separator that ended the last part; 0 at the end. */
    char ended() {
      return ended;
    }
  }
}
