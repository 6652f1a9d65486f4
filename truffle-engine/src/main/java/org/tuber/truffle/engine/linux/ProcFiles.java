package org.tuber.truffle.engine.linux;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;

/**
 * /proc of a guest process. To the host all of them are this JVM; what differs is made here: exe,
 * fd, maps, cmdline, environ, comm, stat, statm, status, limits, auxv, cwd. The rest of /proc/self
 * is the JVM's. Listing /proc shows no guest processes.
 */
final class ProcFiles {
  /** {@link #open}: the host has the file. */
  static final int NOT_OURS = Integer.MIN_VALUE;

  /** Nanoseconds of a clock tick of /proc. */
  private static final long TICK = 10_000_000;

  private ProcFiles() {}

  /** A path below a process's folder: whose, and the rest without leading slash. */
  private record Entry(GuestProcess process, String rest) {}

  private static Entry parse(GuestThread t, String path) {
    String p = path;
    if (p.startsWith("/dev/")) {
      p =
          switch (p) {
            case "/dev/stdin" -> "/proc/self/fd/0";
            case "/dev/stdout" -> "/proc/self/fd/1";
            case "/dev/stderr" -> "/proc/self/fd/2";
            default ->
                p.equals("/dev/fd") || p.startsWith("/dev/fd/")
                    ? "/proc/self/" + p.substring(5)
                    : "";
          };
    }
    if (!p.startsWith("/proc/")) {
      return null;
    }
    String[] parts = p.substring(6).split("/", 2);
    GuestProcess process = owner(t, parts[0]);
    if (process == null) {
      return null;
    }
    String rest = parts.length < 2 ? "" : parts[1];
    while (rest.endsWith("/")) {
      rest = rest.substring(0, rest.length() - 1);
    }
    if (rest.startsWith("task/")) {
      String[] task = rest.split("/", 3);
      rest = task.length > 2 ? task[2] : rest;
    }
    return new Entry(process, rest);
  }

  private static GuestProcess owner(GuestThread t, String name) {
    if (name.equals("self") || name.equals("thread-self")) {
      return t.process;
    }
    if (name.isEmpty() || !Character.isDigit(name.charAt(0))) {
      return null;
    }
    try {
      int pid = Integer.parseInt(name);
      synchronized (t.process.system) {
        return t.process.system.find(pid);
      }
    } catch (NumberFormatException e) {
      return null;
    }
  }

  /** Number of a descriptor in {@code fd/N}, as the host has it; -1 for another path. */
  private static int hostFd(Entry e) {
    if (!e.rest.startsWith("fd/")) {
      return -1;
    }
    try {
      OpenFile file = e.process.fds.find(Integer.parseInt(e.rest.substring(3)));
      return file == null ? -1 : file.hostFd;
    } catch (NumberFormatException ex) {
      return -1;
    }
  }

  /** The host's path for one that it would take for its own; null: as it is. */
  static String redirect(GuestThread t, String path) {
    Entry e = parse(t, path);
    if (e == null) {
      return null;
    }
    if (e.rest.equals("exe")) {
      return t.process.system.paths.inSysroot(e.process.executable);
    }
    if (e.rest.equals("cwd") || e.rest.startsWith("cwd/") || e.rest.equals("root")) {
      int thread = e.process == t.process ? t.hostTid : hostThread(e.process);
      return "/proc/self/task/" + thread + "/" + e.rest;
    }
    if (e.rest.startsWith("fd/")) {
      int fd = hostFd(e);
      return fd < 0 ? "/proc/self/fd/-1" : "/proc/self/fd/" + fd;
    }
    return "/proc/self" + (e.rest.isEmpty() ? "" : "/" + e.rest);
  }

  private static int hostThread(GuestProcess p) {
    synchronized (p.system) {
      return p.threads.isEmpty() ? Host.processId() : p.threads.get(0).hostTid;
    }
  }

  /** Target of a link that the host would answer for itself; null: ask the host. */
  static String link(GuestThread t, String path) {
    if (!path.startsWith("/proc/")) {
      return null;
    }
    if (path.equals("/proc/self")) {
      return Integer.toString(t.process.pid);
    }
    Entry e = parse(t, path);
    return e != null && e.rest.equals("exe") ? e.process.executable : null;
  }

  /** True when the path is a process's list of descriptors. */
  static boolean isDescriptorList(GuestThread t, String path) {
    if (!path.startsWith("/proc/") && !path.startsWith("/dev/fd")) {
      return false;
    }
    Entry e = parse(t, path);
    return e != null && e.rest.equals("fd");
  }

  /** The process whose folder the path is, or null. */
  static GuestProcess folderOf(GuestThread t, String path) {
    if (!path.startsWith("/proc/")) {
      return null;
    }
    Entry e = parse(t, path);
    return e != null && e.rest.isEmpty() ? e.process : null;
  }

  /** The path says something about a guest process. */
  static boolean isOurs(GuestThread t, String path) {
    return (path.startsWith("/proc/") || path.startsWith("/dev/")) && parse(t, path) != null;
  }

  /** A host descriptor of a made file, a negative error, or {@link #NOT_OURS}. */
  static int open(GuestThread t, String path, int flags) {
    if (!path.startsWith("/proc/")) {
      return NOT_OURS;
    }
    byte[] cpus =
        path.equals("/proc/cpuinfo") && (flags & 3) == 0
            ? t.process.system.settings.architecture().cpuInfo()
            : null;
    if (cpus != null) {
      return Host.file("cpuinfo", cpus);
    }
    Entry e = parse(t, path);
    if (e == null) {
      return NOT_OURS;
    }
    GuestProcess p = e.process;
    if (e.rest.equals("mem")) {
      // The host's would be the JVM's memory.
      return -Errno.EACCES;
    }
    byte[] content =
        switch (e.rest) {
          case "maps" -> memory(t, p).describe().getBytes(StandardCharsets.ISO_8859_1);
          case "cmdline" -> joined(p.arguments);
          case "environ" -> joined(p.environment);
          case "auxv" -> p.auxiliaryVector;
          case "comm" -> (p.name + "\n").getBytes(StandardCharsets.ISO_8859_1);
          case "stat" -> stat(t, p);
          case "limits" -> p.limits.describe().getBytes(StandardCharsets.ISO_8859_1);
          case "statm" -> statm(t, p);
          case "status" -> status(t, p);
          default -> null;
        };
    if (content == null || (flags & 3) != 0 && !e.rest.equals("comm")) {
      return NOT_OURS;
    }
    return Host.file(e.rest, content);
  }

  private static UserMemory memory(GuestThread t, GuestProcess p) {
    if (p == t.process) {
      return t.memory;
    }
    synchronized (p.system) {
      return p.threads.isEmpty() ? t.memory : p.threads.get(0).memory;
    }
  }

  private static byte[] joined(List<byte[]> strings) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] s : strings) {
      out.writeBytes(s);
      out.write(0);
    }
    return out.toByteArray();
  }

  private static char state(GuestThread t, GuestProcess p) {
    return p.zombie ? 'Z' : p.stopped ? 'T' : p == t.process ? 'R' : 'S';
  }

  private static byte[] stat(GuestThread t, GuestProcess p) {
    UserMemory memory = memory(t, p);
    long bytes = memory.mappedBytes();
    Usage own = p.usage();
    Usage children;
    synchronized (p.system) {
      children = p.childrenUsage();
    }
    String text =
        String.format(
            Locale.ROOT,
            "%d (%s) %c %d %d %d 0 -1 4194304 0 0 0 0 %d %d %d %d 20 0 %d 0 0 %d %d"
                + " 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0%n",
            p.pid,
            p.name,
            state(t, p),
            p.parentPid(),
            p.pgid,
            p.sid,
            own.userNanos / TICK,
            own.systemNanos / TICK,
            children.userNanos / TICK,
            children.systemNanos / TICK,
            Math.max(1, p.threads.size()),
            bytes,
            memory.residentBytes() >>> 12);
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  private static byte[] statm(GuestThread t, GuestProcess p) {
    UserMemory memory = memory(t, p);
    long pages = memory.mappedBytes() >>> 12;
    long resident = memory.residentBytes() >>> 12;
    return String.format(
            Locale.ROOT, "%d %d 0 0 0 %d 0%n", pages, resident, memory.dataBytes() >>> 12)
        .getBytes(StandardCharsets.ISO_8859_1);
  }

  private static byte[] status(GuestThread t, GuestProcess p) {
    UserMemory memory = memory(t, p);
    long kilobytes = memory.mappedBytes() >>> 10;
    long[] signals = signals(p);
    String text =
        String.format(
            Locale.ROOT,
            "Name:\t%s%nUmask:\t0022%nState:\t%c%nTgid:\t%d%nNgid:\t0%nPid:\t%d%nPPid:\t%d%n"
                + "TracerPid:\t0%nUid:\t%s%nGid:\t%s%nFDSize:\t%d%n"
                + "VmPeak:\t%d kB%nVmSize:\t%d kB%nVmRSS:\t%d kB%nThreads:\t%d%n"
                + "SigPnd:\t%016x%nShdPnd:\t%016x%nSigBlk:\t%016x%nSigIgn:\t%016x%nSigCgt:\t%016x%n"
                + "NoNewPrivs:\t0%nSeccomp:\t0%n",
            p.name,
            state(t, p),
            p.pid,
            p.pid,
            p.parentPid(),
            ids(Host.GETUID, Host.GETEUID),
            ids(Host.GETGID, Host.GETEGID),
            p.fds.size(),
            kilobytes,
            kilobytes,
            memory.residentBytes() >>> 10,
            Math.max(1, p.threads.size()),
            signals[0],
            signals[1],
            signals[2],
            signals[3],
            signals[4]);
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  /** Sets: pending for the first thread and for all, blocked, ignored, caught. */
  private static long[] signals(GuestProcess p) {
    long[] sets = new long[5];
    synchronized (p.system) {
      p.pending.forEach(i -> sets[1] |= SignalInfo.bit(i.number()));
      if (!p.threads.isEmpty()) {
        GuestThread first = p.threads.get(0);
        first.pending.forEach(i -> sets[0] |= SignalInfo.bit(i.number()));
        sets[2] = first.mask;
      }
      for (int n = 1; n <= SignalActions.COUNT; n++) {
        long handler = p.actions.get(n).handler();
        if (handler == SignalActions.SIG_IGN) {
          sets[3] |= SignalInfo.bit(n);
        } else if (handler != SignalActions.SIG_DFL) {
          sets[4] |= SignalInfo.bit(n);
        }
      }
    }
    return sets;
  }

  private static String ids(int realCall, int effectiveCall) {
    long real = Host.call(realCall);
    long effective = Host.call(effectiveCall);
    return real + "\t" + effective + "\t" + effective + "\t" + effective;
  }
}
