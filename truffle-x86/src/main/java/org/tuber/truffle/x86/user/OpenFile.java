package org.tuber.truffle.x86.user;

/** An open file description: a host descriptor that guest descriptors and processes share. */
class OpenFile {
  final int hostFd;
  private int references;

  OpenFile(int hostFd) {
    this.hostFd = hostFd;
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
