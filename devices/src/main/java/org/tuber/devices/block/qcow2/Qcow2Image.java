package org.tuber.devices.block.qcow2;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.devices.block.AmendOptions;
import org.tuber.devices.block.AmendableNode;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.CheckReport;
import org.tuber.devices.block.DirtyBitmap;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageInfo;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.Preallocation;
import org.tuber.devices.block.crypt.DiskCipher;
import org.tuber.devices.block.ops.Progress;

/**
 * An open qcow2 image ({@code docs/interop/qcow2.txt}).
 *
 * <p>Reads and writes in place run side by side under a read lock; whatever changes tables takes
 * the write lock. Changed tables stay in memory until a flush, or until many have gathered, and are
 * then written by {@link #commit} in an order that leaves a consistent image wherever the host
 * stops: counts up, sync, tables, sync, counts down. A crash may thus leak clusters but not
 * corrupt.
 */
public final class Qcow2Image implements AmendableNode {
  private static final Logger LOG = LoggerFactory.getLogger(Qcow2Image.class);

  private final ImageFile file;
  private final OpenOptions options;
  private final Qcow2Header header;
  private final TableCache cache;
  private Refcounts refcounts;
  private ClusterMap map;
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private final PendingWrites pending = new PendingWrites(lock);
  private final PackedClusters packed;
  private final Snapshots snapshots;
  private final Qcow2Bitmaps bitmaps;
  private volatile boolean recordsChanges;
  private final MetadataGuard guard = new MetadataGuard();
  private final Qcow2Commits commits;
  private final Qcow2Data data;
  private ImageFile dataFile;
  private volatile BlockNode backing;
  private volatile boolean broken;
  private volatile long length;
  private boolean closed;

  Qcow2Image(ImageFile file, Qcow2Header header, OpenOptions options) throws IOException {
    this.file = file;
    this.header = header;
    this.options = options;
    this.length = header.sizeBytes;
    this.dataFile = file;
    this.cache = new TableCache(file, header.clusterBytes(), options.metadataCacheBytes());
    this.refcounts = new Refcounts(this, Refcounts.readTable(file, header));
    this.map = new ClusterMap(this, ClusterMap.readL1(file, header.l1Offset, header.l1Size));
    this.packed = new PackedClusters(this);
    this.snapshots = new Snapshots(this);
    this.bitmaps = new Qcow2Bitmaps(this);
    this.commits = new Qcow2Commits(this);
    this.data = new Qcow2Data(this);
  }

  /** Everything that opening needs beyond the header: other files, keys, repair. */
  void finishOpening() throws IOException {
    try {
      snapshots.load();
      guard.rebuild(this);
      openDataFile();
      data.setCipher(DiskCipher.forQcow2(file, header.cryptMethod, cryptoHeader(), options));
      if (!isReadOnly()) {
        if ((header.incompatible & Qcow2Header.INCOMPAT_CORRUPT) != 0 && !options.allowCorrupt()) {
          throw new ImageException(
              filename(),
              "incompatible_features",
              "Image is corrupt; cannot be opened read/write. Repair it with: check -r all");
        }
        if ((header.incompatible & Qcow2Header.INCOMPAT_DIRTY) != 0 && options.repairDirty()) {
          LOG.warn("{}: not closed cleanly, repairing the reference counts", filename());
          new Qcow2Check(this).run(CheckReport.Repair.ALL);
        }
      }
      bitmaps.readDirectory();
      recordsChanges = !bitmaps.isEmpty();
      if (header.backingName != null && options.openBacking()) {
        backing =
            Images.openBacking(filename(), header.backingName, header.backingFormat(), options);
      }
    } catch (IOException | RuntimeException e) {
      closeOthers();
      throw e;
    }
  }

  private void openDataFile() throws IOException {
    if (!header.hasDataFile()) {
      return;
    }
    String name = header.dataFileName();
    if (name == null) {
      throw new ImageException(filename(), "data_file", "the image names no external data file");
    }
    dataFile = Images.openFile(Images.resolve(filename(), name), options);
  }

  Qcow2Header header() {
    return header;
  }

  ImageFile file() {
    return file;
  }

  TableCache cache() {
    return cache;
  }

  Refcounts refcounts() {
    return refcounts;
  }

  ClusterMap map() {
    return map;
  }

  MetadataGuard guard() {
    return guard;
  }

  PackedClusters packed() {
    return packed;
  }

  Qcow2Commits commits() {
    return commits;
  }

  Qcow2Data data() {
    return data;
  }

  Qcow2Bitmaps bitmapStore() {
    return bitmaps;
  }

  byte[] cryptoHeader() throws ImageException {
    return new Qcow2Facts(this).cryptoHeader();
  }

  ReentrantReadWriteLock lock() {
    return lock;
  }

  PendingWrites pending() {
    return pending;
  }

  /** Internal snapshots. */
  public Snapshots snapshotTable() {
    return snapshots;
  }

  boolean hasExternalData() {
    return dataFile != file;
  }

  /** Options the image was opened with. */
  OpenOptions options() {
    return options;
  }

  /**
   * Marks the image corrupt and gives the exception that says why. Nothing is written afterwards.
   */
  ImageException corrupt(String field, String problem) {
    ImageException e = new ImageException(filename(), field, "image is corrupt: " + problem);
    if (!broken && !file.isReadOnly() && !options.allowCorrupt()) {
      broken = true;
      LOG.error("{}; no further writes to it", e.getMessage());
      try {
        if (header.version >= 3) {
          header.incompatible |= Qcow2Header.INCOMPAT_CORRUPT;
          writeHeader();
        }
      } catch (IOException suppressed) {
        e.addSuppressed(suppressed);
      }
    }
    return e;
  }

  void writeHeader() throws IOException {
    file.write(0, ByteBuffer.wrap(header.encode(filename())));
  }

  void requireWritable() throws ImageException {
    if (file.isReadOnly()) {
      throw new ImageException(filename(), "file", "the image is read-only");
    }
    if (broken) {
      throw new ImageException(filename(), "image", "is corrupt, writing is off");
    }
  }

  /** The disk is about to change there: bitmaps want to know. */
  void recordChange(long offset, long bytes) throws IOException {
    if (!recordsChanges) {
      return;
    }
    if (!bitmaps.isActive()) {
      activateBitmaps();
    }
    bitmaps.record(offset, bytes);
  }

  private void activateBitmaps() throws IOException {
    lock.writeLock().lock();
    try {
      commits.begin();
    } finally {
      lock.writeLock().unlock();
    }
  }

  @Override
  public boolean knowsBitmaps() {
    return header.version >= 3;
  }

  @Override
  public boolean storesBitmaps() {
    return knowsBitmaps() && !isReadOnly();
  }

  @Override
  public List<DirtyBitmap> bitmaps() throws IOException {
    if (!recordsChanges) {
      return List.of();
    }
    lock.writeLock().lock();
    try {
      if (!isReadOnly() && !broken) {
        commits.begin();
      }
      return bitmaps.list();
    } finally {
      lock.writeLock().unlock();
    }
  }

  @Override
  public void addBitmap(DirtyBitmap bitmap) throws IOException {
    requireWritable();
    if (!storesBitmaps()) {
      throw new ImageException(filename(), "bitmap", "Operation not supported");
    }
    lock.writeLock().lock();
    try {
      commits.begin();
      bitmaps.add(bitmap);
      recordsChanges = true;
    } finally {
      lock.writeLock().unlock();
    }
  }

  @Override
  public void removeBitmap(String name) throws IOException {
    requireWritable();
    lock.writeLock().lock();
    try {
      commits.begin();
      bitmaps.remove(name);
      recordsChanges = !bitmaps.isEmpty();
    } finally {
      lock.writeLock().unlock();
    }
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    requireInside(offset, target.remaining());
    lock.readLock().lock();
    try {
      data.readLocked(offset, target);
    } finally {
      lock.readLock().unlock();
    }
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    data.write(offset, source);
  }

  @Override
  public byte[] compressCluster(byte[] cluster) throws IOException {
    if (cluster.length != header.clusterBytes()) {
      throw new ImageException(filename(), "request", "compressed writes take whole clusters");
    }
    if (hasExternalData() || isEncrypted()) {
      throw new ImageException(
          filename(), "compression", "not possible with encryption or an external data file");
    }
    return ClusterCodec.compress(header.compressionType, cluster, cluster.length);
  }

  @Override
  public void writeCompressed(long offset, byte[] compressed) throws IOException {
    requireWritable();
    if ((offset & header.clusterBytes() - 1L) != 0 || offset < 0 || offset >= length) {
      throw new ImageException(filename(), "request", "compressed writes take whole clusters");
    }
    recordChange(offset, header.clusterBytes());
    pending.lockAlone();
    try {
      requireWritable();
      commits.begin();
      new ClusterWriter(this).writePacked(offset, compressed);
      commits.commitIfCrowded();
    } finally {
      lock.writeLock().unlock();
    }
  }

  @Override
  public void amend(AmendOptions changes, Progress progress) throws IOException {
    pending.lockAlone();
    try {
      new Qcow2Amend(this).run(changes, progress);
    } finally {
      lock.writeLock().unlock();
    }
  }

  /** Reads the tables anew after their form or place has changed; nothing may be unwritten. */
  void reopenTables() throws IOException {
    cache.clear();
    refcounts = new Refcounts(this, Refcounts.readTable(file, header));
    map = new ClusterMap(this, ClusterMap.readL1(file, header.l1Offset, header.l1Size));
    guard.rebuild(this);
    packed.clear();
  }

  @Override
  public CheckReport check(CheckReport.Repair repair) throws IOException {
    return new Qcow2Check(this).run(repair);
  }

  @Override
  public void makeEmpty() throws IOException {
    requireWritable();
    data.zeroOrDiscard(0, length, ClusterEraser.Mode.DROP);
    flush();
  }

  @Override
  public void writeZeroes(long offset, long bytes, boolean unmap) throws IOException {
    data.writeZeroes(offset, bytes, unmap);
  }

  @Override
  public void discard(long offset, long bytes) throws IOException {
    requireInside(offset, bytes);
    requireWritable();
    if (options.discard()) {
      data.zeroOrDiscard(offset, bytes, ClusterEraser.Mode.DISCARD);
    }
  }

  @Override
  public void flush() throws IOException {
    if (file.isReadOnly()) {
      return;
    }
    lock.writeLock().lock();
    try {
      if (!broken) {
        commits.commit();
      }
    } finally {
      lock.writeLock().unlock();
    }
    if (hasExternalData()) {
      dataFile.flush();
    }
    file.flush();
  }

  @Override
  public BlockStatus status(long offset, long bytes) throws IOException {
    return data.status(offset, bytes);
  }

  @Override
  public void resize(long newLength, Preallocation preallocation) throws IOException {
    requireWritable();
    if (recordsChanges) {
      activateBitmaps();
    }
    new Qcow2Resize(this).resize(newLength, preallocation);
    bitmaps.resize(newLength);
  }

  void setLength(long bytes) {
    length = bytes;
    header.sizeBytes = bytes;
  }

  @Override
  public void changeBacking(String name, String format) throws IOException {
    requireWritable();
    pending.lockAlone();
    try {
      header.backingName = name == null || name.isEmpty() ? null : name;
      header.setExtension(
          Qcow2Header.EXT_BACKING_FORMAT,
          format == null || header.backingName == null
              ? null
              : format.getBytes(StandardCharsets.UTF_8));
      writeHeader();
      file.flush();
    } finally {
      lock.writeLock().unlock();
    }
  }

  @Override
  public boolean canChangeBacking() {
    return !isReadOnly();
  }

  @Override
  public BlockNode attachBacking(BlockNode node) {
    pending.lockAlone();
    try {
      BlockNode old = backing;
      backing = node;
      return old;
    } finally {
      lock.writeLock().unlock();
    }
  }

  @Override
  public String formatName() {
    return "qcow2";
  }

  @Override
  public String filename() {
    return file.name();
  }

  @Override
  public long lengthBytes() {
    return length;
  }

  @Override
  public boolean isReadOnly() {
    return file.isReadOnly();
  }

  @Override
  public BlockNode backing() {
    return backing;
  }

  /** The bytes of the virtual machine state region are addressed past the disk's L1 entries. */
  ImageFile dataFile() {
    return dataFile;
  }

  @Override
  public int clusterBytes() {
    return header.clusterBytes();
  }

  @Override
  public List<ImageFile> files() {
    return hasExternalData() ? List.of(file, dataFile) : List.of(file);
  }

  @Override
  public String backingName() {
    return header.backingName;
  }

  @Override
  public String backingFormat() {
    return header.backingFormat();
  }

  @Override
  public boolean isEncrypted() {
    return header.cryptMethod != Qcow2Header.CRYPT_NONE;
  }

  @Override
  public boolean isDirty() {
    return (header.incompatible & Qcow2Header.INCOMPAT_DIRTY) != 0;
  }

  @Override
  public List<ImageInfo.SnapshotInfo> snapshots() {
    return snapshots.list();
  }

  @Override
  public ImageInfo.Specific specificInfo() {
    return new Qcow2Facts(this).specific();
  }

  @Override
  public void close() throws IOException {
    pending.lockAlone();
    try {
      if (closed) {
        return;
      }
      closed = true;
      if (!file.isReadOnly() && !broken) {
        commits.finish();
      }
    } finally {
      lock.writeLock().unlock();
      closeOthers();
      file.close();
    }
  }

  private void closeOthers() throws IOException {
    List<Closeable> all = new ArrayList<>();
    if (hasExternalData()) {
      all.add(dataFile);
    }
    if (backing != null) {
      all.add(backing);
    }
    for (Closeable c : all) {
      c.close();
    }
  }
}
