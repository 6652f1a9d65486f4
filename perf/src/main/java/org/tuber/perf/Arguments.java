package org.tuber.perf;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tuber.launcher.CommandLineException;

/**
 * The options of one measurement: {@code -x VALUE} pairs, flags, and what follows {@code --}. Every
 * mistake is one line that names the option and the value.
 */
public final class Arguments {
  private final String command;
  private final Map<String, String> values = new LinkedHashMap<>();
  private final List<String> passedOn = new ArrayList<>();
  private boolean help;

  /**
   * Takes a command line apart.
   *
   * @param command name in messages, e.g. {@code perf boot}
   * @param valued options that take a value
   * @param flags options that take none
   */
  public Arguments(String command, List<String> arguments, Set<String> valued, Set<String> flags) {
    this.command = command;
    for (int i = 0; i < arguments.size(); i++) {
      String option = arguments.get(i);
      if (option.equals("--")) {
        passedOn.addAll(arguments.subList(i + 1, arguments.size()));
        break;
      }
      if (option.equals("-h") || option.equals("-help") || option.equals("--help")) {
        help = true;
      } else if (flags.contains(option)) {
        values.put(option, "");
      } else if (!valued.contains(option)) {
        throw new CommandLineException(command + ": unknown option " + option);
      } else if (i + 1 == arguments.size()) {
        throw new CommandLineException(command + ": " + option + " needs a value");
      } else {
        values.put(option, arguments.get(++i));
      }
    }
  }

  /** True when help was asked for. */
  public boolean isHelp() {
    return help;
  }

  /** True when the option was given. */
  public boolean has(String option) {
    return values.containsKey(option);
  }

  /** The option's value, or {@code fallback} when it was not given. */
  public String text(String option, String fallback) {
    return values.getOrDefault(option, fallback);
  }

  /** The option's value as a whole number of at least {@code least}. */
  public int number(String option, int fallback, int least) {
    String text = values.get(option);
    if (text == null) {
      return fallback;
    }
    try {
      int number = Integer.parseInt(text);
      if (number >= least) {
        return number;
      }
    } catch (NumberFormatException e) {
      // The message below says it all.
    }
    throw new CommandLineException(
        command + ": " + option + " " + text + ": needs a number from " + least + " on");
  }

  /** What followed {@code --}: options for Tuber's machine alone. */
  public List<String> passedOn() {
    return List.copyOf(passedOn);
  }
}
