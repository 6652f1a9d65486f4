package org.tuber.perf.bench.footprint;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** A comparison is worth nothing when its sides do different things. */
class FootprintTest {
  @Test
  void allRepresentationsComputeTheSame() {
    Program program = Program.random(300);
    Machine objects = new Machine();
    Machine one = new Machine();
    Machine two = new Machine();
    for (int round = 0; round < 3; round++) {
      new ObjectCode(program).round(objects);
      new FlatCode(program, 1).round(one);
      new FlatCode(program, 2).round(two);
    }
    assertThat(one.r).isEqualTo(objects.r);
    assertThat(two.r).isEqualTo(objects.r);
    assertThat(one.flagA).isEqualTo(objects.flagA).isEqualTo(two.flagA);
  }

  @Test
  void aRoundVisitsEachBlockOnce() {
    Program program = Program.random(203);
    Set<Integer> visited = new HashSet<>();
    for (int block : program.order()) {
      visited.add(block);
    }
    assertThat(visited).hasSize(203);
    assertThat(program.instructions() / 203.0).isBetween(5.0, 7.0);
  }
}
