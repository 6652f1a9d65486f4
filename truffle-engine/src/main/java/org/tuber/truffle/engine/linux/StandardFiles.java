package org.tuber.truffle.engine.linux;

/** The descriptors a program starts with: this process's standard input, output and error. */
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
   */
  static FdTable table(boolean own, int limit) {
    FdTable table = new FdTable(limit);
    for (int fd = 0; fd < 3; fd++) {
      long copy = Host.call(Host.FCNTL, fd, F_DUPFD_CLOEXEC, LEAST);
      if (copy >= 0) {
        table.replace(fd, new OpenFile((int) copy), false);
      }
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
}
