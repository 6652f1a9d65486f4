package org.tuber.devices.block;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * What a new image should be: its size and the format's own options, spelled as on the command
 * line.
 *
 * @param filename where
 * @param sizeBytes guest-visible size
 * @param options name to value
 * @param secrets passphrases by id
 */
public record CreateOptions(
    String filename,
    long sizeBytes,
    Map<String, String> options,
    Function<String, byte[]> secrets) {
  /** Largest disk any format here accepts. */
  public static final long MAX_BYTES = Long.MAX_VALUE & -4096L;

  /** Copies the options. */
  public CreateOptions {
    options = new LinkedHashMap<>(options);
  }

  /** Without secrets. */
  public CreateOptions(String filename, long sizeBytes, Map<String, String> options) {
    this(filename, sizeBytes, options, id -> null);
  }

  /** The same with passphrases. */
  public CreateOptions withSecrets(Function<String, byte[]> source) {
    return new CreateOptions(filename, sizeBytes, options, source);
  }

  /** Without format options. */
  public static CreateOptions of(String filename, long sizeBytes) {
    return new CreateOptions(filename, sizeBytes, Map.of());
  }

  /** With one more option. */
  public CreateOptions with(String name, String value) {
    CreateOptions c = new CreateOptions(filename, sizeBytes, options, secrets);
    c.options.put(name, value);
    return c;
  }

  /** An option's value, or the default. */
  public String get(String name, String otherwise) {
    return options.getOrDefault(name, otherwise);
  }

  /** An on/off option. */
  public boolean flag(String name, boolean otherwise) throws ImageException {
    String v = options.get(name);
    if (v == null) {
      return otherwise;
    }
    return switch (v) {
      case "on", "yes", "true", "y" -> true;
      case "off", "no", "false", "n" -> false;
      default -> throw new ImageException(filename, name, "Parameter expects 'on' or 'off'");
    };
  }

  /** A size option: a number with an optional suffix. */
  public long bytes(String name, long otherwise) throws ImageException {
    String v = options.get(name);
    return v == null ? otherwise : Sizes.parse(filename, name, v);
  }

  /** Refuses options the format does not have. */
  public void requireOnly(String format, Set<String> known) throws ImageException {
    for (String name : options.keySet()) {
      if (!known.contains(name)) {
        throw new ImageException(
            filename, name, "Invalid parameter '" + name + "' for format " + format);
      }
    }
    if (sizeBytes < 0 || sizeBytes > MAX_BYTES) {
      throw new ImageException(filename, "size", "Image size must be between 0 and 8 EiB");
    }
  }
}
