package org.tuber.devices.block.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.CheckReport;
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
public final class Qcow2Image implements BlockNode {
  private static final Logger LOG = LoggerFactory.getLogger(Qcow2Image.class);

  private final ImageFile file;
  private final OpenOptions options;
  private final Qcow2Header header;
  private final TableCache cache;
  private Refcounts refcounts;
  private ClusterMap map;
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private final PackedClusters packed;
  private final Snapshots snapshots;
  private final MetadataGuard guard = new MetadataGuard();
  private DiskCipher cipher;
  private ImageFile dataFile;
  private volatile BlockNode backing;
  private boolean dirtyMarked;
  private boolean writeStarted;
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
  }

  /** Everything that opening needs beyond the header: other files, keys, repair. */
  void finishOpening() throws IOException {
    try {
      snapshots.load();
      guard.rebuild(this);
      openDataFile();
      cipher = DiskCipher.forQcow2(file, header.cryptMethod, cryptoHeader(), options);
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

  byte[] cryptoHeader() throws ImageException {
    byte[] ext = header.extension(Qcow2Header.EXT_CRYPTO);
    if (ext != null && ext.length != 16) {
      throw new ImageException(filename(), "encryption extension", "has not 16 bytes");
    }
    return ext;
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

  ReentrantReadWriteLock lock() {
    return lock;
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

  /** Called once before tables change: features that promise something about them are adjusted. */
  void beginChanges() throws IOException {
    if (!writeStarted) {
      writeStarted = true;
      // Bitmaps are not updated here: by the format's rule, clearing the bit tells others so.
      long keep = header.hasDataFile() ? Qcow2Header.AUTOCLEAR_DATA_FILE_RAW : 0;
      if ((header.autoclear & ~keep) != 0) {
        header.autoclear &= keep;
        writeHeader();
      }
    }
    if (isLazy() && !dirtyMarked) {
      dirtyMarked = true;
      header.incompatible |= Qcow2Header.INCOMPAT_DIRTY;
      writeHeader();
      file.flush();
    }
  }

  private boolean isLazy() {
    return (header.compatible & Qcow2Header.COMPAT_LAZY_REFCOUNTS) != 0;
  }

  /** Marks the image as being changed in a way that a crash would leave to repair. */
  void markInProgress() throws IOException {
    if (header.version >= 3 && !dirtyMarked) {
      header.incompatible |= Qcow2Header.INCOMPAT_DIRTY;
      writeHeader();
      file.flush();
    }
  }

  /** Undoes {@link #markInProgress}. */
  void clearInProgress() throws IOException {
    if (header.version >= 3 && !dirtyMarked) {
      file.flush();
      header.incompatible &= ~Qcow2Header.INCOMPAT_DIRTY;
      writeHeader();
    }
  }

  /** Writes all changed tables, in safe order; under the write lock. */
  void commit() throws IOException {
    boolean tables = cache.hasDirty(TableCache.Kind.L2) || map.isL1Dirty();
    if (isLazy() && dirtyMarked && !closing) {
      // The dirty bit stands for the counts: only tables and data have to be there.
      if (tables) {
        syncData();
        map.writeL1();
        cache.write(TableCache.Kind.L2);
        file.flush();
      }
      refcounts.applyReleases();
      if (cache.isCrowded() && refcounts.writeBlocks()) {
        refcounts.writeTable();
      }
      return;
    }
    boolean newBlocks = refcounts.writeBlocks();
    if (tables || newBlocks || refcounts.hasDeferred()) {
      syncData();
    }
    if (newBlocks) {
      refcounts.writeTable();
      file.flush();
    }
    if (tables) {
      cache.write(TableCache.Kind.L2);
      map.writeL1();
      file.flush();
    }
    if (refcounts.hasDeferred()) {
      refcounts.applyReleases();
      if (refcounts.writeBlocks()) {
        file.flush();
        refcounts.writeTable();
      }
    }
  }

  private boolean closing;

  private void syncData() throws IOException {
    if (hasExternalData()) {
      dataFile.flush();
    }
    long end = refcounts.fileEnd();
    if (file.size() < end) {
      file.setSize(end);
    }
    file.flush();
  }

  private void commitIfCrowded() throws IOException {
    if (cache.isCrowded() || refcounts.isDeferredCrowded()) {
      commit();
    }
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    requireInside(offset, target.remaining());
    lock.readLock().lock();
    try {
      readLocked(offset, target);
    } finally {
      lock.readLock().unlock();
    }
  }

  /** Reads with either lock held; bytes past the end of the disk are zeros. */
  void readLocked(long offset, ByteBuffer target) throws IOException {
    ClusterMap.Run run = new ClusterMap.Run();
    int end = target.limit();
    long at = offset;
    while (target.hasRemaining()) {
      if (at >= length) {
        Bytes.zeroFill(target);
        return;
      }
      map.lookup(at, Math.min(target.remaining(), length - at), run);
      target.limit(target.position() + (int) run.length);
      switch (run.kind) {
        case ClusterMap.DATA -> readData(at, run.host, target);
        case ClusterMap.PACKED -> packed.read(at, run.host, target);
        case ClusterMap.ZEROS -> Bytes.zeroFill(target);
        default -> readBacking(at, target);
      }
      at += run.length;
      target.limit(end);
    }
  }

  private void readBacking(long offset, ByteBuffer target) throws IOException {
    long there = backing == null ? 0 : backing.lengthBytes() - offset;
    if (there > 0) {
      int end = target.limit();
      if (there < target.remaining()) {
        target.limit(target.position() + (int) there);
      }
      backing.read(offset, target);
      target.limit(end);
    }
    Bytes.zeroFill(target);
  }

  private void requireKey() throws ImageException {
    if (cipher == null && isEncrypted()) {
      throw new ImageException(
          filename(), "encrypt.key-secret", "the image was opened without key");
    }
  }

  private void readData(long guest, long host, ByteBuffer target) throws IOException {
    requireKey();
    if (cipher == null) {
      dataFile.read(host, target);
    } else {
      cipher.read(dataFile, cipher.usesHostOffset() ? host : guest, host, target);
    }
  }

  /** Writes data to its host place; the source is consumed. */
  void writeData(long guest, long host, ByteBuffer source) throws IOException {
    requireKey();
    if (!hasExternalData() && guard.overlaps(host, source.remaining(), header)) {
      throw corrupt("l2_entry", "cluster at " + host + " overlaps the image's own tables");
    }
    if (cipher == null) {
      dataFile.write(host, source);
    } else {
      cipher.write(dataFile, cipher.usesHostOffset() ? host : guest, host, source);
    }
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    requireInside(offset, source.remaining());
    requireWritable();
    if (isEncrypted() && ((offset | source.remaining()) & 511) != 0) {
      writeUnalignedEncrypted(offset, source);
      return;
    }
    ClusterMap.Run run = new ClusterMap.Run();
    long at = offset;
    while (source.hasRemaining()) {
      int n = overwrite(at, source, run);
      if (n == 0) {
        n = allocatingWrite(at, source);
      }
      at += n;
    }
    if (options.cache().isWriteThrough()) {
      flush();
    }
  }

  private void writeUnalignedEncrypted(long offset, ByteBuffer source) throws IOException {
    long start = offset & -512L;
    long end = Math.min(length, offset + source.remaining() + 511 & -512L);
    ByteBuffer whole = ByteBuffer.allocateDirect((int) (end - start));
    read(start, whole);
    whole.position((int) (offset - start));
    whole.put(source);
    write(start, whole.clear());
  }

  private int overwrite(long offset, ByteBuffer source, ClusterMap.Run run) throws IOException {
    lock.readLock().lock();
    try {
      if (!writeStarted) {
        return 0;
      }
      map.lookup(offset, source.remaining(), run);
      if (run.kind != ClusterMap.DATA || !run.own) {
        return 0;
      }
      int end = source.limit();
      source.limit(source.position() + (int) run.length);
      writeData(offset, run.host, source);
      source.limit(end);
      return (int) run.length;
    } finally {
      lock.readLock().unlock();
    }
  }

  private int allocatingWrite(long offset, ByteBuffer source) throws IOException {
    lock.writeLock().lock();
    try {
      requireWritable();
      beginChanges();
      int n = new ClusterWriter(this).write(offset, source);
      commitIfCrowded();
      return n;
    } finally {
      lock.writeLock().unlock();
    }
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
    lock.writeLock().lock();
    try {
      requireWritable();
      beginChanges();
      new ClusterWriter(this).writePacked(offset, compressed);
      commitIfCrowded();
    } finally {
      lock.writeLock().unlock();
    }
  }

  /** Changes format options of the image. */
  public void amend(Map<String, String> changes, Progress progress) throws IOException {
    lock.writeLock().lock();
    try {
      new Qcow2Amend(this).run(changes, progress);
    } finally {
      lock.writeLock().unlock();
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
      writeHeader();
      dirtyMarked = false;
    }
  }

  /** Replaces zero flags, which version 2 does not know, by what reads the same. */
  void expandZeros(Progress progress) throws IOException {
    ClusterMap.Run run = new ClusterMap.Run();
    long at = 0;
    while (at < length) {
      map.lookup(at, length - at, run);
      long n = run.length;
      if (run.kind == ClusterMap.ZEROS && backing == null && header.backingName == null) {
        zeroOrDiscard(at, n, ClusterEraser.Mode.DROP);
      } else if (run.kind == ClusterMap.ZEROS) {
        n = Math.min(n, 1 << 20);
        ByteBuffer zeros = ByteBuffer.allocateDirect((int) n);
        while (zeros.hasRemaining()) {
          new ClusterWriter(this).write(at + zeros.position(), zeros);
        }
      }
      at += n;
      progress.report(at, length);
    }
    commit();
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
    zeroOrDiscard(0, length, ClusterEraser.Mode.DROP);
    flush();
  }

  @Override
  public void writeZeroes(long offset, long bytes, boolean unmap) throws IOException {
    requireInside(offset, bytes);
    requireWritable();
    if (isEncrypted() && ((offset | bytes) & 511) != 0) {
      // Parts of sectors cannot be zeroed in the tables, nor written without their neighbours.
      long head = Math.min(bytes, -offset & 511);
      long tail = offset + bytes & 511;
      write(offset, ByteBuffer.allocate((int) head));
      if (head < bytes) {
        writeZeroes(offset + head, bytes - head - tail, unmap);
        write(offset + bytes - tail, ByteBuffer.allocate((int) tail));
      }
      return;
    }
    zeroOrDiscard(offset, bytes, unmap ? ClusterEraser.Mode.ZERO_UNMAP : ClusterEraser.Mode.ZERO);
    if (options.cache().isWriteThrough()) {
      flush();
    }
  }

  @Override
  public void discard(long offset, long bytes) throws IOException {
    requireInside(offset, bytes);
    requireWritable();
    if (options.discard()) {
      zeroOrDiscard(offset, bytes, ClusterEraser.Mode.DISCARD);
    }
  }

  void zeroOrDiscard(long offset, long bytes, ClusterEraser.Mode mode) throws IOException {
    long at = offset;
    long end = offset + bytes;
    while (at < end) {
      lock.writeLock().lock();
      try {
        beginChanges();
        at += new ClusterEraser(this).erase(at, end - at, mode);
        commitIfCrowded();
      } finally {
        lock.writeLock().unlock();
      }
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
        commit();
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
    requireInside(offset, bytes);
    lock.readLock().lock();
    try {
      ClusterMap.Run run = new ClusterMap.Run();
      map.lookup(offset, bytes, run);
      int kind = run.kind;
      long n = run.length;
      long host = kind == ClusterMap.DATA ? run.host : -1;
      while (n < bytes) {
        map.lookup(offset + n, bytes - n, run);
        if (run.kind != kind || kind == ClusterMap.DATA && run.host != host + n) {
          break;
        }
        n += run.length;
      }
      BlockStatus.Kind k =
          switch (kind) {
            case ClusterMap.DATA, ClusterMap.PACKED -> BlockStatus.Kind.DATA;
            case ClusterMap.ZEROS -> BlockStatus.Kind.ZERO;
            default -> BlockStatus.Kind.UNALLOCATED;
          };
      long plain = isEncrypted() ? -1 : host;
      return new BlockStatus(offset, n, k, plain, kind == ClusterMap.PACKED);
    } finally {
      lock.readLock().unlock();
    }
  }

  @Override
  public void resize(long newLength, Preallocation preallocation) throws IOException {
    requireWritable();
    new Qcow2Resize(this).resize(newLength, preallocation);
  }

  void setLength(long bytes) {
    length = bytes;
    header.sizeBytes = bytes;
  }

  @Override
  public void changeBacking(String name, String format) throws IOException {
    requireWritable();
    lock.writeLock().lock();
    try {
      header.backingName = name == null || name.isEmpty() ? null : name;
      header.setExtension(
          Qcow2Header.EXT_BACKING_FORMAT,
          format == null || header.backingName == null
              ? null
              : format.getBytes(java.nio.charset.StandardCharsets.UTF_8));
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
    lock.writeLock().lock();
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
    ImageInfo.Specific s = ImageInfo.Specific.ofType("qcow2");
    s.with("compat", header.version >= 3 ? "1.1" : "0.10");
    s.with("compression-type", header.compressionType == ClusterCodec.ZSTD ? "zstd" : "zlib");
    if (header.version >= 3) {
      s.with("lazy-refcounts", isLazy());
    }
    s.with("refcount-bits", 1 << header.refcountOrder);
    if (header.version >= 3) {
      s.with("corrupt", (header.incompatible & Qcow2Header.INCOMPAT_CORRUPT) != 0);
    }
    if (header.hasDataFile()) {
      s.with("data-file", header.dataFileName());
      s.with("data-file-raw", (header.autoclear & Qcow2Header.AUTOCLEAR_DATA_FILE_RAW) != 0);
    }
    if (header.version >= 3) {
      s.with("extended-l2", header.hasExtendedL2());
    }
    return s;
  }

  @Override
  public void close() throws IOException {
    lock.writeLock().lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      if (!file.isReadOnly() && !broken) {
        closing = true;
        commit();
        if (refcounts.fileEnd() > file.size()) {
          file.setSize(refcounts.fileEnd());
        }
        if (dirtyMarked) {
          file.flush();
          header.incompatible &= ~Qcow2Header.INCOMPAT_DIRTY;
          writeHeader();
        }
      }
    } finally {
      lock.writeLock().unlock();
      closeOthers();
      file.close();
    }
  }

  private void closeOthers() throws IOException {
    List<java.io.Closeable> all = new ArrayList<>();
    if (hasExternalData()) {
      all.add(dataFile);
    }
    if (backing != null) {
      all.add(backing);
    }
    for (java.io.Closeable c : all) {
      c.close();
    }
  }
}
