package org.tuber.truffle.x86.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Row;

/**
 * Page faults in the middle of every instruction that accesses memory: nothing has changed but what
 * the manuals allow, and a restart ends as if there had been no fault. Needs no oracle: the guest
 * is its own. Compiled instructions are tried by {@link CompiledOracleTest}.
 */
class FaultRestartTest {
  /** Time, chance, or the kernel: not the same twice. */
  private static final Set<String> UNSTEADY =
      Set.of(
          "rdtsc",
          "rdtscp",
          "rdrand",
          "rdseed",
          "rdpmc",
          "syscall",
          "sysenter",
          "cpuid",
          "sgdt",
          "sidt");

  private static final int ROUNDS = Boolean.getBoolean("tuber.soak") ? 400 : 12;
  private static final int IOPL = 0x3000;
  private static final long SEED = 20_261_121;

  private static List<Encoding> rows(boolean bits64) {
    List<Encoding> list = new ArrayList<>();
    for (Row r : OpcodeMap.INSTANCE.rows()) {
      Encoding e = new Encoding(r);
      if (!e.has(bits64 ? Row.I64 : Row.O64) && !UNSTEADY.contains(e.mnemonic())) {
        list.add(e);
      }
    }
    return list;
  }

  private static Sample make(SampleGenerator generator, Encoding e, boolean bits64) {
    Sample s = generator.make(e, bits64);
    if (e.mnemonic().equals("ins") || e.mnemonic().equals("outs")) {
      s.in.rflags |= IOPL;
    }
    return s;
  }

  private static void interpreted(boolean bits64) {
    SampleGenerator generator = new SampleGenerator(new SplittableRandom(SEED));
    generator.setAtBorder(true);
    Map<Encoding, String> failures = new LinkedHashMap<>();
    Set<String> never = new TreeSet<>();
    try (GuestMachine guest = new GuestMachine(Engine.Options.INTERPRETER)) {
      FaultRestart test = new FaultRestart(guest);
      for (Encoding e : rows(bits64)) {
        long before = test.faults;
        for (int i = 0; i < ROUNDS && !failures.containsKey(e); i++) {
          Sample sample = make(generator, e, bits64);
          CpuState in = sample.in.copy();
          String wrong = test.run(sample, null, 0);
          if (!wrong.isEmpty()) {
            sample.in = in;
            failures.put(
                e, wrong + "\n    " + sample.hex() + " " + Long.toHexString(sample.areaAddress));
          }
        }
        if (test.faults == before && (e.memoryOnly || e.hasOperand("XY"))) {
          never.add(e.toString());
        }
      }
      System.out.println(test.faults + " faults; rows that never faulted: " + never);
    }
    failures.forEach((e, t) -> System.out.println(e + ": " + t));
    assertThat(failures.keySet()).isEmpty();
  }

  @Test
  void everyRowInTheInterpreter() {
    interpreted(true);
  }

  @Test
  void everyRowOf32BitCodeInTheInterpreter() {
    interpreted(false);
  }
}
