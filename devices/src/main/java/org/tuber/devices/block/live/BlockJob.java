package org.tuber.devices.block.live;

import java.io.IOException;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ImageException;

/**
 * Work on a disk that goes on while the guest uses it, on a thread of its own. It can be paused,
 * slowed down and cancelled at any time.
 */
public abstract class BlockJob {
  private static final Logger LOG = LoggerFactory.getLogger(BlockJob.class);

  /** What kind of work. */
  public enum Type {
    /** A copy of the disk as it was when the job began. */
    BACKUP,
    /** A copy that follows the disk until it takes its place. */
    MIRROR,
    /** Merging overlays into an image below. */
    COMMIT,
    /** Merging images below into the top. */
    STREAM,
    /** Making an image, without a disk. */
    CREATE;

    /** The word users see. */
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Where a job is in its life. */
  public enum Status {
    /** Not started. */
    CREATED,
    /** At work. */
    RUNNING,
    /** Held by somebody, or by an error. */
    PAUSED,
    /** Copied, and keeps up with the guest. */
    READY,
    /** Held while ready. */
    STANDBY,
    /** Copied; about to change the graph. */
    WAITING,
    /** The same, and held until {@link BlockJob#finish} if it does not go on by itself. */
    PENDING,
    /** Undoing what it did, before its end. */
    ABORTING,
    /** Over, but not forgotten. */
    CONCLUDED,
    /** Forgotten. */
    NULL;

    /** The word users see. */
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** What somebody wants of a job. */
  public enum Verb {
    /** {@link BlockJob#cancel}. */
    CANCEL,
    /** {@link BlockJob#pause}. */
    PAUSE,
    /** {@link BlockJob#resume}. */
    RESUME,
    /** {@link BlockJob#setSpeed}. */
    SET_SPEED,
    /** {@link BlockJob#complete}. */
    COMPLETE,
    /** {@link BlockJob#finish}. */
    FINALIZE,
    /** {@link BlockJob#dismiss}. */
    DISMISS;

    /** The word users see. */
    public String word() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** True if a job in that state can do it. */
    public boolean isPossibleIn(Status status) {
      return switch (status) {
        case CREATED, RUNNING, PAUSED, STANDBY ->
            this == CANCEL || this == PAUSE || this == RESUME || this == SET_SPEED;
        case READY -> this != FINALIZE && this != DISMISS;
        case WAITING -> this == CANCEL;
        case PENDING -> this == CANCEL || this == FINALIZE;
        case CONCLUDED -> this == DISMISS;
        case ABORTING, NULL -> false;
      };
    }
  }

  /** What to do when reading or writing an image fails. */
  public enum OnError {
    /** The job ends with the error. */
    REPORT,
    /** The job tries again by itself. */
    IGNORE,
    /** The job waits if there is no space, else it ends. */
    ENOSPC,
    /** The job waits to be resumed and tries again. */
    STOP
  }

  /**
   * How a job behaves when things fail or end.
   *
   * @param onSourceError when reading fails
   * @param onTargetError when writing fails
   * @param autoFinalize changes the graph by itself when everything is copied
   * @param autoDismiss is forgotten by itself at its end
   */
  public record Manners(
      OnError onSourceError, OnError onTargetError, boolean autoFinalize, boolean autoDismiss) {
    /** Ends on errors and needs nobody. */
    public static final Manners USUAL = new Manners(OnError.REPORT, OnError.REPORT, true, true);

    /** The same on errors of both kinds. */
    public static Manners onError(OnError what) {
      return new Manners(what, what, true, true);
    }
  }

  /**
   * Something that failed in a job.
   *
   * @param write writing the target, not reading the source
   * @param action what follows: {@code report}, {@code ignore} or {@code stop}
   * @param noSpace the target is full
   */
  public record Fault(boolean write, OnError action, boolean noSpace) {}

  /**
   * A job at one moment.
   *
   * @param id name of the job
   * @param type kind of work
   * @param disk name of the disk, or an empty string
   * @param status where it is
   * @param doneBytes progress
   * @param totalBytes of this; may grow while the guest writes
   * @param speedBytesPerSecond limit, or 0
   * @param ready {@code complete} may be called
   * @param held somebody wants it to pause
   * @param manners how it behaves when things fail or end
   * @param fault what failed last and was not resolved, or null
   * @param error why it failed or waits, or null
   */
  public record Info(
      String id,
      Type type,
      String disk,
      Status status,
      long doneBytes,
      long totalBytes,
      long speedBytesPerSecond,
      boolean ready,
      boolean held,
      Manners manners,
      Fault fault,
      String error) {}

  /** The job has to end; no error. */
  static final class Cancelled extends IOException {
    private static final long serialVersionUID = 1L;

    Cancelled() {
      super("cancelled");
    }
  }

  private final String id;
  private final Type type;
  private final LiveDisk disk;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private JobListener listener = (event, job) -> {};
  private Runnable whenOver = () -> {};
  private Manners manners = Manners.USUAL;
  private Fault fault;
  private boolean finishWanted;
  private Thread thread;
  private Status status = Status.CREATED;
  private boolean pauseWanted;
  private boolean cancelWanted;
  private boolean softCancel;
  private boolean completeWanted;
  private boolean ready;
  private long doneBytes;
  private long totalBytes;
  private long speed;
  private long allowedAtNanos;
  private IOException error;

  BlockJob(String id, Type type, LiveDisk disk) {
    this.id = id;
    this.type = type;
    this.disk = disk;
  }

  /** Name of the job. */
  public final String id() {
    return id;
  }

  /** The image it writes, if that is not of the disk's chain; else null. */
  public BlockNode target() {
    return null;
  }

  /** The disk it works on; null: none. */
  public final LiveDisk disk() {
    return disk;
  }

  final void prepare(JobListener to, Runnable over) {
    listener = to;
    whenOver = over;
  }

  final void behave(Manners how) {
    manners = how;
  }

  /** How things are. */
  public final Info info() {
    lock.lock();
    try {
      return new Info(
          id,
          type,
          disk == null ? "" : disk.name(),
          status,
          doneBytes,
          Math.max(totalBytes, doneBytes),
          speed,
          ready,
          pauseWanted,
          manners,
          fault,
          error == null ? null : error.getMessage());
    } finally {
      lock.unlock();
    }
  }

  /** Takes hold of the disk; fails without having changed anything. Called before the thread. */
  abstract void begin() throws IOException;

  /** Does the work; calls {@link #checkpoint} often. */
  abstract void work() throws IOException;

  /** Changes the graph, after the work and when everybody agrees. */
  void conclude() throws IOException {}

  /**
   * Lets go of the disk.
   *
   * @param failure null after success
   */
  abstract void end(IOException failure) throws IOException;

  /** Takes hold of the disk. */
  final void take() throws IOException {
    count(1);
    try {
      begin();
    } catch (IOException | RuntimeException e) {
      count(-1);
      throw e;
    }
  }

  private void count(int change) {
    if (disk != null) {
      disk.countJob(change);
    }
  }

  /** Lets go of a disk that was taken; the job never starts. */
  final void abandon() {
    try {
      end(new Cancelled());
    } catch (IOException | RuntimeException e) {
      LOG.warn("job {}: {}", id, e.getMessage());
    }
    count(-1);
    whenOver.run();
  }

  /** Begins to work. */
  final void start() {
    thread = Thread.ofPlatform().daemon().name("block job " + id).unstarted(this::run);
    tell(JobListener.Event.STATUS);
    setStatus(Status.RUNNING);
    thread.start();
  }

  private void run() {
    IOException failure = null;
    try {
      work();
      awaitFinish();
      conclude();
    } catch (IOException e) {
      failure = e;
    } catch (RuntimeException | Error e) {
      LOG.error("job {} failed", id, e);
      failure = new IOException(e.toString(), e);
    }
    boolean cancelled = failure instanceof Cancelled;
    if (failure != null) {
      setStatus(Status.ABORTING);
    }
    try {
      end(failure);
    } catch (IOException | RuntimeException e) {
      LOG.warn("job {}: {}", id, e.getMessage());
      if (failure == null) {
        failure = e instanceof IOException io ? io : new IOException(e);
      }
    }
    count(-1);
    lock.lock();
    try {
      error = cancelled ? null : failure;
    } finally {
      lock.unlock();
    }
    if (manners.autoDismiss()) {
      whenOver.run();
    }
    tell(cancelled ? JobListener.Event.CANCELLED : JobListener.Event.COMPLETED);
    setStatus(Status.CONCLUDED);
    if (manners.autoDismiss()) {
      setStatus(Status.NULL);
    }
  }

  /** Goes on by itself, or when somebody wants it. */
  private void awaitFinish() throws IOException {
    setStatus(Status.WAITING);
    setStatus(Status.PENDING);
    if (manners.autoFinalize()) {
      return;
    }
    tell(JobListener.Event.PENDING);
    lock.lock();
    try {
      while (!finishWanted) {
        if (cancelWanted) {
          throw new Cancelled();
        }
        changed.await();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      lock.unlock();
    }
  }

  /** Lets a pending job change the graph and end. */
  public final void finish() {
    change(() -> finishWanted = true);
  }

  /** Forgets a concluded job. */
  public final void dismiss() {
    whenOver.run();
    setStatus(Status.NULL);
  }

  private boolean softCancelled() {
    lock.lock();
    try {
      return softCancel;
    } finally {
      lock.unlock();
    }
  }

  private void tell(JobListener.Event event) {
    try {
      listener.happened(event, info());
    } catch (RuntimeException e) {
      LOG.error("a listener of job {} failed", id, e);
    }
  }

  private void setStatus(Status s) {
    lock.lock();
    try {
      if (status == s) {
        return;
      }
      status = s;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    tell(JobListener.Event.STATUS);
  }

  // What users do.

  /** Holds the job at its next step. */
  public final void pause() {
    change(() -> pauseWanted = true);
  }

  /** Lets a held job go on. */
  public final void resume() {
    change(
        () -> {
          pauseWanted = false;
          error = null;
          fault = null;
        });
  }

  /** Limits the speed; 0 for none. */
  public final void setSpeed(long bytesPerSecond) {
    if (bytesPerSecond < 0) {
      throw new IllegalArgumentException("the speed must not be negative");
    }
    change(
        () -> {
          speed = bytesPerSecond;
          allowedAtNanos = System.nanoTime();
        });
  }

  /**
   * Ends the job. A mirror that is ready stops following the disk and leaves a complete copy of
   * this moment, unless {@code force} is given; any other job leaves what it has.
   */
  public final void cancel(boolean force) {
    change(
        () -> {
          if (!force && ready) {
            softCancel = true;
          } else {
            cancelWanted = true;
          }
          pauseWanted = false;
        });
  }

  /** Lets a ready job finish: the copy takes the place of the disk. */
  public final void complete() throws IOException {
    lock.lock();
    try {
      if (!ready) {
        throw new ImageException(id, "job", "is not ready to complete");
      }
    } finally {
      lock.unlock();
    }
    change(() -> completeWanted = true);
  }

  /** Waits for the end; throws what the job failed with. A cancelled job has not failed. */
  public final void await() throws IOException {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
    lock.lock();
    try {
      if (error != null) {
        throw error;
      }
    } finally {
      lock.unlock();
    }
  }

  /** Waits until the job is ready or over. */
  public final void awaitReady() throws IOException {
    lock.lock();
    try {
      while (!ready && status != Status.CONCLUDED && status != Status.NULL) {
        changed.await();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      lock.unlock();
    }
  }

  private void change(Runnable what) {
    lock.lock();
    try {
      what.run();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  // What the work uses.

  /** The place where a job is held, slowed down, or ended. Nothing of the disk may be held. */
  final void checkpoint() throws IOException {
    boolean held = false;
    while (true) {
      boolean hold;
      boolean isReady;
      lock.lock();
      try {
        if (cancelWanted) {
          throw new Cancelled();
        }
        hold = pauseWanted;
        isReady = ready;
        long waitNanos = speed == 0 ? 0 : allowedAtNanos - System.nanoTime();
        if (!hold && waitNanos > 0) {
          changed.awaitNanos(waitNanos);
          continue;
        }
        if (!hold && !held) {
          return;
        }
        if (hold && held) {
          changed.await();
          continue;
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      } finally {
        lock.unlock();
      }
      held = hold;
      Status free = isReady ? Status.READY : Status.RUNNING;
      setStatus(hold ? (isReady ? Status.STANDBY : Status.PAUSED) : free);
    }
  }

  /** Counts work done and lets it use up the speed limit. */
  final void advance(long bytes, boolean cost) {
    lock.lock();
    try {
      doneBytes += bytes;
      if (speed > 0 && cost) {
        long now = System.nanoTime();
        long from = allowedAtNanos - now > 0 ? allowedAtNanos : now;
        allowedAtNanos = from + (long) (bytes * 1e9 / speed);
      }
    } finally {
      lock.unlock();
    }
  }

  final void setTotal(long bytes) {
    lock.lock();
    try {
      totalBytes = bytes;
    } finally {
      lock.unlock();
    }
  }

  final void setDone(long bytes) {
    lock.lock();
    try {
      doneBytes = bytes;
    } finally {
      lock.unlock();
    }
  }

  final long doneBytes() {
    lock.lock();
    try {
      return doneBytes;
    } finally {
      lock.unlock();
    }
  }

  final void becomeReady() {
    lock.lock();
    try {
      if (ready) {
        return;
      }
      ready = true;
    } finally {
      lock.unlock();
    }
    setStatus(Status.READY);
    tell(JobListener.Event.READY);
  }

  final boolean isCompleteWanted() {
    lock.lock();
    try {
      return completeWanted || softCancel;
    } finally {
      lock.unlock();
    }
  }

  /** True if the copy is to be left behind instead of used. */
  final boolean isLeftBehind() {
    return softCancelled();
  }

  /** Sleeps until something changes, at most so long. */
  final void doze(long nanos) throws IOException {
    lock.lock();
    try {
      long left = nanos;
      while (left > 0 && !cancelWanted && !pauseWanted && !completeWanted && !softCancel) {
        left = changed.awaitNanos(left);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      lock.unlock();
    }
  }

  /** One step that can be tried again. */
  interface Step {
    void run() throws IOException;
  }

  /** Runs a step, again after an error if the job is to go on or to wait for help then. */
  final void step(Step s) throws IOException {
    while (true) {
      checkpoint();
      try {
        s.run();
        return;
      } catch (Cancelled e) {
        throw e;
      } catch (IOException e) {
        Fault f = judge(e);
        LOG.debug("job {}: {}: {}", id, f.action(), e.getMessage());
        change(
            () -> {
              fault = f;
              error = f.action() == OnError.STOP ? e : null;
              pauseWanted |= f.action() == OnError.STOP;
            });
        tell(JobListener.Event.ERROR);
        if (f.action() == OnError.REPORT) {
          throw e;
        }
        if (f.action() == OnError.IGNORE) {
          doze(DOZE_NANOS);
        }
      }
    }
  }

  private Fault judge(IOException e) {
    boolean write = e instanceof ChunkCopy.TargetException;
    String message = String.valueOf(e.getMessage());
    boolean noSpace = message.contains("No space left") || message.contains("quota exceeded");
    OnError wanted = write ? manners.onTargetError() : manners.onSourceError();
    if (wanted == OnError.ENOSPC) {
      wanted = noSpace ? OnError.STOP : OnError.REPORT;
    }
    return new Fault(write, wanted, noSpace);
  }

  /** How long a ready job sleeps when there is nothing to do. */
  static final long DOZE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
}
