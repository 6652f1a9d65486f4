package org.tuber.machine;

import java.util.Objects;
import org.tuber.devices.block.live.ThrottleLimits;

/**
 * One disk, CD-ROM or floppy as after {@code -drive}.
 *
 * @param id name by which {@code -device} finds it, or an empty string
 * @param file image, or null for a drive without medium
 * @param format image format, or null to look at the image (with a warning for raw ones)
 * @param bus what it is connected to
 * @param index place on that bus: 0 is the first drive; -1 for the next free one
 * @param media disk or CD-ROM
 * @param snapshot writes go to a temporary file and are forgotten
 * @param readOnly writes are refused
 * @param cache host caching as after {@code cache=}
 * @param limits how much of it a guest may use
 * @param copyOnRead what is read from a backing file is kept in the top image
 */
public record DriveOption(
    String id,
    String file,
    String format,
    Bus bus,
    int index,
    Media media,
    boolean snapshot,
    boolean readOnly,
    String cache,
    ThrottleLimits limits,
    boolean copyOnRead) {
  /** What a drive is connected to. */
  public enum Bus {
    /** The IDE channels. */
    IDE,
    /** The floppy controller. */
    FLOPPY,
    /** The firmware's flash memory. */
    PFLASH,
    /** A virtio block device of its own. */
    VIRTIO,
    /** Nothing yet: a {@code -device} takes it. */
    NONE
  }

  /** What kind of drive. */
  public enum Media {
    /** A disk. */
    DISK,
    /** A CD-ROM drive. */
    CDROM
  }

  /** Nothing but file and format may be absent. */
  public DriveOption {
    Objects.requireNonNull(id);
    Objects.requireNonNull(bus);
    Objects.requireNonNull(media);
    Objects.requireNonNull(cache);
    Objects.requireNonNull(limits);
  }

  /** A drive that is not limited. */
  public DriveOption(
      String id,
      String file,
      String format,
      Bus bus,
      int index,
      Media media,
      boolean snapshot,
      boolean readOnly,
      String cache) {
    this(
        id, file, format, bus, index, media, snapshot, readOnly, cache, ThrottleLimits.NONE, false);
  }

  /** The same drive with another medium. */
  public DriveOption withMedium(String newFile, String newFormat, boolean newReadOnly) {
    return new DriveOption(
        id, newFile, newFormat, bus, index, media, false, newReadOnly, cache, limits, copyOnRead);
  }
}
