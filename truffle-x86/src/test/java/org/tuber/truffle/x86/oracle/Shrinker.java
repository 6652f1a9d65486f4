package org.tuber.truffle.x86.oracle;

import java.util.function.Consumer;

/** Reduces a sample that fails to one with as little state as possible that still fails. */
final class Shrinker {
  private final Oracle oracle;
  private Sample best;

  private Shrinker(Oracle oracle, Sample sample) {
    this.oracle = oracle;
    this.best = sample;
  }

  static Sample shrink(Oracle oracle, Sample sample) {
    Shrinker s = new Shrinker(oracle, sample.copy());
    s.shrink();
    return s.best;
  }

  private boolean fails(Sample s) {
    String difference = oracle.run(s);
    return !difference.isEmpty() && !difference.equals(Oracle.UNSAFE);
  }

  private void attempt(Consumer<CpuState> change) {
    Sample trial = best.copy();
    change.accept(trial.in);
    if (fails(trial)) {
      best = trial;
    }
  }

  /** Steps of a program that do not matter become NOPs, so that all addresses stay. */
  private void dropSteps() {
    for (Sample.Step step : best.steps) {
      Sample trial = best.copy();
      java.util.Arrays.fill(trial.bytes, step.from(), step.to(), (byte) 0x90);
      if (fails(trial)) {
        trial.steps = trial.steps.stream().filter(s -> !s.equals(step)).toList();
        best = trial;
      }
    }
  }

  private void shrink() {
    if (best.steps != null) {
      dropSteps();
    }
    attempt(s -> java.util.Arrays.fill(s.data, (byte) 0));
    for (int step = CpuState.DATA_BYTES / 2; step >= 1; step /= 4) {
      for (int at = 0; at < CpuState.DATA_BYTES; at += step) {
        int from = at;
        int to = Math.min(at + step, CpuState.DATA_BYTES);
        if (hasData(from, to)) {
          attempt(s -> java.util.Arrays.fill(s.data, from, to, (byte) 0));
        }
      }
    }
    attempt(s -> java.util.Arrays.fill(s.x, 0));
    attempt(s -> java.util.Arrays.fill(s.yh, 0));
    for (int i = 0; i < 32; i++) {
      int n = i;
      attempt(s -> s.x[n] = 0);
      attempt(s -> s.yh[n] = 0);
    }
    for (int i = 0; i < 16; i++) {
      int n = i;
      attempt(s -> s.r[n] = 0);
      if (best.in.r[n] != 0) {
        attempt(s -> s.r[n] &= 0xffff_ffffL);
        attempt(s -> s.r[n] &= 0xff);
        attempt(s -> s.r[n] = 1);
      }
    }
    attempt(s -> s.rflags = 0x202);
    for (int bit = 0; bit < 22; bit++) {
      long mask = ~(1L << bit) | 0x202;
      attempt(s -> s.rflags &= mask);
    }
    attempt(s -> s.mxcsr = 0x1f80);
    attempt(s -> s.mxcsr &= ~0x3f);
    attempt(s -> s.fcw = 0x37f);
    attempt(s -> s.fsw = 0);
    attempt(s -> s.fsw &= 0x3800);
    attempt(s -> s.tags = 0);
    attempt(s -> s.fsBase = 0);
    attempt(s -> s.gsBase = 0);
    for (int i = 0; i < 8; i++) {
      int n = i;
      attempt(
          s -> {
            s.signExponent[n] = 0;
            s.significand[n] = 0;
          });
    }
  }

  private boolean hasData(int from, int to) {
    for (int i = from; i < to; i++) {
      if (best.in.data[i] != 0) {
        return true;
      }
    }
    return false;
  }
}
