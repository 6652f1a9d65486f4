package org.tuber.truffle.engine.linux;

/**
 * A signalfd. The host's would report the JVM's signals; so this is an eventfd that is readable
 * while a signal of the set is pending, and reads are answered here.
 */
final class SignalFile extends OpenFile {
  private static final int BYTES = 128;
  private static final int O_NONBLOCK = 0x800;

  private final GuestProcess process;
  volatile long set;

  SignalFile(GuestProcess process, int flags, long set) {
    super((int) Host.must("eventfd", Host.call(Host.EVENTFD2, 0, flags | 0x80000)));
    this.process = process;
    this.set = set;
  }

  GuestProcess process() {
    return process;
  }

  /** Makes the host's descriptor readable, or not, as signals are pending. */
  void update(boolean readable) {
    long buffer = org.tuber.core.mem.GuestRam.hostAllocate(8);
    try {
      Host.call(Host.FCNTL, hostFd, 4, O_NONBLOCK | Host.call(Host.FCNTL, hostFd, 3, 0));
      if (readable) {
        org.tuber.core.mem.GuestRam.hostStore64(buffer, 1);
        Host.call(Host.WRITE, hostFd, buffer, 8);
      } else {
        Host.call(Host.READ, hostFd, buffer, 8);
      }
    } finally {
      org.tuber.core.mem.GuestRam.hostFree(buffer);
    }
  }

  long read(GuestThread t, long at, long n) {
    int room = (int) Math.min(n / BYTES, 16);
    if (room == 0) {
      return -Errno.EINVAL;
    }
    UserSystem system = t.process.system;
    int count = 0;
    synchronized (system) {
      while (true) {
        SignalInfo info = Signals.take(t, set);
        if (info != null) {
          t.memory.write(t, at + (long) count * BYTES, describe(info), 0, BYTES);
          if (++count == room) {
            break;
          }
          continue;
        }
        if (count > 0) {
          break;
        }
        update(false);
        if (nonBlocking) {
          return -Errno.EAGAIN;
        }
        t.await(set);
        if (t.hasWork()) {
          t.await(0);
          return -Errno.ERESTARTSYS;
        }
        system.await(0);
        t.await(0);
      }
    }
    if ((Signals.pendingSet(t) & set) == 0) {
      update(false);
    }
    return (long) count * BYTES;
  }

  /** As the guest asked for it; the host's descriptor never blocks. */
  boolean nonBlocking;

  /** struct signalfd_siginfo. */
  private static byte[] describe(SignalInfo i) {
    var b = java.nio.ByteBuffer.allocate(BYTES).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    b.putInt(0, i.number()).putInt(8, i.code()).putInt(12, i.pid()).putInt(16, i.uid());
    b.putInt(40, i.status());
    boolean queued = i.code() == SignalInfo.SI_QUEUE || i.code() == SignalInfo.SI_TIMER;
    if (queued) {
      b.putInt(44, (int) i.address());
    }
    b.putLong(queued ? 48 : 72, i.address());
    return b.array();
  }
}
