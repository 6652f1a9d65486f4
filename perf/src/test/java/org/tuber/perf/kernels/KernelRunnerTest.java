package org.tuber.perf.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.perf.measure.Architecture;
import org.tuber.perf.measure.UserMode;

class KernelRunnerTest {
  @Test
  void everyKernelComputesTheSameAgain() throws Exception {
    assumeTrue(KernelBuild.compiler().isPresent(), "no gcc");
    // The large one takes its compiler too long for a test.
    List<Kernel> kernels = new ArrayList<>(Arrays.asList(Kernel.values()));
    kernels.remove(Kernel.LARGE);
    try (KernelBuild build = KernelBuild.start(Architecture.X86_64)) {
      KernelRunner runner = new KernelRunner(build, kernels, 2, 120);
      KernelLog log = runner.process(UserMode.HOST, kernels).log();
      kernels.remove(Kernel.SEARCH256);
      assertThat(log.kernels()).containsAll(kernels);
      assertThat(log.isConstant()).isTrue();
      assertThat(log.sum(Kernel.GETPID)).isEqualTo("00000000000186a0");
    }
  }
}
