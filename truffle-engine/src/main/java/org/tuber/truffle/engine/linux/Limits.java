package org.tuber.truffle.engine.linux;

import org.tuber.core.mem.GuestRam;

/**
 * Resource limits of a guest process. They begin as this process's and are kept here: lowering the
 * JVM's own would hit the JVM. Enforced are CPU time, the size of files, the stack, address space
 * and data, the number of descriptors and that of tasks.
 */
final class Limits {
  static final int COUNT = 16;
  static final int CPU = 0;
  static final int FSIZE = 1;
  static final int DATA = 2;
  static final int STACK = 3;
  static final int NPROC = 6;
  static final int NOFILE = 7;
  static final int AS = 9;
  private static final long DEFAULT_STACK_BYTES = 8L << 20;
  private static final long MAX_STACK_BYTES = 1L << 30;

  private final long[] soft = new long[COUNT];
  private final long[] hard = new long[COUNT];

  /** Those of the host process. */
  Limits() {
    long buffer = GuestRam.hostAllocate(16);
    for (int i = 0; i < COUNT; i++) {
      Host.call(Host.PRLIMIT64, 0, i, 0, buffer);
      soft[i] = GuestRam.hostLoad64(buffer);
      hard[i] = GuestRam.hostLoad64(buffer + 8);
    }
    GuestRam.hostFree(buffer);
    soft[NOFILE] = Files.SOFT;
    hard[NOFILE] = Files.HARD;
  }

  /** The number of descriptors as this process found it, before it took more for itself. */
  private static final class Files {
    /** Descriptors of the JVM's own. */
    private static final int OWN = 1024;

    static final long SOFT;
    static final long HARD;

    static {
      long buffer = GuestRam.hostAllocate(16);
      Host.call(Host.PRLIMIT64, 0, NOFILE, 0, buffer);
      HARD = GuestRam.hostLoad64(buffer + 8);
      // The JVM has raised the soft one for itself; our script says what it was.
      SOFT = Math.min(Long.getLong("tuber.user.files", GuestRam.hostLoad64(buffer)), HARD);
      raise(buffer);
      GuestRam.hostFree(buffer);
    }

    /**
     * All guests' descriptors are this process's, in addition to its own: it takes as many as it
     * may, and more where it has the privilege.
     */
    private static void raise(long buffer) {
      for (long more : new long[] {OWN, 0}) {
        GuestRam.hostStore64(buffer, HARD + more);
        GuestRam.hostStore64(buffer + 8, HARD + more);
        if (Host.call(Host.PRLIMIT64, 0, NOFILE, buffer, 0) == 0) {
          return;
        }
      }
    }
  }

  Limits(Limits other) {
    System.arraycopy(other.soft, 0, soft, 0, COUNT);
    System.arraycopy(other.hard, 0, hard, 0, COUNT);
  }

  synchronized long soft(int resource) {
    return soft[resource];
  }

  synchronized long hard(int resource) {
    return hard[resource];
  }

  synchronized void set(int resource, long newSoft, long newHard) {
    soft[resource] = newSoft;
    hard[resource] = newHard;
  }

  /** True for a limit that never holds anything up. */
  boolean isInfinite(int resource) {
    return soft(resource) < 0;
  }

  int openFiles() {
    return (int) Math.min(soft(NOFILE) & Long.MAX_VALUE, 1 << 20);
  }

  private static final String[] NAMES = {
    "cpu time/seconds",
    "file size/bytes",
    "data size/bytes",
    "stack size/bytes",
    "core file size/bytes",
    "resident set/bytes",
    "processes/processes",
    "open files/files",
    "locked memory/bytes",
    "address space/bytes",
    "file locks/locks",
    "pending signals/signals",
    "msgqueue size/bytes",
    "nice priority/",
    "realtime priority/",
    "realtime timeout/us"
  };

  /** The text of /proc/self/limits. */
  String describe() {
    StringBuilder text = new StringBuilder();
    text.append(row("Limit", "Soft Limit", "Hard Limit", "Units"));
    for (int i = 0; i < COUNT; i++) {
      String[] name = NAMES[i].split("/", -1);
      text.append(row("Max " + name[0], number(soft(i)), number(hard(i)), name[1]));
    }
    return text.toString();
  }

  private static String row(String name, String soft, String hard, String unit) {
    String padded = unit.isEmpty() ? "" : String.format("%-10s", unit);
    return String.format("%-25s %-20s %-20s %s%n", name, soft, hard, padded);
  }

  private static String number(long limit) {
    return limit == -1 ? "unlimited" : Long.toUnsignedString(limit);
  }

  /** Bytes the stack may grow to. */
  long stackBytes() {
    long limit = soft(STACK);
    return limit < 0 ? DEFAULT_STACK_BYTES * 8 : Math.min(limit, MAX_STACK_BYTES);
  }
}
