package org.tuber.truffle.arm.language;

import java.util.List;
import java.util.Set;
import org.graalvm.options.OptionDescriptor;
import org.graalvm.options.OptionDescriptors;
import org.graalvm.options.OptionKey;
import org.graalvm.options.OptionType;
import org.tuber.truffle.arm.sys.CpuModel;
import org.tuber.truffle.engine.interop.GuestOptions;

/** Options of the language {@code arm}; numbers may be written with 0x, sizes with K, M or G. */
final class ArmOptions {
  /** Value of {@link #STACK} that means the end of memory. */
  static final long UNSET = -1;

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
              option(LOAD_ADDRESS, "LoadAddress", "Where raw code lies and begins."),
              option(STACK, "Stack", "Initial stack pointer; the end of memory if not given."),
              option(MEMORY_SIZE, "MemorySize", "RAM from address 0 on, for raw code."),
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

  private ArmOptions() {}

  private static OptionDescriptor option(OptionKey<?> key, String name, String help) {
    return GuestOptions.option(ArmLanguage.ID, key, name, help);
  }
}
