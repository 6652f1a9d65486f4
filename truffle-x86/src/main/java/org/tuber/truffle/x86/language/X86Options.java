package org.tuber.truffle.x86.language;

import java.util.List;
import java.util.Set;
import org.graalvm.options.OptionCategory;
import org.graalvm.options.OptionDescriptor;
import org.graalvm.options.OptionDescriptors;
import org.graalvm.options.OptionKey;
import org.graalvm.options.OptionStability;
import org.graalvm.options.OptionType;
import org.tuber.truffle.x86.sys.CpuModel;

/** Options of the language {@code x86}; numbers may be written with 0x, sizes with K, M or G. */
final class X86Options {
  /** Value of {@link #STACK} that means: by mode. */
  static final long UNSET = -1;

  static final OptionKey<Integer> MODE =
      new OptionKey<>(64, new OptionType<>("16|32|64", X86Options::mode));
  static final OptionKey<Long> LOAD_ADDRESS = new OptionKey<>(0x1000L, number("address"));
  static final OptionKey<Long> STACK = new OptionKey<>(UNSET, number("address"));
  static final OptionKey<Long> MEMORY_SIZE = new OptionKey<>(16L << 20, number("size"));
  static final OptionKey<Long> INSTRUCTION_BUDGET =
      new OptionKey<>(Long.MAX_VALUE, number("number"));
  static final OptionKey<Boolean> RUN = new OptionKey<>(true);
  static final OptionKey<String> TIER =
      new OptionKey<>(
          "default",
          new OptionType<>(
              "default|interp|immediate", s -> oneOf(s, Set.of("default", "interp", "immediate"))));
  static final OptionKey<String> CPU =
      new OptionKey<>(
          "max", new OptionType<>("model", s -> oneOf(s, Set.copyOf(CpuModel.names()))));

  static final OptionKey<String> SYSROOT = new OptionKey<>("");

  static final OptionDescriptors DESCRIPTORS =
      OptionDescriptors.create(
          List.of(
              option(MODE, "Mode", "Real mode, flat protected mode or long mode."),
              option(LOAD_ADDRESS, "LoadAddress", "Where the program lies and begins."),
              option(STACK, "Stack", "Initial stack pointer; the end of memory if not given."),
              option(MEMORY_SIZE, "MemorySize", "RAM from address 0 on."),
              option(INSTRUCTION_BUDGET, "InstructionBudget", "Most instructions to run, about."),
              option(RUN, "Run", "Run when evaluated; else only when the result is executed."),
              option(TIER, "Tier", "Compile hot code, never, or at once."),
              option(CPU, "Cpu", "CPU model."),
              option(
                  SYSROOT,
                  "Sysroot",
                  "Folder under which Linux programs and libraries find absolute paths first.")));

  private X86Options() {}

  private static OptionDescriptor option(OptionKey<?> key, String name, String help) {
    return OptionDescriptor.newBuilder(key, X86Language.ID + "." + name)
        .help(help)
        .category(OptionCategory.USER)
        .stability(OptionStability.STABLE)
        .build();
  }

  private static OptionType<Long> number(String name) {
    return new OptionType<>(name, X86Options::parseNumber);
  }

  private static Integer mode(String s) {
    return Integer.valueOf(oneOf(s, Set.of("16", "32", "64")));
  }

  private static String oneOf(String s, Set<String> values) {
    if (!values.contains(s)) {
      throw new IllegalArgumentException("'" + s + "' is none of " + values);
    }
    return s;
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
