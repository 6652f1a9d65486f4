package org.tuber.launcher.options;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.tuber.launcher.CommandLineAnswer;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.DeviceCatalogue;
import org.tuber.machine.MachineConfig;
import picocli.CommandLine.Model.CommandSpec;

/** Additional devices: {@code -device -debugcon -parallel -global}. */
public final class DeviceOptions extends OptionTable {
  private static final String DEBUG_CONSOLE = "isa-debugcon";
  private static final String PARALLEL_PORT = "isa-parallel";

  /** A device; {@code line}: what an option of its own says of its host end, or null. */
  private record Device(String driver, Map<String, String> properties, String line) {}

  private final Set<String> boards;
  private final CharOptions chars;
  private final Map<String, Map<String, String>> globals = new HashMap<>();
  private final List<Device> devices = new ArrayList<>();
  private final BooleanSupplier hasParallelPort;
  private boolean isParallelGiven;

  /**
   * The options of a system command.
   *
   * @param boards the boards that the command has
   * @param chars knows the host ends
   * @param hasParallelPort asked after parsing: one is there without being asked for
   */
  public DeviceOptions(Set<String> boards, CharOptions chars, BooleanSupplier hasParallelPort) {
    this.boards = Set.copyOf(boards);
    this.chars = chars;
    this.hasParallelPort = hasParallelPort;
  }

  @Override
  public void addTo(CommandSpec spec) {
    spec.addOption(value("-device", "driver[,prop=value]", "one more device", this::device));
    spec.addOption(
        value(
            "-debugcon", "file:F|stdio|null|…", "where the debug port writes", this::debugConsole));
    spec.addOption(
        value(
            "-parallel",
            "file:F|null|none",
            "where the next parallel port prints",
            this::parallel));
    spec.addOption(
        value("-global", "driver.prop=value", "property of all devices of a kind", this::global));
  }

  private void device(String text) {
    KeyValues values = KeyValues.parse("-device", text, "driver");
    String driver = values.take("driver", "");
    if (driver.isEmpty()) {
      throw new CommandLineException("-device " + text + ": names no driver");
    }
    if (Choices.isHelp(driver)) {
      throw new CommandLineAnswer(DeviceCatalogue.help(boards).stripTrailing());
    }
    String properties = DeviceCatalogue.help(driver);
    if (properties != null && values.rest().keySet().stream().anyMatch(Choices::isHelp)) {
      throw new CommandLineAnswer(properties.stripTrailing());
    }
    if (driver.equals("isa-serial")) {
      chars.noDefaultSerial();
    }
    devices.add(new Device(driver, new LinkedHashMap<>(values.rest()), null));
  }

  private void debugConsole(String text) {
    devices.add(new Device(DEBUG_CONSOLE, Map.of(), text));
  }

  private void parallel(String text) {
    isParallelGiven = true;
    if (!text.equals("none")) {
      devices.add(new Device(PARALLEL_PORT, Map.of(), text));
    }
  }

  private void global(String text) {
    int equals = text.indexOf('=');
    int dot = text.lastIndexOf('.', equals);
    if (dot <= 0) {
      throw new CommandLineException("-global " + text + ": is not driver.property=value");
    }
    globals
        .computeIfAbsent(text.substring(0, dot), driver -> new HashMap<>())
        .put(text.substring(dot + 1, equals), text.substring(equals + 1));
  }

  @Override
  public void apply(MachineConfig.Builder config) {
    boolean isPortGiven = devices.stream().anyMatch(d -> d.driver.equals(PARALLEL_PORT));
    if (!isParallelGiven && !isPortGiven && hasParallelPort.getAsBoolean()) {
      devices.add(new Device(PARALLEL_PORT, Map.of(), "null"));
    }
    Map<String, Integer> count = new HashMap<>();
    for (Device d : devices) {
      Map<String, String> properties = new LinkedHashMap<>(d.properties);
      globals.getOrDefault(d.driver, Map.of()).forEach(properties::putIfAbsent);
      CharEnd line = null;
      String id = properties.remove("chardev");
      if (id != null) {
        String by = "-device " + d.driver;
        line = chars.byId(by, id).forDevice(by);
      } else if (d.line != null) {
        String kind = d.driver.equals(PARALLEL_PORT) ? "parallel" : "debugcon";
        line = chars.forDevice("-" + kind, d.line, kind + (count.merge(kind, 1, Integer::sum) - 1));
      }
      config.device(new MachineConfig.DeviceOption(d.driver, properties, line));
    }
  }
}
