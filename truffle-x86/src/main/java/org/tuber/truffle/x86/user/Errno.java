package org.tuber.truffle.x86.user;

/** Error numbers of Linux on x86 (asm-generic/errno.h), also as a system call's way out. */
final class Errno extends RuntimeException {
  private static final long serialVersionUID = 1L;

  static final int EPERM = 1;
  static final int ENOENT = 2;
  static final int ESRCH = 3;
  static final int EINTR = 4;
  static final int EIO = 5;
  static final int ENOEXEC = 8;
  static final int E2BIG = 7;
  static final int EBADF = 9;
  static final int ECHILD = 10;
  static final int EAGAIN = 11;
  static final int ENOMEM = 12;
  static final int EACCES = 13;
  static final int EFAULT = 14;
  static final int EEXIST = 17;
  static final int ENOTDIR = 20;
  static final int EISDIR = 21;
  static final int EINVAL = 22;
  static final int EMFILE = 24;
  static final int ENOTTY = 25;
  static final int ETXTBSY = 26;
  static final int ESPIPE = 29;
  static final int ERANGE = 34;
  static final int ENAMETOOLONG = 36;
  static final int ENOSYS = 38;
  static final int ELOOP = 40;
  static final int ELIBBAD = 80;
  static final int EOVERFLOW = 75;
  static final int ETIMEDOUT = 110;
  static final int EOPNOTSUPP = 95;

  /** Internal: restart after a handler with SA_RESTART, else EINTR. */
  static final int ERESTARTSYS = 512;

  /** Internal: restart only when no handler ran. */
  static final int ERESTARTNOHAND = 514;

  /** Internal: the call has set all registers itself. */
  static final long NO_RESULT = Long.MIN_VALUE;

  private static final String[] NAMES = new String[134];

  static {
    String[] names =
        ("? EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM "
                + "EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE "
                + "EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK "
                + "ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP ? ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT "
                + "EL3RST ELNRNG EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT ? "
                + "EBFONT ENOSTR ENODATA ETIME ENOSR ENONET ENOPKG EREMOTE ENOLINK EADV ESRMNT "
                + "ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG ELIBACC "
                + "ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK "
                + "EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT "
                + "EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN "
                + "ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN "
                + "ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS "
                + "ESTALE EUCLEAN ENOTNAM ENAVAIL EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE "
                + "ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE "
                + "ERFKILL EHWPOISON")
            .split(" ");
    System.arraycopy(names, 0, NAMES, 0, names.length);
  }

  /** Positive error number. */
  final int number;

  Errno(int number) {
    super(name(number), null, false, false);
    this.number = number;
  }

  /** Symbolic name of a positive error number. */
  static String name(int number) {
    return number > 0 && number < NAMES.length ? NAMES[number] : "E" + number;
  }
}
