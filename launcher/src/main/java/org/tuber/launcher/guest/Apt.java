package org.tuber.launcher.guest;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.tuber.launcher.CommandLineException;

/**
 * The host's apt with a state of its own: it reads the host's sources and keys, so the host's
 * mirror and trust decide (apt checks signatures and hashes), but writes only below one folder and
 * needs no root (apt.conf(5), Dir::State, Dir::Cache).
 */
final class Apt {
  private final Path folder;
  private final String architecture;
  private final Consumer<String> progress;

  /**
   * A private apt below {@code folder} for packages of {@code architecture}; {@code progress} sees
   * what it fetches.
   */
  Apt(Path folder, String architecture, Consumer<String> progress) throws IOException {
    this.folder = folder;
    this.architecture = architecture;
    this.progress = progress;
    for (String name : List.of("state/lists/partial", "cache/archives/partial")) {
      Files.createDirectories(folder.resolve(name));
    }
    Files.writeString(folder.resolve("status"), "");
  }

  /** True when this host has apt. */
  static boolean isAvailable() {
    String path = System.getenv("PATH");
    return path != null
        && Stream.of(path.split(":"))
            .anyMatch(dir -> Files.isExecutable(Path.of(dir.isEmpty() ? "." : dir, "apt-get")));
  }

  /** Fetches the package lists; broken third-party sources of the host do not matter. */
  void update() throws IOException, InterruptedException {
    Result result = run("apt-get", List.of("update"));
    try (Stream<Path> lists = Files.list(folder.resolve("state/lists"))) {
      if (lists.noneMatch(
          file ->
              file.toString().endsWith("_Packages") || file.toString().contains("_Packages."))) {
        throw new CommandLineException("run: apt-get update failed: " + result.lastLine());
      }
    }
  }

  /** The package behind a meta-package: its first dependency that starts with {@code prefix}. */
  Optional<String> dependency(String metaPackage, String prefix)
      throws IOException, InterruptedException {
    Result result = run("apt-cache", List.of("depends", metaPackage));
    return result
        .output()
        .lines()
        .map(String::strip)
        .filter(line -> line.startsWith("Depends: " + prefix))
        .map(line -> line.substring("Depends: ".length()))
        .findFirst();
  }

  /** Downloads one package into {@code target} and gives the file. */
  Path download(String name, Path target) throws IOException, InterruptedException {
    Files.createDirectories(target);
    Result result = run("apt-get", List.of("download", name), target);
    try (Stream<Path> files = Files.list(target)) {
      return files
          .filter(file -> file.getFileName().toString().startsWith(name + "_"))
          .findFirst()
          .orElseThrow(
              () ->
                  new CommandLineException(
                      "run: apt-get download " + name + " failed: " + result.lastLine()));
    }
  }

  private record Result(int status, String output) {
    String lastLine() {
      return output.lines().filter(line -> !line.isBlank()).reduce("", (a, b) -> b);
    }
  }

  private Result run(String tool, List<String> arguments) throws IOException, InterruptedException {
    return run(tool, arguments, folder);
  }

  private Result run(String tool, List<String> arguments, Path directory)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(tool, "-q"));
    for (String setting :
        List.of(
            "APT::Architecture=" + architecture,
            "APT::Architectures=" + architecture,
            "Dir::State=" + folder.resolve("state"),
            "Dir::State::status=" + folder.resolve("status"),
            "Dir::Cache=" + folder.resolve("cache"),
            "Acquire::Languages=none",
            "APT::Sandbox::User=" + System.getProperty("user.name"),
            "APT::Update::Post-Invoke-Success::=",
            // Nobody else has this state: the caller holds a lock on the folder.
            "Debug::NoLocking=1")) {
      command.add("-o");
      command.add(setting);
    }
    command.addAll(arguments);
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true);
    builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
    builder.environment().put("LC_ALL", "C");
    builder.environment().put("DEBIAN_FRONTEND", "noninteractive");
    Process process = builder.start();
    StringBuilder output = new StringBuilder();
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      String line;
      while ((line = lines.readLine()) != null) {
        output.append(line).append('\n');
        if (line.startsWith("Get:")) {
          progress.accept(line);
        }
      }
    }
    return new Result(process.waitFor(), output.toString());
  }
}
