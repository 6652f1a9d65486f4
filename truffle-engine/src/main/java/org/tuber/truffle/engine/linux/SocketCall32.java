package org.tuber.truffle.engine.linux;

import java.util.Arrays;
import java.util.Map;
import org.tuber.core.mem.GuestRam;

/** socketcall: all socket calls of i386 behind one number, arguments in memory. */
final class SocketCall32 implements Syscalls.Call {
  /** Name and number of arguments, by SYS_ number from 1. */
  private static final String[] NAMES =
      ("socket:3 bind:3 connect:3 listen:2 accept:3 getsockname:3 getpeername:3 socketpair:4 send:4"
              + " recv:4 sendto:6 recvfrom:6 shutdown:2 setsockopt:5 getsockopt:5 sendmsg:3"
              + " recvmsg:3 accept4:4 recvmmsg:5 sendmmsg:4")
          .split(" ");

  private final Syscalls.Call[] calls = new Syscalls.Call[NAMES.length];
  private final int[] counts = new int[NAMES.length];

  SocketCall32(Map<String, Syscalls.Call> known, Map<String, String[]> signatures) {
    for (int i = 0; i < NAMES.length; i++) {
      String[] parts = NAMES[i].split(":");
      counts[i] = Integer.parseInt(parts[1]);
      calls[i] =
          switch (parts[0]) {
            case "send" -> known.get("sendto");
            case "recv" -> known.get("recvfrom");
            default -> known.get(parts[0]);
          };
      if (calls[i] == null) {
        calls[i] = passthrough(parts[0], signatures.get(parts[0]));
      }
    }
  }

  private static Syscalls.Call passthrough(String name, String[] kinds) {
    return switch (name) {
      case "socket" -> new Passthrough(41, Arrays.copyOfRange(kinds, 1, kinds.length), 1, 0x80000);
      case "bind" -> new Passthrough(49, kinds, -1, 0);
      case "connect" -> new Passthrough(42, kinds, -1, 0);
      case "listen" -> new Passthrough(50, kinds, -1, 0);
      case "shutdown" -> new Passthrough(48, kinds, -1, 0);
      default -> new Passthrough(54, kinds, -1, 0);
    };
  }

  @Override
  public long run(GuestThread t, long call, long at, long c, long d, long e, long f) {
    int i = (int) call - 1;
    if (i < 0 || i >= calls.length) {
      return -Errno.EINVAL;
    }
    long raw = t.need(at, counts[i] * 4);
    long[] a = new long[6];
    for (int k = 0; k < counts[i]; k++) {
      a[k] = GuestRam.hostLoad32(raw + 4L * k) & 0xffff_ffffL;
    }
    return calls[i].run(t, a[0], a[1], a[2], a[3], a[4], a[5]);
  }
}
