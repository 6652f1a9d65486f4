package org.tuber.truffle.engine;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;

/**
 * The ISA-neutral half of a vCPU: dispatcher, block look-up, TLB slow paths, requests from outside.
 *
 * <p>The dispatcher alternates between the interpreter (one block at a time, following links) and
 * compiled regions. Everything that unwinds arrives here: faults, self-modified code, interrupts.
 */
public abstract class GuestCpu implements Vcpu {
  /** Access kind: data read. */
  public static final int ACCESS_READ = 0;

  /** Access kind: data write. */
  public static final int ACCESS_WRITE = 1;

  /** Access kind: instruction fetch. */
  public static final int ACCESS_FETCH = 2;

  /** Permission bit of {@link #walkPermissions}. */
  public static final int PERMIT_READ = 1;

  /** Permission bit of {@link #walkPermissions}. */
  public static final int PERMIT_WRITE = 2;

  /** Permission bit of {@link #walkPermissions}. */
  public static final int PERMIT_FETCH = 4;

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

  /** First request bit that an ISA may use for its own purposes. */
  public static final int REQUEST_ISA = 0x100;

  private static final VarHandle REQUESTS;
  private static final int JUMP_CACHE_SIZE = 1 << 13;
  private static final long PAGE_MASK = -4096L;

  static {
    try {
      REQUESTS = MethodHandles.lookup().findVarHandle(GuestCpu.class, "requests", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** The code cache that all vCPUs of the machine share. */
  public final Engine engine;

  /** Guest-physical memory. */
  public final AddressSpace memory;

  /** The one fault object, see {@link GuestFault}. */
  public final GuestFault fault = new GuestFault();

  /** Nonzero when the dispatcher should look at {@link #requests}; polled by hot loops. */
  public volatile int pending;

  /** Mode bits that translations depend on; see the ISA. */
  public int mode;

  /** Outcome of {@link #walk}: guest-physical address. */
  protected long walkGpa;

  /** Outcome of {@link #walk}: {@code PERMIT_} bits that hold for the whole page in this mode. */
  protected int walkPermissions;

  /** True while one instruction runs alone: it may overwrite itself. */
  private boolean alone;

  /** Next {@link #run} step must execute one instruction before looking at interrupts. */
  public boolean interruptShadow;

  @SuppressWarnings("unused") // through REQUESTS
  private volatile int requests;

  private final long[] tables;
  private boolean closed;
  private final Block[] jumpCache = new Block[JUMP_CACHE_SIZE];
  private final AddressSpace.Range[] lastRange = new AddressSpace.Range[1];
  private long epoch;
  Block currentBlock;
  Region currentRegion;
  private long instructionLimit;

  protected GuestCpu(Engine engine, AddressSpace memory, int mmuModes) {
    this.engine = engine;
    this.memory = memory;
    tables = new long[mmuModes];
    for (int i = 0; i < mmuModes; i++) {
      tables[i] = SoftTlb.allocate();
    }
    epoch = engine.nextEpoch();
    engine.attach(this);
    memory.addListener(this::memoryMapChanged);
  }

  /** The home of this CPU's registers. */
  public abstract GuestState state();

  /**
   * Walks the guest's page tables for {@code gva} in the present mode, setting {@link #walkGpa} and
   * {@link #walkPermissions}.
   *
   * @throws GuestFault (prepared in {@link #fault}) when the access is not allowed
   */
  protected abstract void walk(long gva, int access);

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

  /** Called after an instruction that was stepped. */
  protected void stepped() {}

  // ---------------------------------------------------------------- dispatcher

  @Override
  public ExitReason run(long budget) {
    GuestState s = state();
    instructionLimit =
        budget > Long.MAX_VALUE - s.instructions ? Long.MAX_VALUE : s.instructions + budget;
    while (true) {
      try {
        if (interruptShadow || isSingleStepping()) {
          boolean wasShadow = interruptShadow;
          boolean step = isSingleStepping();
          interruptShadow = false;
          runAlone(s);
          if (step && !interruptShadow) {
            stepped();
          }
          if (wasShadow && !interruptShadow) {
            pending = 1;
          }
          continue;
        }
        if (pending != 0) {
          ExitReason exit = service();
          if (exit != null) {
            return exit;
          }
        }
        if (s.instructions >= instructionLimit) {
          return ExitReason.BUDGET;
        }
        runBlocks(s);
      } catch (GuestFault f) {
        currentRegion = null;
        alone = false;
        if (f.kind == GuestFault.RESTART) {
          runAloneAfterRestart(s);
        } else {
          deliverSafely();
        }
      }
    }
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
    pending = 0;
    currentBlock = null;
    int bits = requests;
    if ((bits & REQUEST_SHUTDOWN) != 0) {
      clearRequest(REQUEST_SHUTDOWN);
      return ExitReason.SHUTDOWN;
    }
    if ((bits & ~(REQUEST_KICK | REQUEST_HALT)) != 0 && acceptInterrupt(bits)) {
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

  /** Runs from state.pc until requests, budget or a mode change end it. */
  private void runBlocks(GuestState s) {
    Block b = lookup(s.pc);
    while (true) {
      Region region = b.region;
      if (region != null && runRegion(s, b, region)) {
        if (pending != 0 || s.instructions >= instructionLimit) {
          return;
        }
        b = lookup(s.pc);
        continue;
      }
      currentBlock = b;
      engine.isa.enterBlock(s, b.pc);
      long[] code = b.code;
      int outcome;
      try {
        outcome = engine.isa.interpret(s, this, code);
      } catch (GuestFault f) {
        s.pc = b.pc + s.pcOffset;
        throw f;
      }
      s.instructions += code.length >> 1;
      if (++b.executions >= b.trigger && b.region == null) {
        engine.hot(this, b);
      }
      Block next;
      switch (outcome) {
        case Block.TO_FALL -> {
          next = b.fallLink;
          if (next == null || !next.valid || next.epoch != epoch) {
            s.pc = b.fallPc;
            next = lookup(b.fallPc);
            b.fallLink = next;
          }
        }
        case Block.TO_TAKEN -> {
          b.taken++;
          next = b.takenLink;
          if (next == null || !next.valid || next.epoch != epoch) {
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

  /** The block at {@code pc}, where {@code from} jumps; remembers the last two such targets. */
  private Block indirect(Block from, long pc) {
    Block next = from.takenLink;
    if (next != null && next.pc == pc && next.valid && next.epoch == epoch) {
      return next;
    }
    Block other = from.fallLink;
    if (other != null && other.pc == pc && other.valid && other.epoch == epoch) {
      return other;
    }
    Block found = lookup(pc);
    if (found != next && found != other) {
      from.fallLink = next;
      from.takenLink = found;
    }
    return found;
  }

  /** Runs the region of {@code b} when it is compiled and intact; false: interpret the block. */
  private boolean runRegion(GuestState s, Block b, Region region) {
    if (region.countdown > 0) {
      region.countdown--;
      return false;
    }
    if (!region.isValid()) {
      b.region = null;
      b.executions = 0;
      b.trigger = engine.hotThreshold;
      return false;
    }
    if (region.epoch != epoch) {
      if (!revalidate(region)) {
        region.countdown = Region.RETRY;
        return false;
      }
      region.epoch = epoch;
    }
    s.pc = b.pc;
    currentRegion = region;
    long before = s.instructions;
    Object outcome = region.target.call(this, b.entry);
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
    currentBlock = b;
    alone = true;
    engine.isa.enterBlock(s, b.pc);
    int outcome;
    try {
      outcome = engine.isa.interpret(s, this, b.code);
    } catch (GuestFault f) {
      s.pc = b.pc + s.pcOffset;
      throw f;
    } finally {
      alone = false;
    }
    s.instructions++;
    if (outcome == Block.TO_FALL) {
      s.pc = b.fallPc;
    } else if (outcome == Block.TO_TAKEN) {
      s.pc = b.takenPc;
    }
  }

  // ---------------------------------------------------------------- block look-up

  private Block lookup(long pc) {
    int i = (int) (pc ^ (pc >>> 13)) & (JUMP_CACHE_SIZE - 1);
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
          b.valid = false;
        }
      }
      Block b = engine.isa.decode(this, pc, Engine.MAX_BLOCK_INSTRUCTIONS);
      engine.blocksDecoded++;
      b.trigger = engine.hotThreshold;
      b.epoch = epoch;
      if (hostPage != 0) {
        AddressSpace.Range range = memory.find(fetchGpa(pc));
        page = engine.codePages.open(range.ram, hostPage - range.ram.hostBase());
        page.add(b);
        long lastPc = pc + b.bytes - 1;
        if (((lastPc ^ pc) & PAGE_MASK) != 0) {
          long second = fetchHostPage(lastPc);
          if (second != 0) {
            AddressSpace.Range r2 = memory.find(fetchGpa(lastPc));
            engine.codePages.open(r2.ram, second - r2.ram.hostBase()).addCrossing(b);
          }
        }
      }
      return b;
    }
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
    if (b.page == null || fetchHostPage(b.pc) != b.page.hostPage) {
      return false;
    }
    if (b.secondPage != null && fetchHostPage(b.pc + b.bytes - 1) != b.secondPage.hostPage) {
      return false;
    }
    b.epoch = epoch;
    return true;
  }

  /** Revalidates the blocks of a region that lie on other pages than its head. */
  boolean revalidate(Region region) {
    for (Block b : region.blocks) {
      if (!b.valid || (b.epoch != epoch && !revalidate(b))) {
        return false;
      }
    }
    return true;
  }

  /** Changes whenever any virtual mapping of this CPU may have changed. */
  final long epoch() {
    return epoch;
  }

  private long fetchHostPage(long pc) {
    long e = SoftTlb.entry(state().tlb, pc);
    if (GuestRam.hostLoad64(e + SoftTlb.FETCH) != (pc & PAGE_MASK)) {
      walk(pc, ACCESS_FETCH);
      if (fillTlb(pc) == 0) {
        return 0;
      }
    }
    return (pc & PAGE_MASK) + GuestRam.hostLoad64(e + SoftTlb.ADDEND);
  }

  private long fetchGpa(long pc) {
    walk(pc, ACCESS_FETCH);
    return walkGpa;
  }

  /** One byte of code at {@code gva}, zero-extended, for decoders. */
  public final int fetch8(long gva) {
    long hostPage = fetchHostPage(gva);
    if (hostPage != 0) {
      return GuestRam.hostLoad8(hostPage + (gva & 4095));
    }
    return (int) memory.read(fetchGpa(gva), 1) & 0xff;
  }

  /** Four aligned bytes of code at {@code gva}, little-endian, for decoders. */
  public final int fetch32(long gva) {
    long hostPage = fetchHostPage(gva);
    if (hostPage != 0) {
      return GuestRam.hostLoad32(hostPage + (gva & 4095));
    }
    return (int) memory.read(fetchGpa(gva), 4);
  }

  // ---------------------------------------------------------------- TLB

  /** Host address of the TLB table of an MMU mode. */
  protected final long table(int mmuMode) {
    return tables[mmuMode];
  }

  /** Forgets all translations; every block's mapping is checked again before it runs. */
  public final void flushTlb() {
    for (long t : tables) {
      SoftTlb.flush(t);
    }
    epoch = engine.nextEpoch();
  }

  /** Forgets the translations of one page. */
  public final void flushTlbPage(long gva) {
    for (long t : tables) {
      SoftTlb.flushPage(t, gva);
    }
    epoch = engine.nextEpoch();
  }

  private void memoryMapChanged() {
    lastRange[0] = null;
    flushTlb();
  }

  /** Closes the fast write path to a host page in all tables. */
  final void closeWritePath(long hostPage) {
    for (long t : tables) {
      for (long e = t; e < t + SoftTlb.TABLE_BYTES; e += 32) {
        long tag = GuestRam.hostLoad64(e + SoftTlb.WRITE);
        if (tag != SoftTlb.INVALID && tag + GuestRam.hostLoad64(e + SoftTlb.ADDEND) == hostPage) {
          GuestRam.hostStore64(e + SoftTlb.WRITE, SoftTlb.INVALID);
        }
      }
    }
  }

  private AddressSpace.Range rangeOf(long gpa) {
    AddressSpace.Range r = lastRange[0];
    if (r != null
        && Long.compareUnsigned(gpa, r.start) >= 0
        && Long.compareUnsigned(gpa, r.last) <= 0) {
      return r;
    }
    r = memory.find(gpa);
    lastRange[0] = r;
    return r;
  }

  /**
   * Enters the outcome of the last {@link #walk} of {@code gva}.
   *
   * @return host address of the page, or 0 when it is not wholly RAM
   */
  private long fillTlb(long gva) {
    long pageGpa = walkGpa & PAGE_MASK;
    AddressSpace.Range r = rangeOf(pageGpa);
    if (r == null
        || r.ram == null
        || Long.compareUnsigned(r.last - pageGpa, 4095) < 0
        || (r.offsetOf(pageGpa) & 4095) != 0) {
      return 0;
    }
    long offset = r.offsetOf(pageGpa);
    long hostPage = r.ram.hostBase() + offset;
    long page = gva & PAGE_MASK;
    boolean writable =
        (walkPermissions & PERMIT_WRITE) != 0 && !r.readOnly && r.ram.pageFlags(offset) == 0;
    SoftTlb.fill(
        state().tlb,
        gva,
        (walkPermissions & PERMIT_READ) != 0 ? page : SoftTlb.INVALID,
        writable ? page : SoftTlb.INVALID,
        (walkPermissions & PERMIT_FETCH) != 0 ? page : SoftTlb.INVALID,
        hostPage);
    return hostPage;
  }

  /** Loads 1, 2, 4 or 8 bytes the slow way: TLB miss, page crossing or device. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public long loadSlow(long gva, int size) {
    if (((gva + size - 1) ^ gva) >>> 12 != 0) {
      return loadCrossing(gva, size);
    }
    walk(gva, ACCESS_READ);
    long gpa = walkGpa;
    long hostPage = fillTlb(gva);
    if (hostPage != 0) {
      long host = hostPage + (gva & 4095);
      return switch (size) {
        case 1 -> GuestRam.hostLoad8(host);
        case 2 -> GuestRam.hostLoad16(host);
        case 4 -> GuestRam.hostLoad32(host);
        default -> GuestRam.hostLoad64(host);
      };
    }
    return memory.read(gpa, size);
  }

  private long loadCrossing(long gva, int size) {
    walk(gva, ACCESS_READ);
    long first = walkGpa;
    long secondGva = (gva | 4095) + 1;
    walk(secondGva, ACCESS_READ);
    long second = walkGpa;
    int head = (int) (secondGva - gva);
    long value = 0;
    for (int i = 0; i < size; i++) {
      long gpa = i < head ? first + i : second + (i - head);
      value |= (memory.read(gpa, 1) & 0xff) << (8 * i);
    }
    return value;
  }

  /** Stores 1, 2, 4 or 8 bytes the slow way. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public void storeSlow(long gva, long value, int size) {
    if (((gva + size - 1) ^ gva) >>> 12 != 0) {
      storeCrossing(gva, value, size);
      return;
    }
    walk(gva, ACCESS_WRITE);
    long gpa = walkGpa;
    long hostPage = fillTlb(gva);
    if (hostPage == 0) {
      memory.write(gpa, value, size);
      return;
    }
    beforeStore(gpa, size);
    memory.write(gpa, value, size);
  }

  private void storeCrossing(long gva, long value, int size) {
    walk(gva, ACCESS_WRITE);
    long first = walkGpa;
    long secondGva = (gva | 4095) + 1;
    walk(secondGva, ACCESS_WRITE);
    long second = walkGpa;
    int head = (int) (secondGva - gva);
    beforeStore(first, head);
    beforeStore(second, size - head);
    for (int i = 0; i < size; i++) {
      long gpa = i < head ? first + i : second + (i - head);
      memory.write(gpa, (value >>> (8 * i)) & 0xff, 1);
    }
  }

  /** See {@link SoftTlb#writableHost}. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public long writableHostSlow(long gva, int size) {
    if (((gva + size - 1) ^ gva) >>> 12 != 0) {
      walk((gva | 4095) + 1, ACCESS_WRITE);
      walk(gva, ACCESS_WRITE);
      return 0;
    }
    walk(gva, ACCESS_WRITE);
    long gpa = walkGpa;
    long hostPage = fillTlb(gva);
    if (hostPage == 0) {
      return 0;
    }
    AddressSpace.Range r = rangeOf(gpa);
    if (r.readOnly) {
      return 0;
    }
    beforeStore(gpa, size);
    return hostPage + (gva & 4095);
  }

  /**
   * Drops translations of the bytes about to be stored. When that hits code that is running now,
   * the instruction starts over alone, before it changed anything.
   */
  protected final void beforeStore(long gpa, int size) {
    AddressSpace.Range r = rangeOf(gpa);
    if (r == null || r.ram == null || r.readOnly) {
      return;
    }
    long offset = r.offsetOf(gpa);
    int flags = r.ram.pageFlags(offset);
    if (flags == 0) {
      return;
    }
    if ((flags & (GuestRam.PAGE_WATCH_DISPLAY | GuestRam.PAGE_WATCH_SNAPSHOT)) != 0) {
      r.ram.clearPageFlags(offset, GuestRam.PAGE_WATCH_DISPLAY | GuestRam.PAGE_WATCH_SNAPSHOT);
    }
    if ((flags & GuestRam.PAGE_CODE) != 0) {
      engine.codePages.written(r.ram, offset, size);
      if (alone) {
        return;
      }
      Region region = currentRegion;
      if (region != null ? !region.isValid() : currentBlock != null && !currentBlock.valid) {
        fault.kind = GuestFault.RESTART;
        throw fault;
      }
    }
  }

  // ---------------------------------------------------------------- requests

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
    for (long t : tables) {
      GuestRam.hostFree(t);
    }
  }
}
