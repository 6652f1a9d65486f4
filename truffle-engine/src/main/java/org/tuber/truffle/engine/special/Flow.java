package org.tuber.truffle.engine.special;

import java.lang.classfile.Label;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * Which registers a body has changed, and which it still needs, before each of its pieces. Only
 * these have to be moved between variables and their home where control enters or leaves.
 *
 * <p>Sets are {@link #words} longs each, one after the other: there are thousands.
 */
public final class Flow {
  private final List<Code.Piece> pieces;
  private final IdentityHashMap<Label, Integer> places = new IdentityHashMap<>();
  private final Map<Integer, Integer> exits = new HashMap<>();
  private final int words;

  /** Before each piece: changed on some way from an entry, and not put home since. */
  private final long[] changed;

  /** Before each piece: its value is read on some way from here. */
  private final long[] needed;

  /** Read by the piece itself. */
  private final long[] read;

  /** By group: newer than at home where one of its pieces throws. */
  private final long[] changedIn;

  private final long[] atEntry;

  Flow(List<Code.Piece> pieces, int registers, List<Label> entries) {
    this.pieces = pieces;
    words = (registers + 63) / 64;
    changed = new long[pieces.size() * words];
    needed = new long[pieces.size() * words];
    read = new long[pieces.size() * words];
    int groups = 0;
    for (int i = 0; i < pieces.size(); i++) {
      Code.Piece p = pieces.get(i);
      groups = Math.max(groups, p.group() + 1);
      if (p.kind() == Code.Kind.PLACE) {
        places.put(p.targets().getFirst(), i);
      } else if (p.kind() == Code.Kind.EXIT) {
        exits.put(p.number(), i);
      }
      for (Value v : p.reads()) {
        read(i * words, v);
      }
    }
    changedIn = new long[groups * words];
    atEntry = new long[words];
    findChanged(entries);
    findNeeded();
    for (Label entry : entries) {
      or(atEntry, 0, needed, places.get(entry) * words);
    }
  }

  /** Registers whose values matter at some entry. */
  public BitSet neededAtEntry() {
    return BitSet.valueOf(atEntry);
  }

  /** Registers that are newer than at home when exit {@code number} is taken. */
  public BitSet changedAtExit(int number) {
    return changedBefore(exits.get(number));
  }

  BitSet changedBefore(int piece) {
    return set(changed, piece);
  }

  BitSet neededAfter(int piece) {
    return set(needed, piece + 1);
  }

  BitSet changedIn(int group) {
    return set(changedIn, group);
  }

  private BitSet set(long[] sets, int number) {
    return BitSet.valueOf(Arrays.copyOfRange(sets, number * words, (number + 1) * words));
  }

  private void read(int at, Value v) {
    switch (v) {
      case Value.Register r -> read[at + (r.number() >> 6)] |= 1L << r.number();
      case Value.Operator o -> {
        read(at, o.a());
        if (o.b() != null) {
          read(at, o.b());
        }
      }
      case Value.Pure p -> p.arguments().forEach(a -> read(at, a));
      case Value.Choice c -> {
        read(at, c.a());
        if (c.b() != null) {
          read(at, c.b());
        }
        read(at, c.then());
        read(at, c.otherwise());
      }
      default -> {}
    }
  }

  private static boolean goesOn(Code.Kind kind) {
    return switch (kind) {
      case JUMP, END, EXIT, MISS -> false;
      default -> true;
    };
  }

  private void findChanged(List<Label> entries) {
    BitSet reached = new BitSet();
    for (Label entry : entries) {
      reached.set(places.get(entry));
    }
    long[] after = new long[words];
    boolean again = true;
    while (again) {
      again = false;
      for (int i = reached.nextSetBit(0); i >= 0; i = reached.nextSetBit(i + 1)) {
        Code.Piece p = pieces.get(i);
        System.arraycopy(changed, i * words, after, 0, words);
        switch (p.kind()) {
          case REGISTER -> after[p.number() >> 6] |= 1L << p.number();
          case HOME -> Arrays.fill(after, 0);
          case THROWING, END, MISS -> or(changedIn, p.group() * words, changed, i * words);
          default -> {}
        }
        if (goesOn(p.kind())) {
          flow(after, i + 1, reached);
        }
        if (p.kind() != Code.Kind.PLACE) {
          for (Label target : p.targets()) {
            int to = places.get(target);
            again |= flow(after, to, reached) && to <= i;
          }
        }
      }
    }
  }

  /** True when something is new there. */
  private boolean flow(long[] after, int to, BitSet reached) {
    boolean grew = or(changed, to * words, after, 0);
    boolean isNew = !reached.get(to);
    reached.set(to);
    return grew || isNew;
  }

  private void findNeeded() {
    long[] before = new long[words];
    boolean again = true;
    while (again) {
      again = false;
      for (int i = pieces.size() - 1; i >= 0; i--) {
        Code.Piece p = pieces.get(i);
        Arrays.fill(before, 0);
        if (goesOn(p.kind()) && i + 1 < pieces.size()) {
          or(before, 0, needed, (i + 1) * words);
        }
        if (p.kind() != Code.Kind.PLACE) {
          for (Label target : p.targets()) {
            or(before, 0, needed, places.get(target) * words);
          }
        }
        switch (p.kind()) {
          case REGISTER -> before[p.number() >> 6] &= ~(1L << p.number());
          case HOME -> {
            Arrays.fill(before, 0);
            or(before, 0, changed, i * words);
          }
          case EXIT -> or(before, 0, changed, i * words);
          case THROWING, END, MISS -> or(before, 0, changedIn, p.group() * words);
          default -> {}
        }
        or(before, 0, read, i * words);
        again |= or(needed, i * words, before, 0);
      }
    }
  }

  /** True when {@code to} grew. */
  private boolean or(long[] to, int toAt, long[] from, int fromAt) {
    long more = 0;
    for (int w = 0; w < words; w++) {
      long old = to[toAt + w];
      long merged = old | from[fromAt + w];
      more |= old ^ merged;
      to[toAt + w] = merged;
    }
    return more != 0;
  }
}
