package org.tuber.devices.block;

import java.io.IOException;
import java.util.List;

/** A store that keeps snapshots of its files by itself, whatever format they have. */
public interface SnapshotStore {
  /** The snapshots there are. */
  List<ImageInfo.SnapshotInfo> snapshots() throws IOException;

  /** Keeps the present content under a name. */
  void createSnapshot(String name) throws IOException;

  /** Gives the file the content it had. */
  void applySnapshot(String name) throws IOException;

  /** Forgets one. */
  void deleteSnapshot(String name) throws IOException;
}
