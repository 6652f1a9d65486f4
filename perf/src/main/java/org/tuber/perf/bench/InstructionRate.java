package org.tuber.perf.bench;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * Guest instructions in millions a second <em>of processor time of the measuring thread</em>: work
 * of others on the host, compilation included, takes wall time but not that.
 */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.OPERATIONS)
public class InstructionRate {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  /** Millions of instructions; JMH divides by the wall time of the iteration. */
  public double mips;

  private long wallStart;
  private long processorStart;

  /** Reads both clocks. */
  @Setup(Level.Iteration)
  public void start() {
    wallStart = System.nanoTime();
    processorStart = THREADS.getCurrentThreadCpuTime();
  }

  /** Corrects for JMH's division. */
  @TearDown(Level.Iteration)
  public void end() {
    double processor = THREADS.getCurrentThreadCpuTime() - processorStart;
    mips *= (System.nanoTime() - wallStart) / processor;
  }

  /** Adds finished work. */
  public void add(double millions) {
    mips += millions;
  }
}
