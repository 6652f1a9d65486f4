package org.tuber.launcher.options;

import java.util.ArrayList;
import java.util.List;
import org.tuber.launcher.CommandLineAnswer;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.MachineConfig;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * Parses QEMU's command line: long options with one dash (two are accepted), a value is always the
 * next argument whatever it looks like, the last of several occurrences wins unless the option
 * collects.
 */
public final class OptionParser {
  /** What the user wants after all. */
  public enum Wish {
    /** Go on. */
    RUN,
    /** {@code -h}: show {@link OptionParser#help}. */
    HELP,
    /** {@code -version}. */
    VERSION
  }

  private final List<OptionTable> tables;
  private final CommandLine line;
  private Wish wish = Wish.RUN;

  /** A parser over some tables. */
  public OptionParser(String command, OptionTable... tables) {
    this.tables = List.of(tables);
    CommandSpec spec = CommandSpec.create().name(command);
    for (OptionTable table : tables) {
      table.addTo(spec);
    }
    spec.addOption(wish("-h", "-help", "this list", Wish.HELP));
    spec.addOption(wish("-version", "-v", "the version", Wish.VERSION));
    spec.usageMessage().width(100).abbreviateSynopsis(true).sortOptions(true);
    line =
        new CommandLine(spec)
            .setPosixClusteredShortOptionsAllowed(false)
            .setOverwrittenOptionsAllowed(true)
            .setAllowOptionsAsOptionParameters(true)
            .setExpandAtFiles(false)
            .setInterpolateVariables(false)
            .setSeparator(" ");
  }

  private OptionSpec wish(String name, String other, String description, Wish value) {
    return OptionTable.flag(name, description, () -> wish = value).toBuilder()
        .names(name, other)
        .build();
  }

  /** Reads the arguments into the tables. */
  public Wish parse(List<String> arguments) {
    try {
      line.parseArgs(spelledShort(arguments).toArray(String[]::new));
      return wish;
    } catch (UnmatchedArgumentException e) {
      throw new CommandLineException(e.getUnmatched().get(0) + ": unknown option");
    } catch (ParameterException e) {
      throw unwrapped(e);
    }
  }

  /** Values checked while being set arrive wrapped by the parser. */
  private static RuntimeException unwrapped(ParameterException e) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof CommandLineException || cause instanceof CommandLineAnswer) {
        return (RuntimeException) cause;
      }
    }
    if (e instanceof CommandLine.MissingParameterException missing
        && !missing.getMissing().isEmpty()
        && missing.getMissing().get(0) instanceof OptionSpec option) {
      return new CommandLineException(option.longestName() + ": needs a value");
    }
    return new CommandLineException(e.getMessage());
  }

  private List<String> spelledShort(List<String> arguments) {
    List<String> result = new ArrayList<>(arguments.size());
    boolean isValue = false;
    for (String argument : arguments) {
      String spelled =
          !isValue && argument.startsWith("--") && argument.length() > 2
              ? argument.substring(1)
              : argument;
      OptionSpec option = isValue ? null : line.getCommandSpec().findOption(spelled);
      isValue = option != null && option.arity().min() == 1;
      result.add(spelled);
    }
    return result;
  }

  /** Gives every table's findings to the configuration. */
  public void apply(MachineConfig.Builder config) {
    for (OptionTable table : tables) {
      table.apply(config);
    }
  }

  /** The help text. */
  public String help() {
    return line.getUsageMessage(CommandLine.Help.Ansi.OFF);
  }
}
