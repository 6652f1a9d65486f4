package org.tuber.truffle.engine.linux;

/**
 * An open directory {@code /proc/PID} of a guest process: what a pidfd was before there were any.
 */
final class ProcessFolder extends OpenFile {
  final GuestProcess process;

  ProcessFolder(int hostFd, GuestProcess process) {
    super(hostFd);
    this.process = process;
  }
}
