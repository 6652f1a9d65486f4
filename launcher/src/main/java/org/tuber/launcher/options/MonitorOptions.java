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

  private final DeviceOptions devices;
  private final List<SocketTarget> gdb = new ArrayList<>();
  private final List<SocketTarget> qmp = new ArrayList<>();
  private final List<SocketTarget> human = new ArrayList<>();
  private final List<String> lines = new ArrayList<>();
  private boolean qmpOnStdio;

  /**
   * The options of a system command.
   *
   * @param devices knows what {@code -chardev} said
   */
  public MonitorOptions(DeviceOptions devices) {
    this.devices = devices;
  }

  @Override
  public void addTo(CommandSpec spec) {
    spec.addOption(
        value("-qmp", "tcp:[host]:port|unix:F|stdio", "where programs control us", this::qmp));
    spec.addOption(
        value("-mon", "chardev=id,mode=control|readline", "a monitor on a -chardev", lines::add));
    spec.addOption(value("-gdb", "tcp:[host]:port|unix:F|none", "lets GDB in there", this::gdb));
    spec.addOption(flag("-s", "short for -gdb " + USUAL_GDB, () -> gdb(USUAL_GDB)));
  }

  private void qmp(String text) {
    if (text.equals("stdio")) {
      qmpOnStdio = true;
    } else if (!text.equals("none")) {
      qmp.add(SocketAddresses.parse("-qmp", text, false));
    }
  }

  private void gdb(String text) {
    gdb.clear();
    if (!text.equals("none")) {
      gdb.add(SocketAddresses.parse("-gdb", text, true));
    }
  }

  /** Where GDB is let in. */
  public List<SocketTarget> gdb() {
    return gdb;
  }

  /** Where programs speak QMP. */
  public List<SocketTarget> qmp() {
    return qmp;
  }

  /** Where people have a monitor, besides {@code -monitor}. */
  public List<SocketTarget> human() {
    return human;
  }

  /** True when QMP is on standard input and output. */
  public boolean isQmpOnStdio() {
    return qmpOnStdio;
  }

  private void line(String text) {
    KeyValues values =
        KeyValues.parse("-mon", text, "chardev").only(Set.of("chardev", "mode", "pretty"));
    SocketTarget socket = devices.socket(values.get("chardev", ""));
    if (socket == null) {
      throw new CommandLineException("-mon " + text + ": no -chardev socket has this id");
    }
    String mode = values.get("mode", "readline");
    switch (mode) {
      case "control" -> qmp.add(socket);
      case "readline" -> human.add(socket);
      default ->
          throw new CommandLineException(
              "-mon " + text + ": unknown mode; known: control, readline");
    }
  }

  @Override
  public void apply(MachineConfig.Builder config) {
    // The command opens the sockets itself; here every -chardev has been read.
    lines.forEach(this::line);
  }
}
