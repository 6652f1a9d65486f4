package org.tuber.truffle.x86.language;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.tuber.core.cpu.CpuPlatform;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.time.ManualClock;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.interop.BareGuest;
import org.tuber.truffle.engine.interop.ExitReport;
import org.tuber.truffle.engine.interop.GuestException;
import org.tuber.truffle.engine.interop.GuestMemory;
import org.tuber.truffle.x86.X86Isa;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Segment;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.sys.CpuModel;
import org.tuber.truffle.x86.sys.XsaveLayout;

/**
 * A CPU, RAM and a program: no firmware, no devices, no interrupt table.
 *
 * <p>The CPU starts as a kernel would have set it up: CPL 0, x87 as after FNINIT, SSE and AVX
 * enabled, in long mode the whole RAM identity-mapped (through page tables that lie outside RAM).
 * Ports read as all ones. Nobody takes exceptions: the first one ends the run, with registers as
 * they were before the faulting instruction, and is the member {@code exit}.
 *
 * <p>As an object it has the registers {@code rax} ... {@code r15}, {@code rip}, {@code eflags},
 * {@code xmm0} as 32 and {@code ymm0} as 64 hexadecimal digits, {@code cs}, and every other name
 * that {@code Vcpu.readRegister} knows.
 */
final class BareMetal extends BareGuest {
  /** Page tables: beyond any RAM, below 2^39. */
  private static final long TABLES_GPA = 0x70_0000_0000L;

  private static final long LARGE_PAGE = 2 << 20;
  private static final long MAX_MEMORY = 4L << 30;

  /** Code segment, 32-bit and 64-bit: present, accessed, readable, 4 GiB. */
  private static final int CODE32 = 0xc09b;

  private static final int CODE64 = 0xa09b;
  private static final int DATA32 = 0xc093;
  private static final int RSP = 4;

  /** How machines are made. */
  record Settings(
      int mode,
      long loadAddress,
      long stack,
      long memoryBytes,
      long instructionBudget,
      boolean run,
      Engine.Options tier,
      CpuModel model) {
    Settings {
      if (memoryBytes <= 0 || memoryBytes > MAX_MEMORY) {
        throw new IllegalArgumentException("x86.MemorySize must be above 0 and at most 4G");
      }
      memoryBytes = (memoryBytes + LARGE_PAGE - 1) & -LARGE_PAGE;
      if (loadAddress < 0 || loadAddress >= memoryBytes || mode == 16 && loadAddress > 0xffff) {
        throw new IllegalArgumentException(
            "x86.LoadAddress 0x" + Long.toHexString(loadAddress) + " is out of memory");
      }
    }
  }

  private static List<String> registers() {
    List<String> all =
        new ArrayList<>(List.of("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"));
    for (int i = 8; i < 16; i++) {
      all.add("r" + i);
    }
    all.addAll(List.of("rip", "eflags", "es", "cs", "ss", "ds", "fs", "gs"));
    for (int i = 0; i < 16; i++) {
      all.add("xmm" + i);
    }
    for (int i = 0; i < 16; i++) {
      all.add("ymm" + i);
    }
    all.addAll(List.of("mxcsr", "fcw", "fsw", "ftw", "cr0", "cr2", "cr3", "cr4"));
    return all;
  }

  private final Settings settings;
  private final byte[] program;
  private final GuestRam ram;
  private final GuestRam tables;
  private final Engine engine;
  private final X86Cpu cpu;
  private final GuestMemory memory;

  BareMetal(X86Language language, Settings settings, byte[] program) {
    super(X86Language.ID, registers(), settings.instructionBudget);
    this.settings = settings;
    this.program = program;
    if (program.length > settings.memoryBytes - settings.loadAddress) {
      throw new GuestException("the program does not fit into memory at its load address");
    }
    ram = new GuestRam(settings.memoryBytes);
    int directories = (int) ((settings.memoryBytes + (1L << 30) - 1) >>> 30);
    tables = new GuestRam((2L + directories) << 12);
    ReentrantLock lock = new ReentrantLock();
    AddressSpace space = new AddressSpace("memory", 0, lock);
    space.mapRam(0, settings.memoryBytes, ram, 0);
    space.mapRam(TABLES_GPA, tables.sizeBytes(), tables, 0);
    engine = new Engine(new X86Isa(), language, settings.tier);
    cpu =
        new X86Cpu(
            engine,
            0,
            space,
            new AddressSpace("io", 0x10000, lock),
            new ManualClock(0),
            CpuPlatform.NONE,
            settings.model);
    memory = new GuestMemory(ram, engine.codePages());
    reset();
  }

  // ---------------------------------------------------------------- set-up

  @Override
  protected void load() {
    ram.clear(0, settings.memoryBytes);
    ram.write(settings.loadAddress, program, 0, program.length);
    engine.codePages().written(ram, 0, settings.memoryBytes);
    cpu.reset();
    cpu.idtr.limit = 0;
    cpu.gdtr.limit = 0;
    cpu.fpu.control = 0x37f;
    cpu.fpu.valid = 0;
    cpu.home.r[2] = 0;
    for (int i = 0; i < 6; i++) {
      segment(cpu.segments[i], i == X86Cpu.CS);
    }
    cpu.cr4 = Cr.CR4_OSFXSR | 1 << 10;
    if ((cpu.model.xcr0Mask() & XsaveLayout.AVX) != 0) {
      cpu.cr4 |= Cr.CR4_OSXSAVE;
      cpu.xcr0 = XsaveLayout.X87 | XsaveLayout.SSE | XsaveLayout.AVX;
    }
    cpu.cr0 = Cr.CR0_ET | 1 << 1 | 1 << 5;
    if (settings.mode != 16) {
      cpu.cr0 |= Cr.CR0_PE;
    }
    if (settings.mode == 64) {
      identityMap();
      cpu.cr3 = TABLES_GPA;
      cpu.cr4 |= Cr.CR4_PAE;
      cpu.efer = Cr.EFER_LME | Cr.EFER_LMA | Cr.EFER_NXE | Cr.EFER_SCE;
      cpu.cr0 |= Cr.CR0_PG | Cr.CR0_WP;
    }
    cpu.home.r[RSP] = settings.stack;
    cpu.home.pc = settings.loadAddress;
    cpu.modeChanged();
    cpu.flushTlb();
  }

  private void segment(Segment s, boolean code) {
    switch (settings.mode) {
      case 16 -> s.set(0, 0, 0xffff, code ? 0x9b : 0x93);
      case 32 -> s.set(code ? 0x08 : 0x10, 0, 0xffff_ffffL, code ? CODE32 : DATA32);
      default -> s.set(code ? 0x08 : 0x10, 0, 0xffff_ffffL, code ? CODE64 : DATA32);
    }
  }

  private void identityMap() {
    tables.store64(0, TABLES_GPA + 4096 | 3);
    for (long gpa = 0; gpa < settings.memoryBytes; gpa += LARGE_PAGE) {
      int directory = (int) (gpa >>> 30);
      tables.store64(4096 + 8L * directory, TABLES_GPA + (2L + directory) * 4096 | 3);
      tables.store64((2L + directory) * 4096 + (gpa >>> 21 & 511) * 8, gpa | 0x83);
    }
  }

  @Override
  protected void toStart() {
    cpu.home.pc = cpu.segmentBase[X86Cpu.CS] + settings.loadAddress;
  }

  @Override
  protected void wake() {
    cpu.clearHalt();
    cpu.undeliverable = null;
  }

  @Override
  protected ExitReport report(ExitReason reason) {
    X86Cpu.Undeliverable f = cpu.undeliverable;
    return ExitReport.of(
        reason, f == null ? null : new ExitReport.Fault(f.vector(), f.errorCode(), f.address()));
  }

  @Override
  protected X86Cpu cpu() {
    return cpu;
  }

  @Override
  protected GuestMemory memory() {
    return memory;
  }

  @Override
  protected void free() {
    cpu.close();
    ram.close();
    tables.close();
  }

  // ---------------------------------------------------------------- vector registers

  /** Number of an XMM or YMM register, or -1. */
  private static int xmm(String name) {
    if ((name.startsWith("xmm") || name.startsWith("ymm")) && name.indexOf('.') < 0) {
      for (int i = 0; i < 16; i++) {
        if (name.substring(3).equals(Integer.toString(i))) {
          return i;
        }
      }
    }
    return -1;
  }

  @Override
  protected String vector(String name) {
    int n = xmm(name);
    if (n < 0) {
      return null;
    }
    String low = digits(cpu.home.x, n);
    return name.charAt(0) == 'y' ? digits(cpu.home.y, n) + low : low;
  }

  @Override
  protected void setVector(String name, String value) {
    int n = xmm(name);
    String digits = "0".repeat(64) + value;
    cpu.home.x[2 * n] = half(digits, 0);
    cpu.home.x[2 * n + 1] = half(digits, 1);
    if (name.charAt(0) == 'y') {
      cpu.home.y[2 * n] = half(digits, 2);
      cpu.home.y[2 * n + 1] = half(digits, 3);
    }
  }

  private static String digits(long[] halves, int n) {
    return String.format("%016x%016x", halves[2 * n + 1], halves[2 * n]);
  }

  private static long half(String digits, int fromEnd) {
    int end = digits.length() - 16 * fromEnd;
    return Long.parseUnsignedLong(digits.substring(end - 16, end), 16);
  }
}
