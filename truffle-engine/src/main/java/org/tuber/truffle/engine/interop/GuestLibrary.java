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
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.tuber.truffle.engine.interop.NativeType.Kind;
import org.tuber.truffle.engine.linux.GuestFaultException;
import org.tuber.truffle.engine.linux.GuestModule;
import org.tuber.truffle.engine.linux.LibraryProcess;

/**
 * A shared library in a process of its own. Members are what it exports, and what the libraries it
 * depends on export: functions as {@link GuestFunction}, data as {@link GuestPointer}. These
 * members are no symbols (a symbol of such a name is read by {@code symbol}):
 *
 * <ul>
 *   <li>{@code bind(name, signature)}: a function with types
 *   <li>{@code symbol(name)}: a symbol
 *   <li>{@code allocate(bytes)}: memory of the library's malloc; its {@code free} takes it back
 *   <li>{@code pointer(address)} or {@code pointer(address, bytes)}: an address as a buffer
 *   <li>{@code callback(function, signature)}: a pointer to a host function that stays valid
 *   <li>{@code memory}: the whole address space as a buffer
 * </ul>
 */
@ExportLibrary(InteropLibrary.class)
public final class GuestLibrary implements TruffleObject, AutoCloseable {
  private static final int MAX_STRING_BYTES = 64 << 20;

  private final GuestContext context;
  private final LibraryProcess process;
  private final CallingConvention convention;
  private final HostFunctions hostFunctions;

  GuestLibrary(GuestContext context, LibraryProcess process) {
    this.context = context;
    this.process = process;
    convention = context.convention(process);
    hostFunctions = new HostFunctions(this);
  }

  LibraryProcess process() {
    return process;
  }

  CallingConvention convention() {
    return convention;
  }

  /** Name of the language, for display. */
  String language() {
    return context.name();
  }

  HostFunctions hostFunctions() {
    return hostFunctions;
  }

  /** Runs what the library wants to run at exit. */
  void exit() {
    process.exit();
  }

  @Override
  public void close() {
    process.close();
  }

  // ---------------------------------------------------------------- calls

  private static RuntimeException translated(GuestFaultException e) {
    return e.isExit()
        ? new GuestExit(e.getMessage(), e.exitStatus())
        : new GuestException(e.getMessage());
  }

  /** Calls a function; {@code signature} may be null. */
  Object call(String name, long address, Signature signature, Object[] arguments)
      throws ArityException, UnsupportedTypeException {
    NativeType result;
    NativeType[] types = new NativeType[arguments.length];
    if (signature != null) {
      Invocation.checkArity(signature, arguments);
      result = signature.result();
      signature.parameters().toArray(types);
    } else {
      result = NativeType.of(convention.word());
      for (int i = 0; i < types.length; i++) {
        types[i] = Invocation.infer(arguments[i], convention.word());
      }
    }
    try (Invocation i = new Invocation(this)) {
      long raw = i.run(address, types, arguments, result.kind());
      return value(result, raw);
    } catch (GuestFaultException e) {
      RuntimeException t = translated(e);
      throw t instanceof GuestException ? new GuestException(name + ": " + t.getMessage()) : t;
    } finally {
      process.drain();
    }
  }

  /** What other languages see of a raw value. */
  Object value(NativeType type, long raw) {
    return switch (type.kind()) {
      case VOID -> new GuestPointer(this, 0, -1);
      case POINTER, ARRAY -> new GuestPointer(this, address(raw), -1);
      case STRING -> raw == 0 ? new GuestPointer(this, 0, -1) : string(address(raw));
      case FUNCTION ->
          raw == 0
              ? new GuestPointer(this, 0, -1)
              : new GuestFunction(
                  this, "0x" + Long.toHexString(raw), address(raw), type.function());
      default -> Words.value(type.kind(), raw);
    };
  }

  private long address(long raw) {
    return process.is32Bit() ? raw & 0xffff_ffffL : raw;
  }

  /** The address that a value stands for. */
  long pointer(Object value) throws UnsupportedTypeException {
    if (value instanceof GuestPointer p) {
      if (p.library() != this && p.address() != 0) {
        throw UnsupportedTypeException.create(new Object[] {value}, "of another library's process");
      }
      return p.address();
    }
    if (value instanceof GuestFunction f) {
      if (f.library() != this) {
        throw UnsupportedTypeException.create(new Object[] {value}, "of another library's process");
      }
      return f.address();
    }
    return InteropLibrary.getUncached().isNull(value) ? 0 : Words.integer(value);
  }

  // ---------------------------------------------------------------- memory

  boolean read(long gva, byte[] target, int from, int length) {
    try {
      return process.read(gva, target, from, length);
    } catch (GuestFaultException e) {
      throw translated(e);
    }
  }

  boolean write(long gva, byte[] source, int from, int length) {
    try {
      return process.write(gva, source, from, length);
    } catch (GuestFaultException e) {
      throw translated(e);
    }
  }

  /** The C string at an address. */
  String string(long gva) {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    byte[] chunk = new byte[256];
    long at = gva;
    while (text.size() < MAX_STRING_BYTES) {
      // Never beyond a page: what follows need not be mapped.
      int n = (int) Math.min(chunk.length, 4096 - (at & 4095));
      if (!read(at, chunk, 0, n)) {
        break;
      }
      for (int i = 0; i < n; i++) {
        if (chunk[i] == 0) {
          text.write(chunk, 0, i);
          return text.toString(StandardCharsets.UTF_8);
        }
      }
      text.write(chunk, 0, n);
      at += n;
    }
    throw new GuestException("no string at address 0x" + Long.toHexString(gva));
  }

  /** The Java array behind a host object, or null. */
  byte[] byteArray(Object value) {
    return context.hostObject(value) instanceof byte[] b ? b : null;
  }

  /** Element type of a Java array of numbers. */
  Kind elements(Object value) throws UnsupportedTypeException {
    return switch (context.hostObject(value)) {
      case byte[] a -> Kind.SINT8;
      case short[] a -> Kind.SINT16;
      case int[] a -> Kind.SINT32;
      case long[] a -> Kind.SINT64;
      case float[] a -> Kind.FLOAT;
      case double[] a -> Kind.DOUBLE;
      case null, default ->
          throw UnsupportedTypeException.create(
              new Object[] {value}, "of an array the type has to be declared, such as [SINT32]");
    };
  }

  private GuestPointer allocate(long bytes) throws UnsupportedTypeException {
    GuestModule.Symbol malloc = process.find("malloc");
    if (malloc == null) {
      throw new GuestException(process.name() + ": neither it nor a dependency has malloc");
    }
    try {
      Object[] size = {bytes};
      Object p =
          call(
              "malloc", process.address(malloc), Signature.parse("(" + word() + "):POINTER"), size);
      long address = ((GuestPointer) p).address();
      if (bytes < 0 || address == 0) {
        throw new GuestException(process.name() + ": malloc has no " + bytes + " bytes");
      }
      return new GuestPointer(this, address, bytes);
    } catch (ArityException e) {
      throw new IllegalStateException(e);
    }
  }

  private String word() {
    return process.is32Bit() ? "UINT32" : "UINT64";
  }

  // ---------------------------------------------------------------- as an object

  private Object symbol(String name) {
    GuestModule.Symbol s = process.find(name);
    if (s == null) {
      return null;
    }
    if (!s.isFunction()) {
      return new GuestPointer(this, s.address(), s.bytes() == 0 ? -1 : s.bytes());
    }
    try {
      return new GuestFunction(this, name, process.address(s), null);
    } catch (GuestFaultException e) {
      throw translated(e);
    }
  }

  private static boolean isOperation(String member) {
    return switch (member) {
      case "bind", "symbol", "allocate", "pointer", "callback" -> true;
      default -> false;
    };
  }

  @ExportMessage
  boolean hasMembers() {
    return true;
  }

  @ExportMessage
  @TruffleBoundary
  Object getMembers(@SuppressWarnings("unused") boolean includeInternal) {
    List<String> names = new ArrayList<>(process.module().names());
    for (String own : List.of("bind", "symbol", "allocate", "pointer", "callback", "memory")) {
      if (!names.contains(own)) {
        names.add(own);
      }
    }
    return new MemberNames(names.toArray(String[]::new));
  }

  @ExportMessage
  @TruffleBoundary
  boolean isMemberReadable(String member) {
    return member.equals("memory") || !isOperation(member) && process.find(member) != null;
  }

  @ExportMessage
  @TruffleBoundary
  Object readMember(String member) throws UnknownIdentifierException {
    if (member.equals("memory")) {
      return new GuestPointer(this, 0, process.addressLimit());
    }
    Object found = isOperation(member) ? null : symbol(member);
    if (found == null) {
      throw UnknownIdentifierException.create(member);
    }
    return found;
  }

  @ExportMessage
  @TruffleBoundary
  boolean isMemberInvocable(String member) {
    if (isOperation(member)) {
      return true;
    }
    GuestModule.Symbol s = process.find(member);
    return s != null && s.isFunction();
  }

  @ExportMessage
  @TruffleBoundary
  Object invokeMember(String member, Object[] arguments)
      throws UnknownIdentifierException,
          ArityException,
          UnsupportedTypeException,
          UnsupportedMessageException {
    if (isOperation(member)) {
      return operate(member, arguments);
    }
    if (symbol(member) instanceof GuestFunction f) {
      return f.execute(arguments);
    }
    throw UnknownIdentifierException.create(member);
  }

  private Object operate(String member, Object[] a)
      throws ArityException, UnsupportedTypeException, UnsupportedMessageException {
    InteropLibrary interop = InteropLibrary.getUncached();
    switch (member) {
      case "bind" -> {
        arity(a, 2, 2);
        String name = interop.asString(a[0]);
        if (symbol(name) instanceof GuestFunction f) {
          return f.bind(interop.asString(a[1]));
        }
        throw new GuestException(process.name() + ": has no function '" + name + "'");
      }
      case "symbol" -> {
        arity(a, 1, 1);
        Object found = symbol(interop.asString(a[0]));
        if (found == null) {
          throw new GuestException(process.name() + ": has no symbol '" + a[0] + "'");
        }
        return found;
      }
      case "allocate" -> {
        arity(a, 1, 1);
        return allocate(Words.integer(a[0]));
      }
      case "pointer" -> {
        arity(a, 1, 2);
        return new GuestPointer(this, pointer(a[0]), a.length > 1 ? Words.integer(a[1]) : -1);
      }
      default -> {
        arity(a, 2, 2);
        if (!interop.isExecutable(a[0])) {
          throw UnsupportedTypeException.create(a, "a function and its signature");
        }
        int slot = hostFunctions.add(a[0], Signature.parse(interop.asString(a[1])));
        return new GuestPointer(this, process.slotAddress(slot), -1);
      }
    }
  }

  private static void arity(Object[] arguments, int least, int most) throws ArityException {
    if (arguments.length < least || arguments.length > most) {
      throw ArityException.create(least, most, arguments.length);
    }
  }

  @ExportMessage
  @TruffleBoundary
  Object toDisplayString(@SuppressWarnings("unused") boolean allowSideEffects) {
    return context.name() + " library " + process.name();
  }
}
