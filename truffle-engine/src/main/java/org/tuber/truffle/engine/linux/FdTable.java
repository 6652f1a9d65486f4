package org.tuber.truffle.engine.linux;

import java.util.Arrays;
import java.util.BitSet;

/** File descriptors of a process, or of several that share them (CLONE_FILES). */
final class FdTable {
  private OpenFile[] files = new OpenFile[64];
  private final BitSet closeOnExec = new BitSet();
  private int users = 1;

  /** Record locks of whoever has this table. */
  final RecordLocks locks = new RecordLocks();

  /** RLIMIT_NOFILE. */
  int limit;

  FdTable(int limit) {
    this.limit = limit;
  }

  /** The file of a descriptor; EBADF when there is none. */
  synchronized OpenFile get(int fd) {
    if (fd < 0 || fd >= files.length || files[fd] == null) {
      throw new Errno(Errno.EBADF);
    }
    files[fd].used();
    return files[fd];
  }

  /** The file of a descriptor, or null. */
  synchronized OpenFile find(int fd) {
    return fd < 0 || fd >= files.length ? null : files[fd];
  }

  int host(int fd) {
    return get(fd).hostFd;
  }

  /** The lowest free descriptor from {@code least} on for {@code file}. */
  synchronized int install(OpenFile file, int least, boolean cloexec) {
    int fd = least;
    while (fd < files.length && files[fd] != null) {
      fd++;
    }
    if (fd >= limit) {
      file.retain().drop();
      throw new Errno(Errno.EMFILE);
    }
    put(fd, file, cloexec);
    return fd;
  }

  /** A descriptor for something the host has just opened, or the host's error. */
  int installHost(long hostFd, boolean cloexec) {
    return hostFd < 0 ? (int) hostFd : install(new OpenFile((int) hostFd), 0, cloexec);
  }

  private void put(int fd, OpenFile file, boolean cloexec) {
    if (fd >= files.length) {
      files = Arrays.copyOf(files, Math.max(fd + 1, files.length * 2));
    }
    files[fd] = file.retain();
    closeOnExec.set(fd, cloexec);
  }

  /** dup2 onto {@code fd}. */
  void replace(int fd, OpenFile file, boolean cloexec) {
    OpenFile old;
    synchronized (this) {
      if (fd < 0 || fd >= limit) {
        throw new Errno(Errno.EBADF);
      }
      old = find(fd);
      put(fd, file, cloexec);
    }
    if (old != null) {
      locks.closing(old.hostFd);
      old.drop();
    }
  }

  void close(int fd) {
    OpenFile old;
    synchronized (this) {
      old = find(fd);
      if (old == null) {
        throw new Errno(Errno.EBADF);
      }
      files[fd] = null;
      closeOnExec.clear(fd);
    }
    locks.closing(old.hostFd);
    old.drop();
  }

  /** close_range: closes or marks all from {@code first} to {@code last}. */
  void closeRange(int first, int last, boolean onlyMark) {
    for (int fd = first; fd <= last && fd < size(); fd++) {
      if (find(fd) != null) {
        if (onlyMark) {
          setCloseOnExec(fd, true);
        } else {
          close(fd);
        }
      }
    }
  }

  synchronized int size() {
    return files.length;
  }

  synchronized boolean isCloseOnExec(int fd) {
    return closeOnExec.get(fd);
  }

  synchronized void setCloseOnExec(int fd, boolean on) {
    closeOnExec.set(fd, on);
  }

  /** A copy for another process. */
  synchronized FdTable copy() {
    FdTable copy = new FdTable(limit);
    copy.files = files.clone();
    for (OpenFile f : copy.files) {
      if (f != null) {
        f.retain();
      }
    }
    copy.closeOnExec.or(closeOnExec);
    return copy;
  }

  /** One more process uses this very table. */
  synchronized FdTable share() {
    users++;
    return this;
  }

  /** execve. */
  void closeForExec() {
    for (int fd = 0; fd < size(); fd++) {
      if (isCloseOnExec(fd) && find(fd) != null) {
        close(fd);
      }
    }
  }

  synchronized boolean isShared() {
    return users > 1;
  }

  /** A process ended or left; the last one closes everything. */
  void leave() {
    synchronized (this) {
      if (--users > 0) {
        return;
      }
    }
    locks.clear();
    for (int fd = 0; fd < files.length; fd++) {
      if (find(fd) != null) {
        close(fd);
      }
    }
  }
}
