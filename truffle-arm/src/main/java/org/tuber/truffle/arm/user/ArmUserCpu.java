package org.tuber.truffle.arm.user;

import org.tuber.core.cpu.ArmPlatform;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.time.VirtualClock;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.state.Nzcv;
import org.tuber.truffle.arm.state.Reg;
import org.tuber.truffle.arm.state.Sctlr;
import org.tuber.truffle.arm.state.Syndrome;
import org.tuber.truffle.arm.state.Tcr;
import org.tuber.truffle.arm.state.UserKernel;
import org.tuber.truffle.arm.sys.CpuModel;
import org.tuber.truffle.arm.sys.RandomNumbers;
import org.tuber.truffle.arm.sys.SystemRegisters;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.GuestCpu;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.engine.linux.Abi;
import org.tuber.truffle.engine.linux.Errno;
import org.tuber.truffle.engine.linux.GuestThread;
import org.tuber.truffle.engine.linux.LibraryProcess;
import org.tuber.truffle.engine.linux.SignalActions;
import org.tuber.truffle.engine.linux.SignalInfo;
import org.tuber.truffle.engine.linux.UserCpu;

/** The AArch64 CPU of a thread of a Linux program, at EL0 for good. */
public final class ArmUserCpu extends UserCpu implements UserKernel {
  private static final int LR = 30;
  private static final int FPEN = 3 << 20;

  /** CNTKCTL_EL1: EL0 reads both counters. */
  private static final int COUNTERS = 3;

  /** Addresses without the tag, which is ignored. */
  private static final long ADDRESS = 0x00ff_ffff_ffff_ffffL;

  // MRS Xt, S3_0_C0_Cm_op2.
  private static final int MRS_ID_MASK = 0xffff_f000;
  private static final int MRS_ID = 0xd538_0000;

  final ArmCpu cpu;
  private Abi abi;

  // The last exception, for signal frames.
  long faultAddress;
  long faultSyndrome;

  /** X0 at the beginning of the system call under way. */
  private long firstArgument;

  /** A translation of a tagged address was made: there may be several of one page. */
  private boolean isTagged;

  ArmUserCpu(
      CpuModel model, GuestThread t, Engine engine, AddressSpace memory, VirtualClock clock) {
    this(t, new ArmCpu(engine, 0, memory, clock, ArmPlatform.NONE, model, false, false));
  }

  private ArmUserCpu(GuestThread t, ArmCpu cpu) {
    super(t, cpu);
    this.cpu = cpu;
    cpu.userKernel = this;
  }

  GuestThread thread() {
    return thread;
  }

  Abi abi() {
    return abi;
  }

  // ---------------------------------------------------------------- asked by the kernel

  @Override
  protected void attention() {
    cpu.attention();
  }

  @Override
  protected void flushDataPage(long gva) {
    if (isTagged) {
      cpu.flushData();
    } else {
      cpu.flushDataPage(gva);
    }
  }

  @Override
  protected void walked(long gpa, int permissions) {
    cpu.walked(gpa, permissions);
  }

  /** External aborts are, as on a kernel, bus errors. */
  @Override
  protected RuntimeException pageFault(long gva, int access, PageFault why) {
    int status =
        switch (why) {
          case NOT_MAPPED -> Syndrome.TRANSLATION | 3;
          case FORBIDDEN, FORBIDDEN_ABSENT -> Syndrome.PERMISSION | 3;
          case NO_PAGE -> Syndrome.EXTERNAL;
        };
    return access == GuestCpu.ACCESS_FETCH
        ? cpu.instructionAbort(gva, status)
        : cpu.dataAbort(gva, access == GuestCpu.ACCESS_WRITE ? status | Syndrome.WNR : status);
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
    return cpu.home.r[ArmState.SP];
  }

  @Override
  protected void setStackPointer(long sp) {
    cpu.home.r[ArmState.SP] = sp;
  }

  @Override
  protected void begin(Abi newAbi, long pc, long sp) {
    abi = newAbi;
    initialize();
    if (cpu.hasPointerAuth) {
      for (int i = Reg.APIA_LO; i <= Reg.APGA_HI; i++) {
        cpu.sys[i] = RandomNumbers.next(cpu);
      }
    }
    cpu.home.pc = pc;
    cpu.home.r[ArmState.SP] = sp;
  }

  /** EL0 as Linux sets it up: see SCTLR_EL1 in asm/sysreg.h. */
  private void initialize() {
    cpu.reset();
    cpu.setLevel(0, false);
    cpu.setDaif(0);
    cpu.sys[Reg.SCTLR_EL1] =
        Sctlr.M
            | Sctlr.C
            | Sctlr.I
            | Sctlr.SA0
            | Sctlr.DZE
            | Sctlr.UCT
            | Sctlr.UCI
            | Sctlr.NTWI
            | Sctlr.NTWE
            | (cpu.hasPointerAuth ? Sctlr.ENIA | Sctlr.ENIB | Sctlr.ENDA | Sctlr.ENDB : 0);
    cpu.sys[Reg.CPACR_EL1] = FPEN;
    cpu.sys[Reg.CNTKCTL_EL1] = COUNTERS;
    cpu.sys[Reg.TCR_EL1] = Tcr.TBI0;
    cpu.modeChanged();
  }

  @Override
  protected void copy(UserCpu parent) {
    ArmUserCpu from = (ArmUserCpu) parent;
    ArmCpu a = from.cpu;
    abi = from.abi;
    initialize();
    System.arraycopy(a.home.r, 0, cpu.home.r, 0, a.home.r.length);
    System.arraycopy(a.home.v, 0, cpu.home.v, 0, a.home.v.length);
    System.arraycopy(a.sys, 0, cpu.sys, 0, a.sys.length);
    Nzcv.set(cpu.home, Nzcv.get(a.home));
    cpu.home.fpsr = a.home.fpsr;
    cpu.home.pc = a.home.pc;
    cpu.setFpcr(a.fpcr);
  }

  @Override
  protected void setThreadPointer(long tls, GuestThread reader) {
    cpu.sys[Reg.TPIDR_EL0] = tls;
  }

  @Override
  protected void setResult(long result) {
    cpu.home.r[0] = result;
  }

  @Override
  protected void restart(int number) {
    cpu.home.r[0] = firstArgument;
    cpu.home.pc -= 4;
  }

  @Override
  protected void pushFrame(SignalInfo info, SignalActions.Action action) {
    SignalFrame.push(this, info, action);
  }

  // ---------------------------------------------------------------- asked by the CPU

  @Override
  public void walk(long gva, int access) {
    long address = gva & ADDRESS;
    isTagged |= address != gva;
    thread.walk(address, access);
  }

  @Override
  public void supervisorCall() {
    ArmState s = cpu.home;
    firstArgument = s.r[0];
    cpu.exclusiveGva = -1;
    faultAddress = 0;
    faultSyndrome = 0;
    thread.systemCall((int) s.r[8], s.r[0], s.r[1], s.r[2], s.r[3], s.r[4], s.r[5]);
  }

  @Override
  public boolean attend() {
    return thread.attend();
  }

  @Override
  public void exception() {
    GuestFault f = cpu.fault;
    long pc = cpu.home.pc;
    long address = f.address;
    faultAddress = address;
    faultSyndrome = f.errorCode;
    cpu.exclusiveGva = -1;
    switch (f.vector) {
      case Syndrome.DATA_ABORT_SAME, Syndrome.INSTRUCTION_ABORT_SAME -> {
        // At EL0 the class is that of a lower level.
        faultSyndrome -= 1L << Syndrome.EC_SHIFT;
        thread.fault(abort((int) f.errorCode & 0x3f, address));
      }
      case Syndrome.PC_ALIGNMENT -> thread.fault(signal(SignalInfo.SIGBUS, 1, address));
      case Syndrome.SP_ALIGNMENT ->
          thread.fault(signal(SignalInfo.SIGBUS, 1, cpu.home.r[ArmState.SP]));
      case Syndrome.BRK64 -> thread.fault(signal(SignalInfo.SIGTRAP, 1, pc));
      case Syndrome.POINTER_AUTHENTICATION -> thread.fault(signal(SignalInfo.SIGILL, 2, pc));
      default -> undefined(pc);
    }
  }

  private static SignalInfo signal(int number, int code, long address) {
    return SignalInfo.fault(number, code, address, 0);
  }

  private static SignalInfo abort(int status, long address) {
    if (status == Syndrome.ALIGNMENT) {
      return signal(SignalInfo.SIGBUS, 1, address);
    }
    if (status == Syndrome.EXTERNAL) {
      return signal(SignalInfo.SIGBUS, 2, address);
    }
    boolean forbidden = (status & ~3) == Syndrome.PERMISSION;
    return signal(SignalInfo.SIGSEGV, forbidden ? 2 : 1, address);
  }

  /** An undefined instruction: ours, one that the kernel emulates, or SIGILL. */
  private void undefined(long pc) {
    int insn = 0;
    try {
      byte[] b = thread.bytes(pc, 4);
      insn = b[0] & 0xff | (b[1] & 0xff) << 8 | (b[2] & 0xff) << 16 | b[3] << 24;
    } catch (Errno e) {
      // Another thread unmapped it.
      insn = 0;
    }
    if (insn == Arm64Abi.TRAP_INSTRUCTION && thread.enterHost(pc)) {
      return;
    }
    if ((insn & MRS_ID_MASK) == MRS_ID && readIdentification(insn)) {
      cpu.home.pc = pc + 4;
      return;
    }
    thread.fault(signal(SignalInfo.SIGILL, 1, pc));
  }

  /** Identification registers are readable for programs (HWCAP_CPUID). */
  private boolean readIdentification(int insn) {
    cpu.el = 1;
    try {
      long value = SystemRegisters.read(cpu, insn & 0xffff_ffffL);
      if ((insn & 31) != 31) {
        cpu.home.r[insn & 31] = value;
      }
      return true;
    } catch (GuestFault e) {
      return false;
    } finally {
      cpu.el = 0;
    }
  }

  // ---------------------------------------------------------------- calls of guest functions

  private record Saved(long[] registers, long[] vectors, long pc, int nzcv, int fpcr) {}

  @Override
  protected Object saveCall() {
    ArmState s = cpu.home;
    return new Saved(s.r.clone(), s.v.clone(), s.pc, Nzcv.get(s), cpu.fpcr);
  }

  @Override
  protected void restoreCall(Object saved, boolean returned) {
    Saved s = (Saved) saved;
    System.arraycopy(s.registers, 0, cpu.home.r, 0, s.registers.length);
    System.arraycopy(s.vectors, 0, cpu.home.v, 0, s.vectors.length);
    cpu.home.pc = s.pc;
    Nzcv.set(cpu.home, s.nzcv);
    cpu.setFpcr(s.fpcr);
  }

  @Override
  protected int redZoneBytes() {
    return 0;
  }

  @Override
  protected void enterFunction(LibraryProcess p, long function, long sp, long back) {
    cpu.home.r[ArmState.SP] = sp;
    cpu.home.r[LR] = back;
    cpu.home.pc = function;
  }

  @Override
  protected boolean isBalanced(long sp) {
    return cpu.home.r[ArmState.SP] == sp;
  }

  @Override
  protected void leaveHostFunction(LibraryProcess p) {
    cpu.home.pc = cpu.home.r[LR];
  }

  @Override
  protected byte[] placeIntegers(long... arguments) {
    System.arraycopy(arguments, 0, cpu.home.r, 0, arguments.length);
    return new byte[0];
  }

  @Override
  protected long integerResult() {
    return cpu.home.r[0];
  }

  @Override
  protected long finishFunction() {
    return cpu.home.r[0];
  }

  /** SP, for calling conventions. */
  public long sp() {
    return cpu.home.r[ArmState.SP];
  }

  /** X0 to X7. */
  public long get(int register) {
    return cpu.home.r[register];
  }

  public void set(int register, long value) {
    cpu.home.r[register] = value;
  }

  /** Low half of V0 to V7. */
  public long vector(int register) {
    return cpu.home.v[2 * register];
  }

  /** Sets the low half of a vector register; the rest becomes zero. */
  public void setVector(int register, long value) {
    cpu.home.v[2 * register] = value;
    cpu.home.v[2 * register + 1] = 0;
  }
}
