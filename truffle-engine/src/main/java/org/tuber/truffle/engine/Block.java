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

  /** Misses that are looked at together. */
  private static final int MISS_WINDOW = 2000;

  /**
   * Leaving for a miss takes the time of so many instructions. Where fewer lie between two of them,
   * a call in their place is better, though it takes every value around it its host register.
   */
  private static final long MISS_INSTRUCTIONS = 300;

  /** Windows that have to be so bad: a program that touches its memory first misses much, once. */
  private static final int BAD_WINDOWS = 3;

  /** Outcome of a run: on to {@link #fallPc}. */
  public static final int TO_FALL = 0;

  /** Outcome of a run: on to {@link #takenPc}. */
  public static final int TO_TAKEN = 1;

  /** Outcome of a run: on to the state's {@code pc}, same CPU mode. */
  public static final int TO_PC = 2;

  /** Outcome of a run: on to the state's {@code pc}; the mode may have changed. */
  public static final int TO_DISPATCHER = 3;

  public long pc;
  public final int mode;
  public final long[] code;
  public final int kind;
  public long takenPc;
  public long fallPc;

  /** Length in guest bytes. */
  public final int bytes;

  /** Its addresses all follow {@link #pc}, and it may move. */
  public final boolean isMovable;

  /** Bits of an address in its mode. */
  private final long addressMask;

  /** It has been somewhere else. */
  boolean hasMoved;

  boolean valid = true;
  long epoch;
  CodePage page;

  /** Second page when the only instruction of the block crosses into it, else null. */
  CodePage secondPage;

  Block nextInBucket;

  /** Last seen at {@link #fallPc}; of an indirect jump or call the target before the last. */
  Block fallLink;

  /** Last seen at {@link #takenPc}; of an indirect jump or call the last target. */
  Block takenLink;

  int executions;

  /** Times a host class left here for an access that missed or a rare case, in this window. */
  private int misses;

  /** Instructions the CPU had executed when the window began. */
  private long missesSince;

  private int badWindows;

  int taken;

  /** Executions at which the engine thinks again about compiling. */
  int trigger;

  /** Region that can be entered here, or null. */
  Region region;

  /** Number of the entry in {@link #region}. */
  int entry;

  /** Region of the next tier, on its way, or null. */
  Region next;

  /** Number of the entry in {@link #next}. */
  int nextEntry;

  /** What {@link #distance} is to, or null. */
  private Region measured;

  private long distance;

  /** How often a host class around this block was too long: each time it is to be half as long. */
  int classShrink;

  /**
   * How often a host class of this block alone was too long: each time it is to have half as many
   * of its instructions. What follows is another block.
   */
  int classCut;

  /** Too long to be a host class even in part. */
  boolean isUnwieldy;

  /** Regions made of this block. */
  List<Region> users = List.of();

  /** Region that contains this block without an entry here, or null. */
  Region coveredBy;

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
   * @param addressMask the bits of an address if all addresses follow {@code pc} within these, and
   *     nothing else depends on it; 0 for a block that stays where it is
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
    this.kind = kind;
    this.takenPc = takenPc;
    this.fallPc = fallPc;
    this.bytes = bytes;
    this.isMovable = addressMask != 0;
    this.addressMask = addressMask;
  }

  /** It is mapped at {@code to} now, the same bytes in the same place of their page. */
  void moveTo(long to) {
    long by = to - pc;
    pc = to;
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

  /**
   * A host class left here because its access missed the TLB, or for another slow case.
   *
   * @param instructions executed by the CPU so far
   * @return true when the next class is to stay from now on
   */
  boolean missed(long instructions) {
    if (++misses < MISS_WINDOW) {
      return false;
    }
    // Less than before: another CPU's count, which says nothing.
    long passed = instructions - missesSince;
    boolean isBad = passed >= 0 && passed < MISS_WINDOW * MISS_INSTRUCTIONS;
    misses = 0;
    missesSince = instructions;
    return isBad && (++badWindows == BAD_WINDOWS || badWindows == 2 * BAD_WINDOWS);
  }

  /** Regions from here are to ask the TLB for each access by itself. */
  boolean isScattered() {
    return badWindows >= BAD_WINDOWS;
  }

  /** Regions from here are to call for accesses that miss. */
  boolean missesMuch() {
    return badWindows >= 2 * BAD_WINDOWS;
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
