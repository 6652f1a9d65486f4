package org.tuber.truffle.x86;

import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.tuber.core.cpu.CpuPlatform;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.time.ManualClock;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.engine.BlockInterpreter;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.x86.insn.SseExceptions;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Segment;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;
import org.tuber.truffle.x86.sys.CpuModel;

/**
 * A CPU (of model {@code max} unless told otherwise) with flat segments and flat paging, some RAM
 * for code and some at 0x10000000 for operands: runs single instructions through decoder and
 * interpreter.
 */
public final class BareCpu implements AutoCloseable {
  public static final long CODE = 0x1000;
  public static final long DATA = 0x1000_0000L;
  public static final int DATA_BYTES = 0x1_0000;

  private static final long TABLES = 0x8000;

  public final X86Cpu cpu;
  public final X86State state;
  public final GuestRam data = new GuestRam(DATA_BYTES);
  private final GuestRam code = new GuestRam(0x1_0000);
  private static final X86Isa ISA = new X86Isa();
  private static final BlockInterpreter INTERPRETER = ISA.fasterInterpreter();

  private final X86Isa isa = ISA;

  public BareCpu(boolean bits64) {
    this(bits64, Engine.Options.INTERPRETER);
  }

  public BareCpu(boolean bits64, Engine.Options options) {
    this(bits64, options, "max");
  }

  public BareCpu(boolean bits64, Engine.Options options, String model) {
    AddressSpace memory = new AddressSpace("memory", 1L << 40, new ReentrantLock());
    memory.mapRam(0, code.sizeBytes(), code, 0);
    memory.mapRam(DATA, DATA_BYTES, data, 0);
    Engine engine = new Engine(isa, null, options);
    cpu =
        new X86Cpu(
            engine,
            0,
            memory,
            null,
            new ManualClock(0),
            CpuPlatform.NONE,
            CpuModel.of(Map.of("model", model)));
    state = cpu.state();
    cpu.cr0 = Cr.CR0_PE | Cr.CR0_NE | Cr.CR0_MP | Cr.CR0_ET;
    cpu.cr4 = Cr.CR4_OSFXSR | Cr.CR4_OSXMMEXCPT | Cr.CR4_OSXSAVE | Cr.CR4_PAE;
    cpu.xcr0 = 7;
    if (bits64) {
      // Linear = physical through one table of 1 GiB pages.
      code.store64(TABLES, TABLES + 0x1000 + 7);
      for (int i = 0; i < 4; i++) {
        code.store64(TABLES + 0x1000 + 8 * i, ((long) i << 30) + 0x87);
      }
      cpu.cr0 |= Cr.CR0_PG;
      cpu.cr3 = TABLES;
    }
    cpu.efer = bits64 ? Cr.EFER_LME | Cr.EFER_LMA : 0;
    int data32 =
        Segment.PRESENT
            | Segment.NON_SYSTEM
            | Segment.WRITABLE_READABLE
            | Segment.ACCESSED
            | Segment.DEFAULT_32
            | Segment.GRANULARITY;
    for (int i = 0; i < 6; i++) {
      cpu.segments[i].set(0x10, 0, 0xffff_ffffL, data32);
    }
    int attributes = data32 | Segment.CODE;
    if (bits64) {
      attributes = attributes & ~Segment.DEFAULT_32 | Segment.LONG;
    }
    cpu.segments[X86Cpu.CS].set(8, 0, 0xffff_ffffL, attributes);
    cpu.fpu.initialize();
    cpu.modeChanged();
  }

  /**
   * Runs one instruction.
   *
   * @return the fault's vector, or -1
   */
  public int step(byte[] bytes) {
    code.write(CODE, bytes, 0, bytes.length);
    try {
      Block block = isa.decode(cpu, CODE, 1);
      isa.enterBlock(state, CODE);
      INTERPRETER.interpret(state, cpu, block.code);
      return -1;
    } catch (GuestFault f) {
      if (f.vector != X86Cpu.XM) {
        return f.vector;
      }
      state.pc = CODE;
      return SseExceptions.resolve(cpu);
    }
  }

  /** One instruction, decoded as {@link #step} would. */
  public Block decode(byte[] bytes) {
    code.write(CODE, bytes, 0, bytes.length);
    return isa.decode(cpu, CODE, 1);
  }

  /** Runs a program that ends in HLT. */
  public ExitReason runProgram(byte[] bytes) {
    code.write(CODE, bytes, 0, bytes.length);
    state.pc = CODE;
    return cpu.run(Long.MAX_VALUE);
  }

  @Override
  public void close() {
    cpu.close();
    data.close();
    code.close();
  }
}
