package org.tuber.truffle.engine.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import org.tuber.core.mem.GuestRam;

/**
 * System V shared memory, semaphores and message queues: the host's own, so that guests share them
 * with native processes. The process numbers the host notes in them are the JVM's.
 */
final class SysvCalls {
  private static final int SHMAT_HOST = 30;
  private static final int SHMCTL = 31;
  private static final int SEMGET = 64;
  private static final int SEMCTL = 66;
  private static final int SHMGET = 29;
  private static final int MSGGET = 68;
  private static final int MSGSND = 69;
  private static final int MSGRCV = 70;
  private static final int MSGCTL = 71;
  private static final int SEMTIMEDOP = 220;

  private static final int IPC_64 = 0x100;
  private static final int IPC_RMID = 0;
  private static final int IPC_SET = 1;
  private static final int IPC_STAT = 2;
  private static final int STAT = 11;
  private static final int SHM_LOCK = 11;
  private static final int SHM_UNLOCK = 12;
  private static final int SHM_STAT = 13;
  private static final int GETALL = 13;
  private static final int SETVAL = 16;
  private static final int SETALL = 17;
  private static final int SEM_STAT = 18;

  private static final int SHM_RDONLY = 0x1000;
  private static final int SHM_RND = 0x2000;
  private static final int SHM_REMAP = 0x4000;
  private static final int SHM_EXEC = 0x8000;

  private static final int SHMID_BYTES = 112;
  private static final int SEMID_BYTES = 104;
  private static final int MSQID_BYTES = 120;
  private static final int MAX_OPERATIONS = 500;
  private static final int OPERATION_BYTES = 6;
  private static final int MAX_MESSAGE = 65_536;
  private static final int MAX_SEMAPHORES = 32_000;
  private static final long LOW = 0xffff_ffffL;

  private SysvCalls() {}

  static void add(Map<String, Syscalls.Call> calls) {
    calls.put("shmget", (t, key, n, flags, d, e, f) -> Host.call(SHMGET, key, n, flags));
    calls.put("semget", (t, key, n, flags, d, e, f) -> Host.call(SEMGET, key, n, flags));
    calls.put("msgget", (t, key, flags, c, d, e, f) -> Host.call(MSGGET, key, flags));
    calls.put("shmat", (t, id, at, flags, d, e, f) -> attach(t, (int) id, at, (int) flags));
    calls.put("shmdt", (t, at, b, c, d, e, f) -> t.memory.detachSegment(t, at));
    calls.put("shmctl", (t, id, command, at, d, e, f) -> shmctl(t, (int) id, (int) command, at));
    calls.put("semctl", (t, id, n, command, value, e, f) -> semctl(t, id, n, (int) command, value));
    calls.put("semop", (t, id, at, n, d, e, f) -> semop(t, id, at, n, 0));
    calls.put(
        "semtimedop",
        (t, id, at, n, time, e, f) -> semop(t, id, at, n, TimeCalls.timespec(t, time, 16)));
    calls.put("msgsnd", (t, id, at, n, flags, e, f) -> send(t, id, at, n, flags));
    calls.put("msgrcv", (t, id, at, n, type, flags, f) -> receive(t, id, at, n, type, flags));
    calls.put("msgctl", (t, id, command, at, d, e, f) -> msgctl(t, (int) id, (int) command, at));
  }

  /** What i386 has beside those: one number for all, and the form of the time. */
  static void add32(Map<String, Syscalls.Call> calls) {
    calls.put("ipc", SysvCalls::ipc);
    calls.put(
        "semtimedop_time64",
        (t, id, at, n, time, e, f) -> semop(t, id, at, n, TimeCalls.timespec(t, time, 16)));
    calls.put(
        "msgrcv",
        (t, id, at, n, type, flags, f) -> receive(t, id, at, n, OldCalls32.signed(type), flags));
  }

  /** sys_ipc of i386. */
  private static long ipc(
      GuestThread t, long call, long first, long second, long third, long pointer, long fifth) {
    int version = (int) call >>> 16;
    int id = (int) first;
    return switch ((int) call & 0xffff) {
      case 1 -> semop(t, id, pointer, second, 0);
      case 2 -> Host.call(SEMGET, id, second, third);
      case 3 -> semctl(t, id, second, (int) third, t.load32(pointer) & LOW);
      case 4 -> semop(t, id, pointer, second, TimeCalls.timespec(t, fifth, 8));
      case 11 -> send(t, id, pointer, second, third);
      case 12 -> {
        if (version == 0) {
          long message = t.load32(pointer) & LOW;
          yield receive(t, id, message, second, t.load32(pointer + 4), third);
        }
        yield receive(t, id, pointer, second, OldCalls32.signed(fifth), third);
      }
      case 13 -> Host.call(MSGGET, id, second);
      case 14 -> msgctl(t, id, (int) second, pointer);
      case 21 -> {
        t.store32(third, (int) attach(t, id, pointer, (int) second));
        yield 0;
      }
      case 22 -> t.memory.detachSegment(t, pointer);
      case 23 -> Host.call(SHMGET, id, second, third);
      case 24 -> shmctl(t, id, (int) second, pointer);
      default -> -Errno.ENOSYS;
    };
  }

  // ---------------------------------------------------------------- shared memory

  private static long attach(GuestThread t, int id, long wanted, int flags) {
    long at = wanted;
    if ((at & 4095) != 0) {
      if ((flags & SHM_RND) == 0) {
        return -Errno.EINVAL;
      }
      at &= -4096L;
    }
    long status = t.scratch(SHMID_BYTES);
    long r = Host.call(SHMCTL, id, IPC_STAT, status);
    if (r < 0) {
      return r;
    }
    long bytes = GuestRam.hostLoad64(status + 48);
    if (at != 0 && (flags & SHM_REMAP) == 0 && !t.memory.isFreeRange(at, bytes)) {
      return -Errno.EINVAL;
    }
    boolean readOnly = (flags & SHM_RDONLY) != 0;
    int protection =
        Host.PROT_READ
            | (readOnly ? 0 : Host.PROT_WRITE)
            | ((flags & SHM_EXEC) != 0 ? UserMemory.PROT_EXEC : 0);
    Backing segment = new Backing.HostSegment(t.memory.arena, id, bytes, readOnly);
    segment.retain();
    try {
      String name = String.format("/SYSV%08x (deleted)", GuestRam.hostLoad32(status));
      var source = new UserMemory.Source(segment, 0, true, name, 0, null);
      return t.memory.map(t, at, bytes, protection, at != 0, false, t.memory.limit, source);
    } finally {
      segment.drop();
    }
  }

  /** shmat on the host at a fixed place. */
  static long attachHost(int id, long host, boolean readOnly) {
    return Host.call(SHMAT_HOST, id, host, SHM_REMAP | (readOnly ? SHM_RDONLY : 0));
  }

  private static long shmctl(GuestThread t, int id, int request, long at) {
    int command = request & ~IPC_64;
    switch (command) {
      case IPC_RMID, SHM_LOCK, SHM_UNLOCK:
        return Host.call(SHMCTL, id, command, 0);
      case IPC_STAT, SHM_STAT, IPC_SET:
        return structure(t, SHMCTL, id, 0, command, at, SHMID_BYTES, SysvCalls::shmid32);
      default:
        return -Errno.EINVAL;
    }
  }

  // ---------------------------------------------------------------- semaphores

  private static long semop(GuestThread t, long id, long at, long n, long time) {
    if (n < 1) {
      return -Errno.EINVAL;
    }
    if (n > MAX_OPERATIONS) {
      return -7;
    }
    long operations = t.in(at, (int) n * OPERATION_BYTES);
    if (operations == 0) {
      return -Errno.EFAULT;
    }
    // Not restarted by any handler: signal(7).
    return t.blocking(SEMTIMEDOP, id, operations, n, time, 0, 0);
  }

  private static long semctl(GuestThread t, long id, long n, int request, long value) {
    int command = request & ~IPC_64;
    switch (command) {
      case IPC_STAT, SEM_STAT, IPC_SET:
        return structure(t, SEMCTL, id, n, command, value, SEMID_BYTES, SysvCalls::semid32);
      case GETALL, SETALL:
        return all(t, id, command, value);
      case SETVAL:
        return Host.call(SEMCTL, id, n, command, value);
      case IPC_RMID, 11, 12, 14, 15:
        return Host.call(SEMCTL, id, n, command, 0);
      default:
        return -Errno.EINVAL;
    }
  }

  private static long all(GuestThread t, long id, int command, long at) {
    long status = t.scratch(SEMID_BYTES);
    long r = Host.call(SEMCTL, id, 0, IPC_STAT, status);
    if (r < 0) {
      return r;
    }
    int bytes = 2 * (int) Math.min(GuestRam.hostLoad64(status + 80), MAX_SEMAPHORES);
    long values = command == SETALL ? t.in(at, bytes) : t.out(at, bytes);
    if (values == 0) {
      return -Errno.EFAULT;
    }
    r = Host.call(SEMCTL, id, 0, command, values);
    if (r >= 0 && command == GETALL) {
      t.memory.writeHost(t, at, values, bytes);
    }
    return r;
  }

  // ---------------------------------------------------------------- messages

  private static long send(GuestThread t, long id, long at, long n, long flags) {
    int size = (int) n;
    int word = t.process.is32Bit ? 4 : 8;
    if (size < 0 || size > MAX_MESSAGE) {
      return -Errno.EINVAL;
    }
    long message = t.scratch(8L + size);
    GuestRam.hostStore64(message, word == 8 ? t.load64(at) : t.load32(at));
    t.memory.readHost(t, at + word, message + 8, size);
    return t.blocking(MSGSND, id, message, size, flags, 0, 0);
  }

  private static long receive(GuestThread t, long id, long at, long n, long type, long flags) {
    int size = (int) n;
    int word = t.process.is32Bit ? 4 : 8;
    if (size < 0) {
      return -Errno.EINVAL;
    }
    size = Math.min(size, MAX_MESSAGE);
    long message = t.scratch(8L + size);
    long r = t.blocking(MSGRCV, id, message, size, type, flags, 0);
    if (r >= 0) {
      if (word == 8) {
        t.store64(at, GuestRam.hostLoad64(message));
      } else {
        t.store32(at, (int) GuestRam.hostLoad64(message));
      }
      t.memory.writeHost(t, at + word, message + 8, r);
    }
    return r;
  }

  private static long msgctl(GuestThread t, int id, int request, long at) {
    int command = request & ~IPC_64;
    switch (command) {
      case IPC_RMID:
        return Host.call(MSGCTL, id, command, 0);
      case IPC_STAT, STAT, IPC_SET:
        return structure(t, MSGCTL, id, 0, command, at, MSQID_BYTES, SysvCalls::msqid32);
      default:
        return -Errno.EINVAL;
    }
  }

  // ---------------------------------------------------------------- structures

  /** Layout of the part of a structure after its ipc_perm, for i386. */
  @FunctionalInterface
  private interface Tail {
    /** Returns the size of the whole structure. */
    int put(ByteBuffer to, long host);
  }

  private static long structure(
      GuestThread t, int number, long id, long n, int command, long at, int bytes, Tail tail) {
    long host = t.scratch(bytes);
    boolean semaphores = number == SEMCTL;
    if (command == IPC_SET) {
      // What can be set: owner and mode, and the size of a message queue.
      GuestRam.hostFill(host, bytes, (byte) 0);
      boolean wide = !t.process.is32Bit;
      long raw = t.need(at, wide ? bytes : 84);
      if (wide) {
        GuestRam.hostCopy(raw, host, bytes);
      } else {
        GuestRam.hostCopy(raw, host, 20);
        GuestRam.hostStore32(host + 20, GuestRam.hostLoad16(raw + 20) & 0xffff);
        if (number == MSGCTL) {
          GuestRam.hostStore64(host + 88, GuestRam.hostLoad32(raw + 68) & LOW);
        }
      }
    }
    long r =
        semaphores ? Host.call(number, id, n, command, host) : Host.call(number, id, command, host);
    if (r < 0 || command == IPC_SET) {
      return r;
    }
    if (semaphores && t.process.abi.isGeneric()) {
      t.write(at, GenericLayout.semaphores(host));
      return r;
    }
    if (!t.process.is32Bit) {
      t.memory.writeHost(t, at, host, bytes);
      return r;
    }
    ByteBuffer b = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 20; i += 4) {
      b.putInt(i, GuestRam.hostLoad32(host + i));
    }
    b.putShort(20, (short) GuestRam.hostLoad32(host + 20));
    b.putShort(24, (short) GuestRam.hostLoad16(host + 24));
    int size = tail.put(b, host);
    t.memory.write(t, at, b.array(), 0, size);
    return r;
  }

  private static void time(ByteBuffer b, int to, long host, int from) {
    b.putLong(to, GuestRam.hostLoad64(host + from));
  }

  private static int shmid32(ByteBuffer b, long h) {
    b.putInt(36, (int) GuestRam.hostLoad64(h + 48));
    time(b, 40, h, 56);
    time(b, 48, h, 64);
    time(b, 56, h, 72);
    b.putInt(64, GuestRam.hostLoad32(h + 80)).putInt(68, GuestRam.hostLoad32(h + 84));
    b.putInt(72, (int) GuestRam.hostLoad64(h + 88));
    return 84;
  }

  private static int semid32(ByteBuffer b, long h) {
    time(b, 36, h, 48);
    time(b, 44, h, 64);
    b.putInt(52, (int) GuestRam.hostLoad64(h + 80));
    return 64;
  }

  private static int msqid32(ByteBuffer b, long h) {
    time(b, 36, h, 48);
    time(b, 44, h, 56);
    time(b, 52, h, 64);
    for (int i = 0; i < 3; i++) {
      b.putInt(60 + 4 * i, (int) GuestRam.hostLoad64(h + 72 + 8L * i));
    }
    b.putInt(72, GuestRam.hostLoad32(h + 96)).putInt(76, GuestRam.hostLoad32(h + 100));
    return 88;
  }
}
