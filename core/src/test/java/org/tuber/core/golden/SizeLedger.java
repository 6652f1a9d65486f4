package org.tuber.core.golden;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * A text file beside a test, {@code class-sizes.txt}, that holds how long the host's code for some
 * machine code is, so that it does not grow unseen. More than a quarter more fails; every other
 * change shows as a diff of the file that {@link #check} writes into {@code target}, which is to be
 * copied over the old one.
 */
public final class SizeLedger {
  private static final String FILE = "class-sizes.txt";

  private SizeLedger() {}

  /** Guest instructions, and bytes of the host's code for them. */
  public record Size(int instructions, int codeBytes) {
    Size minus(Size other) {
      return new Size(instructions - other.instructions, codeBytes - other.codeBytes);
    }

    /** A few bytes come and go with every change; what is called instead of written is more. */
    boolean allows(Size found) {
      return found.instructions == instructions && found.codeBytes <= codeBytes + codeBytes / 4 + 8;
    }

    @Override
    public String toString() {
      return instructions + " | " + codeBytes;
    }
  }

  private static List<String> lines(Class<?> test) throws IOException {
    try (InputStream in = test.getResourceAsStream(FILE)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    }
  }

  /**
   * Compares every row ({@code name | machine code | instructions | bytes}) of {@code test}'s file
   * with what {@code measure} says of its machine code, less what it says of none; the file has
   * more than {@code least} lines.
   */
  public static void check(Class<?> test, int least, Function<String, Size> measure)
      throws IOException {
    Size empty = measure.apply("");
    List<String> now = new ArrayList<>();
    List<String> grown = new ArrayList<>();
    for (String line : lines(test)) {
      if (line.startsWith("#")) {
        now.add(line);
        continue;
      }
      String[] parts = line.split(" \\| ");
      Size was = new Size(Integer.parseInt(parts[2]), Integer.parseInt(parts[3]));
      Size found = measure.apply(parts[1]).minus(empty);
      String row = parts[0] + " | " + parts[1] + " | " + found;
      now.add(row);
      if (!was.allows(found)) {
        grown.add(row + "  (was " + was + ")");
      }
    }
    Path written = Path.of("target", FILE);
    Files.createDirectories(written.getParent());
    Files.write(written, now);
    assertThat(grown).describedAs("see " + written.toAbsolutePath()).isEmpty();
    assertThat(now).hasSizeGreaterThan(least);
  }
}
