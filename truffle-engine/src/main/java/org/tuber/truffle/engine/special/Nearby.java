package org.tuber.truffle.engine.special;

import java.lang.classfile.Opcode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a straight stretch of written code knows of addresses: which of them are how far apart, and
 * which bytes lie on a page that the TLB was asked for already.
 *
 * <p>A structure's fields and a function's stack frame are accessed by one base register with
 * different distances. The first access to such a run of bytes asks the TLB for all of them at
 * once, up to {@link #REACH} bytes, and the others are bare loads and stores. Which bytes these are
 * is known only at the end of the stretch; code is written after that.
 *
 * <p>All of it holds until something is called, which could change the mapping, and as long as
 * control cannot have come from elsewhere.
 */
public final class Nearby {
  /** Bytes a run may span: the longer, the more often one lies on two pages, which is slow. */
  private static final int REACH = 256;

  /** Runs known at a time. */
  private static final int MOST = 8;

  /** Variables it takes, in slots. */
  public static final int SLOTS = 2 * MOST;

  private static final Value LOW_HALF = new Value.Constant('J', 0xffff_ffffL);

  /** A value that is known to be a certain distance, modulo 2^64 or 2^32, from another. */
  private record Spot(Object root, long offset) {}

  /** Nothing is known of a value but that it is always the same. */
  private static final class Unknown {}

  /** Where constants are measured from. */
  private static final Object ZERO = new Unknown();

  /** A value computed from others. */
  private record Computed(Opcode opcode, Object a, Object b) {}

  /** A run of bytes on one page. What may be written may be read, see SoftTlb. */
  static final class Run {
    private final Object root;
    private final boolean isWrite;

    /** Variable of the host address that belongs to the root. */
    final int local;

    /** First and last byte, as distances from the root. */
    private long first;

    private long last;

    /** More bytes may be added: whoever asks for the first ones will also come to the others. */
    private boolean isOpen = true;

    private Run(Object root, boolean isWrite, int local, long first, long last) {
      this.root = root;
      this.isWrite = isWrite;
      this.local = local;
      this.first = first;
      this.last = last;
    }

    /** For reading only: another CPU may make a page code, and a store has to see that soon. */
    private Run closed() {
      Run r = new Run(root, false, local, first, last);
      r.isOpen = false;
      return r;
    }

    long first() {
      return first;
    }

    long last() {
      return last;
    }

    private boolean takes(long from, long to, boolean mayGrow) {
      if (from >= first && to <= last) {
        return true;
      }
      long lowest = Math.min(from, first);
      long highest = Math.max(to, last);
      // Of addresses with 32 bits the distances have more, and may lie half the range apart.
      boolean isFar = Long.compareUnsigned(highest - lowest, REACH) >= 0;
      if (!isOpen || !mayGrow || isFar) {
        return false;
      }
      first = lowest;
      last = highest;
      return true;
    }
  }

  /**
   * Where an access lies in a run.
   *
   * @param offset from the run's root
   * @param isNew the run was made for it: the TLB has to be asked
   */
  record Hit(Run run, long offset, boolean isNew) {
    /** The host address. */
    Value host() {
      return Folding.operator(
          Opcode.LADD, new Value.Local(run.local), new Value.Constant('J', offset));
    }
  }

  /** What is known at a place. */
  public static final class State {
    private final Map<Integer, Spot> registers;
    private final List<Run> runs;

    private State(Map<Integer, Spot> registers, List<Run> runs) {
      this.registers = registers;
      this.runs = runs;
    }
  }

  private final int firstLocal;
  private final boolean isOn;
  private final Map<Integer, Spot> registers = new HashMap<>();
  private final Map<Integer, Spot> temporaries = new HashMap<>();
  private final List<Run> runs = new ArrayList<>();
  private boolean hasForked;
  private int next;

  /**
   * Nothing known yet.
   *
   * @param firstLocal {@link #SLOTS} variables from there on are for it
   * @param isOn false: nothing ever will be
   */
  public Nearby(int firstLocal, boolean isOn) {
    this.firstLocal = firstLocal;
    this.isOn = isOn;
  }

  /** Control may come here from elsewhere. */
  public void forget() {
    registers.clear();
    runs.clear();
    temporaries.clear();
  }

  /** Mappings may have changed. */
  void forgetRuns() {
    runs.clear();
  }

  /** A new instruction begins; its temporaries are others. */
  void begin() {
    temporaries.clear();
    hasForked = false;
  }

  /** The paths of the instruction part. */
  void fork() {
    hasForked = true;
  }

  /** They have. */
  boolean hasForked() {
    return hasForked;
  }

  /**
   * What holds here, for code that is reached from here only; null where the instruction has
   * several paths.
   */
  public State save() {
    if (hasForked) {
      return null;
    }
    return new State(new HashMap<>(registers), runs.stream().map(Run::closed).toList());
  }

  /** Goes on from where {@code state} was saved; null: knows nothing. */
  public void goOn(State state) {
    forget();
    if (state != null) {
      registers.putAll(state.registers);
      runs.addAll(state.runs);
    }
  }

  /** A register is about to be assigned. */
  void assigns(int register, Value v) {
    registers.put(register, hasForked ? new Spot(new Unknown(), 0) : spot(v));
  }

  /** The one assignment of a temporary. */
  void assigns(Value.Temporary t, Value v) {
    temporaries.put(t.number(), spot(v));
  }

  /**
   * The run that has {@code bytes} bytes at {@code address}; null where there is none.
   *
   * @param mayMake the TLB may be asked for it
   */
  Hit find(Value address, long bytes, boolean isWrite, boolean mayMake) {
    if (!isOn) {
      return null;
    }
    Spot at = spot(address);
    long last = at.offset + bytes - 1;
    if (last < at.offset) {
      return null;
    }
    for (Run r : runs) {
      if ((r.isWrite || !isWrite)
          && r.root.equals(at.root)
          && r.takes(at.offset, last, !hasForked)) {
        return new Hit(r, at.offset, false);
      }
    }
    if (!mayMake || hasForked) {
      return null;
    }
    int local = firstLocal + 2 * next;
    next = (next + 1) % MOST;
    runs.removeIf(r -> r.local == local);
    Run made = new Run(at.root, isWrite, local, at.offset, last);
    runs.addFirst(made);
    return new Hit(made, at.offset, true);
  }

  /** Bytes from {@code address} to {@code last}, or 0 where that is not known. */
  long bytes(Value address, Value last) {
    Spot from = spot(address);
    Spot to = spot(last);
    long n = to.offset - from.offset + 1;
    return from.root.equals(to.root) && n > 0 && n <= REACH ? n : 0;
  }

  private Spot spot(Value v) {
    return switch (v) {
      case Value.Register r ->
          registers.computeIfAbsent(r.number(), n -> new Spot(new Unknown(), 0));
      case Value.Temporary t ->
          temporaries.computeIfAbsent(t.number(), n -> new Spot(new Unknown(), 0));
      case Value.Constant(char type, Long c) -> new Spot(ZERO, c);
      case Value.Constant(char type, Integer c) -> new Spot(ZERO, c);
      case Value.Operator o -> spot(o);
      default -> new Spot(new Unknown(), 0);
    };
  }

  private Spot spot(Value.Operator o) {
    Spot a = spot(o.a());
    if (o.b() == null) {
      return o.opcode() == Opcode.L2I
          ? new Spot(new Computed(Opcode.L2I, a.root, null), a.offset)
          : new Spot(new Computed(o.opcode(), a, null), 0);
    }
    if (o.opcode() == Opcode.LAND && LOW_HALF.equals(o.b())) {
      // An address of 32 bits. Where it wraps around the first and the last byte of a run are not
      // on the same page, so distances may be added outside.
      if (a.root instanceof Computed(Opcode same, Spot(Object root, long offset), Object none)
          && same == Opcode.I2L) {
        return new Spot(new Computed(Opcode.LAND, root, null), offset + a.offset);
      }
      return new Spot(
          new Computed(Opcode.LAND, new Computed(Opcode.L2I, a.root, null), null), a.offset);
    }
    Spot b = spot(o.b());
    return switch (o.opcode()) {
      case LADD, IADD -> {
        if (b.root == ZERO) {
          yield new Spot(a.root, a.offset + b.offset);
        }
        yield a.root == ZERO
            ? new Spot(b.root, a.offset + b.offset)
            : new Spot(new Computed(Opcode.LADD, a.root, b.root), a.offset + b.offset);
      }
      case LSUB, ISUB ->
          b.root == ZERO
              ? new Spot(a.root, a.offset - b.offset)
              : new Spot(new Computed(o.opcode(), a, b), 0);
      default -> new Spot(new Computed(o.opcode(), a, b), 0);
    };
  }
}
