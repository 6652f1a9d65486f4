package org.tuber.truffle.engine.linux;

/** An open file description: a host descriptor that guest descriptors and processes share. */
class OpenFile {
  final int hostFd;
  private int references;

  /** A directory whose positions i386 sees the upper half of. */
  volatile boolean hashedPositions;

  /** {@link #terminal}, or -1: not looked at yet. */
  private int terminal = -1;

  OpenFile(int hostFd) {
    this.hostFd = hostFd;
  }

  /** Device number of the terminal it is; 0 for other files. */
  final int terminal() {
    if (terminal < 0) {
      terminal = Terminals.device(hostFd);
    }
    return terminal;
  }

  final synchronized OpenFile retain() {
    references++;
    return this;
  }

  final void drop() {
    boolean last;
    synchronized (this) {
      last = --references == 0;
    }
    if (last) {
      closed();
    }
  }

  /** The program is about to do something with it. */
  void used() {}

  /** The last descriptor went. */
  void closed() {
    Host.close(hostFd);
  }
}
