package org.tuber.truffle.engine;

import java.util.ArrayList;
import java.util.List;

/**
 * A straight run of decoded guest instructions that ends in a terminator or before something that
 * stands alone.
 *
 * <p>Identity is physical page, virtual address and CPU mode. Decoded form: two longs per
 * instruction in one flat array, so that cold code costs 16 bytes an instruction and no objects.
 *
 * <p>Each process has a library's pages somewhere else. So the words hold distances from the
 * block's first byte, not addresses, and a block that is not mapped any more where it was
 * {@linkplain #moveTo moves} to where it is now, with its counts and what was compiled of it.
 */
public final class Block {
  /** {@link #kind}: no terminator, runs on into {@link #fallPc}. */
  public static final int FALL = 0;

  /** {@link #kind}: unconditional jump to {@link #takenPc}. */
  public static final int JUMP = 1;

  /** {@link #kind}: conditional jump to {@link #takenPc}, else {@link #fallPc}. */
  public static final int BRANCH = 2;

  /** {@link #kind}: call of {@link #takenPc}, which returns to {@link #fallPc}. */
  public static final int CALL = 3;

  /**
   * {@link #kind}: call of an address in the state's {@code pc}, which returns to {@link #fallPc}.
   */
  public static final int CALL_INDIRECT = 4;

  /** {@link #kind}: jump to the state's {@code pc}. */
  public static final int JUMP_INDIRECT = 5;

  /** {@link #kind}: return to the state's {@code pc}. */
  public static final int RETURN = 6;

  /** {@link #kind}: one instruction that only the interpreter runs; sets the state's {@code pc}. */
  public static final int SYSTEM = 7;

  /** Outcome of a run: on to {@link #fallPc}. */
  public static final int TO_FALL = 0;

  /** Outcome of a run: on to {@link #takenPc}. */
  public static final int TO_TAKEN = 1;

  /** Outcome of a run: on to the state's {@code pc}, same CPU mode. */
  public static final int TO_PC = 2;

  /** Outcome of a run: on to the state's {@code pc}; the mode may have changed. */
  public static final int TO_DISPATCHER = 3;

  // What each execution needs comes first among the fields of its size, by which the host sorts
  // them: a block that is not in the host's caches is waited for line by line.

  public long pc;
  public long takenPc;
  public long fallPc;

  /** The address space in which it was last looked at whether {@link #pc} leads to these bytes. */
  long epoch;

  private long distance;

  int executions;

  /** Executions at which the engine thinks again about compiling. */
  int trigger;

  int taken;
  public final int mode;

  /** Length in guest bytes. */
  public final int bytes;

  /** Number of the entry in {@link #region}. */
  int entry;

  boolean valid = true;
  public final byte kind;

  /** How many bits an address has if the block may move, else 0. */
  private final byte addressBits;

  /** It has been somewhere else. */
  boolean hasMoved;

  public final long[] code;

  /** Last seen at {@link #fallPc}; of an indirect jump or call the target before the last. */
  Block fallLink;

  /** Last seen at {@link #takenPc}; of an indirect jump or call the last target. */
  Block takenLink;

  /** Region that can be entered here, or null. */
  Region region;

  /** What {@link #distance} is to, or null. */
  private Region measured;

  /** Region of the next tier, on its way, or null. */
  Region next;

  CodePage page;

  /** Second page when the only instruction of the block crosses into it, else null. */
  CodePage secondPage;

  Block nextInBucket;

  /** Regions made of this block. */
  List<Region> users = List.of();

  /** Region that contains this block without an entry here, or null. */
  Region coveredBy;

  private ClassHistory history = ClassHistory.NONE;

  /** True for a {@link #kind} that leads to {@link #takenPc}. */
  public static boolean isDirect(int kind) {
    return kind == JUMP || kind == BRANCH || kind == CALL;
  }

  /** A block that stays where it is. */
  public Block(long pc, int mode, long[] code, int kind, long takenPc, long fallPc, int bytes) {
    this(pc, mode, code, kind, takenPc, fallPc, bytes, 0);
  }

  /**
   * A block.
   *
   * @param addressMask the low bits that make an address if all addresses follow {@code pc} within
   *     these, and nothing else depends on it; 0 for a block that stays where it is
   */
  public Block(
      long pc,
      int mode,
      long[] code,
      int kind,
      long takenPc,
      long fallPc,
      int bytes,
      long addressMask) {
    this.pc = pc;
    this.mode = mode;
    this.code = code;
    this.kind = (byte) kind;
    this.takenPc = takenPc;
    this.fallPc = fallPc;
    this.bytes = bytes;
    this.addressBits = (byte) Long.bitCount(addressMask);
  }

  /** Its addresses all follow {@link #pc}, and it may move. */
  boolean isMovable() {
    return addressBits != 0;
  }

  /** It is mapped at {@code to} now, the same bytes in the same place of their page. */
  void moveTo(long to) {
    long by = to - pc;
    pc = to;
    long addressMask = -1L >>> Long.SIZE - addressBits;
    takenPc = takenPc + by & addressMask;
    fallPc = fallPc + by & addressMask;
    hasMoved = true;
    measured = null;
  }

  /** {@link Region#distanceOf}, which looks at several objects, once. */
  long distanceFrom(Region region) {
    if (measured != region) {
      distance = region.distanceOf(this);
      measured = region;
    }
    return distance;
  }

  /** How classes of it have fared, to be read. */
  ClassHistory history() {
    return history;
  }

  /** The same, to be written to. */
  ClassHistory ownHistory() {
    if (history == ClassHistory.NONE) {
      history = new ClassHistory();
    }
    return history;
  }

  void addUser(Region region) {
    List<Region> more = new ArrayList<>(users);
    more.add(region);
    users = more;
  }

  /** Part of its executions that took the conditional jump, 0 to 1. */
  double takenShare() {
    return (double) taken / Math.max(executions, 1);
  }

  /** Number of guest instructions. */
  public int instructions() {
    return code.length >> 1;
  }

  @Override
  public String toString() {
    return "Block[0x" + Long.toHexString(pc) + " mode " + mode + ", " + instructions() + "]";
  }
}
