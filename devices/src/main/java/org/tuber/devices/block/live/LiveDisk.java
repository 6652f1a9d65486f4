package org.tuber.devices.block.live;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.ImageInfo;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.Preallocation;
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
  /** 256 MiB of memory. */
  private static final long MAX_BITMAP_BITS = 1L << 31;

  private volatile String name;
  private final OpenOptions options;
  private final ReentrantReadWriteLock graph = new ReentrantReadWriteLock();
  private final RangeLocks ranges = new RangeLocks();
  private final Map<String, DirtyBitmap> bitmaps = new LinkedHashMap<>();
  private final List<Runnable> sizeListeners = new ArrayList<>();
  private volatile BlockNode top;
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

  OpenOptions options() {
    return options;
  }

  RangeLocks ranges() {
    return ranges;
  }

  /** Something done to the graph. */
  interface GraphChange {
    void run() throws IOException;
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

  /** Hears after the disk's length has changed. */
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
    drained(
        () -> {
          if (bitmaps.containsKey(bitmapName)) {
            throw new ImageException(name, "bitmap", "'" + bitmapName + "' exists already");
          }
          bitmaps.put(bitmapName, b);
          observe(b);
        });
    return b;
  }

  /** Forgets a bitmap. */
  public void removeBitmap(String bitmapName) throws IOException {
    DirtyBitmap b = idleBitmap(bitmapName);
    drained(
        () -> {
          bitmaps.remove(bitmapName);
          ignore(b);
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

  /** All bitmaps, oldest first. */
  public List<DirtyBitmap> bitmaps() {
    graph.readLock().lock();
    try {
      return List.copyOf(bitmaps.values());
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
              .with("backing_file", absolute(now.filename()))
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

  static String absolute(String file) {
    return Images.hasProtocol(file) || file.startsWith("/")
        ? file
        : java.nio.file.Path.of(file).toAbsolutePath().toString();
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
          for (DirtyBitmap b : bitmaps.values()) {
            b.afterChange(0, lengthBytes());
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
          for (DirtyBitmap b : bitmaps.values()) {
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

  private void change(long offset, long length, Change c) throws IOException {
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
    graph.readLock().lock();
    try {
      top.read(offset, target);
    } finally {
      graph.readLock().unlock();
    }
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    change(offset, source.remaining(), n -> n.write(offset, source));
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    change(offset, length, n -> n.writeZeroes(offset, length, unmap));
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    change(offset, length, n -> n.discard(offset, length));
  }

  @Override
  public void flush() throws IOException {
    graph.readLock().lock();
    try {
      top.flush();
    } finally {
      graph.readLock().unlock();
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
  public List<ImageInfo.SnapshotInfo> snapshots() {
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
