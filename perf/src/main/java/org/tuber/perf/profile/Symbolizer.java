package org.tuber.perf.profile;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tuber.launcher.CommandLineException;

/** Names for addresses: from the files that are mapped there, else from tables given by option. */
final class Symbolizer {
  private record Given(SymbolTable table, long base) {}

  private final List<Given> given = new ArrayList<>();
  private final Map<String, Optional<SymbolTable>> files = new HashMap<>();
  private final List<Path> roots;

  /**
   * With tables of the machine's own.
   *
   * @param tables {@code FILE} or {@code FILE@BASE}: what is added to the file's addresses, in
   *     hexadecimal
   * @param roots folders in which a guest's files may lie
   */
  Symbolizer(List<String> tables, List<Path> roots) {
    this.roots = List.copyOf(roots);
    for (String table : tables) {
      int at = table.lastIndexOf('@');
      try {
        long base =
            at < 0 ? 0 : Long.parseUnsignedLong(table.substring(at + 1).replace("0x", ""), 16);
        given.add(
            new Given(SymbolTable.read(Path.of(at < 0 ? table : table.substring(0, at))), base));
      } catch (NumberFormatException e) {
        throw new CommandLineException("perf profile: --symbols " + table + ": no base address");
      } catch (IOException e) {
        throw new CommandLineException(
            "perf profile: --symbols " + table + ": cannot be read: " + e.getMessage());
      }
    }
  }

  /** The function, or what is known in place of its name. */
  String name(ProfileData.Frame frame) {
    String program = ProfileData.program(frame);
    if (program != null) {
      return program;
    }
    if (frame.file().isEmpty()) {
      for (Given g : given) {
        String name = g.table.find(frame.address() - g.base);
        if (name != null) {
          return name;
        }
      }
      return "0x" + Long.toHexString(frame.address() & -16L);
    }
    String file = frame.file().substring(frame.file().lastIndexOf('/') + 1);
    SymbolTable table = files.computeIfAbsent(frame.file(), this::open).orElse(null);
    String name = table == null ? null : table.find(table.address(frame.address()));
    return name != null
        ? name
        : "[" + file + "+0x" + Long.toHexString(frame.address() >> 8) + "00]";
  }

  private Optional<SymbolTable> open(String file) {
    for (Path root : roots) {
      Path path = root.resolve(file.substring(file.startsWith("/") ? 1 : 0));
      if (Files.isReadable(path) && Files.isRegularFile(path)) {
        try {
          SymbolTable table = SymbolTable.read(path);
          return table.isEmpty() ? Optional.empty() : Optional.of(table);
        } catch (IOException e) {
          // Without names, then.
          return Optional.empty();
        }
      }
    }
    return Optional.empty();
  }
}
