package org.tuber.truffle.x86.sys;

import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.mmu.PageWalk;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.Segment;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * Hardware task switches, outside long mode: far JMP and CALL to a TSS or task gate, task gates in
 * the IDT, IRET with NT set (SDM vol. 3, chapter 7).
 *
 * <p>Everything up to the new task's segment selectors is checked before anything is changed, so
 * that those faults belong to the old task. Descriptors are loaded afterwards: their faults belong
 * to the new task, whose first instruction they point at ({@link X86Cpu#taskFault}).
 *
 * <p>Deviation: a 16-bit TSS clears the upper halves of the general registers, which the manual
 * leaves undefined.
 */
final class TaskSwitch {
  /** JMP: the old task is over. */
  static final int JMP = 0;

  /** CALL, and exceptions and interrupts: the new task is nested in the old. */
  static final int CALL = 1;

  /** IRET: back to the task that the link names. */
  static final int IRET = 2;

  private static final int TSS32_LIMIT = 0x67;
  private static final int TSS16_LIMIT = 0x2b;

  /** DR7: L0 to L3 and LE, which hold for one task only. */
  private static final long DR7_LOCAL = 0x155;

  /** TSS type: 32 bits, and the S bit and bits of the type that all TSS have. */
  private static final int TYPE_32 = 8;

  private static final int TYPE_MASK = 0x15;
  private static final int TYPE_TSS = 1;

  private static final int[] DATA = {X86Cpu.ES, X86Cpu.DS, X86Cpu.FS, X86Cpu.GS};

  /** Offsets of one of the two formats. */
  private record Format(
      boolean bits32,
      int limit,
      int eip,
      int flags,
      int registers,
      int segments,
      int segmentStride,
      int segmentCount,
      int ldt) {
    int width() {
      return bits32 ? 4 : 2;
    }

    /** The last byte that a switch away from a task stores. */
    int lastSaved() {
      return segments + (segmentCount - 1) * segmentStride + 1;
    }
  }

  private static final Format FORMAT32 =
      new Format(true, TSS32_LIMIT, 0x20, 0x24, 0x28, 0x48, 4, 6, 0x60);
  private static final Format FORMAT16 =
      new Format(false, TSS16_LIMIT, 0x0e, 0x10, 0x12, 0x22, 2, 4, 0x2a);

  private static final int CR3_OFFSET = 0x1c;
  private static final int TRAP_OFFSET = 0x64;

  /** What the TSS of the new task says. */
  private static final class Image {
    final long[] registers = new long[8];
    final int[] segments = new int[6];
    long cr3;
    long eip;
    long flags;
    int ldt;
    boolean trap;
  }

  private TaskSwitch() {}

  private static Format format(int type) {
    return (type & TYPE_32) != 0 ? FORMAT32 : FORMAT16;
  }

  /** Far JMP or CALL to a TSS whose privileges allow it, or through a gate that does. */
  static void jump(X86Cpu c, int selector, boolean call) {
    long d = descriptor(c, selector, X86Cpu.GP, false, 0);
    switchTo(c, selector, d, call ? CALL : JMP, c.home.pc, c.eflags(), 0);
  }

  /** JMP or CALL through a task gate. */
  static void gate(X86Cpu c, int selector, long gate, boolean call) {
    if (Descriptors.dpl(gate) < c.cpl || Descriptors.dpl(gate) < (selector & 3)) {
      throw Descriptors.fault(c, X86Cpu.GP, selector, 0);
    }
    if (!Descriptors.isPresent(gate)) {
      throw Descriptors.fault(c, X86Cpu.NP, selector, 0);
    }
    jump(c, (int) (gate >>> 16) & 0xffff, call);
  }

  /**
   * An exception or interrupt whose gate is a task gate.
   *
   * @param flags as they would be pushed
   */
  static void interrupt(X86Cpu c, long gate, long returnPc, long flags, long errorCode, int ext) {
    int selector = (int) (gate >>> 16) & 0xffff;
    long d = descriptor(c, selector, X86Cpu.GP, false, ext);
    boolean bits32 = (Descriptors.type(d) & TYPE_32) != 0;
    switchTo(c, selector, d, CALL, returnPc, flags, ext);
    if (errorCode >= 0) {
      inNewTask(
          c,
          () -> {
            SystemStack stack = SystemStack.current(c, bits32 ? 4 : 2);
            stack.push(errorCode);
            c.home.r[4] = stack.pointer(c.home.r[4]);
          });
    }
  }

  /** IRET with NT set. */
  static void iret(X86Cpu c) {
    int selector = Descriptors.load16(c, c.segments[X86Cpu.TR].base);
    long d = descriptor(c, selector, X86Cpu.TS, true, 0);
    switchTo(c, selector, d, IRET, c.home.pc, c.eflags() & ~(long) Flags.NT, 0);
  }

  /** The descriptor of the new task's TSS, busy or not as it has to be. */
  private static long descriptor(X86Cpu c, int selector, int vector, boolean busy, int ext) {
    if ((selector & 4) != 0 || Descriptors.isNull(selector)) {
      throw Descriptors.fault(c, vector, selector, ext);
    }
    long d = Descriptors.load(c, selector, vector, ext);
    boolean isTss = ((int) (d >>> 40) & TYPE_MASK) == TYPE_TSS;
    if (!isTss || (Descriptors.type(d) & Descriptors.TSS_BUSY) != 0 != busy) {
      throw Descriptors.fault(c, vector, selector, ext);
    }
    if (!Descriptors.isPresent(d)) {
      throw Descriptors.fault(c, X86Cpu.NP, selector, ext);
    }
    if (Descriptors.limit(d) < format(Descriptors.type(d)).limit) {
      throw Descriptors.fault(c, X86Cpu.TS, selector, ext);
    }
    return d;
  }

  private static void switchTo(
      X86Cpu c, int selector, long d, int source, long returnPc, long flags, int ext) {
    Segment tr = c.segments[X86Cpu.TR];
    Format from = format(tr.attributes);
    Format to = format(Descriptors.type(d));
    long base = Descriptors.base(d);
    int cpl = c.cpl;
    boolean committed = false;
    c.rights(0);
    Image image;
    try {
      if (tr.limit < from.lastSaved()) {
        throw Descriptors.fault(c, X86Cpu.TS, tr.selector, ext);
      }
      image = read(c, base, to);
      probe(c, tr.base + from.eip, tr.base + from.lastSaved());
      if (source == CALL) {
        probe(c, base, base + 1);
      }
      probeDescriptor(c, selector);
      probeDescriptor(c, tr.selector);
      committed = true;
    } finally {
      if (!committed) {
        c.rights(cpl);
      }
    }
    // From here on the old task cannot fault.
    if (source != CALL) {
      setBusy(c, tr.selector, false);
    }
    save(c, tr.base, from, returnPc, flags);
    if (source == CALL) {
      SoftTlb.store16(c.home, c, Descriptors.linear(c, base), tr.selector);
      image.flags |= Flags.NT;
    }
    if (source != IRET) {
      setBusy(c, selector, true);
    }
    Descriptors.set(tr, selector, d);
    tr.attributes |= Descriptors.TSS_BUSY;
    c.cr0 |= Cr.CR0_TS;
    if (to.bits32 && c.isPaging()) {
      c.cr3 = image.cr3;
      PageWalk.flush(c);
    }
    c.dr[7] &= ~DR7_LOCAL;
    DebugRegisters.apply(c);
    enter(c, image);
    if (image.trap) {
      c.debugHits |= DebugRegisters.HIT_TASK;
    }
  }

  private static Image read(X86Cpu c, long base, Format f) {
    Image image = new Image();
    image.eip = load(c, base + f.eip, f.width());
    image.flags = load(c, base + f.flags, f.width());
    for (int i = 0; i < 8; i++) {
      image.registers[i] = load(c, base + f.registers + (long) i * f.width(), f.width());
    }
    for (int i = 0; i < f.segmentCount; i++) {
      image.segments[i] = Descriptors.load16(c, base + f.segments + (long) i * f.segmentStride);
    }
    image.ldt = Descriptors.load16(c, base + f.ldt);
    if (f.bits32) {
      image.cr3 = load(c, base + CR3_OFFSET, 4);
      image.trap = (Descriptors.load16(c, base + TRAP_OFFSET) & 1) != 0;
    }
    return image;
  }

  private static long load(X86Cpu c, long gva, int width) {
    return width == 4 ? Descriptors.load32(c, gva) : Descriptors.load16(c, gva);
  }

  private static void probe(X86Cpu c, long first, long last) {
    SoftTlb.writableHost(c.home, c, Descriptors.linear(c, first), 1);
    SoftTlb.writableHost(c.home, c, Descriptors.linear(c, last), 1);
  }

  private static void probeDescriptor(X86Cpu c, int selector) {
    long at = Descriptors.address(c, selector, 8);
    if (at != -1) {
      probe(c, at + 5, at + 5);
    }
  }

  private static void setBusy(X86Cpu c, int selector, boolean busy) {
    long at = Descriptors.address(c, selector, 8);
    if (at != -1) {
      Descriptors.setBusy(c, selector, Descriptors.load64(c, at), busy);
    }
  }

  private static void save(X86Cpu c, long base, Format f, long returnPc, long flags) {
    X86State s = c.home;
    store(c, base + f.eip, f.width(), SegLoad.offset(c, returnPc));
    store(c, base + f.flags, f.width(), flags);
    for (int i = 0; i < 8; i++) {
      store(c, base + f.registers + (long) i * f.width(), f.width(), s.r[i]);
    }
    for (int i = 0; i < f.segmentCount; i++) {
      store(c, base + f.segments + (long) i * f.segmentStride, 2, c.segments[i].selector);
    }
  }

  private static void store(X86Cpu c, long gva, int width, long value) {
    if (width == 4) {
      SoftTlb.store32(c.home, c, Descriptors.linear(c, gva), value);
    } else {
      SoftTlb.store16(c.home, c, Descriptors.linear(c, gva), value);
    }
  }

  // ---------------------------------------------------------------- in the new task

  private static void enter(X86Cpu c, Image image) {
    X86State s = c.home;
    System.arraycopy(image.registers, 0, s.r, 0, 8);
    boolean v86 = (image.flags & Flags.VM) != 0;
    for (int i = 0; i < 6; i++) {
      c.segments[i].set(image.segments[i], 0, 0, 0);
    }
    c.segments[X86Cpu.LDTR].set(image.ldt, 0, 0, 0);
    c.cpl = v86 ? 3 : image.segments[X86Cpu.CS] & 3;
    s.pc = image.eip;
    // Also the bits that instructions cannot load; calls modeChanged.
    c.setEflags(image.flags);
    inNewTask(
        c,
        () -> {
          loadLdt(c, image.ldt);
          if (v86) {
            for (int i = 0; i < 6; i++) {
              SegLoad.loadReal(c, i, image.segments[i]);
            }
          } else {
            loadCode(c, image.segments[X86Cpu.CS]);
          }
          s.pc = SegLoad.linearPc(c, image.eip);
          if (!v86) {
            loadStack(c, image.segments[X86Cpu.SS]);
            for (int i : DATA) {
              loadData(c, i, image.segments[i]);
            }
          }
          if (image.eip > c.segments[X86Cpu.CS].limit) {
            throw c.gp(0);
          }
        });
  }

  /** Runs {@code action} so that its faults are the new task's. */
  private static void inNewTask(X86Cpu c, Runnable action) {
    boolean done = false;
    try {
      action.run();
      done = true;
    } finally {
      c.modeChanged();
      if (!done && c.fault.kind == GuestFault.EXCEPTION) {
        c.taskFault = true;
        c.taskFaultPc = c.home.pc;
      }
    }
  }

  private static void loadLdt(X86Cpu c, int selector) {
    if (Descriptors.isNull(selector)) {
      return;
    }
    if ((selector & 4) != 0) {
      throw Descriptors.fault(c, X86Cpu.TS, selector, 0);
    }
    long d = Descriptors.load(c, selector, X86Cpu.TS, 0);
    if (Descriptors.isSegment(d)
        || Descriptors.type(d) != Descriptors.LDT
        || !Descriptors.isPresent(d)) {
      throw Descriptors.fault(c, X86Cpu.TS, selector, 0);
    }
    Descriptors.set(c.segments[X86Cpu.LDTR], selector, d);
  }

  private static long segment(X86Cpu c, int selector) {
    if (Descriptors.isNull(selector)) {
      throw Descriptors.fault(c, X86Cpu.TS, selector, 0);
    }
    return Descriptors.load(c, selector, X86Cpu.TS, 0);
  }

  private static void loadCode(X86Cpu c, int selector) {
    long d = segment(c, selector);
    int rpl = selector & 3;
    int dpl = Descriptors.dpl(d);
    if (!Descriptors.isCode(d) || (Descriptors.isConforming(d) ? dpl > rpl : dpl != rpl)) {
      throw Descriptors.fault(c, X86Cpu.TS, selector, 0);
    }
    set(c, X86Cpu.CS, selector, d, X86Cpu.NP);
  }

  private static void loadStack(X86Cpu c, int selector) {
    long d = segment(c, selector);
    if (!Descriptors.isWritableData(d) || Descriptors.dpl(d) != c.cpl || (selector & 3) != c.cpl) {
      throw Descriptors.fault(c, X86Cpu.TS, selector, 0);
    }
    set(c, X86Cpu.SS, selector, d, X86Cpu.SS_FAULT);
  }

  private static void loadData(X86Cpu c, int register, int selector) {
    if (Descriptors.isNull(selector)) {
      return;
    }
    long d = Descriptors.load(c, selector, X86Cpu.TS, 0);
    int dpl = Descriptors.dpl(d);
    if (!Descriptors.isReadable(d)
        || !Descriptors.isConforming(d) && (c.cpl > dpl || (selector & 3) > dpl)) {
      throw Descriptors.fault(c, X86Cpu.TS, selector, 0);
    }
    set(c, register, selector, d, X86Cpu.NP);
  }

  private static void set(X86Cpu c, int register, int selector, long d, int missing) {
    if (!Descriptors.isPresent(d)) {
      throw Descriptors.fault(c, missing, selector, 0);
    }
    Descriptors.set(c.segments[register], selector, Descriptors.accessed(c, selector, d));
  }
}
