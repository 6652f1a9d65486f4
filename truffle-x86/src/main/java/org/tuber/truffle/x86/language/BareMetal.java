package org.tuber.truffle.x86.language;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import com.oracle.truffle.api.TruffleSafepoint;
import com.oracle.truffle.api.interop.InteropLibrary;
import com.oracle.truffle.api.interop.InvalidArrayIndexException;
import com.oracle.truffle.api.interop.TruffleObject;
import com.oracle.truffle.api.interop.UnknownIdentifierException;
import com.oracle.truffle.api.interop.UnsupportedMessageException;
import com.oracle.truffle.api.interop.UnsupportedTypeException;
import com.oracle.truffle.api.library.ExportLibrary;
import com.oracle.truffle.api.library.ExportMessage;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.tuber.core.cpu.CpuPlatform;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.time.ManualClock;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.interop.GuestException;
import org.tuber.truffle.engine.interop.GuestMemory;
import org.tuber.truffle.engine.interop.Heartbeat;
import org.tuber.truffle.engine.interop.MemberNames;
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
 * <p>As an object: members are the registers ({@code rax} ... {@code r15}, {@code rip}, {@code
 * eflags}, {@code xmm0} as 32 and {@code ymm0} as 64 hexadecimal digits, {@code cs}, and every
 * other name that {@code Vcpu.readRegister} knows), all writable; {@code memory}, {@code exit} and
 * {@code instructions}. Executing it runs the program from its load address with registers and
 * memory as they stand, after taking over the registers that are members of the argument, if there
 * is one; invoking {@code resume} goes on at {@code rip} (the argument is a budget), {@code reset}
 * restores the state at load.
 */
@ExportLibrary(InteropLibrary.class)
final class BareMetal implements TruffleObject, AutoCloseable {
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

  /** More registers are readable by name. */
  private static final MemberNames MEMBERS = new MemberNames(members());

  private static String[] members() {
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
    all.addAll(List.of("memory", "exit", "instructions", "statistics", "resume", "reset"));
    return all.toArray(String[]::new);
  }

  private final Settings settings;
  private final byte[] program;
  private final GuestRam ram;
  private final GuestRam tables;
  private final Engine engine;
  private final X86Cpu cpu;
  private final GuestMemory memory;
  private ExitReport exit = ExitReport.NEW;
  private boolean closed;

  BareMetal(X86Language language, Settings settings, byte[] program) {
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

  private void reset() {
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
    exit = ExitReport.NEW;
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

  // ---------------------------------------------------------------- running

  /** Runs the program from its load address. */
  @TruffleBoundary
  void start() {
    cpu.home.pc = cpu.segmentBase[X86Cpu.CS] + settings.loadAddress;
    resume(settings.instructionBudget);
  }

  private void resume(long budget) {
    if (closed) {
      throw new GuestException("the context of this machine is closed");
    }
    cpu.clearHalt();
    cpu.undeliverable = null;
    exit = ExitReport.RUNNING;
    long begin = cpu.instructionCount();
    // Compiled loops look for kicks and not at the budget.
    Heartbeat heartbeat = new Heartbeat(cpu);
    try {
      ExitReason reason;
      do {
        TruffleSafepoint.poll(null);
        long done = cpu.instructionCount() - begin;
        reason = done < budget ? cpu.run(budget - done) : ExitReason.BUDGET;
      } while (reason == ExitReason.KICKED);
      exit = ExitReport.of(reason, cpu.undeliverable);
    } finally {
      heartbeat.stop();
    }
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      memory.close();
      cpu.close();
      ram.close();
      tables.close();
    }
  }

  // ---------------------------------------------------------------- registers

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

  private Object register(String name) {
    int n = xmm(name);
    if (n >= 0) {
      String low = digits(cpu.home.x, n);
      return name.charAt(0) == 'y' ? digits(cpu.home.y, n) + low : low;
    }
    return cpu.readRegister(name);
  }

  private static String digits(long[] halves, int n) {
    return String.format("%016x%016x", halves[2 * n + 1], halves[2 * n]);
  }

  private static long half(String digits, int fromEnd) {
    int end = digits.length() - 16 * fromEnd;
    return Long.parseUnsignedLong(digits.substring(end - 16, end), 16);
  }

  private void setRegister(String name, Object value) throws UnsupportedTypeException {
    InteropLibrary interop = InteropLibrary.getUncached();
    int n = xmm(name);
    try {
      if (n < 0) {
        cpu.writeRegister(name, integer(value));
        return;
      }
      String digits = "0".repeat(64) + interop.asString(value);
      cpu.home.x[2 * n] = half(digits, 0);
      cpu.home.x[2 * n + 1] = half(digits, 1);
      if (name.charAt(0) == 'y') {
        cpu.home.y[2 * n] = half(digits, 2);
        cpu.home.y[2 * n + 1] = half(digits, 3);
      }
    } catch (UnsupportedMessageException | NumberFormatException e) {
      throw UnsupportedTypeException.create(new Object[] {value}, name);
    }
  }

  /** A long, or an unsigned number below 2^64. */
  private static long integer(Object value) throws UnsupportedMessageException {
    InteropLibrary interop = InteropLibrary.getUncached();
    if (interop.fitsInLong(value)) {
      return interop.asLong(value);
    }
    var big = interop.asBigInteger(value);
    if (big.bitLength() > 64) {
      throw UnsupportedMessageException.create();
    }
    return big.longValue();
  }

  private boolean isRegister(String name) {
    if (xmm(name) >= 0) {
      return true;
    }
    try {
      cpu.readRegister(name);
      return true;
    } catch (IllegalArgumentException | org.tuber.truffle.engine.GuestFault e) {
      return false;
    }
  }

  private void setRegisters(Object values)
      throws UnsupportedTypeException, UnsupportedMessageException {
    InteropLibrary interop = InteropLibrary.getUncached();
    if (!interop.hasMembers(values)) {
      throw UnsupportedTypeException.create(new Object[] {values}, "an object of registers");
    }
    Object names = interop.getMembers(values);
    try {
      long n = interop.getArraySize(names);
      for (long i = 0; i < n; i++) {
        String name = interop.asString(interop.readArrayElement(names, i));
        if (!isRegister(name)) {
          throw new GuestException("no x86 register '" + name + "'");
        }
        setRegister(name, interop.readMember(values, name));
      }
    } catch (InvalidArrayIndexException | UnknownIdentifierException e) {
      throw UnsupportedTypeException.create(new Object[] {values}, "members vanished");
    }
  }

  // ---------------------------------------------------------------- as an object

  @ExportMessage
  boolean hasMembers() {
    return true;
  }

  @ExportMessage
  Object getMembers(@SuppressWarnings("unused") boolean includeInternal) {
    return MEMBERS;
  }

  @ExportMessage
  @TruffleBoundary
  boolean isMemberReadable(String member) {
    return switch (member) {
      case "memory", "exit", "instructions", "statistics" -> true;
      default -> isRegister(member);
    };
  }

  @ExportMessage
  @TruffleBoundary
  Object readMember(String member) throws UnknownIdentifierException {
    switch (member) {
      case "memory":
        return memory;
      case "exit":
        return exit;
      case "instructions":
        return cpu.instructionCount();
      case "statistics":
        return cpu.statistics();
      default:
        if (!isRegister(member)) {
          throw UnknownIdentifierException.create(member);
        }
        return register(member);
    }
  }

  @ExportMessage
  @TruffleBoundary
  boolean isMemberModifiable(String member) {
    return isRegister(member);
  }

  @ExportMessage
  boolean isMemberInsertable(@SuppressWarnings("unused") String member) {
    return false;
  }

  @ExportMessage
  @TruffleBoundary
  void writeMember(String member, Object value)
      throws UnknownIdentifierException, UnsupportedTypeException {
    if (!isRegister(member)) {
      throw UnknownIdentifierException.create(member);
    }
    setRegister(member, value);
  }

  @ExportMessage
  boolean isExecutable() {
    return true;
  }

  @ExportMessage
  @TruffleBoundary
  Object execute(Object[] arguments) throws UnsupportedTypeException, UnsupportedMessageException {
    if (arguments.length > 0) {
      setRegisters(arguments[0]);
    }
    start();
    return this;
  }

  @ExportMessage
  boolean isMemberInvocable(String member) {
    return member.equals("resume") || member.equals("reset");
  }

  @ExportMessage
  @TruffleBoundary
  Object invokeMember(String member, Object[] arguments)
      throws UnknownIdentifierException, UnsupportedTypeException {
    switch (member) {
      case "reset" -> reset();
      case "resume" -> {
        try {
          resume(arguments.length > 0 ? integer(arguments[0]) : settings.instructionBudget);
        } catch (UnsupportedMessageException e) {
          throw UnsupportedTypeException.create(arguments, "a budget");
        }
      }
      default -> throw UnknownIdentifierException.create(member);
    }
    return this;
  }

  @ExportMessage
  @TruffleBoundary
  @SuppressWarnings("unused")
  Object toDisplayString(boolean allowSideEffects) {
    return "x86 machine at rip=0x" + Long.toHexString(cpu.readRegister("rip")) + ", " + exit;
  }
}
