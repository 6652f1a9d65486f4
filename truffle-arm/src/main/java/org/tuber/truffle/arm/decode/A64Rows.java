package org.tuber.truffle.arm.decode;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.tuber.truffle.arm.a64.insn.Families;

/**
 * All rows of the A64 index, and the operations they number. Built once at start-up from the
 * families' own lists, so that encoding and semantics of an instruction stand in one place.
 */
public final class A64Rows {
  /** The one index. */
  public static final A64Rows INSTANCE = new A64Rows();

  private static final int BUCKET_SHIFT = 20;

  private final List<Row> all = new ArrayList<>();
  private final List<Row> owners = new ArrayList<>();
  private final List<Step> steps = new ArrayList<>();
  private final List<Ending> endings = new ArrayList<>();
  private final Row[][] buckets = new Row[1 << (32 - BUCKET_SHIFT)][];

  private A64Rows() {
    Families.addTo(this);
    if (owners.size() > Word.OP_MASK) {
      throw new IllegalStateException(owners.size() + " operations");
    }
    // Stable, so that rows of equal weight keep the order of registration.
    List<Row> sorted = new ArrayList<>(all);
    sorted.sort(Comparator.comparingInt((Row r) -> -r.fixedBits()));
    for (Row r : sorted) {
      int open = ~r.mask >>> BUCKET_SHIFT;
      int fixed = r.value >>> BUCKET_SHIFT;
      // All subsets of the bits that the row leaves open.
      int subset = 0;
      do {
        int i = fixed | subset;
        Row[] old = buckets[i] == null ? new Row[0] : buckets[i];
        buckets[i] = Arrays.copyOf(old, old.length + 1);
        buckets[i][old.length] = r;
        subset = subset - open & open;
      } while (subset != 0);
    }
  }

  /** Adds a row; see {@link Row} for the diagram. */
  public Row row(String diagram, String assembler) {
    Row r = new Row(this, diagram, assembler);
    all.add(r);
    return r;
  }

  int operation(Row owner, Step step, Ending ending) {
    owners.add(owner);
    steps.add(step);
    endings.add(ending);
    return owners.size() - 1;
  }

  /** The allocated row of {@code insn}, or null. */
  public Row find(int insn) {
    Row[] bucket = buckets[insn >>> BUCKET_SHIFT];
    if (bucket == null) {
      return null;
    }
    for (Row r : bucket) {
      if (r.matches(insn) && r.isAllocated(insn)) {
        return r;
      }
    }
    return null;
  }

  /** All rows in order of registration. */
  public List<Row> rows() {
    return List.copyOf(all);
  }

  /** The row of operation {@code op}. */
  public Row owner(int op) {
    return owners.get(op);
  }

  /** Operations by number; null where it is an {@link Ending}. */
  public Step[] steps() {
    return steps.toArray(Step[]::new);
  }

  /** Operations by number; null where it is a {@link Step}. */
  public Ending[] endings() {
    return endings.toArray(Ending[]::new);
  }
}
