package org.tuber.truffle.arm.language;

import java.util.List;
import java.util.Set;
import org.graalvm.options.OptionDescriptors;
import org.graalvm.options.OptionKey;
import org.graalvm.options.OptionType;
import org.tuber.truffle.arm.sys.CpuModel;
import org.tuber.truffle.engine.interop.GuestOptions;

/** Options of the language {@code arm}. */
final class ArmOptions {
  static final OptionKey<String> CPU =
      new OptionKey<>(
          "max",
          new OptionType<>("model", s -> GuestOptions.oneOf(s, Set.copyOf(CpuModel.names()))));

  static final OptionDescriptors DESCRIPTORS =
      OptionDescriptors.create(
          List.of(
              GuestOptions.option(
                  ArmLanguage.ID,
                  GuestOptions.RUN,
                  "Run",
                  "Run when evaluated; else only when the result is executed."),
              GuestOptions.option(
                  ArmLanguage.ID,
                  GuestOptions.TIER,
                  "Tier",
                  "Compile hot code, never, or at once."),
              GuestOptions.option(ArmLanguage.ID, CPU, "Cpu", "CPU model."),
              GuestOptions.option(
                  ArmLanguage.ID,
                  GuestOptions.SYSROOT,
                  "Sysroot",
                  "Folder under which Linux programs and libraries find absolute paths first.")));

  private ArmOptions() {}
}
