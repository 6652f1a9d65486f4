package org.tuber.truffle.x86.state;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.tuber.core.cpu.CpuPlatform;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.core.time.VirtualClock;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.GuestCpu;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.engine.GuestState;
import org.tuber.truffle.engine.PageFilter;
import org.tuber.truffle.engine.PhysicalWindow;
import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.Disassembler;
import org.tuber.truffle.x86.mmu.PageTables;
import org.tuber.truffle.x86.mmu.PageWalk;
import org.tuber.truffle.x86.sys.CpuModel;
import org.tuber.truffle.x86.sys.CpuSnapshot;
import org.tuber.truffle.x86.sys.DebugRegisters;
import org.tuber.truffle.x86.sys.InterruptDelivery;
import org.tuber.truffle.x86.sys.RegisterNames;

/**
 * One x86 vCPU: the registers that are not in {@link X86State}, the modes derived from them, and
 * the ways to raise exceptions. Behaviour lives in the families of {@code insn}, {@code mmu} and
 * {@code sys}; this class is what they share. Register layouts: SDM vol. 3, chapter 2.
 */
public final class X86Cpu extends GuestCpu implements Snapshottable<CpuSnapshot.State> {
  // Exception vectors, SDM vol. 3, table 6-1.
  public static final int DE = 0;
  public static final int DB = 1;
  public static final int NMI_VECTOR = 2;
  public static final int BP = 3;
  public static final int OF = 4;
  public static final int BR = 5;
  public static final int UD = 6;
  public static final int NM = 7;
  public static final int DF = 8;
  public static final int TS = 10;
  public static final int NP = 11;
  public static final int SS_FAULT = 12;
  public static final int GP = 13;
  public static final int PF = 14;
  public static final int MF = 16;
  public static final int AC = 17;
  public static final int XM = 19;

  // Segment register numbers as encoded.
  public static final int ES = 0;
  public static final int CS = 1;
  public static final int SS = 2;
  public static final int DS = 3;
  public static final int FS = 4;
  public static final int GS = 5;

  /** Index of LDTR in {@link #segments}. */
  public static final int LDTR = 6;

  /** Index of TR in {@link #segments}. */
  public static final int TR = 7;

  // Mode bits: what a translation depends on.
  /** {@link #mode}: 64-bit code segment in long mode. */
  public static final int MODE_64 = 1;

  /** {@link #mode}: CS.D: default operand and address size 32. */
  public static final int MODE_CS32 = 2;

  /** {@link #mode}: SS.B: stack pointer is ESP (else SP); outside 64-bit code. */
  public static final int MODE_SS32 = 4;

  /** {@link #mode}: privilege level 3. */
  public static final int MODE_USER = 8;

  /** {@link #mode}: protected mode (CR0.PE) and not V8086. */
  public static final int MODE_PROTECTED = 16;

  /** {@link #mode}: CS, DS, ES or SS has a base other than 0 or a limit below 4 GiB. */
  public static final int MODE_SEGMENTED = 32;

  /** {@link #mode}: V8086. */
  public static final int MODE_V86 = 64;

  /** {@link #mode}: x87 and MMX instructions fault: CR0.EM or CR0.TS. */
  public static final int MODE_NO_FPU = 128;

  /** {@link #mode}: SSE faults: CR0.EM, CR0.TS or CR4.OSFXSR clear. */
  public static final int MODE_NO_SSE = 256;

  /** {@link #mode}: AVX enabled: CR4.OSXSAVE and XCR0 bits 2:1. */
  public static final int MODE_AVX = 512;

  /** {@link #mode}: CR0.TS, the only bit of CR0 that AVX heeds. */
  public static final int MODE_TASK_SWITCHED = 1024;

  /** Code may be executed only. */
  public static final int MODE_CS_UNREADABLE = 1 << 17;

  private static final int READ_ONLY_SHIFT = 11;

  // MMU modes: one TLB table each.
  private static final int MMU_KERNEL = 0;
  private static final int MMU_USER = 1;

  /** Supervisor with SMAP in force (CR4.SMAP, EFLAGS.AC clear): user pages are not readable. */
  private static final int MMU_KERNEL_SMAP = 2;

  private static final int MMU_MODES = 3;

  /** Segment registers 0-5, then LDTR and TR. */
  public final Segment[] segments = new Segment[8];

  /** Bases of segments 0-5 for effective addresses, kept equal to {@link #segments}. */
  public final long[] segmentBase = new long[6];

  public final DescriptorTable gdtr = new DescriptorTable();
  public final DescriptorTable idtr = new DescriptorTable();

  /** EFLAGS but for the six arithmetic flags (those are in {@link X86State}); bit 1 set. */
  public int eflagsHigh = Flags.FIXED;

  /** Present privilege level, 0 to 3. */
  public int cpl;

  public long cr0;
  public long cr2;
  public long cr3;
  public long cr4;
  public long xcr0 = 1;
  public long efer;
  public final long[] dr = new long[8];

  /** The exception in {@link #fault} belongs to a task that was just entered at this pc. */
  public boolean taskFault;

  public long taskFaultPc;

  /** {@link #beginImplicit}. */
  private boolean implicit;

  /** DR7 has breakpoints on ports. */
  public boolean ioBreakpoints;

  /** The running instruction entered a handler: no single-step trap follows it. */
  public boolean stepTrapLost;

  // MSRs that instructions use; the others are in sys.Msr.
  public long star;
  public long lstar;
  public long cstar;
  public long sfmask;
  public long kernelGsBase;
  public long tscAux;
  public long sysenterCs;
  public long sysenterEsp;
  public long sysenterEip;
  public long pat = 0x0007_0406_0007_0406L;
  public long miscEnable = 1;

  /** Added to the clock to give the TSC. */
  public long tscOffset;

  /** Remaining model-specific registers by number. */
  public final Map<Integer, Long> otherMsrs = new HashMap<>();

  /** SSE control and status. */
  public int mxcsr = 0x1f80;

  /** An instruction that raised #XM runs again: lanes collect in {@link #gatheredSse}. */
  public boolean gatheringSse;

  public int gatheredSse;

  /** The #GP in {@link #fault} is for a data address that is not canonical: #SS for the stack's. */
  public boolean nonCanonical;

  /** x87 and MMX registers. */
  public final X87State fpu = new X87State();

  /** Protection-key rights of user pages (SDM vol. 3, 4.6.2). */
  public int pkru;

  /** Physical addresses are masked by this for the A20 gate: bit 20 clear when closed. */
  public long a20Mask = -1;

  /** An NMI is being handled: the next waits for IRET. */
  public boolean nmiBlocked;

  /** Pages above 4 KiB that may be in the TLB: INVLPG has to forget all pieces of what it names. */
  public final PageFilter largePages = new PageFilter();

  /** Page tables are read through this. */
  public final PhysicalWindow physical;

  /** Model and features. */
  public final CpuModel model;

  /** Number from 0; the initial APIC ID. */
  public final int index;

  /** Port space, or null. */
  public final AddressSpace ports;

  public final VirtualClock clock;
  public final CpuPlatform platform;

  /** Guest-visible TSC frequency in Hz. */
  public static final long TSC_HZ = 1_000_000_000L;

  /** The kernel in user mode; null on a machine, where the guest brings its own. */
  public UserKernel userKernel;

  /** {@link #attention}. */
  private static final int REQUEST_ATTENTION = REQUEST_ISA;

  /** {@link #setA20}. */
  private static final int REQUEST_A20 = REQUEST_ISA << 1;

  private static final long A20 = 1 << 20;

  private volatile boolean a20Open = true;

  /** The home of the registers; {@link #state} without a virtual call. */
  public final X86State home = X86State.complete();

  public X86Cpu(
      Engine engine,
      int index,
      AddressSpace memory,
      AddressSpace ports,
      VirtualClock clock,
      CpuPlatform platform,
      CpuModel model) {
    super(engine, memory, MMU_MODES);
    this.index = index;
    this.ports = ports;
    this.clock = clock;
    this.platform = platform;
    this.model = model;
    this.physical = new PhysicalWindow(memory);
    for (int i = 0; i < segments.length; i++) {
      segments[i] = new Segment();
    }
    reset();
  }

  @Override
  public X86State state() {
    return home;
  }

  // ---------------------------------------------------------------- exceptions

  /** Prepares exception {@code vector} without error code; the caller throws it. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public GuestFault exception(int vector) {
    return exception(vector, -1);
  }

  /** Prepares exception {@code vector}; {@code errorCode} -1 means none. The caller throws it. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public GuestFault exception(int vector, long errorCode) {
    fault.kind = GuestFault.EXCEPTION;
    nonCanonical = false;
    fault.vector = vector;
    fault.errorCode = errorCode;
    return fault;
  }

  /** #GP(selector or 0), ready to throw. */
  public GuestFault gp(int errorCode) {
    return exception(GP, errorCode);
  }

  /** #UD, ready to throw. */
  public GuestFault ud() {
    return exception(UD, -1);
  }

  /** #PF at {@code gva}; CR2 is set when it is delivered. */
  public GuestFault pageFault(long gva, int errorCode) {
    fault.address = gva;
    return exception(PF, errorCode);
  }

  // ---------------------------------------------------------------- modes

  /**
   * Lets the following memory accesses run with the rights of {@code newCpl}: descriptor tables,
   * TSS and the stacks of interrupt delivery belong to the supervisor. The caller restores {@link
   * #cpl} in a {@code finally} or calls {@link #modeChanged}.
   */
  public void rights(int newCpl) {
    cpl = newCpl;
    home.tlb = table(mmuMode());
    alignment();
  }

  /** #AC: what CPL 3 accesses has to be aligned (SDM vol. 3, 6.15, interrupt 17). */
  private void alignment() {
    setChecksAlignment(cpl == 3 && (eflagsHigh & Flags.AC) != 0 && (cr0 & Cr.CR0_AM) != 0);
  }

  @Override
  protected RuntimeException misaligned(long gva) {
    return exception(AC, 0);
  }

  /**
   * Begins an access of the processor's own to a system data structure: the supervisor's whatever
   * the CPL, and under SMAP whatever EFLAGS.AC (SDM vol. 3, 4.6.1).
   *
   * @return what {@link #endImplicit} wants
   */
  public int beginImplicit() {
    int saved = cpl;
    implicit = true;
    rights(0);
    return saved;
  }

  /** Ends {@link #beginImplicit}. */
  public void endImplicit(int saved) {
    implicit = false;
    rights(saved);
  }

  /** {@link #beginImplicit} changes rights. */
  public boolean hasImplicitRights() {
    return cpl == 3 || (eflagsHigh & Flags.AC) != 0;
  }

  public boolean isLongMode() {
    return (efer & Cr.EFER_LMA) != 0;
  }

  public boolean is64Bit() {
    return (mode & MODE_64) != 0;
  }

  public boolean isProtected() {
    return (cr0 & Cr.CR0_PE) != 0;
  }

  public boolean isPaging() {
    return (cr0 & Cr.CR0_PG) != 0;
  }

  /**
   * Derives {@link #mode}, {@link #segmentBase} and the TLB table from the registers; to be called
   * after any change of CR0, CR4, EFER, XCR0, CPL, EFLAGS.AC/VM or a segment register.
   */
  public void modeChanged() {
    Segment cs = segments[CS];
    Segment ss = segments[SS];
    int m = 0;
    boolean v86 = (eflagsHigh & Flags.VM) != 0;
    boolean bits64 = isLongMode() && cs.isLong();
    if (bits64) {
      m |= MODE_64 | MODE_CS32 | MODE_SS32;
    } else {
      m |= cs.isDefault32() ? MODE_CS32 : 0;
      m |= ss.isDefault32() ? MODE_SS32 : 0;
      for (int i = ES; i <= DS; i++) {
        Segment seg = segments[i];
        if (seg.base != 0 || seg.limit != 0xffff_ffffL || (i == CS ? false : seg.isExpandDown())) {
          m |= MODE_SEGMENTED;
        }
      }
    }
    if (cpl == 3) {
      m |= MODE_USER;
    }
    if (isProtected() && !v86) {
      m |= MODE_PROTECTED;
      if (!bits64) {
        m |= restrictions();
      }
    }
    if (v86) {
      m |= MODE_V86 | MODE_SEGMENTED;
    }
    if ((cr0 & (Cr.CR0_EM | Cr.CR0_TS)) != 0) {
      m |= MODE_NO_FPU;
    }
    if ((cr0 & (Cr.CR0_EM | Cr.CR0_TS)) != 0 || (cr4 & Cr.CR4_OSFXSR) == 0) {
      m |= MODE_NO_SSE;
    }
    if ((cr4 & Cr.CR4_OSXSAVE) != 0 && (xcr0 & 6) == 6) {
      m |= MODE_AVX;
    }
    if ((cr0 & Cr.CR0_TS) != 0) {
      m |= MODE_TASK_SWITCHED;
    }
    mode = m;
    for (int i = 0; i < 6; i++) {
      segmentBase[i] = bits64 && i < FS ? 0 : segments[i].base;
    }
    home.tlb = table(mmuMode());
    alignment();
  }

  /** The bit of {@link #mode} that says: in protected mode, and nothing may be written there. */
  public static int readOnly(int segment) {
    return 1 << READ_ONLY_SHIFT + segment;
  }

  /** What the types of the segments forbid (SDM vol. 3, 5.5); null selectors have no type. */
  private int restrictions() {
    int m = 0;
    for (int i = 0; i < 6; i++) {
      Segment seg = segments[i];
      if (!seg.isNull() && !seg.isWritable()) {
        m |= readOnly(i);
      }
    }
    Segment cs = segments[CS];
    return cs.isCode() && !cs.isReadable() ? m | MODE_CS_UNREADABLE : m;
  }

  private int mmuMode() {
    if (cpl == 3) {
      return MMU_USER;
    }
    return isSmapInForce() ? MMU_KERNEL_SMAP : MMU_KERNEL;
  }

  /** True when supervisor data accesses to user pages must fault now. */
  public boolean isSmapInForce() {
    return (cr4 & Cr.CR4_SMAP) != 0 && (implicit || (eflagsHigh & Flags.AC) == 0);
  }

  /**
   * Runs {@code access} with supervisor rights whatever the CPL: descriptor tables, TSS and the
   * stacks of interrupt delivery. Restores the present rights afterwards, also when it faults.
   */
  public void asSupervisor(Runnable access) {
    int savedCpl = cpl;
    rights(0);
    try {
      access.run();
    } finally {
      rights(savedCpl);
    }
  }

  /** EFLAGS in full. */
  public long eflags() {
    return eflagsHigh | Flags.arithmetic(home);
  }

  /** Sets EFLAGS in full, without privilege checks; calls {@link #modeChanged}. */
  public void setEflags(long value) {
    Flags.setArithmetic(home, value);
    setEflagsHigh((int) value);
    modeChanged();
  }

  /** Sets all but the arithmetic flags; wakes pending interrupts when IF rises. */
  public void setEflagsHigh(int value) {
    eflagsHigh = (value & ~Flags.ARITHMETIC & 0x3f_7fd7) | Flags.FIXED;
    if (!hasBreakpoints()) {
      // Nobody could tell, and nobody would clear it after the next instruction.
      eflagsHigh &= ~Flags.RF;
    }
    if ((eflagsHigh & Flags.IF) != 0 && requests() != 0) {
      pending = 1;
    }
  }

  /** The dispatcher shall look at requests again (IF, TPR or APIC state changed). */
  public void recheckInterrupts() {
    pending = 1;
  }

  /** HLT: stops until an interrupt. */
  public void halt() {
    request(REQUEST_HALT);
  }

  /** Sets PKRU; what pages the TLB lets through depends on it. */
  public void setPkru(int value) {
    if (value != pkru && (cr4 & Cr.CR4_PKE) != 0) {
      PageWalk.flush(this);
    }
    pkru = value;
  }

  /** Leaves the halted state without an interrupt (start of a bare program). */
  public void clearHalt() {
    clearRequest(REQUEST_HALT);
  }

  /** Triple fault. */
  public void shutdown() {
    request(REQUEST_SHUTDOWN);
  }

  /**
   * An exception nobody could take: the one that was raised first, whose delivery ended in
   * shutdown.
   *
   * @param vector its number
   * @param errorCode its error code, -1 for none
   * @param address the faulting linear address of a page fault, else 0
   */
  public record Undeliverable(int vector, long errorCode, long address) {}

  /** What ended in the last {@link #shutdown}; null when that was no exception. */
  public Undeliverable undeliverable;

  /** Time-stamp counter; timers that are due by then have fired. */
  @TruffleBoundary
  public long tsc() {
    clock.catchUp();
    return clock.nanos() + tscOffset;
  }

  // ---------------------------------------------------------------- engine hooks

  @Override
  protected void walk(long gva, int access) {
    if (userKernel != null) {
      userKernel.walk(this, gva, access);
      return;
    }
    PageWalk.walk(this, gva, access);
  }

  @Override
  public long translate(long gva) {
    return userKernel != null ? super.translate(gva) : PageTables.translate(this, gva);
  }

  @Override
  public List<Mapping> mappings() {
    return PageTables.mappings(this);
  }

  /** Outside of 64-bit mode, targets of branches are shown as offsets in the code segment. */
  @Override
  public Instruction disassemble(byte[] code, int start, long address) {
    boolean bits64 = (mode & MODE_64) != 0;
    long pc = bits64 ? address : address - segments[CS].base;
    return Disassembler.at(code, start, pc, bits64 ? 64 : (mode & MODE_CS32) != 0 ? 32 : 16);
  }

  /** Outcome of a page walk, for {@link PageWalk}. */
  public void walked(long gpa, int permissions) {
    walkGpa = gpa & a20Mask;
    walkPermissions = permissions;
  }

  @Override
  protected void deliver() {
    if (userKernel != null) {
      int vector = InterruptDelivery.vectorOf(this);
      if (vector >= 0) {
        userKernel.exception(this, vector);
      }
      return;
    }
    if (taskFault) {
      home.pc = taskFaultPc;
    }
    InterruptDelivery.deliverFault(this);
  }

  @Override
  protected boolean acceptInterrupt(int requestBits) {
    if (userKernel != null) {
      clearRequest(REQUEST_ATTENTION);
      return userKernel.attend(this);
    }
    if ((requestBits & REQUEST_A20) != 0) {
      clearRequest(REQUEST_A20);
      takeA20();
    }
    return InterruptDelivery.acceptInterrupt(this, requestBits);
  }

  /** Makes the CPU call {@link UserKernel#attend} soon. Any thread. */
  public void attention() {
    request(REQUEST_ATTENTION);
  }

  /**
   * Forgets the data translations of one page whose mapping changed without code being involved:
   * blocks need not be checked again.
   */
  public void flushDataPage(long gva) {
    for (int i = 0; i < MMU_MODES; i++) {
      SoftTlb.flushPage(table(i), gva);
    }
  }

  @Override
  public void setA20(boolean open) {
    a20Open = open;
    request(REQUEST_A20);
  }

  private void takeA20() {
    long mask = a20Open ? -1 : ~A20;
    if (mask != a20Mask) {
      a20Mask = mask;
      PageWalk.flush(this);
    }
  }

  /** Withdraws an NMI request that is being delivered. */
  public void nmiTaken() {
    clearRequest(REQUEST_NMI);
  }

  @Override
  protected boolean isSingleStepping() {
    return (eflagsHigh & Flags.TF) != 0;
  }

  @Override
  protected void debugTrap(boolean stepped, int hits) {
    if (userKernel != null) {
      if (stepped && !stepTrapLost) {
        userKernel.debugTrap(this, UserKernel.TRAP_TRACE);
      }
      stepTrapLost = false;
      return;
    }
    DebugRegisters.trap(this, stepped, hits);
  }

  @Override
  protected boolean breakpoint(int hits) {
    return DebugRegisters.breakpoint(this, hits);
  }

  @Override
  protected void instructionStarts() {
    eflagsHigh &= ~Flags.RF;
    stepTrapLost = false;
  }

  @Override
  public boolean isHalted() {
    return (requests() & REQUEST_HALT) != 0
        && !((requests() & REQUEST_INTERRUPT) != 0 && (eflagsHigh & Flags.IF) != 0)
        && ((requests() & REQUEST_NMI) == 0 || nmiBlocked);
  }

  /** Halted, whatever waits. */
  public boolean waitsForInterrupt() {
    return (requests() & REQUEST_HALT) != 0;
  }

  /** An NMI has come and is not taken yet. */
  public boolean isNmiPending() {
    return (requests() & REQUEST_NMI) != 0;
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
    Arrays.fill(home.x, 0);
    Arrays.fill(home.y, 0);
    clearRequest(-1);
    takeA20();
    RegisterNames.reset(this);
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

  /** The state as the engine sees it. */
  public static X86State of(GuestState s) {
    return (X86State) s;
  }
}
