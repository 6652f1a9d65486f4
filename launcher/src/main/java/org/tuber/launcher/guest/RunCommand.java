package org.tuber.launcher.guest;

import java.util.ArrayList;
import java.util.List;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.Subcommand;
import org.tuber.launcher.system.SystemX86Command;

/**
 * {@code tuber run NAME [--refresh] [-- OPTIONS]}: obtains a guest and boots it. What follows
 * {@code --} goes to {@code system-x86_64}; an {@code -append} adds to the guest's own command
 * line.
 */
public final class RunCommand implements Subcommand {
  private static final String DEBIAN = "debian";
  private static final String HELP =
      """
      Usage: tuber run debian [--refresh] [-- OPTIONS]

      Boots a Debian kernel with a busybox shell on this terminal. The files come from the
      host's own package tool (apt), without root, and are kept for the next time.

        --refresh     fetch again, e.g. for a newer kernel
        -- OPTIONS    options for 'tuber system-x86_64'; -append adds to the command line

      Leave with 'poweroff -f' in the guest, or Ctrl-A x.
      """;

  @Override
  public String name() {
    return "run";
  }

  @Override
  public String summary() {
    return "fetch a guest system and boot it: run debian";
  }

  @Override
  public int run(List<String> arguments) {
    int separator = arguments.indexOf("--");
    List<String> own = separator < 0 ? arguments : arguments.subList(0, separator);
    List<String> passed =
        separator < 0 ? List.of() : arguments.subList(separator + 1, arguments.size());
    boolean refresh = false;
    String guest = null;
    for (String argument : own) {
      switch (argument) {
        case "-h", "-help", "--help" -> {
          System.out.print(HELP);
          return 0;
        }
        case "--refresh" -> refresh = true;
        default -> {
          if (argument.startsWith("-")) {
            throw new CommandLineException(
                "run: unknown option " + argument + " (options for the machine follow --)");
          }
          if (guest != null || !argument.equals(DEBIAN)) {
            throw new CommandLineException("run: unknown guest '" + argument + "'; known: debian");
          }
          guest = argument;
        }
      }
    }
    if (guest == null) {
      throw new CommandLineException("run: no guest named; known: debian");
    }
    DebianGuest.Parts files = new DebianGuest(CacheFolder.ofUser()).obtain(refresh);
    return new SystemX86Command()
        .run(machineArguments(files, passed, System.getProperty("tuber.tty.size")));
  }

  /**
   * The full option list.
   *
   * @param ttySize rows and columns as {@code stty size} prints them, or null
   */
  static List<String> machineArguments(
      DebianGuest.Parts files, List<String> passed, String ttySize) {
    StringBuilder append = new StringBuilder(DebianGuest.KERNEL_COMMAND_LINE);
    if (ttySize != null && ttySize.matches("[1-9][0-9]* [1-9][0-9]*")) {
      append.append(" tuber.tty=").append(ttySize.replace(' ', 'x'));
    }
    List<String> result = new ArrayList<>();
    result.addAll(List.of("-M", "pc", "-m", "512", "-nographic", "-no-reboot", "-nic", "none"));
    result.addAll(List.of("-kernel", files.kernel().toString()));
    result.addAll(List.of("-initrd", files.initrd().toString()));
    for (int i = 0; i < passed.size(); i++) {
      if (passed.get(i).equals("-append") && i + 1 < passed.size()) {
        append.append(' ').append(passed.get(++i));
      } else {
        result.add(passed.get(i));
      }
    }
    result.addAll(List.of("-append", append.toString()));
    return result;
  }
}
