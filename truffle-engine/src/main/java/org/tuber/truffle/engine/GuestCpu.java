package org.tuber.truffle.engine;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.tuber.core.cpu.DebugControl;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;

/**
 * The ISA-neutral half of a vCPU: dispatcher, block look-up, debugging, requests from outside.
 *
 * <p>The dispatcher alternates between the interpreter (one block at a time, following links) and
 * compiled regions. Everything that unwinds arrives here: faults, self-modified code, interrupts.
 */
public abstract class GuestCpu extends GuestMemory implements Vcpu, DebugControl {
  /** Request bit: maskable interrupt. */
  public static final int REQUEST_INTERRUPT = 1;

  /** Request bit: non-maskable interrupt. */
  public static final int REQUEST_NMI = 2;

  /** Request bit: {@link #kick}. */
  public static final int REQUEST_KICK = 4;

  /** Request bit: the CPU halted itself. */
  public static final int REQUEST_HALT = 8;

  /** Request bit: the CPU shut down (triple fault). */
  public static final int REQUEST_SHUTDOWN = 16;

  /** Request bit: {@link #rewritten} holds stores that may have crossed a translation. */
  private static final int REQUEST_REWRITTEN = 32;

  /** First request bit that an ISA may use for its own purposes. */
  public static final int REQUEST_ISA = 0x100;

  private static final VarHandle REQUESTS;
  private static final int JUMP_CACHE_SIZE = 1 << 15;

  static {
    try {
      REQUESTS = MethodHandles.lookup().findVarHandle(GuestCpu.class, "requests", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** Nonzero when the dispatcher should look at {@link #requests}; polled by hot loops. */
  public volatile int pending;

  /** Set with {@link #pending} by the engine's clock; see {@link Region#ticks}. */
  volatile boolean ticked;

  /** How often it was set while a class ran. */
  private long ticks;

  /** Guest instructions that ran outside of regions. */
  long interpreted;

  /**
   * Other CPUs have shared this one's memory: its atomic operations and barriers have to be real.
   * Set by the engine before a second CPU can start, and never cleared.
   */
  public boolean shared;

  /** Mode bits that translations depend on; see the ISA. */
  public int mode;

  /** Next {@link #run} step must execute one instruction before looking at interrupts. */
  public boolean interruptShadow;

  @SuppressWarnings("unused") // through REQUESTS
  private volatile int requests;

  /** Hits wait until the next instruction is through (x86: after a load of SS). */
  public boolean debugShadow;

  /** {@link #debugHits}: first bit that an ISA may use for its own purposes. */
  public static final int HIT_ISA = DebugPoints.HOST << 1;

  private final DebugPoints debugPoints = new DebugPoints(this);

  private boolean hasBreakpoints;
  private Stop lastStop;

  /** Breakpoints from outside do not count at this address: execution goes on there. */
  private long passedPc;

  private boolean passing;

  /** {@link #step}: come back after this instruction. */
  private boolean stepping;

  /** Request bits that wait while a debugger steps. */
  private int holding;

  private boolean closed;
  private final Block[] jumpCache = new Block[JUMP_CACHE_SIZE];

  /**
   * A class left at an access that missed the TLB, or at another case that it leaves to the
   * interpreter: that has to run the next block. Set by the classes.
   */
  public boolean leftForAccess;

  /** The way out that last had to leave to the dispatcher where to, or null. */
  RegionLink missed;

  /** Instructions executed when a class was entered last after one had left for an access. */
  private long lastMiss = -1;

  private long instructionLimit;

  /** Tells a profiler where this CPU is; null without one. */
  Probe probe;

  /** Where code comes from, for a profiler; null where nobody knows. */
  CodeMap codeMap;

  protected GuestCpu(Engine engine, AddressSpace memory, int mmuModes) {
    super(engine, memory, mmuModes);
    engine.attach(this);
    memory.addListener(
        () -> {
          memoryMapChanged();
          // A loop has to look where its pages are now.
          pending = 1;
        });
  }

  /** Delivers the exception in {@link #fault}; state.pc is the faulting instruction. */
  protected abstract void deliver();

  /**
   * Takes an interrupt if the CPU accepts one now.
   *
   * @return true when control went elsewhere
   */
  protected abstract boolean acceptInterrupt(int requestBits);

  /** Called before each dispatch in case the ISA wants one instruction at a time (trap flag). */
  protected boolean isSingleStepping() {
    return false;
  }

  /**
   * Raises the debug exception that follows an instruction.
   *
   * @param stepped the instruction was a single step of the guest
   * @param hits the guest's bits of {@link #debugHits}
   */
  protected void debugTrap(boolean stepped, int hits) {}

  /**
   * The guest has breakpoints at the next instruction; raises the exception unless it is to be
   * passed over.
   *
   * @return true when control went elsewhere
   */
  protected boolean breakpoint(int hits) {
    return false;
  }

  /** Called before an instruction while somebody watches or steps: the last one's marks end. */
  protected void instructionStarts() {}

  // ---------------------------------------------------------------- dispatcher

  @Override
  public ExitReason run(long budget) {
    GuestState s = state();
    instructionLimit =
        budget > Long.MAX_VALUE - s.instructions ? Long.MAX_VALUE : s.instructions + budget;
    while (true) {
      try {
        if (debugHits != 0 && !debugShadow && reportHits()) {
          return ExitReason.DEBUG;
        }
        if (interruptShadow && watching == null && !stepping && !isSingleStepping()) {
          runInShadow(s);
          continue;
        }
        if (interruptShadow || isSingleStepping()) {
          if (stepAlone(s)) {
            return ExitReason.DEBUG;
          }
          continue;
        }
        if (pending != 0) {
          long before = s.pc;
          ExitReason exit = service();
          if (exit != null) {
            return exit;
          }
          if (s.pc != before && stepDone(s)) {
            return ExitReason.DEBUG;
          }
        }
        if (s.instructions >= instructionLimit) {
          return ExitReason.BUDGET;
        }
        if (hasBreakpoints || stepping) {
          if (runWatched(s)) {
            return ExitReason.DEBUG;
          }
          continue;
        }
        runBlocks(s);
      } catch (GuestFault f) {
        if (probe != null) {
          probe.faulted(s, currentRegion);
        }
        currentRegion = null;
        missed = null;
        alone = false;
        debugHits = 0;
        if (f.kind == GuestFault.RESTART) {
          runAloneAfterRestart(s);
        } else {
          deliverSafely();
        }
        if (stepDone(s)) {
          return ExitReason.DEBUG;
        }
      }
    }
  }

  /**
   * The block after an instruction that wants one more before interrupts. When an interrupt comes
   * is not known to the guest, so it may as well be after the block: that is decoded already.
   */
  private void runInShadow(GuestState s) {
    interruptShadow = false;
    debugShadow = false;
    Block b = lookup(s.pc);
    goOn(s, b, interpret(s, b));
    if (requests != 0) {
      pending = 1;
    }
  }

  /** One instruction that the trap flag or an interrupt shadow wants alone; true: stop. */
  private boolean stepAlone(GuestState s) {
    if (hasBreakpoints && stopsHere(s)) {
      return true;
    }
    if (hasBreakpoints && goesToHandler(s)) {
      return stepDone(s);
    }
    boolean wasShadow = interruptShadow;
    boolean step = isSingleStepping();
    interruptShadow = false;
    debugShadow = false;
    passing = false;
    instructionStarts();
    runAlone(s);
    if (step && !debugShadow) {
      int hits = debugHits & ~DebugPoints.HOST;
      debugHits &= DebugPoints.HOST;
      currentBlock = null;
      debugTrap(true, hits);
    }
    if (wasShadow && !interruptShadow) {
      pending = 1;
    }
    return stepDone(s);
  }

  private void deliverSafely() {
    // Its stores are no instruction's: whatever code they hit, nothing starts over.
    currentBlock = null;
    try {
      deliver();
    } catch (GuestFault f) {
      throw new IllegalStateException("a fault escaped from exception delivery", f);
    }
  }

  private void runAloneAfterRestart(GuestState s) {
    try {
      runAlone(s);
    } catch (GuestFault f) {
      alone = false;
      deliverSafely();
    }
  }

  /** Looks at requests; null when the CPU should go on. */
  private ExitReason service() {
    if (probe != null) {
      probe.polled(state(), currentBlock);
    }
    pending = 0;
    currentBlock = null;
    int bits = requests;
    if ((bits & REQUEST_REWRITTEN) != 0) {
      clearRequest(REQUEST_REWRITTEN);
      bits &= ~REQUEST_REWRITTEN;
      dropRewritten();
    }
    if ((bits & REQUEST_SHUTDOWN) != 0) {
      clearRequest(REQUEST_SHUTDOWN);
      return ExitReason.SHUTDOWN;
    }
    int wanted = bits & ~holding;
    if ((wanted & ~(REQUEST_KICK | REQUEST_HALT)) != 0 && acceptInterrupt(wanted)) {
      clearRequest(REQUEST_HALT);
      bits &= ~REQUEST_HALT;
    }
    if ((bits & REQUEST_KICK) != 0) {
      clearRequest(REQUEST_KICK);
      if ((bits & REQUEST_HALT) != 0) {
        pending = 1;
      }
      return ExitReason.KICKED;
    }
    if ((bits & REQUEST_HALT) != 0) {
      pending = 1;
      return ExitReason.HALTED;
    }
    return null;
  }

  // ---------------------------------------------------------------- debugging

  /** Reports what the last instruction hit; true: to the debugger outside. */
  private boolean reportHits() {
    int hits = debugHits;
    debugHits = 0;
    if ((hits & ~DebugPoints.HOST) != 0) {
      currentBlock = null;
      debugTrap(false, hits & ~DebugPoints.HOST);
    }
    if ((hits & DebugPoints.HOST) == 0) {
      return false;
    }
    stop(Kind.WATCHPOINT, watchedAddress);
    return true;
  }

  private void stop(Kind kind, long address) {
    lastStop = new Stop(kind, address);
    passedPc = state().pc;
    passing = true;
  }

  /** True when {@link #step} has to come back now. */
  private boolean stepDone(GuestState s) {
    if (stepping) {
      stop(Kind.STEP, s.pc);
    }
    return stepping;
  }

  /** True at a breakpoint of the debugger outside, unless it has been reported already. */
  private boolean stopsHere(GuestState s) {
    boolean passed = stepping || passing && passedPc == s.pc;
    if (passed || (debugPoints.breakpointsAt(s.pc) & DebugPoints.HOST) == 0) {
      return false;
    }
    stop(Kind.BREAKPOINT, s.pc);
    return true;
  }

  /** True when the guest's own breakpoint has led to its handler. */
  private boolean goesToHandler(GuestState s) {
    int hits = debugPoints.breakpointsAt(s.pc) & DebugPoints.GUEST;
    currentBlock = null;
    return hits != 0 && breakpoint(hits);
  }

  /** Runs one block, or one instruction where a breakpoint or a step asks for it; true: stop. */
  private boolean runWatched(GuestState s) {
    if (stopsHere(s)) {
      return true;
    }
    if (goesToHandler(s)) {
      return stepDone(s);
    }
    passing = false;
    Block b = stepping ? null : lookup(s.pc);
    instructionStarts();
    if (b == null || debugPoints.isInside(b)) {
      runAlone(s);
      return stepDone(s);
    }
    goOn(s, b, interpret(s, b));
    return false;
  }

  /** What is watched on behalf of the guest, for the ISA's debug registers. */
  public final DebugPoints debugPoints() {
    return debugPoints;
  }

  /** The guest or a debugger has breakpoints: the ISA has to keep what lets it pass them. */
  public final boolean hasBreakpoints() {
    return hasBreakpoints;
  }

  /** Takes over a change of {@link #debugPoints}. */
  final void debugPointsChanged(boolean watches) {
    if (watching == null && debugPoints.isEmpty()) {
      return;
    }
    watching = debugPoints.isEmpty() ? null : debugPoints;
    hasBreakpoints = debugPoints.hasBreakpoints();
    pending = 1;
    if (watches) {
      flushData();
    }
  }

  @Override
  public DebugControl debugControl() {
    return this;
  }

  @Override
  public void addBreakpoint(long address) {
    debugPoints.addBreakpoint(address, DebugPoints.HOST);
  }

  @Override
  public void removeBreakpoint(long address) {
    debugPoints.removeHostBreakpoint(address);
  }

  @Override
  public void addWatchpoint(long address, long bytes, boolean read, boolean write) {
    debugPoints.addHost(address, bytes, read, write);
  }

  @Override
  public void removeWatchpoint(long address, long bytes, boolean read, boolean write) {
    debugPoints.removeHost(address, bytes, read, write);
  }

  @Override
  public ExitReason step(boolean holdInterrupts) {
    stepping = true;
    holding = holdInterrupts ? REQUEST_INTERRUPT | REQUEST_NMI : 0;
    try {
      return run(Long.MAX_VALUE);
    } finally {
      stepping = false;
      holding = 0;
      if (requests != 0) {
        pending = 1;
      }
    }
  }

  @Override
  public long translate(long gva) {
    try {
      walk(gva, ACCESS_READ);
      return walkGpa;
    } catch (GuestFault f) {
      return -1;
    }
  }

  @Override
  public Stop lastStop() {
    return lastStop;
  }

  /** Runs from state.pc until requests, budget or a mode change end it. */
  private void runBlocks(GuestState s) {
    Block b = lookup(s.pc);
    while (true) {
      boolean mayEnter = !leftForAccess || mayEnterAfterMiss(b);
      Region region = b.region;
      if (region != null && mayEnter && enterRegion(s, b, region)) {
        if (probe != null) {
          probe.left(s, b.region != null ? b.region : region, missed);
        }
        if (pending != 0 || s.instructions >= instructionLimit) {
          missed = null;
          return;
        }
        b = lookup(s.pc);
        if (missed != null) {
          link(b);
        }
        continue;
      }
      leftForAccess = false;
      int outcome = interpret(s, b);
      if (++b.executions >= b.trigger && b.region == null) {
        engine.hot(this, b);
      }
      Block next;
      switch (outcome) {
        case Block.TO_FALL -> {
          next = b.fallLink;
          if (next == null || !isAt(next, b.fallPc)) {
            s.pc = b.fallPc;
            next = lookup(b.fallPc);
            b.fallLink = next;
          }
        }
        case Block.TO_TAKEN -> {
          b.taken++;
          next = b.takenLink;
          if (next == null || !isAt(next, b.takenPc)) {
            s.pc = b.takenPc;
            next = lookup(b.takenPc);
            b.takenLink = next;
          }
        }
        case Block.TO_PC -> next = b.kind == Block.RETURN ? lookup(s.pc) : indirect(b, s.pc);
        default -> {
          return;
        }
      }
      if (pending != 0 || s.instructions >= instructionLimit) {
        s.pc = next.pc;
        return;
      }
      b = next;
    }
  }

  /** A class left for the first access of {@code b}; false: another would only do so again. */
  private boolean mayEnterAfterMiss(Block b) {
    if (b.ownHistory().missed(state().instructions)) {
      // Its own region, which calls instead.
      b.region = null;
      b.coveredBy = null;
      b.trigger = b.executions + 1;
    }
    if (b.region == null || b.region.leavesOnMiss && !mayGetOn(b.region)) {
      return false;
    }
    leftForAccess = false;
    return true;
  }

  /** The access may have missed only because others were asked for together with it. */
  private boolean mayGetOn(Region region) {
    boolean isFirstTry = state().instructions != lastMiss;
    lastMiss = state().instructions;
    return region.isScattered && isFirstTry;
  }

  /** {@code b} is still what {@code pc} leads to. */
  private boolean isAt(Block b, long pc) {
    return b.pc == pc && b.valid && b.epoch == epoch;
  }

  /** The block at {@code pc}, where {@code from} jumps; remembers the last two such targets. */
  private Block indirect(Block from, long pc) {
    Block next = from.takenLink;
    if (next != null && isAt(next, pc)) {
      return next;
    }
    Block other = from.fallLink;
    if (other != null && isAt(other, pc)) {
      return other;
    }
    Block found = lookup(pc);
    if (found != next && found != other) {
      from.fallLink = next;
      from.takenLink = found;
    }
    return found;
  }

  private boolean enterRegion(GuestState s, Block b, Region region) {
    if (!engine.isLockstep || engine.hasSeveralCpus()) {
      return runRegion(s, b, region);
    }
    if (lockstep == null) {
      lockstep = new Lockstep(this);
    }
    return lockstep.run(s, b, region);
  }

  /** Runs the region of {@code b} when it is ready and intact; false: interpret the block. */
  boolean runRegion(GuestState s, Block b, Region region) {
    Region next = b.next;
    if (next != null) {
      if (!next.isValid()) {
        b.next = null;
      } else if (enter(s, b, next, next.entryOf(b))) {
        engine.adopt(next);
        return true;
      }
    }
    if (!region.isValid()) {
      b.region = null;
      b.executions = 0;
      b.trigger = engine.firstTrigger();
      return false;
    }
    long distance = b.distanceFrom(region);
    if (distance != 0 && !region.isMovable) {
      // Made for another place. What moves once moves again: the next one is for all places.
      engine.drop(region);
      b.region = null;
      b.trigger = b.executions + 1;
      return false;
    }
    if (region.code == null) {
      return enter(s, b, region, b.entry);
    }
    if (!isReady(region, distance) && !mayEnterAt(region, distance)) {
      return false;
    }
    s.pc = b.pc;
    currentRegion = region;
    region.code.run(s, this, 0);
    currentRegion = null;
    if (ticked && pending != 0) {
      ticked = false;
      tick(findBlock(s.pc));
    }
    return true;
  }

  /** True when a class was checked since the address space changed, for this distance. */
  private boolean isReady(Region region, long distance) {
    return region.epoch == epoch && region.code.distance == distance;
  }

  /** After a change of the address space: true when {@code region} is mapped at this distance. */
  private boolean mayEnterAt(Region region, long distance) {
    if (region.countdown > 0) {
      region.countdown--;
      return false;
    }
    if (!isMappedAt(region, distance)) {
      region.countdown = Region.RETRY;
      return false;
    }
    if (region.code != null) {
      region.code.distance = distance;
    }
    region.epoch = epoch;
    return true;
  }

  /** The engine's clock found this CPU at {@code b} after it left a class. */
  private void tick(Block b) {
    if (b == null) {
      return;
    }
    ticks++;
    Region region = b.region != null ? b.region : b.coveredBy;
    if (region == null || region.code == null || region.isUpgrading || region.isMovable) {
      return;
    }
    if (region.ticks++ == 0) {
      region.ticksBefore = ticks - 1;
    }
    if (region.ticks >= Region.UPGRADE_TICKS && 2 * region.ticks > ticks - region.ticksBefore) {
      engine.upgrade(this, region, b.region != null ? b : region.entries[0]);
    }
  }

  /** A class left to the dispatcher where to go, and it was to {@code b}. */
  private void link(Block b) {
    Region region = b.region;
    boolean mayLink = region != null && (missed.looksAtPc || !region.isMovable);
    if (mayLink && region.linkable && b.next == null) {
      missed.set(b.pc, region);
    }
    missed = null;
  }

  /** The class at {@code pc} if the jump cache knows it. */
  final Region cachedRegion(long pc) {
    Block b = jumpCache[jumpCacheIndex(pc)];
    return b != null && b.pc == pc && b.mode == mode && b.valid && b.epoch == epoch
        ? b.region
        : null;
  }

  private static int jumpCacheIndex(long pc) {
    return (int) (pc ^ (pc >>> 13)) & (JUMP_CACHE_SIZE - 1);
  }

  /** Enters a compiled region; false while it is not compiled, or its blocks moved. */
  private boolean enter(GuestState s, Block b, Region region, int entry) {
    if (region.countdown > 0 || region.epoch != epoch) {
      if (!mayEnterAt(region, region.distanceOf(b))) {
        return false;
      }
    }
    s.pc = b.pc;
    currentRegion = region;
    long before = s.instructions;
    Object outcome = region.target.call(this, entry);
    currentRegion = null;
    if (outcome == null) {
      region.countdown = Region.RETRY;
      return false;
    }
    if (!region.compiled) {
      region.compiled = true;
      engine.compiled(region);
    }
    region.runs++;
    region.instructions += s.instructions - before;
    if (outcome == RegionRoot.FAULTED) {
      s.pc += s.pcOffset;
      throw fault;
    }
    return true;
  }

  /** Runs exactly one instruction, which may overwrite itself, without caching its translation. */
  private void runAlone(GuestState s) {
    Block b = engine.isa.decode(this, s.pc, 1);
    alone = true;
    int outcome;
    try {
      outcome = interpret(s, b);
    } finally {
      alone = false;
    }
    goOn(s, b, outcome);
  }

  /** Runs and counts a block; after a fault {@code s.pc} is the instruction's. */
  int interpret(GuestState s, Block b) {
    currentBlock = b;
    engine.isa.enterBlock(s, b.pc);
    int outcome;
    try {
      outcome = engine.interpreter.interpret(s, this, b.code);
    } catch (GuestFault f) {
      s.pc = b.pc + s.pcOffset;
      throw f;
    }
    s.instructions += b.instructions();
    interpreted += b.instructions();
    return outcome;
  }

  /** Sets {@code s.pc} after {@code b} where the outcome does not say that it is set. */
  static void goOn(GuestState s, Block b, int outcome) {
    if (outcome == Block.TO_FALL) {
      s.pc = b.fallPc;
    } else if (outcome == Block.TO_TAKEN) {
      s.pc = b.takenPc;
    }
  }

  // ---------------------------------------------------------------- block look-up

  Block lookup(long pc) {
    int i = jumpCacheIndex(pc);
    Block b = jumpCache[i];
    if (b != null && b.pc == pc && b.mode == mode && b.valid) {
      if (b.epoch == epoch || revalidate(b)) {
        return b;
      }
    }
    b = lookupSlow(pc);
    jumpCache[i] = b;
    return b;
  }

  private Block lookupSlow(long pc) {
    long hostPage = fetchHostPage(pc);
    synchronized (engine) {
      CodePage page = hostPage == 0 ? null : engine.codePages.find(hostPage);
      if (page != null) {
        Block b = page.find(pc, mode);
        if (b != null && (b.epoch == epoch || revalidate(b))) {
          return b;
        }
        if (b != null) {
          // Same first page but a crossing block whose second page is mapped elsewhere now.
          page.remove(b);
          if (b.secondPage != null) {
            b.secondPage.removeCrossing(b);
          }
          b.valid = false;
          // From now on nobody tells its regions of stores.
          engine.invalidated(b);
        }
        b = page.findElsewhere(pc, mode, epoch);
        if (b != null && move(b, pc)) {
          return b;
        }
      }
      if (hostPage != 0 && page == null) {
        // Before its bytes are read: a store after that is noticed.
        page = openCodePage(pc, hostPage);
      }
      Block b = engine.isa.decode(this, pc, Engine.MAX_BLOCK_INSTRUCTIONS);
      long lastPc = pc + b.bytes - 1;
      CodePage secondPage = null;
      if (hostPage != 0 && ((lastPc ^ pc) & PAGE_MASK) != 0) {
        long second = fetchHostPage(lastPc);
        secondPage = second == 0 ? null : openCodePage(lastPc, second);
        // How far it reaches is known only now, and a store to the second page may have come
        // between
        // its first decoding and the page's mark.
        b = engine.isa.decode(this, pc, Engine.MAX_BLOCK_INSTRUCTIONS);
      }
      engine.blocksDecoded++;
      b.trigger = engine.firstTrigger();
      b.epoch = epoch;
      if (hostPage != 0) {
        page.add(b);
        if (secondPage != null) {
          secondPage.addCrossing(b);
        }
      }
      return b;
    }
  }

  private CodePage openCodePage(long pc, long hostPage) {
    AddressSpace.Range range = memory.find(fetchGpa(pc));
    return engine.codePages.open(range.ram, hostPage - range.ram.hostBase());
  }

  /**
   * The block at {@code pc} in the present mode if it is known and mapped, without side effects.
   */
  final Block findBlock(long pc) {
    long e = SoftTlb.entry(state().tlb, pc);
    if (GuestRam.hostLoad64(e + SoftTlb.FETCH) != (pc & PAGE_MASK)) {
      return null;
    }
    CodePage page =
        engine.codePages.find((pc & PAGE_MASK) + GuestRam.hostLoad64(e + SoftTlb.ADDEND));
    return page == null ? null : page.find(pc, mode);
  }

  /** Checks after an MMU change that a block's addresses still lead to the same bytes. */
  private boolean revalidate(Block b) {
    if (!isMappedAt(b, b.pc)) {
      return false;
    }
    b.epoch = epoch;
    return true;
  }

  private boolean isMappedAt(Block b, long pc) {
    return b.page != null
        && fetchHostPage(pc) == b.page.hostPage
        && (b.secondPage == null || fetchHostPage(pc + b.bytes - 1) == b.secondPage.hostPage);
  }

  /** Moves a block that {@link CodePage#findElsewhere} found, if its bytes are there. */
  private boolean move(Block b, long pc) {
    if (engine.hasSeveralCpus() || !isMappedAt(b, pc)) {
      return false;
    }
    b.moveTo(pc);
    b.epoch = epoch;
    return true;
  }

  /**
   * Checks that a region's pages are mapped where it expects them. Control has not come to all of
   * them: that something else or nothing is mapped there now is no fault.
   *
   * @param distance how far its entry is now from where it was when the region was made
   */
  private boolean isMappedAt(Region region, long distance) {
    boolean isElsewhere = region.code == null ? distance != 0 : region.code.distance != distance;
    if (isElsewhere && (!region.isMovable || engine.hasSeveralCpus())) {
      // The distance is the class's own: others may be running it.
      return false;
    }
    try {
      for (int i = 0; i < region.pagePcs.length; i++) {
        if (fetchHostPage(region.pagePcs[i] + distance) != region.hostPages[i]) {
          return false;
        }
      }
      return true;
    } catch (GuestFault f) {
      return false;
    }
  }

  /** See {@link GuestMemory#epoch}. */
  final long epoch() {
    return epoch;
  }

  // ---------------------------------------------------------------- requests

  @Override
  final void codeRewritten() {
    request(REQUEST_REWRITTEN);
  }

  /** Raises request bits. Any thread. */
  protected final void request(int bits) {
    REQUESTS.getAndBitwiseOr(this, bits);
    pending = 1;
  }

  /** Withdraws request bits. Any thread. */
  protected final void clearRequest(int bits) {
    REQUESTS.getAndBitwiseAnd(this, ~bits);
  }

  /** Requests as they stand. */
  protected final int requests() {
    return requests;
  }

  @Override
  public void kick() {
    request(REQUEST_KICK);
  }

  @Override
  public void setInterrupt(boolean level) {
    if (level) {
      request(REQUEST_INTERRUPT);
    } else {
      clearRequest(REQUEST_INTERRUPT);
    }
  }

  @Override
  public void nmi() {
    request(REQUEST_NMI);
  }

  /** Tells profiles where code comes from. */
  public final void codeMap(CodeMap map) {
    codeMap = map;
  }

  final long interpreted() {
    return interpreted;
  }

  @Override
  public long instructionCount() {
    return state().instructions;
  }

  @Override
  public String statistics() {
    return engine.statistics(state().instructions);
  }

  /** Both the board and the factory close what they hold, so a second call does nothing. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    engine.detach(this);
    freeTables();
  }
}
