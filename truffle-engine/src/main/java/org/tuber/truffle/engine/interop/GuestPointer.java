package org.tuber.truffle.engine.interop;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import com.oracle.truffle.api.interop.ArityException;
import com.oracle.truffle.api.interop.InteropLibrary;
import com.oracle.truffle.api.interop.InvalidBufferOffsetException;
import com.oracle.truffle.api.interop.TruffleObject;
import com.oracle.truffle.api.interop.UnknownIdentifierException;
import com.oracle.truffle.api.interop.UnsupportedMessageException;
import com.oracle.truffle.api.interop.UnsupportedTypeException;
import com.oracle.truffle.api.library.ExportLibrary;
import com.oracle.truffle.api.library.ExportMessage;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * An address in a library's process, and the memory from there on as an interop buffer. The buffer
 * ends where what it points to ends, if that is known (data symbols, {@code allocate}); else it
 * reaches to the end of the address space, and only what is mapped can be accessed.
 *
 * <p>Members: {@code address}, {@code size} (-1: not known); to be invoked: {@code string} (the C
 * string there), {@code slice} (offset and, if wanted, size).
 */
@ExportLibrary(InteropLibrary.class)
final class GuestPointer implements TruffleObject {
  private static final MemberNames MEMBERS = new MemberNames("address", "size", "string", "slice");

  private final GuestLibrary library;
  private final long address;
  private final long bytes;

  /**
   * A pointer.
   *
   * @param bytes size of what is there, or -1
   */
  GuestPointer(GuestLibrary library, long address, long bytes) {
    this.library = library;
    this.address = address;
    this.bytes = bytes;
  }

  GuestLibrary library() {
    return library;
  }

  long address() {
    return address;
  }

  private boolean isWhole() {
    return address == 0 && bytes == library.process().addressLimit();
  }

  private long size() {
    return bytes >= 0 ? bytes : Math.max(0, library.process().addressLimit() - address);
  }

  @ExportMessage
  boolean isNull() {
    return address == 0 && !isWhole();
  }

  @ExportMessage
  boolean isPointer() {
    return true;
  }

  @ExportMessage
  long asPointer() {
    return address;
  }

  // ---------------------------------------------------------------- members

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
    return member.equals("address") || member.equals("size");
  }

  @ExportMessage
  Object readMember(String member) throws UnknownIdentifierException {
    return switch (member) {
      case "address" -> address;
      case "size" -> bytes;
      default -> throw UnknownIdentifierException.create(member);
    };
  }

  @ExportMessage
  boolean isMemberInvocable(String member) {
    return member.equals("string") || member.equals("slice");
  }

  @ExportMessage
  @TruffleBoundary
  Object invokeMember(String member, Object[] arguments)
      throws UnknownIdentifierException, ArityException, UnsupportedTypeException {
    switch (member) {
      case "string":
        return library.string(address);
      case "slice":
        if (arguments.length < 1 || arguments.length > 2) {
          throw ArityException.create(1, 2, arguments.length);
        }
        long from = Words.integer(arguments[0]);
        long length = arguments.length > 1 ? Words.integer(arguments[1]) : size() - from;
        if (from < 0 || length < 0 || from > size() - length) {
          throw UnsupportedTypeException.create(arguments, "inside the buffer");
        }
        return new GuestPointer(library, address + from, length);
      default:
        throw UnknownIdentifierException.create(member);
    }
  }

  // ---------------------------------------------------------------- buffer

  @ExportMessage
  boolean hasBufferElements() {
    return !isNull();
  }

  @ExportMessage
  boolean isBufferWritable() throws UnsupportedMessageException {
    if (isNull()) {
      throw UnsupportedMessageException.create();
    }
    return true;
  }

  @ExportMessage
  long getBufferSize() throws UnsupportedMessageException {
    if (isNull()) {
      throw UnsupportedMessageException.create();
    }
    return size();
  }

  private ByteBuffer load(ByteOrder order, long offset, int length)
      throws InvalidBufferOffsetException {
    byte[] b = new byte[length];
    readBuffer(offset, b, 0, length);
    return ByteBuffer.wrap(b).order(order);
  }

  private void store(long offset, ByteBuffer value) throws InvalidBufferOffsetException {
    byte[] b = new byte[value.capacity()];
    value.get(0, b);
    if (offset < 0
        || offset > size() - b.length
        || !library.write(address + offset, b, 0, b.length)) {
      throw InvalidBufferOffsetException.create(offset, b.length);
    }
  }

  private static ByteBuffer cell(ByteOrder order, int bytes) {
    return ByteBuffer.allocate(bytes).order(order);
  }

  @ExportMessage
  @TruffleBoundary
  void readBuffer(long offset, byte[] destination, int destinationOffset, int length)
      throws InvalidBufferOffsetException {
    if (length < 0
        || offset < 0
        || offset > size() - length
        || !library.read(address + offset, destination, destinationOffset, length)) {
      throw InvalidBufferOffsetException.create(offset, length);
    }
  }

  @ExportMessage
  @TruffleBoundary
  byte readBufferByte(long offset) throws InvalidBufferOffsetException {
    return load(ByteOrder.LITTLE_ENDIAN, offset, 1).get();
  }

  @ExportMessage
  @TruffleBoundary
  short readBufferShort(ByteOrder order, long offset) throws InvalidBufferOffsetException {
    return load(order, offset, 2).getShort();
  }

  @ExportMessage
  @TruffleBoundary
  int readBufferInt(ByteOrder order, long offset) throws InvalidBufferOffsetException {
    return load(order, offset, 4).getInt();
  }

  @ExportMessage
  @TruffleBoundary
  long readBufferLong(ByteOrder order, long offset) throws InvalidBufferOffsetException {
    return load(order, offset, 8).getLong();
  }

  @ExportMessage
  @TruffleBoundary
  float readBufferFloat(ByteOrder order, long offset) throws InvalidBufferOffsetException {
    return load(order, offset, 4).getFloat();
  }

  @ExportMessage
  @TruffleBoundary
  double readBufferDouble(ByteOrder order, long offset) throws InvalidBufferOffsetException {
    return load(order, offset, 8).getDouble();
  }

  @ExportMessage
  @TruffleBoundary
  void writeBufferByte(long offset, byte value) throws InvalidBufferOffsetException {
    store(offset, cell(ByteOrder.LITTLE_ENDIAN, 1).put(0, value));
  }

  @ExportMessage
  @TruffleBoundary
  void writeBufferShort(ByteOrder order, long offset, short value)
      throws InvalidBufferOffsetException {
    store(offset, cell(order, 2).putShort(0, value));
  }

  @ExportMessage
  @TruffleBoundary
  void writeBufferInt(ByteOrder order, long offset, int value) throws InvalidBufferOffsetException {
    store(offset, cell(order, 4).putInt(0, value));
  }

  @ExportMessage
  @TruffleBoundary
  void writeBufferLong(ByteOrder order, long offset, long value)
      throws InvalidBufferOffsetException {
    store(offset, cell(order, 8).putLong(0, value));
  }

  @ExportMessage
  @TruffleBoundary
  void writeBufferFloat(ByteOrder order, long offset, float value)
      throws InvalidBufferOffsetException {
    store(offset, cell(order, 4).putFloat(0, value));
  }

  @ExportMessage
  @TruffleBoundary
  void writeBufferDouble(ByteOrder order, long offset, double value)
      throws InvalidBufferOffsetException {
    store(offset, cell(order, 8).putDouble(0, value));
  }

  @ExportMessage
  @TruffleBoundary
  Object toDisplayString(@SuppressWarnings("unused") boolean allowSideEffects) {
    return library.language() + " pointer 0x" + Long.toHexString(address);
  }
}
