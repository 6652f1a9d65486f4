package org.tuber.launcher.guest;

import java.nio.file.Path;
import java.util.List;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.Subcommand;

/** {@code tuber fetch GUEST DIR}: the files that {@code run GUEST} boots, without booting. */
public final class FetchCommand implements Subcommand {
  private static final String HELP =
      """
      Usage: tuber fetch debian|debian-arm64 DIR

      Puts vmlinuz, vmlinux (amd64) and initrd.cpio.gz into DIR: the kernel and initramfs
      that 'tuber run' boots, from the host's own package tool (apt), without root.
      The initramfs prints a line and switches off; 'guest.shell' on the kernel's
      command line gives a shell, 'guest.bench' times two small programs.
      """;

  @Override
  public String name() {
    return "fetch";
  }

  @Override
  public String summary() {
    return "fetch a guest's files: fetch debian DIR, fetch debian-arm64 DIR";
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
    DebianKind kind = DebianKind.named("fetch", arguments.isEmpty() ? "" : arguments.get(0));
    if (arguments.size() != 2) {
      throw new CommandLineException("fetch: needs one folder: tuber fetch " + kind.guest + " DIR");
    }
    new DebianGuest(CacheFolder.ofUser(), kind).copyTo(Path.of(arguments.get(1)));
    return 0;
  }
}
