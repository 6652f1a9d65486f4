package org.tuber.launcher.options;

import java.nio.file.Path;
import java.util.TreeSet;
import org.tuber.machine.MachineConfig;
import picocli.CommandLine.Model.CommandSpec;

/** What is logged and where: {@code -d -D}. */
public final class LogOptions extends OptionTable {
  /** Items of {@code -d} and what they show. */
  private static final Choices ITEMS =
      Choices.of(
          "-d",
          "log item",
          "Log items (comma separated):",
          "engine",
          "blocks, regions, compile time and MIPS of each CPU at the end",
          "unimp",
          "guest use of what is not implemented, once for each kind",
          "guest_errors",
          "guest use that the hardware's manual forbids");

  private final TreeSet<String> items = new TreeSet<>();
  private Path file;

  @Override
  public void addTo(CommandSpec spec) {
    spec.addOption(value("-d", "item[,item]", "log items: " + ITEMS.words().keySet(), this::items));
    spec.addOption(value("-D", "file", "write the log to a file", text -> file = Path.of(text)));
  }

  private void items(String text) {
    for (String item : KeyValues.split(text)) {
      items.add(ITEMS.check(item));
    }
  }

  /** True when {@code item} was asked for. */
  public boolean has(String item) {
    return items.contains(item);
  }

  /** Where the log goes, or null for standard error. */
  public Path file() {
    return file;
  }

  @Override
  public void apply(MachineConfig.Builder config) {
    // Logging is this process's business, not the machine's.
  }
}
