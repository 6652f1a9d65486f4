package org.tuber.truffle.x86.language;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import com.oracle.truffle.api.interop.InteropLibrary;
import com.oracle.truffle.api.interop.TruffleObject;
import com.oracle.truffle.api.interop.UnknownIdentifierException;
import com.oracle.truffle.api.library.ExportLibrary;
import com.oracle.truffle.api.library.ExportMessage;
import org.tuber.core.cpu.ExitReason;
import org.tuber.truffle.engine.interop.MemberNames;
import org.tuber.truffle.x86.state.X86Cpu;

/**
 * Why a run ended. Members: {@code kind} ({@code new}, {@code running}, {@code halted}, {@code
 * budget}, {@code fault}, {@code shutdown}); for a fault {@code vector}, {@code error} (-1: none)
 * and {@code address} (linear, of a page fault).
 */
@ExportLibrary(InteropLibrary.class)
final class ExitReport implements TruffleObject {
  static final ExitReport NEW = new ExitReport("new", null);
  static final ExitReport RUNNING = new ExitReport("running", null);

  private static final MemberNames PLAIN = new MemberNames("kind");
  private static final MemberNames FAULT = new MemberNames("kind", "vector", "error", "address");

  private final String kind;
  private final X86Cpu.Undeliverable fault;

  private ExitReport(String kind, X86Cpu.Undeliverable fault) {
    this.kind = kind;
    this.fault = fault;
  }

  static ExitReport of(ExitReason reason, X86Cpu.Undeliverable fault) {
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
