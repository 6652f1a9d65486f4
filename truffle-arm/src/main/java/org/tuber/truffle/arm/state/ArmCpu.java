package org.tuber.truffle.arm.state;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.tuber.core.cpu.ArmPlatform;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.core.time.VirtualClock;
import org.tuber.truffle.arm.fp.SoftFloat;
import org.tuber.truffle.arm.mmu.TableWalk;
import org.tuber.truffle.arm.sys.ArmFeature;
import org.tuber.truffle.arm.sys.BranchTargets;
import org.tuber.truffle.arm.sys.CpuModel;
import org.tuber.truffle.arm.sys.CpuSnapshot;
import org.tuber.truffle.arm.sys.ExceptionEntry;
import org.tuber.truffle.arm.sys.GenericTimer;
import org.tuber.truffle.arm.sys.PointerAuth;
import org.tuber.truffle.arm.sys.SystemRegisters;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.GuestCpu;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.engine.SoftTlb;

/**
 * One AArch64 vCPU: the registers that are not in {@link ArmState}, the modes derived from them,
 * and the ways to raise exceptions. Behaviour lives in the families of {@code a64.insn}, {@code
 * mmu} and {@code sys}; this class is what they share. Arm ARM DDI 0487, issue I.a.
 */
public final class ArmCpu extends GuestCpu implements Snapshottable<CpuSnapshot.State> {
  // Mode bits: what a translation depends on.
  /** {@link #mode}: exception level, bits 1:0. */
  public static final int MODE_EL = 3;

  /** {@link #mode}: data accesses have to be aligned (SCTLR.A, or Device memory with MMU off). */
  public static final int MODE_ALIGN = 4;

  /** {@link #mode}: SP as base has to be aligned (SCTLR.SA, SA0). */
  public static final int MODE_CHECK_SP = 8;

  /** {@link #mode}: FP and Advanced SIMD instructions trap. */
  public static final int MODE_FP_TRAP = 16;

  /** {@link #mode}: FPCR is not zero: rounding mode, flush to zero, default NaN or traps. */
  public static final int MODE_FPCR = 32;

  /** {@link #mode}: guarded pages are about, indirect branches set PSTATE.BTYPE (FEAT_BTI). */
  public static final int MODE_BTI = 64;

  private static final int MODE_BTYPE_SHIFT = 7;

  /** {@link #mode}: PSTATE.BTYPE. */
  public static final int MODE_BTYPE = 3 << MODE_BTYPE_SHIFT;

  // TLB tables.
  private static final int MMU_EL0 = 0;
  private static final int MMU_EL1 = 1;
  private static final int MMU_EL1_PAN = 2;
  private static final int MMU_EL2 = 3;
  private static final int MMU_EL3 = 4;
  private static final int MMU_MODES = 5;

  // PSTATE.DAIF, at their places in SPSR.
  public static final int PSTATE_D = 1 << 9;
  public static final int PSTATE_A = 1 << 8;
  public static final int PSTATE_I = 1 << 7;
  public static final int PSTATE_F = 1 << 6;

  /** The home of the registers; {@link #state} without a virtual call. */
  public final ArmState home = new ArmState();

  /** System registers by {@link Reg}. */
  public final long[] sys = new long[Reg.COUNT];

  /** Present exception level, 0 to 3. */
  public int el;

  /** PSTATE.SP: SP is SP_ELx; else SP_EL0. */
  public boolean spsel;

  /** Stack pointers by exception level; the one in use is in {@link #home} instead. */
  public final long[] sp = new long[4];

  /** ELR_EL1 to ELR_EL3. */
  public final long[] elr = new long[4];

  /** SPSR_EL1 to SPSR_EL3. */
  public final long[] spsr = new long[4];

  /** PSTATE.DAIF in the places of SPSR: bits 9 to 6. */
  public int daif;

  /** PSTATE.PAN, UAO, DIT, SSBS, IL, SS. */
  public boolean pan;

  public boolean uao;
  public boolean dit;
  public boolean ssbs;
  public boolean illegal;
  public boolean softwareStep;

  /** PSTATE.BTYPE. */
  public int btype;

  /** FEAT_BTI. */
  public final boolean hasGuards;

  /** FEAT_PAuth. */
  public final boolean hasPointerAuth;

  /** Where the last indirect branch went, and its kind in bits 1:0; see {@code BranchTargets}. */
  public long landing;

  /** A page table has shown a guarded page. */
  private boolean guardsFound;

  /** Pointer authentication, and the keys that are enabled at this level. */
  public final PointerAuth pointerAuth = new PointerAuth(this);

  public int pointerKeys;

  /** FPCR: AHP, DN, FZ, RMode; no trapped exceptions. */
  public int fpcr;

  /** Arithmetic that the host's does not do exactly as FPCR and FPSR want it. */
  public final SoftFloat softFloat = new SoftFloat();

  private static final int FPCR_MASK = 0x07c0_0000;
  private static final int FPCR_FZ16 = 1 << 19;

  /** The local monitor: address (or -1 when open) and the data that LDXR saw. */
  public long exclusiveGva = -1;

  public long exclusiveLow;
  public long exclusiveHigh;
  public int exclusiveSize;

  /** The event register of WFE and SEV. */
  public volatile boolean event;

  /** Model and features. */
  public final CpuModel model;

  /** Number from 0; affinity level 0 of MPIDR. */
  public final int index;

  public final VirtualClock clock;

  /** TLB table of EL0. */
  public final long userTlb;

  /** TLB table that LDTR and STTR use. */
  public long unprivilegedTlb;

  /** Stands in for EL1 where the CPU runs a thread of a Linux program; else null. */
  public UserKernel userKernel;

  /** The board. */
  public final ArmPlatform platform;

  /** The generic timer. */
  public final GenericTimer timer;

  /** The page walker; its last outcome. */
  public final TableWalk walker;

  /** EL2 and EL3 exist. */
  private final boolean hasEl2;

  private final boolean hasEl3;

  /** Level whose rights data accesses have: {@link #el}, but 0 in LDTR and STTR. */
  private int accessLevel;

  /** Bits of FPSR that exist in AArch64 state: QC and the cumulative exceptions. */
  public static final int FPSR_MASK = 0x0800_009f;

  /** FPSR: an integer saturated. */
  public static final int FPSR_QC = 1 << 27;

  /** Request: FIQ. */
  private static final int REQUEST_FIQ = REQUEST_ISA;

  /** Request: forget all translations. */
  private static final int REQUEST_FLUSH = REQUEST_ISA << 1;

  /** Request: {@link UserKernel#attend}. */
  private static final int REQUEST_ATTENTION = REQUEST_ISA << 2;

  public ArmCpu(
      Engine engine,
      int index,
      AddressSpace memory,
      VirtualClock clock,
      ArmPlatform platform,
      CpuModel model,
      boolean hasEl2,
      boolean hasEl3) {
    super(engine, memory, MMU_MODES);
    this.index = index;
    this.clock = clock;
    this.platform = platform;
    this.model = model;
    this.hasEl2 = hasEl2;
    this.hasEl3 = hasEl3;
    hasGuards = model.has(ArmFeature.BTI);
    hasPointerAuth = model.has(ArmFeature.PAUTH);
    userTlb = table(MMU_EL0);
    timer = new GenericTimer(this);
    walker = new TableWalk(this);
    reset();
  }

  @Override
  public ArmState state() {
    return home;
  }

  // ---------------------------------------------------------------- exceptions

  /** Prepares an exception; {@code iss} without IL, which is set. The caller throws it. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public GuestFault exception(int ec, long iss) {
    fault.kind = GuestFault.EXCEPTION;
    fault.vector = ec;
    fault.errorCode = Syndrome.of(ec, iss);
    fault.address = 0;
    return fault;
  }

  /** The same, to be taken at {@code level} at least. */
  public GuestFault exceptionTo(int level, int ec, long iss) {
    exception(ec, iss);
    fault.address = level;
    return fault;
  }

  /** An instruction that does not exist here, ready to throw. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public GuestFault undefined() {
    return exception(Syndrome.UNKNOWN, 0);
  }

  /** A misaligned program counter, ready to throw. */
  public GuestFault pcAlignment(long pc) {
    exception(Syndrome.PC_ALIGNMENT, 0);
    fault.address = pc;
    return fault;
  }

  /** A misaligned data access, ready to throw. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public GuestFault alignment(long gva, boolean isWrite) {
    return dataAbort(gva, Syndrome.ALIGNMENT | (isWrite ? Syndrome.WNR : 0));
  }

  /** A misaligned stack pointer, ready to throw. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public GuestFault spAlignment() {
    return exception(Syndrome.SP_ALIGNMENT, 0);
  }

  /** A data abort with the details {@code iss}, ready to throw. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public GuestFault dataAbort(long gva, long iss) {
    exception(Syndrome.DATA_ABORT_SAME, iss);
    fault.address = gva;
    return fault;
  }

  /** An instruction abort with the details {@code iss}, ready to throw. */
  public GuestFault instructionAbort(long gva, long iss) {
    exception(Syndrome.INSTRUCTION_ABORT_SAME, iss);
    fault.address = gva;
    return fault;
  }

  // ---------------------------------------------------------------- modes

  /** SCTLR of the translation regime of {@code level}. */
  public long sctlr(int level) {
    return switch (level) {
      case 2 -> sys[Reg.SCTLR_EL2];
      case 3 -> sys[Reg.SCTLR_EL3];
      default -> sys[Reg.SCTLR_EL1];
    };
  }

  /**
   * Derives {@link #mode} and the TLB table from the registers; to be called after any change of
   * SCTLR, CPACR, CPTR, FPCR or PSTATE.EL, PAN.
   */
  public void modeChanged() {
    long sctlr = sctlr(el);
    int m = el;
    if ((sctlr & Sctlr.A) != 0 || (sctlr & Sctlr.M) == 0) {
      m |= MODE_ALIGN;
    }
    if ((sctlr & (el == 0 ? Sctlr.SA0 : Sctlr.SA)) != 0) {
      m |= MODE_CHECK_SP;
    }
    if (ExceptionEntry.fpTrapLevel(this) != 0) {
      m |= MODE_FP_TRAP;
    }
    if (fpcr != 0) {
      m |= MODE_FPCR;
    }
    if (hasGuards) {
      m |= (guardsFound ? MODE_BTI : 0) | btype << MODE_BTYPE_SHIFT;
    }
    pointerKeys = hasPointerAuth ? PointerAuth.enabledKeys(sctlr) : 0;
    mode = m;
    accessLevel = el;
    home.tlb = table(mmuMode());
    unprivilegedTlb = el == 1 && !uao ? userTlb : home.tlb;
  }

  /** Sets PSTATE.BTYPE. */
  public void setBtype(int value) {
    btype = value;
    modeChanged();
  }

  /** A walk found a guarded page that code may run from. */
  public void guardFound(long gva, boolean isFetch) {
    if (guardsFound || !hasGuards) {
      return;
    }
    guardsFound = true;
    // The mode only: accesses that are under way keep their rights.
    mode |= MODE_BTI;
    if (isFetch && (landing & 3) != 0 && (landing & ~3L) == gva) {
      // So the branch came from a page that is not guarded.
      btype = (int) landing & 3;
      btype = btype == BranchTargets.JUMP ? BranchTargets.VENEER : btype;
      mode |= btype << MODE_BTYPE_SHIFT;
    }
  }

  /** To be called after a change of a register that translations depend on. */
  public void regimeChanged() {
    modeChanged();
    invalidateAll();
  }

  /** True when exception level {@code level} exists. */
  public boolean has(int level) {
    return level == 2 ? hasEl2 : level < 2 || hasEl3;
  }

  /** The highest exception level. */
  public int highestLevel() {
    return hasEl3 ? 3 : hasEl2 ? 2 : 1;
  }

  /** Sets FPCR. */
  public void setFpcr(int value) {
    fpcr = value & (model.has(ArmFeature.FP16) ? FPCR_MASK | FPCR_FZ16 : FPCR_MASK);
    modeChanged();
  }

  /**
   * The address that a branch to {@code target} reaches: without its tag where tags are ignored.
   */
  @TruffleBoundary
  public long branchAddress(long target) {
    if (el > 1) {
      long tcr = sys[el == 2 ? Reg.TCR_EL2 : Reg.TCR_EL3];
      return (tcr & Tcr.SINGLE_TBI) != 0 && (tcr & Tcr.SINGLE_TBID) == 0
          ? target << 8 >>> 8
          : target;
    }
    boolean upper = target << 8 < 0;
    long tcr = sys[Reg.TCR_EL1];
    boolean ignored =
        (tcr & (upper ? Tcr.TBI1 : Tcr.TBI0)) != 0 && (tcr & (upper ? Tcr.TBID1 : Tcr.TBID0)) == 0;
    return ignored ? target << 8 >> 8 : target;
  }

  private int mmuMode() {
    return switch (el) {
      case 0 -> MMU_EL0;
      case 1 -> pan ? MMU_EL1_PAN : MMU_EL1;
      case 2 -> MMU_EL2;
      default -> MMU_EL3;
    };
  }

  /** Makes {@code newEl} and {@code newSpsel} current, moving stack pointers. */
  public void setLevel(int newEl, boolean newSpsel) {
    sp[spsel ? el : 0] = home.r[ArmState.SP];
    el = newEl;
    spsel = newSpsel;
    home.r[ArmState.SP] = sp[spsel ? el : 0];
  }

  /** PSTATE in the format of SPSR_ELx (Arm ARM C5.2.19). */
  public long pstate() {
    long p = (long) Nzcv.get(home) << Nzcv.SHIFT;
    p |= daif | (long) el << 2 | (spsel ? 1 : 0);
    p |= (long) btype << 10;
    p |= ssbs ? Spsr.SSBS : 0;
    p |= illegal ? Spsr.IL : 0;
    p |= softwareStep ? Spsr.SS : 0;
    p |= pan ? Spsr.PAN : 0;
    p |= uao ? Spsr.UAO : 0;
    p |= dit ? Spsr.DIT : 0;
    return p;
  }

  /** Sets PSTATE, without checks, from the format of SPSR_ELx; calls {@link #modeChanged}. */
  public void setPstate(long p) {
    Nzcv.set(home, (int) (p >>> Nzcv.SHIFT) & 15);
    setLevel((int) p >> Spsr.EL_SHIFT & 3, (p & Spsr.SP) != 0);
    btype = hasGuards ? (int) p >> Spsr.BTYPE_SHIFT & 3 : 0;
    ssbs = (p & Spsr.SSBS) != 0;
    illegal = (p & Spsr.IL) != 0;
    softwareStep = (p & Spsr.SS) != 0;
    pan = (p & Spsr.PAN) != 0;
    uao = (p & Spsr.UAO) != 0;
    dit = (p & Spsr.DIT) != 0;
    setDaif((int) p);
    modeChanged();
  }

  /** Sets PSTATE.DAIF from the bits of {@code value} at their places in SPSR. */
  public void setDaif(int value) {
    daif = value & (PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F);
    if (requests() != 0) {
      pending = 1;
    }
  }

  // ---------------------------------------------------------------- memory

  /** A misaligned atomic access that this CPU performs (FEAT_LSE2: within 16 bytes). */
  @TruffleBoundary
  public boolean isMisalignmentAllowed(long gva, int size) {
    return size < 16 && model.has(ArmFeature.LSE2) && (gva & 15) + size <= 16;
  }

  /**
   * Host address for an atomic operation, or 0 where there is no plain memory. A fault is that of a
   * read where a read would fault.
   */
  public long atomicHost(ArmState s, long gva, int size) {
    long e = SoftTlb.entry(s.tlb, gva);
    if (GuestRam.hostLoad64(e + SoftTlb.WRITE) == (gva & -4096L)) {
      return gva + GuestRam.hostLoad64(e + SoftTlb.ADDEND);
    }
    return atomicHostSlow(gva, size);
  }

  @TruffleBoundary(transferToInterpreterOnException = false)
  private long atomicHostSlow(long gva, int size) {
    walk(gva, ACCESS_READ);
    return writableHostSlow(gva, size);
  }

  /** Device memory has to be accessed aligned whatever SCTLR says. */
  private void checkDevice(long gva, int size, int access) {
    if ((gva & size - 1) != 0) {
      walk(gva, access);
      if (walker.isDevice()) {
        throw alignment(gva, access == ACCESS_WRITE);
      }
    }
  }

  @Override
  @TruffleBoundary(transferToInterpreterOnException = false)
  public long loadSlow(long gva, int size) {
    checkDevice(gva, size, ACCESS_READ);
    return super.loadSlow(gva, size);
  }

  @Override
  @TruffleBoundary(transferToInterpreterOnException = false)
  public void storeSlow(long gva, long value, int size) {
    checkDevice(gva, size, ACCESS_WRITE);
    super.storeSlow(gva, value, size);
  }

  /** LDTR that missed the TLB. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public long loadUnprivileged(long gva, int size) {
    long saved = home.tlb;
    accessLevel = unprivilegedTlb == userTlb ? 0 : el;
    home.tlb = unprivilegedTlb;
    try {
      return loadSlow(gva, size);
    } finally {
      home.tlb = saved;
      accessLevel = el;
    }
  }

  /** STTR that missed the TLB. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public void storeUnprivileged(long gva, long value, int size) {
    long saved = home.tlb;
    accessLevel = unprivilegedTlb == userTlb ? 0 : el;
    home.tlb = unprivilegedTlb;
    try {
      storeSlow(gva, value, size);
    } finally {
      home.tlb = saved;
      accessLevel = el;
    }
  }

  /** Clears aligned memory that is not plain memory or crosses nothing. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public void zeroSlow(long gva, int bytes) {
    for (int i = 0; i < bytes; i += 8) {
      storeSlow(gva + i, 0, 8);
    }
  }

  /**
   * Translates for address operations, without entering anything into the TLB.
   *
   * @return the guest-physical address; the walker has the attributes
   */
  public long translate(long gva, int access, int level) {
    if (userKernel != null) {
      userKernel.walk(gva, access);
    } else {
      walker.walk(gva, access, level);
    }
    return walkGpa;
  }

  /** TLBI by address: this CPU forgets the page of {@code gva}, whatever its size. */
  public void invalidatePage(long gva) {
    landing = 0;
    if (walker.large.mayContain(gva)) {
      invalidateAll();
    } else {
      flushTlbPage(gva);
    }
  }

  /** TLBI of everything: this CPU forgets all translations. */
  public void invalidateAll() {
    landing = 0;
    walker.large.clear();
    flushTlb();
  }

  // ---------------------------------------------------------------- other CPUs

  /** The other CPUs of the machine. */
  private volatile ArmCpu[] peers = {};

  /** Flushes that others asked for, and how many of them are done. */
  private final AtomicInteger flushesWanted = new AtomicInteger();

  private volatile int flushesDone;

  /** {@link #run} is under way. */
  private volatile boolean isInGuest;

  /** Tells the CPUs of a machine of each other. */
  public static void connect(ArmCpu... all) {
    for (ArmCpu c : all) {
      c.peers = Arrays.stream(all).filter(x -> x != c).toArray(ArmCpu[]::new);
    }
  }

  /**
   * TLBI of the inner shareable domain: all other CPUs forget their translations before this
   * returns, or before they execute anything again.
   */
  public void flushPeers() {
    ArmCpu[] others = peers;
    for (ArmCpu p : others) {
      p.flushesWanted.incrementAndGet();
      p.request(REQUEST_FLUSH);
    }
    for (ArmCpu p : others) {
      int wanted = p.flushesWanted.get();
      while (p.isInGuest && p.flushesDone - wanted < 0) {
        flushIfAsked();
        Thread.onSpinWait();
      }
    }
  }

  private void flushIfAsked() {
    int wanted = flushesWanted.get();
    if (wanted != flushesDone) {
      clearRequest(REQUEST_FLUSH);
      invalidateAll();
      flushesDone = wanted;
    }
  }

  @Override
  public ExitReason run(long budget) {
    isInGuest = true;
    try {
      return super.run(budget);
    } finally {
      isInGuest = false;
    }
  }

  // ---------------------------------------------------------------- engine hooks

  @Override
  protected void walk(long gva, int access) {
    if (userKernel != null) {
      if (access == ACCESS_FETCH && (gva & 3) != 0) {
        throw pcAlignment(gva);
      }
      userKernel.walk(gva, access);
      return;
    }
    walker.walk(gva, access, access == ACCESS_FETCH ? el : accessLevel);
  }

  /** Outcome of a page walk, for {@link TableWalk}. */
  public void walked(long gpa, int permissions) {
    walkGpa = gpa;
    walkPermissions = permissions;
  }

  @Override
  protected void deliver() {
    if (userKernel != null) {
      userKernel.exception();
      return;
    }
    ExceptionEntry.deliverFault(this);
  }

  @Override
  protected boolean acceptInterrupt(int requestBits) {
    if (userKernel != null) {
      clearRequest(REQUEST_ATTENTION);
      return userKernel.attend();
    }
    flushIfAsked();
    return ExceptionEntry.acceptInterrupt(
        this, (requestBits & REQUEST_INTERRUPT) != 0, (requestBits & REQUEST_FIQ) != 0);
  }

  /** Makes the CPU call {@link UserKernel#attend} soon. Any thread. */
  public void attention() {
    request(REQUEST_ATTENTION);
  }

  /** Forgets the data translations of a page of EL0; no code is involved. */
  public void flushDataPage(long gva) {
    SoftTlb.flushPage(userTlb, gva);
  }

  /** ISR_EL1: interrupts that wait, masked or not. */
  public long pendingInterrupts() {
    int bits = requests();
    return ((bits & REQUEST_INTERRUPT) != 0 ? PSTATE_I : 0)
        | ((bits & REQUEST_FIQ) != 0 ? PSTATE_F : 0);
  }

  /** Level of nFIQ. Any thread. */
  @Override
  public void setFastInterrupt(boolean level) {
    if (level) {
      request(REQUEST_FIQ);
    } else {
      clearRequest(REQUEST_FIQ);
    }
  }

  @Override
  public boolean isHalted() {
    return (requests() & REQUEST_HALT) != 0 && pendingInterrupts() == 0;
  }

  /** WFI: stops until an interrupt. */
  public void halt() {
    request(REQUEST_HALT);
  }

  /** Leaves the halted state without an interrupt (start of a bare program). */
  public void clearHalt() {
    clearRequest(REQUEST_HALT);
  }

  /** Halted, whatever waits. */
  public boolean waitsForInterrupt() {
    return (requests() & REQUEST_HALT) != 0;
  }

  @Override
  public CpuSnapshot.State save() {
    return CpuSnapshot.save(this);
  }

  @Override
  public void load(CpuSnapshot.State saved) {
    CpuSnapshot.load(this, saved);
  }

  @Override
  public void reset() {
    Arrays.fill(home.r, 0);
    Arrays.fill(home.v, 0);
    Nzcv.set(home, 0);
    home.pc = 0;
    home.fpsr = 0;
    fpcr = 0;
    clearRequest(-1);
    SystemRegisters.reset(this);
    timer.reset();
    el = highestLevel();
    spsel = true;
    daif = PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F;
    pan = false;
    uao = false;
    dit = false;
    ssbs = false;
    illegal = false;
    softwareStep = false;
    btype = 0;
    landing = 0;
    guardsFound = false;
    exclusiveGva = -1;
    event = false;
    modeChanged();
    flushTlb();
  }

  @Override
  public long readRegister(String name) {
    return RegisterNames.read(this, name);
  }

  @Override
  public void writeRegister(String name, long value) {
    RegisterNames.write(this, name, value);
    modeChanged();
    flushTlb();
  }
}
