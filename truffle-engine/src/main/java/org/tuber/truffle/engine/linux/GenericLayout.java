package org.tuber.truffle.engine.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.tuber.core.mem.GuestRam;

/**
 * Calls with the structures of Linux's generic 64-bit ABI (asm-generic), which architectures later
 * than x86-64 have, where they are laid out otherwise than x86-64's.
 */
public final class GenericLayout {
  private static final int HOST_STAT_BYTES = 144;
  private static final int STAT_BYTES = 128;
  private static final int UNAME = 63;
  private static final int UTSNAME_BYTES = 390;
  private static final int MACHINE = 260;
  private static final int MACHINE_BYTES = 65;
  private static final int SEMID_BYTES = 88;

  private GenericLayout() {}

  /** Puts them in place of x86-64's. */
  public static void replace(Map<String, Syscalls.Call> calls) {
    calls.put(
        "clone",
        (t, flags, stack, parentTid, tls, childTid, f) ->
            ThreadCalls.clone(t, flags, stack, parentTid, childTid, tls));
    calls.put("fstat", (t, fd, at, c, d, e, f) -> fstat(t, fd, at));
    calls.put(
        "newfstatat", (t, dir, path, at, flags, e, f) -> newfstatat(t, dir, path, at, (int) flags));
    calls.put("uname", (t, at, b, c, d, e, f) -> uname(t, at));
  }

  private static long fstat(GuestThread t, long fd, long at) {
    long host = t.scratch(HOST_STAT_BYTES);
    return stat(t, at, host, Host.call(Host.FSTAT, t.fd(fd), host));
  }

  private static long newfstatat(GuestThread t, long dir, long path, long at, int flags) {
    long host = t.scratch(HOST_STAT_BYTES);
    long name = path == 0 ? 0 : t.hostPath(t.path(path));
    return stat(t, at, host, Host.call(Host.NEWFSTATAT, t.directory(dir), name, host, flags));
  }

  /** struct stat (asm-generic/stat.h) of x86-64's. */
  private static long stat(GuestThread t, long at, long h, long result) {
    if (result < 0) {
      return result;
    }
    ByteBuffer b = ByteBuffer.allocate(STAT_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    b.putLong(0, GuestRam.hostLoad64(h)).putLong(8, GuestRam.hostLoad64(h + 8));
    b.putInt(16, GuestRam.hostLoad32(h + 24)).putInt(20, (int) GuestRam.hostLoad64(h + 16));
    b.putInt(24, GuestRam.hostLoad32(h + 28)).putInt(28, GuestRam.hostLoad32(h + 32));
    b.putLong(32, GuestRam.hostLoad64(h + 40)).putLong(48, GuestRam.hostLoad64(h + 48));
    b.putInt(56, (int) GuestRam.hostLoad64(h + 56)).putLong(64, GuestRam.hostLoad64(h + 64));
    for (int i = 0; i < 6; i++) {
      b.putLong(72 + 8 * i, GuestRam.hostLoad64(h + 72 + 8L * i));
    }
    t.write(at, b.array());
    return 0;
  }

  private static long uname(GuestThread t, long at) {
    long host = t.scratch(UTSNAME_BYTES);
    long r = Host.call(UNAME, host);
    if (r < 0) {
      return r;
    }
    byte[] machine = t.process.abi.platform().getBytes(StandardCharsets.ISO_8859_1);
    for (int i = 0; i < MACHINE_BYTES; i++) {
      GuestRam.hostStore8(host + MACHINE + i, i < machine.length ? machine[i] : 0);
    }
    t.memory.writeHost(t, at, host, UTSNAME_BYTES);
    return 0;
  }

  /** struct semid64_ds of x86-64's: without the unused words beside the times. */
  static byte[] semaphores(long h) {
    ByteBuffer b = ByteBuffer.allocate(SEMID_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 48; i += 8) {
      b.putLong(i, GuestRam.hostLoad64(h + i));
    }
    b.putLong(48, GuestRam.hostLoad64(h + 48)).putLong(56, GuestRam.hostLoad64(h + 64));
    b.putLong(64, GuestRam.hostLoad64(h + 80));
    return b.array();
  }
}
