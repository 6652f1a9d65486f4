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
import org.tuber.perf.measure.Architecture;
import org.tuber.perf.measure.WorkFolder;

/**
 * Compiles the kernels with gcc. The repository holds no binaries: what is measured is what this
 * compiler makes of the sources, the same for every emulator.
 */
public final class KernelBuild implements AutoCloseable {
  private static final String SOURCES = "/org/tuber/perf/c/";
  private static final List<String> INTEGER_KERNELS =
      List.of("sieve", "fib", "sha", "quicksort", "hash", "table");
  private static final String FLOAT_KERNEL = "sse2";

  /** Only for Linux programs, without vectors. */
  private static final List<String> MORE_INTEGER =
      List.of("aes", "crc", "bytecode", "virtual", "suite");

  /** Only for Linux programs, with vectors. */
  private static final List<String> MORE_FLOAT = List.of("matrix", "nbody", "mandelbrot", "search");

  /** Two thousand functions: some ten seconds of the compiler's. */
  private static final String LARGE = "large";

  /** The only one that needs a C library. */
  private static final String SYSTEM = "system";

  /** What makes of a kernel what its architecture has of it. */
  private record Flags(
      List<String> common, List<String> plain, List<String> vectors, List<String> large) {
    static Flags of(Architecture architecture) {
      List<String> vectors = List.of("-ftree-vectorize", "-fno-math-errno");
      return switch (architecture) {
        case X86_64 ->
            new Flags(
                List.of("-fcf-protection=none"),
                List.of("-mno-sse", "-fno-tree-vectorize"),
                vectors,
                List.of("-mno-sse", "-O1"));
        case AARCH64 ->
            new Flags(
                List.of(),
                List.of("-fno-tree-vectorize"),
                vectors,
                List.of("-mgeneral-regs-only", "-O1"));
      };
    }
  }

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
          "-fno-asynchronous-unwind-tables",
          "-fno-tree-loop-distribute-patterns",
          "-fno-optimize-sibling-calls");

  private final WorkFolder work;
  private final Path folder;
  private final Architecture architecture;
  private final Flags flags;
  private final String compiler;

  private KernelBuild(WorkFolder work, Architecture architecture, String compiler) {
    this.work = work;
    this.architecture = architecture;
    this.flags = Flags.of(architecture);
    this.folder = work.path();
    this.compiler = compiler;
  }

  /** A build in a folder of its own, or a message that says what is missing. */
  public static KernelBuild start(Architecture architecture)
      throws IOException, InterruptedException {
    String compiler = compilerOrMessage(architecture);
    WorkFolder work = WorkFolder.create("tuber-kernels");
    KernelBuild build = new KernelBuild(work, architecture, compiler);
    build.compile();
    return build;
  }

  /** A gcc that makes code for x86-64, if there is one. */
  public static Optional<String> compiler() throws InterruptedException {
    return compiler(Architecture.X86_64);
  }

  /** A gcc for that architecture, if there is one. */
  public static Optional<String> compiler(Architecture architecture) throws InterruptedException {
    for (String name : architecture.compilers()) {
      try {
        Process process =
            new ProcessBuilder(name, "-dumpmachine").redirectErrorStream(true).start();
        String machine =
            new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() == 0 && machine.startsWith(architecture.word() + "-linux")) {
          return Optional.of(name);
        }
      } catch (IOException e) {
        // Not installed: try the next name.
      }
    }
    return Optional.empty();
  }

  private static String compilerOrMessage(Architecture architecture) throws InterruptedException {
    return compiler(architecture)
        .orElseThrow(
            () ->
                new CommandLineException(
                    String.format(
                        "perf: guest programs are built from source and there is no gcc for %s;"
                            + " install one, e.g. Debian's gcc with %s",
                        architecture.word(), architecture.library())));
  }

  /** Another static Linux program, {@code NAME.c} alone, in {@code folder}. */
  public static Path linuxProgram(String name, Path folder)
      throws IOException, InterruptedException {
    String compiler = compilerOrMessage(Architecture.X86_64);
    KernelBuild build = new KernelBuild(new WorkFolder(folder), Architecture.X86_64, compiler);
    build.extract(name + ".c");
    build.execute(List.of(compiler, "-O2", "-std=gnu11", "-static", "-o", name, name + ".c"));
    return folder.resolve(name);
  }

  /** What it makes code for. */
  public Architecture architecture() {
    return architecture;
  }

  private List<String> freestanding() {
    List<String> all = new ArrayList<>(COMMON_FLAGS);
    all.addAll(flags.common);
    return all;
  }

  private void compile() throws IOException, InterruptedException {
    extract("kernels.h");
    for (String name : INTEGER_KERNELS) {
      // Vectorized integer loops would measure SSE2 again.
      compile(name + ".c", freestanding(), flags.plain);
    }
    compile(FLOAT_KERNEL + ".c", freestanding(), flags.vectors);
  }

  private void compile(String source, List<String> first, List<String> more)
      throws IOException, InterruptedException {
    extract(source);
    List<String> command = new ArrayList<>(List.of(compiler, "-c"));
    command.addAll(first);
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

  /** The flat image for address {@code BareKernels.IMAGE}, of x86-64: see {@code bare.S}. */
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

  /**
   * The static Linux program that runs kernels and switches the machine off.
   *
   * @param withLarge with {@link Kernel#LARGE}, which takes long to compile
   */
  public Path linuxProgram(boolean withLarge) throws IOException, InterruptedException {
    List<String> objects = new ArrayList<>(kernelObjects());
    for (String name : MORE_INTEGER) {
      compile(name + ".c", freestanding(), flags.plain);
      objects.add(name + ".o");
    }
    for (String name : MORE_FLOAT) {
      compile(name + ".c", freestanding(), flags.vectors);
      objects.add(name + ".o");
    }
    if (withLarge) {
      compile(LARGE + ".c", freestanding(), flags.large);
      objects.add(LARGE + ".o");
    }
    for (String name : List.of(SYSTEM, "guest")) {
      compile(name + ".c", List.of("-O2", "-std=gnu11"), List.of());
      objects.add(name + ".o");
    }
    List<String> command = new ArrayList<>(List.of(compiler, "-static", "-no-pie", "-o", "guest"));
    command.addAll(objects);
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
    work.close();
  }
}
