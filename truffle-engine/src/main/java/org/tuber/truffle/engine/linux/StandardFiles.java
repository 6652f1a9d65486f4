package org.tuber.truffle.engine.linux;

import java.util.List;

/**
 * The descriptors a program starts with: this process's standard input, output and error, and what
 * else it was started with.
 */
final class StandardFiles {
  private static final int F_DUPFD_CLOEXEC = 1030;
  private static final int DUP3 = 292;

  /** Out of the way of what the JVM opens. */
  private static final int LEAST = 64;

  private StandardFiles() {}

  /**
   * The table.
   *
   * @param own the JVM gives up its input and output, so that closing the guest's closes the pipe
   * @param inherited descriptors from 3 on, which the JVM gives up too
   */
  static FdTable table(boolean own, List<Integer> inherited, int limit) {
    FdTable table = new FdTable(limit);
    for (int fd = 0; fd < 3; fd++) {
      add(table, fd);
    }
    for (int fd : inherited) {
      if (fd < limit) {
        add(table, fd);
      }
      Host.close(fd);
    }
    if (own) {
      int none = Host.open("/dev/null", 2);
      if (none >= 0) {
        // Standard error stays: the JVM's own messages go there.
        Host.call(DUP3, none, 0, 0);
        Host.call(DUP3, none, 1, 0);
        Host.close(none);
      }
    }
    return table;
  }

  private static void add(FdTable table, int fd) {
    long copy = Host.call(Host.FCNTL, fd, F_DUPFD_CLOEXEC, LEAST);
    if (copy >= 0) {
      table.replace(fd, new OpenFile((int) copy), false);
    }
  }
}
