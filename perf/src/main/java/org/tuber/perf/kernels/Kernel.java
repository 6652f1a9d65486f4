package org.tuber.perf.kernels;

/** The programs in {@code src/main/c}, in the order of {@code table.c}. */
public enum Kernel {
  /** Byte stores with a stride. */
  SIEVE(2),
  /** Calls and returns. */
  FIB(25),
  /** 32-bit ALU work without branches. */
  SHA(1000),
  /** Branches that cannot be foreseen. */
  QUICKSORT(1),
  /** Loads that miss the TLB. */
  HASH(100_000),
  /** Double precision in SSE2. */
  SSE2(100);

  private final long smallAmount;

  Kernel(long smallAmount) {
    this.smallAmount = smallAmount;
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
