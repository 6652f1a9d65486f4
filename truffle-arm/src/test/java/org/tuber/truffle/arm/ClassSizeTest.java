package org.tuber.truffle.arm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.core.cpu.ExitReason;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.engine.Engine;

/**
 * The bytecode that typical instructions become as host classes does not grow unseen: {@code
 * class-sizes.txt} holds its length. More than a quarter more fails; every other change shows as a
 * diff of the file that the test writes, which is to be copied here.
 */
class ClassSizeTest {
  private static final String FILE = "class-sizes.txt";
  private static final int ROUNDS = 60;

  /** {@code sub w28, w28, #1; cbnz w28, .-n; wfi}: the loop around a row's instructions. */
  private static final int SUBTRACT = 0x5100079c;

  private static final int REPEAT = 0x3500001c;
  private static final int WAIT = 0xd503207f;

  private record Row(String name, String code, int instructions, int codeBytes) {
    static Row of(String line) {
      String[] parts = line.split(" \\| ");
      return new Row(parts[0], parts[1], Integer.parseInt(parts[2]), Integer.parseInt(parts[3]));
    }

    /** A few bytes come and go with every change; what is called instead of written is more. */
    int most() {
      return codeBytes + codeBytes / 4 + 8;
    }

    @Override
    public String toString() {
      return name + " | " + code + " | " + instructions + " | " + codeBytes;
    }
  }

  private static List<String> lines() {
    try (InputStream in = ClassSizeTest.class.getResourceAsStream(FILE)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** All classes of a loop around {@code code} together. */
  private static Engine.ClassSize loop(String code) {
    int[] words = code.isEmpty() ? new int[0] : words(code);
    int[] program = new int[words.length + 3];
    System.arraycopy(words, 0, program, 0, words.length);
    program[words.length] = SUBTRACT;
    program[words.length + 1] = REPEAT | (-(words.length + 1) & 0x7ffff) << 5;
    program[words.length + 2] = WAIT;
    try (BareArm bare = new BareArm(Engine.Options.IMMEDIATE_CLASSES, "max")) {
      bare.state.r[28] = ROUNDS;
      bare.state.r[0] = BareArm.DATA + 0x1000;
      bare.state.r[1] = BareArm.DATA + 0x2000;
      // Results are inexact, as they are in most programs.
      bare.state.fpsr = 0x10;
      for (int i = 0; i < 64; i++) {
        bare.state.v[i] = Double.doubleToRawLongBits(1.0 + i);
      }
      assertThat(bare.run(program)).isEqualTo(ExitReason.HALTED);
      assertThat(bare.state.r[28]).isZero();
      int instructions = 0;
      int codeBytes = 0;
      for (Engine.ClassSize size : bare.cpu.engine.classSizes()) {
        instructions += size.instructions();
        codeBytes += size.codeBytes();
      }
      return new Engine.ClassSize(BareArm.CODE, instructions, codeBytes);
    }
  }

  private static int[] words(String code) {
    return List.of(code.split(" ")).stream()
        .mapToInt(word -> Integer.parseUnsignedInt(word, 16))
        .toArray();
  }

  @Test
  void instructionsDoNotGrow() throws Exception {
    assertThat(ArmCpu.FPSR_MASK & 0x10).isNotZero();
    Engine.ClassSize empty = loop("");
    List<String> now = new ArrayList<>();
    List<String> grown = new ArrayList<>();
    for (String line : lines()) {
      if (line.startsWith("#")) {
        now.add(line);
        continue;
      }
      Row row = Row.of(line);
      Engine.ClassSize size = loop(row.code);
      Row found =
          new Row(
              row.name,
              row.code,
              size.instructions() - empty.instructions(),
              size.codeBytes() - empty.codeBytes());
      now.add(found.toString());
      if (found.instructions != row.instructions || found.codeBytes > row.most()) {
        grown.add(found + "  (was " + row.instructions + " | " + row.codeBytes + ")");
      }
    }
    Path written = Path.of("target", FILE);
    Files.createDirectories(written.getParent());
    Files.write(written, now);
    assertThat(grown).describedAs("see " + written.toAbsolutePath()).isEmpty();
    assertThat(now).hasSizeGreaterThan(20);
  }
}
