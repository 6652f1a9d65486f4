package org.tuber.truffle.engine;

/**
 * Where a way out of a class region led so far, so that the next class is entered without the
 * dispatcher. A direct jump has one target, an indirect one remembers two. A class that turns out
 * to be mapped somewhere else than when the link was made returns at once.
 *
 * <p>Written by the dispatcher of any CPU, read by all: the targets are immutable.
 */
public final class RegionLink {
  /** Classes that may wait for each other: what the host's return predictor remembers. */
  private static final int MAX_DEPTH = 24;

  private record Target(long pc, Region region) {}

  private static final Target NONE = new Target(-1, null);

  /** The class that this leads out of, for a profile; else null. */
  Region owner;

  private Target first = NONE;
  private Target second = NONE;

  /** Compares addresses: for indirect jumps, and where a class may move. */
  final boolean looksAtPc;

  RegionLink(boolean looksAtPc) {
    this.looksAtPc = looksAtPc;
  }

  /**
   * The class where a direct jump leads, or null: for the dispatcher.
   *
   * @param depth of the class that leaves
   */
  public RegionCode next(GuestCpu c, int depth) {
    return enter(c, depth, first.region);
  }

  /** The class at {@code pc}, or null: for the dispatcher. */
  public RegionCode next(GuestCpu c, int depth, long pc) {
    Target t = first;
    if (t.pc == pc) {
      return enter(c, depth, t.region);
    }
    t = second;
    return enter(c, depth, t.pc == pc ? t.region : c.cachedRegion(pc));
  }

  /** Goes on where a direct jump leads, in a class if there is one, and returns after it. */
  public void go(GuestState s, GuestCpu c, int depth) {
    RegionCode code = looksAtPc ? next(c, depth, s.pc) : enter(c, depth, first.region);
    if (code != null) {
      code.run(s, c, depth + 1);
    }
  }

  private RegionCode enter(GuestCpu c, int depth, Region r) {
    if (r != null && r.linkable && r.epoch == c.epoch && c.pending == 0 && depth < MAX_DEPTH) {
      return r.code;
    }
    c.missed = this;
    return null;
  }

  /** {@code region} is what control came to at {@code pc}. */
  void set(long pc, Region region) {
    if (first.pc == pc && first.region == region) {
      return;
    }
    if (first.pc != pc) {
      second = first;
    }
    first = new Target(pc, region);
  }

  /** Forgets all: what is dead need not keep others alive. */
  void clear() {
    first = NONE;
    second = NONE;
  }
}
