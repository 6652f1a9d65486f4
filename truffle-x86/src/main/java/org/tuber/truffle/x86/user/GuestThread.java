package org.tuber.truffle.x86.user;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.cpu.CpuPlatform;
import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.x86.state.UserKernel;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * A thread of a guest process: a host thread with a vCPU. Host calls of its system calls run on the
 * host thread itself, so that what the host keeps per thread (name, priority, working directory
 * once unshared, credentials) is per guest thread too.
 */
final class GuestThread implements UserKernel, Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(GuestThread.class);

  /** Native memory for arguments of one system call. */
  static final int SCRATCH_BYTES = 96 << 10;

  /** 0x80: the gate of 32-bit system calls. */
  private static final int INT_80 = 0x80;

  final GuestProcess process;
  final X86Cpu cpu;
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

  /** Whoever runs it wants {@link X86Cpu#run} to return soon, also from a blocking host call. */
  volatile boolean paused;

  /** This thread alone shall end (another one runs execve). */
  volatile boolean endWanted;

  /** Where a system call of i386 has the host's struct stat. */
  long statBuffer;

  /** Next free byte of {@link #scratch}. */
  private long scratchUsed;

  private final long scratch = GuestRam.hostAllocate(SCRATCH_BYTES);

  /** Descriptors for i386 thread-local storage: the GDT as the host address of a page. */
  private long descriptorFrame;

  /** GDT of every thread: above all user addresses. */
  static final long GDT_GVA = 0xffff_ff00_0000_0000L;

  private static final int GDT_ENTRIES = 16;

  /** Linux's USER_CS and friends. */
  static final int CS64 = 0x33;

  static final int CS32 = 0x23;
  static final int SS = 0x2b;
  static final int TLS_FIRST = 12;

  GuestThread(GuestProcess process, UserMemory memory, int tid) {
    this.process = process;
    this.memory = memory;
    this.tid = tid;
    UserSystem system = process.system;
    cpu =
        new X86Cpu(
            system.engine,
            0,
            system.arena.addressSpace(),
            null,
            system.clock,
            CpuPlatform.NONE,
            system.settings.model());
    cpu.userKernel = this;
    memory.attach(this);
    synchronized (system) {
      process.threads.add(this);
    }
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
      if (memory.isShared()) {
        cpu.shared = true;
      }
      leaveKernel();
      if (work) {
        cpu.attention();
      }
      while (!ended) {
        cpu.run(Long.MAX_VALUE);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException | Error e) {
      LOG.error(
          "thread {} of {}: the emulator failed at 0x{}",
          tid,
          process.executable,
          Long.toHexString(cpu.home.pc),
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
    try {
      memory.detach(this);
    } catch (RuntimeException e) {
      // Whoever waits for this thread waits for ever if it does not leave.
      LOG.error("memory of {}", process.executable, e);
    }
    synchronized (system.engine) {
      system.instructions += cpu.home.instructions;
      cpu.close();
    }
    GuestRam.hostFree(scratch);
    if (descriptorFrame != 0) {
      system.arena.release(descriptorFrame);
    }
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
      cpu.flushTlb();
      flushWanted = false;
    }
  }

  @Override
  public void walk(X86Cpu c, long gva, int access) {
    if (gva >= GDT_GVA && gva < GDT_GVA + 4096 && c.cpl == 0) {
      c.walked(descriptorFrame | (gva & 4095), 3);
      return;
    }
    memory.walk(this, c, gva, access);
  }

  @Override
  public void systemCall(X86Cpu c, boolean fast) {
    X86State s = c.home;
    if (c.is64Bit()) {
      s.r[1] = s.pc;
      s.r[11] = c.eflags();
      call(process.system.calls64, (int) s.r[0], s.r[7], s.r[6], s.r[2], s.r[10], s.r[8], s.r[9]);
    } else {
      // Both need the vDSO, which is not there.
      raise(c, X86Cpu.UD, 0, 0);
    }
  }

  @Override
  public void softwareInterrupt(X86Cpu c, int vector) {
    X86State s = c.home;
    switch (vector) {
      case INT_80 ->
          call(
              process.system.calls32,
              (int) s.r[0],
              s.r[3] & 0xffff_ffffL,
              s.r[1] & 0xffff_ffffL,
              s.r[2] & 0xffff_ffffL,
              s.r[6] & 0xffff_ffffL,
              s.r[7] & 0xffff_ffffL,
              s.r[5] & 0xffff_ffffL);
      case X86Cpu.BP, X86Cpu.DB, X86Cpu.OF -> raise(c, vector, 0, 0);
      default -> {
        HostGate gate = process.gate;
        if (vector == HostGate.VECTOR && gate != null && gate.enter(this, s.pc - 2)) {
          return;
        }
        // Two bytes long; the fault is reported at the instruction.
        s.pc -= 2;
        raise(c, X86Cpu.GP, vector * 8L + 2, 0);
      }
    }
  }

  private void call(Syscalls table, int number, long a, long b, long c, long d, long e, long f) {
    inKernel = true;
    scratchUsed = 0;
    long result = table.call(this, number, a, b, c, d, e, f);
    if (result != Errno.NO_RESULT && !ended) {
      if (result != -Errno.ERESTARTSYS && result != -Errno.ERESTARTNOHAND) {
        setResult(result);
      }
      if (work || result == -Errno.ERESTARTSYS || result == -Errno.ERESTARTNOHAND) {
        Signals.deliver(this, result, number);
      }
    } else if (work && !ended) {
      Signals.deliver(this, 0, 0);
    }
    leaveKernel();
  }

  void setResult(long result) {
    cpu.home.r[0] = cpu.is64Bit() ? result : result & 0xffff_ffffL;
  }

  @Override
  public boolean attend(X86Cpu c) {
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

  @Override
  public void exception(X86Cpu c) {
    raise(c, c.fault.vector, c.fault.errorCode, c.fault.address);
  }

  /** Trap number and error code of the last exception, for signal frames. */
  int lastTrap;

  long lastError;
  long lastAddress;

  private void raise(X86Cpu c, int vector, long error, long address) {
    inKernel = true;
    lastTrap = vector;
    lastError = error < 0 ? 0 : error & 0x7fff;
    lastAddress = vector == X86Cpu.PF ? address : 0;
    long pc = c.home.pc;
    SignalInfo info =
        switch (vector) {
          case X86Cpu.DE -> SignalInfo.fault(SignalInfo.SIGFPE, 1, pc, vector);
          case X86Cpu.DB -> SignalInfo.fault(SignalInfo.SIGTRAP, 2, pc, vector);
          case X86Cpu.BP -> SignalInfo.fault(SignalInfo.SIGTRAP, SignalInfo.SI_KERNEL, 0, vector);
          case X86Cpu.UD -> SignalInfo.fault(SignalInfo.SIGILL, 2, pc, vector);
          case X86Cpu.MF -> SignalInfo.fault(SignalInfo.SIGFPE, fpuCode(c.fpu.status), pc, vector);
          case X86Cpu.XM ->
              SignalInfo.fault(SignalInfo.SIGFPE, fpuCode(c.mxcsr & ~(c.mxcsr >> 7)), pc, vector);
          case X86Cpu.AC -> SignalInfo.fault(SignalInfo.SIGBUS, 1, 0, vector);
          case X86Cpu.PF ->
              (error & UserMemory.BUS_ERROR) != 0
                  ? SignalInfo.fault(SignalInfo.SIGBUS, 2, address, vector)
                  : SignalInfo.fault(SignalInfo.SIGSEGV, (error & 1) != 0 ? 2 : 1, address, vector);
          default -> SignalInfo.fault(SignalInfo.SIGSEGV, SignalInfo.SI_KERNEL, 0, vector);
        };
    HostGate gate = process.gate;
    if (gate == null || !gate.catches(this, info)) {
      Signals.fault(this, info);
      Signals.deliver(this, 0, 0);
    }
    leaveKernel();
  }

  /** si_code of SIGFPE from exception flags. */
  private static int fpuCode(int flags) {
    if ((flags & 1) != 0) {
      return 7;
    }
    if ((flags & 4) != 0) {
      return 3;
    }
    if ((flags & 8) != 0) {
      return 4;
    }
    return (flags & 0x12) != 0 ? 5 : 6;
  }

  /** Says in the trace what killed the process. */
  void traceDeath(SignalInfo info) {
    var trace = process.system.settings.trace();
    if (trace != null) {
      trace.accept(
          String.format(
              "%d --- %s {si_code=%d, si_addr=0x%x} at rip=0x%x ---",
              tid, SignalInfo.name(info.number()), info.code(), info.address(), cpu.home.pc));
    }
  }

  // ---------------------------------------------------------------- i386 descriptors

  /** The GDT's page, made at first use. */
  long descriptors() {
    if (descriptorFrame == 0) {
      descriptorFrame = process.system.arena.allocate(1).offset();
      setDescriptor(CS32 >> 3, 0x00cf_fb00_0000_ffffL);
      setDescriptor(SS >> 3, 0x00cf_f300_0000_ffffL);
      setDescriptor(CS64 >> 3, 0x00af_fb00_0000_ffffL);
    }
    // A new program has reset the register.
    cpu.gdtr.base = GDT_GVA;
    cpu.gdtr.limit = GDT_ENTRIES * 8 - 1;
    return process.system.arena.host(descriptorFrame);
  }

  void setDescriptor(int index, long descriptor) {
    GuestRam.hostStore64(descriptors() + 8L * index, descriptor);
  }

  long descriptor(int index) {
    return GuestRam.hostLoad64(descriptors() + 8L * index);
  }

  // ---------------------------------------------------------------- guest memory, for system calls

  long load64(long gva) {
    long a = scratch(8);
    memory.readHost(this, gva, a, 8);
    return GuestRam.hostLoad64(a);
  }

  int load32(long gva) {
    long a = scratch(8);
    memory.readHost(this, gva, a, 4);
    return GuestRam.hostLoad32(a);
  }

  void store64(long gva, long value) {
    long a = scratch(8);
    GuestRam.hostStore64(a, value);
    memory.writeHost(this, gva, a, 8);
  }

  void store32(long gva, int value) {
    long a = scratch(8);
    GuestRam.hostStore32(a, value);
    memory.writeHost(this, gva, a, 4);
  }

  byte[] bytes(long gva, int length) {
    byte[] b = new byte[length];
    memory.read(this, gva, b, 0, length);
    return b;
  }

  void write(long gva, byte[] bytes) {
    memory.write(this, gva, bytes, 0, bytes.length);
  }

  /** A string that ends with a zero byte. */
  byte[] cString(long gva) {
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
  String path(long gva) {
    byte[] b = cString(gva);
    if (b.length >= 4096) {
      throw new Errno(Errno.ENAMETOOLONG);
    }
    return Paths.text(b);
  }

  // ---------------------------------------------------------------- native memory, for system
  // calls

  /** Native memory until the end of this system call, 16-byte aligned. */
  long scratch(long bytes) {
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
  long in(long gva, int bytes) {
    if (gva == 0) {
      return 0;
    }
    long a = scratch(bytes);
    memory.readHost(this, gva, a, bytes);
    return a;
  }

  /** The same for one that has to be there: a null pointer is EFAULT. */
  long need(long gva, int bytes) {
    if (gva == 0) {
      throw new Errno(Errno.EFAULT);
    }
    return in(gva, bytes);
  }

  /** Native memory for a structure that the guest gets; 0 for a null pointer. */
  long out(long gva, int bytes) {
    if (gva == 0) {
      return 0;
    }
    long a = scratch(bytes);
    GuestRam.hostFill(a, bytes, (byte) 0);
    return a;
  }

  /** A path for the host in native memory. */
  long hostPath(String path) {
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

  int fd(long guestFd) {
    return process.fds.host((int) guestFd);
  }

  /** A directory descriptor of the *at calls. */
  int directory(long guestFd) {
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
  long restartable(int number, long a, long b, long c, long d, long e, long f) {
    long r = blocking(number, a, b, c, d, e, f);
    return r == -Errno.EINTR ? -Errno.ERESTARTSYS : r;
  }
}
