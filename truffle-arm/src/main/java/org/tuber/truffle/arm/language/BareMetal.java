package org.tuber.truffle.arm.language;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.tuber.core.cpu.ArmPlatform;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.time.ManualClock;
import org.tuber.truffle.arm.A64Isa;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.state.Reg;
import org.tuber.truffle.arm.state.Syndrome;
import org.tuber.truffle.arm.sys.CpuModel;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.interop.BareGuest;
import org.tuber.truffle.engine.interop.ExitReport;
import org.tuber.truffle.engine.interop.GuestException;
import org.tuber.truffle.engine.interop.GuestMemory;

/**
 * A CPU, RAM and a program: no firmware, no devices, no exception vectors of its own.
 *
 * <p>The CPU starts as a kernel would have set it up: at EL1, floating point enabled, the MMU on
 * and all RAM mapped to its own address as normal memory, interrupts masked. The vectors that it
 * starts with, and its page tables, lie outside RAM; whatever is taken there ends the run with
 * registers as they were before the faulting instruction (after it where that is an SVC) and is the
 * member {@code exit}. A program that sets VBAR_EL1 takes its exceptions itself. WFI ends the run.
 *
 * <p>As an object it has the registers {@code x0} to {@code x30}, {@code sp}, {@code pc}, {@code
 * nzcv}, {@code v0} to {@code v31} as 32 hexadecimal digits, and every other name that {@code
 * Vcpu.readRegister} knows, system registers among them.
 */
final class BareMetal extends BareGuest {
  /** Page tables and vectors: beyond any RAM, below 2^39. */
  private static final long TABLES_GPA = 0x70_0000_0000L;

  private static final int VECTORS = 0x8000;
  private static final int VECTORS_BYTES = 0x800;
  private static final int WFI = 0xd503207f;
  private static final long LARGE_PAGE = 2 << 20;
  private static final long MAX_MEMORY = 4L << 30;

  /** Descriptors: a table; a block of normal memory, inner shareable, accessed. */
  private static final long TABLE = 3;

  private static final long BLOCK = 1 | 3 << 8 | 1 << 10;

  /** T0SZ 25: 39 bits, the walk begins at level 1. EPD1: no upper range. IPS: 40 bits. */
  private static final long TCR = 25 | 1 << 23 | 2L << 32;

  /** How machines are made. */
  record Settings(
      long loadAddress,
      long stack,
      long memoryBytes,
      long instructionBudget,
      boolean run,
      Engine.Options tier,
      CpuModel model) {
    Settings {
      if (memoryBytes <= 0 || memoryBytes > MAX_MEMORY) {
        throw new IllegalArgumentException("arm.MemorySize must be above 0 and at most 4G");
      }
      memoryBytes = (memoryBytes + LARGE_PAGE - 1) & -LARGE_PAGE;
      if (loadAddress < 0 || loadAddress >= memoryBytes || (loadAddress & 3) != 0) {
        throw new IllegalArgumentException(
            "arm.LoadAddress 0x"
                + Long.toHexString(loadAddress)
                + " is out of memory or no multiple of 4");
      }
    }
  }

  private static List<String> registers() {
    List<String> all = new ArrayList<>();
    for (int i = 0; i < 31; i++) {
      all.add("x" + i);
    }
    all.addAll(List.of("sp", "pc", "nzcv", "pstate", "fpcr", "fpsr"));
    for (int i = 0; i < 32; i++) {
      all.add("v" + i);
    }
    return all;
  }

  private final Settings settings;
  private final byte[] program;
  private final GuestRam ram;
  private final GuestRam tables;
  private final Engine engine;
  private final ArmCpu cpu;
  private final GuestMemory memory;

  BareMetal(ArmLanguage language, Settings settings, byte[] program) {
    super(ArmLanguage.ID, registers(), settings.instructionBudget);
    this.settings = settings;
    this.program = program;
    if (program.length > settings.memoryBytes - settings.loadAddress) {
      throw new GuestException("the program does not fit into memory at its load address");
    }
    ram = new GuestRam(settings.memoryBytes);
    tables = new GuestRam(LARGE_PAGE);
    AddressSpace space = new AddressSpace("memory", 1L << 40, new ReentrantLock());
    space.mapRam(0, settings.memoryBytes, ram, 0);
    space.mapRam(TABLES_GPA, tables.sizeBytes(), tables, 0);
    engine = new Engine(new A64Isa(), language, settings.tier);
    cpu =
        new ArmCpu(
            engine, 0, space, new ManualClock(0), ArmPlatform.NONE, settings.model, false, false);
    memory = new GuestMemory(ram, engine.codePages());
    identityMap();
    for (int at = 0; at < VECTORS_BYTES; at += 4) {
      tables.store32(VECTORS + at, WFI);
    }
    reset();
  }

  // ---------------------------------------------------------------- set-up

  @Override
  protected void load() {
    ram.clear(0, settings.memoryBytes);
    ram.write(settings.loadAddress, program, 0, program.length);
    engine.codePages().written(ram, 0, settings.memoryBytes);
    cpu.reset();
    cpu.sys[Reg.CPACR_EL1] = 3 << 20;
    cpu.sys[Reg.MAIR_EL1] = 0xff;
    cpu.sys[Reg.TCR_EL1] = TCR;
    cpu.sys[Reg.TTBR0_EL1] = TABLES_GPA;
    cpu.sys[Reg.VBAR_EL1] = TABLES_GPA + VECTORS;
    cpu.sys[Reg.SCTLR_EL1] |= 1;
    cpu.home.r[ArmState.SP] = settings.stack;
    cpu.home.pc = settings.loadAddress;
    cpu.regimeChanged();
  }

  /** Level 1 at the start, then a level 2 for the tables, then one for each GiB of RAM. */
  private void identityMap() {
    table(TABLES_GPA, 1);
    // The first 2 MiB of a GiB: the first descriptor.
    tables.store64(4096, TABLES_GPA | BLOCK);
    for (long gpa = 0; gpa < settings.memoryBytes; gpa += LARGE_PAGE) {
      int number = 2 + (int) (gpa >>> 30);
      table(gpa, number);
      tables.store64(number * 4096L + (gpa >>> 21 & 511) * 8, gpa | BLOCK);
    }
  }

  private void table(long gpa, int number) {
    tables.store64((gpa >>> 30) * 8, TABLES_GPA + number * 4096L | TABLE);
  }

  @Override
  protected void toStart() {
    cpu.home.pc = settings.loadAddress;
  }

  @Override
  protected void wake() {
    cpu.clearHalt();
  }

  @Override
  protected ExitReport report(ExitReason reason) {
    return isInVectors()
        ? ExitReport.of(ExitReason.SHUTDOWN, fault())
        : ExitReport.of(reason, null);
  }

  private boolean isInVectors() {
    long offset = cpu.home.pc - TABLES_GPA - VECTORS;
    return offset >= 0 && offset <= VECTORS_BYTES;
  }

  /** Takes back the exception whose vector has ended the run. */
  private ExitReport.Fault fault() {
    long esr = cpu.sys[Reg.ESR_EL1];
    long far = cpu.sys[Reg.FAR_EL1];
    cpu.setPstate(cpu.spsr[1]);
    cpu.home.pc = cpu.elr[1];
    return new ExitReport.Fault((int) (esr >>> Syndrome.EC_SHIFT) & 63, esr, far);
  }

  @Override
  protected ArmCpu cpu() {
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

  /** Number of a vector register, or -1. */
  private static int vectorNumber(String name) {
    if (name.length() >= 2 && name.length() <= 3 && name.charAt(0) == 'v') {
      for (int i = 0; i < 32; i++) {
        if (name.substring(1).equals(Integer.toString(i))) {
          return i;
        }
      }
    }
    return -1;
  }

  @Override
  protected String vector(String name) {
    int n = vectorNumber(name);
    return n < 0 ? null : String.format("%016x%016x", cpu.home.v[2 * n + 1], cpu.home.v[2 * n]);
  }

  @Override
  protected void setVector(String name, String value) {
    int n = vectorNumber(name);
    String digits = "0".repeat(32) + value;
    int end = digits.length();
    cpu.home.v[2 * n] = Long.parseUnsignedLong(digits.substring(end - 16), 16);
    cpu.home.v[2 * n + 1] = Long.parseUnsignedLong(digits.substring(end - 32, end - 16), 16);
  }
}
