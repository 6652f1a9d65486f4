package org.tuber.launcher;

import java.util.List;

/**
 * One word after {@code tuber}. Modules above the launcher add theirs as a {@link
 * java.util.ServiceLoader} provider of this type.
 */
public interface Subcommand {
  /** The word, e.g. {@code system-x86_64}. */
  String name();

  /** One line for {@code tuber help}. */
  String summary();

  /**
   * Does the work.
   *
   * @param arguments what followed the word
   * @return exit status of the process
   * @throws CommandLineException for an unknown option or value: status 1, one line
   */
  int run(List<String> arguments);
}
