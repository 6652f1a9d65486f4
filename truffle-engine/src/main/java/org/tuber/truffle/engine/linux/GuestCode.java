package org.tuber.truffle.engine.linux;

import org.tuber.truffle.engine.CodeMap;

/** The files behind a process's code, for profiles. */
final class GuestCode implements CodeMap {
  private final GuestThread thread;

  GuestCode(GuestThread thread) {
    this.thread = thread;
  }

  @Override
  public Range at(long address) {
    return thread.memory.range(address);
  }

  @Override
  public Object space() {
    return thread.memory;
  }

  @Override
  public String program() {
    String path = thread.process.executable;
    return path.substring(path.lastIndexOf('/') + 1);
  }
}
