package org.tuber.devices.block.live;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.mem.RamPieces;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.DirtyBitmap;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.ImageInfo;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.Preallocation;
import org.tuber.devices.block.ops.ChainStatus;
import org.tuber.devices.block.qcow2.Qcow2Image;

/**
 * A disk of a running machine. The device model sees one node; behind it the chain of images may
 * change between two requests.
 *
 * <p>Requests hold the graph for reading; whoever changes the graph holds it for writing and thus
 * waits for requests on the way and delays new ones. Without observers that is all a request costs.
 * With observers (bitmaps, jobs) changes of the same range come one at a time, so that a job may
 * look at a range, copy it, and be sure that nothing came between.
 */
public final class LiveDisk implements BlockNode {
  private static final Logger LOG = LoggerFactory.getLogger(LiveDisk.class);

  /** 256 MiB of memory. */
  private static final long MAX_BITMAP_BITS = 1L << 31;

  private volatile String name;
  private final OpenOptions options;
  private final ReentrantReadWriteLock graph = new ReentrantReadWriteLock();
  private final RangeLocks ranges = new RangeLocks();
  private final Map<String, RecordedBitmap> bitmaps = new LinkedHashMap<>();
  private final DiskStats stats = new DiskStats();
  private final List<Runnable> sizeListeners = new ArrayList<>();
  private volatile BlockNode top;
  private volatile Throttle throttle;
  private volatile CopyOnRead copyOnRead;
  private volatile WriteObserver[] observers = {};
  private long unit = 1;
  private String graphJob;
  private int jobs;

  /**
   * Takes over a node.
   *
   * @param name what the user calls the disk
   * @param options how images that come later are opened: cache mode, secrets
   */
  public LiveDisk(String name, BlockNode node, OpenOptions options) {
    this.name = name;
    this.top = node;
    this.options = options;
  }

  /** A bitmap that hears of changes. */
  private record RecordedBitmap(DirtyBitmap bitmap) implements WriteObserver {
    @Override
    public void afterChange(long offset, long length) {
      bitmap.record(offset, length);
    }
  }

  /** What the user calls the disk. */
  public String name() {
    return name;
  }

  void rename(String newName) {
    name = newName;
  }

  /** The image on top of the chain; may be another one at the next call. */
  public BlockNode top() {
    return top;
  }

  /** How images that come later are opened: cache mode, secrets. */
  public OpenOptions options() {
    return options;
  }

  /** Lets a request begin, now or when the limits allow it. */
  public void admit(boolean write, long bytes, Runnable go) {
    Throttle t = throttle;
    if (t == null) {
      go.run();
    } else {
      t.admit(write, bytes, go);
    }
  }

  /** Other limits, shared or not; null: none. What waits for old ones of its own goes on. */
  void setThrottle(Throttle t) {
    Throttle old = throttle;
    if (old == t) {
      return;
    }
    if (t != null) {
      t.join();
    }
    throttle = t;
    if (old != null && old.leave() == 0) {
      old.setLimits(ThrottleLimits.NONE);
    }
  }

  /** How much of the disk the guest may use. */
  public ThrottleLimits limits() {
    Throttle t = throttle;
    return t == null ? ThrottleLimits.NONE : t.limits();
  }

  /** Keeps what is read from images below in the top image, from now on. */
  public void copyOnRead() throws IOException {
    CopyOnRead c = new CopyOnRead(this);
    drained(
        () -> {
          observe(c);
          copyOnRead = c;
        });
  }

  /** What the device has done so far. */
  public DiskStats stats() {
    return stats;
  }

  RangeLocks ranges() {
    return ranges;
  }

  /** Something done to the graph. */
  @FunctionalInterface
  public interface GraphChange {
    /** Does it. */
    void run() throws IOException;
  }

  /** Runs a change while no request to any of the disks is on the way. */
  public static void drained(List<LiveDisk> disks, GraphChange change) throws IOException {
    // One at a time: each holds several disks.
    synchronized (LiveDisk.class) {
      drained(disks, 0, change);
    }
  }

  private static void drained(List<LiveDisk> disks, int i, GraphChange change) throws IOException {
    if (i == disks.size()) {
      change.run();
    } else {
      disks.get(i).drained(() -> drained(disks, i + 1, change));
    }
  }

  /** Runs a change while no request is on the way. */
  void drained(GraphChange change) throws IOException {
    graph.writeLock().lock();
    try {
      change.run();
    } finally {
      graph.writeLock().unlock();
    }
  }

  /** Keeps the graph as it is while a job looks at it. */
  void steady(GraphChange work) throws IOException {
    graph.readLock().lock();
    try {
      work.run();
    } finally {
      graph.readLock().unlock();
    }
  }

  /** Holding the graph for writing. */
  void observe(WriteObserver o) {
    List<WriteObserver> all = new ArrayList<>(List.of(observers));
    all.add(o);
    setObservers(all);
  }

  /** Holding the graph for writing. */
  void ignore(WriteObserver o) {
    List<WriteObserver> all = new ArrayList<>(List.of(observers));
    all.remove(o);
    setObservers(all);
  }

  private void setObservers(List<WriteObserver> all) {
    long largest = 1;
    for (WriteObserver o : all) {
      largest = Math.max(largest, o.unitBytes());
    }
    unit = largest;
    observers = all.toArray(WriteObserver[]::new);
  }

  /** Puts another image on top; the graph is held for writing. The old one is the caller's. */
  BlockNode exchange(BlockNode fresh) {
    BlockNode old = top;
    top = fresh;
    return old;
  }

  /** Reserves the chain for one job that will change it. */
  synchronized void reserveGraph(String job) throws ImageException {
    if (graphJob != null) {
      throw new ImageException(name, "job", "'" + graphJob + "' is working on this disk");
    }
    graphJob = job;
  }

  synchronized void releaseGraph() {
    graphJob = null;
  }

  synchronized void countJob(int change) {
    jobs += change;
  }

  private synchronized void requireNoGraphJob() throws ImageException {
    if (graphJob != null) {
      throw new ImageException(name, "job", "'" + graphJob + "' is working on this disk");
    }
  }

  @Override
  public synchronized void onResize(Runnable listener) {
    sizeListeners.add(listener);
  }

  // Bitmaps.

  /** Begins to record changes. */
  public DirtyBitmap addBitmap(String bitmapName, int granularityBytes) throws IOException {
    if (Integer.bitCount(granularityBytes) != 1 || granularityBytes < 512) {
      throw new ImageException(
          name, "granularity", "must be a power of two of at least 512, not " + granularityBytes);
    }
    if (lengthBytes() / granularityBytes > MAX_BITMAP_BITS) {
      throw new ImageException(name, "granularity", "too fine for a disk of this size");
    }
    DirtyBitmap b = new DirtyBitmap(bitmapName, lengthBytes(), granularityBytes);
    addBitmap(b);
    return b;
  }

  /** Lets a bitmap hear of changes from now on. */
  @Override
  public void addBitmap(DirtyBitmap b) throws IOException {
    RecordedBitmap recorded = new RecordedBitmap(b);
    drained(
        () -> {
          if (b.isPersistent()) {
            top.addBitmap(b);
            return;
          }
          if (bitmaps.putIfAbsent(b.name(), recorded) != null) {
            throw new ImageException(name, "bitmap", "'" + b.name() + "' exists already");
          }
          observe(recorded);
        });
  }

  /** Forgets a bitmap. */
  @Override
  public void removeBitmap(String bitmapName) throws IOException {
    idleBitmap(bitmapName);
    drained(
        () -> {
          if (bitmaps.containsKey(bitmapName)) {
            ignore(bitmaps.remove(bitmapName));
          } else {
            top.removeBitmap(bitmapName);
          }
        });
  }

  /** Unmarks everything in a bitmap. */
  public void clearBitmap(String bitmapName) throws IOException {
    DirtyBitmap b = idleBitmap(bitmapName);
    drained(b::clear);
  }

  private DirtyBitmap idleBitmap(String bitmapName) throws IOException {
    DirtyBitmap b = bitmap(bitmapName);
    if (b.isBusy()) {
      throw new ImageException(name, "bitmap", "'" + bitmapName + "' is in use by a job");
    }
    return b;
  }

  /** The bitmap of that name. */
  public DirtyBitmap bitmap(String bitmapName) throws IOException {
    for (DirtyBitmap b : bitmaps()) {
      if (b.name().equals(bitmapName)) {
        return b;
      }
    }
    throw new ImageException(name, "bitmap", "there is no '" + bitmapName + "'");
  }

  /** Those that live in the top image. */
  private List<DirtyBitmap> storedBitmaps() {
    try {
      return top.bitmaps();
    } catch (IOException e) {
      LOG.warn("{}: {}", name, e.getMessage());
      return List.of();
    }
  }

  /** All bitmaps: those in memory, then those of the top image, oldest first. */
  @Override
  public List<DirtyBitmap> bitmaps() {
    graph.readLock().lock();
    try {
      List<DirtyBitmap> all = new ArrayList<>();
      bitmaps.values().forEach(b -> all.add(b.bitmap));
      all.addAll(storedBitmaps());
      return all;
    } finally {
      graph.readLock().unlock();
    }
  }

  // Changes of the graph that need no job.

  /**
   * Puts a new, empty overlay over the disk: what the disk holds now stays in the present image,
   * which is written no more ({@code blockdev-snapshot-sync}).
   */
  public void snapshotTo(String file, String format) throws IOException {
    snapshotTo(List.of(new Overlay(this, file, format, true)));
  }

  /**
   * One overlay to be.
   *
   * @param disk the disk that gets it
   * @param file image file
   * @param format its format
   * @param create make the image; otherwise it is there, empty and of the right size
   */
  public record Overlay(LiveDisk disk, String file, String format, boolean create) {}

  /** Makes and opens an overlay that does not show anything below yet. */
  public BlockNode openOverlay(String file, String format, boolean create) throws IOException {
    return openOverlay(new Overlay(this, file, format, create));
  }

  /** Puts an open image over the disk; {@link #takeOff} undoes it. */
  public void putOn(BlockNode overlay) throws IOException {
    requireNoGraphJob();
    drained(
        () -> {
          if (!isReadOnly()) {
            top.flush();
          }
          overlay.attachBacking(top);
          exchange(overlay);
        });
  }

  /** Records in an image of the chain another name of its backing file. */
  public void recordBacking(BlockNode image, String file, String format) throws IOException {
    drained(() -> Chains.recordBacking(this, image, file, format));
  }

  /** Takes the top image off again and gives it back, open. */
  public BlockNode takeOff() throws IOException {
    BlockNode[] old = new BlockNode[1];
    drained(
        () -> {
          BlockNode below = top.attachBacking(null);
          old[0] = exchange(below);
        });
    return old[0];
  }

  /** The same for several disks at one moment: all get their overlay or none does. */
  public static void snapshotTo(List<Overlay> overlays) throws IOException {
    List<BlockNode> fresh = new ArrayList<>();
    boolean done = false;
    try {
      for (Overlay o : overlays) {
        o.disk.requireNoGraphJob();
        fresh.add(o.disk.openOverlay(o));
      }
      // One at a time: each holds several disks.
      synchronized (LiveDisk.class) {
        swapAll(overlays, fresh, 0);
      }
      done = true;
    } finally {
      if (!done) {
        for (BlockNode n : fresh) {
          n.close();
        }
      }
    }
  }

  private static void swapAll(List<Overlay> overlays, List<BlockNode> fresh, int i)
      throws IOException {
    if (i == overlays.size()) {
      for (Overlay o : overlays) {
        if (!o.disk.isReadOnly()) {
          o.disk.top.flush();
        }
      }
      // Nothing below here fails.
      for (int k = 0; k < i; k++) {
        LiveDisk d = overlays.get(k).disk;
        fresh.get(k).attachBacking(d.top);
        d.exchange(fresh.get(k));
      }
      return;
    }
    overlays.get(i).disk.drained(() -> swapAll(overlays, fresh, i + 1));
  }

  private BlockNode openOverlay(Overlay o) throws IOException {
    BlockNode now = top;
    if (o.create) {
      CreateOptions create =
          CreateOptions.of(o.file, now.lengthBytes())
              .with("backing_file", Images.absolute(now.filename()))
              .with("backing_fmt", now.formatName());
      ImageFormats.byName(o.file, o.format).create(create);
    }
    BlockNode n =
        Images.open(o.file, options.withFormat(o.format).withWritable(true).withOpenBacking(false));
    if (!n.canChangeBacking() || n.lengthBytes() != now.lengthBytes()) {
      n.close();
      throw new ImageException(o.file, "overlay", "has another size, or cannot be an overlay");
    }
    return n;
  }

  /** Merges the top image into the one below and empties it; the guest waits. */
  public void commitTop() throws IOException {
    requireNoGraphJob();
    drained(
        () -> {
          BlockNode below = top.backing();
          if (below == null) {
            throw new ImageException(name, "commit", "Operation not supported");
          }
          BlockNode target = Chains.openWritable(this, below);
          try {
            if (target.lengthBytes() < top.lengthBytes()) {
              target.resize(top.lengthBytes(), Preallocation.OFF);
            }
            ChunkCopy copier = new ChunkCopy();
            for (long at = 0; at < top.lengthBytes(); ) {
              ChainStatus.Extent e =
                  ChainStatus.at(top, below, at, Math.min(top.lengthBytes() - at, 1L << 30));
              if (e.node() != null) {
                copier.copy(top, target, at, e.length(), false);
              }
              at += e.length();
            }
            target.flush();
          } finally {
            if (target != below) {
              target.close();
            }
          }
          BlockNode fresh =
              target == below
                  ? below
                  : Images.open(
                      below.filename(), options.withFormat(below.formatName()).withWritable(false));
          if (fresh != below) {
            top.attachBacking(fresh).close();
          }
          top.makeEmpty();
        });
  }

  /** Takes an internal snapshot of the disk alone. */
  public void createInternalSnapshot(String snapshotName, long dateSeconds, int dateNanos)
      throws IOException {
    drained(
        () -> {
          Qcow2Image q = internal();
          q.flush();
          q.snapshotTable().create(snapshotName, dateSeconds, dateNanos);
        });
  }

  /** Makes the disk what it was; the guest must not be running. */
  public void applyInternalSnapshot(String idOrName) throws IOException {
    requireNoGraphJob();
    drained(
        () -> {
          internal().snapshotTable().apply(idOrName);
          for (DirtyBitmap b : bitmaps()) {
            b.record(0, lengthBytes());
          }
        });
  }

  /** Deletes an internal snapshot. */
  public void deleteInternalSnapshot(String idOrName) throws IOException {
    drained(() -> internal().snapshotTable().delete(idOrName));
  }

  private Qcow2Image internal() throws ImageException {
    if (top instanceof Qcow2Image q && !q.isReadOnly()) {
      return q;
    }
    throw new ImageException(
        top.filename(), "snapshot", "a " + top.formatName() + " disk has no internal snapshots");
  }

  @Override
  public void resize(long newLength, Preallocation preallocation) throws IOException {
    synchronized (this) {
      if (jobs > 0) {
        throw new ImageException(name, "size", "a job is working on this disk");
      }
    }
    drained(
        () -> {
          top.resize(newLength, preallocation);
          for (DirtyBitmap b : bitmaps()) {
            b.resize(newLength);
          }
        });
    List<Runnable> listeners;
    synchronized (this) {
      listeners = List.copyOf(sizeListeners);
    }
    listeners.forEach(Runnable::run);
  }

  // The device's side.

  /** One request that changes something. */
  private interface Change {
    void run(BlockNode node) throws IOException;
  }

  private void change(DiskStats.Kind kind, long offset, long length, Change c) throws IOException {
    long start = System.nanoTime();
    boolean good = false;
    try {
      changeNow(offset, length, c);
      good = true;
    } finally {
      stats.account(kind, offset, length, System.nanoTime() - start, good);
    }
  }

  private void changeNow(long offset, long length, Change c) throws IOException {
    graph.readLock().lock();
    try {
      WriteObserver[] all = observers;
      if (all.length == 0 || length == 0) {
        c.run(top);
        return;
      }
      requireInside(offset, length);
      try (RangeLocks.Held _ = ranges.acquire(offset & -unit, offset + length + unit - 1 & -unit)) {
        for (WriteObserver o : all) {
          o.beforeChange(offset, length);
        }
        try {
          c.run(top);
        } finally {
          for (WriteObserver o : all) {
            o.afterChange(offset, length);
          }
        }
      }
    } finally {
      graph.readLock().unlock();
    }
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    long start = System.nanoTime();
    int length = target.remaining();
    boolean good = false;
    graph.readLock().lock();
    try {
      CopyOnRead c = copyOnRead;
      if (c != null && length > 0) {
        requireInside(offset, length);
        c.pull(offset, length);
      }
      top.read(offset, target);
      good = true;
    } finally {
      graph.readLock().unlock();
      stats.account(DiskStats.Kind.READ, offset, length, System.nanoTime() - start, good);
    }
  }

  @Override
  public boolean readAtOnce(long offset, RamPieces target) {
    // Whoever changes the graph may take long; throttled requests wait their turn.
    if (throttle != null || copyOnRead != null || !graph.readLock().tryLock()) {
      return false;
    }
    long start = System.nanoTime();
    boolean good = false;
    try {
      good = top.readAtOnce(offset, target);
      return good;
    } finally {
      graph.readLock().unlock();
      if (good) {
        long nanos = System.nanoTime() - start;
        stats.account(DiskStats.Kind.READ, offset, target.bytes(), nanos, true);
      }
    }
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    change(DiskStats.Kind.WRITE, offset, source.remaining(), n -> n.write(offset, source));
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    change(DiskStats.Kind.WRITE, offset, length, n -> n.writeZeroes(offset, length, unmap));
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    change(DiskStats.Kind.UNMAP, offset, length, n -> n.discard(offset, length));
  }

  @Override
  public void flush() throws IOException {
    long start = System.nanoTime();
    boolean good = false;
    graph.readLock().lock();
    try {
      top.flush();
      good = true;
    } finally {
      graph.readLock().unlock();
      stats.account(DiskStats.Kind.FLUSH, 0, 0, System.nanoTime() - start, good);
    }
  }

  @Override
  public BlockStatus status(long offset, long length) throws IOException {
    graph.readLock().lock();
    try {
      return top.status(offset, length);
    } finally {
      graph.readLock().unlock();
    }
  }

  @Override
  public String formatName() {
    return top.formatName();
  }

  @Override
  public String filename() {
    return top.filename();
  }

  @Override
  public long lengthBytes() {
    return top.lengthBytes();
  }

  @Override
  public boolean isReadOnly() {
    return top.isReadOnly();
  }

  @Override
  public int clusterBytes() {
    return top.clusterBytes();
  }

  @Override
  public BlockNode backing() {
    return top.backing();
  }

  @Override
  public List<ImageFile> files() {
    return top.files();
  }

  @Override
  public List<ImageInfo.SnapshotInfo> snapshots() throws IOException {
    return top.snapshots();
  }

  @Override
  public String backingName() {
    return top.backingName();
  }

  @Override
  public String backingFormat() {
    return top.backingFormat();
  }

  @Override
  public boolean isEncrypted() {
    return top.isEncrypted();
  }

  @Override
  public boolean isDirty() {
    return top.isDirty();
  }

  @Override
  public ImageInfo.Specific specificInfo() {
    return top.specificInfo();
  }

  @Override
  public void close() throws IOException {
    drained(() -> top.close());
  }
}
