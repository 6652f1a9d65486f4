package org.tuber.devices.block;

/**
 * One extent of a node: where its bytes come from.
 *
 * @param offset guest offset
 * @param length extent length in bytes
 * @param kind source of the bytes
 * @param hostOffset offset in the image file, or -1 when there is no plain copy there
 * @param compressed the bytes are stored compressed
 */
public record BlockStatus(
    long offset, long length, Kind kind, long hostOffset, boolean compressed) {
  /** Where bytes come from. */
  public enum Kind {
    /** Not in this node: the backing file shows through, or zeros. */
    UNALLOCATED,
    /** Known to read as zero. */
    ZERO,
    /** Stored in this node. */
    DATA
  }

  /** An extent without a host offset. */
  public static BlockStatus of(long offset, long length, Kind kind) {
    return new BlockStatus(offset, length, kind, -1, false);
  }
}
