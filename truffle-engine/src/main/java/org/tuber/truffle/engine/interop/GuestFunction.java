package org.tuber.truffle.engine.interop;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import com.oracle.truffle.api.interop.ArityException;
import com.oracle.truffle.api.interop.InteropLibrary;
import com.oracle.truffle.api.interop.TruffleObject;
import com.oracle.truffle.api.interop.UnknownIdentifierException;
import com.oracle.truffle.api.interop.UnsupportedMessageException;
import com.oracle.truffle.api.interop.UnsupportedTypeException;
import com.oracle.truffle.api.library.ExportLibrary;
import com.oracle.truffle.api.library.ExportMessage;

/**
 * A function of a library. Without a signature integers, strings and buffers are passed as words,
 * Java's floats and doubles as floating point, and the result is a word; {@code bind} with a
 * signature gives the same function with types.
 */
@ExportLibrary(InteropLibrary.class)
final class GuestFunction implements TruffleObject {
  private static final MemberNames MEMBERS = new MemberNames("bind", "address");

  private final GuestLibrary library;
  private final String name;
  private final long address;
  private final Signature signature;

  /**
   * A function.
   *
   * @param signature its types, or null
   */
  GuestFunction(GuestLibrary library, String name, long address, Signature signature) {
    this.library = library;
    this.name = name;
    this.address = address;
    this.signature = signature;
  }

  GuestLibrary library() {
    return library;
  }

  long address() {
    return address;
  }

  @TruffleBoundary
  GuestFunction bind(String text) {
    return new GuestFunction(library, name, address, Signature.parse(text));
  }

  @ExportMessage
  boolean isExecutable() {
    return true;
  }

  @ExportMessage
  @TruffleBoundary
  Object execute(Object[] arguments) throws ArityException, UnsupportedTypeException {
    return library.call(name, address, signature, arguments);
  }

  @ExportMessage
  boolean isPointer() {
    return true;
  }

  @ExportMessage
  long asPointer() {
    return address;
  }

  @ExportMessage
  boolean hasMembers() {
    return true;
  }

  @ExportMessage
  Object getMembers(@SuppressWarnings("unused") boolean includeInternal) {
    return MEMBERS;
  }

  @ExportMessage
  boolean isMemberReadable(String member) {
    return member.equals("address");
  }

  @ExportMessage
  Object readMember(String member) throws UnknownIdentifierException {
    if (!isMemberReadable(member)) {
      throw UnknownIdentifierException.create(member);
    }
    return address;
  }

  @ExportMessage
  boolean isMemberInvocable(String member) {
    return member.equals("bind");
  }

  @ExportMessage
  @TruffleBoundary
  Object invokeMember(String member, Object[] arguments)
      throws UnknownIdentifierException, ArityException, UnsupportedTypeException {
    if (!isMemberInvocable(member)) {
      throw UnknownIdentifierException.create(member);
    }
    if (arguments.length != 1) {
      throw ArityException.create(1, 1, arguments.length);
    }
    try {
      return bind(InteropLibrary.getUncached().asString(arguments[0]));
    } catch (UnsupportedMessageException e) {
      throw UnsupportedTypeException.create(arguments, "a signature as text");
    }
  }

  @ExportMessage
  @TruffleBoundary
  Object toDisplayString(@SuppressWarnings("unused") boolean allowSideEffects) {
    return library.language() + " function " + name;
  }
}
