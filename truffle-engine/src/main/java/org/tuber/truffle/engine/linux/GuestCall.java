package org.tuber.truffle.engine.linux;

/**
 * One call of a guest function. Opening saves the registers, closing restores them, so that a call
 * that broke off leaves no trace in them; what the function had locked or half written stays as it
 * is, as after a longjmp.
 */
public final class GuestCall implements AutoCloseable {
  /** What guest code calls: host functions behind trap slots. */
  @FunctionalInterface
  public interface HostCalls {
    /** Executes the host function of a slot: reads arguments and sets the result. */
    void call(int slot);
  }

  private final LibraryProcess process;
  private final GuestThread t;
  private final Object saved;
  private final long mask;
  private final long mark;
  private boolean returned;

  GuestCall(LibraryProcess process, GuestThread t) {
    this.process = process;
    this.t = t;
    UserCpu c = t.cpu;
    saved = c.saveCall();
    mask = t.mask;
    mark = process.mark();
    // Compiled code of leaf functions keeps values below the stack pointer; not across a call, but
    // a nested call may begin anywhere.
    c.setStackPointer(c.stackPointer() - c.redZoneBytes() & -16L);
  }

  /** Guest memory until the call is closed, 16-byte aligned. */
  public long reserve(long bytes) {
    return process.reserve(bytes);
  }

  /**
   * Calls; what the function returns is in the registers until this is closed.
   *
   * @param stackArguments what goes on the stack, first argument first
   * @throws GuestFaultException when the guest broke off
   */
  public void run(long function, byte[] stackArguments, HostCalls calls) {
    UserCpu c = t.cpu;
    long sp = c.stackPointer() - stackArguments.length & -16L;
    process.write(sp, stackArguments);
    c.enterFunction(process, function, sp, process.slotAddress(HostGate.RETURN));
    while (true) {
      int slot = process.drive();
      if (slot == HostGate.RETURN) {
        if (!c.isBalanced(sp)) {
          throw GuestFaultException.signal("a function returned with a changed stack pointer");
        }
        returned = true;
        return;
      }
      calls.call(slot);
      c.leaveHostFunction(process);
    }
  }

  @Override
  public void close() {
    t.cpu.restoreCall(saved, returned);
    if (!returned) {
      t.mask = mask;
    }
    process.release(mark);
  }
}
