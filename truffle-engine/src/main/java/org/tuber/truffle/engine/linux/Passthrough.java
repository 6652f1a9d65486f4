package org.tuber.truffle.engine.linux;

/**
 * A system call that the host does as it is, described by the kinds of its arguments:
 *
 * <pre>
 *   i  int                       l  long, size, flags
 *   f  descriptor                F  descriptor of a directory, or AT_FDCWD
 *   p  path                      s  other string
 *   t  thread or process number  x  pointer or anything, not for the host    z  zero
 *   &lt;N &gt;N =N   structure of N bytes that goes in, comes out, does both
 *   &lt;$K &gt;$K    the same with its size in argument K (from 0)
 * </pre>
 *
 * <p>Structures are those of x86-64. Blocking calls are interrupted by signals and begin again.
 */
final class Passthrough implements Syscalls.Call {
  private static final int MAX_ARGUMENTS = 6;

  private final int number;
  private final String[] kinds;

  /** Argument that holds the close-on-exec flag of a new descriptor, or -1: result is plain. */
  private final int flagsArgument;

  private final long closeOnExecFlag;

  Passthrough(int number, String[] kinds, int flagsArgument, long closeOnExecFlag) {
    this.number = number;
    this.kinds = kinds;
    this.flagsArgument = flagsArgument;
    this.closeOnExecFlag = closeOnExecFlag;
  }

  @Override
  public long run(GuestThread t, long a, long b, long c, long d, long e, long f) {
    long[] guest = {a, b, c, d, e, f};
    long[] host = new long[MAX_ARGUMENTS];
    for (int i = 0; i < kinds.length; i++) {
      host[i] = convert(t, kinds[i], guest, i);
    }
    if (flagsArgument >= 0) {
      host[flagsArgument] |= closeOnExecFlag;
    }
    long result = t.restartable(number, host[0], host[1], host[2], host[3], host[4], host[5]);
    if (result < 0) {
      return result;
    }
    for (int i = 0; i < kinds.length; i++) {
      char kind = kinds[i].charAt(0);
      if ((kind == '>' || kind == '=') && host[i] != 0) {
        long size = size(kinds[i], guest);
        boolean counted = kinds[i].charAt(1) == '$';
        t.memory.writeHost(t, guest[i], host[i], counted ? Math.min(size, result) : size);
      }
    }
    if (flagsArgument >= 0) {
      boolean asked = !kinds[flagsArgument].equals("z");
      return t.process.fds.installHost(
          result, asked && (guest[flagsArgument] & closeOnExecFlag) != 0);
    }
    return result;
  }

  private static long convert(GuestThread t, String kind, long[] guest, int i) {
    long v = guest[i];
    switch (kind.charAt(0)) {
      case 'i':
        return (int) v;
      case 'z':
        return 0;
      case 'f':
        return t.fd(v);
      case 'F':
        return t.directory(v);
      case 'p':
        return v == 0 ? 0 : t.hostPath(t.path(v));
      case 's':
        return v == 0 ? 0 : t.string(Paths.text(t.cString(v)));
      case 't':
        return ThreadCalls.hostThread(t, (int) v);
      case '<':
      case '=':
        {
          if (v == 0) {
            return 0;
          }
          long size = limited(t, kind, guest);
          long at = t.scratch(size);
          t.memory.readHost(t, v, at, size);
          return at;
        }
      case '>':
        {
          return v == 0 ? 0 : t.scratch(limited(t, kind, guest));
        }
      default:
        return v;
    }
  }

  private static long size(String kind, long[] guest) {
    return kind.charAt(1) == '$'
        ? guest[kind.charAt(2) - '0'] & 0xffff_ffffL
        : Integer.parseInt(kind, 1, kind.length(), 10);
  }

  /** A size argument is cut to what there is room for. */
  private static long limited(GuestThread t, String kind, long[] guest) {
    long size = size(kind, guest);
    if (kind.charAt(1) == '$') {
      size = Math.min(size, t.scratchLeft() & -16L);
      guest[kind.charAt(2) - '0'] = size;
    }
    return size;
  }
}
