package org.tuber.truffle.engine.linux;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.mem.GuestRam;

/**
 * A thread of a guest process: a host thread with a vCPU. Host calls of its system calls run on the
 * host thread itself, so that what the host keeps per thread (name, priority, working directory
 * once unshared, credentials) is per guest thread too.
 */
public final class GuestThread implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(GuestThread.class);

  /** Native memory for arguments of one system call. */
  static final int SCRATCH_BYTES = 96 << 10;

  final GuestProcess process;
  final UserCpu cpu;
  UserMemory memory;

  /** Number as the guest knows it. */
  int tid;

  /** Number as the host knows it. */
  volatile int hostTid;

  /** Blocked signals: bit n-1 for signal n. */
  volatile long mask;

  /** Mask to return to after rt_sigsuspend and its kin. */
  long savedMask;

  boolean savedMaskValid;

  /** Signals for this thread only. */
  final List<SignalInfo> pending = new ArrayList<>();

  /** Signals that rt_sigtimedwait waits for. */
  private volatile long awaited;

  // Alternate signal stack.
  long altStack;
  long altStackBytes;
  int altStackFlags = 2;

  /** Cleared, and waited for by joiners, when the thread ends; 0 for none. */
  long clearTid;

  long robustList;

  /** The thread is not executing guest code and uses no translation. */
  volatile boolean inKernel = true;

  /** All translations have to be dropped before guest code runs on. */
  volatile boolean flushWanted;

  /** Inside, or about to enter, a host call that may block. */
  volatile boolean blockingHost;

  /** Something waits for {@link #attend}: signals, a stop, the end. */
  volatile boolean work;

  volatile boolean ended;

  /** Whoever runs it wants {@link UserCpu#run} to return soon, also from a blocking host call. */
  volatile boolean paused;

  /** This thread alone shall end (another one runs execve). */
  volatile boolean endWanted;

  /** What its host thread had used before it was this thread's. */
  volatile Usage base = new Usage();

  /** Where a system call of i386 has the host's struct stat. */
  long statBuffer;

  /** Next free byte of {@link #scratch}. */
  private long scratchUsed;

  private final long scratch = GuestRam.hostAllocate(SCRATCH_BYTES);

  GuestThread(GuestProcess process, UserMemory memory, int tid) {
    this.process = process;
    this.memory = memory;
    this.tid = tid;
    UserSystem system = process.system;
    cpu =
        system
            .settings
            .architecture()
            .newCpu(this, system.engine, system.arena.addressSpace(), system.clock);
    memory.attach(this);
    synchronized (system) {
      process.threads.add(this);
    }
  }

  public UserCpu cpu() {
    return cpu;
  }

  // ---------------------------------------------------------------- life

  private final CountDownLatch started = new CountDownLatch(1);
  private boolean newDirectory;

  /**
   * Starts it.
   *
   * @param ownDirectory with a working directory of its own (a new process)
   */
  void begin(boolean ownDirectory) {
    newDirectory = ownDirectory;
    Thread t = new Thread(null, this, "guest", 1L << 20);
    t.start();
    try {
      started.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The host's number, known once it runs; needed by whoever starts it. */
  private final CountDownLatch go = new CountDownLatch(1);

  /** Lets it run guest code: what has to know its number has been set up. */
  void release() {
    go.countDown();
  }

  @Override
  public void run() {
    base = Usage.ofCallingThread(null);
    hostTid = Host.threadId();
    if (newDirectory) {
      Host.unshareDirectory();
    }
    if (tid == 0) {
      tid = hostTid;
    }
    started.countDown();
    try {
      go.await();
      leaveKernel();
      if (work) {
        cpu.attention();
      }
      while (!ended) {
        cpu.run();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (InternalError e) {
      // HotSpot's word for SIGBUS: a process of the host has cut off a mapped file. Compiled code
      // may have lost registers by now: no handler can run.
      LOG.warn("a file that {} has mapped was cut off by the host", process.executable);
      LOG.debug("SIGBUS", e);
      process.die(SignalInfo.SIGBUS);
    } catch (RuntimeException | Error e) {
      LOG.error(
          "thread {} of {}: the emulator failed at 0x{}",
          tid,
          process.executable,
          Long.toHexString(cpu.pc()),
          e);
      process.die(SignalInfo.SIGABRT);
    } finally {
      finish();
    }
  }

  /** Leaves the process; the last act of this thread, by the host thread that ran it. */
  void finish() {
    inKernel = true;
    ended = true;
    flushWanted = false;
    try {
      ThreadCalls.clearTid(this);
    } catch (Errno e) {
      // The guest unmapped it.
      LOG.debug("clear_child_tid", e);
    }
    UserSystem system = process.system;
    process.leaving(memory);
    try {
      memory.detach(this);
    } catch (RuntimeException e) {
      // Whoever waits for this thread waits for ever if it does not leave.
      LOG.error("memory of {}", process.executable, e);
    }
    synchronized (system.engine) {
      system.instructions += cpu.instructions();
      cpu.close();
    }
    GuestRam.hostFree(scratch);
    process.left(this);
  }

  /** Makes {@link #run} come to its end; on this thread. */
  void end() {
    ended = true;
    cpu.kick();
  }

  /** Makes it look at signals and requests to end, wherever it is. Any thread. */
  void wake() {
    work = true;
    if (ended) {
      return;
    }
    cpu.attention();
    if (blockingHost) {
      process.system.nudge(this);
    }
  }

  boolean blocks(int signal) {
    return (mask & SignalInfo.bit(signal) & ~Signals.UNBLOCKABLE) != 0;
  }

  boolean waitsFor(int signal) {
    return (awaited & SignalInfo.bit(signal)) != 0;
  }

  void await(long set) {
    awaited = set;
  }

  /** A deliverable signal, a stop or the end is there. Under the system's monitor. */
  boolean hasWork() {
    return process.dying
        || paused
        || endWanted
        || process.stopped
        || (Signals.pendingSet(this) & (~mask | Signals.UNBLOCKABLE)) != 0;
  }

  // ---------------------------------------------------------------- kernel entry and exit

  /** Back to guest code: what was asked for meanwhile is done now. */
  void leaveKernel() {
    inKernel = false;
    if (flushWanted) {
      // In this order: who asks again meanwhile has changed the epoch before.
      flushWanted = false;
      cpu.flushTlb(memory.epoch());
    }
  }

  /** Translates an address for the CPU, which gets the outcome or a fault to throw. */
  public void walk(long gva, int access) {
    memory.walk(this, gva, access);
  }

  /** A system call of this thread's own ABI. */
  public void systemCall(int number, long a, long b, long c, long d, long e, long f) {
    systemCall(process.abi, number, a, b, c, d, e, f);
  }

  /** A system call; its result is in the registers, or a handler is about to run. */
  public void systemCall(Abi abi, int number, long a, long b, long c, long d, long e, long f) {
    inKernel = true;
    scratchUsed = 0;
    long result = abi.calls().call(this, number, a, b, c, d, e, f);
    if (result != Errno.NO_RESULT && !ended) {
      if (result != -Errno.ERESTARTSYS && result != -Errno.ERESTARTNOHAND) {
        cpu.setResult(result);
      }
      if (work || result == -Errno.ERESTARTSYS || result == -Errno.ERESTARTNOHAND) {
        Signals.deliver(this, result, number);
      }
    } else if (work && !ended) {
      Signals.deliver(this, 0, 0);
    }
    leaveKernel();
  }

  /** Looks at what {@link UserCpu#attention} announced; true when control went elsewhere. */
  public boolean attend() {
    inKernel = true;
    boolean moved = false;
    HostGate gate = process.gate;
    // Registers are the host function's until it has been called: signals wait.
    if (work && (gate == null || !gate.isOpen(this))) {
      moved = Signals.deliver(this, 0, 0);
    }
    leaveKernel();
    return moved;
  }

  // ---------------------------------------------------------------- exceptions

  /** An instruction caused a signal; the CPU's pc is that instruction. */
  public void fault(SignalInfo info) {
    inKernel = true;
    HostGate gate = process.gate;
    if (gate == null || !gate.catches(this, info)) {
      Signals.fault(this, info);
      Signals.deliver(this, 0, 0);
    }
    leaveKernel();
  }

  /**
   * The trap at {@code gva} was executed; false when it is none of {@link HostGate}'s. The CPU's pc
   * is then the embedder's to set.
   */
  public boolean enterHost(long gva) {
    HostGate gate = process.gate;
    return gate != null && gate.enter(this, gva);
  }

  /** A handler's frame names registers that the CPU refuses: SIGSEGV where it should go on. */
  public void cannotReturn() {
    Signals.fault(this, SignalInfo.fault(SignalInfo.SIGSEGV, SignalInfo.SI_KERNEL, 0, 0));
    work = true;
  }

  /** Says in the trace what killed the process. */
  void traceDeath(SignalInfo info) {
    var trace = process.system.settings.trace();
    if (trace != null) {
      trace.accept(
          String.format(
              "%d --- %s {si_code=%d, si_addr=0x%x} at %s=0x%x ---",
              tid,
              SignalInfo.name(info.number()),
              info.code(),
              info.address(),
              process.abi.pcName(),
              cpu.pc()));
    }
  }

  // ---------------------------------------------------------------- frames of the kernel's own

  /** A page frame that no program sees; its offset as {@link UserCpu#walked} takes it. */
  public long allocateFrame() {
    return process.system.arena.allocate(1).offset();
  }

  public void releaseFrame(long offset) {
    process.system.arena.release(offset);
  }

  /** A frame of the address space that its program does not see; made when first asked for. */
  public long systemPage(int number) {
    return memory.systemPages.frame(number);
  }

  /** Some of {@link #systemPage} were asked for. */
  public boolean hasSystemPages() {
    return !memory.systemPages.isEmpty();
  }

  /** Host address of a frame. */
  public long frameHost(long offset) {
    return process.system.arena.host(offset);
  }

  // ---------------------------------------------------------------- guest memory, for system calls

  public long load64(long gva) {
    long a = scratch(8);
    memory.readHost(this, gva, a, 8);
    return GuestRam.hostLoad64(a);
  }

  public int load32(long gva) {
    long a = scratch(8);
    memory.readHost(this, gva, a, 4);
    return GuestRam.hostLoad32(a);
  }

  public void store64(long gva, long value) {
    long a = scratch(8);
    GuestRam.hostStore64(a, value);
    memory.writeHost(this, gva, a, 8);
  }

  public void store32(long gva, int value) {
    long a = scratch(8);
    GuestRam.hostStore32(a, value);
    memory.writeHost(this, gva, a, 4);
  }

  public byte[] bytes(long gva, int length) {
    byte[] b = new byte[length];
    memory.read(this, gva, b, 0, length);
    return b;
  }

  public void write(long gva, byte[] bytes) {
    memory.write(this, gva, bytes, 0, bytes.length);
  }

  /** A string that ends with a zero byte. */
  public byte[] cString(long gva) {
    byte[] b = new byte[128];
    int n = 0;
    while (true) {
      long offset = memory.at(this, gva + n, false);
      int room = (int) (4096 - (offset & 4095));
      for (int i = 0; i < room; i++) {
        int v = memory.arena.ram.load8(offset + i);
        if (v == 0) {
          return java.util.Arrays.copyOf(b, n);
        }
        if (n == b.length) {
          if (n > 1 << 20) {
            throw new Errno(Errno.ENAMETOOLONG);
          }
          b = java.util.Arrays.copyOf(b, 2 * n);
        }
        b[n++] = (byte) v;
      }
    }
  }

  /** A path, one character per byte. */
  public String path(long gva) {
    byte[] b = cString(gva);
    if (b.length >= 4096) {
      throw new Errno(Errno.ENAMETOOLONG);
    }
    return Paths.text(b);
  }

  // ---------------------------------------------------------------- native memory, for system
  // calls

  /** Native memory until the end of this system call, 16-byte aligned. */
  public long scratch(long bytes) {
    long at = scratchUsed;
    scratchUsed = (at + bytes + 15) & -16L;
    if (scratchUsed > SCRATCH_BYTES || bytes < 0) {
      throw new Errno(Errno.ENOMEM);
    }
    return scratch + at;
  }

  /** All of {@link #scratch} is free again. */
  void resetScratch() {
    scratchUsed = 0;
  }

  /** What is left for {@link #scratch}. */
  long scratchLeft() {
    return SCRATCH_BYTES - scratchUsed - 16;
  }

  /** A guest structure in native memory; 0 for a null pointer. */
  public long in(long gva, int bytes) {
    if (gva == 0) {
      return 0;
    }
    long a = scratch(bytes);
    memory.readHost(this, gva, a, bytes);
    return a;
  }

  /** The same for one that has to be there: a null pointer is EFAULT. */
  public long need(long gva, int bytes) {
    if (gva == 0) {
      throw new Errno(Errno.EFAULT);
    }
    return in(gva, bytes);
  }

  /** Native memory for a structure that the guest gets; 0 for a null pointer. */
  public long out(long gva, int bytes) {
    if (gva == 0) {
      return 0;
    }
    long a = scratch(bytes);
    GuestRam.hostFill(a, bytes, (byte) 0);
    return a;
  }

  /** A path for the host in native memory. */
  public long hostPath(String path) {
    return string(process.system.paths.host(this, path));
  }

  /** Text as a native string. */
  long string(String text) {
    int n = text.length();
    long a = scratch(n + 1L);
    for (int i = 0; i < n; i++) {
      GuestRam.hostStore8(a + i, text.charAt(i));
    }
    GuestRam.hostStore8(a + n, 0);
    return a;
  }

  public int fd(long guestFd) {
    return process.fds.host((int) guestFd);
  }

  /** A directory descriptor of the *at calls. */
  public int directory(long guestFd) {
    return (int) guestFd == Host.AT_FDCWD ? Host.AT_FDCWD : fd(guestFd);
  }

  /**
   * A host call that may block; interrupted by {@link #wake}. Interruptions without a reason for
   * the guest are not seen.
   *
   * @return the result; {@link Errno#EINTR} only when there is {@link #work}
   */
  long blocking(int number, long a, long b, long c, long d, long e, long f) {
    while (true) {
      blockingHost = true;
      long r = work ? -Errno.EINTR : Host.call6(number, a, b, c, d, e, f);
      blockingHost = false;
      if (r != -Errno.EINTR || reallyHasWork()) {
        return r;
      }
    }
  }

  /** {@link #work} may be out of date: looks again. */
  boolean reallyHasWork() {
    synchronized (process.system) {
      work = hasWork();
      return work;
    }
  }

  /** {@link #blocking} for calls that begin again after a signal. */
  public long restartable(int number, long a, long b, long c, long d, long e, long f) {
    long r = blocking(number, a, b, c, d, e, f);
    return r == -Errno.EINTR ? -Errno.ERESTARTSYS : r;
  }
}
