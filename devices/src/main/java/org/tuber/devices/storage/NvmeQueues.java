package org.tuber.devices.storage;

import org.tuber.core.mem.DmaView;

/**
 * Submission and completion queues of an NVMe controller as rings in guest memory (NVM Express 1.4,
 * 4.1). Queue 0 is the admin queue. Nothing here decides; the controller asks and tells.
 */
final class NvmeQueues {
  /** Queue pairs, the admin one included. */
  static final int MAX = 17;

  /** Bytes of a submission entry. */
  static final int COMMAND_BYTES = 64;

  private static final int COMPLETION_BYTES = 16;

  /**
   * One ring; {@code entries} 0 means that there is none.
   *
   * @param base guest address
   * @param entries length
   * @param head next entry to consume
   * @param tail next entry to fill
   * @param link a submission queue's completion queue, a completion queue's interrupt vector
   * @param phase phase tag of the next completion
   * @param interrupts a completion queue raises interrupts
   */
  record Ring(
      long base, int entries, int head, int tail, int link, boolean phase, boolean interrupts) {}

  static final class Queue {
    private long base;
    private int entries;
    private int head;
    private int tail;
    private int link;
    private boolean phase = true;
    private boolean interrupts;

    boolean exists() {
      return entries != 0;
    }

    void create(long newBase, int newEntries, int newLink, boolean newInterrupts) {
      base = newBase;
      entries = newEntries;
      head = 0;
      tail = 0;
      link = newLink;
      phase = true;
      interrupts = newInterrupts;
    }

    void delete() {
      create(0, 0, 0, false);
    }

    int link() {
      return link;
    }

    int head() {
      return head;
    }

    boolean interrupts() {
      return interrupts;
    }

    boolean isEmpty() {
      return head == tail;
    }

    boolean isFull() {
      return (tail + 1) % entries == head;
    }

    /** A doorbell: false when the value is not in the ring. */
    boolean setTail(int value) {
      if (value >= entries) {
        return false;
      }
      tail = value;
      return true;
    }

    /** A doorbell: false when the value is not in the ring. */
    boolean setHead(int value) {
      if (value >= entries) {
        return false;
      }
      head = value;
      return true;
    }

    /** Takes the next command out. */
    void take(DmaView memory, byte[] command) {
      memory.read(base + (long) head * COMMAND_BYTES, command, 0, COMMAND_BYTES);
      head = (head + 1) % entries;
    }

    /** Puts a completion in. */
    void put(DmaView memory, int result, int submissionHead, int submission, int id, int status) {
      long at = base + (long) tail * COMPLETION_BYTES;
      memory.writeValue(at, result & 0xffff_ffffL, 8);
      memory.writeValue(at + 8, submissionHead | submission << 16, 4);
      memory.writeValue(at + 12, id | (phase ? 1 << 16 : 0) | status << 17, 4);
      tail = (tail + 1) % entries;
      if (tail == 0) {
        phase = !phase;
      }
    }

    Ring save() {
      return new Ring(base, entries, head, tail, link, phase, interrupts);
    }

    static void check(Ring r, int links) {
      boolean none = r.entries == 0 && r.head == 0 && r.tail == 0;
      boolean some =
          r.entries >= 2
              && r.entries <= 0x1_0000
              && r.head >= 0
              && r.head < r.entries
              && r.tail >= 0
              && r.tail < r.entries;
      if (!none && !some || r.link < 0 || r.link >= links) {
        throw new IllegalArgumentException("queues: a ring is out of range");
      }
    }

    void load(Ring r) {
      create(r.base, r.entries, r.link, r.interrupts);
      head = r.head;
      tail = r.tail;
      phase = r.phase;
    }
  }

  private NvmeQueues() {}

  static Queue[] none() {
    Queue[] queues = new Queue[MAX];
    for (int i = 0; i < MAX; i++) {
      queues[i] = new Queue();
    }
    return queues;
  }
}
