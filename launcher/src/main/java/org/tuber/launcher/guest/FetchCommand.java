package org.tuber.launcher.guest;

import java.nio.file.Path;
import java.util.List;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.Subcommand;

/** {@code tuber fetch debian DIR}: the files that {@code run debian} boots, without booting. */
public final class FetchCommand implements Subcommand {
  private static final String HELP =
      """
      Usage: tuber fetch debian DIR

      Puts vmlinuz, vmlinux and initrd.cpio.gz into DIR: the kernel and initramfs that
      'tuber run debian' boots, from the host's own package tool (apt), without root.
      The initramfs prints a line and switches off; 'guest.shell' on the kernel's
      command line gives a shell, 'guest.bench' times two small programs.
      """;

  @Override
  public String name() {
    return "fetch";
  }

  @Override
  public String summary() {
    return "fetch a guest's files: fetch debian DIR";
  }

  @Override
  public int run(List<String> arguments) {
    if (arguments.contains("-h") || arguments.contains("--help")) {
      System.out.print(HELP);
      return 0;
    }
    for (String argument : arguments) {
      if (argument.startsWith("-")) {
        throw new CommandLineException("fetch: unknown option " + argument);
      }
    }
    if (arguments.isEmpty() || !arguments.get(0).equals("debian")) {
      throw new CommandLineException(
          "fetch: unknown guest '" + String.join(" ", arguments) + "'; known: debian");
    }
    if (arguments.size() != 2) {
      throw new CommandLineException("fetch: needs one folder: tuber fetch debian DIR");
    }
    new DebianGuest(CacheFolder.ofUser()).copyTo(Path.of(arguments.get(1)));
    return 0;
  }
}
