package org.tuber.truffle.engine.linux;

import java.io.InputStream;
import java.util.Map;

/**
 * What Linux programs of one kind expect: where things lie, system calls, and the words of the
 * auxiliary vector. Registers are {@link UserCpu}'s.
 */
public abstract class Abi {
  /**
   * Addresses of a new program, those of Linux without randomization.
   *
   * @param limit exclusive upper bound
   * @param mapTop mappings grow downwards from here; a page above it is the kernel's
   * @param program where a position-independent program lies
   */
  public record Layout(long limit, long mapTop, long program) {}

  /** ELF machine (e_machine). */
  public final int machine;

  public final boolean is32Bit;
  public final Layout layout;
  private Syscalls calls;

  protected Abi(int machine, boolean is32Bit, Layout layout) {
    this.machine = machine;
    this.is32Bit = is32Bit;
    this.layout = layout;
  }

  /** The table of system calls, made at first use. */
  final synchronized Syscalls calls() {
    if (calls == null) {
      calls = SyscallTables.of(this);
    }
    return calls;
  }

  // ---------------------------------------------------------------- system calls

  /** Lines of number and name. */
  protected abstract InputStream numbers();

  /** The numbers of the host, which is Linux on x86-64. */
  protected static InputStream hostNumbers() {
    return SyscallTables.resource(SyscallTables.HOST);
  }

  /** The host's name of a call that this ABI calls {@code name}. */
  protected String hostName(String name) {
    return name;
  }

  /**
   * Puts in what this ABI has otherwise than x86-64.
   *
   * @param calls code by name
   * @param signatures arguments by name, see signatures.txt
   */
  protected abstract void adapt(Map<String, Syscalls.Call> calls, Map<String, String[]> signatures);

  /** The host's flags of open for this ABI's. */
  protected int hostOpenFlags(int flags) {
    return flags;
  }

  /** This ABI's flags of open for the host's. */
  protected int guestOpenFlags(int flags) {
    return flags;
  }

  /** Structures are those of asm-generic where x86-64's differ. */
  protected boolean isGeneric() {
    return false;
  }

  // ---------------------------------------------------------------- programs

  /** AT_PLATFORM. */
  protected abstract String platform();

  /** AT_HWCAP. */
  protected abstract long capabilities();

  /** AT_HWCAP2. */
  protected abstract long moreCapabilities();

  /** Least size of a signal stack. */
  protected int minSignalStackBytes() {
    return 2048;
  }

  /** What handlers return to when the program does not say; null for none. */
  protected byte[] signalReturnCode() {
    return null;
  }

  /** Address of {@link #signalReturnCode}. */
  public final long signalReturnPage() {
    return layout.mapTop;
  }

  // ---------------------------------------------------------------- libraries

  /** Path of the dynamic linker of glibc, or of musl. */
  protected abstract String dynamicLinker(boolean musl);

  /** An instruction that Linux has no meaning for, for {@link HostGate}. */
  protected abstract byte[] trap();

  /** The instruction's name of the program counter. */
  protected abstract String pcName();

  /** A shared object of an object file, as a linker makes it. */
  protected byte[] link(byte[] object, String name) {
    throw new ProgramException(
        Errno.ENOEXEC, name + ": object files are linked for x86-64 only: give a shared library");
  }
}
