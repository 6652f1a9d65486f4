package org.tuber.launcher.nbd;

import java.util.List;
import org.tuber.launcher.Subcommand;

/** {@code tuber nbd} as a word of the {@code tuber} command. */
public final class NbdSubcommand implements Subcommand {
  @Override
  public String name() {
    return "nbd";
  }

  @Override
  public String summary() {
    return "offer a disk image to NBD clients (options of qemu-nbd)";
  }

  @Override
  public int run(List<String> arguments) {
    return NbdCommand.commandLine().execute(arguments.toArray(String[]::new));
  }
}
