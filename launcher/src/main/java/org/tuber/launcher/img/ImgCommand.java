package org.tuber.launcher.img;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code tuber img}: works on disk images. Options are spelled as in qemu-img(1). */
@Command(
    name = "img",
    description = "Creates, converts, checks and changes disk images.",
    mixinStandardHelpOptions = true)
public final class ImgCommand implements Runnable {
  /**
   * A table and not an annotation: only the command asked for is looked at, which saves start-up.
   */
  private static final Map<String, Supplier<Object>> COMMANDS = new LinkedHashMap<>();

  static {
    COMMANDS.put("amend", AmendCommand::new);
    COMMANDS.put("bench", BenchCommand::new);
    COMMANDS.put("bitmap", BitmapCommand::new);
    COMMANDS.put("check", CheckCommand::new);
    COMMANDS.put("commit", CommitCommand::new);
    COMMANDS.put("compare", CompareCommand::new);
    COMMANDS.put("convert", ConvertCommand::new);
    COMMANDS.put("create", CreateCommand::new);
    COMMANDS.put("dd", DdCommand::new);
    COMMANDS.put("info", InfoCommand::new);
    COMMANDS.put("map", MapCommand::new);
    COMMANDS.put("measure", MeasureCommand::new);
    COMMANDS.put("rebase", RebaseCommand::new);
    COMMANDS.put("resize", ResizeCommand::new);
    COMMANDS.put("snapshot", SnapshotCommand::new);
  }

  @Spec private CommandSpec spec;

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  /** The command line with everything these arguments can need, and its error handling. */
  public static CommandLine commandLine(List<String> arguments) {
    CommandLine line = new CommandLine(new ImgCommand());
    Supplier<Object> wanted = arguments.isEmpty() ? null : COMMANDS.get(arguments.getFirst());
    if (wanted != null) {
      line.addSubcommand(arguments.getFirst(), wanted.get());
    } else {
      COMMANDS.forEach((name, command) -> line.addSubcommand(name, command.get()));
    }
    return configure(line);
  }

  /** Sets up a command line that has this tree in it. */
  public static CommandLine configure(CommandLine line) {
    return configure(line, "tuber img");
  }

  /** The same for a command of another name. */
  public static CommandLine configure(CommandLine line, String name) {
    line.setParameterExceptionHandler(
        (e, arguments) -> {
          PrintWriter err = e.getCommandLine().getErr();
          err.println(name + ": " + e.getMessage().replace('\n', ' '));
          err.flush();
          return 1;
        });
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
    System.exit(commandLine(List.of(args)).execute(args));
  }
}
