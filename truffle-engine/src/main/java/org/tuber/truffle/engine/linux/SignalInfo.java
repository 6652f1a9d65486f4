package org.tuber.truffle.engine.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A signal with its siginfo (asm-generic/siginfo.h).
 *
 * @param number signal
 * @param code si_code
 * @param address si_addr of a fault, si_value of a queued one
 * @param pid sender or child
 * @param uid its user
 * @param status exit status of a child, or trap number
 */
public record SignalInfo(int number, int code, long address, int pid, int uid, int status) {
  public static final int SI_USER = 0;
  public static final int SI_KERNEL = 0x80;
  public static final int SI_QUEUE = -1;
  public static final int SI_TIMER = -2;
  public static final int SI_TKILL = -6;

  public static final int SIGHUP = 1;
  public static final int SIGINT = 2;
  public static final int SIGILL = 4;
  public static final int SIGTRAP = 5;
  public static final int SIGABRT = 6;
  public static final int SIGBUS = 7;
  public static final int SIGFPE = 8;
  public static final int SIGKILL = 9;
  public static final int SIGSEGV = 11;
  public static final int SIGPIPE = 13;
  public static final int SIGALRM = 14;
  public static final int SIGCHLD = 17;
  public static final int SIGCONT = 18;
  public static final int SIGSTOP = 19;
  public static final int SIGTSTP = 20;
  public static final int SIGTTIN = 21;
  public static final int SIGTTOU = 22;
  public static final int SIGURG = 23;
  public static final int SIGXCPU = 24;
  public static final int SIGXFSZ = 25;
  public static final int SIGVTALRM = 26;
  public static final int SIGPROF = 27;
  public static final int SIGWINCH = 28;
  public static final int SIGSYS = 31;
  public static final int BYTES = 128;

  private static final String[] NAMES =
      ("0 HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP"
              + " TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS")
          .split(" ");

  public static SignalInfo simple(int number, int code) {
    return new SignalInfo(number, code, 0, 0, 0, 0);
  }

  public static SignalInfo from(int number, int code, GuestThread sender) {
    return new SignalInfo(number, code, 0, sender.process.pid, sender.process.uid(), 0);
  }

  public static SignalInfo fault(int number, int code, long address, int trap) {
    return new SignalInfo(number, code, address, 0, 0, trap);
  }

  public static long bit(int number) {
    return 1L << (number - 1);
  }

  public static String name(int number) {
    return number < NAMES.length ? "SIG" + NAMES[number] : "SIGRT" + number;
  }

  private boolean isFault() {
    return code > 0
        && (number == SIGSEGV
            || number == SIGBUS
            || number == SIGFPE
            || number == SIGILL
            || number == SIGTRAP);
  }

  /** siginfo_t as the guest sees it. */
  public byte[] toBytes(boolean wide) {
    ByteBuffer b = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    b.putInt(0, number).putInt(8, code);
    int at = wide ? 16 : 12;
    if (isFault()) {
      if (wide) {
        b.putLong(at, address);
      } else {
        b.putInt(at, (int) address);
      }
      return b.array();
    }
    b.putInt(at, pid).putInt(at + 4, uid);
    if (number == SIGCHLD && code > 0) {
      b.putInt(at + 8, status);
    } else if (code == SI_QUEUE || code == SI_TIMER) {
      if (wide) {
        b.putLong(at + 8, address);
      } else {
        b.putInt(at + 8, (int) address);
      }
    }
    return b.array();
  }
}
