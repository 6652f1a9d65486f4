package org.tuber.launcher.guest;

import java.util.ArrayList;
import java.util.List;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.Subcommand;

/**
 * {@code tuber run NAME [--refresh] [-- OPTIONS]}: obtains a guest and boots it. What follows
 * {@code --} goes to the guest's {@code system-} command; an {@code -append} adds to the guest's
 * own command line.
 */
public final class RunCommand implements Subcommand {
  private static final String HELP =
      """
      Usage: tuber run debian|debian-arm64 [--refresh] [-- OPTIONS]

      Boots a Debian kernel with a busybox shell on this terminal. The files come from the
      host's own package tool (apt), without root, and are kept for the next time.

        --refresh     fetch again, e.g. for a newer kernel
        -- OPTIONS    options for 'tuber system-x86_64' ('system-aarch64' for debian-arm64);
                      -append adds to the command line

      Leave with 'poweroff -f' in the guest, or Ctrl-A x.
      """;

  @Override
  public String name() {
    return "run";
  }

  @Override
  public String summary() {
    return "fetch a guest system and boot it: run debian, run debian-arm64";
  }

  @Override
  public int run(List<String> arguments) {
    int separator = arguments.indexOf("--");
    List<String> own = separator < 0 ? arguments : arguments.subList(0, separator);
    List<String> passed =
        separator < 0 ? List.of() : arguments.subList(separator + 1, arguments.size());
    boolean refresh = false;
    DebianKind guest = null;
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
          if (guest != null) {
            throw new CommandLineException("run: one guest at a time");
          }
          guest = DebianKind.named("run", argument);
        }
      }
    }
    if (guest == null) {
      throw new CommandLineException("run: no guest named; known: " + DebianKind.known());
    }
    DebianGuest.Parts files = new DebianGuest(CacheFolder.ofUser(), guest).obtain(refresh);
    return guest
        .command()
        .run(machineArguments(guest, files, passed, System.getProperty("tuber.tty.size")));
  }

  /**
   * The full option list.
   *
   * @param ttySize rows and columns as {@code stty size} prints them, or null
   */
  static List<String> machineArguments(
      DebianKind kind, DebianGuest.Parts files, List<String> passed, String ttySize) {
    StringBuilder append = new StringBuilder(kind.kernelCommandLine);
    if (ttySize != null && ttySize.matches("[1-9][0-9]* [1-9][0-9]*")) {
      append.append(" tuber.tty=").append(ttySize.replace(' ', 'x'));
    }
    List<String> result = new ArrayList<>(kind.machine);
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
