package org.tuber.devices.block.live;

/** Hears what becomes of jobs. Called by a job's thread; must not wait for a job. */
@FunctionalInterface
public interface JobListener {
  /** What happened. */
  enum Event {
    /** The status is another one than before. */
    STATUS,
    /** Everything is copied; {@link BlockJob#complete} may be called. */
    READY,
    /** Something failed; the fault in the information tells what follows. */
    ERROR,
    /** Everything is copied; the job waits for {@link BlockJob#finish}. */
    PENDING,
    /** The end, by itself or by {@code complete}; the error in the information tells how. */
    COMPLETED,
    /** The end, because somebody wanted it. */
    CANCELLED
  }

  /** Something happened to a job. */
  void happened(Event event, BlockJob.Info job);
}
