package org.tuber.truffle.x86.sys;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.truffle.engine.GuestCpu;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.x86.insn.SseExceptions;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.Segment;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * Interrupts and exceptions: from the vector to the handler's first instruction (SDM vol. 3,
 * chapter 6, and vol. 2, INT n).
 */
public final class InterruptDelivery {
  private static final Logger LOG = LoggerFactory.getLogger(InterruptDelivery.class);

  // Sources, by what they mean for error codes and privilege.
  /** INT n, INT3, INTO: the gate's DPL counts, EXT is clear. */
  static final int SOFTWARE = 0;

  /** An exception of the running instruction, INT1. */
  static final int EXCEPTION = 1;

  /** INTR or NMI. */
  static final int EXTERNAL = 2;

  /** Error code: the index is one of the IDT. */
  private static final int ERROR_IDT = 2;

  private static final int CLEARED_IN_HANDLER = Flags.TF | Flags.NT | Flags.RF | Flags.VM;

  private InterruptDelivery() {}

  /**
   * What the exception in {@link GuestCpu#fault} is in the end; {@code pc} is the faulting
   * instruction.
   *
   * @return a vector, or -1: the instruction has been completed
   */
  public static int vectorOf(X86Cpu c) {
    GuestFault f = c.fault;
    if (f.vector == X86Cpu.XM) {
      return SseExceptions.resolve(c);
    }
    boolean isStack = f.vector == X86Cpu.GP && c.nonCanonical && StackReference.isAt(c, f.address);
    return isStack ? X86Cpu.SS_FAULT : f.vector;
  }

  /** Delivers the exception in {@link GuestCpu#fault}; {@code pc} is the faulting instruction. */
  public static void deliverFault(X86Cpu c) {
    GuestFault f = c.fault;
    int vector = vectorOf(c);
    if (vector < 0) {
      return;
    }
    long errorCode = f.errorCode;
    c.taskFault = false;
    int firstVector = vector;
    long firstErrorCode = errorCode;
    long firstAddress = vector == X86Cpu.PF ? f.address : 0;
    while (true) {
      if (vector == X86Cpu.PF) {
        c.cr2 = f.address;
      }
      try {
        deliver(c, vector, errorCode, EXCEPTION, c.home.pc);
        return;
      } catch (GuestFault second) {
        c.taskFault = false;
        if (vector == X86Cpu.DF) {
          LOG.info(
              "CPU {}: triple fault at {}:0x{}",
              c.index,
              Integer.toHexString(c.segments[X86Cpu.CS].selector),
              Long.toHexString(c.home.pc));
          c.undeliverable = new X86Cpu.Undeliverable(firstVector, firstErrorCode, firstAddress);
          c.shutdown();
          return;
        }
        if (isContributory(second.vector) && (isContributory(vector) || vector == X86Cpu.PF)
            || second.vector == X86Cpu.PF && vector == X86Cpu.PF) {
          vector = X86Cpu.DF;
          errorCode = 0;
        } else {
          vector = second.vector;
          errorCode = second.errorCode;
        }
      }
    }
  }

  private static boolean isContributory(int vector) {
    return vector == X86Cpu.DE || vector >= X86Cpu.TS && vector <= X86Cpu.GP;
  }

  /**
   * Takes an NMI or a maskable interrupt.
   *
   * @return true when the CPU went to a handler
   */
  public static boolean acceptInterrupt(X86Cpu c, int requestBits) {
    int vector;
    if ((requestBits & GuestCpu.REQUEST_NMI) != 0 && !c.nmiBlocked) {
      c.nmiTaken();
      c.nmiBlocked = true;
      vector = X86Cpu.NMI_VECTOR;
    } else if ((requestBits & GuestCpu.REQUEST_INTERRUPT) != 0 && (c.eflagsHigh & Flags.IF) != 0) {
      vector = c.platform.acknowledgeInterrupt();
      if (vector < 0) {
        return false;
      }
    } else {
      return false;
    }
    try {
      deliver(c, vector, -1, EXTERNAL, c.home.pc);
    } catch (GuestFault f) {
      deliverFault(c);
    }
    return true;
  }

  /** INT n, INT3, INTO: from the running instruction, to be continued at {@code next}. */
  static void software(X86Cpu c, int vector, long next) {
    if (c.userKernel != null) {
      c.userKernel.softwareInterrupt(c, vector);
      return;
    }
    // The handler is entered with TF clear: this instruction cannot be stepped.
    c.stepTrapLost = true;
    deliver(c, vector, -1, SOFTWARE, next);
  }

  /** INT n, which unlike INT3 and INTO asks for IOPL in virtual-8086 mode. */
  static void numbered(X86Cpu c, int vector, long next) {
    if (c.userKernel == null && (c.eflagsHigh & Flags.VM) != 0) {
      if (VirtualInterrupts.isRedirected(c, vector)) {
        c.stepTrapLost = true;
        VirtualInterrupts.redirect(c, vector, next);
        return;
      }
      if ((c.eflagsHigh & Flags.IOPL) != Flags.IOPL) {
        throw c.gp(0);
      }
    }
    software(c, vector, next);
  }

  /**
   * Goes to the handler of {@code vector}; {@code returnPc} is pushed. Nothing but memory below the
   * handler's stack has changed when this faults.
   */
  static void deliver(X86Cpu c, int vector, long errorCode, int source, long returnPc) {
    int cpl = c.cpl;
    boolean delivered = false;
    try {
      if (!c.isProtected()) {
        deliverReal(c, vector, returnPc);
      } else if (c.isLongMode()) {
        deliverLong(c, vector, errorCode, source, returnPc);
      } else {
        deliverProtected(c, vector, errorCode, source, returnPc);
      }
      delivered = true;
      if (vector == X86Cpu.DB && source == EXCEPTION) {
        DebugRegisters.entered(c);
      }
    } finally {
      if (!delivered && !c.taskFault) {
        c.rights(cpl);
      }
    }
  }

  // ---------------------------------------------------------------- real mode

  private static void deliverReal(X86Cpu c, int vector, long returnPc) {
    X86State s = c.home;
    if (vector * 4 + 3 > c.idtr.limit) {
      throw c.gp(vector * 8 + ERROR_IDT);
    }
    long entry = Descriptors.load32(c, c.idtr.base + vector * 4L);
    SystemStack stack = SystemStack.current(c, 2);
    stack.push(c.eflags());
    stack.push(c.segments[X86Cpu.CS].selector);
    stack.push(SegLoad.offset(c, returnPc));
    s.r[4] = stack.pointer(s.r[4]);
    c.setEflagsHigh(c.eflagsHigh & ~(Flags.IF | Flags.TF | Flags.AC | Flags.RF));
    SegLoad.loadReal(c, X86Cpu.CS, (int) (entry >>> 16) & 0xffff);
    s.pc = SegLoad.linearPc(c, entry & 0xffff);
    c.modeChanged();
  }

  // ---------------------------------------------------------------- long mode

  private static void deliverLong(X86Cpu c, int vector, long errorCode, int source, long returnPc) {
    X86State s = c.home;
    int ext = source == SOFTWARE ? 0 : 1;
    int idtError = vector * 8 + ERROR_IDT + ext;
    int oldCpl = c.cpl;
    if (vector * 16 + 15 > c.idtr.limit) {
      throw c.gp(idtError);
    }
    c.rights(0);
    long gateAddress = c.idtr.base + vector * 16L;
    long gate = Descriptors.load64(c, gateAddress);
    int type = (int) (gate >>> 40) & 31;
    if (type != Descriptors.INTERRUPT_GATE32 && type != Descriptors.TRAP_GATE32) {
      throw c.gp(idtError);
    }
    if (source == SOFTWARE && Descriptors.dpl(gate) < oldCpl) {
      throw c.gp(idtError);
    }
    if (!Descriptors.isPresent(gate)) {
      throw c.exception(X86Cpu.NP, idtError);
    }
    long target =
        (gate & 0xffff)
            | (gate >>> 32 & 0xffff_0000L)
            | Descriptors.load32(c, gateAddress + 8) << 32;
    int selector = (int) (gate >>> 16) & 0xffff;
    long cs = handlerCode(c, selector, oldCpl, ext);
    if (!Descriptors.isLong(cs) || Descriptors.isDefault32(cs)) {
      throw Descriptors.fault(c, X86Cpu.GP, selector, ext);
    }
    int newCpl = Descriptors.isConforming(cs) ? oldCpl : Descriptors.dpl(cs);
    int ist = (int) (gate >>> 32) & 7;
    long rsp = s.r[4];
    if (ist != 0) {
      rsp = stackFromTss64(c, 28 + 8 * ist, ext);
    } else if (newCpl != oldCpl) {
      rsp = stackFromTss64(c, 4 + 8 * newCpl, ext);
    }
    if (!FarTransfer.isCanonical(c, rsp)) {
      throw c.exception(X86Cpu.SS_FAULT, ext);
    }
    Segment ss = c.segments[X86Cpu.SS];
    SystemStack stack = new SystemStack(c, 0, -1L, 0, rsp & ~15L, 8, ext);
    c.rights(newCpl);
    stack.push(ss.selector);
    stack.push(s.r[4]);
    stack.push(pushedFlags(c, vector, source));
    stack.push(c.segments[X86Cpu.CS].selector);
    stack.push(SegLoad.offset(c, returnPc));
    if (errorCode >= 0) {
      stack.push(errorCode);
    }
    c.rights(0);
    if (!FarTransfer.isCanonical(c, target)) {
      throw c.gp(ext);
    }
    cs = Descriptors.accessed(c, selector, cs);
    // From here on nothing faults.
    s.r[4] = stack.pointer(0);
    if (newCpl != oldCpl) {
      ss.set(newCpl, 0, 0, 0);
    }
    Descriptors.set(c.segments[X86Cpu.CS], (selector & ~3) | newCpl, cs);
    c.cpl = newCpl;
    int cleared = CLEARED_IN_HANDLER | (type == Descriptors.INTERRUPT_GATE32 ? Flags.IF : 0);
    c.setEflagsHigh(c.eflagsHigh & ~cleared);
    s.pc = target;
    c.modeChanged();
  }

  private static long stackFromTss64(X86Cpu c, int offset, int ext) {
    Segment tr = c.segments[X86Cpu.TR];
    if (offset + 7 > tr.limit) {
      throw Descriptors.fault(c, X86Cpu.TS, tr.selector, ext);
    }
    return Descriptors.load64(c, tr.base + offset);
  }

  // ---------------------------------------------------------------- protected mode

  private static void deliverProtected(
      X86Cpu c, int vector, long errorCode, int source, long returnPc) {
    int ext = source == SOFTWARE ? 0 : 1;
    int idtError = vector * 8 + ERROR_IDT + ext;
    int oldCpl = c.cpl;
    if (vector * 8 + 7 > c.idtr.limit) {
      throw c.gp(idtError);
    }
    c.rights(0);
    long gate = Descriptors.load64(c, c.idtr.base + vector * 8L);
    int type = (int) (gate >>> 40) & 31;
    boolean gate16 = type == Descriptors.INTERRUPT_GATE16 || type == Descriptors.TRAP_GATE16;
    if (type != Descriptors.INTERRUPT_GATE32
        && type != Descriptors.TRAP_GATE32
        && type != Descriptors.TASK_GATE
        && !gate16) {
      throw c.gp(idtError);
    }
    if (source == SOFTWARE && Descriptors.dpl(gate) < oldCpl) {
      throw c.gp(idtError);
    }
    if (!Descriptors.isPresent(gate)) {
      throw c.exception(X86Cpu.NP, idtError);
    }
    if (type == Descriptors.TASK_GATE) {
      c.rights(oldCpl);
      TaskSwitch.interrupt(c, gate, returnPc, pushedFlags(c, vector, source), errorCode, ext);
      return;
    }
    long target = (gate & 0xffff) | (gate16 ? 0 : gate >>> 32 & 0xffff_0000L);
    int selector = (int) (gate >>> 16) & 0xffff;
    long cs = handlerCode(c, selector, oldCpl, ext);
    int newCpl = Descriptors.isConforming(cs) ? oldCpl : Descriptors.dpl(cs);
    boolean v86 = (c.eflagsHigh & Flags.VM) != 0;
    if (v86 && newCpl != 0) {
      throw Descriptors.fault(c, X86Cpu.GP, selector, ext);
    }
    enterProtected(
        c,
        new Entry(vector, errorCode, source, returnPc, gate16 ? 2 : 4, oldCpl, newCpl, ext),
        selector,
        cs,
        target,
        (type & 1) == 0);
  }

  /** What is pushed and how. */
  private record Entry(
      int vector,
      long errorCode,
      int source,
      long returnPc,
      int width,
      int oldCpl,
      int newCpl,
      int ext) {}

  private static void enterProtected(
      X86Cpu c, Entry e, int selector, long code, long target, boolean interruptGate) {
    X86State s = c.home;
    boolean v86 = (c.eflagsHigh & Flags.VM) != 0;
    Segment oldSs = c.segments[X86Cpu.SS];
    SystemStack stack;
    int newSs = 0;
    long ssDescriptor = 0;
    boolean inner = e.newCpl != e.oldCpl;
    if (inner) {
      long pointer = InnerStack.load(c, e.newCpl, e.ext);
      newSs = (int) (pointer >>> 32);
      ssDescriptor = InnerStack.descriptor(c, newSs, e.newCpl, e.ext);
      stack =
          new SystemStack(
              c,
              Descriptors.base(ssDescriptor),
              Descriptors.limit(ssDescriptor),
              Descriptors.attributes(ssDescriptor),
              pointer & 0xffff_ffffL,
              e.width,
              (newSs & 0xfffc) | e.ext);
    } else {
      stack = new SystemStack(c, oldSs.base, oldSs.limit, oldSs.attributes, s.r[4], e.width, e.ext);
    }
    c.rights(e.newCpl);
    if (v86) {
      stack.push(c.segments[X86Cpu.GS].selector);
      stack.push(c.segments[X86Cpu.FS].selector);
      stack.push(c.segments[X86Cpu.DS].selector);
      stack.push(c.segments[X86Cpu.ES].selector);
    }
    if (inner) {
      stack.push(oldSs.selector);
      stack.push(s.r[4]);
    }
    stack.push(pushedFlags(c, e.vector, e.source));
    stack.push(c.segments[X86Cpu.CS].selector);
    stack.push(SegLoad.offset(c, e.returnPc));
    if (e.errorCode >= 0) {
      stack.push(e.errorCode);
    }
    c.rights(0);
    if (target > Descriptors.limit(code)) {
      throw c.gp(e.ext);
    }
    long cs = Descriptors.accessed(c, selector, code);
    if (inner) {
      ssDescriptor = Descriptors.accessed(c, newSs, ssDescriptor);
      Descriptors.set(oldSs, newSs, ssDescriptor);
    }
    // From here on nothing faults.
    if (v86) {
      for (int i : new int[] {X86Cpu.GS, X86Cpu.FS, X86Cpu.DS, X86Cpu.ES}) {
        c.segments[i].set(0, 0, 0, 0);
      }
    }
    s.r[4] = stack.pointer(s.r[4]);
    Descriptors.set(c.segments[X86Cpu.CS], (selector & ~3) | e.newCpl, cs);
    c.cpl = e.newCpl;
    int cleared = CLEARED_IN_HANDLER | (interruptGate ? Flags.IF : 0);
    c.setEflagsHigh(c.eflagsHigh & ~cleared);
    s.pc = SegLoad.linearPc(c, target);
    c.modeChanged();
  }

  // ---------------------------------------------------------------- shared

  /** Checks the handler's code segment; returns its descriptor. */
  private static long handlerCode(X86Cpu c, int selector, int oldCpl, int ext) {
    if (Descriptors.isNull(selector)) {
      throw c.gp(ext);
    }
    long cs = Descriptors.load(c, selector, X86Cpu.GP, ext);
    if (!Descriptors.isCode(cs) || Descriptors.dpl(cs) > oldCpl) {
      throw Descriptors.fault(c, X86Cpu.GP, selector, ext);
    }
    if (!Descriptors.isPresent(cs)) {
      throw Descriptors.fault(c, X86Cpu.NP, selector, ext);
    }
    return cs;
  }

  private static long pushedFlags(X86Cpu c, int vector, int source) {
    long flags = c.eflags();
    return source == EXCEPTION && vector != X86Cpu.DB ? flags | Flags.RF : flags;
  }
}
