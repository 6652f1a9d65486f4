package org.tuber.launcher.runtime;

import com.oracle.truffle.api.CompilerDirectives;
import com.oracle.truffle.api.frame.VirtualFrame;
import com.oracle.truffle.api.nodes.RootNode;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** The smallest root node there is: it tells whether it runs as compiled code. */
final class ProbeRoot extends RootNode {
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
  private static final int CALLS_BETWEEN_PAUSES = 100;

  private ProbeRoot() {
    super(null);
  }

  @Override
  public Object execute(VirtualFrame frame) {
    return CompilerDirectives.inCompiledCode();
  }

  /**
   * Calls a root until it has been compiled.
   *
   * @return nanoseconds that took, or -1 when {@code patienceNanos} passed first
   */
  static long nanosUntilCompiled(long patienceNanos) {
    long start = System.nanoTime();
    var target = new ProbeRoot().getCallTarget();
    for (int calls = 1; System.nanoTime() - start < patienceNanos; calls++) {
      if (Boolean.TRUE.equals(target.call())) {
        return System.nanoTime() - start;
      }
      if (calls % CALLS_BETWEEN_PAUSES == 0) {
        // Compilation is in the background: give it the processor.
        LockSupport.parkNanos(PAUSE_NANOS);
      }
    }
    return -1;
  }
}
