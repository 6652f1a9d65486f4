package org.tuber.truffle.engine.linux;

import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.mem.GuestRam;

/** prctl, groups, and calls that are refused on purpose. */
final class MiscCalls {
  private static final Logger LOG = LoggerFactory.getLogger(MiscCalls.class);
  private static final int PR_SET_PDEATHSIG = 1;
  private static final int PR_GET_PDEATHSIG = 2;
  private static final int PR_GET_DUMPABLE = 3;
  private static final int PR_SET_DUMPABLE = 4;
  private static final int PR_SET_NAME = 15;
  private static final int PR_GET_NAME = 16;
  private static final int PR_GET_SECCOMP = 21;
  private static final int PR_CAPBSET_READ = 23;
  private static final int PR_SET_TIMERSLACK = 29;
  private static final int PR_GET_TIMERSLACK = 30;
  private static final int PR_SET_CHILD_SUBREAPER = 36;
  private static final int PR_SET_NO_NEW_PRIVS = 38;
  private static final int PR_GET_NO_NEW_PRIVS = 39;
  private static final int PR_SET_VMA = 0x5356_4d41;
  private static final int PRCTL = 157;
  private static final int NAME_BYTES = 16;
  private static final int MEMBARRIER = 324;

  /** Global, global expedited and private expedited with their registrations. */
  private static final long MEMBARRIERS = 0x1f;

  private MiscCalls() {}

  static void add(Map<String, Syscalls.Call> calls) {
    calls.put("prctl", MiscCalls::prctl);
    calls.put("personality", (t, a, b, c, d, e, f) -> 0);
    calls.put("seccomp", (t, a, b, c, d, e, f) -> -Errno.EINVAL);
    calls.put("ptrace", (t, a, b, c, d, e, f) -> -Errno.EPERM);
    calls.put("io_uring_setup", (t, a, b, c, d, e, f) -> -Errno.ENOSYS);
    calls.put("restart_syscall", (t, a, b, c, d, e, f) -> -Errno.EINTR);
    calls.put("getgroups", (t, n, at, c, d, e, f) -> getgroups(t, (int) n, at));
    calls.put("setgroups", (t, n, at, c, d, e, f) -> setgroups(t, (int) n, at));
    // Denied rather than unknown: nobody needs a log line.
    calls.put("bpf", (t, a, b, c, d, e, f) -> -Errno.EPERM);
    calls.put("userfaultfd", (t, a, b, c, d, e, f) -> -Errno.EPERM);
    calls.put("perf_event_open", (t, a, b, c, d, e, f) -> -Errno.EPERM);
    calls.put("get_mempolicy", (t, a, b, c, d, e, f) -> -Errno.ENOSYS);
    calls.put("set_mempolicy", (t, a, b, c, d, e, f) -> 0);
    calls.put("mbind", (t, a, b, c, d, e, f) -> 0);
    String[] privileged = {
      "pivot_root",
      "swapon",
      "swapoff",
      "init_module",
      "finit_module",
      "delete_module",
      "kexec_load",
      "kexec_file_load",
      "open_tree",
      "move_mount",
      "fsopen",
      "fsconfig",
      "fsmount",
      "fspick",
      "mount_setattr",
      "quotactl",
      "vhangup",
      "syslog",
      "open_by_handle_at"
    };
    for (String name : privileged) {
      calls.put(name, (t, a, b, c, d, e, f) -> -Errno.EPERM);
    }
    calls.put("unshare", (t, a, b, c, d, e, f) -> -Errno.EPERM);
    calls.put("setns", (t, a, b, c, d, e, f) -> -Errno.EPERM);
    calls.put("reboot", (t, a, b, c, d, e, f) -> -Errno.EPERM);
    calls.put("iopl", (t, a, b, c, d, e, f) -> -Errno.EPERM);
    calls.put("ioperm", (t, a, b, c, d, e, f) -> -Errno.EPERM);
    // As on a CPU without protection keys.
    calls.put("pkey_alloc", (t, a, b, c, d, e, f) -> -28);
    calls.put("pkey_free", (t, a, b, c, d, e, f) -> -Errno.EINVAL);
    calls.put("fanotify_init", (t, a, b, c, d, e, f) -> -Errno.EPERM);
    calls.put("membarrier", (t, command, b, c, d, e, f) -> membarrier(command));
  }

  private static long prctl(GuestThread t, long option, long a, long b, long c, long d, long e) {
    switch ((int) option) {
      case PR_SET_NAME -> {
        byte[] name = t.cString(a);
        int n = Math.min(name.length, NAME_BYTES - 1);
        if (t.tid == t.process.pid) {
          t.process.name = Paths.text(java.util.Arrays.copyOf(name, n));
        }
        return Host.call(PRCTL, PR_SET_NAME, t.string(Paths.text(name).substring(0, n)));
      }
      case PR_GET_NAME -> {
        byte[] name = new byte[NAME_BYTES];
        long host = t.scratch(NAME_BYTES);
        if (t.tid == t.process.pid) {
          byte[] own = t.process.name.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
          System.arraycopy(own, 0, name, 0, Math.min(own.length, NAME_BYTES - 1));
          t.write(a, name);
          return 0;
        }
        Host.call(PRCTL, PR_GET_NAME, host);
        t.memory.writeHost(t, a, host, NAME_BYTES);
        return 0;
      }
      case PR_SET_CHILD_SUBREAPER, PR_GET_SECCOMP -> {
        return 0;
      }
      case PR_SET_PDEATHSIG -> {
        if (a < 0 || a > SignalActions.COUNT) {
          return -Errno.EINVAL;
        }
        t.process.deathSignal = (int) a;
        return 0;
      }
      case PR_GET_PDEATHSIG -> {
        t.store32(a, t.process.deathSignal);
        return 0;
      }
      case PR_SET_DUMPABLE -> {
        if (a != 0 && a != 1) {
          return -Errno.EINVAL;
        }
        t.process.dumpable = a == 1;
        return 0;
      }
      case PR_GET_DUMPABLE -> {
        return t.process.dumpable ? 1 : 0;
      }
      case PR_SET_TIMERSLACK, PR_GET_TIMERSLACK -> {
        return Host.call(PRCTL, option & 0xffff_ffffL, a);
      }
      case PR_SET_NO_NEW_PRIVS -> {
        if (a != 1 || b != 0 || c != 0 || d != 0) {
          return -Errno.EINVAL;
        }
        t.process.noNewPrivileges = true;
        return 0;
      }
      case PR_GET_NO_NEW_PRIVS -> {
        return t.process.noNewPrivileges ? 1 : 0;
      }
      case PR_CAPBSET_READ -> {
        return Host.call(PRCTL, PR_CAPBSET_READ, a);
      }
      case PR_SET_VMA -> {
        return -Errno.EINVAL;
      }
      default -> {
        LOG.debug("prctl {} is refused", (int) option);
        return -Errno.EINVAL;
      }
    }
  }

  private static long membarrier(long command) {
    // Query; every other command is done by what each barrier of the host does anyway.
    if (command == 0) {
      return MEMBARRIERS;
    }
    if ((command & ~MEMBARRIERS) != 0 || Long.bitCount(command) != 1) {
      return -Errno.EINVAL;
    }
    GuestRam.fullFence();
    return Host.call(MEMBARRIER, command, 0, 0);
  }

  private static long getgroups(GuestThread t, int n, long at) {
    if (n < 0) {
      return -Errno.EINVAL;
    }
    int most = Math.min(n, 4096);
    long groups = t.scratch(4L * most);
    long r = Host.call(115, most, groups);
    if (r > 0 && n > 0) {
      t.memory.writeHost(t, at, groups, 4 * r);
    }
    return r;
  }

  private static long setgroups(GuestThread t, int n, long at) {
    if (n < 0 || n > 4096) {
      return -Errno.EINVAL;
    }
    return Host.call(116, n, t.in(at, 4 * n));
  }
}
