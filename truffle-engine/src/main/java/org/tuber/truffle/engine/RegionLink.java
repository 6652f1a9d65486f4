package org.tuber.truffle.engine;

/**
 * Where a way out of a class region led so far, so that the next class is entered without the
 * dispatcher. A direct jump has one target, an indirect one remembers two.
 *
 * <p>Written by the dispatcher of any CPU, read by all: the targets are immutable.
 */
public final class RegionLink {
  /** Classes that may wait for each other: what the host's return predictor remembers. */
  private static final int MAX_DEPTH = 24;

  /**
   * Where it led.
   *
   * @param distance of the region there from where it was when it was written
   */
  private record Target(long pc, Region region, long distance) {}

  private static final Target NONE = new Target(-1, null, 0);

  /** Compares addresses: for indirect jumps, and where a class may move. */
  final boolean looksAtPc;

  /** The class that this leads out of, for a profile; else null. */
  Region owner;

  private Target first = NONE;
  private Target second = NONE;

  RegionLink(boolean looksAtPc) {
    this.looksAtPc = looksAtPc;
  }

  /**
   * The class where a direct jump leads, or null: for the dispatcher.
   *
   * @param depth of the class that leaves
   */
  public RegionCode next(GuestCpu c, int depth) {
    return enter(c, depth, first);
  }

  /** The class at {@code pc}, or null: for the dispatcher. */
  public RegionCode next(GuestCpu c, int depth, long pc) {
    Target t = first;
    if (t.pc == pc) {
      return enter(c, depth, t);
    }
    t = second;
    if (t.pc == pc) {
      return enter(c, depth, t);
    }
    Region r = c.cachedRegion(pc);
    return enter(c, depth, r, r != null && r.epoch == c.epoch);
  }

  /** Goes on where a direct jump leads, in a class if there is one, and returns after it. */
  public void go(GuestState s, GuestCpu c, int depth) {
    RegionCode code = looksAtPc ? next(c, depth, s.pc) : enter(c, depth, first);
    if (code != null) {
      code.run(s, c, depth + 1);
    }
  }

  private RegionCode enter(GuestCpu c, int depth, Target t) {
    Region r = t.region;
    return enter(c, depth, r, r != null && (c.isReady(r, t.distance) || mayEnter(c, t)));
  }

  /** The address space has changed since the class was entered last. */
  private static boolean mayEnter(GuestCpu c, Target t) {
    return t.region.linkable && c.mayEnterAt(t.region, t.distance);
  }

  private RegionCode enter(GuestCpu c, int depth, Region r, boolean isReady) {
    if (isReady && r.linkable && c.pending == 0 && depth < MAX_DEPTH) {
      return r.code;
    }
    c.missed = this;
    return null;
  }

  /** {@code region} is what control came to at {@code pc}, and this is its distance there. */
  void set(long pc, Region region, long distance) {
    if (first.pc == pc && first.region == region && first.distance == distance) {
      return;
    }
    if (first.pc != pc) {
      second = first;
    }
    first = new Target(pc, region, distance);
  }

  /** Forgets all: what is dead need not keep others alive. */
  void clear() {
    first = NONE;
    second = NONE;
  }
}
