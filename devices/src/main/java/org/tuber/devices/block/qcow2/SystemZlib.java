package org.tuber.devices.block.qcow2;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Locale;
import java.util.concurrent.ConcurrentLinkedDeque;

/**
 * The host's zlib through the foreign-function API, for the one setting Java does not offer: a
 * window of 4 KiB (zlib manual, {@code deflateInit2} with windowBits -12).
 */
final class SystemZlib {

  /**
   * In a window of 4 KiB there is little for slower levels to find: clusters of programs and
   * documents take a fifth less time than by level 6, for 0.4 % more bytes.
   */
  private static final int LEVEL = 5;

  private static final int Z_DEFLATED = 8;
  private static final int WINDOW_BITS = -12;

  /**
   * Hash tables of 2^14 entries stay in the cache: a fifth less time than with level 9, same size.
   */
  private static final int MEM_LEVEL = 7;

  private static final int Z_FINISH = 4;
  private static final int Z_STREAM_END = 1;
  private static final long STREAM_BYTES = 112;
  private static final long NEXT_IN = 0;
  private static final long AVAIL_IN = 8;
  private static final long NEXT_OUT = 24;
  private static final long AVAIL_OUT = 32;
  private static final long TOTAL_OUT = 40;

  private static final SystemZlib INSTANCE = load();

  private final MethodHandle init;
  private final MethodHandle deflate;
  private final MethodHandle reset;
  private final MemorySegment version;
  private final ConcurrentLinkedDeque<Stream> idle = new ConcurrentLinkedDeque<>();

  /** A deflate state and buffers. */
  private record Stream(MemorySegment state, MemorySegment in, MemorySegment out) {}

  @SuppressWarnings("restricted")
  private SystemZlib(SymbolLookup lib) {
    Linker linker = Linker.nativeLinker();
    ValueLayout.OfInt i = ValueLayout.JAVA_INT;
    init =
        linker.downcallHandle(
            lib.findOrThrow("deflateInit2_"),
            FunctionDescriptor.of(i, ValueLayout.ADDRESS, i, i, i, i, i, ValueLayout.ADDRESS, i));
    deflate =
        linker.downcallHandle(
            lib.findOrThrow("deflate"), FunctionDescriptor.of(i, ValueLayout.ADDRESS, i));
    reset =
        linker.downcallHandle(
            lib.findOrThrow("deflateReset"), FunctionDescriptor.of(i, ValueLayout.ADDRESS));
    version = Arena.global().allocateFrom("1.2.11");
  }

  static SystemZlib available() {
    return INSTANCE;
  }

  @SuppressWarnings("restricted")
  private static SystemZlib load() {
    if (!System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("linux")) {
      return null;
    }
    try {
      return new SystemZlib(SymbolLookup.libraryLookup("libz.so.1", Arena.global()));
    } catch (RuntimeException | LinkageError e) {
      return null;
    }
  }

  private Stream newStream() {
    // States are kept for reuse and never freed: there are as many as threads compress at once.
    Arena arena = Arena.global();
    MemorySegment state = arena.allocate(STREAM_BYTES, 8);
    try {
      int rc =
          (int)
              init.invokeExact(
                  state, LEVEL, Z_DEFLATED, WINDOW_BITS, MEM_LEVEL, 0, version, (int) STREAM_BYTES);
      if (rc != 0) {
        throw new IllegalStateException("deflateInit2 failed: " + rc);
      }
    } catch (Throwable t) {
      throw rethrow(t);
    }
    return new Stream(state, arena.allocate(2 << 20), arena.allocate(2 << 20));
  }

  private static RuntimeException rethrow(Throwable t) {
    if (t instanceof Error e) {
      throw e;
    }
    throw t instanceof RuntimeException r ? r : new IllegalStateException(t);
  }

  /** Compresses at most 2 MiB; null when {@code limit} bytes do not suffice. */
  byte[] deflate(byte[] cluster, int limit) {
    Stream reused = idle.poll();
    Stream s = reused != null ? reused : newStream();
    MemorySegment state = s.state;
    MemorySegment.copy(cluster, 0, s.in, ValueLayout.JAVA_BYTE, 0, cluster.length);
    try {
      int ignored = (int) reset.invokeExact(state);
      state.set(ValueLayout.ADDRESS, NEXT_IN, s.in);
      state.set(ValueLayout.JAVA_INT, AVAIL_IN, cluster.length);
      state.set(ValueLayout.ADDRESS, NEXT_OUT, s.out);
      state.set(ValueLayout.JAVA_INT, AVAIL_OUT, Math.min(limit - 1, (int) s.out.byteSize()));
      if ((int) deflate.invokeExact(state, Z_FINISH) != Z_STREAM_END) {
        return null;
      }
      int n = (int) state.get(ValueLayout.JAVA_LONG, TOTAL_OUT);
      byte[] out = new byte[n];
      MemorySegment.copy(s.out, ValueLayout.JAVA_BYTE, 0, out, 0, n);
      return out;
    } catch (Throwable t) {
      throw rethrow(t);
    } finally {
      idle.push(s);
    }
  }
}
