package org.tuber.truffle.engine;

import com.oracle.truffle.api.CompilerDirectives;
import com.oracle.truffle.api.CompilerDirectives.CompilationFinal;
import com.oracle.truffle.api.Truffle;
import com.oracle.truffle.api.frame.VirtualFrame;
import com.oracle.truffle.api.nodes.ExplodeLoop;
import com.oracle.truffle.api.nodes.RootNode;
import java.util.List;

/**
 * Many single instructions compiled at once, each as a region of its own would be: its register
 * mask, its local state, its constants. One compilation costs a good part of a second however small
 * it is; so this is how thousands of rows see the compiler.
 */
public final class InstructionBatch extends RootNode {
  /** Instructions of one batch, by experience. */
  public static final int SIZE = 64;

  private static final int FAULTED = -1;
  private static final long SLICE_SECONDS = 10;
  private static final int MAX_CALLS = 10;

  /** Compilations that may be lost in a row. */
  private static final int MAX_LOSSES = 20;

  private final Isa isa;
  private final Block[] blocks;

  @CompilationFinal(dimensions = 1)
  private final long[] code;

  @CompilationFinal(dimensions = 1)
  private final long[] addresses;

  @CompilationFinal(dimensions = 1)
  private final long[] masks;

  /** Blocks of one instruction each, none of which is for the interpreter only. */
  public InstructionBatch(Isa isa, List<Block> blocks) {
    super(null);
    this.isa = isa;
    int n = blocks.size();
    this.blocks = blocks.toArray(Block[]::new);
    code = new long[2 * n];
    addresses = new long[n];
    masks = new long[n];
    for (int i = 0; i < n; i++) {
      Block b = blocks.get(i);
      code[2 * i] = b.code[0];
      code[2 * i + 1] = b.code[1];
      addresses[i] = b.pc;
      masks[i] = isa.registerMask(b.code);
    }
  }

  /** Compiles it; false: that was refused. */
  public boolean compile(GuestCpu cpu) {
    for (int i = 0; i < MAX_CALLS; i++) {
      if (getCallTarget().call(cpu, addresses.length) != null) {
        return true;
      }
    }
    return false;
  }

  /** False where the host only interprets: nothing can be compiled. */
  public static boolean isOptimizing() {
    return !Truffle.getRuntime().getClass().getSimpleName().equals("DefaultTruffleRuntime");
  }

  /** How long tests with batches may take in a build; a soak goes through everything. */
  public static boolean isOver(long startNanos) {
    return !Boolean.getBoolean("tuber.soak")
        && System.nanoTime() - startNanos > SLICE_SECONDS * 1_000_000_000L;
  }

  /** Runs instruction {@code index} and nothing else; the fault's vector, or -1. */
  public int step(GuestCpu cpu, int index) {
    return outcome(cpu, index) == FAULTED ? cpu.fault.vector : -1;
  }

  /** Calls the compiled code. The host may throw that away any time (class loading): once more. */
  private int outcome(GuestCpu cpu, int index) {
    for (int i = 0; i < MAX_LOSSES; i++) {
      Object outcome = getCallTarget().call(cpu, index);
      if (outcome != null) {
        return (int) outcome;
      }
      compile(cpu);
    }
    throw new IllegalStateException(
        "no longer compiled: operation "
            + index
            + " at "
            + blocks[index]
            + " words "
            + Long.toHexString(code[2 * index])
            + " "
            + Long.toHexString(code[2 * index + 1]));
  }

  /**
   * Runs instruction {@code index}, whose address the CPU's pc has, and goes on to the next or to
   * the handler of its exception.
   */
  public void run(GuestCpu cpu, int index) {
    int outcome = outcome(cpu, index);
    Block b = blocks[index];
    switch (outcome) {
      case Block.TO_FALL -> isa.stateOf(cpu).pc = b.fallPc;
      case Block.TO_TAKEN -> isa.stateOf(cpu).pc = b.takenPc;
      case FAULTED -> {
        isa.stateOf(cpu).pc = b.pc;
        cpu.deliver();
      }
      default -> {}
    }
  }

  @Override
  @ExplodeLoop
  public Object execute(VirtualFrame frame) {
    if (CompilerDirectives.inInterpreter()) {
      return null;
    }
    GuestCpu cpu = isa.castCpu(frame.getArguments()[0]);
    int index = (int) frame.getArguments()[1];
    for (int i = 0; i < addresses.length; i++) {
      if (i == index) {
        return execute(cpu, i);
      }
    }
    return Block.TO_DISPATCHER;
  }

  private int execute(GuestCpu cpu, int i) {
    GuestState home = isa.stateOf(cpu);
    GuestState s = isa.newState();
    isa.enterRegion(s, home, masks[i]);
    isa.enterBlock(s, addresses[i]);
    s.pc = addresses[i];
    int outcome;
    try {
      outcome = isa.run(s, cpu, code[2 * i], code[2 * i + 1]);
    } catch (GuestFault f) {
      outcome = FAULTED;
    }
    isa.leaveRegion(s, home, masks[i]);
    return outcome;
  }
}
