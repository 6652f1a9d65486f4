package org.tuber.truffle.engine;

import org.tuber.truffle.engine.special.OperationTable;

/**
 * What the engine asks of an instruction set. One object per kind of guest; a constant in compiled
 * regions, so that its methods are inlined there.
 */
public abstract class Isa extends BlockInterpreter {
  /**
   * Decodes the block at {@code pc}, reading guest bytes by {@link GuestCpu#fetch8}. Stops at a
   * terminator, at the end of the page, or after {@code maxInstructions}. An instruction that
   * crosses the page's end stands alone.
   *
   * @throws GuestFault when not even the first instruction can be fetched
   */
  public abstract Block decode(GuestCpu cpu, long pc, int maxInstructions);

  /**
   * Runs one decoded instruction and returns one of the {@code Block.TO_} outcomes. Interpreter and
   * partial evaluation share its semantics: with constant words it folds to what that instruction
   * does.
   */
  public abstract int run(GuestState s, GuestCpu cpu, long w0, long w1);

  /**
   * What runs whole blocks faster than this does. To get it the first time takes a tenth of a
   * second; it is for all machines of the process.
   */
  public BlockInterpreter fasterInterpreter() {
    return this;
  }

  /** A state of this ISA with everything zero: the local copy of a region. */
  public abstract GuestState newState();

  /**
   * Registers that {@code code} reads or writes, as a mask of this ISA's own meaning; what the mask
   * of a region leaves out is neither loaded on entry nor stored on exit.
   */
  public abstract long registerMask(long[] code);

  /** Loads the registers in {@code mask} into a region's local state. */
  public abstract void enterRegion(GuestState local, GuestState home, long mask);

  /** Stores the registers in {@code mask} from a region's local state. */
  public abstract void leaveRegion(GuestState local, GuestState home, long mask);

  /**
   * Casts to this ISA's CPU class; done once at a region's entry, so that every later cast in the
   * instructions folds.
   */
  public abstract GuestCpu castCpu(Object cpu);

  /** The home of the registers of {@code cpu}, without a virtual call. */
  public abstract GuestState stateOf(GuestCpu cpu);

  /** Called at each block's start with its address, for operands relative to it. */
  public abstract void enterBlock(GuestState s, long blockPc);

  /**
   * The register that compilers keep a chain of frames in, for profiles: where it points lies the
   * caller's, and after it the return address.
   */
  public long framePointer(GuestState s) {
    return 0;
  }

  /** Bytes of an address in {@code mode}, for the same purpose. */
  public int addressBytes(int mode) {
    return 8;
  }

  /** The operations one by one, for regions as host classes; null where that tier is not there. */
  public OperationTable operations() {
    return null;
  }
}
