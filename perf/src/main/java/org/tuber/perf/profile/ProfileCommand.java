package org.tuber.perf.profile;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.tuber.launcher.CommandLineException;
import org.tuber.perf.Arguments;
import org.tuber.perf.measure.Emulator;
import org.tuber.perf.report.HostState;
import org.tuber.perf.report.JsonFile;

/** {@code tuber perf profile}: runs a guest and reports where its time went. */
public final class ProfileCommand {
  private static final String COMMAND = "perf profile";
  private static final byte[] ELF = {0x7f, 'E', 'L', 'F'};
  private static final String OPTIONS_VARIABLE = "TUBER_JAVA_OPTS";
  private static final String HELP =
      """
      Usage: tuber perf profile [OPTIONS] -- COMMAND ...

      Runs 'tuber COMMAND ...', e.g. user openssl dgst -sha256 FILE, or system-x86_64 with its
      options, and samples every 4 ms what the guest runs, in all tiers.

        --out DIR        also writes profile.html (flame graph, timeline, regions) and
                         profile.json there
        --symbols F,F    names of a machine's functions: ELF files (vmlinux, a static program),
                         System.map, or the text of /proc/kallsyms; F@BASE adds BASE (hex) to
                         the file's addresses. The file after -kernel, if it is ELF, is
                         looked at anyway; programs in user mode need none
        -L DIR           a folder with the programs and libraries of a user-mode guest

      The status is that of the command.
      """;

  private ProfileCommand() {}

  /** Does it; the status is the guest's. */
  public static int run(List<String> commandLine, PrintStream out) {
    Arguments arguments =
        new Arguments(COMMAND, commandLine, Set.of("--out", "--symbols", "-L"), Set.of());
    if (arguments.isHelp()) {
      out.print(HELP);
      return 0;
    }
    if (arguments.passedOn().isEmpty()) {
      throw new CommandLineException(COMMAND + ": which command? Put it after --");
    }
    try {
      return profile(arguments, out);
    } catch (IOException e) {
      throw new CommandLineException(COMMAND + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return 1;
    }
  }

  private static int profile(Arguments arguments, PrintStream out)
      throws IOException, InterruptedException {
    List<Path> roots = new ArrayList<>();
    if (arguments.has("-L")) {
      roots.add(Path.of(arguments.text("-L", "")).toAbsolutePath());
    }
    roots.add(Path.of("/"));
    List<String> tables = new ArrayList<>();
    if (arguments.has("--symbols")) {
      tables.addAll(List.of(arguments.text("--symbols", "").split(",", -1)));
    }
    kernel(arguments.passedOn()).ifPresent(tables::add);
    Symbolizer symbolizer = new Symbolizer(tables, roots);
    Emulator.Tuber tuber = Emulator.Tuber.ofThisProcess(List.of());
    HostState before = HostState.now();
    Path file = Files.createTempFile("tuber", ".profile");
    try {
      int status = start(tuber, arguments.passedOn(), file);
      if (Files.size(file) == 0) {
        out.println(
            COMMAND + ": no profile; the command ended before it ran a guest, or was killed");
        return status == 0 ? 1 : status;
      }
      ProfileData data = ProfileData.read(file);
      Map<String, String> facts = new LinkedHashMap<>();
      facts.put("command", "tuber " + String.join(" ", arguments.passedOn()));
      facts.put("tuber", tuber.build());
      facts.put("host", before.line(HostState.now()).replaceFirst("^host: ", ""));
      ProfileReport report = new ProfileReport(facts, data, new CallTree(data, symbolizer));
      out.println();
      out.print(report.text());
      if (arguments.has("--out")) {
        Path to = Files.createDirectories(Path.of(arguments.text("--out", "")));
        Files.writeString(to.resolve("profile.html"), report.html());
        JsonFile.write(to.resolve("profile.json"), report.json());
        out.println("\nwritten: " + to.resolve("profile.html") + ", " + to.resolve("profile.json"));
      }
      return status;
    } finally {
      Files.deleteIfExists(file);
    }
  }

  /** The kernel that the guest is given, where it is an ELF file and not packed. */
  private static Optional<String> kernel(List<String> command) throws IOException {
    int at = command.indexOf("-kernel");
    if (at < 0 || at + 1 == command.size() || !Files.isReadable(Path.of(command.get(at + 1)))) {
      return Optional.empty();
    }
    String file = command.get(at + 1);
    try (InputStream in = Files.newInputStream(Path.of(file))) {
      return Arrays.equals(in.readNBytes(ELF.length), ELF) ? Optional.of(file) : Optional.empty();
    }
  }

  /** Runs the command on our own terminal or pipes. */
  private static int start(Emulator.Tuber tuber, List<String> command, Path file)
      throws IOException, InterruptedException {
    List<String> whole = new ArrayList<>(List.of(tuber.script().toString()));
    whole.addAll(command);
    ProcessBuilder builder = new ProcessBuilder(whole).inheritIO();
    String options = System.getenv().getOrDefault(OPTIONS_VARIABLE, "");
    builder.environment().put(OPTIONS_VARIABLE, (options + " -Dtuber.profile=" + file).strip());
    builder.environment().put("TUBER_NO_BUILD", "1");
    Process process = builder.start();
    Thread killer = new Thread(process::destroy);
    Runtime.getRuntime().addShutdownHook(killer);
    int status = process.waitFor();
    Runtime.getRuntime().removeShutdownHook(killer);
    return status;
  }
}
