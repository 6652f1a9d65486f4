package org.tuber.launcher.options;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.remote.SocketTarget;
import picocli.CommandLine.Model.CommandSpec;

/** Monitors and debuggers: {@code -qmp -mon -gdb -s}. {@code -monitor} is a character option. */
public final class MonitorOptions extends OptionTable {
  private static final String USUAL_GDB = "tcp::1234";

  private final CharOptions chars;
  private final List<SocketTarget> gdb = new ArrayList<>();
  private final List<String> qmp = new ArrayList<>();
  private final List<String> lines = new ArrayList<>();

  /**
   * The options of a system command.
   *
   * @param chars knows the host ends
   */
  public MonitorOptions(CharOptions chars) {
    this.chars = chars;
  }

  @Override
  public void addTo(CommandSpec spec) {
    spec.addOption(
        value(
            "-qmp", "tcp:[host]:port|unix:F|stdio|pipe:F", "where programs control us", qmp::add));
    spec.addOption(
        value("-mon", "chardev=id,mode=control|readline", "a monitor on a -chardev", lines::add));
    spec.addOption(value("-gdb", "tcp:[host]:port|unix:F|none", "lets GDB in there", this::gdb));
    spec.addOption(flag("-s", "short for -gdb " + USUAL_GDB, () -> gdb(USUAL_GDB)));
  }

  private void gdb(String text) {
    gdb.clear();
    if (!text.equals("none")) {
      gdb.add(SocketAddresses.listening("-gdb", text));
    }
  }

  /** Where GDB is let in. */
  public List<SocketTarget> gdb() {
    return gdb;
  }

  private void line(String text) {
    KeyValues values =
        KeyValues.parse("-mon", text, "chardev").only(Set.of("chardev", "mode", "pretty"));
    CharEnd end = chars.byId("-mon " + text, values.get("chardev", ""));
    String mode = values.get("mode", "readline");
    switch (mode) {
      case "control" -> end.forControl("-mon " + text);
      case "readline" -> end.forMonitor("-mon " + text);
      default ->
          throw new CommandLineException(
              "-mon " + text + ": unknown mode; known: control, readline");
    }
  }

  @Override
  public void apply(MachineConfig.Builder config) {
    // The command opens the sockets itself; here every -chardev has been read.
    qmp.stream().filter(text -> !text.equals("none")).forEach(chars::forQmp);
    lines.forEach(this::line);
  }
}
