package org.tuber.perf.kernels;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.tuber.launcher.CommandLineException;

/** The programs in {@code src/main/c}, in the order of {@code table.c} and then {@code suite.c}. */
public enum Kernel {
  /** Byte stores with a stride. */
  SIEVE(Kind.INTEGER, 2),
  /** Calls and returns. */
  FIB(Kind.INTEGER, 25),
  /** 32-bit ALU work without branches. */
  SHA(Kind.INTEGER, 1000),
  /** Branches that cannot be foreseen. */
  QUICKSORT(Kind.INTEGER, 1),
  /** Loads that miss the TLB. */
  HASH(Kind.INTEGER, 100_000),
  /** Double precision in SSE2. */
  SSE2(Kind.FLOAT, 100),
  /** Matrix product in single precision. */
  MATRIX32(Kind.FLOAT, 0),
  /** Matrix product in double precision. */
  MATRIX64(Kind.FLOAT, 0),
  /** Scalar double precision with roots and divisions. */
  NBODY(Kind.FLOAT, 0),
  /** A short loop of double precision. */
  MANDELBROT(Kind.FLOAT, 0),
  /** A byte looked for by SSE2. */
  SEARCH(Kind.INTEGER, 0),
  /** The same by AVX2, where the processor has it. */
  SEARCH256(Kind.INTEGER, 0),
  /** AES by tables. */
  AES(Kind.INTEGER, 0),
  /** CRC-32 by a table: a chain of dependent loads. */
  CRC(Kind.INTEGER, 0),
  /** An interpreter: one switch in one loop. */
  BYTECODE(Kind.INTEGER, 0),
  /** Indirect calls of small functions. */
  VIRTUAL(Kind.INTEGER, 0),
  /** Two thousand different functions. */
  LARGE(Kind.INTEGER, 0),
  /** mmap, fork, copy on write, exec. */
  PAGES(Kind.OPERATING_SYSTEM, 0),
  /** The cheapest system call. */
  GETPID(Kind.OPERATING_SYSTEM, 0),
  /** Switches between two processes. */
  PIPE(Kind.OPERATING_SYSTEM, 0);

  /** What a kernel is counted under. */
  public enum Kind {
    /** Whole numbers, memory, branches. */
    INTEGER("integer"),
    /** Floating point. */
    FLOAT("floating point"),
    /** Mostly the guest's operating system. */
    OPERATING_SYSTEM("operating system");

    private final String title;

    Kind(String title) {
      this.title = title;
    }

    /** Name in reports. */
    public String title() {
      return title;
    }
  }

  /** Those that also run without an operating system. */
  public static final List<Kernel> BARE = List.of(SIEVE, FIB, SHA, QUICKSORT, HASH, SSE2);

  private final Kind kind;
  private final long smallAmount;

  Kernel(Kind kind, long smallAmount) {
    this.kind = kind;
    this.smallAmount = smallAmount;
  }

  /** Number by which the C programs know those in {@link #BARE}. */
  public int number() {
    return BARE.indexOf(this);
  }

  /** Work for one operation of a microbenchmark: some ten milliseconds when compiled. */
  public long smallAmount() {
    return smallAmount;
  }

  /** Name in the guest's lines. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** What it is counted under. */
  public Kind kind() {
    return kind;
  }

  /**
   * A list of names with commas, {@code all} for all.
   *
   * @param option for the message when one is unknown
   */
  public static List<Kernel> list(String option, String names) {
    if (names.equals("all")) {
      return List.of(values());
    }
    return Arrays.stream(names.split(",", -1)).map(name -> named(option, name)).toList();
  }

  private static Kernel named(String option, String name) {
    for (Kernel kernel : values()) {
      if (kernel.word().equals(name)) {
        return kernel;
      }
    }
    throw new CommandLineException(
        String.format(
            Locale.ROOT,
            "%s %s: unknown kernel; known: %s",
            option,
            name,
            String.join(", ", Arrays.stream(values()).map(Kernel::word).toList())));
  }
}
