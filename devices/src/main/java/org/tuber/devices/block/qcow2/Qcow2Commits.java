package org.tuber.devices.block.qcow2;

import java.io.IOException;
import org.tuber.devices.block.ImageFile;

/**
 * When changed tables reach the file, and in which order: counts up, sync, tables, sync, counts
 * down. Wherever the host stops, the image is consistent; clusters may have leaked. Called under
 * the image's write lock.
 */
final class Qcow2Commits {
  private static final long AHEAD_BYTES = 4 << 20;

  private final Qcow2Image image;
  private final Qcow2Header header;
  private final ImageFile file;
  private boolean dirtyMarked;
  private boolean isStarted;
  private boolean closing;

  /** The file was made this long at least, in bytes; 0 if it was not. */
  private long grownTo;

  Qcow2Commits(Qcow2Image image) {
    this.image = image;
    this.header = image.header();
    this.file = image.file();
  }

  /** True once tables may change: {@link #begin} was called. */
  boolean isStarted() {
    return isStarted;
  }

  /** Called once before tables change: features that promise something about them are adjusted. */
  void begin() throws IOException {
    if (!isStarted) {
      isStarted = true;
      long keep = header.hasDataFile() ? Qcow2Header.AUTOCLEAR_DATA_FILE_RAW : 0;
      keep |= image.bitmapStore().isEmpty() ? 0 : Qcow2Header.AUTOCLEAR_BITMAPS;
      image.bitmapStore().activate();
      if ((header.autoclear & ~keep) != 0) {
        header.autoclear &= keep;
        image.writeHeader();
      }
    }
    if (isLazy() && !dirtyMarked) {
      dirtyMarked = true;
      header.incompatible |= Qcow2Header.INCOMPAT_DIRTY;
      image.writeHeader();
      file.flush();
    }
  }

  boolean isLazy() {
    return (header.compatible & Qcow2Header.COMPAT_LAZY_REFCOUNTS) != 0;
  }

  /** Marks the image as being changed in a way that a crash would leave to repair. */
  void markInProgress() throws IOException {
    if (header.version >= 3 && !dirtyMarked) {
      header.incompatible |= Qcow2Header.INCOMPAT_DIRTY;
      image.writeHeader();
      file.flush();
    }
  }

  /** Undoes {@link #markInProgress}. */
  void clearInProgress() throws IOException {
    if (header.version >= 3 && !dirtyMarked) {
      file.flush();
      header.incompatible &= ~Qcow2Header.INCOMPAT_DIRTY;
      image.writeHeader();
    }
  }

  /** Writes all changed tables, in safe order; under the write lock. */
  void commit() throws IOException {
    boolean tables = image.cache().hasDirty(TableCache.Kind.L2) || image.map().isL1Dirty();
    if (isLazy() && dirtyMarked && !closing) {
      // The dirty bit stands for the counts: only tables and data have to be there.
      if (tables) {
        syncData();
        image.map().writeL1();
        image.cache().write(TableCache.Kind.L2);
        file.flush();
      }
      image.refcounts().applyReleases();
      if (image.cache().isCrowded() && image.refcounts().writeBlocks()) {
        image.refcounts().writeTable();
      }
      return;
    }
    boolean newBlocks = image.refcounts().writeBlocks();
    if (tables || newBlocks || image.refcounts().hasDeferred()) {
      syncData();
    }
    if (newBlocks) {
      image.refcounts().writeTable();
      file.flush();
    }
    if (tables) {
      image.cache().write(TableCache.Kind.L2);
      image.map().writeL1();
      file.flush();
    }
    if (image.refcounts().hasDeferred()) {
      image.refcounts().applyReleases();
      if (image.refcounts().writeBlocks()) {
        file.flush();
        image.refcounts().writeTable();
      }
    }
  }

  private void syncData() throws IOException {
    if (image.hasExternalData()) {
      image.dataFile().flush();
    }
    long end = image.refcounts().fileEnd();
    if (file.size() < end) {
      file.setSize(end);
    }
    file.flush();
  }

  void commitIfCrowded() throws IOException {
    if (image.cache().isCrowded() || image.refcounts().isDeferredCrowded()) {
      commit();
    }
  }

  /**
   * Makes the file longer than it has to be, if clusters were taken past its end and writes go past
   * the host's cache: of writes that make a file longer Linux makes one at a time. Closing the
   * image cuts the rest off.
   */
  void growAhead() throws IOException {
    long end = image.refcounts().fileEnd();
    if (image.options().cache().isDirect() && !image.hasExternalData() && end > grownTo) {
      grownTo = end + AHEAD_BYTES;
      long size = file.size();
      if (size < grownTo) {
        file.allocate(size, grownTo - size);
      }
    }
  }

  /** Brings the counts up to date, so that the image no longer needs its dirty bit. */
  void leaveLazy() throws IOException {
    closing = true;
    commit();
    closing = false;
    file.flush();
    if (dirtyMarked) {
      header.incompatible &= ~Qcow2Header.INCOMPAT_DIRTY;
      image.writeHeader();
      dirtyMarked = false;
    }
  }

  /** Writes all there is when the image is closed, and takes the dirty mark off. */
  void finish() throws IOException {
    closing = true;
    commit();
    image.bitmapStore().storeQuietly();
    long end = image.refcounts().fileEnd();
    if (end > file.size() || end < grownTo) {
      file.setSize(end);
    }
    if (dirtyMarked) {
      file.flush();
      header.incompatible &= ~Qcow2Header.INCOMPAT_DIRTY;
      image.writeHeader();
    }
  }
}
