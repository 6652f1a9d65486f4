package org.tuber.devices.block.live;

/** Which parts of a disk a backup or mirror copies. */
public enum BackupSync {
  /** Everything. */
  FULL,
  /** What the top image holds; the target has the same backing file. */
  TOP,
  /** What a bitmap marks; backups only. */
  INCREMENTAL,
  /** Only what the guest changes: a backup keeps the old content, a mirror the new. */
  NONE;

  boolean usesBitmap() {
    return this == INCREMENTAL;
  }
}
