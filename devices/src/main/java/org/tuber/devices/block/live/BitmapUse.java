package org.tuber.devices.block.live;

/** What becomes of the marks of a bitmap that guided a backup. */
public enum BitmapUse {
  /** They go if the backup succeeds. */
  ON_SUCCESS,
  /** They stay. */
  NEVER,
  /** Those of the parts that were copied go, whatever happens. */
  ALWAYS
}
