package org.tuber.truffle.arm;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.tuber.core.cpu.ArmPlatform;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.cpu.VcpuFactory;
import org.tuber.core.mem.RamObserver;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.sys.CpuModel;
import org.tuber.truffle.engine.Engine;

/**
 * Makes the AArch64 CPUs of one machine. Engine options: {@code accel} ({@code tcg}: interpreter
 * and compiled regions, {@code interp}: interpreter only), {@code hot-threshold} (executions of a
 * block before it is compiled), {@code mode=immediate} (compile at once, a stress mode).
 *
 * <p>Properties of a CPU: {@code model}; {@code el2=on} and {@code el3=on} where these exception
 * levels shall exist. The platform has to be an {@link ArmPlatform}. A CPU comes up as after reset,
 * at the highest level with the MMU off and {@code pc} 0; a board sets {@code pc}, {@code x0} and,
 * for a lower level, {@code pstate} by {@link Vcpu#writeRegister}.
 */
public final class ArmVcpuFactory implements VcpuFactory {
  private final Engine engine;
  private final List<ArmCpu> cpus = new ArrayList<>();

  /**
   * An engine by options; other keys are left alone.
   *
   * @throws IllegalArgumentException for a value that does not exist
   */
  public ArmVcpuFactory(Map<String, String> options) {
    engine = new Engine(new A64Isa(), null, Engine.Options.of(options));
  }

  /** Names of all CPU models, the default first. */
  public static List<String> models() {
    return CpuModel.names();
  }

  @Override
  public Vcpu create(Config config) {
    Map<String, String> properties = config.properties();
    ArmCpu cpu =
        new ArmCpu(
            engine,
            config.index(),
            config.memory(),
            config.clock(),
            config.platform() instanceof ArmPlatform p ? p : ArmPlatform.NONE,
            CpuModel.of(properties),
            "on".equals(properties.get("el2")),
            "on".equals(properties.get("el3")));
    cpus.add(cpu);
    ArmCpu.connect(cpus.toArray(ArmCpu[]::new));
    return cpu;
  }

  @Override
  public RamObserver ramObserver() {
    return engine.codePages();
  }

  @Override
  public void close() {
    cpus.forEach(Vcpu::close);
    cpus.clear();
  }
}
