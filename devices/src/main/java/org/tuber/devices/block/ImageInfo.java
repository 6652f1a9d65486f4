package org.tuber.devices.block;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What {@code info} tells of one image.
 *
 * @param filename the image
 * @param format its format
 * @param virtualSizeBytes guest-visible size
 * @param actualSizeBytes space on the host, -1 if not known
 * @param clusterBytes allocation unit, 0 if none
 * @param encrypted the data is encrypted
 * @param dirty the image was not closed cleanly
 * @param backingName backing file as written in the image, or null
 * @param fullBackingName the same, resolved, or null
 * @param backingFormat format of the backing file, or null
 * @param snapshots internal snapshots
 * @param specific further facts of the format, or null
 */
public record ImageInfo(
    String filename,
    String format,
    long virtualSizeBytes,
    long actualSizeBytes,
    int clusterBytes,
    boolean encrypted,
    boolean dirty,
    String backingName,
    String fullBackingName,
    String backingFormat,
    List<SnapshotInfo> snapshots,
    Specific specific) {

  /**
   * Facts of one format, in print order.
   *
   * @param type format name
   * @param data values: strings, numbers, booleans, lists or maps
   */
  public record Specific(String type, Map<String, Object> data) {
    /** An empty set of facts to fill. */
    public static Specific ofType(String type) {
      return new Specific(type, new LinkedHashMap<>());
    }

    /** Adds a fact. */
    public Specific with(String key, Object value) {
      data.put(key, value);
      return this;
    }
  }

  /**
   * An internal snapshot.
   *
   * @param id identifier, usually a number
   * @param name what the user called it
   * @param vmStateBytes size of the saved machine state
   * @param dateSeconds host time of creation, seconds since 1970
   * @param dateNanos and nanoseconds
   * @param vmClockNanos guest clock
   * @param icount instruction counter, or -1
   */
  public record SnapshotInfo(
      String id,
      String name,
      long vmStateBytes,
      long dateSeconds,
      int dateNanos,
      long vmClockNanos,
      long icount) {}
}
