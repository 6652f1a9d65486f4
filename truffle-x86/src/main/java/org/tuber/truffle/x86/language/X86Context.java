package org.tuber.truffle.x86.language;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import com.oracle.truffle.api.TruffleLanguage;
import com.oracle.truffle.api.TruffleLanguage.ContextReference;
import com.oracle.truffle.api.nodes.Node;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.tuber.truffle.x86.user.ElfKind;
import org.tuber.truffle.x86.user.HostStreams;
import org.tuber.truffle.x86.user.LibraryProcess;
import org.tuber.truffle.x86.user.ProgramException;
import org.tuber.truffle.x86.user.UserSystem;

/** One polyglot context: its settings, and the machines and libraries that live until its end. */
final class X86Context implements AutoCloseable {
  private static final ContextReference<X86Context> REFERENCE =
      ContextReference.create(X86Language.class);

  private final X86Language language;
  private final TruffleLanguage.Env env;
  private final BareMetal.Settings settings;
  private final String sysroot;
  private final List<BareMetal> machines = new ArrayList<>();
  private final List<GuestLibrary> libraries = new ArrayList<>();

  X86Context(
      X86Language language, TruffleLanguage.Env env, BareMetal.Settings settings, String sysroot) {
    this.language = language;
    this.env = env;
    this.settings = settings;
    this.sysroot = sysroot;
  }

  static X86Context get(Node node) {
    return REFERENCE.get(node);
  }

  /** A machine with {@code program} loaded, having run it if the settings say so. */
  @TruffleBoundary
  Object evaluate(byte[] program) {
    BareMetal machine = new BareMetal(language, settings, program);
    synchronized (machines) {
      machines.add(machine);
    }
    if (settings.run()) {
      machine.start();
    }
    return machine;
  }

  // ---------------------------------------------------------------- Linux programs and libraries

  /**
   * Runs a program, or loads a library.
   *
   * @param path of the file when it has one, else null
   */
  @TruffleBoundary
  Object evaluateElf(String name, String path, byte[] image) {
    // The dynamic linker would search for a name without a slash.
    String file = path == null ? null : Path.of(path).toAbsolutePath().toString();
    if (!env.isNativeAccessAllowed()) {
      throw new X86Exception(
          name
              + ": Linux programs and libraries make system calls on the host:"
              + " the context has to allow native access");
    }
    try {
      ElfKind kind = ElfKind.of(image, name);
      if (kind.kind() != ElfKind.Kind.PROGRAM) {
        return load(name, file, image, kind);
      }
      boolean runnable = file != null && Files.isExecutable(Path.of(file));
      GuestProgram program =
          new GuestProgram(this, runnable ? file : name, runnable ? null : image);
      if (!settings.run()) {
        return program;
      }
      int status = program.run(List.of(env.getApplicationArguments()));
      if (status != 0) {
        throw new GuestExit(name + ": exit status " + status, status);
      }
      return status;
    } catch (ProgramException | IllegalStateException e) {
      throw new X86Exception(e.getMessage());
    }
  }

  private GuestLibrary load(String name, String path, byte[] image, ElfKind kind) {
    LibraryProcess process =
        LibraryProcess.load(
            userSettings(),
            streams(),
            new LibraryProcess.Library(name, path, image, kind),
            environment());
    GuestLibrary library = new GuestLibrary(this, process);
    synchronized (machines) {
      libraries.add(library);
    }
    return library;
  }

  UserSystem.Settings userSettings() {
    return new UserSystem.Settings(sysroot, settings.model(), settings.tier(), null, false);
  }

  HostStreams streams() {
    return new HostStreams(env.in(), env.out(), env.err());
  }

  /** NAME=value of what the context's environment is. */
  List<String> environment() {
    List<String> all = new ArrayList<>();
    new TreeMap<>(env.getEnvironment()).forEach((name, value) -> all.add(name + "=" + value));
    return all;
  }

  /** The Java object behind a value of the embedder, or null. */
  Object hostObject(Object value) {
    return env.isHostObject(value) ? env.asHostObject(value) : null;
  }

  // ---------------------------------------------------------------- the end

  /** Guest code may still run: libraries flush their files. */
  void finish() {
    List<GuestLibrary> all;
    synchronized (machines) {
      all = List.copyOf(libraries);
    }
    all.forEach(GuestLibrary::exit);
  }

  @Override
  public void close() {
    synchronized (machines) {
      machines.forEach(BareMetal::close);
      machines.clear();
      libraries.forEach(GuestLibrary::close);
      libraries.clear();
    }
  }
}
