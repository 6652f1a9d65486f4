package org.tuber.truffle.x86;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.cpu.VcpuFactory;
import org.tuber.core.mem.RamObserver;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.sys.CpuModel;

/**
 * Makes the x86 CPUs of one machine. Options: {@code accel} ({@code tcg}: interpreter and compiled
 * regions, {@code interp}: interpreter only), {@code hot-threshold} (executions of a block before
 * it is compiled), {@code mode=immediate} (compile at once, a stress mode).
 */
public final class X86VcpuFactory implements VcpuFactory {
  private final Engine engine;
  private final List<Vcpu> cpus = new ArrayList<>();

  /**
   * An engine by options; other keys are left alone.
   *
   * @throws IllegalArgumentException for a value that does not exist
   */
  public X86VcpuFactory(Map<String, String> options) {
    engine = new Engine(new X86Isa(), null, Engine.Options.of(options));
  }

  /** Names of all CPU models, the default first. */
  public static List<String> models() {
    return CpuModel.names();
  }

  @Override
  public Vcpu create(Config config) {
    Vcpu cpu =
        new X86Cpu(
            engine,
            config.index(),
            config.memory(),
            config.ports(),
            config.clock(),
            config.platform(),
            CpuModel.of(config.properties()));
    cpus.add(cpu);
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
