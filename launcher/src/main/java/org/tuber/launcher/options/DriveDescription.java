package org.tuber.launcher.options;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.tuber.devices.block.options.OptionTree;
import org.tuber.devices.block.options.ProtocolOptions;

/**
 * The image of a {@code -drive}: a name, or the options that describe one, as in {@code
 * driver=qcow2,file.driver=nbd,file.host=x,encrypt.key-secret=s}.
 *
 * @param file name of the image, or its description; null for none
 * @param format its format, or null
 */
record DriveDescription(String file, String format) {
  /** Options without a dot that describe an image and not a drive. */
  static final Set<String> KEYS =
      Set.of(
          "key-secret",
          "backing",
          "cache-size",
          "l2-cache-size",
          "l2-cache-entry-size",
          "refcount-cache-size",
          "cache-clean-interval",
          "lazy-refcounts",
          "overlap-check",
          "force-share",
          "auto-read-only",
          "locking",
          "filename",
          "host",
          "port",
          "path",
          "export",
          "url",
          "volume",
          "pool",
          "image",
          "namespace",
          "conf",
          "user",
          "logfile",
          "debug",
          "reconnect-delay",
          "tls-creds",
          "tls-hostname",
          "dir",
          "fat-type",
          "floppy",
          "label",
          "rw");

  /** True for options with a dot that describe an image. */
  static boolean describes(String key) {
    return key.matches(
        "(file|backing|encrypt|server|cache|auth-client-required|overlap-check)\\..+");
  }

  /** Finds those options among all of a drive. */
  static DriveDescription of(Map<String, String> drive) {
    String file = drive.get("file");
    String driver = drive.getOrDefault("format", drive.get("driver"));
    Map<String, String> image = new LinkedHashMap<>();
    drive.forEach(
        (key, value) -> {
          if (KEYS.contains(key) || describes(key)) {
            image.put(key, value);
          }
        });
    boolean protocol = driver != null && ProtocolOptions.isKnown(driver);
    if (image.isEmpty() && !protocol) {
      return new DriveDescription(file, driver);
    }
    if (driver != null) {
      image.put("driver", driver);
    }
    if (file != null) {
      image.put(protocol ? "filename" : "file.filename", file);
    }
    return new DriveDescription(OptionTree.of("-drive", image).name(), protocol ? "raw" : driver);
  }
}
