package org.tuber.perf.bench.footprint;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.tuber.perf.bench.InstructionRate;

/**
 * Speed of interpretation by how much distinct code is run round and round. Two hundred blocks are
 * a hot loop, fifty thousand the boot of a kernel. The second result is the {@link
 * InstructionRate}.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class FootprintBenchmark {
  @Param({"200", "2000", "8000", "50000"})
  public int blocks;

  private final Machine machine = new Machine();
  private double millions;
  private ObjectCode objects;
  private FlatCode oneWord;
  private FlatCode twoWords;

  /** Encodes the same program in each way. */
  @Setup
  public void encode() {
    Program program = Program.random(blocks);
    millions = program.instructions() / 1e6;
    objects = new ObjectCode(program);
    oneWord = new FlatCode(program, 1);
    twoWords = new FlatCode(program, 2);
  }

  /** One object an instruction. */
  @Benchmark
  public long objects(InstructionRate rate) {
    objects.round(machine);
    rate.add(millions);
    return machine.r[0];
  }

  /** One long an instruction. */
  @Benchmark
  public long flatOneWord(InstructionRate rate) {
    oneWord.round(machine);
    rate.add(millions);
    return machine.r[0];
  }

  /** Two longs an instruction, as the engine has it. */
  @Benchmark
  public long flatTwoWords(InstructionRate rate) {
    twoWords.round(machine);
    rate.add(millions);
    return machine.r[0];
  }
}
