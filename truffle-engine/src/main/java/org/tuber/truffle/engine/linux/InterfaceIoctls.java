package org.tuber.truffle.engine.linux;

import org.tuber.core.mem.GuestRam;

/** Requests about network interfaces, with a struct ifreq or ifconf (netdevice(7)). */
final class InterfaceIoctls {
  private static final int FIRST = 0x8910;
  private static final int LAST = 0x898f;
  private static final int SIOCGIFCONF = 0x8912;

  /** Requests whose ifreq names more memory of the program. */
  private static final int SIOCGIFBR = 0x8940;

  private static final int SIOCSIFBR = 0x8941;
  private static final int SIOCETHTOOL = 0x8946;
  private static final int SIOCWANDEV = 0x894a;

  /** The kernel's struct ifreq; that of i386 has no more than a socket address behind the name. */
  private static final int BYTES = 40;

  private static final int BYTES32 = 32;

  /** Most interfaces that are listed. */
  private static final int MOST = 512;

  private InterfaceIoctls() {}

  static boolean covers(int request) {
    return request >= FIRST && request <= LAST;
  }

  static long run(GuestThread t, int host, int request, long at) {
    int bytes = t.process.is32Bit ? BYTES32 : BYTES;
    switch (request) {
      case SIOCGIFCONF:
        return list(t, host, at, bytes);
      case SIOCGIFBR, SIOCSIFBR, SIOCETHTOOL, SIOCWANDEV:
        return -Errno.EOPNOTSUPP;
      default:
    }
    long buffer = t.scratch(BYTES);
    GuestRam.hostStore64(buffer + BYTES32, 0);
    GuestRam.hostCopy(t.in(at, bytes), buffer, bytes);
    long result = t.restartable(Host.IOCTL, host, request, buffer, 0, 0, 0);
    if (result >= 0) {
      t.memory.writeHost(t, at, buffer, bytes);
    }
    return result;
  }

  /** SIOCGIFCONF: the addresses of the interfaces; without a buffer, how many bytes they take. */
  private static long list(GuestThread t, int host, long at, int bytes) {
    boolean wide = bytes == BYTES;
    int most = Math.clamp(t.load32(at) / bytes, 0, MOST);
    long to = wide ? t.load64(at + 8) : t.load32(at + 4) & 0xffff_ffffL;
    long conf = t.scratch(16);
    long list = t.scratch((long) most * BYTES);
    GuestRam.hostStore64(conf, (long) most * BYTES);
    GuestRam.hostStore64(conf + 8, to == 0 ? 0 : list);
    long result = Host.call(Host.IOCTL, host, SIOCGIFCONF, conf);
    if (result < 0) {
      return result;
    }
    int found = GuestRam.hostLoad32(conf) / BYTES;
    for (int i = 0; to != 0 && i < found; i++) {
      t.memory.writeHost(t, to + (long) i * bytes, list + (long) i * BYTES, bytes);
    }
    t.store32(at, found * bytes);
    return result;
  }
}
