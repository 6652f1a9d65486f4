package org.tuber.perf.kernels;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tuber.launcher.CommandLineException;

/**
 * Compiles the kernels with the host's gcc. The repository holds no binaries: what is measured is
 * what this compiler makes of the sources, the same for every emulator.
 */
public final class KernelBuild implements AutoCloseable {
  private static final String SOURCES = "/org/tuber/perf/c/";
  private static final List<String> COMPILERS = List.of("x86_64-linux-gnu-gcc", "gcc");
  private static final List<String> INTEGER_KERNELS =
      List.of("sieve", "fib", "sha", "quicksort", "hash", "table");
  private static final String FLOAT_KERNEL = "sse2";

  /**
   * Plain loops stay plain loops: no calls of memset in place of byte stores, and recursion stays
   * recursion. Nothing that only a C library could provide.
   */
  private static final List<String> COMMON_FLAGS =
      List.of(
          "-O2",
          "-std=gnu11",
          "-ffreestanding",
          "-fno-pic",
          "-fno-stack-protector",
          "-fcf-protection=none",
          "-fno-asynchronous-unwind-tables",
          "-fno-tree-loop-distribute-patterns",
          "-fno-optimize-sibling-calls");

  private final Path folder;
  private final String compiler;

  private KernelBuild(Path folder, String compiler) {
    this.folder = folder;
    this.compiler = compiler;
  }

  /** A build in a folder of its own, or a message that says what is missing. */
  public static KernelBuild start() throws IOException, InterruptedException {
    String compiler =
        compiler()
            .orElseThrow(
                () ->
                    new CommandLineException(
                        "perf: the kernels are built from source and there is no gcc for x86-64;"
                            + " install one, e.g. Debian packages gcc and libc6-dev"));
    KernelBuild build = new KernelBuild(Files.createTempDirectory("tuber-kernels"), compiler);
    build.compile();
    return build;
  }

  /** A gcc that makes x86-64 code, if there is one. */
  public static Optional<String> compiler() throws InterruptedException {
    for (String name : COMPILERS) {
      try {
        Process process =
            new ProcessBuilder(name, "-dumpmachine").redirectErrorStream(true).start();
        String machine =
            new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() == 0 && machine.startsWith("x86_64-linux")) {
          return Optional.of(name);
        }
      } catch (IOException e) {
        // Not installed: try the next name.
      }
    }
    return Optional.empty();
  }

  private void compile() throws IOException, InterruptedException {
    extract("kernels.h");
    for (String name : INTEGER_KERNELS) {
      // Vectorized integer loops would measure SSE2 again.
      compile(name + ".c", COMMON_FLAGS, List.of("-mno-sse", "-fno-tree-vectorize"));
    }
    compile(FLOAT_KERNEL + ".c", COMMON_FLAGS, List.of("-msse2", "-ftree-vectorize"));
  }

  private void compile(String source, List<String> flags, List<String> more)
      throws IOException, InterruptedException {
    extract(source);
    List<String> command = new ArrayList<>(List.of(compiler, "-c"));
    command.addAll(flags);
    command.addAll(more);
    command.addAll(List.of("-o", source.substring(0, source.lastIndexOf('.')) + ".o", source));
    execute(command);
  }

  private void extract(String name) throws IOException {
    try (InputStream in = KernelBuild.class.getResourceAsStream(SOURCES + name)) {
      Files.copy(in, folder.resolve(name), StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private List<String> kernelObjects() {
    List<String> result = new ArrayList<>();
    INTEGER_KERNELS.forEach(name -> result.add(name + ".o"));
    result.add(FLOAT_KERNEL + ".o");
    return result;
  }

  /** The flat image for address {@code BareKernels.IMAGE}: see {@code bare.S}. */
  public byte[] flatImage() throws IOException, InterruptedException {
    extract("bare.ld");
    compile("bare.S", List.of(), List.of());
    List<String> command =
        new ArrayList<>(
            List.of(compiler, "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none"));
    command.addAll(List.of("-Wl,-T,bare.ld", "-Wl,--oformat=binary", "-o", "bare.bin", "bare.o"));
    command.addAll(kernelObjects());
    execute(command);
    return Files.readAllBytes(folder.resolve("bare.bin"));
  }

  /** The static Linux program that runs the kernels and switches the machine off. */
  public Path linuxProgram() throws IOException, InterruptedException {
    compile("guest.c", List.of("-O2", "-std=gnu11"), List.of());
    List<String> command = new ArrayList<>(List.of(compiler, "-static", "-no-pie", "-o", "guest"));
    command.add("guest.o");
    command.addAll(kernelObjects());
    execute(command);
    return folder.resolve("guest");
  }

  private void execute(List<String> command) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new CommandLineException(
          "perf: " + String.join(" ", command) + ": " + said.strip().replace('\n', ';'));
    }
  }

  @Override
  public void close() throws IOException {
    try (var files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(folder);
  }
}
