package org.tuber.launcher.options;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineFactory;
import picocli.CommandLine.Model.CommandSpec;

/** Board and accelerator: {@code -M -machine -accel -nodefaults -name}. */
public final class MachineOptions extends OptionTable {
  private static final Choices ACCELS =
      Choices.of(
          "-accel",
          "accelerator",
          "Accelerators:",
          "tcg",
          "hot guest code is compiled",
          "interp",
          "guest code is never compiled");

  /** Properties that are on or off. */
  private static final List<String> SWITCHES =
      List.of("acpi", "hpet", "its", "virtualization", "highmem", "highmem-ecam");

  private final Map<String, String> boards;
  private final Set<String> known;
  private final Map<String, String> properties = new HashMap<>();
  private final Map<String, String> accelProperties = new HashMap<>();
  private String machine;
  private String accel;
  private String name = "";
  private boolean noDefaults;

  /**
   * The options of one system command.
   *
   * @param boards accepted names, each with the board it means; the first is the default
   * @param known names of board properties
   */
  public MachineOptions(Map<String, String> boards, Set<String> known) {
    this.boards = boards;
    this.known = known;
    this.machine = boards.values().iterator().next();
  }

  @Override
  public void addTo(CommandSpec spec) {
    spec.addOption(
        value("-M", "-machine", "type[,prop=value]", "board: " + boards.keySet(), this::machine));
    spec.addOption(
        value(
            "-accel",
            "name",
            "tcg compiles hot guest code, interp never compiles",
            text -> accel("-accel", text)));
    spec.addOption(
        flag("-nodefaults", "no device that was not asked for", () -> noDefaults = true));
    spec.addOption(
        value("-name", "text", "name of the guest", text -> name = KeyValues.split(text).get(0)));
  }

  private void machine(String text) {
    KeyValues values = KeyValues.parse("-machine", text, "type");
    String type = values.take("type", null);
    if (type != null) {
      machine = boards.get(choices().check(type));
    }
    String accelerator = values.take("accel", null);
    if (accelerator != null) {
      // QEMU takes the first of a colon-separated list that works here.
      accel("-machine", accelerator.split(":", 2)[0]);
    }
    values.only(known);
    for (String switchedOn : List.of("usb", "vmport", "secure")) {
      if (values.isOn(switchedOn, false)) {
        throw new CommandLineException(
            "-machine " + text + ": " + switchedOn + " is not available");
      }
    }
    if (!values.get("smm", "auto").equals("auto") && values.isOn("smm", false)) {
      throw new CommandLineException(
          "-machine " + text + ": smm is not available, no processor here has that mode");
    }
    for (String property : SWITCHES) {
      values.isOn(property, true);
    }
    properties.putAll(values.rest());
  }

  private Choices choices() {
    Map<String, String> words = new LinkedHashMap<>();
    for (String known : boards.keySet()) {
      String board = boards.get(known);
      words.put(
          known,
          MachineFactory.describe(board)
              + (known.equals(board) ? "" : " (alias of " + board + ")")
              + (words.isEmpty() ? " (default)" : ""));
    }
    return new Choices("-machine", "machine", "Supported machines are:", words);
  }

  private void accel(String option, String text) {
    KeyValues values = KeyValues.parse(option, text, "accel");
    accel = values.take("accel", "tcg");
    ACCELS.check(accel);
    values.only(Set.of("thread", "mode", "hot-threshold"));
    String thread = values.take("thread", "multi");
    if (!thread.equals("multi")) {
      throw new CommandLineException(
          option + " " + text + ": unknown value 'thread=" + thread + "'; known: thread=multi");
    }
    String mode = values.get("mode", "default");
    if (!List.of("default", "immediate", "classes", "lockstep").contains(mode)) {
      throw new CommandLineException(
          option
              + " "
              + text
              + ": unknown mode '"
              + mode
              + "'; known: default, immediate, classes, lockstep");
    }
    values.integer("hot-threshold", 1, 1, Integer.MAX_VALUE);
    accelProperties.putAll(values.rest());
  }

  /** True after {@code -nodefaults}. */
  public boolean isNoDefaults() {
    return noDefaults;
  }

  @Override
  public void apply(MachineConfig.Builder config) {
    config.machineType(machine).guestName(name);
    properties.forEach(config::machineProperty);
    if (accel != null) {
      config.accel(accel);
    }
    accelProperties.forEach(config::accelProperty);
  }
}
