package org.tuber.truffle.engine.interop;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import com.oracle.truffle.api.TruffleLanguage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.linux.Architecture;
import org.tuber.truffle.engine.linux.ElfKind;
import org.tuber.truffle.engine.linux.HostStreams;
import org.tuber.truffle.engine.linux.LibraryProcess;
import org.tuber.truffle.engine.linux.ProgramException;
import org.tuber.truffle.engine.linux.UserSystem;

/**
 * A polyglot context of a language whose sources are Linux programs and libraries, or raw code:
 * runs programs, and keeps the libraries and machines that live until its end.
 */
public abstract class GuestContext implements AutoCloseable {
  /** MIME type of Linux programs and libraries; says that bytes are not code as such. */
  public static final String ELF = "application/x-elf";

  /**
   * What the embedder asked for.
   *
   * @param language name of the language
   * @param sysroot prefix under which absolute paths are looked for first, or empty
   * @param run a program is run when it is evaluated
   */
  public record Settings(String language, String sysroot, Engine.Options tier, boolean run) {}

  private final TruffleLanguage.Env env;
  private final Settings settings;
  private final List<GuestLibrary> libraries = new ArrayList<>();
  private final List<BareGuest> machines = new ArrayList<>();

  protected GuestContext(TruffleLanguage.Env env, Settings settings) {
    this.env = env;
    this.settings = settings;
  }

  /** Name of the language. */
  final String name() {
    return settings.language;
  }

  /** The kind of CPU that programs get. */
  protected abstract Architecture architecture();

  /** How functions of a library are called. */
  protected abstract CallingConvention convention(LibraryProcess process);

  /** A machine with {@code program} loaded and nothing else. */
  protected abstract BareGuest machine(byte[] program);

  /** A machine with {@code program} loaded, having run it if the settings say so. */
  @TruffleBoundary
  final Object evaluateCode(byte[] program) {
    BareGuest machine = machine(program);
    synchronized (machines) {
      machines.add(machine);
    }
    if (settings.run) {
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
      throw new GuestException(
          name
              + ": Linux programs and libraries make system calls on the host:"
              + " the context has to allow native access");
    }
    try {
      Architecture architecture = architecture();
      ElfKind kind = ElfKind.of(image, name, architecture);
      if (kind.kind() != ElfKind.Kind.PROGRAM) {
        return load(architecture, name, file, image, kind);
      }
      boolean runnable = file != null && Files.isExecutable(Path.of(file));
      GuestProgram program =
          new GuestProgram(this, runnable ? file : name, runnable ? null : image);
      if (!settings.run) {
        return program;
      }
      int status = program.run(List.of(env.getApplicationArguments()));
      if (status != 0) {
        throw new GuestExit(name + ": exit status " + status, status);
      }
      return status;
    } catch (ProgramException | IllegalStateException e) {
      throw new GuestException(e.getMessage());
    }
  }

  private GuestLibrary load(
      Architecture architecture, String name, String path, byte[] image, ElfKind kind) {
    LibraryProcess process =
        LibraryProcess.load(
            userSettings(architecture),
            streams(),
            new LibraryProcess.Library(name, path, image, kind),
            environment());
    GuestLibrary library = new GuestLibrary(this, process);
    synchronized (libraries) {
      libraries.add(library);
    }
    return library;
  }

  private UserSystem.Settings userSettings(Architecture architecture) {
    return new UserSystem.Settings(
        settings.sysroot, architecture, settings.tier, null, false, List.of());
  }

  UserSystem.Settings userSettings() {
    return userSettings(architecture());
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
  public final void finish() {
    List<GuestLibrary> all;
    synchronized (libraries) {
      all = List.copyOf(libraries);
    }
    all.forEach(GuestLibrary::exit);
  }

  @Override
  public void close() {
    synchronized (machines) {
      machines.forEach(BareGuest::close);
      machines.clear();
    }
    synchronized (libraries) {
      libraries.forEach(GuestLibrary::close);
      libraries.clear();
    }
  }
}
