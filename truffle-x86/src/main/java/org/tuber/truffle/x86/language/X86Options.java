package org.tuber.truffle.x86.language;

import java.util.List;
import java.util.Set;
import org.graalvm.options.OptionDescriptor;
import org.graalvm.options.OptionDescriptors;
import org.graalvm.options.OptionKey;
import org.graalvm.options.OptionType;
import org.tuber.truffle.engine.interop.GuestOptions;
import org.tuber.truffle.x86.sys.CpuModel;

/** Options of the language {@code x86}; numbers may be written with 0x, sizes with K, M or G. */
final class X86Options {
  /** Value of {@link #STACK} that means: by mode. */
  static final long UNSET = -1;

  static final OptionKey<Integer> MODE =
      new OptionKey<>(64, new OptionType<>("16|32|64", X86Options::mode));
  static final OptionKey<Long> LOAD_ADDRESS =
      new OptionKey<>(0x1000L, GuestOptions.number("address"));
  static final OptionKey<Long> STACK = new OptionKey<>(UNSET, GuestOptions.number("address"));
  static final OptionKey<Long> MEMORY_SIZE =
      new OptionKey<>(16L << 20, GuestOptions.number("size"));
  static final OptionKey<Long> INSTRUCTION_BUDGET =
      new OptionKey<>(Long.MAX_VALUE, GuestOptions.number("number"));
  static final OptionKey<String> CPU =
      new OptionKey<>(
          "max",
          new OptionType<>("model", s -> GuestOptions.oneOf(s, Set.copyOf(CpuModel.names()))));

  static final OptionDescriptors DESCRIPTORS =
      OptionDescriptors.create(
          List.of(
              option(MODE, "Mode", "Real mode, flat protected mode or long mode."),
              option(LOAD_ADDRESS, "LoadAddress", "Where the program lies and begins."),
              option(STACK, "Stack", "Initial stack pointer; the end of memory if not given."),
              option(MEMORY_SIZE, "MemorySize", "RAM from address 0 on."),
              option(INSTRUCTION_BUDGET, "InstructionBudget", "Most instructions to run, about."),
              option(
                  GuestOptions.RUN,
                  "Run",
                  "Run when evaluated; else only when the result is executed."),
              option(GuestOptions.TIER, "Tier", "Compile hot code, never, or at once."),
              option(CPU, "Cpu", "CPU model."),
              option(
                  GuestOptions.SYSROOT,
                  "Sysroot",
                  "Folder under which Linux programs and libraries find absolute paths first.")));

  private X86Options() {}

  private static OptionDescriptor option(OptionKey<?> key, String name, String help) {
    return GuestOptions.option(X86Language.ID, key, name, help);
  }

  private static Integer mode(String s) {
    return Integer.valueOf(GuestOptions.oneOf(s, Set.of("16", "32", "64")));
  }
}
