package org.tuber.launcher.options;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.MachineConfig;
import picocli.CommandLine.Model.CommandSpec;

/** CPUs and memory: {@code -cpu -smp -m}. */
public final class CpuOptions extends OptionTable {
  private static final int MOST_CPUS = 255;
  private static final long LEAST_MEMORY_BYTES = 1L << 20;

  private final List<String> models;
  private final Map<String, Boolean> features = new LinkedHashMap<>();
  private String model;
  private int cpus = 1;
  private long memoryBytes;

  /** The options of one system command; the first model is the default. */
  public CpuOptions(List<String> models, long defaultMemoryBytes) {
    this.models = models;
    this.model = models.get(0);
    this.memoryBytes = defaultMemoryBytes;
  }

  @Override
  public void addTo(CommandSpec spec) {
    spec.addOption(value("-cpu", "model[,+x][,-y]", "CPU model: " + models, this::cpu));
    spec.addOption(value("-smp", "n", "number of CPUs", this::smp));
    spec.addOption(value("-m", "size", "guest memory, MiB or with suffix", this::memory));
  }

  private void cpu(String text) {
    List<String> items = KeyValues.split(text);
    model = Choices.plain("-cpu", "CPU model", "Available CPUs:", models).check(items.get(0));
    features.clear();
    for (String item : items.subList(1, items.size())) {
      int equals = item.indexOf('=');
      if (equals > 0) {
        boolean on = KeyValues.onOff("-cpu", text, item.substring(equals + 1));
        features.put(item.substring(0, equals), on);
      } else if (item.length() > 1 && (item.charAt(0) == '+' || item.charAt(0) == '-')) {
        features.put(item.substring(1), item.charAt(0) == '+');
      } else {
        throw new CommandLineException(
            "-cpu " + text + ": '" + item + "' is not +feature or -feature");
      }
    }
  }

  private void smp(String text) {
    KeyValues values =
        KeyValues.parse("-smp", text, "cpus")
            .only(Set.of("cpus", "maxcpus", "sockets", "dies", "cores", "threads"));
    int product = 1;
    for (String level : List.of("sockets", "dies", "cores", "threads")) {
      product *= values.integer(level, 1, 1, MOST_CPUS);
      if (product > MOST_CPUS) {
        throw new CommandLineException("-smp " + text + ": more than " + MOST_CPUS + " CPUs");
      }
    }
    cpus = values.integer("cpus", product, 1, MOST_CPUS);
    if (values.integer("maxcpus", cpus, 1, MOST_CPUS) != cpus) {
      throw new CommandLineException("-smp " + text + ": CPU hot-plug (maxcpus) is not available");
    }
    if (product != 1 && product != cpus) {
      throw new CommandLineException(
          "-smp " + text + ": topology gives " + product + " CPUs, cpus says " + cpus);
    }
  }

  private void memory(String text) {
    KeyValues values = KeyValues.parse("-m", text, "size").only(Set.of("size"));
    memoryBytes = Sizes.bytes("-m", values.get("size", text), 'M');
    if (memoryBytes < LEAST_MEMORY_BYTES) {
      throw new CommandLineException("-m " + text + ": less than 1 MiB");
    }
    memoryBytes = (memoryBytes + 8191) & -8192L;
  }

  @Override
  public void apply(MachineConfig.Builder config) {
    config.cpuModel(model).cpus(cpus).memoryBytes(memoryBytes);
    features.forEach(config::cpuFeature);
  }
}
