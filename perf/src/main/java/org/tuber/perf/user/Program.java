package org.tuber.perf.user;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * A program of the suite: unmodified, from the distribution.
 *
 * @param name in reports and for {@code --only}
 * @param isLong heavy enough to count for the mean of steady state
 */
public record Program(String name, String file, List<String> arguments, boolean isLong) {
  private static final String INPUT = "input";
  private static final String LARGE = "large";
  private static final int INPUT_BYTES = 8_000_000;
  private static final int LONG_INPUT_BYTES = 200_000_000;
  private static final int VOCABULARY = 4000;
  private static final String LOOP = "s=0\nfor i in range(%d): s+=i*i%%7\nprint(s)";
  private static final String RECURSION =
      "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<%d)"
          + " SELECT sum(x*x%%7) FROM c;";

  /** The suite; its input files are to lie in {@code folder}, see {@link #writeInputs}. */
  public static List<Program> suite(Path folder) {
    Path input = folder.resolve(INPUT);
    Path large = folder.resolve(LARGE);
    String in = input.toString();
    return List.of(
        new Program("hello", "echo", List.of("hello"), false),
        new Program("sha256, 8 MB", "openssl", List.of("dgst", "-sha256", in), false),
        new Program("python3, 1 M", "python3", List.of("-c", LOOP.formatted(1_000_000)), false),
        new Program(
            "sqlite3, 300 k", "sqlite3", List.of(":memory:", RECURSION.formatted(300_000)), false),
        new Program("bzip2 -9, 8 MB", "bzip2", List.of("-9", "-c", in), true),
        new Program("xz -1, 8 MB", "xz", List.of("-1", "-T1", "-c", in), true),
        new Program(
            "sha256, 200 MB", "openssl", List.of("dgst", "-sha256", large.toString()), true),
        new Program("python3, 10 M", "python3", List.of("-c", LOOP.formatted(10_000_000)), true),
        new Program(
            "sqlite3, 3 M", "sqlite3", List.of(":memory:", RECURSION.formatted(3_000_000)), true));
  }

  /** Writes the input files of {@code programs} to {@code folder}. */
  public static void writeInputs(List<Program> programs, Path folder) throws IOException {
    if (programs.stream().anyMatch(p -> p.arguments.contains(folder.resolve(INPUT).toString()))) {
      text(folder.resolve(INPUT), INPUT_BYTES);
    }
    if (programs.stream().anyMatch(p -> p.arguments.contains(folder.resolve(LARGE).toString()))) {
      text(folder.resolve(LARGE), LONG_INPUT_BYTES);
    }
  }

  /** Words of a fixed vocabulary, common ones often: about as compressible as prose. */
  private static void text(Path file, int bytes) throws IOException {
    Random random = new Random(1);
    List<byte[]> words = new ArrayList<>();
    for (int i = 0; i < VOCABULARY; i++) {
      StringBuilder word = new StringBuilder();
      for (int n = 2 + random.nextInt(9); n > 0; n--) {
        word.append((char) ('a' + random.nextInt(26)));
      }
      words.add(
          word.append(random.nextInt(12) == 0 ? '\n' : ' ')
              .toString()
              .getBytes(StandardCharsets.US_ASCII));
    }
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 16)) {
      for (int left = bytes; left > 0; ) {
        double x = random.nextDouble();
        byte[] word = words.get((int) (x * x * x * VOCABULARY));
        int n = Math.min(left, word.length);
        out.write(word, 0, n);
        left -= n;
      }
    }
  }

  /**
   * Command line of the program itself, or null where it is not installed.
   *
   * @param root folder that holds the guest's {@code /usr/bin}
   */
  public List<String> command(Path root) {
    for (String folder : List.of("usr/bin", "bin")) {
      Path program = root.resolve(folder).resolve(file);
      if (Files.isExecutable(program)) {
        List<String> command = new ArrayList<>();
        command.add(program.toString());
        command.addAll(arguments);
        return command;
      }
    }
    return null;
  }
}
