package org.tuber.truffle.x86.oracle;

import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.tuber.core.cpu.CpuPlatform;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.time.ManualClock;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.engine.InstructionBatch;
import org.tuber.truffle.x86.X86Isa;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Segment;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;
import org.tuber.truffle.x86.sys.CpuModel;

/**
 * The guest CPU as Linux runs a process: long mode, CPL 3, its segments and selectors, code and
 * data pages at the addresses of {@link HostCpu}. Every gate of the IDT leads to a HLT of its own
 * in the supervisor's memory, so that a run ends in the stack frame of the exception.
 */
final class GuestMachine implements AutoCloseable {
  private static final long TABLES = 0x1000;
  private static final long IDT = 0x6000;
  private static final long GDT = 0x7000;
  private static final long TSS = 0x8000;
  private static final long STACK = 0xf000;
  private static final long HANDLERS = 0x1_0000;
  private static final int HANDLER_BYTES = 16;
  private static final long CODE_RAM = 0x10_0000;
  private static final long DATA_RAM = 0x10_4000;
  private static final long RAM_BYTES = 0x20_0000;
  private static final int HLT = 0xf4;

  private static final int USER_CS32 = 0x23;
  private static final int USER_DS = 0x2b;
  private static final int USER_CS = 0x33;
  private static final long CODE64 = 0x00af_fb00_0000_ffffL;
  private static final long CODE32 = 0x00cf_fb00_0000_ffffL;
  private static final long DATA32 = 0x00cf_f300_0000_ffffL;

  /** Vectors that push an error code. */
  private static final int WITH_ERROR_CODE = 1 << 8 | 0x1f << 10 | 1 << 17;

  private static final long BUDGET = 100_000;

  final X86Cpu cpu;
  private final GuestRam ram = new GuestRam(RAM_BYTES);
  private final Engine engine;
  private final X86State s;
  private final byte[] codePages = new byte[CpuState.CODE_BYTES];

  GuestMachine(Engine.Options options) {
    AddressSpace memory = new AddressSpace("memory", 0, new ReentrantLock());
    memory.mapRam(0, RAM_BYTES, ram, 0);
    engine = new Engine(new X86Isa(), null, options);
    cpu =
        new X86Cpu(
            engine,
            0,
            memory,
            new AddressSpace("io", 0x10000, new ReentrantLock()),
            new ManualClock(0),
            CpuPlatform.NONE,
            CpuModel.of(Map.of("model", "max")));
    s = cpu.home;
    tables();
    cpu.cr3 = TABLES;
    cpu.cr0 = Cr.CR0_PE | Cr.CR0_PG | Cr.CR0_WP | Cr.CR0_NE | Cr.CR0_MP | Cr.CR0_ET | Cr.CR0_AM;
    cpu.cr4 = Cr.CR4_PAE | Cr.CR4_OSFXSR | Cr.CR4_OSXMMEXCPT | Cr.CR4_OSXSAVE | Cr.CR4_FSGSBASE;
    cpu.xcr0 = 7;
    cpu.efer = Cr.EFER_LME | Cr.EFER_LMA | Cr.EFER_NXE | Cr.EFER_SCE;
    cpu.gdtr.base = GDT;
    cpu.gdtr.limit = 0x7f;
    cpu.idtr.base = IDT;
    cpu.idtr.limit = 0xfff;
    cpu.segments[X86Cpu.TR].set(0x40, TSS, 0x67, 0x8b);
    cpu.modeChanged();
    cpu.flushTlb();
  }

  private void tables() {
    // The first 2 MiB are the supervisor's, code and data the user's.
    ram.store64(TABLES, 0x2007);
    ram.store64(0x2000, 0x3007);
    ram.store64(0x2000 + 8 * (CpuState.CODE >> 30), 0x3007);
    ram.store64(0x3000, 0x83);
    ram.store64(0x3000 + 8 * (CpuState.CODE >> 21 & 511), 0x4007);
    for (int i = 0; i < CpuState.CODE_BYTES >> 12; i++) {
      ram.store64(0x4000 + 8 * ((CpuState.CODE >> 12 & 511) + i), CODE_RAM + 4096L * i + 7);
    }
    for (int i = 0; i < CpuState.DATA_BYTES >> 12; i++) {
      long pte = DATA_RAM + 4096L * i + 7 | 1L << 63;
      ram.store64(0x4000 + 8 * ((CpuState.DATA >> 12 & 511) + i), pte);
    }
    // The descriptors of Linux by their selectors, accessed bits set.
    ram.store64(GDT + 0x08, 0x00cf_9b00_0000_ffffL);
    ram.store64(GDT + 0x10, 0x00af_9b00_0000_ffffL);
    ram.store64(GDT + 0x18, 0x00cf_9300_0000_ffffL);
    ram.store64(GDT + 0x20, CODE32);
    ram.store64(GDT + 0x28, DATA32);
    ram.store64(GDT + 0x30, CODE64);
    ram.store64(GDT + 0x40, 0x0000_8b00_0000_0067L | TSS << 16);
    ram.store64(TSS + 4, STACK);
    ram.store16(TSS + 0x66, 0x68);
    for (int v = 0; v < 256; v++) {
      long at = HANDLERS + (long) HANDLER_BYTES * v;
      ram.store8(at, HLT);
      int dpl = v == 3 || v == 4 ? 3 : 0;
      long low =
          at & 0xffff | 0x10L << 16 | (long) (0x8e | dpl << 5) << 40 | (at >>> 16 & 0xffff) << 48;
      ram.store64(IDT + 16L * v, low);
    }
  }

  /** Fills the code pages. */
  void setCode(byte[] pages) {
    int first = Arrays.mismatch(codePages, pages);
    if (first < 0) {
      return;
    }
    int end = pages.length;
    while (codePages[end - 1] == pages[end - 1]) {
      end--;
    }
    System.arraycopy(pages, first, codePages, first, end - first);
    ram.write(CODE_RAM + first, pages, first, end - first);
    for (int at = first; at < end; at = (at | 4095) + 1) {
      engine.codePages().written(ram, CODE_RAM + at, Math.min(end, (at | 4095) + 1) - at);
    }
  }

  /** What has become of the code pages. */
  void getCode(byte[] pages) {
    ram.read(CODE_RAM, codePages, 0, codePages.length);
    System.arraycopy(codePages, 0, pages, 0, pages.length);
  }

  /** Maps one of the two data pages with these low bits of its entry: present, writable, user. */
  void mapData(int page, int bits) {
    long pte = DATA_RAM + 4096L * page + bits | 1L << 63;
    ram.store64(0x4000 + 8 * ((CpuState.DATA >> 12 & 511) + page), pte);
    cpu.flushTlb();
  }

  /** What {@code in} looks like when nothing happens. */
  void idle(CpuState in, CpuState out, boolean bits64) {
    load(in, bits64);
    store(out, ExitReason.BUDGET);
  }

  /** Runs from {@code in} until an exception; vector -1 when that takes too long. */
  void run(CpuState in, CpuState out, boolean bits64) {
    load(in, bits64);
    ExitReason exit = cpu.run(BUDGET);
    store(out, exit);
  }

  /** The instruction at the start of {@code in}, alone; null: it cannot be fetched. */
  Block decode(CpuState in, boolean bits64) {
    load(in, bits64);
    try {
      return engine.isa().decode(cpu, in.rip, 1);
    } catch (GuestFault f) {
      return null;
    }
  }

  /** Runs the first instruction from {@code batch} and the rest as {@link #run} does. */
  void run(CpuState in, CpuState out, boolean bits64, InstructionBatch batch, int index) {
    load(in, bits64);
    batch.run(cpu, index);
    store(out, cpu.run(BUDGET));
  }

  private void load(CpuState in, boolean bits64) {
    cpu.clearHalt();
    cpu.interruptShadow = false;
    System.arraycopy(in.r, 0, s.r, 0, 16);
    System.arraycopy(in.x, 0, s.x, 0, 32);
    System.arraycopy(in.yh, 0, cpu.home.y, 0, 32);
    s.pc = in.rip;
    cpu.mxcsr = in.mxcsr;
    cpu.fpu.control = in.fcw;
    cpu.fpu.setStatusWord(in.fsw);
    cpu.fpu.lastOpcode = 0;
    cpu.fpu.lastIp = 0;
    cpu.fpu.lastCs = 0;
    cpu.fpu.lastDp = 0;
    cpu.fpu.lastDs = 0;
    cpu.fpu.valid = in.tags;
    for (int i = 0; i < 8; i++) {
      cpu.fpu.significand[i] = in.significand[i];
      cpu.fpu.signExponent[i] = in.signExponent[i];
    }
    cpu.fpu.updateSummary();
    ram.write(DATA_RAM, in.data, 0, CpuState.DATA_BYTES);
    for (int i = 0; i < 6; i++) {
      cpu.segments[i].set(0, 0, 0, 0);
    }
    int attributes =
        Segment.PRESENT
            | Segment.NON_SYSTEM
            | Segment.WRITABLE_READABLE
            | Segment.ACCESSED
            | Segment.GRANULARITY
            | 3 << Segment.DPL_SHIFT;
    int codeAttributes = attributes | Segment.CODE | (bits64 ? Segment.LONG : Segment.DEFAULT_32);
    int dataAttributes = attributes | Segment.DEFAULT_32;
    cpu.segments[X86Cpu.CS].set(bits64 ? USER_CS : USER_CS32, 0, 0xffff_ffffL, codeAttributes);
    cpu.segments[X86Cpu.SS].set(USER_DS, 0, 0xffff_ffffL, dataAttributes);
    if (!bits64) {
      for (int i : new int[] {X86Cpu.DS, X86Cpu.ES, X86Cpu.FS, X86Cpu.GS}) {
        cpu.segments[i].set(USER_DS, 0, 0xffff_ffffL, dataAttributes);
      }
    }
    cpu.segments[X86Cpu.FS].base = in.fsBase;
    cpu.segments[X86Cpu.GS].base = in.gsBase;
    cpu.cpl = 3;
    cpu.setEflags(in.rflags);
  }

  private void store(CpuState out, ExitReason exit) {
    System.arraycopy(s.r, 0, out.r, 0, 16);
    System.arraycopy(s.x, 0, out.x, 0, 32);
    System.arraycopy(cpu.home.y, 0, out.yh, 0, 32);
    out.mxcsr = cpu.mxcsr;
    out.fcw = cpu.fpu.control;
    out.fsw = cpu.fpu.statusWord();
    out.tags = cpu.fpu.valid;
    for (int i = 0; i < 8; i++) {
      out.significand[i] = cpu.fpu.significand[i];
      out.signExponent[i] = cpu.fpu.signExponent[i] & 0xffff;
    }
    out.fsBase = cpu.segments[X86Cpu.FS].base;
    out.gsBase = cpu.segments[X86Cpu.GS].base;
    ram.read(DATA_RAM, out.data, 0, CpuState.DATA_BYTES);
    out.cr2 = cpu.cr2;
    long handler = s.pc - 1 - HANDLERS;
    if (exit != ExitReason.HALTED || cpu.cpl != 0) {
      out.vector = -1;
      out.rip = s.pc;
      out.rflags = cpu.eflags();
      out.errorCode = 0;
      return;
    }
    out.vector = (int) (handler / HANDLER_BYTES);
    long frame = s.r[CpuState.RSP];
    out.errorCode = 0;
    if (out.vector < 32 && (WITH_ERROR_CODE >> out.vector & 1) != 0) {
      out.errorCode = ram.load64(frame);
      frame += 8;
    }
    out.rip = ram.load64(frame);
    out.rflags = ram.load64(frame + 16);
    out.r[CpuState.RSP] = ram.load64(frame + 24);
  }

  /** Lines about the engine's work. */
  String statistics() {
    return cpu.statistics();
  }

  @Override
  public void close() {
    cpu.close();
    ram.close();
  }
}
