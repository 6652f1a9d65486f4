package org.tuber.core.time;

import java.util.Arrays;

/**
 * The armed timers of one clock, earliest first: a binary heap whose places the timers themselves
 * remember, so that re-arming, the most frequent operation of a guest, allocates and searches
 * nothing. Timers with the same deadline come out in the order they were armed. Used under the
 * device lock.
 */
public final class TimerQueue {
  private Timer[] heap = new Timer[32];
  private long[] deadlines = new long[32];
  private long[] orders = new long[32];
  private int size;
  private long nextOrder;

  /** Puts {@code timer} in, or moves it to a new deadline. */
  public void schedule(Timer timer, long deadlineNanos) {
    int i = timer.queueIndex;
    if (i < 0) {
      if (size == heap.length) {
        heap = Arrays.copyOf(heap, 2 * size);
        deadlines = Arrays.copyOf(deadlines, 2 * size);
        orders = Arrays.copyOf(orders, 2 * size);
      }
      i = size++;
      place(i, timer, deadlineNanos, nextOrder++);
      siftUp(i);
      return;
    }
    boolean earlier = deadlineNanos < deadlines[i];
    place(i, timer, deadlineNanos, nextOrder++);
    if (earlier) {
      siftUp(i);
    } else {
      siftDown(i);
    }
  }

  /** Takes {@code timer} out; harmless when it is not in. */
  public void cancel(Timer timer) {
    int i = timer.queueIndex;
    if (i < 0) {
      return;
    }
    timer.queueIndex = -1;
    size--;
    if (i == size) {
      heap[size] = null;
      return;
    }
    Timer moved = heap[size];
    place(i, moved, deadlines[size], orders[size]);
    heap[size] = null;
    siftUp(i);
    siftDown(moved.queueIndex);
  }

  /** The earliest deadline, or {@link Timer#NEVER}. */
  public long nextDeadlineNanos() {
    return size == 0 ? Timer.NEVER : deadlines[0];
  }

  /** Takes out the earliest timer when it is due at {@code nowNanos}, else gives null. */
  public Timer pollDue(long nowNanos) {
    if (size == 0 || deadlines[0] > nowNanos) {
      return null;
    }
    Timer first = heap[0];
    cancel(first);
    return first;
  }

  /** Number of armed timers. */
  public int size() {
    return size;
  }

  private boolean before(int i, int j) {
    return deadlines[i] != deadlines[j] ? deadlines[i] < deadlines[j] : orders[i] < orders[j];
  }

  private void place(int i, Timer timer, long deadlineNanos, long order) {
    heap[i] = timer;
    deadlines[i] = deadlineNanos;
    orders[i] = order;
    timer.queueIndex = i;
  }

  private void swap(int i, int j) {
    Timer timer = heap[i];
    long deadline = deadlines[i];
    long order = orders[i];
    place(i, heap[j], deadlines[j], orders[j]);
    place(j, timer, deadline, order);
  }

  private void siftUp(int start) {
    int i = start;
    while (i > 0) {
      int parent = (i - 1) >>> 1;
      if (!before(i, parent)) {
        return;
      }
      swap(i, parent);
      i = parent;
    }
  }

  private void siftDown(int start) {
    int i = start;
    while (true) {
      int child = 2 * i + 1;
      if (child >= size) {
        return;
      }
      if (child + 1 < size && before(child + 1, child)) {
        child++;
      }
      if (!before(child, i)) {
        return;
      }
      swap(i, child);
      i = child;
    }
  }
}
