package org.tuber.truffle.engine;

import com.oracle.truffle.api.TruffleLanguage;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the vCPUs of one machine share: translated code, the policy of what to compile, and counts.
 */
public final class Engine {
  /** Most instructions in one block. */
  public static final int MAX_BLOCK_INSTRUCTIONS = 64;

  private static final Logger LOG = LoggerFactory.getLogger(Engine.class);

  /** Regions that may wait for the compiler; more would only make the hottest wait longer. */
  private static final int MAX_WAITING = 6;

  private static final long TICK_NANOS = 50_000_000;

  /**
   * The host's compiler has this time for a new class before the guest enters it: every 500 classes
   * that saves half a second in the host's interpreter (docs/adr/0006).
   */
  private static final long ANNOUNCED_MILLIS = 30;

  /** Regions that {@link #statistics} lists. */
  private static final int SHOWN_REGIONS = 20;

  /**
   * Settings; see {@link #Engine(Isa, TruffleLanguage, Options)}.
   *
   * @param compile false: interpreter only
   * @param hotThreshold executions of a block before Truffle compiles a region around it; where
   *     there are host classes, only of blocks that cannot be one
   * @param classThreshold executions of a block before a region around it becomes a host class; 0
   *     for never, up to {@link #IN_STEP} while the guest waits
   * @param settledThreshold the same on a CPU that has executed {@link #SETTLED_INSTRUCTIONS}; if
   *     it is another one, it is the least and depends on how busy the compilers are
   * @param maxRegionBlocks most blocks of a region
   * @param maxRegionInstructions most instructions of a region that Truffle compiles
   * @param lockstep runs every region a second time in the interpreter and compares
   */
  public record Options(
      boolean compile,
      int hotThreshold,
      int classThreshold,
      int settledThreshold,
      int maxRegionBlocks,
      int maxRegionInstructions,
      boolean lockstep) {
    /** Settings with one threshold for classes, without lockstep. */
    public Options(
        boolean compile,
        int hotThreshold,
        int classThreshold,
        int maxRegionBlocks,
        int maxRegionInstructions) {
      this(compile, hotThreshold, classThreshold, maxRegionBlocks, maxRegionInstructions, false);
    }

    /** Settings with one threshold for classes. */
    public Options(
        boolean compile,
        int hotThreshold,
        int classThreshold,
        int maxRegionBlocks,
        int maxRegionInstructions,
        boolean lockstep) {
      this(
          compile,
          hotThreshold,
          classThreshold,
          classThreshold,
          maxRegionBlocks,
          maxRegionInstructions,
          lockstep);
    }

    /** Twice what a Linux kernel needs to boot. */
    static final long SETTLED_INSTRUCTIONS = 1_200_000_000;

    /** Up to this class threshold the guest waits for its classes. */
    static final int IN_STEP = 2;

    /** All tiers, for single programs. */
    public static final Options DEFAULT = new Options(true, 4000, 10_000, 64, 500);

    /**
     * For whole machines: a boot is mostly cold code, and what the compiler takes of two cores is
     * missing elsewhere. A block that ran two million times has cost the interpreter about what its
     * region will cost the compiler. Boot to marker: 12.2 s at 100,000, 10.2 s at 1,500,000, 8.5 s
     * without any compilation. Host classes are cheaper, but not free: see ADR 6. What a machine
     * does after it has booted it does again.
     */
    public static final Options MACHINE =
        new Options(true, 2_000_000, 100_000, 3_000, 64, 500, false);

    /** Interpreter only. */
    public static final Options INTERPRETER = new Options(false, Integer.MAX_VALUE, 0, 0, 0);

    /** Compiles at the second execution: a stress mode. */
    public static final Options IMMEDIATE = new Options(true, 2, 0, 32, 300);

    /** The same for regions as host classes. */
    public static final Options IMMEDIATE_CLASSES = new Options(true, 2, 2, 32, 300);

    /** Compiles soon, and runs all that is compiled beside the interpreter. */
    public static final Options LOCKSTEP = new Options(true, 4000, 500, 64, 500, true);

    /**
     * The tiers of a machine by name: {@code accel} ({@code tcg}: interpreter and compiled regions,
     * {@code interp}: interpreter only), {@code mode=immediate} (compile at once), {@code
     * mode=classes} (the same as host classes), {@code mode=lockstep} (regions and interpreter side
     * by side, for one CPU), {@code hot-threshold}. Other keys are left alone.
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
        case "classes" -> base = base.compile() ? IMMEDIATE_CLASSES : base;
        case "lockstep" -> {
          if (!options.getOrDefault("cpus", "1").equals("1")) {
            throw new IllegalArgumentException(
                "engine mode 'lockstep' is for one CPU, not " + options.get("cpus"));
          }
          base = base.compile() ? LOCKSTEP : base;
        }
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
      return new Options(
          true,
          hot,
          base.classThreshold() > 0 ? hot : 0,
          base.classThreshold() > 0 ? hot : 0,
          base.maxRegionBlocks(),
          base.maxRegionInstructions(),
          base.lockstep());
    }
  }

  final Isa isa;

  /** Runs blocks. CPUs may see another one late; all do the same. */
  BlockInterpreter interpreter;

  private final AtomicBoolean isInterpreterChosen = new AtomicBoolean();
  final CodePages codePages = new CodePages(this);
  private final int hotThreshold;

  /** {@link #hotThreshold} of CPUs that have run for a while. */
  private final int settledThreshold;

  /** Says what of it is enough; null where it does not depend on the host. */
  private final ClassPace pace;

  final int maxRegionBlocks;
  final int maxRegionInstructions;

  /** See {@link Lockstep}. */
  final boolean isLockstep;

  long blocksDecoded;
  long blocksInvalidated;
  private long regionsBuilt;
  private long regionsCompiled;
  private long regionsInvalidated;

  /** Instructions that CPUs which are gone ran outside of regions. */
  private long retiredInterpreted;

  /** Of the last CPU that is gone, or null. */
  private Lockstep retiredLockstep;

  /** Null unless there is to be a profile. */
  final Profiler profiler = Profiler.ifWanted();

  private final boolean compile;
  private final boolean hasClasses;

  /** Writes classes beside the guest; null where the guest is to wait for them. */
  private final ExecutorService writer;

  private final int truffleThreshold;
  private final Map<String, Integer> unsuited = new ConcurrentHashMap<>();
  private long classesBuilt;
  private long classesInvalidated;
  private volatile boolean isTicking;
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
    this.hasClasses = options.classThreshold > 0 && isa.operations() != null;
    this.compile = options.compile;
    this.hotThreshold =
        !options.compile
            ? Integer.MAX_VALUE
            : hasClasses ? options.classThreshold : options.hotThreshold;
    settledThreshold = hasClasses && options.compile ? options.settledThreshold : hotThreshold;
    boolean hasPace = settledThreshold != hotThreshold;
    pace = hasPace ? ClassPace.ofHost(settledThreshold) : null;
    truffleThreshold = options.hotThreshold;
    writer = hasClasses && options.classThreshold > Options.IN_STEP ? newWriter() : null;
    interpreter = isa;
    this.maxRegionBlocks = options.maxRegionBlocks;
    this.maxRegionInstructions = options.maxRegionInstructions;
    isLockstep = options.lockstep && isa.operations() != null;
  }

  private static ExecutorService newWriter() {
    ThreadPoolExecutor writer =
        new ThreadPoolExecutor(
            1,
            1,
            1,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            Thread.ofPlatform().daemon().name("engine classes").factory());
    writer.allowCoreThreadTimeOut(true);
    return writer;
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
    if (profiler != null) {
      profiler.attach(cpu);
    }
    if (hasSeveralCpus()) {
      for (GuestCpu c : cpus) {
        c.shared = true;
      }
    }
  }

  void detach(GuestCpu cpu) {
    if (cpus.remove(cpu)) {
      retiredInterpreted += cpu.interpreted();
      if (cpu.lockstep != null) {
        retiredLockstep = cpu.lockstep;
      }
      if (profiler != null) {
        profiler.detach(cpu);
      }
    }
  }

  /** A number no CPU has used as its MMU epoch: shared blocks remember whose check they passed. */
  long nextEpoch() {
    return epochs.incrementAndGet();
  }

  /** A loop that another CPU or a device overwrote is not told otherwise. */
  void leaveRegions() {
    for (GuestCpu cpu : cpus) {
      cpu.pending = 1;
    }
  }

  boolean hasSeveralCpus() {
    return cpus.size() > 1;
  }

  void closeWritePath(long hostPage) {
    for (GuestCpu cpu : cpus) {
      cpu.closeWritePath(hostPage);
    }
  }

  /** Classes are written while the guest waits, at their second execution. */
  boolean writesAtOnce() {
    return writer == null;
  }

  /**
   * Some code is warm, so the program is none that ends at once: the interpreter is made that takes
   * a moment. Lockstep compares with the instruction set's own.
   */
  private void improveInterpreter() {
    if (isLockstep || isInterpreterChosen.getAndSet(true)) {
      return;
    }
    if (writer == null) {
      chooseInterpreter();
    } else {
      writer.execute(this::chooseInterpreter);
    }
  }

  private void chooseInterpreter() {
    try {
      interpreter = isa.fasterInterpreter();
    } catch (RuntimeException | LinkageError e) {
      LOG.error("the interpreter stays as it is", e);
    }
  }

  /** Executions after which {@link #hot} is to be called first. */
  int firstTrigger() {
    return settledThreshold;
  }

  private boolean isHot(GuestCpu cpu, Block b) {
    return b.executions >= hotThreshold
        || pace != null && b.executions >= pace.threshold() && isSettled(cpu);
  }

  private static boolean isSettled(GuestCpu cpu) {
    return cpu.state().instructions >= Options.SETTLED_INSTRUCTIONS;
  }

  /** {@code b} was executed often: builds a region around it, unless that is too early. */
  void hot(GuestCpu cpu, Block b) {
    improveInterpreter();
    if (!compile || b.page == null || b.kind == Block.SYSTEM) {
      b.trigger = Integer.MAX_VALUE;
      return;
    }
    boolean isUnwieldy = b.history().isUnwieldy;
    b.trigger = after(b, isUnwieldy ? truffleThreshold : settledThreshold);
    if (!isHot(cpu, b)) {
      return;
    }
    Region covering = b.coveredBy;
    if (covering != null && covering.valid) {
      if (covering.compiled) {
        // Reached in spite of the region around it: next time it gets one of its own.
        b.coveredBy = null;
      }
      return;
    }
    if (hasClasses && !isUnwieldy) {
      synchronized (this) {
        classRegion(cpu, b);
      }
      return;
    }
    if (isCompilerBusy()) {
      return;
    }
    synchronized (this) {
      enterAt(truffleRegion(cpu, b));
    }
  }

  /** Asks for a region around {@code head} as a host class. */
  private void classRegion(GuestCpu cpu, Block head) {
    RegionBuilder builder = new RegionBuilder(this, cpu);
    RegionPlan plan =
        head.history().classCut > 0
            ? builder.part(head)
            : builder.plan(head, RegionClass.MAX_INSTRUCTIONS >> head.history().classShrink);
    if (writer == null) {
      writeClass(plan);
      return;
    }
    // Until it is there nothing else is to be made of these blocks.
    for (Block member : plan.blocks()) {
      member.trigger = Integer.MAX_VALUE;
    }
    writer.execute(() -> writeClass(plan));
  }

  private void writeClass(RegionPlan plan) {
    long start = System.nanoTime();
    boolean isTooLong = false;
    RegionCode code = null;
    if (isIntact(plan)) {
      code = writer == null ? RegionClass.write(this, plan) : tryWrite(plan);
      isTooLong = code == null;
    }
    if (code == null || pace == null || writer == null) {
      publish(plan, code, isTooLong, start);
      return;
    }
    code.announce();
    RegionCode announced = code;
    CompletableFuture.delayedExecutor(ANNOUNCED_MILLIS, TimeUnit.MILLISECONDS, writer)
        .execute(() -> publish(plan, announced, false, start));
  }

  /** Lets the guest enter {@code code}, the class of {@code plan}, or learns that there is none. */
  private void publish(RegionPlan plan, RegionCode code, boolean isTooLong, long start) {
    synchronized (this) {
      for (Block member : plan.blocks()) {
        member.trigger = after(member, settledThreshold);
      }
      if (isTooLong) {
        // Smaller next time, and at last by the next tier alone.
        Block head = plan.entryBlocks()[0];
        ClassHistory history = head.ownHistory();
        if (plan.nodes().length > 1) {
          history.classShrink++;
        } else if (plan.nodes()[0].instructionCount > 1) {
          history.classCut++;
        } else {
          history.isUnwieldy = true;
        }
        head.trigger = after(head, history.isUnwieldy ? truffleThreshold : 1);
      }
      if (code == null || !isIntact(plan)) {
        return;
      }
      Region region = new Region(plan, code, null);
      classesBuilt++;
      add(region, start);
      VarHandle.releaseFence();
      enterAt(region);
    }
    startTicks();
  }

  private static boolean isIntact(RegionPlan plan) {
    for (Block member : plan.blocks()) {
      if (!member.valid) {
        return false;
      }
    }
    return true;
  }

  /** The count of executions of {@code b} after {@code more} of them. */
  private static int after(Block b, int more) {
    return b.executions > Integer.MAX_VALUE - more ? Integer.MAX_VALUE : b.executions + more;
  }

  /** The class, or null; a failure is ours, and the guest goes on without it. */
  private RegionCode tryWrite(RegionPlan plan) {
    try {
      return RegionClass.write(this, plan);
    } catch (RuntimeException | LinkageError e) {
      LOG.error("no class for the region at {}", Long.toHexString(plan.nodes()[0].pc), e);
      return null;
    }
  }

  private static void enterAt(Region region) {
    for (int i = 0; i < region.entries.length; i++) {
      region.entries[i].region = region;
      region.entries[i].entry = i;
    }
  }

  private void add(Region region, long startNanos) {
    regions.add(region);
    if (profiler != null) {
      profiler.added(region, startNanos);
    }
    for (Block member : region.blocks) {
      member.coveredBy = region;
      member.addUser(region);
    }
  }

  private boolean isCompilerBusy() {
    return regionsBuilt - regionsCompiled - regionsInvalidated >= MAX_WAITING;
  }

  private Region truffleRegion(GuestCpu cpu, Block head) {
    RegionPlan plan = new RegionBuilder(this, cpu).plan(head, maxRegionInstructions);
    long mask = 0;
    for (Block member : plan.blocks()) {
      mask |= isa.registerMask(member.code);
    }
    for (RegionBlock node : plan.nodes()) {
      node.withNodes(isa);
    }
    RegionRoot root =
        new RegionRoot(language, isa, plan.nodes(), plan.guesses(), plan.entries(), mask);
    Region region = new Region(plan, null, root.getCallTarget());
    regionsBuilt++;
    add(region, System.nanoTime());
    return region;
  }

  /** {@code region}, a host class, ran so long that the next tier pays, from {@code head} on. */
  void upgrade(GuestCpu cpu, Region region, Block head) {
    if (isCompilerBusy()) {
      return;
    }
    region.isUpgrading = true;
    synchronized (this) {
      Region better = truffleRegion(cpu, head);
      for (int i = 0; i < better.entries.length; i++) {
        if (better.entries[i].region != null) {
          better.entries[i].region.linkable = false;
        }
        better.entries[i].next = better;
      }
    }
  }

  /** {@code region} is of no more use. */
  void drop(Region region) {
    synchronized (this) {
      region.invalidate();
      regions.remove(region);
      if (region.code == null) {
        regionsInvalidated++;
      } else {
        classesInvalidated++;
      }
      if (profiler != null) {
        profiler.invalidated(region);
      }
    }
  }

  /** {@code region} is compiled and takes over where it can be entered. */
  void adopt(Region region) {
    for (int i = 0; i < region.entries.length; i++) {
      Block b = region.entries[i];
      if (b.next == region) {
        b.next = null;
        b.region = region;
        b.entry = i;
      }
    }
  }

  /**
   * Makes CPUs leave their loops now and then: only outside can a loop's time be seen and a better
   * region be entered. Ends with the last CPU.
   */
  private void startTicks() {
    if (isTicking) {
      return;
    }
    isTicking = true;
    Thread.ofPlatform()
        .daemon()
        .name("engine ticks")
        .start(
            () -> {
              while (!cpus.isEmpty()) {
                LockSupport.parkNanos(TICK_NANOS);
                if (pace != null && cpus.stream().anyMatch(Engine::isSettled)) {
                  pace.look(System.nanoTime());
                }
                for (GuestCpu cpu : cpus) {
                  cpu.ticked = true;
                  cpu.pending = 1;
                }
              }
              isTicking = false;
            });
  }

  /** An operation in a region could not be specialised; for {@link #statistics}. */
  void unsuited(String why) {
    unsuited.merge(why, 1, Integer::sum);
  }

  void compiled(Region region) {
    regionsCompiled++;
    if (profiler != null) {
      profiler.ready(region);
    }
  }

  /** {@code b} was overwritten: the regions made from it end. */
  void invalidated(Block b) {
    for (Region r : b.users) {
      if (r.valid) {
        drop(r);
      }
    }
    b.users = List.of();
  }

  /** A host class: where it is entered first, what it consists of, and how long its method is. */
  public record ClassSize(long pc, int instructions, int codeBytes) {}

  /** The host classes as they are now, for those who watch their sizes. */
  public List<ClassSize> classSizes() {
    List<ClassSize> sizes = new ArrayList<>();
    for (Region r : regions) {
      if (r.code != null) {
        int instructions = 0;
        for (Block b : r.blocks) {
          instructions += b.instructions();
        }
        sizes.add(new ClassSize(r.entries[0].pc, instructions, r.code.codeBytes));
      }
    }
    return sizes;
  }

  /** Lines for {@code -d engine}: totals, then the regions that ran most. */
  public String statistics(long instructions) {
    long interpreted = retiredInterpreted;
    for (GuestCpu cpu : cpus) {
      interpreted += cpu.interpreted();
    }
    double seconds = (System.nanoTime() - startNanos) / 1e9;
    StringBuilder lines = new StringBuilder();
    lines.append(
        String.format(
            Locale.ROOT,
            "engine: %d instructions in %.2f s (%.1f MIPS), %.1f %% of them in regions%n"
                + "engine: %d blocks decoded, %d invalidated, %d code pages%n"
                + "engine: %d classes built, %d invalidated%n"
                + "engine: %d regions built, %d entered compiled, %d invalidated",
            instructions,
            seconds,
            instructions / 1e6 / seconds,
            100.0 * (instructions - interpreted) / Math.max(instructions, 1),
            blocksDecoded,
            blocksInvalidated,
            codePages.size(),
            classesBuilt,
            classesInvalidated,
            regionsBuilt,
            regionsCompiled,
            regionsInvalidated));
    if (retiredLockstep != null) {
      lines.append('\n').append(retiredLockstep.statistics());
    }
    cpus.stream()
        .filter(cpu -> cpu.lockstep != null)
        .forEach(cpu -> lines.append('\n').append(cpu.lockstep.statistics()));
    regions.stream()
        .filter(r -> r.runs + r.ticks > 0)
        .sorted(Comparator.comparingLong((Region r) -> -r.instructions - r.ticks))
        .limit(SHOWN_REGIONS)
        .forEach(r -> lines.append(String.format(Locale.ROOT, "%nengine: %s", r)));
    unsuited.entrySet().stream()
        .sorted(Map.Entry.<String, Integer>comparingByValue().reversed())
        .limit(SHOWN_REGIONS)
        .forEach(
            e ->
                lines.append(
                    String.format(
                        Locale.ROOT, "%nengine: called %d times: %s", e.getValue(), e.getKey())));
    return lines.toString();
  }
}
