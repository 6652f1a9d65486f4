package org.tuber.launcher.img;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code tuber img}: works on disk images. Options are spelled as in qemu-img(1). */
@Command(
    name = "img",
    description = "Creates, converts, checks and changes disk images.",
    mixinStandardHelpOptions = true,
    subcommands = {
      AmendCommand.class,
      BenchCommand.class,
      CheckCommand.class,
      CommitCommand.class,
      CompareCommand.class,
      ConvertCommand.class,
      CreateCommand.class,
      DdCommand.class,
      InfoCommand.class,
      MapCommand.class,
      MeasureCommand.class,
      RebaseCommand.class,
      ResizeCommand.class,
      SnapshotCommand.class
    })
public final class ImgCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  /** The command line of this tree, with its error handling. */
  public static CommandLine commandLine() {
    return configure(new CommandLine(new ImgCommand()));
  }

  /** Sets up a command line that has this tree in it. */
  public static CommandLine configure(CommandLine line) {
    return configure(line, "tuber img");
  }

  /** The same for a command of another name. */
  public static CommandLine configure(CommandLine line, String name) {
    line.setExecutionExceptionHandler(
        (e, commandLine, parsed) -> {
          Throwable cause = e instanceof UncheckedIOException u ? u.getCause() : e;
          if (!(cause instanceof IOException)) {
            throw e;
          }
          PrintWriter err = commandLine.getErr();
          err.println(name + ": " + cause.getMessage());
          err.flush();
          return commandLine.getCommandSpec().exitCodeOnExecutionException();
        });
    return line;
  }

  /** Runs on its own. */
  public static void main(String[] args) {
    System.exit(commandLine().execute(args));
  }
}
