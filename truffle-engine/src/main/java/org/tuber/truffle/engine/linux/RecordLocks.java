package org.tuber.truffle.engine.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.tuber.core.mem.GuestRam;

/**
 * Record locks of fcntl(2), which belong to whoever has the table of descriptors, for one such
 * table. To the host all guest processes are one, so each table opens a locked file once more and
 * locks by that open file description (F_OFD_SETLK): against the host's processes and other tables,
 * and until any descriptor of the file is closed here.
 *
 * <p>Deviation: processes that wait for each other wait for ever (no EDEADLK).
 */
final class RecordLocks {
  private static final int F_GETFL = 3;
  private static final int F_OFD_GETLK = 36;
  private static final int F_OFD_SETLK = 37;
  private static final int O_RDWR = 2;
  private static final int O_ACCMODE = 3;
  private static final int O_NONBLOCK = 0x800;
  private static final int O_PATH = 0x200000;
  private static final int READ_LOCK = 0;
  private static final int WRITE_LOCK = 1;
  private static final int UNLOCK = 2;
  private static final int SEEK_CUR = 1;

  // struct flock of x86-64.
  static final int FLOCK_BYTES = 32;
  private static final int WHENCE = 2;
  private static final int START = 8;
  private static final int PID = 24;

  private record Key(long device, long inode) {}

  /** Host descriptors that hold the locks. */
  private final Map<Key, Integer> holders = new HashMap<>();

  /**
   * One of the three commands.
   *
   * @param kind 0 F_GETLK, 1 F_SETLK, 2 F_SETLKW
   * @param flock struct flock in native memory, where the answer comes too
   */
  long run(GuestThread t, int hostFd, int kind, long flock) {
    int type = GuestRam.hostLoad16(flock);
    int flags = (int) Host.call(Host.FCNTL, hostFd, F_GETFL);
    int access = flags & O_ACCMODE;
    if ((flags & O_PATH) != 0) {
      return -Errno.EBADF;
    }
    int pid = GuestRam.hostLoad32(flock + PID);
    GuestRam.hostStore32(flock + PID, 0);
    if (GuestRam.hostLoad16(flock + WHENCE) == SEEK_CUR) {
      long position = Math.max(0, Host.call(Host.LSEEK, hostFd, 0, SEEK_CUR));
      GuestRam.hostStore64(flock + START, GuestRam.hostLoad64(flock + START) + position);
      GuestRam.hostStore16(flock + WHENCE, (short) 0);
    }
    if (kind == 0) {
      return get(t, hostFd, type, flock, pid);
    }
    if (type == READ_LOCK && access == 1 || type == WRITE_LOCK && access == 0) {
      return -Errno.EBADF;
    }
    int holder = holder(hostFd, type != UNLOCK);
    return t.restartable(Host.FCNTL, holder, F_OFD_SETLK + kind - 1, flock, 0, 0, 0);
  }

  private long get(GuestThread t, int hostFd, int type, long flock, int pid) {
    if (type != READ_LOCK && type != WRITE_LOCK) {
      return -Errno.EINVAL;
    }
    long r = Host.call(Host.FCNTL, holder(hostFd, false), F_OFD_GETLK, flock);
    if (r >= 0 && GuestRam.hostLoad16(flock) == UNLOCK) {
      GuestRam.hostStore32(flock + PID, pid);
    } else if (r >= 0 && GuestRam.hostLoad32(flock + PID) == -1) {
      long start = GuestRam.hostLoad64(flock + START);
      GuestRam.hostStore32(flock + PID, owner(t.process.system, hostFd, start));
    }
    return r;
  }

  /** The descriptor to lock by; the file's own where there is none. */
  private synchronized int holder(int hostFd, boolean make) {
    Host.Stat stat = Host.stat(hostFd);
    Key key = stat == null ? null : new Key(stat.device(), stat.inode());
    Integer known = holders.get(key);
    if (known != null || !make || key == null) {
      return known == null ? hostFd : known;
    }
    String path = "/proc/self/fd/" + hostFd;
    int flags = (int) Host.call(Host.FCNTL, hostFd, F_GETFL);
    int fd = Host.open(path, O_RDWR | O_NONBLOCK);
    if (fd < 0) {
      fd = Host.open(path, flags & O_ACCMODE | O_NONBLOCK);
    }
    if (fd < 0) {
      return hostFd;
    }
    holders.put(key, fd);
    return fd;
  }

  /** A descriptor of a file is being closed: all locks of that file go. */
  synchronized void closing(int hostFd) {
    Host.Stat stat = holders.isEmpty() ? null : Host.stat(hostFd);
    Integer holder = stat == null ? null : holders.remove(new Key(stat.device(), stat.inode()));
    if (holder != null) {
      Host.close(holder);
    }
  }

  /** The table is no more. */
  synchronized void clear() {
    holders.values().forEach(Host::close);
    holders.clear();
  }

  // ---------------------------------------------------------------- who has it

  private static int owner(UserSystem system, int hostFd, long start) {
    Host.Stat stat = Host.stat(hostFd);
    List<GuestProcess> all;
    synchronized (system) {
      all = new ArrayList<>(system.all());
    }
    for (GuestProcess p : all) {
      if (stat != null && p.fds.locks.holds(new Key(stat.device(), stat.inode()), start)) {
        return p.pid;
      }
    }
    return -1;
  }

  /** Whether a lock begins there: {@code lock: 1: OFDLCK ADVISORY WRITE -1 08:01:99 START END}. */
  private synchronized boolean holds(Key key, long start) {
    Integer holder = holders.get(key);
    if (holder == null) {
      return false;
    }
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/fdinfo/" + holder))) {
        String[] parts = line.split("\\s+");
        if (parts[0].equals("lock:") && parts[parts.length - 2].equals(Long.toString(start))) {
          return true;
        }
      }
    } catch (IOException e) {
      return false;
    }
    return false;
  }
}
