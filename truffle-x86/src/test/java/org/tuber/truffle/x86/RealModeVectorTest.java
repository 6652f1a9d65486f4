package org.tuber.truffle.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.InstructionBatch;

/**
 * Real mode against an 80286: {@code ../shared/conformance/x86-real}, beside the repository. Rows
 * that a 386 treats otherwise are left out; the resource {@code real-mode.ledger} names the others
 * that do not pass, and a row there that passes fails the test: the ledger only shrinks.
 */
class RealModeVectorTest {
  private static final Path FOLDER =
      Path.of(System.getProperty("tuber.root", "..")).resolve("../shared/conformance/x86-real");

  /** In immediate mode: one row of every eighth file, run often enough to be compiled. */
  private static final int FILE_STEP = 8;

  private static final int RUNS = 60;
  private static final int CLASS_RUNS = 6;
  private static final boolean SOAK = Boolean.getBoolean("tuber.soak");

  private static void assumeVectors() {
    assumeTrue(
        Files.isDirectory(FOLDER),
        () -> "no conformance vectors at " + FOLDER.toAbsolutePath().normalize());
  }

  private static List<Path> files() throws IOException {
    try (Stream<Path> list = Files.list(FOLDER)) {
      return list.filter(p -> p.toString().endsWith(".jsonl.gz")).sorted().toList();
    }
  }

  private static String name(Path file) {
    return file.getFileName().toString().replace(".jsonl.gz", "");
  }

  /** Lines {@code file idx reason} and comments. */
  private static Set<String> ledger() throws IOException {
    Set<String> excused = new HashSet<>();
    try (InputStream in = RealModeVectorTest.class.getResourceAsStream("real-mode.ledger")) {
      BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (!line.isBlank() && line.charAt(0) != '#') {
          String[] words = line.split("\\s+", 3);
          excused.add(words[0] + " " + words[1]);
        }
      }
    }
    return excused;
  }

  @Test
  void allRowsInTheInterpreter() throws IOException {
    assumeVectors();
    JsonNode masks = RealModeVectors.masks(FOLDER);
    Set<String> ledger = ledger();
    List<String> failures = new ArrayList<>();
    Map<String, Integer> perFile = new HashMap<>();
    int rows = 0;
    try (RealModeVectors vectors = new RealModeVectors(Engine.Options.INTERPRETER)) {
      for (Path file : files()) {
        int mask = masks.get(name(file)).get("flagsMask").asInt();
        for (JsonNode row : RealModeVectors.rows(file)) {
          if (row.has("skip386")) {
            continue;
          }
          rows++;
          String key = name(file) + " " + row.get("idx").asInt();
          String difference = vectors.run(row, mask);
          if (!difference.isEmpty() != ledger.contains(key)) {
            perFile.merge(name(file), 1, Integer::sum);
            failures.add(
                key
                    + " '"
                    + row.get("name").asText()
                    + "' "
                    + (difference.isEmpty() ? "passes but is in the ledger" : difference));
          }
        }
      }
    }
    assertThat(rows).isGreaterThan(38_000);
    assertThat(failures).as("%d of %d rows, by file %s", failures.size(), rows, perFile).isEmpty();
  }

  /** LOCK on what a 286 locks and a 386 refuses. */
  @Test
  void lockedRowsRaiseUndefinedOpcode() throws IOException {
    assumeVectors();
    List<String> failures = new ArrayList<>();
    int rows = 0;
    try (RealModeVectors vectors = new RealModeVectors(Engine.Options.INTERPRETER)) {
      for (Path file : files()) {
        for (JsonNode row : RealModeVectors.rows(file)) {
          int sp = row.get("init").get("regs").get("sp").asInt();
          if (row.path("skip386").asText().equals("lock") && sp >= 6) {
            rows++;
            String difference = vectors.runUndefined(row);
            if (!difference.isEmpty()) {
              failures.add(
                  name(file)
                      + " "
                      + row.get("idx").asInt()
                      + " '"
                      + row.get("name").asText()
                      + "' "
                      + difference);
            }
          }
        }
      }
    }
    assertThat(rows).isGreaterThan(600);
    assertThat(failures).isEmpty();
  }

  @Test
  void sampleCompiledAtOnce() throws IOException {
    sample(Engine.Options.IMMEDIATE);
  }

  /** All rows in a soak, a sample in a build. */
  @Test
  void sampleAsHostClasses() throws IOException {
    sample(Engine.Options.IMMEDIATE_CLASSES);
  }

  private static void sample(Engine.Options tier) throws IOException {
    assumeVectors();
    JsonNode masks = RealModeVectors.masks(FOLDER);
    Set<String> ledger = ledger();
    List<String> failures = new ArrayList<>();
    List<Path> files = files();
    boolean all = SOAK && tier.classThreshold() > 0;
    int rows = 0;
    for (int i = 0; i < files.size(); i += all ? 1 : FILE_STEP) {
      Path file = files.get(i);
      int mask = masks.get(name(file)).get("flagsMask").asInt();
      try (RealModeVectors vectors = new RealModeVectors(tier)) {
        for (JsonNode row : RealModeVectors.rows(file)) {
          String key = name(file) + " " + row.get("idx").asInt();
          if (row.has("skip386") || ledger.contains(key)) {
            continue;
          }
          String difference = vectors.run(row, mask, all ? CLASS_RUNS : RUNS);
          rows++;
          if (!difference.isEmpty()) {
            failures.add(key + " '" + row.get("name").asText() + "' " + difference);
          }
          if (!all) {
            break;
          }
        }
      }
    }
    System.out.println(rows + " real-mode rows run in a compiled tier");
    assertThat(failures).isEmpty();
  }

  private record Row(String key, JsonNode json, int mask) {}

  /** Rows in random order through the compiler, for some seconds; all of them in a soak. */
  @Test
  void rowsCompiledInBatches() throws IOException {
    assumeVectors();
    long seed = Long.getLong("tuber.oracle.seed", System.nanoTime());
    long start = System.nanoTime();
    List<Path> files = new ArrayList<>(files());
    Collections.shuffle(files, new Random(seed));
    JsonNode masks = RealModeVectors.masks(FOLDER);
    Set<String> ledger = ledger();
    List<String> failures = new ArrayList<>();
    int compiled = 0;
    try (RealModeVectors vectors = new RealModeVectors(Engine.Options.INTERPRETER)) {
      List<Row> rows = new ArrayList<>();
      List<Block> blocks = new ArrayList<>();
      for (Path file : files) {
        int mask = masks.get(name(file)).get("flagsMask").asInt();
        int taken = 0;
        for (JsonNode json : RealModeVectors.rows(file)) {
          String key = name(file) + " " + json.get("idx").asInt();
          if (json.has("skip386") || ledger.contains(key) || !SOAK && taken == 2) {
            continue;
          }
          Block b = vectors.decode(json);
          if (b != null && b.kind != Block.SYSTEM) {
            taken++;
            rows.add(new Row(key, json, mask));
            blocks.add(b);
          }
          if (rows.size() == InstructionBatch.SIZE) {
            compiled += run(vectors, rows, blocks, failures);
          }
        }
        if (InstructionBatch.isOver(start)) {
          break;
        }
      }
      compiled += run(vectors, rows, blocks, failures);
    }
    System.out.println(compiled + " real-mode rows compiled, -Dtuber.oracle.seed=" + seed);
    assertThat(failures).isEmpty();
  }

  private static int run(
      RealModeVectors vectors, List<Row> rows, List<Block> blocks, List<String> failures) {
    if (rows.isEmpty()) {
      return 0;
    }
    InstructionBatch batch = new InstructionBatch(new X86Isa(), blocks);
    assertThat(batch.compile(vectors.cpu())).isTrue();
    for (int i = 0; i < rows.size(); i++) {
      Row row = rows.get(i);
      String difference = vectors.run(row.json, row.mask, batch, i);
      if (!difference.isEmpty()) {
        failures.add(row.key + " '" + row.json.get("name").asText() + "' " + difference);
      }
    }
    int n = rows.size();
    rows.clear();
    blocks.clear();
    return n;
  }
}
