package org.tuber.truffle.arm;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;

/**
 * The conformance rows {@code a64/*.jsonl.gz}. They lie beside the repository and are not part of
 * it: without them tests are skipped. Rows that cannot pass are listed with their reasons in {@code
 * excused-rows.txt} ({@code file:line reason}).
 */
final class Vectors {
  private static final Path FOLDER =
      Path.of(System.getProperty("tuber.root", ".."), "../shared/conformance/a64");

  private Vectors() {}

  static List<VectorRow> rows(String name) throws IOException {
    Path path = FOLDER.resolve(name + ".jsonl.gz");
    assumeTrue(Files.exists(path), "conformance rows not found: " + path);
    ObjectMapper mapper = new ObjectMapper();
    List<VectorRow> rows = new ArrayList<>();
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(Files.newInputStream(path)), StandardCharsets.UTF_8))) {
      for (String text = in.readLine(); text != null; text = in.readLine()) {
        rows.add(new VectorRow(rows.size() + 1, mapper.readTree(text)));
      }
    }
    return rows;
  }

  /** The same rows, the first of every instruction form before the second of any. */
  static List<VectorRow> mixed(List<VectorRow> rows) {
    Map<String, Integer> seen = new HashMap<>();
    IdentityHashMap<VectorRow, Integer> order = new IdentityHashMap<>();
    rows.forEach(r -> order.put(r, seen.merge(form(r), 1, Integer::sum)));
    List<VectorRow> sorted = new ArrayList<>(rows);
    sorted.sort(Comparator.comparing(order::get));
    return sorted;
  }

  /** The assembler text without numbers of registers and immediates. */
  private static String form(VectorRow row) {
    return row.assembler.replaceAll("([#a-z])[0-9]+\\b", "$1");
  }

  static Map<String, String> excused() throws IOException {
    Map<String, String> rows = new HashMap<>();
    try (InputStream in = Vectors.class.getResourceAsStream("excused-rows.txt")) {
      for (String l : new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList()) {
        int space = l.indexOf(' ');
        if (!l.startsWith("#") && space > 0) {
          rows.put(l.substring(0, space), l.substring(space + 1));
        }
      }
    }
    return rows;
  }
}
