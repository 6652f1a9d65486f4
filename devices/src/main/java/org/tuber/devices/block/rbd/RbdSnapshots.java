package org.tuber.devices.block.rbd;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.tuber.devices.block.ImageInfo;

/** The table that {@code rbd_snap_list} fills in: entries of {@code rbd_snap_info_t}. */
final class RbdSnapshots {
  /** Number, size and address of the name. */
  static final long ENTRY_BYTES = 24;

  private static final long SIZE = 8;
  private static final long NAME = 16;

  private RbdSnapshots() {}

  /** Named as in QEMU: a snapshot's name is its identifier, too. */
  @SuppressWarnings("restricted")
  static List<ImageInfo.SnapshotInfo> parse(MemorySegment table, int count) {
    List<ImageInfo.SnapshotInfo> all = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      long at = i * ENTRY_BYTES;
      long address = table.get(ValueLayout.JAVA_LONG, at + NAME);
      String name = MemorySegment.ofAddress(address).reinterpret(Long.MAX_VALUE).getString(0);
      long bytes = table.get(ValueLayout.JAVA_LONG, at + SIZE);
      all.add(new ImageInfo.SnapshotInfo(name, name, bytes, 0, 0, 0, 0));
    }
    return all;
  }
}
