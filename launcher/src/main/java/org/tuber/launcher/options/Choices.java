package org.tuber.launcher.options;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tuber.launcher.CommandLineAnswer;
import org.tuber.launcher.CommandLineException;

/**
 * The words that an option takes: any other is refused with a line that names them, and {@code
 * help} prints them, each with what it means.
 *
 * @param option its spelling
 * @param what the words are, for messages: {@code CPU model}
 * @param title first line of the list
 * @param words each with a description, which may be empty; in the order of the list
 */
record Choices(String option, String what, String title, Map<String, String> words) {
  /** True for the words that ask for the list. */
  static boolean isHelp(String word) {
    return word.equals("help") || word.equals("?");
  }

  /** Words, each followed by what it means. */
  static Choices of(String option, String what, String title, String... wordsAndMeanings) {
    Map<String, String> map = new LinkedHashMap<>();
    for (int i = 0; i < wordsAndMeanings.length; i += 2) {
      map.put(wordsAndMeanings[i], wordsAndMeanings[i + 1]);
    }
    return new Choices(option, what, title, map);
  }

  /** Words that need no description. */
  static Choices plain(String option, String what, String title, List<String> words) {
    Map<String, String> map = new LinkedHashMap<>();
    words.forEach(word -> map.put(word, ""));
    return new Choices(option, what, title, map);
  }

  /** Returns the word if it is one of these. */
  String check(String word) {
    if (isHelp(word)) {
      throw answer();
    }
    if (!words.containsKey(word)) {
      throw unknown(word);
    }
    return word;
  }

  /** The refusal of a word, for options that look at it themselves. */
  CommandLineException unknown(String word) {
    return new CommandLineException(
        "%s %s: unknown %s; known: %s"
            .formatted(option, word, what, String.join(", ", words.keySet())));
  }

  /** The list. */
  CommandLineAnswer answer() {
    StringBuilder text = new StringBuilder(title);
    words.forEach(
        (word, meaning) -> text.append("\n%-20s %s".formatted(word, meaning).stripTrailing()));
    return new CommandLineAnswer(text.toString());
  }
}
