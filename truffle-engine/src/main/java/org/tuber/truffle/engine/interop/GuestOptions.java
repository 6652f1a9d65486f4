package org.tuber.truffle.engine.interop;

import java.util.Set;
import org.graalvm.options.OptionCategory;
import org.graalvm.options.OptionDescriptor;
import org.graalvm.options.OptionKey;
import org.graalvm.options.OptionStability;
import org.graalvm.options.OptionType;
import org.graalvm.options.OptionValues;
import org.tuber.truffle.engine.Engine;

/** Options that the languages of all instruction sets have, and types for more. */
public final class GuestOptions {
  public static final OptionKey<Boolean> RUN = new OptionKey<>(true);
  public static final OptionKey<String> SYSROOT = new OptionKey<>("");

  private static final Set<String> TIERS = Set.of("default", "interp", "immediate", "classes");

  public static final OptionKey<String> TIER =
      new OptionKey<>(
          "default", new OptionType<>("default|interp|immediate|classes", s -> oneOf(s, TIERS)));

  private GuestOptions() {}

  /** What {@link #TIER} says. */
  public static Engine.Options engine(OptionValues values) {
    return switch (values.get(TIER)) {
      case "interp" -> Engine.Options.INTERPRETER;
      case "immediate" -> Engine.Options.IMMEDIATE;
      case "classes" -> Engine.Options.IMMEDIATE_CLASSES;
      default -> Engine.Options.DEFAULT;
    };
  }

  /** An option of the language {@code id}. */
  public static OptionDescriptor option(String id, OptionKey<?> key, String name, String help) {
    return OptionDescriptor.newBuilder(key, id + "." + name)
        .help(help)
        .category(OptionCategory.USER)
        .stability(OptionStability.STABLE)
        .build();
  }

  public static String oneOf(String s, Set<String> values) {
    if (!values.contains(s)) {
      throw new IllegalArgumentException("'" + s + "' is none of " + values);
    }
    return s;
  }

  /** A number, in any radix that Java can decode, with K, M or G. */
  public static OptionType<Long> number(String name) {
    return new OptionType<>(name, GuestOptions::parseNumber);
  }

  private static Long parseNumber(String s) {
    int shift =
        switch (s.isEmpty() ? ' ' : Character.toUpperCase(s.charAt(s.length() - 1))) {
          case 'K' -> 10;
          case 'M' -> 20;
          case 'G' -> 30;
          default -> 0;
        };
    try {
      return Long.decode(shift == 0 ? s : s.substring(0, s.length() - 1)) << shift;
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("'" + s + "' is no number", e);
    }
  }
}
