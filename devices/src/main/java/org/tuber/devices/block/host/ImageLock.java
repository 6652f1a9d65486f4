package org.tuber.devices.block.host;

import java.io.IOException;
import org.tuber.devices.block.ImageException;

/**
 * Guards an image file against two writers, in the way QEMU does so that the two programs respect
 * each other: byte 100+p carries a shared lock while someone uses permission p, byte 200+p while
 * someone does not want others to use it ({@code docs/system/qemu-block-drivers.rst}, "Disk image
 * file locking").
 */
final class ImageLock {
  private static final int USED_BASE = 100;
  private static final int UNSHARED_BASE = 200;
  private static final int CONSISTENT_READ = 1;
  private static final int WRITE = 1 << 1;
  private static final int RESIZE = 1 << 3;
  private static final int PERMISSIONS = 4;

  private ImageLock() {}

  /** Takes the locks on {@code fd}; they go when it is closed. */
  static void take(LinuxFileCalls calls, int fd, String name, boolean writable) throws IOException {
    int used = CONSISTENT_READ | (writable ? WRITE | RESIZE : 0);
    int unshared = WRITE | RESIZE;
    for (int p = 0; p < PERMISSIONS; p++) {
      boolean taken =
          ((used >> p & 1) == 0 || calls.setLock(fd, LinuxFileCalls.F_RDLCK, USED_BASE + p))
              && ((unshared >> p & 1) == 0
                  || calls.setLock(fd, LinuxFileCalls.F_RDLCK, UNSHARED_BASE + p));
      if (!taken) {
        throw inUse(name, writable);
      }
    }
    for (int p = 0; p < PERMISSIONS; p++) {
      if ((used >> p & 1) != 0 && calls.isLockedByOther(fd, UNSHARED_BASE + p)
          || (unshared >> p & 1) != 0 && calls.isLockedByOther(fd, USED_BASE + p)) {
        throw inUse(name, writable);
      }
    }
  }

  private static ImageException inUse(String name, boolean writable) {
    return new ImageException(
        name,
        "lock",
        "Failed to get "
            + (writable ? "\"write\"" : "shared \"write\"")
            + " lock; is another process using the image?");
  }
}
