package org.tuber.launcher.options;

import org.tuber.launcher.CommandLineException;
import org.tuber.machine.MachineConfig;
import picocli.CommandLine.Model.CommandSpec;

/** Network: {@code -nic none -net none}. There is no network card yet, so none is all there is. */
public final class NetOptions extends OptionTable {
  @Override
  public void addTo(CommandSpec spec) {
    spec.addOption(value("-nic", "none", "no network card", text -> none("-nic", text)));
    spec.addOption(value("-net", "none", "no network card", text -> none("-net", text)));
  }

  private static void none(String option, String text) {
    if (!text.equals("none")) {
      throw new CommandLineException(option + " " + text + ": unknown value; known: none");
    }
  }

  @Override
  public void apply(MachineConfig.Builder config) {
    // Boards have no network card unless one is asked for.
  }
}
