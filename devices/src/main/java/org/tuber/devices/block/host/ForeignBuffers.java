package org.tuber.devices.block.host;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;

/** Hands parts of buffers to C functions; what lies on the Java heap is copied. */
public final class ForeignBuffers {
  private ForeignBuffers() {}

  /** A call that moves bytes. */
  public interface Transfer {
    /**
     * Moves bytes.
     *
     * @param address of the memory
     * @param bytes there
     * @return how many were moved; none or a negative number ends the transfer
     */
    long move(long address, int bytes) throws IOException;
  }

  /** Has at most {@code max} bytes put into a buffer; returns what the call did. */
  public static long fill(ByteBuffer target, int max, Transfer call) throws IOException {
    int n = Math.min(target.remaining(), max);
    boolean direct = target.isDirect();
    ByteBuffer part = direct ? target.slice(target.position(), n) : ByteBuffer.allocateDirect(n);
    long moved = run(part, call);
    if (moved > 0 && direct) {
      target.position(target.position() + (int) moved);
    } else if (moved > 0) {
      target.put(part.limit((int) moved));
    }
    return moved;
  }

  /** Has at most {@code max} bytes taken from a buffer; returns what the call did. */
  public static long drain(ByteBuffer source, int max, Transfer call) throws IOException {
    ByteBuffer part = source.slice(source.position(), Math.min(source.remaining(), max));
    if (!source.isDirect()) {
      part = ByteBuffer.allocateDirect(part.remaining()).put(part).flip();
    }
    long moved = run(part, call);
    if (moved > 0) {
      source.position(source.position() + (int) moved);
    }
    return moved;
  }

  private static long run(ByteBuffer part, Transfer call) throws IOException {
    try {
      long moved = call.move(MemorySegment.ofBuffer(part).address(), part.remaining());
      if (moved > part.remaining()) {
        throw new IllegalStateException(moved + " bytes moved of " + part.remaining());
      }
      return moved;
    } finally {
      Reference.reachabilityFence(part);
    }
  }
}
