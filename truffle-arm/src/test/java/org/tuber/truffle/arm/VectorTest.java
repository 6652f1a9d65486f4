package org.tuber.truffle.arm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.engine.InstructionBatch;

/** Every conformance row, in the interpreter and compiled as regions are. */
class VectorTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "valgrind-integer",
        "valgrind-atomics",
        "vixl-fp-scalar",
        "vixl-simd",
        "valgrind-simd"
      })
  void everyRowPasses(String file) throws IOException {
    Map<String, String> excused = Vectors.excused();
    List<String> failures = new ArrayList<>();
    List<VectorRow> rows = Vectors.rows(file);
    Random random = new Random(1);
    try (BareArm m = new BareArm()) {
      for (VectorRow row : rows) {
        row.setUp(m, random);
        long[] r = m.state.r.clone();
        long[] v = m.state.v.clone();
        int fault = m.step(row.insn);
        String failure = fault >= 0 ? "exception class " + fault : row.judge(m, r, v);
        boolean excuse = excused.containsKey(file + ":" + row.line);
        if (failure != null && !excuse) {
          failures.add(row.line + " " + row.assembler + ": " + failure);
        } else if (failure == null && excuse) {
          failures.add(row.line + " passes: strike it from the ledger");
        }
      }
    }
    assertThat(failures).as("failures among %d rows of %s", rows.size(), file).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "valgrind-integer",
        "valgrind-atomics",
        "vixl-fp-scalar",
        "vixl-simd",
        "valgrind-simd"
      })
  void everyRowPassesCompiled(String file) throws IOException {
    Map<String, String> excused = Vectors.excused();
    List<String> failures = new ArrayList<>();
    List<VectorRow> rows = Vectors.mixed(Vectors.rows(file));
    Random random = new Random(2);
    long start = System.nanoTime();
    try (BareArm m = new BareArm()) {
      for (int first = 0; first < rows.size(); first += InstructionBatch.SIZE) {
        if (InstructionBatch.isOver(start)) {
          break;
        }
        List<VectorRow> slice =
            rows.subList(first, Math.min(first + InstructionBatch.SIZE, rows.size()));
        List<Block> blocks = slice.stream().map(row -> m.decode(row.insn)).toList();
        InstructionBatch batch = new InstructionBatch(new A64Isa(), blocks);
        if (!batch.compile(m.cpu)) {
          assertThat(InstructionBatch.isOptimizing()).as("compiled").isFalse();
          return;
        }
        for (int i = 0; i < slice.size(); i++) {
          VectorRow row = slice.get(i);
          row.setUp(m, random);
          long[] r = m.state.r.clone();
          long[] v = m.state.v.clone();
          int fault = batch.step(m.cpu, i);
          String failure = fault >= 0 ? "exception class " + fault : row.judge(m, r, v);
          if (failure != null && !excused.containsKey(file + ":" + row.line)) {
            failures.add(row.line + " " + row.assembler + ": " + failure);
          }
        }
      }
    }
    assertThat(failures).as("failures among rows of %s", file).isEmpty();
  }
}
