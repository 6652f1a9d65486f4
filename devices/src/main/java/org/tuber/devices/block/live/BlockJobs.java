package org.tuber.devices.block.live;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.DirtyBitmap;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageObjects;
import org.tuber.devices.block.Preallocation;

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
  private final Map<String, Throttle> throttles = new LinkedHashMap<>();
  private final BlockNodes nodes = new BlockNodes(this);
  private final List<JobListener> listeners = new CopyOnWriteArrayList<>();
  private final DiskExports exports = new DiskExports();
  private final ImageObjects objects;

  /** Of a machine without passphrases and credentials. */
  public BlockJobs() {
    this(new ImageObjects());
  }

  /** Of a machine with these passphrases and credentials. */
  public BlockJobs(ImageObjects objects) {
    this.objects = objects;
  }

  /** Passphrases and credentials for images. */
  public ImageObjects objects() {
    return objects;
  }

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

  /** The images on offer to NBD clients. */
  public DiskExports exports() {
    return exports;
  }

  /** The images by their node names. */
  public BlockNodes nodes() {
    return nodes;
  }

  /** Limits what the guest may use of a disk, or of all disks of one group together. */
  public void setLimits(LiveDisk disk, ThrottleLimits limits) throws ImageException {
    limits.checked(disk.name());
    Throttle t;
    synchronized (throttles) {
      if (limits.isEmpty()) {
        t = null;
      } else {
        String group = limits.group() == null ? disk.name() : limits.group();
        t = throttles.computeIfAbsent(group, g -> new Throttle());
      }
    }
    if (t != null) {
      t.setLimits(limits);
    }
    disk.setThrottle(t);
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
   * @param keepTarget the target stays open at the end
   * @param speedBytesPerSecond limit, or 0
   * @param manners what to do when copying fails, and at the end
   */
  public record Backup(
      String id,
      LiveDisk disk,
      BlockNode target,
      boolean freshTarget,
      BackupSync sync,
      DirtyBitmap bitmap,
      BitmapUse bitmapUse,
      boolean keepTarget,
      long speedBytesPerSecond,
      BlockJob.Manners manners) {
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
          false,
          0,
          BlockJob.Manners.USUAL);
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
          false,
          0,
          BlockJob.Manners.USUAL);
    }
  }

  /** Starts a backup. */
  public BlockJob backup(Backup b) throws IOException {
    return launch(takeBackup(b));
  }

  /** Prepares a backup of this moment; {@link #launch} or {@link #abandon} it. */
  public BlockJob takeBackup(Backup b) throws IOException {
    return take(
        new BackupJob(
            id(b.id, b.disk),
            b.disk,
            b.target,
            b.freshTarget && b.target.backing() == null && b.target.startsZeroed(),
            b.sync,
            b.bitmap,
            b.bitmapUse,
            b.keepTarget),
        b.speedBytesPerSecond,
        b.manners);
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
   * @param keepTarget the target stays open at the end
   * @param speedBytesPerSecond limit, or 0
   * @param manners what to do when copying fails, and at the end
   */
  public record Mirror(
      String id,
      LiveDisk disk,
      BlockNode target,
      boolean freshTarget,
      BackupSync sync,
      boolean writeThrough,
      boolean keepTarget,
      long speedBytesPerSecond,
      BlockJob.Manners manners) {
    /** Everything, to a fresh target. */
    public static Mirror full(LiveDisk disk, BlockNode target) {
      return new Mirror(
          null, disk, target, true, BackupSync.FULL, false, false, 0, BlockJob.Manners.USUAL);
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
            m.writeThrough,
            m.keepTarget),
        m.speedBytesPerSecond,
        m.manners);
  }

  /**
   * How to merge images into one below.
   *
   * @param id name of the job; null takes the disk's
   * @param disk whose chain
   * @param from highest image to merge; null is the top, whose job becomes ready and has to be
   *     completed
   * @param base image that takes the content; null is the lowest
   * @param baseName how the image above shall name the base; null chooses
   * @param speedBytesPerSecond limit, or 0
   * @param manners what to do when copying fails, and at the end
   */
  public record Commit(
      String id,
      LiveDisk disk,
      BlockNode from,
      BlockNode base,
      String baseName,
      long speedBytesPerSecond,
      BlockJob.Manners manners) {}

  /** Starts to merge images given by file name. */
  public BlockJob commit(String id, LiveDisk disk, String from, String base, long speed)
      throws IOException {
    return commit(
        new Commit(
            id,
            disk,
            from == null ? null : Chains.find(disk, from),
            base == null ? null : Chains.find(disk, base),
            null,
            speed,
            BlockJob.Manners.USUAL));
  }

  /** Starts to merge images into one below. */
  public BlockJob commit(Commit c) throws IOException {
    BlockNode top = c.disk.top();
    BlockNode first = c.from == null ? top : c.from;
    BlockNode last = c.base == null ? first : c.base;
    while (c.base == null && last.backing() != null) {
      last = last.backing();
    }
    if (first == last) {
      throw new ImageException(first.filename(), "base", "there is nothing below to merge into");
    }
    Chains.above(first, last);
    String name = id(c.id, c.disk);
    if (first != top) {
      return start(
          new CommitJob(name, c.disk, first, last, c.baseName), c.speedBytesPerSecond, c.manners);
    }
    BlockNode target = Chains.openWritable(c.disk, last);
    try {
      if (target.lengthBytes() < top.lengthBytes()) {
        target.resize(top.lengthBytes(), Preallocation.OFF);
      }
      return start(
          new MirrorJob(
              name,
              BlockJob.Type.COMMIT,
              c.disk,
              target,
              BackupSync.TOP,
              last,
              false,
              false,
              false),
          c.speedBytesPerSecond,
          c.manners);
    } catch (IOException e) {
      if (target != last) {
        target.close();
      }
      throw e;
    }
  }

  /**
   * How to copy what images below provide into the top image.
   *
   * @param id name of the job; null takes the disk's
   * @param disk whose chain
   * @param base image that stays below; null for none
   * @param baseName how the top image shall name it; null chooses
   * @param speedBytesPerSecond limit, or 0
   * @param manners what to do when copying fails, and at the end
   */
  public record Stream(
      String id,
      LiveDisk disk,
      BlockNode base,
      String baseName,
      long speedBytesPerSecond,
      BlockJob.Manners manners) {}

  /** Starts to copy down to an image given by file name. */
  public BlockJob stream(String id, LiveDisk disk, String base, String baseName, long speed)
      throws IOException {
    BlockNode below = base == null ? null : Chains.find(disk, base);
    return stream(new Stream(id, disk, below, baseName, speed, BlockJob.Manners.USUAL));
  }

  /** Starts to copy what images below provide into the top image. */
  public BlockJob stream(Stream s) throws IOException {
    return start(
        new StreamJob(id(s.id, s.disk), s.disk, s.base, s.baseName),
        s.speedBytesPerSecond,
        s.manners);
  }

  /** What makes an image. */
  @FunctionalInterface
  public interface Making {
    /** Makes it. */
    void make() throws IOException;
  }

  /** Starts to make an image; the job stays until it is dismissed. */
  public BlockJob create(String id, Making making) throws IOException {
    BlockJob.OnError report = BlockJob.OnError.REPORT;
    return start(new CreateJob(id, making), 0, new BlockJob.Manners(report, report, true, false));
  }

  private static String id(String id, LiveDisk disk) {
    return id == null ? disk.name() : id;
  }

  private BlockJob start(BlockJob job, long speed, BlockJob.Manners manners) throws IOException {
    return launch(take(job, speed, manners));
  }

  private BlockJob take(BlockJob job, long speed, BlockJob.Manners manners) throws IOException {
    synchronized (this) {
      if (jobs.putIfAbsent(job.id(), job) != null) {
        throw new ImageException(job.id(), "job", "there is one of this name already");
      }
    }
    job.behave(manners);
    job.setSpeed(speed);
    job.prepare(this::tell, () -> forget(job));
    try {
      job.take();
    } catch (IOException | RuntimeException e) {
      forget(job);
      throw e;
    }
    return job;
  }

  /** When one of these jobs fails or is cancelled, the others are cancelled. */
  public void group(List<BlockJob> together) {
    List<BlockJob> all = List.copyOf(together);
    JobListener[] self = new JobListener[1];
    self[0] =
        (event, info) -> {
          boolean over =
              event == JobListener.Event.CANCELLED || event == JobListener.Event.COMPLETED;
          if (!over || all.stream().noneMatch(j -> j.id().equals(info.id()))) {
            return;
          }
          listeners.remove(self[0]);
          if (event == JobListener.Event.CANCELLED || info.error() != null) {
            all.forEach(j -> j.cancel(true));
          } else {
            listeners.add(self[0]);
          }
        };
    listeners.add(self[0]);
  }

  /** Lets a prepared job begin. */
  public BlockJob launch(BlockJob job) {
    job.start();
    return job;
  }

  /** Undoes the preparation of a job. */
  public void abandon(BlockJob job) {
    job.abandon();
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
    if (exports.isRunning()) {
      exports.stop();
    }
    List<BlockJob> all = new ArrayList<>(jobs());
    for (BlockJob j : all) {
      j.cancel(true);
    }
    for (BlockJob j : all) {
      if (j.info().status() != BlockJob.Status.CONCLUDED) {
        j.await();
      }
    }
    nodes.closeAll();
  }
}
