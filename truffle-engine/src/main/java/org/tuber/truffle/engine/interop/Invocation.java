package org.tuber.truffle.engine.interop;

import com.oracle.truffle.api.interop.ArityException;
import com.oracle.truffle.api.interop.InteropException;
import com.oracle.truffle.api.interop.InteropLibrary;
import com.oracle.truffle.api.interop.UnsupportedMessageException;
import com.oracle.truffle.api.interop.UnsupportedTypeException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.tuber.truffle.engine.interop.NativeType.Kind;
import org.tuber.truffle.engine.linux.GuestCall;

/**
 * One call: its arguments converted, strings and buffers copied into guest memory, what changed
 * there copied back.
 */
final class Invocation implements AutoCloseable {
  private static final long MAX_COPY_BYTES = 1 << 30;

  private final GuestLibrary library;
  private final GuestCall call;
  private final List<Copy> copies = new ArrayList<>();
  private final List<Integer> slots = new ArrayList<>();

  /** A buffer or array in guest memory; {@code element} is null for a buffer. */
  private record Copy(Object original, Kind element, long address, byte[] before) {}

  Invocation(GuestLibrary library) {
    this.library = library;
    call = library.process().call();
  }

  /** Calls; the raw result. */
  long run(long function, NativeType[] types, Object[] arguments, Kind result)
      throws UnsupportedTypeException {
    Kind[] kinds = new Kind[types.length];
    long[] raw = new long[types.length];
    for (int i = 0; i < types.length; i++) {
      kinds[i] = types[i].kind();
      try {
        raw[i] = convert(types[i], arguments[i]);
      } catch (UnsupportedTypeException e) {
        String hint = e.getMessage();
        throw UnsupportedTypeException.create(arguments, "argument " + (i + 1) + ": " + hint);
      }
    }
    byte[] stack = library.convention().place(kinds, raw);
    call.run(function, stack, library.hostFunctions());
    long outcome = library.convention().result(result);
    copyBack();
    return outcome;
  }

  // ---------------------------------------------------------------- types without a signature

  /** The type that a value without a declared one is passed as. */
  static NativeType infer(Object value, Kind word) {
    if (value instanceof Double) {
      return NativeType.of(Kind.DOUBLE);
    }
    if (value instanceof Float) {
      return NativeType.of(Kind.FLOAT);
    }
    InteropLibrary interop = InteropLibrary.getUncached();
    if (interop.isString(value)) {
      return NativeType.of(Kind.STRING);
    }
    if (interop.isNumber(value) && !interop.fitsInLong(value) && !interop.fitsInBigInteger(value)) {
      return NativeType.of(Kind.DOUBLE);
    }
    return NativeType.of(interop.isNumber(value) || interop.isBoolean(value) ? word : Kind.POINTER);
  }

  // ---------------------------------------------------------------- arguments

  private long convert(NativeType type, Object value) throws UnsupportedTypeException {
    InteropLibrary interop = InteropLibrary.getUncached();
    return switch (type.kind()) {
      case STRING, POINTER -> interop.isString(value) ? string(value) : pointer(value);
      case ARRAY -> interop.isNull(value) ? 0 : array(value, type.element());
      case FUNCTION -> function(type.function(), value);
      default -> Words.raw(type.kind(), value);
    };
  }

  private long string(Object value) throws UnsupportedTypeException {
    try {
      byte[] text = InteropLibrary.getUncached().asString(value).getBytes(StandardCharsets.UTF_8);
      return place(Arrays.copyOf(text, text.length + 1));
    } catch (UnsupportedMessageException e) {
      throw UnsupportedTypeException.create(new Object[] {value}, "a string");
    }
  }

  private long place(byte[] bytes) {
    long at = call.reserve(bytes.length);
    if (!library.write(at, bytes, 0, bytes.length)) {
      throw new GuestException("no guest memory for an argument of " + bytes.length + " bytes");
    }
    return at;
  }

  private long pointer(Object value) throws UnsupportedTypeException {
    InteropLibrary interop = InteropLibrary.getUncached();
    if (value instanceof GuestPointer
        || value instanceof GuestFunction
        || interop.isNull(value)
        || interop.isNumber(value)) {
      return library.pointer(value);
    }
    try {
      if (interop.hasBufferElements(value)) {
        long size = interop.getBufferSize(value);
        checkSize(value, size);
        byte[] bytes = new byte[(int) size];
        interop.readBuffer(value, 0, bytes, 0, bytes.length);
        return keep(value, null, bytes);
      }
      if (interop.hasArrayElements(value)) {
        return array(value, library.elements(value));
      }
    } catch (InteropException e) {
      throw UnsupportedTypeException.create(new Object[] {value}, "a readable buffer");
    }
    throw UnsupportedTypeException.create(
        new Object[] {value},
        interop.isExecutable(value)
            ? "a function needs a signature, such as bind(\"((POINTER, POINTER) : SINT32) : VOID\")"
            : "neither pointer, number, string, buffer nor array (does the context's host access"
                + " allow to read it?)");
  }

  private static void checkSize(Object value, long bytes) throws UnsupportedTypeException {
    if (bytes > MAX_COPY_BYTES) {
      throw UnsupportedTypeException.create(new Object[] {value}, "at most 1 GiB can be copied");
    }
  }

  private long keep(Object original, Kind element, byte[] bytes) {
    long at = place(bytes);
    copies.add(new Copy(original, element, at, bytes));
    return at;
  }

  private long array(Object value, Kind element) throws UnsupportedTypeException {
    InteropLibrary interop = InteropLibrary.getUncached();
    try {
      long length = interop.getArraySize(value);
      checkSize(value, length * element.bytes);
      byte[] own = library.byteArray(value);
      if (own != null && element.bytes == 1) {
        return keep(value, element, own.clone());
      }
      ByteBuffer b =
          ByteBuffer.allocate((int) length * element.bytes).order(ByteOrder.LITTLE_ENDIAN);
      for (long i = 0; i < length; i++) {
        put(b, element, Words.raw(element, interop.readArrayElement(value, i)));
      }
      byte[] bytes = new byte[b.capacity()];
      b.get(0, bytes);
      return keep(value, element, bytes);
    } catch (InteropException e) {
      throw UnsupportedTypeException.create(new Object[] {value}, "an array of " + element);
    }
  }

  private static void put(ByteBuffer b, Kind element, long raw) {
    switch (element.bytes) {
      case 1 -> b.put((byte) raw);
      case 2 -> b.putShort((short) raw);
      case 4 -> b.putInt((int) raw);
      default -> b.putLong(raw);
    }
  }

  private static long get(ByteBuffer b, Kind element, int at) {
    return switch (element.bytes) {
      case 1 -> b.get(at);
      case 2 -> b.getShort(at);
      case 4 -> b.getInt(at);
      default -> b.getLong(at);
    };
  }

  private long function(Signature signature, Object value) throws UnsupportedTypeException {
    InteropLibrary interop = InteropLibrary.getUncached();
    if (value instanceof GuestPointer
        || value instanceof GuestFunction
        || interop.isNull(value)
        || interop.isNumber(value)) {
      return library.pointer(value);
    }
    if (!interop.isExecutable(value)) {
      throw UnsupportedTypeException.create(new Object[] {value}, "a function");
    }
    int slot = library.hostFunctions().add(value, signature);
    slots.add(slot);
    return library.process().slotAddress(slot);
  }

  // ---------------------------------------------------------------- results

  private void copyBack() throws UnsupportedTypeException {
    for (Copy c : copies) {
      byte[] after = new byte[c.before.length];
      if (!library.read(c.address, after, 0, after.length)) {
        throw new GuestException("the library unmapped a buffer that it was given");
      }
      int first = Arrays.mismatch(c.before, after);
      if (first < 0) {
        continue;
      }
      int end = after.length;
      while (c.before[end - 1] == after[end - 1]) {
        end--;
      }
      try {
        if (c.element == null) {
          writeBuffer(c.original, after, first, end);
        } else {
          writeArray(c, after, first, end);
        }
      } catch (InteropException e) {
        throw UnsupportedTypeException.create(
            new Object[] {c.original}, "the function wrote into it, but it cannot be written");
      }
    }
  }

  private static void writeBuffer(Object target, byte[] from, int first, int end)
      throws InteropException {
    InteropLibrary interop = InteropLibrary.getUncached();
    ByteBuffer b = ByteBuffer.wrap(from).order(ByteOrder.LITTLE_ENDIAN);
    int i = first;
    for (; i + 8 <= end; i += 8) {
      interop.writeBufferLong(target, ByteOrder.LITTLE_ENDIAN, i, b.getLong(i));
    }
    for (; i < end; i++) {
      interop.writeBufferByte(target, i, from[i]);
    }
  }

  private void writeArray(Copy c, byte[] after, int first, int end) throws InteropException {
    byte[] own = library.byteArray(c.original);
    if (own != null && c.element.bytes == 1) {
      System.arraycopy(after, first, own, first, end - first);
      return;
    }
    InteropLibrary interop = InteropLibrary.getUncached();
    int size = c.element.bytes;
    ByteBuffer b = ByteBuffer.wrap(after).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = first / size; i < (end + size - 1) / size; i++) {
      long raw = get(b, c.element, i * size);
      interop.writeArrayElement(c.original, i, Words.value(c.element, raw));
    }
  }

  @Override
  public void close() {
    slots.forEach(library.hostFunctions()::remove);
    call.close();
  }

  static void checkArity(Signature s, Object[] arguments) throws ArityException {
    int n = s.parameters().size();
    if (arguments.length != n) {
      throw ArityException.create(n, n, arguments.length);
    }
  }
}
