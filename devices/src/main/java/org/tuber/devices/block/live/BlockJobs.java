package org.tuber.devices.block.live;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ImageException;

/**
 * The disks of a machine and the jobs working on them. A monitor's commands map onto these calls
 * one to one; what happens later is told to listeners.
 *
 * <p>A job that is over is forgotten before its last event, so that its name is free then. An image
 * given to a job as target belongs to the job, unless starting it fails.
 */
public final class BlockJobs implements AutoCloseable {
  private final Map<String, LiveDisk> disks = new LinkedHashMap<>();
  private final Map<String, BlockJob> jobs = new LinkedHashMap<>();
  private final List<JobListener> listeners = new CopyOnWriteArrayList<>();

  /** Makes a disk known by its name. */
  public synchronized void add(LiveDisk disk) throws ImageException {
    if (disks.putIfAbsent(disk.name(), disk) != null) {
      throw new ImageException(disk.name(), "disk", "there are two of this name");
    }
  }

  /** True if there is a disk of that name. */
  public synchronized boolean isKnown(String name) {
    return disks.containsKey(name);
  }

  /** Gives a disk another name; before any job uses it. */
  public synchronized void rename(LiveDisk disk, String name) throws ImageException {
    if (disk.name().equals(name)) {
      return;
    }
    if (disks.putIfAbsent(name, disk) != null) {
      throw new ImageException(name, "disk", "there are two of this name");
    }
    disks.remove(disk.name());
    disk.rename(name);
  }

  /** Forgets a disk. */
  public synchronized void remove(String name) {
    disks.remove(name);
  }

  /** The disk of that name. */
  public synchronized LiveDisk disk(String name) throws ImageException {
    LiveDisk d = disks.get(name);
    if (d == null) {
      throw new ImageException(name, "device", "there is no such disk");
    }
    return d;
  }

  /** All disks. */
  public synchronized List<LiveDisk> disks() {
    return List.copyOf(disks.values());
  }

  /** Hears of all jobs from now on. */
  public void addListener(JobListener listener) {
    listeners.add(listener);
  }

  /** The job of that id; by custom that is the name of its disk if nobody chose another. */
  public synchronized BlockJob job(String id) throws ImageException {
    BlockJob j = jobs.get(id);
    if (j == null) {
      throw new ImageException(id, "job", "there is no such job");
    }
    return j;
  }

  /** All jobs that are not over. */
  public synchronized List<BlockJob> jobs() {
    return List.copyOf(jobs.values());
  }

  /**
   * How to make a backup.
   *
   * @param id name of the job; null takes the disk's
   * @param disk what to copy
   * @param target where to; as long as the disk
   * @param freshTarget the target reads as zero all over, so zeros need not be written
   * @param sync which parts
   * @param bitmap guides an incremental backup; else null
   * @param bitmapUse what becomes of the bitmap's marks
   * @param speedBytesPerSecond limit, or 0
   * @param onError what to do when copying fails
   */
  public record Backup(
      String id,
      LiveDisk disk,
      BlockNode target,
      boolean freshTarget,
      BackupSync sync,
      DirtyBitmap bitmap,
      BitmapUse bitmapUse,
      long speedBytesPerSecond,
      BlockJob.OnError onError) {
    /** Everything, to a fresh target. */
    public static Backup full(LiveDisk disk, BlockNode target) {
      return new Backup(
          null,
          disk,
          target,
          true,
          BackupSync.FULL,
          null,
          BitmapUse.ON_SUCCESS,
          0,
          BlockJob.OnError.REPORT);
    }

    /** What a bitmap marks, to an image over the previous backup. */
    public static Backup incremental(LiveDisk disk, BlockNode target, DirtyBitmap bitmap) {
      return new Backup(
          null,
          disk,
          target,
          false,
          BackupSync.INCREMENTAL,
          bitmap,
          BitmapUse.ON_SUCCESS,
          0,
          BlockJob.OnError.REPORT);
    }
  }

  /** Starts a backup. */
  public BlockJob backup(Backup b) throws IOException {
    return start(
        new BackupJob(
            id(b.id, b.disk),
            b.disk,
            b.target,
            b.freshTarget && b.target.backing() == null && b.target.startsZeroed(),
            b.sync,
            b.bitmap,
            b.bitmapUse),
        b.speedBytesPerSecond,
        b.onError);
  }

  /**
   * How to mirror.
   *
   * @param id name of the job; null takes the disk's
   * @param disk what to copy
   * @param target where to; as long as the disk
   * @param freshTarget the target reads as zero all over
   * @param sync which parts; not incremental
   * @param writeThrough once ready, guest writes complete only when they are in both places
   * @param speedBytesPerSecond limit, or 0
   * @param onError what to do when copying fails
   */
  public record Mirror(
      String id,
      LiveDisk disk,
      BlockNode target,
      boolean freshTarget,
      BackupSync sync,
      boolean writeThrough,
      long speedBytesPerSecond,
      BlockJob.OnError onError) {
    /** Everything, to a fresh target. */
    public static Mirror full(LiveDisk disk, BlockNode target) {
      return new Mirror(
          null, disk, target, true, BackupSync.FULL, false, 0, BlockJob.OnError.REPORT);
    }
  }

  /** Starts a mirror. */
  public BlockJob mirror(Mirror m) throws IOException {
    if (m.sync.usesBitmap()) {
      throw new ImageException(m.disk.name(), "sync", "a mirror cannot be incremental");
    }
    return start(
        new MirrorJob(
            id(m.id, m.disk),
            BlockJob.Type.MIRROR,
            m.disk,
            m.target,
            m.sync,
            null,
            m.freshTarget && m.target.backing() == null && m.target.startsZeroed(),
            m.writeThrough),
        m.speedBytesPerSecond,
        m.onError);
  }

  /**
   * Starts to merge images into one below.
   *
   * @param id name of the job; null takes the disk's
   * @param from file name of the highest image to merge; null is the top, whose job becomes ready
   *     and has to be completed
   * @param base file name of the image that takes the content; null is the lowest
   */
  public BlockJob commit(String id, LiveDisk disk, String from, String base, long speed)
      throws IOException {
    BlockNode top = disk.top();
    BlockNode first = from == null ? top : Chains.find(disk, from);
    BlockNode last = base == null ? first : Chains.find(disk, base);
    while (base == null && last.backing() != null) {
      last = last.backing();
    }
    if (first == last) {
      throw new ImageException(first.filename(), "base", "there is nothing below to merge into");
    }
    Chains.above(first, last);
    String name = id(id, disk);
    if (first != top) {
      return start(new CommitJob(name, disk, first, last), speed, BlockJob.OnError.REPORT);
    }
    BlockNode target = Chains.openWritable(disk, last);
    try {
      if (target.lengthBytes() < top.lengthBytes()) {
        target.resize(top.lengthBytes(), org.tuber.devices.block.Preallocation.OFF);
      }
      return start(
          new MirrorJob(
              name, BlockJob.Type.COMMIT, disk, target, BackupSync.TOP, last, false, false),
          speed,
          BlockJob.OnError.REPORT);
    } catch (IOException e) {
      if (target != last) {
        target.close();
      }
      throw e;
    }
  }

  /**
   * Starts to copy what images below provide into the top image.
   *
   * @param id name of the job; null takes the disk's
   * @param base file name of the image that stays below; null for none
   * @param baseName how the top image shall name it; null chooses
   */
  public BlockJob stream(String id, LiveDisk disk, String base, String baseName, long speed)
      throws IOException {
    BlockNode below = base == null ? null : Chains.find(disk, base);
    return start(
        new StreamJob(id(id, disk), disk, below, baseName), speed, BlockJob.OnError.REPORT);
  }

  private static String id(String id, LiveDisk disk) {
    return id == null ? disk.name() : id;
  }

  private BlockJob start(BlockJob job, long speed, BlockJob.OnError onError) throws IOException {
    synchronized (this) {
      if (jobs.putIfAbsent(job.id(), job) != null) {
        throw new ImageException(job.id(), "job", "there is one of this name already");
      }
    }
    job.onError(onError).setSpeed(speed);
    job.prepare(this::tell, () -> forget(job));
    try {
      job.start();
    } catch (IOException | RuntimeException e) {
      forget(job);
      throw e;
    }
    return job;
  }

  private synchronized void forget(BlockJob job) {
    jobs.remove(job.id());
  }

  private void tell(JobListener.Event event, BlockJob.Info job) {
    for (JobListener l : listeners) {
      l.happened(event, job);
    }
  }

  /** Cancels all jobs and waits for their end; the disks stay open. */
  @Override
  public void close() throws IOException {
    List<BlockJob> all = new ArrayList<>(jobs());
    for (BlockJob j : all) {
      j.cancel(true);
    }
    for (BlockJob j : all) {
      j.await();
    }
  }
}
