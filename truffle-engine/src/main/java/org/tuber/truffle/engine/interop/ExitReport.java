package org.tuber.truffle.engine.interop;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import com.oracle.truffle.api.interop.InteropLibrary;
import com.oracle.truffle.api.interop.TruffleObject;
import com.oracle.truffle.api.interop.UnknownIdentifierException;
import com.oracle.truffle.api.library.ExportLibrary;
import com.oracle.truffle.api.library.ExportMessage;
import org.tuber.core.cpu.ExitReason;

/**
 * Why a run ended. Members: {@code kind} ({@code new}, {@code running}, {@code halted}, {@code
 * budget}, {@code fault}, {@code shutdown}); for a fault {@code vector}, {@code error} and {@code
 * address}, see {@link Fault}.
 */
@ExportLibrary(InteropLibrary.class)
public final class ExitReport implements TruffleObject {
  static final ExitReport NEW = new ExitReport("new", null);
  static final ExitReport RUNNING = new ExitReport("running", null);

  private static final MemberNames PLAIN = new MemberNames("kind");
  private static final MemberNames FAULT = new MemberNames("kind", "vector", "error", "address");

  /**
   * An exception that nobody took.
   *
   * @param vector its number: on x86 the vector, on Arm the class (ESR_EL1.EC)
   * @param errorCode on x86 the error code, -1 for none; on Arm all of ESR_EL1
   * @param address on x86 the linear address of a page fault; on Arm FAR_EL1
   */
  public record Fault(int vector, long errorCode, long address) {
    @Override
    public String toString() {
      return String.format("%d, error 0x%x, at 0x%x", vector, errorCode, address);
    }
  }

  private final String kind;
  private final Fault fault;

  private ExitReport(String kind, Fault fault) {
    this.kind = kind;
    this.fault = fault;
  }

  /**
   * The report of a run.
   *
   * @param fault that shut the CPU down, or null
   */
  public static ExitReport of(ExitReason reason, Fault fault) {
    return switch (reason) {
      case HALTED -> new ExitReport("halted", null);
      case SHUTDOWN -> new ExitReport(fault == null ? "shutdown" : "fault", fault);
      case BUDGET, KICKED, DEBUG -> new ExitReport("budget", null);
    };
  }

  @ExportMessage
  boolean hasMembers() {
    return true;
  }

  @ExportMessage
  Object getMembers(@SuppressWarnings("unused") boolean includeInternal) {
    return fault == null ? PLAIN : FAULT;
  }

  @ExportMessage
  @TruffleBoundary
  boolean isMemberReadable(String member) {
    return switch (member) {
      case "kind" -> true;
      case "vector", "error", "address" -> fault != null;
      default -> false;
    };
  }

  @ExportMessage
  @TruffleBoundary
  Object readMember(String member) throws UnknownIdentifierException {
    if (!isMemberReadable(member)) {
      throw UnknownIdentifierException.create(member);
    }
    return switch (member) {
      case "kind" -> kind;
      case "vector" -> fault.vector();
      case "error" -> fault.errorCode();
      default -> fault.address();
    };
  }

  @ExportMessage
  @TruffleBoundary
  @SuppressWarnings("unused")
  Object toDisplayString(boolean allowSideEffects) {
    return toString();
  }

  @Override
  public String toString() {
    return fault == null ? kind : kind + " " + fault;
  }
}
