package org.tuber.devices.block.rbd;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.host.ForeignLibrary;

/**
 * Which parts of an image have objects, by {@code rbd_diff_iterate2} against nothing. It is asked
 * only where the cluster keeps a map of objects (the feature fast-diff): without one every object
 * would have to be looked at.
 */
final class RbdExtents {
  private static final long FEATURE_STRIPING = 1 << 1;
  private static final long FEATURE_FAST_DIFF = 1 << 4;
  private static final long FLAG_FAST_DIFF_INVALID = 1 << 1;
  private static final int STOP = -1;

  private final ForeignLibrary rbd;
  private final long image;
  private final int objectBytes;
  private Arena arena;
  private MemorySegment callback;
  private boolean usable;

  /** The first run of the range asked for: from {@link #at} to {@link #runEnd}. */
  private long at;

  private long runEnd;
  private boolean data;
  private boolean decided;

  RbdExtents(ForeignLibrary rbd, long image, int objectBytes) {
    this.rbd = rbd;
    this.image = image;
    this.objectBytes = objectBytes;
    long features = number("rbd_get_features");
    usable =
        features >= 0
            && (features & FEATURE_FAST_DIFF) != 0
            && (features & FEATURE_STRIPING) == 0
            && (number("rbd_get_flags") & FLAG_FAST_DIFF_INVALID) == 0;
  }

  int objectBytes() {
    return objectBytes;
  }

  private long number(String function) {
    try (Arena a = Arena.ofConfined()) {
      MemorySegment out = a.allocate(ValueLayout.JAVA_LONG);
      return rbd.call(function, image, out.address()).narrow() == 0
          ? out.get(ValueLayout.JAVA_LONG, 0)
          : -1;
    }
  }

  /** The first extent of a range that lies inside the image. */
  synchronized BlockStatus status(long offset, long length) {
    BlockStatus all = new BlockStatus(offset, length, BlockStatus.Kind.DATA, offset, false);
    if (!usable) {
      return all;
    }
    if (callback == null) {
      prepare();
    }
    at = offset;
    runEnd = offset;
    data = false;
    decided = false;
    // Ranges that start inside an object are reported wrongly by librbd before version 17.
    long start = offset - offset % objectBytes;
    long end = offset + length;
    int rc =
        rbd.call("rbd_diff_iterate2", image, 0, start, end - start, 1, 1, callback.address(), 0)
            .narrow();
    if (rc < 0 && !decided) {
      usable = false;
      return all;
    }
    if (!data && !decided) {
      runEnd = end;
    }
    long n = Math.min(runEnd, end) - offset;
    BlockStatus.Kind kind = data ? BlockStatus.Kind.DATA : BlockStatus.Kind.ZERO;
    return new BlockStatus(offset, n, kind, offset, false);
  }

  /** One extent that differs from nothing; they come in order. Nonzero ends the search. */
  @SuppressWarnings("unused")
  private int extent(long from, long bytes, int exists, long ignored) {
    long end = from + bytes;
    if (exists == 0 || end <= at) {
      return 0;
    }
    if (!data && from > at) {
      runEnd = from;
      decided = true;
      return STOP;
    }
    if (data && from > runEnd) {
      decided = true;
      return STOP;
    }
    data = true;
    runEnd = end;
    return 0;
  }

  @SuppressWarnings("restricted")
  private void prepare() {
    try {
      MethodHandle h =
          MethodHandles.lookup()
              .findVirtual(
                  RbdExtents.class,
                  "extent",
                  MethodType.methodType(int.class, long.class, long.class, int.class, long.class))
              .bindTo(this);
      arena = Arena.ofShared();
      callback =
          Linker.nativeLinker()
              .upcallStub(
                  h,
                  FunctionDescriptor.of(
                      ValueLayout.JAVA_INT,
                      ValueLayout.JAVA_LONG,
                      ValueLayout.JAVA_LONG,
                      ValueLayout.JAVA_INT,
                      ValueLayout.JAVA_LONG),
                  arena);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  synchronized void close() {
    if (arena != null) {
      arena.close();
      arena = null;
    }
    usable = false;
  }
}
