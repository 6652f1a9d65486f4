package org.tuber.devices.block.options;

import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;

/**
 * An image described by options: what it is stored in, its format, how it is opened, and which
 * backing file it gets.
 *
 * @param filename name of what it is stored in
 * @param options how to open it
 */
public record ImageOptions(String filename, OpenOptions options) {
  /**
   * Where data would go if clusters were not checked against tables: nothing here depends on it.
   */
  private static final String[] CHECKS = {
    "overlap-check",
    "overlap-check.template",
    "overlap-check.main-header",
    "overlap-check.active-l1",
    "overlap-check.active-l2",
    "overlap-check.refcount-table",
    "overlap-check.refcount-block",
    "overlap-check.snapshot-table",
    "overlap-check.inactive-l1",
    "overlap-check.inactive-l2",
    "overlap-check.bitmap-directory"
  };

  private static final String[] HINTS = {
    "l2-cache-entry-size",
    "refcount-cache-size",
    "cache-clean-interval",
    "pass-discard-request",
    "pass-discard-snapshot",
    "pass-discard-other",
    "discard-no-unref",
    "lazy-refcounts"
  };

  /** Reads a name that is a description in JSON; what {@code base} says has precedence. */
  public static ImageOptions parse(String name, OpenOptions base) throws ImageException {
    return of(OptionTree.parse(name), base);
  }

  /** Takes all options out of a tree; {@code base} has what the options do not say. */
  public static ImageOptions of(OptionTree o, OpenOptions base) throws ImageException {
    String driver = o.take("driver");
    OpenOptions options = common(o, base);
    if (driver != null && ProtocolOptions.isKnown(driver)) {
      options = locking(o, options);
      String format = options.format() == null ? "raw" : options.format();
      return new ImageOptions(plain(ProtocolOptions.name(driver, o)), options.withFormat(format));
    }
    if (driver != null && !ImageFormats.isKnown(driver)) {
      throw o.bad("driver", "Unknown driver '" + driver + "'");
    }
    OptionTree file = o.at("file");
    if (driver == null && file.isEmpty()) {
      throw o.bad("driver", "Must specify either driver or file");
    }
    String node = o.take("file");
    if (node != null) {
      throw o.bad("file", "Cannot find device='" + node + "' nor node-name='" + node + "'");
    }
    if (file.isEmpty()) {
      throw o.bad("file", "A block device must be specified for \"file\"");
    }
    options = locking(file, common(file, options));
    String filename = stored(file);
    options = options.withFormat(options.format() == null ? driver : options.format());
    options = backing(o, format(o, options));
    String shown = driver == null ? "" : " '" + driver + "'";
    o.end("Block format" + shown + " does not");
    return new ImageOptions(plain(filename), options);
  }

  /** What the bytes of an image are in. A raw layer in between is nothing by itself. */
  private static String stored(OptionTree file) throws ImageException {
    String driver = file.take("driver");
    if ("raw".equals(driver)) {
      return stored(file.at("file"));
    }
    if (driver != null && ImageFormats.isKnown(driver)) {
      throw file.bad("driver", "an image of format " + driver + " cannot hold another image here");
    }
    if (driver != null) {
      return ProtocolOptions.name(driver, file);
    }
    String name = file.take("filename");
    if (name == null) {
      throw file.bad("filename", "Must specify either driver or filename");
    }
    file.ignore("aio", "aio-max-batch");
    file.end("Block protocol 'file' doesn't");
    return name;
  }

  /** The name of a host file as people write it, if that has no other meaning. */
  private static String plain(String name) {
    String rest = name.startsWith("file:") ? name.substring(5) : name;
    return Images.hasProtocol(rest) ? name : rest;
  }

  private static OpenOptions common(OptionTree o, OpenOptions base) throws ImageException {
    o.ignore("node-name", "auto-read-only", "detect-zeroes");
    OpenOptions options = base;
    if (o.flag("read-only", false)) {
      options = options.withWritable(false);
    }
    if (o.flag("force-share", false)) {
      options = options.withLocked(false);
    }
    String discard = o.choice("discard", null, "unmap", "on", "ignore", "off");
    if (discard != null) {
      options = options.withDiscard(discard.equals("unmap") || discard.equals("on"));
    }
    boolean direct = o.flag("cache.direct", false);
    boolean noFlush = o.flag("cache.no-flush", false);
    if (noFlush || direct) {
      options = options.withCache(noFlush ? CacheMode.UNSAFE : CacheMode.NONE);
    }
    return options;
  }

  private static OpenOptions locking(OptionTree o, OpenOptions options) throws ImageException {
    String locking = o.choice("locking", "auto", "auto", "on", "off");
    return locking.equals("off") ? options.withLocked(false) : options;
  }

  private static OpenOptions format(OptionTree o, OpenOptions base) throws ImageException {
    OpenOptions options = base;
    String driver = base.format();
    if ("qcow2".equals(driver) || driver == null) {
      o.ignore(HINTS);
      o.ignore(CHECKS);
      long tables = o.bytes("l2-cache-size", 0);
      tables = Math.max(tables, o.bytes("cache-size", 0));
      if (tables > 0) {
        options = options.withMetadataCacheBytes(Math.max(tables, 64 << 10));
      }
    }
    String key = o.take("key-secret", "encrypt.key-secret");
    o.choice("encrypt.format", null, "luks", "aes");
    return key == null ? options : options.withSecretId(key);
  }

  private static OpenOptions backing(OptionTree o, OpenOptions options) throws ImageException {
    OptionTree inner = o.at("backing");
    if (o.has("backing")) {
      String node = o.take("backing");
      if (!node.isEmpty()) {
        throw o.bad("backing", "Cannot find device='" + node + "' nor node-name='" + node + "'");
      }
      return options.withOpenBacking(false);
    }
    if (inner.isEmpty()) {
      return options;
    }
    String format = inner.has("driver") ? null : inner.take("format");
    if (inner.at("file").isEmpty() && !inner.has("filename")) {
      // Only its format is said: the image names the rest.
      return options.withBackingFormat(inner.require("driver"));
    }
    String name = inner.name();
    inner.clear();
    return options.withBackingName(name).withBackingFormat(format);
  }
}
