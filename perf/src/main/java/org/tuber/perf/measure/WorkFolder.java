package org.tuber.perf.measure;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;

/** A folder for the time of a measurement; goes with all that is in it. */
public record WorkFolder(Path path) implements AutoCloseable {
  /** A new one among the host's temporary files, its name beginning with {@code prefix}. */
  public static WorkFolder create(String prefix) throws IOException {
    return new WorkFolder(Files.createTempDirectory(prefix));
  }

  /** The same in another folder. */
  public static WorkFolder create(Path parent, String prefix) throws IOException {
    return new WorkFolder(Files.createTempDirectory(parent, prefix));
  }

  @Override
  public void close() throws IOException {
    try (var files = Files.walk(path)) {
      for (Path p : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(p);
      }
    }
  }
}
