package org.tuber.truffle.x86.sys;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import org.tuber.truffle.x86.mmu.PageWalk;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.DescriptorTable;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.Segment;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;
import org.tuber.truffle.x86.state.X87State;

/**
 * The state of an x86 CPU as snapshots keep it. What can be derived (modes, translations, the TLB)
 * is not part of it, nor are the levels of INTR and A20, which those who drive them put back; the
 * task priority is the local APIC's.
 */
public final class CpuSnapshot {
  private static final int GENERAL = 16;
  private static final int VECTOR_WORDS = 32;
  private static final int SEGMENTS = 8;
  private static final int DEBUG = 8;

  private CpuSnapshot() {}

  /**
   * State.
   *
   * @param general RAX RCX RDX RBX RSP RBP RSI RDI R8 to R15
   * @param pc linear address of the next instruction
   * @param eflags in full
   * @param xmm XMM0 to XMM15, low half first
   * @param ymm bits 255:128 of YMM0 to YMM15, low half first
   * @param mxcsr SSE control and status
   * @param fpu x87 and MMX
   * @param segments ES CS SS DS FS GS LDTR TR
   * @param gdtr descriptor table register
   * @param idtr descriptor table register
   * @param control CR0 CR2 CR3 CR4
   * @param xcr0 extended control
   * @param efer extended features
   * @param cpl privilege level
   * @param pkru protection keys
   * @param debug DR0 to DR7
   * @param msrs model-specific registers by number
   * @param tscOffset what is added to the clock to give the TSC
   * @param nmiBlocked an NMI is being handled
   * @param nmiPending another one waits
   * @param interruptShadow the next instruction comes before any interrupt
   * @param debugShadow hits wait until the next instruction is through
   * @param halted waits for an interrupt
   * @param instructions executed since reset, about
   */
  public record State(
      long[] general,
      long pc,
      long eflags,
      long[] xmm,
      long[] ymm,
      int mxcsr,
      Fpu fpu,
      List<SegmentState> segments,
      TableState gdtr,
      TableState idtr,
      long[] control,
      long xcr0,
      long efer,
      int cpl,
      int pkru,
      long[] debug,
      List<MsrState> msrs,
      long tscOffset,
      boolean nmiBlocked,
      boolean nmiPending,
      boolean interruptShadow,
      boolean debugShadow,
      boolean halted,
      long instructions) {}

  /**
   * x87 and MMX.
   *
   * @param significand of R0 to R7
   * @param signExponent of R0 to R7
   * @param control FCW
   * @param status FSW with TOP
   * @param valid abridged tag word
   * @param lastOpcode FOP
   * @param lastIp FIP
   * @param lastCs FCS
   * @param lastDp FDP
   * @param lastDs FDS
   */
  public record Fpu(
      long[] significand,
      int[] signExponent,
      int control,
      int status,
      int valid,
      int lastOpcode,
      long lastIp,
      int lastCs,
      long lastDp,
      int lastDs) {}

  /**
   * A segment register with its hidden part.
   *
   * @param selector visible part
   * @param base linear address
   * @param limit in bytes
   * @param attributes descriptor bits 8-15 and 20-23
   */
  public record SegmentState(int selector, long base, long limit, int attributes) {}

  /**
   * GDTR or IDTR.
   *
   * @param base linear address
   * @param limit in bytes
   */
  public record TableState(long base, int limit) {}

  /**
   * A model-specific register.
   *
   * @param number as in ECX
   * @param value its contents
   */
  public record MsrState(int number, long value) {}

  // MSRs with a field of their own in X86Cpu.
  private static final int SYSENTER_CS = 0x174;
  private static final int SYSENTER_ESP = 0x175;
  private static final int SYSENTER_EIP = 0x176;
  private static final int MISC_ENABLE = 0x1a0;
  private static final int PAT = 0x277;
  private static final int STAR = 0xc000_0081;
  private static final int LSTAR = 0xc000_0082;
  private static final int CSTAR = 0xc000_0083;
  private static final int SFMASK = 0xc000_0084;
  private static final int KERNEL_GS_BASE = 0xc000_0102;
  private static final int TSC_AUX = 0xc000_0103;

  /** The present state. */
  public static State save(X86Cpu c) {
    List<SegmentState> segments = new ArrayList<>();
    for (Segment g : c.segments) {
      segments.add(new SegmentState(g.selector, g.base, g.limit, g.attributes));
    }
    return new State(
        Arrays.copyOf(c.home.r, GENERAL),
        c.home.pc,
        c.eflags(),
        Arrays.copyOf(c.home.x, VECTOR_WORDS),
        Arrays.copyOf(c.home.y, VECTOR_WORDS),
        c.mxcsr,
        saveFpu(c.fpu),
        segments,
        new TableState(c.gdtr.base, c.gdtr.limit),
        new TableState(c.idtr.base, c.idtr.limit),
        new long[] {c.cr0, c.cr2, c.cr3, c.cr4},
        c.xcr0,
        c.efer,
        c.cpl,
        c.pkru,
        c.dr.clone(),
        saveMsrs(c),
        c.tscOffset,
        c.nmiBlocked,
        c.isNmiPending(),
        c.interruptShadow,
        c.debugShadow,
        c.waitsForInterrupt(),
        c.home.instructions);
  }

  private static Fpu saveFpu(X87State f) {
    return new Fpu(
        f.significand.clone(),
        f.signExponent.clone(),
        f.control,
        f.statusWord(),
        f.valid,
        f.lastOpcode,
        f.lastIp,
        f.lastCs,
        f.lastDp,
        f.lastDs);
  }

  private static List<MsrState> saveMsrs(X86Cpu c) {
    TreeMap<Integer, Long> all = new TreeMap<>(c.otherMsrs);
    all.put(SYSENTER_CS, c.sysenterCs);
    all.put(SYSENTER_ESP, c.sysenterEsp);
    all.put(SYSENTER_EIP, c.sysenterEip);
    all.put(MISC_ENABLE, c.miscEnable);
    all.put(PAT, c.pat);
    all.put(STAR, c.star);
    all.put(LSTAR, c.lstar);
    all.put(CSTAR, c.cstar);
    all.put(SFMASK, c.sfmask);
    all.put(KERNEL_GS_BASE, c.kernelGsBase);
    all.put(TSC_AUX, c.tscAux);
    List<MsrState> states = new ArrayList<>();
    all.forEach((number, value) -> states.add(new MsrState(number, value)));
    return states;
  }

  private static void check(boolean ok, String component) {
    if (!ok) {
      throw new IllegalArgumentException(component + " cannot be that of this CPU");
    }
  }

  private static void check(X86Cpu c, State s) {
    check(s.general.length == GENERAL, "general");
    check(s.xmm.length == VECTOR_WORDS && s.ymm.length == VECTOR_WORDS, "xmm");
    check(s.fpu.significand.length == 8 && s.fpu.signExponent.length == 8, "fpu");
    check(s.segments.size() == SEGMENTS, "segments");
    check(s.control.length == 4 && s.debug.length == DEBUG, "control");
    check(s.cpl >= 0 && s.cpl <= 3, "cpl");
    check(s.instructions >= 0, "instructions");
    boolean lma = (s.efer & Cr.EFER_LME) != 0 && (s.control[0] & Cr.CR0_PG) != 0;
    check(lma == ((s.efer & Cr.EFER_LMA) != 0), "efer");
    check(!lma || c.model.has(CpuFeature.LM), "efer");
    for (SegmentState g : s.segments) {
      check(
          g.limit >>> 32 == 0 && g.selector >>> 16 == 0 && (g.attributes & ~0xf0ff) == 0, "limit");
    }
  }

  /** Replaces the state. */
  public static void load(X86Cpu c, State s) {
    check(c, s);
    c.clearHalt();
    c.nmiTaken();
    X86State home = c.home;
    System.arraycopy(s.general, 0, home.r, 0, GENERAL);
    System.arraycopy(s.xmm, 0, home.x, 0, VECTOR_WORDS);
    System.arraycopy(s.ymm, 0, home.y, 0, VECTOR_WORDS);
    c.mxcsr = s.mxcsr;
    loadFpu(c.fpu, s.fpu);
    for (int i = 0; i < SEGMENTS; i++) {
      SegmentState g = s.segments.get(i);
      c.segments[i].set(g.selector, g.base, g.limit, g.attributes);
    }
    loadTable(c.gdtr, s.gdtr);
    loadTable(c.idtr, s.idtr);
    c.cr0 = s.control[0] | Cr.CR0_ET;
    c.cr2 = s.control[1];
    c.cr3 = s.control[2];
    c.cr4 = s.control[3];
    c.xcr0 = s.xcr0;
    c.efer = s.efer;
    c.cpl = s.cpl;
    c.pkru = s.pkru;
    System.arraycopy(s.debug, 0, c.dr, 0, DEBUG);
    c.tscOffset = s.tscOffset;
    c.nmiBlocked = s.nmiBlocked;
    c.interruptShadow = s.interruptShadow;
    c.debugShadow = s.debugShadow;
    c.taskFault = false;
    home.pc = s.pc;
    home.instructions = s.instructions;
    c.otherMsrs.clear();
    s.msrs.forEach(m -> loadMsr(c, m.number, m.value));
    DebugRegisters.apply(c);
    // Flags after the breakpoints, on which RF depends.
    Flags.setArithmetic(home, s.eflags);
    c.setEflagsHigh((int) s.eflags);
    c.modeChanged();
    PageWalk.flush(c);
    if (s.nmiPending) {
      c.nmi();
    }
    if (s.halted) {
      c.halt();
    }
    c.recheckInterrupts();
  }

  private static void loadFpu(X87State f, Fpu s) {
    System.arraycopy(s.significand, 0, f.significand, 0, 8);
    for (int i = 0; i < 8; i++) {
      f.signExponent[i] = s.signExponent[i] & 0xffff;
    }
    f.control = X87State.controlBits(s.control);
    f.setStatusWord(s.status);
    f.valid = s.valid & 0xff;
    f.lastOpcode = s.lastOpcode & 0x7ff;
    f.lastIp = s.lastIp;
    f.lastCs = s.lastCs & 0xffff;
    f.lastDp = s.lastDp;
    f.lastDs = s.lastDs & 0xffff;
  }

  private static void loadTable(DescriptorTable t, TableState s) {
    t.base = s.base;
    t.limit = s.limit & 0xffff;
  }

  private static void loadMsr(X86Cpu c, int number, long value) {
    switch (number) {
      case SYSENTER_CS -> c.sysenterCs = value;
      case SYSENTER_ESP -> c.sysenterEsp = value;
      case SYSENTER_EIP -> c.sysenterEip = value;
      case MISC_ENABLE -> c.miscEnable = value;
      case PAT -> c.pat = value;
      case STAR -> c.star = value;
      case LSTAR -> c.lstar = value;
      case CSTAR -> c.cstar = value;
      case SFMASK -> c.sfmask = value;
      case KERNEL_GS_BASE -> c.kernelGsBase = value;
      case TSC_AUX -> c.tscAux = value;
      default -> c.otherMsrs.put(number, value);
    }
  }
}
