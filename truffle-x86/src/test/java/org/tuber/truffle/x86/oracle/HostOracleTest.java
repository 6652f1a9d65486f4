package org.tuber.truffle.x86.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Row;

/** Every row of the opcode map, in the interpreter, against the processor this runs on. */
class HostOracleTest {
  private static final int MAX_FAILURES_SHOWN = Integer.getInteger("tuber.oracle.show", 25);

  private static List<Encoding> encodings(boolean bits64) {
    List<Encoding> list = new ArrayList<>();
    for (Row r : OpcodeMap.INSTANCE.rows()) {
      Encoding e = new Encoding(r);
      if (!e.has(bits64 ? Row.I64 : Row.O64) && ExcludedRows.reason(e) == null) {
        list.add(e);
      }
    }
    return ExcludedRows.runnable(list);
  }

  @Test
  void everyRowInTheInterpreter() {
    run(true);
  }

  /** In a 32-bit code segment, with the rows that exist only there. */
  @Test
  void everyRowOf32BitCodeInTheInterpreter() {
    run(false);
  }

  private static void run(boolean bits64) {
    Slice slice = Slice.begin(bits64 ? "interpreter" : "interpreter, 32-bit code");
    long seed = slice.seed;
    SplittableRandom random = new SplittableRandom(seed);
    SampleGenerator generator = new SampleGenerator(random);
    List<Encoding> rows = encodings(bits64);
    Map<Encoding, Integer> tested = new LinkedHashMap<>();
    Map<Encoding, Integer> unsafe = new LinkedHashMap<>();
    Map<Encoding, Integer> failed = new LinkedHashMap<>();
    Map<Encoding, String> failures = new LinkedHashMap<>();
    long count = 0;
    try (Oracle oracle = new Oracle(Engine.Options.INTERPRETER)) {
      while (!slice.isOver()) {
        for (Encoding e : rows) {
          Sample sample = generator.make(e, bits64);
          CpuState before = sample.in.copy();
          String difference = oracle.run(sample);
          count++;
          if (difference.equals(Oracle.UNSAFE)) {
            unsafe.merge(e, 1, Integer::sum);
          } else {
            tested.merge(e, 1, Integer::sum);
            if (!difference.isEmpty()) {
              failed.merge(e, 1, Integer::sum);
              if (!failures.containsKey(e)) {
                sample.in = before;
                Sample least = Shrinker.shrink(oracle, sample);
                failures.put(e, oracle.run(least) + "\n    " + least);
              }
            }
          }
        }
      }
    }
    System.out.println(count + " samples, " + rows.size() + " rows; unsafe: " + unsafe);
    failures.entrySet().stream()
        .limit(MAX_FAILURES_SHOWN)
        .forEach(
            f ->
                System.out.println(
                    f.getKey()
                        + ": "
                        + failed.get(f.getKey())
                        + " of "
                        + tested.get(f.getKey())
                        + " samples\n    "
                        + f.getValue()));
    assertThat(failures.keySet()).as("rows with differences").isEmpty();
    assertThat(rows.stream().filter(e -> !tested.containsKey(e))).isEmpty();
  }
}
