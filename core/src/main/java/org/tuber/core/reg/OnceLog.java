package org.tuber.core.reg;

import java.util.HashSet;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells once per place that a guest touched something a device does not model. Used under the
 * device lock; guest-controlled places are bounded, so a guest cannot fill the host's memory.
 */
public final class OnceLog {
  private static final int MAX_PLACES = 256;

  private final Logger logger;
  private final String device;
  private final Set<String> seen = new HashSet<>();

  /** A log for {@code device}, a short name such as {@code "rtc"}. */
  public OnceLog(String device) {
    this.device = device;
    this.logger = LoggerFactory.getLogger("org.tuber.devices." + device);
  }

  /** An offset nobody decodes was read. */
  public void unassignedRead(long offset, int size) {
    if (first("read@" + offset)) {
      logger.warn(
          "{}: read of unassigned offset 0x{} size {}", device, Long.toHexString(offset), size);
    }
  }

  /** An offset nobody decodes was written. */
  public void unassignedWrite(long offset, long value, int size) {
    if (first("write@" + offset)) {
      logger.warn(
          "{}: write of 0x{} to unassigned offset 0x{} size {}",
          device,
          Long.toHexString(value),
          Long.toHexString(offset),
          size);
    }
  }

  /** Behaviour that exists in the datasheet but not here was asked for. */
  public void unimplemented(String what, long offset, long value) {
    if (first(what + '@' + offset)) {
      logger.warn(
          "{}: {} is not implemented (offset 0x{}, value 0x{})",
          device,
          what,
          Long.toHexString(offset),
          Long.toHexString(value));
    }
  }

  private boolean first(String place) {
    return seen.size() < MAX_PLACES && seen.add(place);
  }
}
