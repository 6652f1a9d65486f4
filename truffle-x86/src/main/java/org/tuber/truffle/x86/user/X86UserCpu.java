package org.tuber.truffle.x86.user;

import java.util.Arrays;
import org.tuber.core.cpu.CpuPlatform;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.time.VirtualClock;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.GuestCpu;
import org.tuber.truffle.engine.linux.Abi;
import org.tuber.truffle.engine.linux.GuestThread;
import org.tuber.truffle.engine.linux.LibraryProcess;
import org.tuber.truffle.engine.linux.SignalActions;
import org.tuber.truffle.engine.linux.SignalInfo;
import org.tuber.truffle.engine.linux.UserCpu;
import org.tuber.truffle.x86.mmu.PageWalk;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.UserKernel;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;
import org.tuber.truffle.x86.sys.CpuFeature;

/** The x86 CPU of a thread of a Linux program, 64-bit or i386. */
public final class X86UserCpu extends UserCpu implements UserKernel {
  /** Linux has no meaning for it: the instruction is a general protection fault elsewhere. */
  static final int TRAP_VECTOR = 0x82;

  /** 0x80: the gate of 32-bit system calls. */
  private static final int INT_80 = 0x80;

  private static final long LOW = 0xffff_ffffL;
  private static final int RAX = 0;
  private static final int RDX = 2;
  private static final int RSP = 4;
  private static final int[] INTEGER_ARGUMENTS = {7, 6, 2};

  /** Error code of a page fault; bit 15, as on no CPU, says that the mapping has no page there. */
  private static final int BUS_ERROR = 1 << 15;

  /** The same: the mapping does not allow it, whether or not the page is there. */
  private static final int FORBIDDEN = BUS_ERROR << 1;

  final X86Cpu cpu;
  // Attributes of segments: present, privilege 3, accessed.
  private static final int FLAT_CODE_32 = 0xc0fb;
  private static final int FLAT_CODE_64 = 0xa0fb;
  private static final int FLAT_DATA = 0xc0f3;
  private static final int LDT_ATTRIBUTES = 0x82;

  private final X86Linux linux;
  private final UserSegments segments;
  private final GuestRegisters registers;

  // The last exception, for signal frames.
  int lastTrap;
  long lastError;
  long lastAddress;

  /** A signal is on its way to its frame that a fault has caused. */
  private boolean isFault;

  X86UserCpu(
      X86Linux linux, GuestThread t, Engine engine, AddressSpace memory, VirtualClock clock) {
    this(linux, t, new X86Cpu(engine, 0, memory, null, clock, CpuPlatform.NONE, linux.model));
  }

  private X86UserCpu(X86Linux linux, GuestThread t, X86Cpu cpu) {
    super(t, cpu);
    this.linux = linux;
    this.cpu = cpu;
    cpu.userKernel = this;
    segments = new UserSegments(t, cpu);
    registers = new GuestRegisters(cpu);
  }

  static X86UserCpu of(GuestThread t) {
    return (X86UserCpu) t.cpu();
  }

  GuestThread thread() {
    return thread;
  }

  UserSegments segments() {
    return segments;
  }

  Abi i386() {
    return linux.i386;
  }

  /** For calling conventions. */
  public GuestRegisters registers() {
    return registers;
  }

  @Override
  public void close() {
    super.close();
    segments.release();
  }

  // ---------------------------------------------------------------- asked by the kernel

  @Override
  protected void attention() {
    cpu.attention();
  }

  @Override
  protected void flushDataPage(long gva) {
    cpu.flushDataPage(gva);
  }

  @Override
  protected void walked(long gpa, int permissions) {
    cpu.walked(gpa, permissions);
  }

  @Override
  protected RuntimeException pageFault(long gva, int access, PageFault why) {
    int code = 4;
    if (access == GuestCpu.ACCESS_WRITE) {
      code |= 2;
    } else if (access == GuestCpu.ACCESS_FETCH) {
      code |= 16;
    }
    return cpu.pageFault(
        gva,
        switch (why) {
          case NOT_MAPPED -> code;
          case FORBIDDEN -> code | FORBIDDEN | 1;
          case FORBIDDEN_ABSENT -> code | FORBIDDEN;
          case NO_PAGE -> code | BUS_ERROR;
        });
  }

  @Override
  protected long pc() {
    return cpu.home.pc;
  }

  @Override
  protected void setPc(long pc) {
    cpu.home.pc = pc;
  }

  @Override
  protected long stackPointer() {
    return cpu.home.r[RSP];
  }

  @Override
  protected void setStackPointer(long sp) {
    cpu.home.r[RSP] = sp;
  }

  @Override
  protected void begin(Abi abi, long pc, long sp) {
    initialize(cpu, abi.is32Bit);
    if (abi.is32Bit) {
      segments.clear();
    }
    cpu.home.r[RSP] = sp;
    cpu.home.pc = pc;
  }

  /** Registers as a kernel leaves them for a new program. */
  private static void initialize(X86Cpu c, boolean is32Bit) {
    c.reset();
    c.cr0 = Cr.CR0_PE | Cr.CR0_MP | Cr.CR0_ET | 1 << 5 | Cr.CR0_WP | Cr.CR0_AM | Cr.CR0_PG;
    long cr4 = Cr.CR4_PAE | Cr.CR4_OSFXSR | Cr.CR4_OSXMMEXCPT | Cr.CR4_FSGSBASE | Cr.CR4_OSXSAVE;
    c.cr4 = cr4 & c.model.cr4Mask();
    c.efer = Cr.EFER_LME | Cr.EFER_LMA | Cr.EFER_NXE | Cr.EFER_SCE;
    c.xcr0 = c.model.has(CpuFeature.XSAVE) ? c.model.xcr0Mask() & 7 : 1;
    c.cpl = 3;
    c.eflagsHigh = Flags.FIXED | Flags.IF;
    c.mxcsr = 0x1f80;
    c.fpu.initialize();
    for (int i = 0; i < 6; i++) {
      c.segments[i].set(0, 0, 0, 0);
    }
    setFlat(c, is32Bit);
    // Always there, mostly empty: a table whose size the threads need not tell each other.
    c.segments[X86Cpu.LDTR].set(
        0, LocalDescriptors.LDT_GVA, LocalDescriptors.LDT_BYTES - 1, LDT_ATTRIBUTES);
    c.segments[X86Cpu.TR].set(0, 0, 0, 0x8b);
    c.idtr.limit = 0;
    c.gdtr.base = UserSegments.GDT_GVA;
    c.gdtr.limit = UserSegments.GDT_BYTES - 1;
    Arrays.fill(c.home.r, 0);
    Arrays.fill(c.home.x, 0);
    Arrays.fill(c.home.y, 0);
    Flags.setArithmetic(c.home, 0);
    c.modeChanged();
  }

  /** The segments with which programs begin and handlers of signals are entered. */
  static void setFlat(X86Cpu c, boolean is32Bit) {
    if (is32Bit) {
      c.segments[X86Cpu.ES].set(UserSegments.SS, 0, 0xffff_ffffL, FLAT_DATA);
      c.segments[X86Cpu.DS].set(UserSegments.SS, 0, 0xffff_ffffL, FLAT_DATA);
    }
    int selector = is32Bit ? UserSegments.CS32 : UserSegments.CS64;
    c.segments[X86Cpu.CS].set(selector, 0, 0xffff_ffffL, is32Bit ? FLAT_CODE_32 : FLAT_CODE_64);
    c.segments[X86Cpu.SS].set(UserSegments.SS, 0, 0xffff_ffffL, FLAT_DATA);
  }

  @Override
  protected void copy(UserCpu parent) {
    X86UserCpu from = (X86UserCpu) parent;
    X86Cpu a = from.cpu;
    X86Cpu b = cpu;
    initialize(b, !a.is64Bit());
    System.arraycopy(a.home.r, 0, b.home.r, 0, a.home.r.length);
    System.arraycopy(a.home.x, 0, b.home.x, 0, a.home.x.length);
    b.home.fx = a.home.fx;
    b.home.fy = a.home.fy;
    b.home.fz = a.home.fz;
    b.home.fr = a.home.fr;
    b.home.fd = a.home.fd;
    b.home.pc = a.home.pc;
    System.arraycopy(a.home.y, 0, b.home.y, 0, a.home.y.length);
    b.mxcsr = a.mxcsr;
    FpuImage.copy(a.fpu, b.fpu);
    for (int i = 0; i < 6; i++) {
      b.segments[i].copyFrom(a.segments[i]);
    }
    if (!a.is64Bit()) {
      segments.copy(from.segments);
    }
    b.setEflagsHigh(a.eflagsHigh);
    b.modeChanged();
  }

  @Override
  protected void setThreadPointer(long tls, GuestThread reader) {
    if (cpu.is64Bit()) {
      cpu.segments[X86Cpu.FS].base = tls;
      cpu.segmentBase[X86Cpu.FS] = tls;
    } else {
      segments.setThreadArea(reader, tls);
    }
  }

  @Override
  protected void setResult(long result) {
    cpu.home.r[RAX] = cpu.is64Bit() ? result : result & LOW;
  }

  @Override
  protected void restart(int number) {
    cpu.home.r[RAX] = number;
    // SYSCALL, SYSENTER and INT 80h are all two bytes long.
    cpu.home.pc -= 2;
  }

  @Override
  protected void pushFrame(SignalInfo info, SignalActions.Action action) {
    if (cpu.is64Bit()) {
      SignalFrame.push(this, info, action);
    } else {
      SignalFrame32.push(this, info, action);
    }
  }

  // ---------------------------------------------------------------- asked by the CPU

  @Override
  public void walk(X86Cpu c, long gva, int access) {
    if (segments.isDescriptorTable(gva) && c.cpl == 0) {
      c.walked(segments.frame() | (gva & 4095), 3);
      return;
    }
    if (LocalDescriptors.isIn(gva) && c.cpl == 0) {
      c.walked(LocalDescriptors.frame(thread, gva) | (gva & 4095), 3);
      return;
    }
    if (c.is64Bit() && gva << 16 >> 16 != gva) {
      throw PageWalk.nonCanonical(c, gva, access);
    }
    thread.walk(gva, access);
  }

  @Override
  public void systemCall(X86Cpu c, boolean fast) {
    X86State s = c.home;
    if (c.is64Bit()) {
      s.r[1] = s.pc;
      s.r[11] = c.eflags();
      thread.systemCall(linux.amd64, (int) s.r[0], s.r[7], s.r[6], s.r[2], s.r[10], s.r[8], s.r[9]);
    } else {
      // Both need the vDSO, which is not there.
      raise(X86Cpu.UD, 0, 0);
    }
  }

  @Override
  public void softwareInterrupt(X86Cpu c, int vector) {
    X86State s = c.home;
    switch (vector) {
      case INT_80 ->
          thread.systemCall(
              linux.i386,
              (int) s.r[0],
              s.r[3] & LOW,
              s.r[1] & LOW,
              s.r[2] & LOW,
              s.r[6] & LOW,
              s.r[7] & LOW,
              s.r[5] & LOW);
      case X86Cpu.BP, X86Cpu.OF -> trap(vector, 0);
      default -> {
        if (vector == TRAP_VECTOR && thread.enterHost(s.pc - 2)) {
          return;
        }
        // Two bytes long; the fault is reported at the instruction.
        s.pc -= 2;
        raise(X86Cpu.GP, vector * 8L + 2, 0);
      }
    }
  }

  @Override
  public boolean attend(X86Cpu c) {
    return thread.attend();
  }

  @Override
  public void exception(X86Cpu c, int vector) {
    raise(vector, c.fault.errorCode, c.fault.address);
  }

  @Override
  public void debugTrap(X86Cpu c, int code) {
    trap(X86Cpu.DB, code);
  }

  /** An exception whose instruction is over. */
  private void trap(int vector, int code) {
    lastTrap = vector;
    lastError = 0;
    lastAddress = 0;
    long pc = cpu.home.pc;
    thread.fault(
        switch (vector) {
          case X86Cpu.DB -> SignalInfo.fault(SignalInfo.SIGTRAP, code, pc, vector);
          case X86Cpu.BP -> SignalInfo.fault(SignalInfo.SIGTRAP, SignalInfo.SI_KERNEL, 0, vector);
          default -> SignalInfo.fault(SignalInfo.SIGSEGV, SignalInfo.SI_KERNEL, 0, vector);
        });
  }

  /** EFLAGS of signal frames; that of a fault says that its instruction begins again. */
  long frameFlags() {
    return isFault ? cpu.eflags() | Flags.RF : cpu.eflags();
  }

  private void raise(int vector, long error, long address) {
    isFault = true;
    try {
      signal(vector, error, address);
    } finally {
      isFault = false;
    }
  }

  private void signal(int vector, long error, long address) {
    lastTrap = vector;
    lastError = error < 0 ? 0 : error & (BUS_ERROR - 1);
    if (vector == X86Cpu.PF && (cpu.is64Bit() ? address < 0 : address >= I386Abi.END)) {
      // What is in a kernel's half nobody is told.
      lastError |= 1;
    }
    lastAddress = vector == X86Cpu.PF ? address : 0;
    long pc = cpu.home.pc;
    thread.fault(
        switch (vector) {
          case X86Cpu.DE -> SignalInfo.fault(SignalInfo.SIGFPE, 1, pc, vector);
          case X86Cpu.UD -> SignalInfo.fault(SignalInfo.SIGILL, 2, pc, vector);
          case X86Cpu.MF ->
              SignalInfo.fault(SignalInfo.SIGFPE, fpuCode(cpu.fpu.status), pc, vector);
          case X86Cpu.XM ->
              SignalInfo.fault(
                  SignalInfo.SIGFPE, fpuCode(cpu.mxcsr & ~(cpu.mxcsr >> 7)), pc, vector);
          case X86Cpu.AC -> SignalInfo.fault(SignalInfo.SIGBUS, 1, 0, vector);
          case X86Cpu.NP, X86Cpu.SS_FAULT ->
              SignalInfo.fault(SignalInfo.SIGBUS, SignalInfo.SI_KERNEL, 0, vector);
          case X86Cpu.PF ->
              (error & BUS_ERROR) != 0
                  ? SignalInfo.fault(SignalInfo.SIGBUS, 2, address, vector)
                  : SignalInfo.fault(
                      SignalInfo.SIGSEGV, (error & FORBIDDEN) != 0 ? 2 : 1, address, vector);
          default -> SignalInfo.fault(SignalInfo.SIGSEGV, SignalInfo.SI_KERNEL, 0, vector);
        });
  }

  /** si_code of SIGFPE from exception flags. */
  private static int fpuCode(int flags) {
    if ((flags & 1) != 0) {
      return 7;
    }
    if ((flags & 4) != 0) {
      return 3;
    }
    if ((flags & 8) != 0) {
      return 4;
    }
    return (flags & 0x12) != 0 ? 5 : 6;
  }

  // ---------------------------------------------------------------- calls of guest functions

  private record Saved(long[] registers, long pc, long flags, int mxcsr, int control, int fpuTop) {}

  @Override
  protected Object saveCall() {
    return new Saved(
        cpu.home.r.clone(), cpu.home.pc, cpu.eflags(), cpu.mxcsr, cpu.fpu.control, cpu.fpu.top);
  }

  @Override
  protected void restoreCall(Object saved, boolean returned) {
    Saved s = (Saved) saved;
    System.arraycopy(s.registers, 0, cpu.home.r, 0, s.registers.length);
    cpu.home.pc = s.pc;
    if (!returned) {
      cpu.fpu.valid = 0;
      cpu.fpu.status = 0;
      cpu.fpu.top = s.fpuTop;
      cpu.setEflags(s.flags);
    }
    cpu.mxcsr = s.mxcsr;
    cpu.fpu.control = s.control;
  }

  @Override
  protected int redZoneBytes() {
    return 128;
  }

  private int word() {
    return cpu.is64Bit() ? 8 : 4;
  }

  @Override
  protected void enterFunction(LibraryProcess p, long function, long sp, long back) {
    cpu.home.r[RSP] = sp - word();
    p.writeWord(sp - word(), back);
    cpu.home.pc = function;
  }

  @Override
  protected boolean isBalanced(long sp) {
    return cpu.home.r[RSP] == sp;
  }

  @Override
  protected void leaveHostFunction(LibraryProcess p) {
    long sp = cpu.home.r[RSP];
    cpu.home.pc = p.readWord(sp);
    cpu.home.r[RSP] = sp + word();
  }

  @Override
  protected byte[] placeIntegers(long... arguments) {
    boolean wide = cpu.is64Bit();
    byte[] stack = new byte[wide ? 0 : 4 * arguments.length];
    for (int i = 0; i < arguments.length; i++) {
      if (wide) {
        cpu.home.r[INTEGER_ARGUMENTS[i]] = arguments[i];
      } else {
        for (int j = 0; j < 4; j++) {
          stack[4 * i + j] = (byte) (arguments[i] >>> 8 * j);
        }
      }
    }
    return stack;
  }

  @Override
  protected long integerResult() {
    return cpu.is64Bit() ? cpu.home.r[RAX] : cpu.home.r[RAX] & LOW;
  }

  @Override
  protected long finishFunction() {
    return cpu.home.r[RDX];
  }
}
