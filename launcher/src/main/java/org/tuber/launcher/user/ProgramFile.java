package org.tuber.launcher.user;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.tuber.truffle.engine.linux.ElfKind;

/** Finds out which CPU a program is for, before anything is set up for it. */
final class ProgramFile {
  private static final int START_BYTES = 256;
  private static final int MAX_SCRIPT_DEPTH = 5;

  private final String sysroot;
  private final String path;

  /**
   * Where to look.
   *
   * @param sysroot prefix under which absolute paths are looked for first, or empty
   * @param path the variable PATH, or null
   */
  ProgramFile(String sysroot, String path) {
    this.sysroot = sysroot;
    this.path = path;
  }

  /** ELF machine of a program, or of what runs it when it is a script; -1: cannot be told. */
  int machine(String program) {
    String name = program;
    for (int i = 0; i <= MAX_SCRIPT_DEPTH; i++) {
      byte[] start = start(name);
      if (start.length < 2 || start[0] != '#' || start[1] != '!') {
        return ElfKind.machine(start);
      }
      String line = new String(start, StandardCharsets.ISO_8859_1).lines().findFirst().orElse("");
      name = line.substring(2).strip().split("[ \t]", 2)[0];
    }
    return -1;
  }

  private byte[] start(String name) {
    try {
      if (name.contains("/")) {
        return read(place(name));
      }
      for (String folder : path == null ? new String[0] : path.split(":", -1)) {
        Path file = place(folder.isEmpty() ? name : folder + "/" + name);
        if (Files.isExecutable(file) && Files.isRegularFile(file)) {
          return read(file);
        }
      }
    } catch (IOException | InvalidPathException e) {
      // Who loads the program says what is wrong with it.
      return new byte[0];
    }
    return new byte[0];
  }

  private Path place(String name) {
    Path inSysroot = Path.of(sysroot + name);
    return !sysroot.isEmpty() && name.startsWith("/") && Files.exists(inSysroot)
        ? inSysroot
        : Path.of(name);
  }

  private static byte[] read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      return new byte[0];
    }
    try (InputStream in = Files.newInputStream(file)) {
      return in.readNBytes(START_BYTES);
    }
  }
}
