package org.tuber.truffle.engine.interop;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import com.oracle.truffle.api.TruffleSafepoint;
import com.oracle.truffle.api.interop.InteropLibrary;
import com.oracle.truffle.api.interop.InvalidArrayIndexException;
import com.oracle.truffle.api.interop.TruffleObject;
import com.oracle.truffle.api.interop.UnknownIdentifierException;
import com.oracle.truffle.api.interop.UnsupportedMessageException;
import com.oracle.truffle.api.interop.UnsupportedTypeException;
import com.oracle.truffle.api.library.ExportLibrary;
import com.oracle.truffle.api.library.ExportMessage;
import java.util.ArrayList;
import java.util.List;
import org.tuber.core.cpu.ExitReason;
import org.tuber.truffle.engine.GuestCpu;
import org.tuber.truffle.engine.GuestFault;

/**
 * A CPU, RAM and a program, nothing else, as an object of its language.
 *
 * <p>Members are the registers, all writable, {@code memory}, {@code exit}, {@code instructions}
 * and {@code statistics}. Executing it runs the program from its load address with registers and
 * memory as they stand, after taking over the registers that are members of the argument, if there
 * is one; invoking {@code resume} goes on where it stopped (the argument is a budget), {@code
 * reset} restores the state at load.
 */
@ExportLibrary(InteropLibrary.class)
public abstract class BareGuest implements TruffleObject, AutoCloseable {
  private final String language;
  private final MemberNames members;
  private final long budget;
  private ExitReport exit = ExitReport.NEW;
  private boolean closed;

  /**
   * A guest that has not run.
   *
   * @param language for messages
   * @param registers that are listed; more may be readable by name
   * @param budget most instructions of a run that does not say
   */
  protected BareGuest(String language, List<String> registers, long budget) {
    this.language = language;
    this.budget = budget;
    List<String> all = new ArrayList<>(registers);
    all.addAll(List.of("memory", "exit", "instructions", "statistics", "resume", "reset"));
    members = new MemberNames(all.toArray(String[]::new));
  }

  /** The CPU. */
  protected abstract GuestCpu cpu();

  /** The RAM as an object. */
  protected abstract GuestMemory memory();

  /** Puts registers and RAM to what they are when the program has just been loaded. */
  protected abstract void load();

  /** The next instruction is the program's first. */
  protected abstract void toStart();

  /** Before a run: a halt and the last run's fault are over. */
  protected abstract void wake();

  /** What a run has ended by. */
  protected abstract ExitReport report(ExitReason reason);

  /** A vector register as hexadecimal digits; null when none is called that. */
  protected abstract String vector(String name);

  /** Sets a vector register from its hexadecimal digits; missing ones are zero. */
  protected abstract void setVector(String name, String digits);

  /** Frees what the CPU and the guest's memory take. */
  protected abstract void free();

  // ---------------------------------------------------------------- running

  /** Puts all to what it is when the program has just been loaded. */
  protected final void reset() {
    load();
    exit = ExitReport.NEW;
  }

  /** Runs the program from its load address. */
  @TruffleBoundary
  final void start() {
    toStart();
    resume(budget);
  }

  private void resume(long budget) {
    if (closed) {
      throw new GuestException("the context of this machine is closed");
    }
    wake();
    exit = ExitReport.RUNNING;
    long begin = cpu().instructionCount();
    // Compiled loops look for kicks and not at the budget.
    Heartbeat heartbeat = new Heartbeat(cpu());
    try {
      ExitReason reason;
      do {
        TruffleSafepoint.poll(null);
        long done = cpu().instructionCount() - begin;
        reason = done < budget ? cpu().run(budget - done) : ExitReason.BUDGET;
      } while (reason == ExitReason.KICKED);
      exit = report(reason);
    } finally {
      heartbeat.stop();
    }
  }

  @Override
  public final void close() {
    if (!closed) {
      closed = true;
      memory().close();
      free();
    }
  }

  // ---------------------------------------------------------------- registers

  private boolean isRegister(String name) {
    return vector(name) != null || isWord(name);
  }

  private boolean isWord(String name) {
    try {
      cpu().readRegister(name);
      return true;
    } catch (IllegalArgumentException | GuestFault e) {
      return false;
    }
  }

  private Object register(String name) {
    String digits = vector(name);
    return digits != null ? digits : (Object) cpu().readRegister(name);
  }

  private void setRegister(String name, Object value) throws UnsupportedTypeException {
    try {
      if (vector(name) == null) {
        cpu().writeRegister(name, integer(value));
      } else {
        setVector(name, InteropLibrary.getUncached().asString(value));
      }
    } catch (UnsupportedMessageException | NumberFormatException e) {
      throw UnsupportedTypeException.create(new Object[] {value}, name);
    }
  }

  /** A long, or an unsigned number below 2^64. */
  private static long integer(Object value) throws UnsupportedMessageException {
    InteropLibrary interop = InteropLibrary.getUncached();
    if (interop.fitsInLong(value)) {
      return interop.asLong(value);
    }
    var big = interop.asBigInteger(value);
    if (big.bitLength() > 64) {
      throw UnsupportedMessageException.create();
    }
    return big.longValue();
  }

  private void setRegisters(Object values)
      throws UnsupportedTypeException, UnsupportedMessageException {
    InteropLibrary interop = InteropLibrary.getUncached();
    if (!interop.hasMembers(values)) {
      throw UnsupportedTypeException.create(new Object[] {values}, "an object of registers");
    }
    Object names = interop.getMembers(values);
    try {
      long n = interop.getArraySize(names);
      for (long i = 0; i < n; i++) {
        String name = interop.asString(interop.readArrayElement(names, i));
        if (!isRegister(name)) {
          throw new GuestException("no " + language + " register '" + name + "'");
        }
        setRegister(name, interop.readMember(values, name));
      }
    } catch (InvalidArrayIndexException | UnknownIdentifierException e) {
      throw UnsupportedTypeException.create(new Object[] {values}, "members vanished");
    }
  }

  // ---------------------------------------------------------------- as an object

  @ExportMessage
  boolean hasMembers() {
    return true;
  }

  @ExportMessage
  Object getMembers(@SuppressWarnings("unused") boolean includeInternal) {
    return members;
  }

  @ExportMessage
  @TruffleBoundary
  boolean isMemberReadable(String member) {
    return switch (member) {
      case "memory", "exit", "instructions", "statistics" -> true;
      default -> isRegister(member);
    };
  }

  @ExportMessage
  @TruffleBoundary
  Object readMember(String member) throws UnknownIdentifierException {
    switch (member) {
      case "memory":
        return memory();
      case "exit":
        return exit;
      case "instructions":
        return cpu().instructionCount();
      case "statistics":
        return cpu().statistics();
      default:
        if (!isRegister(member)) {
          throw UnknownIdentifierException.create(member);
        }
        return register(member);
    }
  }

  @ExportMessage
  @TruffleBoundary
  boolean isMemberModifiable(String member) {
    return isRegister(member);
  }

  @ExportMessage
  boolean isMemberInsertable(@SuppressWarnings("unused") String member) {
    return false;
  }

  @ExportMessage
  @TruffleBoundary
  void writeMember(String member, Object value)
      throws UnknownIdentifierException, UnsupportedTypeException {
    if (!isRegister(member)) {
      throw UnknownIdentifierException.create(member);
    }
    setRegister(member, value);
  }

  @ExportMessage
  boolean isExecutable() {
    return true;
  }

  @ExportMessage
  @TruffleBoundary
  Object execute(Object[] arguments) throws UnsupportedTypeException, UnsupportedMessageException {
    if (arguments.length > 0) {
      setRegisters(arguments[0]);
    }
    start();
    return this;
  }

  @ExportMessage
  boolean isMemberInvocable(String member) {
    return member.equals("resume") || member.equals("reset");
  }

  @ExportMessage
  @TruffleBoundary
  Object invokeMember(String member, Object[] arguments)
      throws UnknownIdentifierException, UnsupportedTypeException {
    switch (member) {
      case "reset" -> reset();
      case "resume" -> {
        try {
          resume(arguments.length > 0 ? integer(arguments[0]) : budget);
        } catch (UnsupportedMessageException e) {
          throw UnsupportedTypeException.create(arguments, "a budget");
        }
      }
      default -> throw UnknownIdentifierException.create(member);
    }
    return this;
  }

  @ExportMessage
  @TruffleBoundary
  @SuppressWarnings("unused")
  Object toDisplayString(boolean allowSideEffects) {
    return language + " machine at 0x" + Long.toHexString(cpu().state().pc) + ", " + exit;
  }
}
