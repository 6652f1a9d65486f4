package org.tuber.truffle.x86;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.core.cpu.ExitReason;
import org.tuber.truffle.engine.Engine;

/**
 * The bytecode that typical sequences become as host classes does not grow unseen: {@code
 * class-sizes.txt} holds its length. More than a quarter more fails; every other change shows as a
 * diff of the file that the test writes, which is to be copied here.
 */
class ClassSizeTest {
  private static final String FILE = "class-sizes.txt";
  private static final int ROUNDS = 60;
  private static final int RSP = 4;
  private static final int RSI = 6;
  private static final int RDI = 7;

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

  /** All classes of a loop around {@code code} together: branches make several that overlap. */
  private static Engine.ClassSize loop(byte[] code) {
    // dec r15; jnz to the start; hlt
    byte[] program = new byte[code.length + 6];
    System.arraycopy(code, 0, program, 0, code.length);
    program[code.length] = 0x49;
    program[code.length + 1] = (byte) 0xff;
    program[code.length + 2] = (byte) 0xcf;
    program[code.length + 3] = 0x75;
    program[code.length + 4] = (byte) -(code.length + 5);
    program[code.length + 5] = (byte) 0xf4;
    try (BareCpu bare = new BareCpu(true, Engine.Options.IMMEDIATE_CLASSES)) {
      bare.state.r[15] = ROUNDS;
      bare.state.r[RSI] = BareCpu.DATA;
      bare.state.r[RDI] = BareCpu.DATA + 0x1000;
      bare.state.r[14] = BareCpu.DATA + 0x1000;
      bare.state.r[RSP] = BareCpu.DATA + 0x8000;
      assertThat(bare.runProgram(program)).isEqualTo(ExitReason.HALTED);
      assertThat(bare.state.r[15]).isZero();
      int instructions = 0;
      int codeBytes = 0;
      for (Engine.ClassSize size : bare.cpu.engine.classSizes()) {
        instructions += size.instructions();
        codeBytes += size.codeBytes();
      }
      return new Engine.ClassSize(BareCpu.CODE, instructions, codeBytes);
    }
  }

  @Test
  void sequencesDoNotGrow() throws Exception {
    Engine.ClassSize empty = loop(new byte[0]);
    List<String> now = new ArrayList<>();
    List<String> grown = new ArrayList<>();
    for (String line : lines()) {
      if (line.startsWith("#")) {
        now.add(line);
        continue;
      }
      Row row = Row.of(line);
      Engine.ClassSize size = loop(HexFormat.of().parseHex(row.code));
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
    assertThat(now).hasSizeGreaterThan(30);
  }
}
