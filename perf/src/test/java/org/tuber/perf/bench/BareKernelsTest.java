package org.tuber.perf.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;
import org.tuber.perf.kernels.Kernel;
import org.tuber.perf.kernels.KernelBuild;
import org.tuber.perf.measure.Architecture;
import org.tuber.truffle.engine.Engine;

class BareKernelsTest {
  @Test
  void kernelsRunWithoutAnOperatingSystem() throws Exception {
    assumeTrue(KernelBuild.compiler().isPresent(), "no gcc");
    try (KernelBuild build = KernelBuild.start(Architecture.X86_64);
        BareKernels machine = new BareKernels(build.flatImage(), Engine.Options.INTERPRETER)) {
      assertThat(machine.run(Kernel.FIB, 12)).isEqualTo(144);
      assertThat(machine.run(Kernel.SHA, 1)).isNotZero();
      // Prime numbers below 2^20.
      assertThat(machine.run(Kernel.SIEVE, 1)).isEqualTo(82025);
      assertThat(Double.longBitsToDouble(machine.run(Kernel.SSE2, 2))).isFinite().isPositive();
      assertThat(machine.instructions()).isGreaterThan(1_000_000);
    }
  }
}
