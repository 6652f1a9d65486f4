package org.tuber.truffle.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.core.cpu.ExitReason;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.InstructionBatch;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.state.Flags;

/**
 * Runs the conformance rows {@code x86-64/*.jsonl.gz} by the rules of their README. They lie beside
 * the repository and are not part of it: without them the test is skipped. Rows that cannot pass
 * are listed with their reasons in {@code excused-rows.txt} ({@code file:line reason}).
 */
class VectorTest {
  private static final Path FOLDER =
      Path.of(System.getProperty("tuber.root", ".."), "../shared/conformance/x86-64");

  private static final List<String> REGISTERS =
      List.of("ax", "cx", "dx", "bx", "sp", "bp", "si", "di");
  private static final List<String> HIGH_BYTES = List.of("ah", "ch", "dh", "bh");
  private static final double APPROXIMATE = 1.5 / 4096;
  private static final int HLT = 0xf4;

  /** Found, built, entered with its pages known: and once more. */
  private static final int CLASS_RUNS = 6;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "32-basic", "32-cmov", "32-fpu", "32-mmx", "32-mmxext", "32-sse", "32-sse2", "32-sse3",
        "32-ssse3", "64-basic", "64-fpu", "64-mmx", "64-pclmulqdq", "64-sse", "64-sse2", "64-sse3",
        "64-ssse3"
      })
  void everyRowPasses(String name) throws IOException {
    String file = "valgrind-" + name + ".jsonl.gz";
    Path path = FOLDER.resolve(file);
    assumeTrue(Files.exists(path), "conformance rows not found: " + path);
    Map<String, String> excused = excusedRows();
    List<String> failures = new ArrayList<>();
    ObjectMapper mapper = new ObjectMapper();
    int line = 0;
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(Files.newInputStream(path)), StandardCharsets.UTF_8))) {
      for (String text = in.readLine(); text != null; text = in.readLine()) {
        line++;
        JsonNode row = mapper.readTree(text);
        String failure = run(row);
        boolean excuse = excused.containsKey(file + ":" + line);
        if (failure != null && !excuse) {
          failures.add(line + " " + row.get("asm").asText() + ": " + failure);
        } else if (failure == null && excuse) {
          failures.add(line + " passes: strike it from the ledger");
        }
      }
    }
    assertThat(failures).as("failures among %d rows of %s", line, file).isEmpty();
  }

  private static Map<String, String> excusedRows() throws IOException {
    Map<String, String> rows = new HashMap<>();
    try (InputStream in = VectorTest.class.getResourceAsStream("excused-rows.txt")) {
      for (String l : new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList()) {
        int space = l.indexOf(' ');
        if (!l.startsWith("#") && space > 0) {
          rows.put(l.substring(0, space), l.substring(space + 1));
        }
      }
    }
    return rows;
  }

  private static byte[] code(JsonNode row) {
    return HexFormat.of().parseHex(row.get("enc").asText());
  }

  /** Rows in random order through the compiler, for some seconds; all of them in a soak. */
  @Test
  void rowsCompiledInBatches() throws IOException {
    long seed = Long.getLong("tuber.oracle.seed", System.nanoTime());
    List<JsonNode> rows = rows(seed);
    long start = System.nanoTime();
    List<String> failures = new ArrayList<>();
    int compiled = 0;
    for (int at = 0; at < rows.size() && !InstructionBatch.isOver(start); ) {
      int end = Math.min(rows.size(), at + InstructionBatch.SIZE);
      compiled += runCompiled(rows.subList(at, end), failures);
      at = end;
    }
    System.out.println(compiled + " rows compiled, -Dtuber.oracle.seed=" + seed);
    assertThat(failures).isEmpty();
  }

  /** The same as host classes, each row in one of its own. */
  @Test
  void rowsAsHostClasses() throws IOException {
    long seed = Long.getLong("tuber.oracle.seed", System.nanoTime());
    List<JsonNode> rows = rows(seed);
    long start = System.nanoTime();
    List<String> failures = new ArrayList<>();
    int run = 0;
    int built = 0;
    for (JsonNode row : rows) {
      if (InstructionBatch.isOver(start)) {
        break;
      }
      try (BareCpu bare =
          new BareCpu(row.get("mode").asInt() == 64, Engine.Options.IMMEDIATE_CLASSES)) {
        String failure = runAsClass(row, bare);
        run++;
        built += bare.cpu.engine.classSizes().isEmpty() ? 0 : 1;
        if (failure != null) {
          failures.add(row.get("asm").asText() + ": " + failure);
        }
      }
    }
    System.out.println(
        run + " rows run, " + built + " of them as classes, -Dtuber.oracle.seed=" + seed);
    assertThat(failures).isEmpty();
    // Some instructions are for the interpreter alone.
    assertThat(built).isGreaterThan(run * 9 / 10);
  }

  private static String runAsClass(JsonNode row, BareCpu bare) {
    byte[] instruction = code(row);
    byte[] program = Arrays.copyOf(instruction, instruction.length + 1);
    program[instruction.length] = (byte) HLT;
    for (int i = 0; i < CLASS_RUNS; i++) {
      bare.cpu.fpu.initialize();
      bare.cpu.clearHalt();
      prepare(bare, row.get("in"));
      if (bare.runProgram(program) != ExitReason.HALTED) {
        return "does not come to its end";
      }
    }
    return differences(row, bare);
  }

  /** All rows that are not excused, in random order. */
  private static List<JsonNode> rows(long seed) throws IOException {
    assumeTrue(Files.isDirectory(FOLDER), "conformance rows not found: " + FOLDER);
    Map<String, String> excused = excusedRows();
    ObjectMapper mapper = new ObjectMapper();
    List<JsonNode> rows = new ArrayList<>();
    try (Stream<Path> files = Files.list(FOLDER)) {
      for (Path path : files.sorted().toList()) {
        int line = 0;
        for (String text : lines(path)) {
          line++;
          if (!excused.containsKey(path.getFileName() + ":" + line)) {
            rows.add(mapper.readTree(text));
          }
        }
      }
    }
    Collections.shuffle(rows, new Random(seed));
    return rows;
  }

  private static List<String> lines(Path path) throws IOException {
    try (InputStream in = new GZIPInputStream(Files.newInputStream(path))) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    }
  }

  private static int runCompiled(List<JsonNode> rows, List<String> failures) {
    List<JsonNode> chosen = new ArrayList<>();
    List<Block> blocks = new ArrayList<>();
    for (JsonNode row : rows) {
      try (BareCpu bare = new BareCpu(row.get("mode").asInt() == 64)) {
        Block b = bare.decode(code(row));
        if (b.kind != Block.SYSTEM) {
          chosen.add(row);
          blocks.add(b);
        }
      }
    }
    InstructionBatch batch = new InstructionBatch(new X86Isa(), blocks);
    for (int i = 0; i < chosen.size(); i++) {
      String failure = run(chosen.get(i), batch, i);
      if (failure != null) {
        failures.add(chosen.get(i).get("asm").asText() + ": " + failure);
      }
    }
    return chosen.size();
  }

  /** Null when the row passes. */
  private static String run(JsonNode row) {
    return run(row, null, 0);
  }

  /** The same, with the instruction compiled where there is a batch. */
  private static String run(JsonNode row, InstructionBatch batch, int index) {
    try (BareCpu bare = new BareCpu(row.get("mode").asInt() == 64)) {
      if (index == 0 && batch != null) {
        assertThat(batch.compile(bare.cpu)).isTrue();
      }
      prepare(bare, row.get("in"));
      int fault = batch == null ? bare.step(code(row)) : batch.step(bare.cpu, index);
      if (fault >= 0) {
        return "exception " + fault;
      }
      return differences(row, bare);
    }
  }

  private static String differences(JsonNode row, BareCpu bare) {
    boolean approximate = row.path("approx").asBoolean();
    StringBuilder wrong = new StringBuilder();
    row.get("out")
        .properties()
        .forEach(
            e -> {
              String message = check(bare, e.getKey(), e.getValue(), approximate);
              if (message != null) {
                wrong.append(message).append("; ");
              }
            });
    return wrong.isEmpty() ? null : wrong.toString();
  }

  private static void prepare(BareCpu bare, JsonNode in) {
    int depth = 0;
    boolean mmx = false;
    for (var e : in.properties()) {
      String k = e.getKey();
      if (k.startsWith("st")) {
        depth = Math.max(depth, k.charAt(2) - '0' + 1);
      }
    }
    bare.cpu.fpu.top = (8 - depth) & 7;
    for (int i = 0; i < depth; i++) {
      bare.cpu.fpu.set(i, 0, 0);
    }
    for (var e : in.properties()) {
      String k = e.getKey();
      String v = e.getValue().asText();
      mmx |= k.startsWith("mm");
      BigInteger value = new BigInteger(v, 16);
      if (k.startsWith("xmm")) {
        int n = Integer.parseInt(k.substring(3));
        bare.state.x[2 * n] = value.longValue();
        bare.state.x[2 * n + 1] = value.shiftRight(64).longValue();
      } else if (k.startsWith("mm")) {
        bare.cpu.fpu.significand[k.charAt(2) - '0'] = value.longValue();
        bare.cpu.fpu.signExponent[k.charAt(2) - '0'] = 0xffff;
      } else if (k.startsWith("st")) {
        bare.cpu.fpu.set(
            k.charAt(2) - '0', value.shiftRight(64).intValue() & 0xffff, value.longValue());
      } else if (k.startsWith("m")) {
        long offset = Long.parseLong(k.substring(1), 16) - BareCpu.DATA;
        for (int i = 0; i < v.length() / 2; i++) {
          bare.data.store8(offset + i, value.shiftRight(8 * i).intValue());
        }
      } else if (k.equals("rflags")) {
        Flags.setArithmetic(bare.state, value.longValue());
        bare.cpu.setEflagsHigh(value.intValue());
      } else if (k.equals("fcw")) {
        bare.cpu.fpu.control = value.intValue();
      } else {
        Operand.setRegister(bare.state, number(k), size(v), value.longValue());
      }
    }
    if (mmx) {
      bare.cpu.fpu.top = 0;
      bare.cpu.fpu.valid = 0xff;
    }
  }

  private static int size(String digits) {
    return Integer.numberOfTrailingZeros(digits.length()) - 1;
  }

  /** Register number as {@link org.tuber.truffle.x86.decode.Word} has it. */
  private static int number(String name) {
    if (HIGH_BYTES.contains(name)) {
      return 20 + HIGH_BYTES.indexOf(name);
    }
    String s = name;
    if (s.matches("r\\d+[bwd]?")) {
      return Integer.parseInt(s.replaceAll("\\D", ""));
    }
    if (s.matches("[re]..")) {
      s = s.substring(1);
    }
    if (s.endsWith("l")) {
      s = s.length() == 2 ? s.charAt(0) + "x" : s.substring(0, 2);
    }
    int n = REGISTERS.indexOf(s);
    if (n < 0) {
      throw new IllegalArgumentException(name);
    }
    return n;
  }

  private static String check(BareCpu bare, String key, JsonNode want, boolean approximate) {
    if (want.isObject()) {
      long mask = Long.parseLong(want.get("mask").asText(), 16);
      long value = Long.parseLong(want.get("value").asText(), 16);
      long got =
          switch (key) {
            case "rflags" -> bare.cpu.eflags();
            case "fcw" -> bare.cpu.fpu.control;
            case "fsw" -> bare.cpu.fpu.statusWord();
            default -> throw new IllegalArgumentException(key);
          };
      return (got & mask) == (value & mask)
          ? null
          : key + " " + Long.toHexString(got & mask) + " not " + Long.toHexString(value & mask);
    }
    String digits = want.asText();
    BigInteger got = value(bare, key, digits.length());
    BigInteger expected = new BigInteger(digits, 16);
    if (got.equals(expected) || (approximate && close(key, got, expected))) {
      return null;
    }
    return key + " " + got.toString(16) + " not " + expected.toString(16);
  }

  private static BigInteger unsigned(long v) {
    return new BigInteger(Long.toUnsignedString(v));
  }

  private static BigInteger value(BareCpu bare, String k, int digits) {
    if (k.startsWith("xmm")) {
      int n = Integer.parseInt(k.substring(3));
      return unsigned(bare.state.x[2 * n + 1]).shiftLeft(64).or(unsigned(bare.state.x[2 * n]));
    }
    if (k.startsWith("mm")) {
      return unsigned(bare.cpu.fpu.significand[k.charAt(2) - '0']);
    }
    if (k.startsWith("st")) {
      int p = bare.cpu.fpu.physical(k.charAt(2) - '0');
      return BigInteger.valueOf(bare.cpu.fpu.signExponent[p])
          .shiftLeft(64)
          .or(unsigned(bare.cpu.fpu.significand[p]));
    }
    if (k.startsWith("m")) {
      long offset = Long.parseLong(k.substring(1), 16) - BareCpu.DATA;
      BigInteger v = BigInteger.ZERO;
      for (int i = digits / 2 - 1; i >= 0; i--) {
        v = v.shiftLeft(8).or(BigInteger.valueOf(bare.data.load8(offset + i) & 0xff));
      }
      return v;
    }
    int size = Integer.numberOfTrailingZeros(digits) - 1;
    return unsigned(Operand.zext(Operand.register(bare.state, number(k), size), size));
  }

  /** Lanes of single precision, or one 80-bit number, within the README's tolerance. */
  private static boolean close(String key, BigInteger got, BigInteger want) {
    if (key.startsWith("st")) {
      return within(extended(got), extended(want));
    }
    for (int i = 0; i < 128; i += 32) {
      int g = got.shiftRight(i).intValue();
      int w = want.shiftRight(i).intValue();
      if (g != w && !within(Float.intBitsToFloat(g), Float.intBitsToFloat(w))) {
        return false;
      }
    }
    return true;
  }

  private static boolean within(double got, double want) {
    return Math.abs(got - want) <= Math.abs(want) * APPROXIMATE;
  }

  private static double extended(BigInteger v) {
    int e = v.shiftRight(64).intValue();
    double m = unsigned(v.longValue()).doubleValue();
    return Math.scalb((e & 0x8000) != 0 ? -m : m, (e & 0x7fff) - 16383 - 63);
  }
}
