package org.tuber.truffle.x86.oracle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Row;

/**
 * Every row of the opcode map against the processor this runs on. {@code -Dtuber.oracle.seed} and
 * {@code -Dtuber.oracle.seconds} repeat and lengthen a run.
 */
@org.junit.jupiter.api.Tag("soak")
class HostOracleTest {
  private static final int SECONDS = Integer.getInteger("tuber.oracle.seconds", 20);
  private static final int MAX_FAILURES_SHOWN = Integer.getInteger("tuber.oracle.show", 25);

  private static List<Encoding> encodings(boolean bits64) {
    List<Encoding> list = new ArrayList<>();
    for (Row r : OpcodeMap.INSTANCE.rows()) {
      Encoding e = new Encoding(r);
      if (!e.has(bits64 ? Row.I64 : Row.O64) && ExcludedRows.reason(e) == null) {
        list.add(e);
      }
    }
    return list;
  }

  @Test
  void everyRowInTheInterpreter() {
    String unsuitable = HostCpu.unsuitable();
    assumeTrue(unsuitable == null, unsuitable);
    long seed = Long.getLong("tuber.oracle.seed", System.nanoTime());
    System.out.println("host-CPU oracle: -Dtuber.oracle.seed=" + seed);
    SplittableRandom random = new SplittableRandom(seed);
    SampleGenerator generator = new SampleGenerator(random);
    List<Encoding> rows = encodings(true);
    Map<Encoding, Integer> tested = new LinkedHashMap<>();
    Map<Encoding, Integer> unsafe = new LinkedHashMap<>();
    Map<Encoding, Integer> failed = new LinkedHashMap<>();
    Map<Encoding, String> failures = new LinkedHashMap<>();
    long end = System.nanoTime() + SECONDS * 1_000_000_000L;
    long count = 0;
    try (Oracle oracle = new Oracle(Engine.Options.INTERPRETER)) {
      while (System.nanoTime() < end) {
        for (Encoding e : rows) {
          Sample sample = generator.make(e, true);
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
