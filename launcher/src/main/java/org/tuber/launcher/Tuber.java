package org.tuber.launcher;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import org.tuber.launcher.guest.FetchCommand;
import org.tuber.launcher.guest.RunCommand;
import org.tuber.launcher.img.ImgSubcommand;
import org.tuber.launcher.nbd.NbdSubcommand;
import org.tuber.launcher.runtime.RuntimeCommand;
import org.tuber.launcher.system.SystemArmCommand;
import org.tuber.launcher.system.SystemX86Command;
import org.tuber.launcher.user.UserCommand;

/**
 * Entry of the {@code tuber} command: the first word picks a subcommand, the rest is its own.
 *
 * <p>Everything a user can mistype ends here as exit status 1 and one line on standard error.
 */
public final class Tuber {
  private Tuber() {}

  /** Runs the command and ends the process with its status. */
  public static void main(String[] args) {
    // Always by exit: a thread that still waits for input must not keep the process alive.
    System.exit(run(List.of(args), System.out, System.err));
  }

  /** The command without ending the process. */
  static int run(List<String> args, PrintStream out, PrintStream err) {
    try {
      return dispatch(args, out);
    } catch (CommandLineAnswer e) {
      out.println(e.getMessage());
      return 0;
    } catch (CommandLineException e) {
      err.println("tuber: " + e.getMessage());
      return 1;
    }
  }

  private static int dispatch(List<String> args, PrintStream out) {
    if (args.isEmpty()) {
      throw new CommandLineException("no command given; 'tuber help' lists them");
    }
    String word = args.get(0);
    List<String> rest = args.subList(1, args.size());
    switch (word) {
      case "help", "-h", "-help", "--help" -> {
        printHelp(out);
        return 0;
      }
      case "version", "-version", "--version" -> {
        out.println(Version.line());
        return 0;
      }
      default -> {}
    }
    for (Subcommand command : builtIn()) {
      if (command.name().equals(word)) {
        return command.run(rest);
      }
    }
    for (Subcommand command : ServiceLoader.load(Subcommand.class)) {
      if (command.name().equals(word)) {
        return command.run(rest);
      }
    }
    throw new CommandLineException("unknown command '" + word + "'; 'tuber help' lists them");
  }

  /** The commonest ones need no service lookup, which costs milliseconds at every start. */
  private static List<Subcommand> builtIn() {
    return List.of(
        new SystemX86Command(),
        new SystemArmCommand(),
        new UserCommand(),
        new RunCommand(),
        new FetchCommand(),
        new RuntimeCommand(),
        new ImgSubcommand(),
        new NbdSubcommand());
  }

  private static void printHelp(PrintStream out) {
    List<Subcommand> all = new ArrayList<>(builtIn());
    ServiceLoader.load(Subcommand.class).forEach(all::add);
    out.println("Usage: tuber COMMAND [OPTIONS]");
    out.println();
    for (Subcommand command : all) {
      out.printf("  %-16s %s%n", command.name(), command.summary());
    }
    out.printf("  %-16s %s%n", "help", "this list");
    out.printf("  %-16s %s%n", "version", "the version");
    out.println();
    out.println("'tuber COMMAND -h' explains one command.");
  }
}
