package org.tuber.perf.measure;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.tuber.launcher.CommandLineException;
import org.tuber.perf.Arguments;

/** What is emulated: names of programs, folders and options that depend on it. */
public enum Architecture {
  /** The PC. */
  X86_64("x86_64", "amd64", "debian", "x86_64-linux-gnu-gcc gcc", "libc6-dev", "-M pc", "ttyS0"),
  /** The board virt. */
  AARCH64(
      "aarch64",
      "arm64",
      "debian-arm64",
      "aarch64-linux-gnu-gcc gcc",
      "libc6-dev-arm64-cross",
      "-M virt -cpu cortex-a57",
      "ttyAMA0");

  /** The option that chooses one. */
  public static final String OPTION = "--arch";

  private final String word;

  /** What a folder of guests calls it. */
  final String folder;

  /** What {@code tuber fetch} gets for it. */
  final String fetched;

  private final String compilers;
  private final String library;
  private final String machine;
  private final String console;

  Architecture(
      String word,
      String folder,
      String fetched,
      String compilers,
      String library,
      String machine,
      String console) {
    this.word = word;
    this.folder = folder;
    this.fetched = fetched;
    this.compilers = compilers;
    this.library = library;
    this.machine = machine;
    this.console = console;
  }

  /** The one that {@link #OPTION} names; x86-64 without it. */
  public static Architecture of(Arguments arguments) {
    String name = arguments.text(OPTION, X86_64.word);
    return Arrays.stream(values())
        .filter(a -> a.word.equals(name))
        .findFirst()
        .orElseThrow(() -> new CommandLineException(OPTION + " " + name + ": x86_64 or aarch64"));
  }

  /** As gcc and the emulators call it. */
  public String word() {
    return word;
  }

  /** Names a compiler for it may have, the most certain first. */
  public List<String> compilers() {
    return List.of(compilers.split(" ", -1));
  }

  /** Debian's package with its static C library. */
  public String library() {
    return library;
  }

  /** Tuber's command for a machine, and QEMU's behind {@code qemu-}. */
  public String systemCommand() {
    return "system-" + word;
  }

  /** QEMU's user mode. */
  public String userQemu() {
    return "qemu-" + word;
  }

  /** Options that choose the machine. */
  public List<String> machine() {
    return List.of(machine.split(" ", -1));
  }

  /** Quiet, and without self-tests that take longer than all the rest of the boot. */
  public String commandLine() {
    return "console=" + console + " quiet nokaslr mitigations=off cryptomgr.notests";
  }

  /** True when the host runs its programs itself. */
  public boolean isHost() {
    String host = System.getProperty("os.arch");
    return host.equals(folder) || host.equals(word);
  }

  /** Who says what a program's output has to be: the host itself, or else QEMU's user mode. */
  public UserMode reference() {
    return isHost() ? UserMode.HOST : UserMode.qemu(userQemu(), List.of());
  }

  /** A folder with its programs and libraries in {@code $TUBER_GUESTS} or the user's cache. */
  public Optional<Path> programs() {
    return isHost()
        ? Optional.of(Path.of("/"))
        : GuestFolder.roots()
            .map(root -> root.resolve(folder + "-sysroot"))
            .filter(Files::isDirectory)
            .findFirst();
  }
}
