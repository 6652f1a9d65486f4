package org.tuber.truffle.x86.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.InstructionBatch;
import org.tuber.truffle.x86.X86Isa;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Row;

/**
 * Compiled regions against the processor this runs on: programs of many instructions, because each
 * compilation costs a good part of a second.
 */
class CompiledOracleTest {
  private static final int INSTRUCTIONS = 24;

  /** One batch in so many is 32-bit code. */
  private static final int CODE32_EVERY = 4;

  /** Executions until a region of the immediate mode is compiled. */
  private static final int WARM_UP = 150;

  private static final int VARIANTS = 40;
  private static final int MAX_FAILURES = 8;

  /** Instructions of one compilation. */
  private static final int BATCH = 64;

  private static int compiled(GuestMachine machine, String counted) {
    Matcher m = Pattern.compile("(\\d+)" + counted).matcher(machine.statistics());
    return m.find() ? Integer.parseInt(m.group(1)) : 0;
  }

  /** One row of each operation before the others, which are the same but for their operands. */
  private static void operationsFirst(List<Encoding> rows) {
    Set<Integer> seen = new HashSet<>();
    List<Encoding> first = new ArrayList<>();
    List<Encoding> others = new ArrayList<>();
    for (Encoding e : rows) {
      (seen.add(e.row.op << 16 | e.row.sub) ? first : others).add(e);
    }
    rows.clear();
    rows.addAll(first);
    rows.addAll(others);
  }

  /** Rows in random order, again and again. */
  private static Iterator<Encoding> rows(long seed, boolean bits64, Predicate<Encoding> wanted) {
    List<Encoding> list = new ArrayList<>();
    for (Row r : OpcodeMap.INSTANCE.rows()) {
      Encoding e = new Encoding(r);
      if (!e.has(bits64 ? Row.I64 : Row.O64) && ExcludedRows.reason(e) == null && wanted.test(e)) {
        list.add(e);
      }
    }
    List<Encoding> runnable = ExcludedRows.runnable(list);
    list.retainAll(runnable);
    Random random = new Random(seed);
    return new Iterator<>() {
      private int next = list.size();

      @Override
      public boolean hasNext() {
        return true;
      }

      @Override
      public Encoding next() {
        if (next == list.size()) {
          Collections.shuffle(list, random);
          operationsFirst(list);
          next = 0;
        }
        return list.get(next++);
      }
    };
  }

  @Test
  void programsInCompiledRegions() {
    programs("programs", Engine.Options.IMMEDIATE, " entered compiled");
  }

  @Test
  void programsInHostClasses() {
    programs("programs as classes", Engine.Options.IMMEDIATE_CLASSES, " classes built");
  }

  private static void programs(String name, Engine.Options tier, String counted) {
    Slice slice = Slice.begin(name);
    long seed = slice.seed;
    Iterator<Encoding> rows = rows(seed, true, ProgramGenerator::isSuitable);
    Set<Encoding> covered = new HashSet<>();
    List<String> failures = new ArrayList<>();
    int programs = 0;
    int variants = 0;
    int skipped = 0;
    int notCompiled = 0;
    try (HostCpu host = new HostCpu();
        Oracle interpreter = new Oracle(host, Engine.Options.INTERPRETER);
        Oracle compiler = new Oracle(host, tier)) {
      ProgramGenerator generator = new ProgramGenerator(new SplittableRandom(seed), interpreter);
      while (!slice.isOver() && failures.size() < MAX_FAILURES) {
        Sample program;
        try {
          program = generator.make(rows, INSTRUCTIONS);
        } catch (ProgramGenerator.EarlyDifference e) {
          Sample least = Shrinker.shrink(interpreter, e.program);
          failures.add("interpreter: " + interpreter.run(least) + "\n    " + least);
          continue;
        }
        programs++;
        int before = compiled(compiler.guest, counted);
        for (int i = 0; i < WARM_UP; i++) {
          compiler.warmUp(program);
        }
        if (compiled(compiler.guest, counted) == before) {
          notCompiled++;
        } else {
          program.steps.forEach(s -> covered.add(s.encoding()));
        }
        for (int i = 0; i < VARIANTS; i++) {
          if (i > 0) {
            program.in = generator.variant(program);
          }
          String difference = interpreter.run(program);
          if (difference.equals(Oracle.UNSAFE)) {
            skipped++;
            continue;
          }
          if (!difference.isEmpty()) {
            Sample least = Shrinker.shrink(interpreter, program);
            failures.add("interpreter: " + interpreter.run(least) + "\n    " + least);
            break;
          }
          variants++;
          difference = compiler.runGuest(program, interpreter.hostOut);
          if (!difference.isEmpty()) {
            failures.add("compiled: " + difference + "\n    " + program);
            break;
          }
        }
      }
      System.out.println(compiler.guest.statistics());
    }
    System.out.printf(
        "%d programs, %d not compiled, %d rows covered, %d runs compared, %d unsafe%n",
        programs, notCompiled, covered.size(), variants, skipped);
    failures.forEach(System.out::println);
    assertThat(failures).isEmpty();
    assertThat(notCompiled).isLessThan(1 + programs / 4);
  }

  private record Compiled(Sample sample, int pinned, int index) {}

  /**
   * Every row that is ever compiled, in a local state of just the registers in its mask; also with
   * page faults in its midst.
   */
  @Test
  void singleInstructionsCompiled() {
    Slice slice = Slice.begin("compiled instructions");
    long seed = slice.seed;
    SplittableRandom random = new SplittableRandom(seed);
    Values values = new Values(random);
    SampleGenerator generator = new SampleGenerator(random);
    Iterator<Encoding> rows64 = rows(seed, true, e -> !e.has(Row.SYSTEM));
    Iterator<Encoding> rows32 = rows(seed, false, e -> !e.has(Row.SYSTEM));
    Set<Encoding> covered = new HashSet<>();
    Set<Integer> operations = new HashSet<>();
    List<String> failures = new ArrayList<>();
    long faults = 0;
    int runs = 0;
    int batches = 0;
    try (HostCpu host = new HostCpu();
        Oracle interpreter = new Oracle(host, Engine.Options.INTERPRETER);
        Oracle compiler = new Oracle(host, Engine.Options.INTERPRETER)) {
      FaultRestart restart = new FaultRestart(compiler.guest);
      while (!slice.isOver() && failures.size() < MAX_FAILURES) {
        List<Compiled> samples = new ArrayList<>();
        List<Block> blocks = new ArrayList<>();
        boolean bits64 = batches % CODE32_EVERY != CODE32_EVERY - 1;
        while (samples.size() < BATCH) {
          generator.setAtBorder(samples.size() % 2 == 0);
          Sample sample = generator.make((bits64 ? rows64 : rows32).next(), bits64);
          compiler.guest.setCode(sample.pages());
          Block b = compiler.guest.decode(sample.in, bits64);
          if (b != null && b.kind != Block.SYSTEM) {
            samples.add(new Compiled(sample, generator.pinned(), blocks.size()));
            blocks.add(b);
          }
        }
        InstructionBatch batch = new InstructionBatch(new X86Isa(), blocks);
        assertThat(batch.compile(compiler.guest.cpu)).isTrue();
        batches++;
        for (Compiled c : samples) {
          covered.add(c.sample.encoding);
          operations.add(c.sample.encoding.row.op << 16 | c.sample.encoding.row.sub);
          String wrong = restart.run(c.sample, batch, c.index);
          if (!wrong.isEmpty()) {
            failures.add(wrong + "\n    " + c.sample);
          }
          for (int i = 0; i < VARIANTS; i++) {
            Sample s = i == 0 ? c.sample : c.sample.variant(values, c.pinned);
            String difference = interpreter.run(s);
            if (difference.isEmpty()) {
              runs++;
              difference = compiler.runCompiled(s, interpreter.hostOut, batch, c.index);
            }
            if (!difference.isEmpty() && !difference.equals(Oracle.UNSAFE)) {
              failures.add(difference + "\n    " + s);
              break;
            }
          }
        }
        faults = restart.faults;
      }
    }
    System.out.printf(
        "%d batches, %d rows covered with %d operations, %d runs, %d faults restarted%n",
        batches, covered.size(), operations.size(), runs, faults);
    failures.forEach(System.out::println);
    assertThat(failures).isEmpty();
  }
}
