package org.tuber.launcher.options;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tuber.launcher.CommandLineException;

/**
 * QEMU's {@code head,key=value,flag,key=a,,b} notation (QEMU documentation, "Invocation"; a doubled
 * comma stands for one comma inside a value). A key without value is {@code on}.
 */
public final class KeyValues {
  private final String option;
  private final String text;
  private final Map<String, String> entries = new LinkedHashMap<>();

  private KeyValues(String option, String text) {
    this.option = option;
    this.text = text;
  }

  /**
   * Parses a value.
   *
   * @param option spelling of the option for messages, e.g. {@code -m}
   * @param text what followed it
   * @param headKey key that a first item without {@code =} belongs to, or null
   */
  public static KeyValues parse(String option, String text, String headKey) {
    KeyValues result = new KeyValues(option, text);
    List<String> items = split(text);
    for (int i = 0; i < items.size(); i++) {
      String item = items.get(i);
      int equals = item.indexOf('=');
      if (equals < 0 && i == 0 && headKey != null) {
        result.entries.put(headKey, item);
      } else if (equals < 0) {
        result.entries.put(item, "on");
      } else {
        result.entries.put(item.substring(0, equals), item.substring(equals + 1));
      }
    }
    return result;
  }

  /** Splits at single commas; a doubled comma becomes one. */
  static List<String> split(String text) {
    List<String> items = new ArrayList<>();
    StringBuilder item = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c != ',') {
        item.append(c);
      } else if (i + 1 < text.length() && text.charAt(i + 1) == ',') {
        item.append(',');
        i++;
      } else {
        items.add(item.toString());
        item.setLength(0);
      }
    }
    items.add(item.toString());
    return items;
  }

  /** The value of {@code key}, or {@code fallback}. */
  public String get(String key, String fallback) {
    return entries.getOrDefault(key, fallback);
  }

  /** Takes the value of {@code key} out, or {@code fallback}. */
  public String take(String key, String fallback) {
    String value = entries.remove(key);
    return value == null ? fallback : value;
  }

  /** What is left, in order. */
  public Map<String, String> rest() {
    return entries;
  }

  /** Refuses every key that is not in {@code known}. */
  public KeyValues only(Set<String> known) {
    for (String key : entries.keySet()) {
      if (!known.contains(key)) {
        throw new CommandLineException(option + " " + text + ": unknown property '" + key + "'");
      }
    }
    return this;
  }

  /** The value of {@code key} as QEMU's {@code on} or {@code off}. */
  public boolean isOn(String key, boolean fallback) {
    String value = entries.get(key);
    return value == null ? fallback : onOff(option, text, value);
  }

  /** Reads {@code on}, {@code off} and their synonyms. */
  static boolean onOff(String option, String text, String value) {
    return switch (value) {
      case "on", "yes", "true", "y" -> true;
      case "off", "no", "false", "n" -> false;
      default ->
          throw new CommandLineException(
              option + " " + text + ": '" + value + "' is neither on nor off");
    };
  }

  /** The whole number at {@code key}, within bounds. */
  public int integer(String key, int fallback, int least, int most) {
    String value = entries.get(key);
    if (value == null) {
      return fallback;
    }
    try {
      int number = Integer.parseInt(value);
      if (number >= least && number <= most) {
        return number;
      }
    } catch (NumberFormatException e) {
      throw new CommandLineException(option + " " + text + ": '" + value + "' is not a number");
    }
    throw new CommandLineException(
        option + " " + text + ": " + value + " is not within " + least + " to " + most);
  }
}
