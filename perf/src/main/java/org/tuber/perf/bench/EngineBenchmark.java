package org.tuber.perf.bench;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.tuber.perf.kernels.Kernel;
import org.tuber.perf.kernels.KernelBuild;
import org.tuber.perf.measure.Architecture;
import org.tuber.truffle.engine.Engine;

/**
 * Both tiers of the engine on the six kernels, without an operating system. The second result,
 * {@link InstructionRate}, is comparable between kernels.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 5, time = 3)
@Measurement(iterations = 5, time = 2)
@Fork(1)
public class EngineBenchmark {
  /** Which tier runs guest code. */
  public enum Tier {
    /** Blocks through the interpreter's switch, whatever their heat. */
    INTERPRETER,
    /** The default policy: after the warm-up all of a kernel is in compiled regions. */
    REGION;

    Engine.Options options() {
      return this == INTERPRETER ? Engine.Options.INTERPRETER : Engine.Options.DEFAULT;
    }
  }

  @Param({"SIEVE", "FIB", "SHA", "QUICKSORT", "HASH", "SSE2"})
  public Kernel kernel;

  @Param public Tier tier;

  private BareKernels machine;
  private long sum;

  /** Compiles the kernels and loads them into a fresh machine. */
  @Setup(Level.Trial)
  public void build() throws IOException, InterruptedException {
    byte[] image;
    try (KernelBuild build = KernelBuild.start(Architecture.X86_64)) {
      image = build.flatImage();
    }
    machine = new BareKernels(image, tier.options());
    sum = machine.run(kernel, kernel.smallAmount());
  }

  /** Frees the guest's memory. */
  @TearDown(Level.Trial)
  public void close() {
    machine.close();
  }

  /** A small run of the kernel from its start to HLT. */
  @Benchmark
  public long run(InstructionRate rate) {
    long before = machine.instructions();
    long result = machine.run(kernel, kernel.smallAmount());
    if (result != sum) {
      throw new IllegalStateException(kernel + ": " + result + " after " + sum);
    }
    rate.add((machine.instructions() - before) / 1e6);
    return result;
  }
}
