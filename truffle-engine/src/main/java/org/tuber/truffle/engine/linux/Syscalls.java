package org.tuber.truffle.engine.linux;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The system calls of one ABI by number. */
public final class Syscalls {
  private static final Logger LOG = LoggerFactory.getLogger(Syscalls.class);

  /**
   * A system call; returns the result, a negative error number, or one of {@link Errno}'s marks.
   */
  @FunctionalInterface
  public interface Call {
    long run(GuestThread t, long a, long b, long c, long d, long e, long f);
  }

  /**
   * A row of the table.
   *
   * @param signature argument kinds, see {@link Passthrough}
   * @param call what does it, or null: not implemented
   */
  record Row(String name, String[] signature, Call call) {}

  /** A guest that invents numbers cannot fill the host's memory or log. */
  private static final int MAX_LOGGED = 256;

  private final Row[] rows;
  private final Set<Integer> logged = ConcurrentHashMap.newKeySet();

  Syscalls(Row[] rows) {
    this.rows = rows;
  }

  /** Runs one; never throws on guest input. */
  long call(GuestThread t, int number, long a, long b, long c, long d, long e, long f) {
    Row row = number >= 0 && number < rows.length ? rows[number] : null;
    Consumer<String> trace = t.process.system.settings.trace();
    String begun =
        trace == null || row == null ? null : Strace.begin(t, row, new long[] {a, b, c, d, e, f});
    long result;
    if (row == null || row.call == null) {
      result = unknown(row, number);
    } else {
      try {
        result = row.call.run(t, a, b, c, d, e, f);
      } catch (Errno error) {
        result = -error.number;
      } catch (InternalError error) {
        // The page of a mapped file that a host's process has cut off meanwhile.
        LOG.debug("system call {}", row.name, error);
        result = -Errno.EFAULT;
      } catch (RuntimeException | StackOverflowError error) {
        LOG.error("system call {} failed in the emulator", row.name, error);
        result = -Errno.ENOSYS;
      }
    }
    if (trace != null) {
      trace.accept(Strace.end(t, begun == null ? "syscall_" + number + "(" : begun, result));
    }
    return result;
  }

  private long unknown(Row row, int number) {
    if (logged.size() < MAX_LOGGED && logged.add(number)) {
      LOG.warn("system call {} ({}) is not implemented", row == null ? "?" : row.name, number);
    }
    return -Errno.ENOSYS;
  }
}
