package org.tuber.truffle.engine;

import com.oracle.truffle.api.TruffleLanguage;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What the vCPUs of one machine share: translated code, the policy of what to compile, and counts.
 */
public final class Engine {
  /** Most instructions in one block. */
  public static final int MAX_BLOCK_INSTRUCTIONS = 64;

  /** Regions that may wait for the compiler; more would only make the hottest wait longer. */
  private static final int MAX_WAITING = 6;

  /** Regions that {@link #statistics} lists. */
  private static final int SHOWN_REGIONS = 20;

  /** Settings; see {@link #Engine(Isa, TruffleLanguage, Options)}. */
  public record Options(
      boolean compile, int hotThreshold, int maxRegionBlocks, int maxRegionInstructions) {
    /** Interpreter and region tier with the default policy. */
    public static final Options DEFAULT = new Options(true, 4000, 64, 500);

    /**
     * For whole machines: a boot is mostly cold code, and what the compiler takes of two cores is
     * missing elsewhere. A block that ran two million times has cost the interpreter about what its
     * region will cost the compiler. Boot to marker: 12.2 s at 100,000, 10.2 s at 1,500,000, 8.5 s
     * without any compilation.
     */
    public static final Options MACHINE = new Options(true, 2_000_000, 64, 500);

    /** Interpreter only. */
    public static final Options INTERPRETER = new Options(false, Integer.MAX_VALUE, 0, 0);

    /** Compiles at the second execution: a stress mode. */
    public static final Options IMMEDIATE = new Options(true, 2, 32, 300);

    /**
     * The tiers of a machine by name: {@code accel} ({@code tcg}: interpreter and compiled regions,
     * {@code interp}: interpreter only), {@code mode=immediate} (compile at once), {@code
     * hot-threshold}. Other keys are left alone.
     *
     * @throws IllegalArgumentException for a value that does not exist
     */
    public static Options of(Map<String, String> options) {
      String accel = options.getOrDefault("accel", "tcg");
      Options base =
          switch (accel) {
            case "tcg" -> MACHINE;
            case "interp" -> INTERPRETER;
            default -> throw new IllegalArgumentException("unknown accelerator '" + accel + "'");
          };
      String mode = options.getOrDefault("mode", "default");
      switch (mode) {
        case "default" -> {}
        case "immediate" -> base = base.compile() ? IMMEDIATE : base;
        default -> throw new IllegalArgumentException("unknown engine mode '" + mode + "'");
      }
      String threshold = options.get("hot-threshold");
      if (threshold == null || !base.compile()) {
        return base;
      }
      int hot;
      try {
        hot = Integer.parseInt(threshold);
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException("hot-threshold '" + threshold + "' is no number", e);
      }
      if (hot < 1) {
        throw new IllegalArgumentException("hot-threshold " + hot + " is below 1");
      }
      return new Options(true, hot, base.maxRegionBlocks(), base.maxRegionInstructions());
    }
  }

  final Isa isa;
  final CodePages codePages = new CodePages(this);
  final int hotThreshold;
  final int maxRegionBlocks;
  final int maxRegionInstructions;

  long blocksDecoded;
  long blocksInvalidated;
  private long regionsBuilt;
  private long regionsCompiled;
  private long regionsInvalidated;

  /** Instructions that ran in regions which are gone. */
  private long retiredInstructions;

  private final boolean compile;
  private final TruffleLanguage<?> language;
  private final List<GuestCpu> cpus = new CopyOnWriteArrayList<>();
  private final List<Region> regions = new CopyOnWriteArrayList<>();
  private final AtomicLong epochs = new AtomicLong(1);
  private final long startNanos = System.nanoTime();

  /**
   * An empty code cache.
   *
   * @param language owner of the call targets, or null outside a polyglot context
   */
  public Engine(Isa isa, TruffleLanguage<?> language, Options options) {
    this.isa = isa;
    this.language = language;
    this.compile = options.compile;
    this.hotThreshold = options.compile ? options.hotThreshold : Integer.MAX_VALUE;
    this.maxRegionBlocks = options.maxRegionBlocks;
    this.maxRegionInstructions = options.maxRegionInstructions;
  }

  /** The ISA of all its CPUs. */
  public Isa isa() {
    return isa;
  }

  /** Translations by page; hears of DMA. */
  public CodePages codePages() {
    return codePages;
  }

  void attach(GuestCpu cpu) {
    cpus.add(cpu);
  }

  void detach(GuestCpu cpu) {
    cpus.remove(cpu);
  }

  /** A number no CPU has used as its MMU epoch: shared blocks remember whose check they passed. */
  long nextEpoch() {
    return epochs.incrementAndGet();
  }

  void closeWritePath(long hostPage) {
    for (GuestCpu cpu : cpus) {
      cpu.closeWritePath(hostPage);
    }
  }

  /** {@code b} was executed often: builds a region around it. */
  void hot(GuestCpu cpu, Block b) {
    if (!compile || b.page == null || b.kind == Block.SYSTEM) {
      b.trigger = Integer.MAX_VALUE;
      return;
    }
    b.trigger =
        b.executions > Integer.MAX_VALUE / 2 ? Integer.MAX_VALUE : b.executions + hotThreshold;
    Region covering = b.coveredBy;
    if (covering != null && covering.valid) {
      if (covering.compiled) {
        // Reached in spite of the region around it: next time it gets one of its own.
        b.coveredBy = null;
      }
      return;
    }
    if (regionsBuilt - regionsCompiled - regionsInvalidated >= MAX_WAITING) {
      return;
    }
    synchronized (this) {
      Region region = new RegionBuilder(this, cpu).build(b, language);
      regionsBuilt++;
      regions.add(region);
      for (Block member : region.blocks) {
        member.coveredBy = region;
      }
      for (int i = 0; i < region.entries.length; i++) {
        region.entries[i].region = region;
        region.entries[i].entry = i;
      }
    }
  }

  void compiled(Region region) {
    regionsCompiled++;
  }

  /** {@code b} was overwritten: the regions made from it end. */
  void invalidated(Block b) {
    for (Region r : regions) {
      for (Block member : r.blocks) {
        if (member == b) {
          if (r.valid) {
            r.valid = false;
            regionsInvalidated++;
          }
          if (regions.remove(r)) {
            retiredInstructions += r.instructions;
          }
          break;
        }
      }
    }
  }

  /** Lines for {@code -d engine}: totals, then the regions that ran most. */
  public String statistics(long instructions) {
    double seconds = (System.nanoTime() - startNanos) / 1e9;
    long compiledInstructions = retiredInstructions;
    for (Region r : regions) {
      compiledInstructions += r.instructions;
    }
    StringBuilder lines = new StringBuilder();
    lines.append(
        String.format(
            Locale.ROOT,
            "engine: %d instructions in %.2f s (%.1f MIPS), %.1f %% of them in regions%n"
                + "engine: %d blocks decoded, %d invalidated, %d code pages%n"
                + "engine: %d regions built, %d entered compiled, %d invalidated",
            instructions,
            seconds,
            instructions / 1e6 / seconds,
            100.0 * compiledInstructions / Math.max(instructions, 1),
            blocksDecoded,
            blocksInvalidated,
            codePages.size(),
            regionsBuilt,
            regionsCompiled,
            regionsInvalidated));
    regions.stream()
        .filter(r -> r.runs > 0)
        .sorted(Comparator.comparingLong((Region r) -> -r.instructions))
        .limit(SHOWN_REGIONS)
        .forEach(r -> lines.append(String.format(Locale.ROOT, "%nengine: %s", r)));
    return lines.toString();
  }
}
