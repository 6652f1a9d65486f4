package org.tuber.truffle.engine.linux;

import org.tuber.truffle.engine.GuestCpu;

/**
 * A thread's CPU as Linux sees it: its registers by their meaning. A front end derives the class of
 * each of its kinds of CPU; what its CPU asks of a kernel (system calls, exceptions, translations)
 * it hands to the {@link GuestThread}.
 */
public abstract class UserCpu implements AutoCloseable {
  protected final GuestThread thread;
  private final GuestCpu cpu;

  protected UserCpu(GuestThread thread, GuestCpu cpu) {
    this.thread = thread;
    this.cpu = cpu;
    cpu.codeMap(new GuestCode(thread));
  }

  // ---------------------------------------------------------------- running

  /** Runs until {@link #kick}. */
  final void run() {
    cpu.run(Long.MAX_VALUE);
  }

  final void kick() {
    cpu.kick();
  }

  final long instructions() {
    return cpu.instructionCount();
  }

  /** Makes the CPU call {@link GuestThread#attend} soon. Any thread. */
  protected abstract void attention();

  @Override
  public void close() {
    cpu.close();
  }

  // ---------------------------------------------------------------- translations

  /** Forgets all translations; code that was checked in {@code epoch} is as it was. */
  final void flushTlb(long epoch) {
    cpu.flushTlb(epoch);
  }

  final long newEpoch() {
    return cpu.newEpoch();
  }

  /** Forgets the data translations of a page; no code is involved. */
  protected abstract void flushDataPage(long gva);

  /** Why there is no translation. */
  public enum PageFault {
    /** Nothing is mapped there. */
    NOT_MAPPED,
    /** The mapping does not allow it. */
    FORBIDDEN,
    /** The same, and the page is not there either. */
    FORBIDDEN_ABSENT,
    /** The file behind the mapping ends before. */
    NO_PAGE
  }

  /** The outcome of a translation; permissions are {@link GuestCpu}'s PERMIT_ bits. */
  protected abstract void walked(long gpa, int permissions);

  /** The fault of a translation that failed, to be thrown; {@code access} is GuestCpu's. */
  protected abstract RuntimeException pageFault(long gva, int access, PageFault why);

  // ---------------------------------------------------------------- registers

  protected abstract long pc();

  protected abstract void setPc(long pc);

  protected abstract long stackPointer();

  protected abstract void setStackPointer(long sp);

  /** Registers as a kernel leaves them for a new program. */
  protected abstract void begin(Abi abi, long pc, long sp);

  /** Takes over all registers of {@code parent}: clone. */
  protected abstract void copy(UserCpu parent);

  /** The argument of CLONE_SETTLS; {@code reader} can read what it points to. */
  protected abstract void setThreadPointer(long tls, GuestThread reader);

  // ---------------------------------------------------------------- system calls and signals

  protected abstract void setResult(long result);

  /** Makes the thread repeat the system call it is in. */
  protected abstract void restart(int number);

  /**
   * Sets up a handler's frame and registers.
   *
   * @throws Errno when the frame does not fit anywhere
   */
  protected abstract void pushFrame(SignalInfo info, SignalActions.Action action);

  // ---------------------------------------------------------------- calls of guest functions

  /** What {@link #restoreCall} needs. */
  protected abstract Object saveCall();

  /**
   * After a call.
   *
   * @param returned the function returned; else it broke off
   */
  protected abstract void restoreCall(Object saved, boolean returned);

  /** Bytes below the stack pointer that belong to the running function. */
  protected abstract int redZoneBytes();

  /**
   * Prepares the call of a function.
   *
   * @param sp aligned, the arguments above it
   * @param back where it shall return to
   */
  protected abstract void enterFunction(LibraryProcess p, long function, long sp, long back);

  /** The function that {@link #enterFunction} prepared left the stack as it has to. */
  protected abstract boolean isBalanced(long sp);

  /** A host function is done: goes on where guest code called it. */
  protected abstract void leaveHostFunction(LibraryProcess p);

  /** Places integer arguments; returns those for the stack. */
  protected abstract byte[] placeIntegers(long... arguments);

  protected abstract long integerResult();

  /** At a program's entry point: the function to be called at exit, or 0. */
  protected abstract long finishFunction();
}
