package org.tuber.perf.kernels;

/** The programs in {@code src/main/c}, in the order of {@code table.c}. */
public enum Kernel {
  /** Byte stores with a stride. */
  SIEVE(0, 2),
  /** Calls and returns. */
  FIB(1, 25),
  /** 32-bit ALU work without branches. */
  SHA(2, 1000),
  /** Branches that cannot be foreseen. */
  QUICKSORT(3, 1),
  /** Loads that miss the TLB. */
  HASH(4, 100_000),
  /** Double precision in SSE2. */
  SSE2(5, 100);

  private final int number;
  private final long smallAmount;

  Kernel(int number, long smallAmount) {
    this.number = number;
    this.smallAmount = smallAmount;
  }

  /** Number by which the C programs know it. */
  public int number() {
    return number;
  }

  /** Work for one operation of a microbenchmark: some ten milliseconds when compiled. */
  public long smallAmount() {
    return smallAmount;
  }

  /** Name in the guest's lines. */
  public String word() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }

  /** True for all but {@link #SSE2}. */
  public boolean isInteger() {
    return this != SSE2;
  }
}
