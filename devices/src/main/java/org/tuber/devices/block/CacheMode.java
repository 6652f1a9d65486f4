package org.tuber.devices.block;

import java.util.Locale;

/** Host caching of an image: what {@code cache=} selects. */
public enum CacheMode {
  /** Past the host page cache; the guest sees a write cache. */
  NONE,
  /** Through the page cache; the guest sees a write cache. */
  WRITEBACK,
  /** Every write is on stable storage when it completes. */
  WRITETHROUGH,
  /** Past the host page cache, every write on stable storage. */
  DIRECTSYNC,
  /** Flushes are ignored: for disks that need not survive. */
  UNSAFE;

  /** Parses {@code none}, {@code writeback}, … */
  public static CacheMode parse(String value) throws ImageException {
    for (CacheMode mode : values()) {
      if (mode.name().toLowerCase(Locale.ROOT).equals(value)) {
        return mode;
      }
    }
    throw new ImageException(value, "cache", "invalid cache mode");
  }

  /** True when the host page cache is bypassed. */
  public boolean isDirect() {
    return this == NONE || this == DIRECTSYNC;
  }

  /** True when a write returns only after it is stable. */
  public boolean isWriteThrough() {
    return this == WRITETHROUGH || this == DIRECTSYNC;
  }
}
