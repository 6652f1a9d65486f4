package org.tuber.truffle.x86.user;

import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * One call of a guest function. Opening saves the registers, closing restores them, so that a call
 * that broke off leaves no trace in them; what the function had locked or half written stays as it
 * is, as after a longjmp.
 */
public final class GuestCall implements AutoCloseable {
  private static final int RSP = 4;
  private static final int RED_ZONE = 128;

  /** What guest code calls: host functions behind trap slots. */
  @FunctionalInterface
  public interface HostCalls {
    /** Executes the host function of a slot: reads arguments and sets the result. */
    void call(int slot, GuestRegisters registers);
  }

  private final LibraryProcess process;
  private final GuestThread t;
  private final long[] registers;
  private final long pc;
  private final long flags;
  private final long mask;
  private final int mxcsr;
  private final int control;
  private final int fpuTop;
  private final long mark;
  private boolean returned;

  GuestCall(LibraryProcess process, GuestThread t) {
    this.process = process;
    this.t = t;
    X86Cpu c = t.cpu;
    registers = c.home.r.clone();
    pc = c.home.pc;
    flags = c.eflags();
    mask = t.mask;
    mxcsr = c.mxcsr;
    control = c.fpu.control;
    fpuTop = c.fpu.top;
    mark = process.mark();
    // Compiled code of leaf functions keeps values below the stack pointer; not across a call, but
    // a nested call may begin anywhere.
    c.home.r[RSP] = registers[RSP] - RED_ZONE & -16L;
  }

  /** Guest memory until the call is closed, 16-byte aligned. */
  public long reserve(long bytes) {
    return process.reserve(bytes);
  }

  public GuestRegisters registers() {
    return process.registers();
  }

  /**
   * Calls; what the function returns is in the registers until this is closed.
   *
   * @param stackArguments what goes on the stack, first argument first
   * @throws GuestFaultException when the guest broke off
   */
  public void run(long function, byte[] stackArguments, HostCalls calls) {
    X86State s = t.cpu.home;
    int word = process.is32Bit() ? 4 : 8;
    long sp = s.r[RSP] - stackArguments.length & -16L;
    process.write(sp, stackArguments);
    process.writeWord(sp - word, process.slotAddress(HostGate.RETURN));
    s.r[RSP] = sp - word;
    s.pc = function;
    while (true) {
      int slot = process.drive();
      if (slot == HostGate.RETURN) {
        if (s.r[RSP] != sp) {
          throw GuestFaultException.signal("a function returned with a changed stack pointer");
        }
        returned = true;
        return;
      }
      long at = s.r[RSP];
      long back = process.readWord(at);
      calls.call(slot, process.registers());
      s.r[RSP] = at + word;
      s.pc = back;
    }
  }

  @Override
  public void close() {
    X86Cpu c = t.cpu;
    System.arraycopy(registers, 0, c.home.r, 0, registers.length);
    c.home.pc = pc;
    if (!returned) {
      c.fpu.valid = 0;
      c.fpu.status = 0;
      c.fpu.top = fpuTop;
      c.setEflags(flags);
      t.mask = mask;
    }
    c.mxcsr = mxcsr;
    c.fpu.control = control;
    process.release(mark);
  }
}
