package org.tuber.launcher.options;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.console.FileCharBackend;
import org.tuber.machine.CharBackendSource;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.remote.SocketTarget;
import picocli.CommandLine.Model.CommandSpec;

/** Additional devices: {@code -device -chardev -debugcon -global}. */
public final class DeviceOptions extends OptionTable {
  private static final String DEBUG_CONSOLE = "isa-debugcon";

  private record Device(String driver, Map<String, String> properties, CharBackendSource line) {}

  private final Map<String, CharBackendSource> lines = new HashMap<>();
  private final Map<String, Map<String, String>> globals = new HashMap<>();
  private final Map<String, SocketTarget> sockets = new HashMap<>();
  private final List<Device> devices = new ArrayList<>();

  @Override
  public void addTo(CommandSpec spec) {
    spec.addOption(value("-device", "driver[,prop=value]", "one more device", this::device));
    spec.addOption(
        value("-chardev", "file|stdio|socket|null,id=id", "host side of a device", this::chardev));
    spec.addOption(
        value("-debugcon", "file:F|stdio|null", "where the debug port writes", this::debugConsole));
    spec.addOption(
        value("-global", "driver.prop=value", "property of all devices of a kind", this::global));
  }

  private void device(String text) {
    KeyValues values = KeyValues.parse("-device", text, "driver");
    String driver = values.take("driver", "");
    if (driver.isEmpty()) {
      throw new CommandLineException("-device " + text + ": names no driver");
    }
    devices.add(new Device(driver, new LinkedHashMap<>(values.rest()), null));
  }

  private void chardev(String text) {
    KeyValues values = KeyValues.parse("-chardev", text, "backend");
    String backend = values.take("backend", "");
    String id = values.get("id", "");
    if (id.isEmpty()) {
      throw new CommandLineException("-chardev " + text + ": needs an id");
    }
    if (backend.equals("socket")) {
      sockets.put(id, SocketAddresses.chardev("-chardev", text, values));
      return;
    }
    String path = values.get("path", "");
    String target = backend.equals("file") ? "file:" + path : backend;
    lines.put(id, line("-chardev", text, target));
  }

  private static CharBackendSource line(String option, String text, String target) {
    if (target.startsWith("file:") && target.length() > 5) {
      Path file = Path.of(target.substring(5));
      return eventLoop -> new FileCharBackend(file);
    }
    return switch (target) {
      case "stdio" -> eventLoop -> new FileCharBackend(Path.of("/dev/stdout"));
      case "null" -> CharBackendSource.NULL;
      default ->
          throw new CommandLineException(
              option + " " + text + ": unknown backend; known: file, stdio, null");
    };
  }

  /** The socket of {@code -chardev socket,id=…}, or null. */
  SocketTarget socket(String id) {
    return sockets.get(id);
  }

  private void debugConsole(String text) {
    devices.add(new Device(DEBUG_CONSOLE, Map.of(), line("-debugcon", text, text)));
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
    for (Device d : devices) {
      Map<String, String> properties = new LinkedHashMap<>(d.properties);
      globals.getOrDefault(d.driver, Map.of()).forEach(properties::putIfAbsent);
      CharBackendSource line = d.line;
      String id = properties.remove("chardev");
      if (id != null) {
        line = lines.get(id);
        if (line == null) {
          throw new CommandLineException("-device " + d.driver + ": no -chardev has id=" + id);
        }
      }
      config.device(new MachineConfig.DeviceOption(d.driver, properties, line));
    }
  }
}
