package org.tuber.truffle.engine.special;

import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Instruction;
import java.lang.classfile.Label;
import java.lang.classfile.Opcode;
import java.lang.classfile.TypeKind;
import java.lang.classfile.instruction.ArrayLoadInstruction;
import java.lang.classfile.instruction.ArrayStoreInstruction;
import java.lang.classfile.instruction.ConvertInstruction;
import java.lang.classfile.instruction.OperatorInstruction;
import java.lang.classfile.instruction.SwitchCase;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The body of a method that is being written, in pieces: which registers it needs, and so where its
 * variables are, is only known at its end.
 */
public final class Code {
  /** What there is in the list. */
  enum Kind {
    /** A label's place; the paths that meet there read any register. */
    PLACE,
    /** A jump, which may turn out to lead to the next piece. */
    JUMP,
    /** Assigns a register. */
    REGISTER,
    /** Assigns a temporary, and does nothing else. */
    TEMPORARY,
    /** Neither jumps nor throws. */
    PLAIN,
    /** Jumps somewhere, or goes on. */
    BRANCH,
    /** Jumps somewhere, or throws, and never goes on. */
    END,
    /** May throw. */
    THROWING,
    /** Runs with all registers at home. */
    HOME,
    /** Leaves the body for good. */
    EXIT,
    /** Leaves the body like a throw. */
    MISS,
    /** Nothing any more. */
    GONE
  }

  /**
   * A piece of the body.
   *
   * @param number of the register or temporary it assigns, or of the exit
   * @param group who shares a handler
   * @param targets where it may jump; of a place its own label
   */
  record Piece(
      Kind kind,
      int number,
      int group,
      List<Label> targets,
      List<Value> reads,
      Consumer<CodeBuilder> write) {
    private Label label() {
      return targets.getFirst();
    }
  }

  /** Writes what needs all registers at home. */
  @FunctionalInterface
  public interface AtHome {
    /**
     * Writes the code.
     *
     * @param stores registers to be put there before
     * @param loads registers to be fetched afterwards
     */
    void write(CodeBuilder b, BitSet stores, BitSet loads);
  }

  /** Local variables of the written method. */
  private final int stateLocal;

  private final int cpuLocal;
  private final int firstLocal;
  private final CodeBuilder labels;
  private final List<Piece> pieces = new ArrayList<>();
  private final RegisterFile registers = new RegisterFile();
  private final Constants constants;
  private final LastPages lastPages;
  private final Nearby nearby;
  private final List<AtHome> atHome = new ArrayList<>();
  private int temporaries;
  private int group;

  /**
   * An empty body.
   *
   * @param labels makes the labels
   * @param constants of the class
   * @param firstLocal first variable that is free
   */
  public Code(
      CodeBuilder labels,
      Constants constants,
      LastPages lastPages,
      Nearby nearby,
      int stateLocal,
      int cpuLocal,
      int firstLocal) {
    this.lastPages = lastPages;
    this.nearby = nearby;
    this.labels = labels;
    this.constants = constants;
    this.stateLocal = stateLocal;
    this.cpuLocal = cpuLocal;
    this.firstLocal = firstLocal;
  }

  /** The registers it uses so far. */
  public RegisterFile registers() {
    return registers;
  }

  /** Pieces so far. */
  public int size() {
    return pieces.size();
  }

  /** Forgets the pieces from {@code size} on. */
  public void truncate(int size) {
    pieces.subList(size, pieces.size()).clear();
  }

  /** Forgets piece {@code number}. */
  public void remove(int number) {
    int of = pieces.get(number).group;
    pieces.set(number, new Piece(Kind.GONE, 0, of, List.of(), List.of(), null));
  }

  /** Lets temporaries be used again: no value of the code so far is needed any more. */
  public void resetTemporaries() {
    temporaries = 0;
  }

  /** A new temporary. */
  public Value.Temporary temporary(char type) {
    return new Value.Temporary(type, temporaries++);
  }

  /** A label that is not bound yet. */
  public Label label() {
    return labels.newLabel();
  }

  /** The pieces from here on share a handler with others of this group, counted from 0. */
  public void group(int number) {
    group = number;
  }

  /** Binds a label here. */
  public void bind(Label label) {
    add(Kind.PLACE, 0, List.of(label), List.of(), null);
  }

  /** Jumps, unless it goes on there anyway. */
  public void jump(Label label) {
    add(Kind.JUMP, 0, List.of(label), List.of(), null);
  }

  /** Leaves the body by exit {@code number}, which the caller writes. */
  public void exit(int number) {
    add(Kind.EXIT, number, List.of(), List.of(), null);
  }

  /** Leaves the body as if something had been thrown in this group. */
  public void miss() {
    add(Kind.MISS, 0, List.of(), List.of(), null);
  }

  /** Any other code that reads no register, and neither jumps nor throws. */
  public void plain(Consumer<CodeBuilder> write) {
    add(Kind.PLAIN, 0, List.of(), List.of(), write);
  }

  /** Code that reads no register, and may jump to {@code to}. */
  public void branch(Label to, Consumer<CodeBuilder> write) {
    add(Kind.BRANCH, 0, List.of(to), List.of(), write);
  }

  /** Code that finds all registers at home, and may throw. */
  public void atHome(AtHome write) {
    nearby.forget();
    atHome.add(write);
    add(Kind.HOME, atHome.size() - 1, List.of(), List.of(), null);
  }

  private void add(
      Kind kind, int number, List<Label> targets, List<Value> reads, Consumer<CodeBuilder> write) {
    pieces.add(new Piece(kind, number, group, targets, reads, write));
  }

  private void add(Kind kind, List<Value> reads, Consumer<CodeBuilder> write) {
    add(kind, 0, List.of(), reads, write);
  }

  /** Takes back a jump to {@code label} that was just written; false when there is none. */
  public boolean unjump(Label label) {
    int last = pieces.size() - 1;
    if (last >= 0 && pieces.get(last).kind == Kind.JUMP && pieces.get(last).label() == label) {
      pieces.remove(last);
      return true;
    }
    return false;
  }

  /** Which registers the finished body needs where. */
  public Flow flow(List<Label> entries) {
    return new Flow(pieces, registers.count(), entries);
  }

  /**
   * Writes all pieces but those without effect.
   *
   * @param exits label of each exit
   * @param handlers tells the handler of the pieces where the registers in the set are newer than
   *     at home
   * @param misses the same for those that leave by {@link #miss}
   */
  public void writeTo(
      CodeBuilder b,
      Flow flow,
      List<Label> exits,
      Function<BitSet, Label> handlers,
      Function<BitSet, Label> misses) {
    Label start = null;
    for (int i = 0; i < pieces.size(); i++) {
      Piece p = pieces.get(i);
      if (start != null && (p.kind == Kind.HOME || p.group != pieces.get(i - 1).group)) {
        guard(b, start, handlers.apply(flow.changedIn(pieces.get(i - 1).group)));
        start = null;
      }
      switch (p.kind) {
        case GONE -> {}
        case PLACE -> b.labelBinding(p.label());
        case JUMP -> {
          if (!leadsOn(i, p.label())) {
            b.goto_(p.label());
          }
        }
        case EXIT -> b.goto_(exits.get(p.number));
        case MISS -> b.goto_(misses.apply(flow.changedIn(p.group)));
        case HOME -> {
          Label home = b.newBoundLabel();
          atHome.get(p.number).write(b, flow.changedBefore(i), flow.neededAfter(i));
          guard(b, home, handlers.apply(new BitSet()));
        }
        default -> {
          if (start == null && (p.kind == Kind.THROWING || p.kind == Kind.END)) {
            start = b.newBoundLabel();
          }
          p.write.accept(b);
        }
      }
    }
    if (start != null) {
      guard(b, start, handlers.apply(flow.changedIn(pieces.getLast().group)));
    }
  }

  private static void guard(CodeBuilder b, Label start, Label handler) {
    b.exceptionCatchAll(start, b.newBoundLabel(), handler);
  }

  /** True when nothing but labels is between piece {@code i} and {@code label}. */
  private boolean leadsOn(int i, Label label) {
    for (int n = i + 1; n < pieces.size(); n++) {
      Piece p = pieces.get(n);
      if (p.kind == Kind.PLACE && p.label() == label) {
        return true;
      }
      if (p.kind != Kind.PLACE && p.kind != Kind.GONE) {
        return false;
      }
    }
    return false;
  }

  /** Drops assignments of the pieces from {@code from} on that nobody reads. */
  public void sweep(int from) {
    int[] uses = new int[temporaries];
    for (int i = from; i < pieces.size(); i++) {
      for (Value v : pieces.get(i).reads) {
        count(v, uses, 1);
      }
    }
    BitSet dead = new BitSet();
    for (int i = pieces.size() - 1; i >= from; i--) {
      Piece p = pieces.get(i);
      boolean drops =
          p.kind == Kind.REGISTER
              ? dead.get(p.number)
              : p.kind == Kind.TEMPORARY && uses[p.number] == 0;
      if (drops) {
        for (Value v : p.reads) {
          count(v, uses, -1);
        }
        remove(i);
        continue;
      }
      switch (p.kind) {
        case PLACE, JUMP, BRANCH, END, THROWING, HOME, EXIT, MISS -> dead.clear();
        case REGISTER -> dead.set(p.number);
        default -> {}
      }
      if (!dead.isEmpty()) {
        for (Value v : p.reads) {
          revive(v, dead);
        }
      }
    }
  }

  private static void count(Value v, int[] uses, int by) {
    switch (v) {
      case Value.Temporary t -> uses[t.number()] += by;
      case Value.Operator o -> {
        count(o.a(), uses, by);
        if (o.b() != null) {
          count(o.b(), uses, by);
        }
      }
      case Value.Pure p -> p.arguments().forEach(a -> count(a, uses, by));
      case Value.Choice c -> {
        count(c.a(), uses, by);
        if (c.b() != null) {
          count(c.b(), uses, by);
        }
        count(c.then(), uses, by);
        count(c.otherwise(), uses, by);
      }
      default -> {}
    }
  }

  private static void revive(Value v, BitSet dead) {
    switch (v) {
      case Value.Register r -> dead.clear(r.number());
      case Value.Operator o -> {
        revive(o.a(), dead);
        if (o.b() != null) {
          revive(o.b(), dead);
        }
      }
      case Value.Pure p -> p.arguments().forEach(a -> revive(a, dead));
      case Value.Choice c -> {
        revive(c.a(), dead);
        if (c.b() != null) {
          revive(c.b(), dead);
        }
        revive(c.then(), dead);
        revive(c.otherwise(), dead);
      }
      default -> {}
    }
  }

  // ---------------------------------------------------------------- values

  private static TypeKind kind(char type) {
    return switch (type) {
      case 'I' -> TypeKind.INT;
      case 'J' -> TypeKind.LONG;
      case 'F' -> TypeKind.FLOAT;
      case 'D' -> TypeKind.DOUBLE;
      default -> TypeKind.REFERENCE;
    };
  }

  private int local(Value.Temporary t) {
    return firstLocal + 2 * registers.count() + 2 * t.number();
  }

  /** The variable of register {@code number}. */
  public int registerLocal(int number) {
    return firstLocal + 2 * number;
  }

  /** Pushes {@code v}. */
  public void push(CodeBuilder b, Value v) {
    switch (v) {
      case Value.Constant c -> {
        switch (c.value()) {
          case null -> b.aconst_null();
          case Integer i -> b.loadConstant(i);
          case Long l -> b.loadConstant(l);
          case Float f -> b.loadConstant(f);
          case Double d -> b.loadConstant(d);
          default -> throw new IllegalStateException(c.toString());
        }
      }
      case Value.Known k -> {
        if (k.object() instanceof String s) {
          b.loadConstant(s);
        } else if (k.declared() == null) {
          throw new Unsuited("constant of a hidden class");
        } else {
          constants.load(b, constants.add(k.object()), k.declared());
        }
      }
      case Value.State s -> b.aload(stateLocal);
      case Value.Cpu c -> b.aload(cpuLocal);
      case Value.Registers r -> throw new Unsuited("registers escape");
      case Value.Local l -> b.lload(l.slot());
      case Value.Temporary t -> b.loadLocal(kind(t.type()), local(t));
      case Value.Register r -> b.loadLocal(kind(r.type()), registerLocal(r.number()));
      case Value.Operator o -> {
        push(b, o.a());
        if (o.b() != null) {
          push(b, o.b());
        }
        b.with(instruction(o.opcode()));
      }
      case Value.Pure p -> {
        for (Value a : p.arguments()) {
          push(b, a);
        }
        b.invokestatic(p.method().owner(), p.method().name(), p.method().type());
      }
      case Value.Choice c -> {
        Label then = b.newLabel();
        Label end = b.newLabel();
        push(b, c.a());
        if (c.b() != null) {
          push(b, c.b());
        }
        b.branch(c.jump(), then);
        push(b, c.otherwise());
        b.goto_(end);
        b.labelBinding(then);
        push(b, c.then());
        b.labelBinding(end);
      }
    }
  }

  private static Instruction instruction(Opcode o) {
    return switch (o.kind()) {
      case CONVERT -> ConvertInstruction.of(o);
      default -> OperatorInstruction.of(o);
    };
  }

  /** Pops into {@code t}. */
  public void store(CodeBuilder b, Value.Temporary t) {
    b.storeLocal(kind(t.type()), local(t));
  }

  // ---------------------------------------------------------------- pieces

  private static List<Value> both(Value a, Value b) {
    return b == null ? List.of(a) : List.of(a, b);
  }

  void assign(Value.Temporary to, Value v) {
    nearby.assigns(to, v);
    boolean isPlain = !(v instanceof Value.Operator o && Folding.mayThrow(o.opcode()));
    add(
        isPlain ? Kind.TEMPORARY : Kind.THROWING,
        to.number(),
        List.of(),
        List.of(v),
        b -> {
          push(b, v);
          store(b, to);
        });
  }

  /** All at once: what is read is read before anything changes. */
  void move(List<Value> from, List<Value.Temporary> to) {
    add(
        Kind.PLAIN,
        List.copyOf(from),
        b -> {
          for (Value v : from) {
            push(b, v);
          }
          for (int i = to.size() - 1; i >= 0; i--) {
            store(b, to.get(i));
          }
        });
  }

  /** Assigns a register. */
  public void setRegister(int number, Value v) {
    nearby.assigns(number, v);
    add(
        Kind.REGISTER,
        number,
        List.of(),
        List.of(v),
        b -> {
          push(b, v);
          b.storeLocal(kind(registers.type(number)), registerLocal(number));
        });
  }

  /** Jumps where the condition holds. */
  public void jumpIf(Opcode jump, Value a, Value other, Label to) {
    add(
        Kind.BRANCH,
        0,
        List.of(to),
        both(a, other),
        b -> {
          push(b, a);
          if (other != null) {
            push(b, other);
          }
          b.branch(jump, to);
        });
  }

  void choose(Value v, int[] keys, Label[] to, Label rest) {
    List<SwitchCase> cases = new ArrayList<>();
    for (int i = 0; i < keys.length; i++) {
      cases.add(SwitchCase.of(keys[i], to[i]));
    }
    List<Label> targets = new ArrayList<>(List.of(to));
    targets.add(rest);
    add(
        Kind.END,
        0,
        targets,
        List.of(v),
        b -> {
          push(b, v);
          b.lookupswitch(rest, cases);
        });
  }

  void raise(Value v) {
    add(
        Kind.END,
        List.of(v),
        b -> {
          push(b, v);
          b.athrow();
        });
  }

  void cast(Value v, ClassDesc type, Value.Temporary to) {
    add(
        Kind.THROWING,
        List.of(v),
        b -> {
          push(b, v);
          b.checkcast(type);
          store(b, to);
        });
  }

  void getStatic(Member m, Value.Temporary to) {
    add(
        Kind.PLAIN,
        List.of(),
        b -> {
          b.getstatic(m.owner(), m.name(), m.fieldType());
          store(b, to);
        });
  }

  void getField(Value of, Member m, Value.Temporary to) {
    add(
        of instanceof Value.Cpu ? Kind.PLAIN : Kind.THROWING,
        List.of(of),
        b -> {
          push(b, of);
          b.getfield(m.owner(), m.name(), m.fieldType());
          store(b, to);
        });
  }

  void putField(Value of, Member m, Value v) {
    add(
        of instanceof Value.Cpu ? Kind.PLAIN : Kind.THROWING,
        List.of(of, v),
        b -> {
          push(b, of);
          push(b, v);
          b.putfield(m.owner(), m.name(), m.fieldType());
        });
  }

  void arrayLoad(Opcode o, Value array, Value index, Value.Temporary to) {
    add(
        Kind.THROWING,
        List.of(array, index),
        b -> {
          push(b, array);
          push(b, index);
          b.with(ArrayLoadInstruction.of(o));
          store(b, to);
        });
  }

  void arrayStore(Opcode o, Value array, Value index, Value v) {
    add(
        Kind.THROWING,
        List.of(array, index, v),
        b -> {
          push(b, array);
          push(b, index);
          push(b, v);
          b.with(ArrayStoreInstruction.of(o));
        });
  }

  void arrayLength(Value array, Value.Temporary to) {
    add(
        Kind.THROWING,
        List.of(array),
        b -> {
          push(b, array);
          b.arraylength();
          store(b, to);
        });
  }

  void call(Calls.Decision d, Opcode o, Member m, List<Value> arguments, Value.Temporary to) {
    for (Value v : arguments) {
      if (v instanceof Value.State || v instanceof Value.Registers) {
        throw new Unsuited(m + " with the state");
      }
    }
    int handle = d.handle() == null ? -1 : constants.add(d.handle());
    add(
        Kind.THROWING,
        arguments,
        b -> {
          if (handle >= 0) {
            constants.load(b, handle, ConstantDescs.CD_MethodHandle);
          }
          for (Value v : arguments) {
            push(b, v);
          }
          if (handle >= 0) {
            b.invokevirtual(
                ConstantDescs.CD_MethodHandle,
                "invokeExact",
                d.handle().type().describeConstable().orElseThrow());
          } else {
            b.invoke(o, m.owner(), m.name(), m.type(), m.isInterface());
          }
          if (to != null) {
            store(b, to);
          }
        });
  }

  /**
   * Asks the TLB for a run of bytes and keeps the host address of its root.
   *
   * @param address of the access it was made for
   * @param number of the page remembered that may save asking, or -1
   * @param slow where to go when it cannot be accessed fast
   */
  void findRun(Nearby.Hit hit, Access access, Value table, Value address, int number, Label slow) {
    Nearby.Run run = hit.run();
    add(
        Kind.BRANCH,
        0,
        List.of(slow),
        List.of(table, address),
        b -> {
          Value first = from(address, run.first() - hit.offset());
          Value last = from(address, run.last() - hit.offset());
          Label known = b.newLabel();
          if (number >= 0) {
            Label other = b.newLabel();
            boolean isAlone = run.last() - run.first() < access.bytes();
            push(b, isAlone ? LastPages.pageOf(first, access.bytes()) : LastPages.pageOf(last, 1));
            lastPages.pushPage(b, number);
            b.lcmp();
            if (!isAlone) {
              b.ifne(other);
              push(b, LastPages.pageOf(first, 1));
              lastPages.pushPage(b, number);
              b.lcmp();
            }
            b.ifeq(known);
            b.labelBinding(other);
          }
          push(b, new Value.Pure(access.test(), 'I', List.of(table, first, last)));
          b.ifne(slow);
          Value host = new Value.Pure(access.host(), 'J', List.of(table, first));
          if (number >= 0) {
            push(b, LastPages.pageOf(first, 1));
            push(b, new Value.Operator(Opcode.LSUB, 'J', host, first));
            lastPages.popBoth(b, number);
            b.labelBinding(known);
            push(b, from(address, -hit.offset()));
            lastPages.pushAddend(b, number);
            b.ladd();
          } else {
            push(b, from(host, -run.first()));
          }
          b.lstore(run.local);
        });
  }

  private static Value from(Value address, long distance) {
    return Folding.operator(Opcode.LADD, address, new Value.Constant('J', distance));
  }

  /** Forgets the pages remembered. */
  void forgetPages() {
    nearby.forgetRuns();
    add(Kind.PLAIN, List.of(), lastPages::forget);
  }

  /** A static method that does not throw. */
  void raw(Member m, List<Value> arguments, Value.Temporary to) {
    add(
        Kind.PLAIN,
        arguments,
        b -> {
          for (Value v : arguments) {
            push(b, v);
          }
          b.invokestatic(m.owner(), m.name(), m.type());
          if (to != null) {
            store(b, to);
          }
        });
  }
}
