package org.tuber.core.cpu;

import java.util.List;

/**
 * A debugger's hold on a CPU from outside: breakpoints, watchpoints and single steps that the guest
 * cannot see. Addresses are guest-virtual (x86: linear). Not while the CPU runs.
 */
public interface DebugControl {
  /** Why {@link Vcpu#run} came back with {@link ExitReason#DEBUG}. */
  enum Kind {
    /** The instruction at the program counter has a breakpoint and was not executed. */
    BREAKPOINT,
    /** The last instruction accessed {@link Stop#address}. */
    WATCHPOINT,
    /** {@link #step} is through. */
    STEP
  }

  /**
   * Where the CPU stopped.
   *
   * @param address of the breakpoint or the first byte accessed; of a step the next instruction's
   */
  record Stop(Kind kind, long address) {}

  /**
   * Pages that one table entry maps.
   *
   * @param gva first guest-virtual address
   * @param gpa where it is in guest-physical memory
   * @param bytes size of the page
   * @param writable rights of the whole path down the tables
   * @param user the same, for unprivileged code
   * @param executable the same
   * @param entry the last table entry as it stands in memory
   */
  record Mapping(
      long gva,
      long gpa,
      long bytes,
      boolean writable,
      boolean user,
      boolean executable,
      long entry) {}

  /**
   * An instruction for people.
   *
   * @param bytes its length
   */
  record Instruction(int bytes, String text) {}

  /** Makes the CPU stop before it executes the instruction at {@code address}. */
  void addBreakpoint(long address);

  /** Takes back {@link #addBreakpoint}; nothing happens when there is none. */
  void removeBreakpoint(long address);

  /** Makes the CPU stop after an instruction that accesses one of these bytes. */
  void addWatchpoint(long address, long bytes, boolean read, boolean write);

  /** Takes back {@link #addWatchpoint} with the same arguments. */
  void removeWatchpoint(long address, long bytes, boolean read, boolean write);

  /**
   * Executes one instruction, or goes to the handler of one exception or interrupt. Breakpoints at
   * the program counter do not count. Comes back with {@link ExitReason#DEBUG} unless the CPU
   * cannot execute anything now.
   */
  default ExitReason step() {
    return step(false);
  }

  /**
   * The same.
   *
   * @param holdInterrupts interrupts stay pending: a debugger's user means the program he looks at
   */
  ExitReason step(boolean holdInterrupts);

  /** The stop that was reported last; null: none yet. */
  Stop lastStop();

  /**
   * Translates an address as the CPU would now, whatever the rights, and changes nothing.
   *
   * @return the guest-physical address, or -1 when nothing is mapped there
   */
  long translate(long gva);

  /** What the page tables map now, in the order of addresses; empty while there is no paging. */
  default List<Mapping> mappings() {
    return List.of();
  }

  /**
   * The instruction that begins at {@code code[start]}, in the mode that the CPU is in now.
   *
   * @param address of that byte, as the program counter has it
   * @return null when the bytes do not suffice
   * @throws UnsupportedOperationException when nobody can tell for this kind of CPU
   */
  default Instruction disassemble(byte[] code, int start, long address) {
    throw new UnsupportedOperationException("no disassembler");
  }
}
