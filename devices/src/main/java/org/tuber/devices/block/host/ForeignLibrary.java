package org.tuber.devices.block.host;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.tuber.devices.block.ImageException;

/**
 * A C library of the system that may or may not be installed, and its functions.
 *
 * <p>Every function is called in one shape: eight arguments of 64 bits, a result of 64 bits. In the
 * calling conventions of Linux on x86-64 and AArch64 a function does not notice arguments it does
 * not have, nor the upper halves of narrow ones; and each other shape would cost about 20 ms to
 * generate. Results narrower than 64 bits have to be cut to their width by the caller.
 */
public final class ForeignLibrary {
  private static final int ARGUMENTS = 8;
  private static final Map<String, ForeignLibrary> LOADED = new ConcurrentHashMap<>();

  private final SymbolLookup symbols;
  private final Map<String, Function> functions = new ConcurrentHashMap<>();

  /** What all calls share; made when the first library is there. */
  private static final class Shape {
    static final StructLayout STATE = Linker.Option.captureStateLayout();
    static final VarHandle ERRNO = STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
    static final FunctionDescriptor CALL = descriptor();

    private Shape() {}

    private static FunctionDescriptor descriptor() {
      MemoryLayout[] all = new MemoryLayout[ARGUMENTS];
      java.util.Arrays.fill(all, ValueLayout.JAVA_LONG);
      return FunctionDescriptor.of(ValueLayout.JAVA_LONG, all);
    }
  }

  private ForeignLibrary(SymbolLookup symbols) {
    this.symbols = symbols;
  }

  /**
   * Loads a library for good.
   *
   * @param image what it is needed for, for the message when it is missing
   * @param soname file name with version, e.g. {@code librbd.so.1}
   * @param what what it gives access to
   * @param packages where it comes from on Debian
   */
  @SuppressWarnings("restricted")
  public static ForeignLibrary load(String image, String soname, String what, String packages)
      throws IOException {
    ForeignLibrary known = LOADED.get(soname);
    if (known != null) {
      return known;
    }
    try {
      SymbolLookup symbols = SymbolLookup.libraryLookup(soname, Arena.global());
      return LOADED.computeIfAbsent(soname, s -> new ForeignLibrary(symbols));
    } catch (IllegalArgumentException e) {
      throw new ImageException(
          image,
          "protocol",
          what + " needs the library " + soname + ", which is not installed (" + packages + ")",
          e);
    }
  }

  /** True if the library has this function, which older ones may not. */
  public boolean has(String name) {
    return functions.containsKey(name) || symbols.find(name).isPresent();
  }

  /**
   * Calls a function.
   *
   * @param arguments numbers and addresses, at most eight
   */
  public Result call(String name, long... arguments) {
    long[] a = java.util.Arrays.copyOf(arguments, ARGUMENTS);
    return functions.computeIfAbsent(name, this::find).call(a);
  }

  /** The same for a function whose first argument is the thing it works on. */
  public Result callOn(long handle, String name, long... others) {
    long[] all = new long[others.length + 1];
    all[0] = handle;
    System.arraycopy(others, 0, all, 1, others.length);
    return call(name, all);
  }

  @SuppressWarnings("restricted")
  private Function find(String name) {
    return new Function(
        Linker.nativeLinker()
            .downcallHandle(
                symbols.findOrThrow(name), Shape.CALL, Linker.Option.captureCallState("errno")));
  }

  /**
   * What a call gave.
   *
   * @param value all 64 bits
   * @param errno the error number that the C library had afterwards
   */
  public record Result(long value, int errno) {
    /** The value of a function whose result has 32 bits. */
    public int narrow() {
      return (int) value;
    }
  }

  private record Function(MethodHandle handle) {
    Result call(long[] a) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment state = arena.allocate(Shape.STATE);
        long value =
            (long) handle.invokeExact(state, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
        return new Result(value, (int) Shape.ERRNO.get(state, 0L));
      } catch (Error | RuntimeException e) {
        throw e;
      } catch (Throwable t) {
        throw new IllegalStateException(t);
      }
    }
  }

  /** The C library, which is always there. */
  public static ForeignLibrary libc() {
    return LOADED.computeIfAbsent(
        "libc", n -> new ForeignLibrary(Linker.nativeLinker().defaultLookup()));
  }

  /** The C library's words for an error number, as other programs print them. */
  @SuppressWarnings("restricted")
  public static String describe(int errno) {
    long text = libc().call("strerror", errno).value;
    return text == 0
        ? "error " + errno
        : MemorySegment.ofAddress(text).reinterpret(Long.MAX_VALUE).getString(0);
  }
}
