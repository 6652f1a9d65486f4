package org.tuber.launcher.guest;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.system.SystemArmCommand;
import org.tuber.launcher.system.SystemCommand;
import org.tuber.launcher.system.SystemX86Command;

/** The architectures of Debian that can be fetched, and the machine that each one boots on. */
@SuppressWarnings("ImmutableEnumChecker") // the lists are those of List.of
enum DebianKind {
  /** A PC. */
  AMD64(
      "debian",
      "amd64",
      List.of("linux-image-cloud-amd64", "linux-image-virtual", "linux-image-amd64"),
      "console=ttyS0 quiet nokaslr mitigations=off cryptomgr.notests guest.shell",
      List.of("-M", "pc", "-m", "512", "-nographic", "-no-reboot", "-nic", "none")),
  /** The Arm board. */
  ARM64(
      "debian-arm64",
      "arm64",
      List.of("linux-image-cloud-arm64", "linux-image-arm64"),
      "console=ttyAMA0 quiet nokaslr cryptomgr.notests guest.shell",
      List.of("-M", "virt", "-m", "512", "-nographic", "-no-reboot", "-nic", "none"));

  /** Name after {@code run} and {@code fetch}. */
  final String guest;

  /** Debian's word for the architecture. */
  final String architecture;

  /** Meta-packages of kernels, the best first. */
  final List<String> kernels;

  /** Enough for a shell on the first serial line; the rest only saves boot time. */
  final String kernelCommandLine;

  /** The machine. */
  final List<String> machine;

  DebianKind(
      String guest,
      String architecture,
      List<String> kernels,
      String kernelCommandLine,
      List<String> machine) {
    this.guest = guest;
    this.architecture = architecture;
    this.kernels = kernels;
    this.kernelCommandLine = kernelCommandLine;
    this.machine = machine;
  }

  /** The kind with this name; {@code command} is named when there is none. */
  static DebianKind named(String command, String guest) {
    return Stream.of(values())
        .filter(kind -> kind.guest.equals(guest))
        .findFirst()
        .orElseThrow(
            () ->
                new CommandLineException(
                    command + ": unknown guest '" + guest + "'; known: " + known()));
  }

  /** All names. */
  static String known() {
    return Stream.of(values()).map(kind -> kind.guest).collect(Collectors.joining(", "));
  }

  /** The command that boots it. */
  SystemCommand command() {
    return switch (this) {
      case AMD64 -> new SystemX86Command();
      case ARM64 -> new SystemArmCommand();
    };
  }
}
