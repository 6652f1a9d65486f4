package org.tuber.devices.storage;

import org.tuber.core.backend.BlockBackend;
import org.tuber.core.snapshot.Snapshottable;

/**
 * A PC floppy drive and what lies in it: the medium's geometry follows from the size of its image.
 *
 * <p>IBM PC/AT drive interface: head position, disk-change line (high from the removal of a medium
 * until a step with a medium in).
 */
public final class FloppyDrive implements Snapshottable<FloppyDrive.State> {
  private static final int SECTOR_BYTES = BlockBackend.SECTOR_BYTES;
  private static final int MAX_TRACK = 84;

  /** Cylinders, heads, sectors of the formats there are, the usual ones first. */
  private static final int[][] FORMATS = {
    {80, 2, 18}, {80, 2, 36}, {80, 2, 9}, {80, 2, 15}, {40, 2, 9}, {80, 2, 20}, {80, 2, 21},
    {82, 2, 21}, {83, 2, 21}, {80, 2, 22}, {80, 2, 23}, {80, 2, 24}, {80, 2, 10}, {82, 2, 10},
    {80, 2, 39}, {80, 2, 40}, {80, 2, 44}, {80, 2, 48}, {40, 1, 9}, {40, 1, 8}, {40, 2, 8},
    {40, 2, 10}, {80, 2, 8}, {80, 1, 9}
  };

  /** Types as CMOS RAM names them. */
  private static final int TYPE_1200K = 2;

  private static final int TYPE_1440K = 4;
  private static final int TYPE_2880K = 5;

  /**
   * State; the medium is the board's.
   *
   * @param track where the heads stand
   * @param changed the disk-change line
   */
  public record State(int track, boolean changed) {}

  private final int cmosType;
  private BlockBackend medium;
  private int[] format;
  private int track;
  private boolean changed;

  /**
   * A drive that reads what lies in it.
   *
   * @param medium an image, or null
   */
  public FloppyDrive(BlockBackend medium) {
    this.medium = medium;
    format = medium == null ? null : formatOf(medium.lengthBytes());
    changed = medium == null;
    cmosType = typeFor(format);
  }

  private static int[] formatOf(long bytes) {
    for (int[] f : FORMATS) {
      if ((long) f[0] * f[1] * f[2] * SECTOR_BYTES == bytes) {
        return f;
      }
    }
    // An odd size (a boot sector alone, a cut image): the smallest usual disk that holds it.
    return bytes <= 1_474_560 ? FORMATS[0] : FORMATS[1];
  }

  private static int typeFor(int[] format) {
    if (format == null || format[2] > 24) {
      return TYPE_2880K;
    }
    boolean highDensityFiveInch = format[2] == 15 || format[0] == 40;
    return highDensityFiveInch ? TYPE_1200K : TYPE_1440K;
  }

  /** Type of the drive as CMOS RAM byte 10H names it. */
  public int cmosType() {
    return cmosType;
  }

  /** The medium, or null. */
  public BlockBackend medium() {
    return medium;
  }

  /** Takes the medium out; gives it, or null. */
  public BlockBackend removeMedium() {
    BlockBackend old = medium;
    medium = null;
    format = null;
    changed = true;
    return old;
  }

  /** Puts a medium in. */
  public void insertMedium(BlockBackend newMedium) {
    medium = newMedium;
    format = formatOf(newMedium.lengthBytes());
    changed = true;
  }

  int track() {
    return track;
  }

  boolean isChanged() {
    return changed;
  }

  /** Moves the heads. */
  void seek(int wanted) {
    if (medium != null && (wanted != track || wanted == 0)) {
      changed = false;
    }
    track = Math.clamp(wanted, 0, MAX_TRACK);
  }

  int heads() {
    return format == null ? 2 : format[1];
  }

  int sectorsPerTrack() {
    return format == null ? 0 : format[2];
  }

  boolean isWriteProtected() {
    return medium != null && medium.isReadOnly();
  }

  /** Byte offset of a sector in the image, or -1 when the medium does not have it. */
  long offset(int cylinder, int head, int sector) {
    if (format == null
        || cylinder >= format[0]
        || head >= format[1]
        || sector < 1
        || sector > format[2]) {
      return -1;
    }
    long offset = (((long) cylinder * format[1] + head) * format[2] + sector - 1) * SECTOR_BYTES;
    return offset;
  }

  @Override
  public State save() {
    return new State(track, changed);
  }

  @Override
  public void load(State s) {
    if (s.track < 0 || s.track > MAX_TRACK) {
      throw new IllegalArgumentException("track: " + s.track);
    }
    track = s.track;
    changed = s.changed;
  }

  @Override
  public void reset() {
    track = 0;
  }
}
