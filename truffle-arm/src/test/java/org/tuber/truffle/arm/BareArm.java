package org.tuber.truffle.arm;

import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.tuber.core.cpu.ArmPlatform;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.time.ManualClock;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.state.Reg;
import org.tuber.truffle.arm.sys.CpuModel;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.GuestFault;

/**
 * A CPU (of model {@code max} unless told otherwise) at EL1 with FP enabled and the MMU on, over
 * identity-mapped blocks of 1 GiB: some RAM for code, some at 0x10000000 for operands. Runs single
 * instructions through decoder and interpreter.
 */
public final class BareArm implements AutoCloseable {
  public static final long CODE = 0x1000;
  public static final long DATA = 0x1000_0000L;
  public static final int DATA_BYTES = 0x1_0000;

  private static final long TABLE = 0x8000;
  private static final long CODE_BYTES = 0x1_0000;

  /** Normal memory, inner shareable, accessed, a block. */
  private static final long BLOCK = 1 | 3 << 8 | 1 << 10;

  public final ArmCpu cpu;
  public final ArmState state;
  public final GuestRam data = new GuestRam(DATA_BYTES);
  public final GuestRam code = new GuestRam(CODE_BYTES);
  private final A64Isa isa = new A64Isa();

  public BareArm() {
    this(Engine.Options.INTERPRETER, "max");
  }

  public BareArm(Engine.Options options, String model) {
    AddressSpace memory = new AddressSpace("memory", 1L << 40, new ReentrantLock());
    memory.mapRam(0, code.sizeBytes(), code, 0);
    memory.mapRam(DATA, DATA_BYTES, data, 0);
    Engine engine = new Engine(isa, null, options);
    cpu =
        new ArmCpu(
            engine,
            0,
            memory,
            new ManualClock(0),
            ArmPlatform.NONE,
            CpuModel.of(Map.of("model", model)),
            false,
            false);
    state = cpu.state();
    for (int i = 0; i < 4; i++) {
      code.store64(TABLE + 8 * i, ((long) i << 30) | BLOCK);
    }
    cpu.sys[Reg.CPACR_EL1] = 3 << 20;
    cpu.sys[Reg.MAIR_EL1] = 0xff;
    // T0SZ 25: the walk begins at level 1. No upper range.
    cpu.sys[Reg.TCR_EL1] = 25 | 1 << 23;
    cpu.sys[Reg.TTBR0_EL1] = TABLE;
    cpu.sys[Reg.SCTLR_EL1] |= 1;
    cpu.regimeChanged();
  }

  /**
   * Runs one instruction.
   *
   * @return the fault's exception class, or -1
   */
  public int step(int insn) {
    code.store32(CODE, insn);
    try {
      Block block = isa.decode(cpu, CODE, 1);
      isa.enterBlock(state, CODE);
      isa.interpret(state, cpu, block.code);
      return -1;
    } catch (GuestFault f) {
      return f.vector;
    }
  }

  /** One instruction, decoded as {@link #step} would. */
  public Block decode(int insn) {
    code.store32(CODE, insn);
    return isa.decode(cpu, CODE, 1);
  }

  /** Runs a program at {@link #CODE} until it waits for an interrupt. */
  public ExitReason run(int... program) {
    for (int i = 0; i < program.length; i++) {
      code.store32(CODE + 4L * i, program[i]);
    }
    state.pc = CODE;
    return cpu.run(10_000_000);
  }

  /** Maps the RAM with the code at one of four places, too, and returns where {@link #CODE} is. */
  public long mapCode(int place) {
    code.store64(TABLE + 8L * place, BLOCK);
    cpu.flushTlb();
    return ((long) place << 30) + CODE;
  }

  /** Takes it away from all of them. */
  public void unmapCode() {
    for (int i = 0; i < 4; i++) {
      code.store64(TABLE + 8L * i, 0);
    }
    cpu.flushTlb();
  }

  @Override
  public void close() {
    cpu.close();
    data.close();
    code.close();
  }
}
