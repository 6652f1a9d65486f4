package org.tuber.truffle.engine;

import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.Opcode;
import java.lang.classfile.TypeKind;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.engine.special.Access;
import org.tuber.truffle.engine.special.Code;
import org.tuber.truffle.engine.special.Constants;
import org.tuber.truffle.engine.special.Flow;
import org.tuber.truffle.engine.special.LastPages;
import org.tuber.truffle.engine.special.Member;
import org.tuber.truffle.engine.special.Nearby;
import org.tuber.truffle.engine.special.OperationTable;
import org.tuber.truffle.engine.special.RegisterFile;
import org.tuber.truffle.engine.special.Specializer;
import org.tuber.truffle.engine.special.Unsuited;
import org.tuber.truffle.engine.special.Value;
import org.tuber.truffle.engine.special.WrittenClass;

/**
 * Writes a region as a Java method: guest registers are local variables, the guest's jumps the
 * method's, and each instruction is what {@link Specializer} leaves of its operation. The host's
 * own compilers, which are warm when ours is not, do the rest.
 *
 * <p>Same control flow as {@link RegionRoot}, which see for the polls. An operation that cannot be
 * specialised is called as it is, with all registers at home. At each way out only the registers
 * changed by then are stored, and control goes straight on to the next class, see {@link
 * RegionLink}.
 */
final class RegionClass {
  /** The host compiles no longer methods. */
  private static final int MAX_CODE_LENGTH = 8000;

  /**
   * More want more registers than the host has, and longer of its compiler; less cut loops in two.
   */
  static final int MAX_INSTRUCTIONS = 40;

  private static final ClassDesc STATE = ClassDesc.of(GuestState.class.getName());
  private static final ClassDesc CPU = ClassDesc.of(GuestCpu.class.getName());
  private static final ClassDesc ISA = ClassDesc.of(Isa.class.getName());
  private static final ClassDesc BASE = ClassDesc.of(RegionCode.class.getName());

  /** {@link RegionCode#run}. */
  private static final MethodTypeDesc RUN =
      MethodTypeDesc.of(ConstantDescs.CD_void, STATE, CPU, ConstantDescs.CD_int);

  private static final ClassDesc LONGS = ClassDesc.ofDescriptor("[J");

  private static final ClassDesc LINK = ClassDesc.of(RegionLink.class.getName());

  // Local variables; 0 is this.
  private static final int STATE_ARGUMENT = 1;
  private static final int CPU_ARGUMENT = 2;

  /** Classes that wait for this one to end. */
  private static final int DEPTH = 3;

  private static final int S = 4;
  private static final int C = 5;

  /** Guest instructions executed so far, as in the state. */
  private static final int COUNT = 6;

  /** Which instruction runs: block number and offset in the block, for faults. */
  private static final int AT = 8;

  /** The class that goes on. */
  private static final int NEXT = 9;

  /** First of the state's arrays of registers: there each is found at once and known to be one. */
  private static final int ARRAYS = 10;

  private static final int MAX_ARRAYS = 8;
  private static final int LAST_PAGES = ARRAYS + MAX_ARRAYS;
  private static final int NEARBY = LAST_PAGES + LastPages.SLOTS;

  /** See {@link RegionCode#distance}; in classes that move. */
  private static final int DISTANCE = NEARBY + Nearby.SLOTS;

  private static final int FIRST_FREE = DISTANCE + 2;

  /** A conditional jump takes its rare way at most so often; the host need not see where to. */
  private static final double RARE = 0.05;

  /** A loop that goes round so often each time that loads remember their pages. */
  private static final double OFTEN = 0.9;

  /** The same where classes are written before that is known, for tests. */
  private static final double OFTEN_AT_ONCE = 0.4;

  /** In {@link #AT}: block number, above the instruction's number, above its offset in bytes. */
  private static final int BLOCK_SHIFT = 18;

  private static final int NUMBER_SHIFT = 12;

  private static final ClassDesc TLB = ClassDesc.of(SoftTlb.class.getName());
  private static final ClassDesc RAM = ClassDesc.of(GuestRam.class.getName());
  private static final Map<Member, Access> ACCESSES = accesses();

  /** Where instruction {@code at} goes when its access misses, or it is one of its rare cases. */
  private record Miss(Label label, int at) {}

  /**
   * A way out.
   *
   * @param pc where to, or null where the state's {@code pc} says
   * @param link where control went on so far
   * @param isRare shares its last part with others like it
   */
  private record Exit(Long pc, RegionLink link, boolean isRare) {}

  private final Engine engine;
  private final OperationTable table;
  private final Isa isa;
  private final RegionPlan plan;
  private final int mode;
  private final ClassDesc state;
  private final ClassDesc cpu;
  private final ClassDesc self;
  private final Constants constants;
  private final List<Exit> exits = new ArrayList<>();
  private final List<Miss> misses = new ArrayList<>();

  /** Why operations are called as they are. */
  private final List<String> unsuited = new ArrayList<>();

  /** By name: their variables. */
  private final Map<String, Integer> arrays = new LinkedHashMap<>();

  private LastPages lastPages;
  private Nearby nearby;

  /** By block that only one other goes on to: what is known where that one ends. */
  private Nearby.State[] known;

  /** By block: the only one that goes on to it, or -1. */
  private final int[] before;

  private Code code;
  private Specializer specializer;
  private Label[] labels;
  private int pc;

  /** Number of the constant with the addresses of the blocks. */
  private int pcs;

  private RegionClass(Engine engine, RegionPlan plan) {
    this.engine = engine;
    this.isa = engine.isa;
    this.table = isa.operations();
    this.plan = plan;
    before = onlyWays();
    mode = plan.blocks()[0].mode;
    state = table.state().describeConstable().orElseThrow();
    cpu = table.cpu().describeConstable().orElseThrow();
    self = ClassDesc.of(table.lookup().lookupClass().getPackageName() + ".Region");
    constants = new Constants(self);
  }

  /** The fast paths of {@link SoftTlb}. */
  private static Map<Member, Access> accesses() {
    ClassDesc j = ConstantDescs.CD_long;
    Member misses = Access.method(TLB, "misses", ConstantDescs.CD_boolean, j, j, j);
    Member missesWrite = Access.method(TLB, "missesWrite", ConstantDescs.CD_boolean, j, j, j);
    Member host = Access.method(TLB, "host", j, j, j);
    Map<Member, Access> all = new HashMap<>();
    for (int bytes = 1; bytes <= 8; bytes *= 2) {
      ClassDesc value = bytes == 8 ? j : ConstantDescs.CD_int;
      Member load = Access.method(RAM, "hostLoad" + 8 * bytes, value, j);
      Member store = Access.method(RAM, "hostStore" + 8 * bytes, ConstantDescs.CD_void, j, value);
      all.put(load, new Access(Access.Kind.RAW, bytes, false, null, null, load));
      all.put(store, new Access(Access.Kind.RAW, bytes, true, null, null, store));
      all.put(
          Access.method(TLB, "load" + 8 * bytes, j, j, CPU, j),
          new Access(Access.Kind.LOAD, bytes, false, misses, host, load));
      all.put(
          Access.method(TLB, "store" + 8 * bytes, ConstantDescs.CD_void, j, CPU, j, j),
          new Access(Access.Kind.STORE, bytes, true, missesWrite, host, store));
    }
    all.put(
        Access.method(TLB, "readableHost", j, j, j, j),
        new Access(Access.Kind.ADDRESS, 0, false, misses, host, null));
    all.put(
        Access.method(TLB, "writableHost", j, j, CPU, j, j),
        new Access(Access.Kind.ADDRESS, 0, true, missesWrite, host, null));
    return all;
  }

  /** The class for {@code plan}, ready to run, or null where it would be too long. */
  static RegionCode write(Engine engine, RegionPlan plan) {
    return new RegionClass(engine, plan).define();
  }

  private RegionCode define() {
    WrittenClass made =
        new WrittenClass(
            table,
            self,
            BASE,
            constants,
            c -> c.withMethodBody("run", RUN, ClassFile.ACC_PUBLIC, this::body));
    int codeBytes = made.codeLength();
    if (codeBytes > MAX_CODE_LENGTH) {
      return null;
    }
    RegionCode region = made.make(RegionCode.class);
    region.links = exits.stream().map(Exit::link).toArray(RegionLink[]::new);
    region.codeBytes = codeBytes;
    return region;
  }

  private void body(CodeBuilder b) {
    blocks(b, looped());
    if (lastPages.isFull()) {
      blocks(b, new boolean[plan.nodes().length]);
    }
    unsuited.forEach(engine::unsuited);
    pcs = constants.add(Arrays.stream(plan.nodes()).mapToLong(n -> n.pc).toArray());
    int[] entries = plan.entries();
    Flow flow = code.flow(Arrays.stream(entries).mapToObj(e -> labels[e]).toList());

    Label goesOn = b.newLabel();
    b.iload(DEPTH).ifge(goesOn).return_().labelBinding(goesOn);
    b.aload(STATE_ARGUMENT).checkcast(state).astore(S);
    b.aload(CPU_ARGUMENT).checkcast(cpu).astore(C);
    b.aload(S).getfield(state, "instructions", ConstantDescs.CD_long).lstore(COUNT);
    b.iconst_0().istore(AT);
    fetchArrays(b);
    lastPages.forget(b);
    if (plan.isMovable()) {
      b.aload(0).getfield(BASE, "distance", ConstantDescs.CD_long).lstore(DISTANCE);
    }
    enter(b, flow.neededAtEntry());
    for (int i = plan.isMovable() ? 0 : 1; i < entries.length; i++) {
      b.aload(S).getfield(state, "pc", ConstantDescs.CD_long);
      loadAddress(b, plan.nodes()[entries[i]].pc);
      b.lcmp().ifeq(labels[entries[i]]);
    }
    if (plan.isMovable()) {
      // A link led here that was right for another distance; the dispatcher finds the right one.
      b.return_();
    } else {
      b.goto_(labels[entries[0]]);
    }

    List<Label> ways = exits.stream().map(e -> b.newLabel()).toList();
    Map<BitSet, Label> handlers = new LinkedHashMap<>();
    Map<BitSet, Label> retries = new LinkedHashMap<>();
    code.writeTo(
        b,
        flow,
        ways,
        changed -> handlers.computeIfAbsent(changed, c -> b.newLabel()),
        changed -> retries.computeIfAbsent(changed, c -> b.newLabel()));
    Label rare = b.newLabel();
    for (int i = 0; i < ways.size(); i++) {
      b.labelBinding(ways.get(i));
      store(b, flow.changedAtExit(i));
      storeCount(b);
      leave(b, exits.get(i), rare);
    }
    leaveRarely(b, rare);
    retries.forEach(
        (changed, label) -> {
          b.labelBinding(label);
          b.lload(COUNT).iload(AT).loadConstant(NUMBER_SHIFT).iushr();
          b.loadConstant((1 << BLOCK_SHIFT - NUMBER_SHIFT) - 1).iand().i2l().ladd().lstore(COUNT);
          stopAt(b, changed);
          b.aload(CPU_ARGUMENT).iconst_1().putfield(CPU, "leftForAccess", ConstantDescs.CD_boolean);
          b.return_();
        });
    handlers.forEach(
        (changed, label) -> {
          b.labelBinding(label);
          stopAt(b, changed);
          b.athrow();
        });
  }

  /**
   * Makes the code of all blocks, forgetting what was made.
   *
   * @param remembering blocks whose loads remember their pages
   */
  private void blocks(CodeBuilder b, boolean[] remembering) {
    exits.clear();
    misses.clear();
    unsuited.clear();
    lastPages = new LastPages(LAST_PAGES);
    nearby = new Nearby(NEARBY, !plan.isScattered());
    code = new Code(b, constants, lastPages, nearby, S, C, FIRST_FREE);
    specializer = new Specializer(table, ACCESSES, nearby, code);
    known = new Nearby.State[plan.nodes().length];
    pc = code.registers().number("pc", -1, 'J');
    labels = new Label[plan.nodes().length];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = b.newLabel();
    }
    for (int i = 0; i < labels.length; i++) {
      specializer.remember(remembering[i] ? lastPages : null);
      code.group(i);
      code.bind(labels[i]);
      nearby.goOn(known[i]);
      block(i);
    }
    for (Miss miss : misses) {
      code.group(miss.at >> BLOCK_SHIFT);
      code.bind(miss.label);
      code.plain(x -> x.loadConstant(miss.at).istore(AT));
      code.miss();
    }
  }

  /** An address in the guest's code, wherever that is now. */
  private void loadAddress(CodeBuilder b, long planned) {
    b.loadConstant(planned);
    move(b);
  }

  /** From where an address was planned to where it is. */
  private void move(CodeBuilder b) {
    if (plan.isMovable()) {
      b.lload(DISTANCE).ladd();
      if (isa.addressBytes(mode) == Integer.BYTES) {
        b.loadConstant(0xffff_ffffL).land();
      }
    }
  }

  /** {@link #loadAddress} for the specialiser. */
  private Value address(long planned) {
    Value constant = new Value.Constant('J', planned);
    if (!plan.isMovable()) {
      return constant;
    }
    Value moved = new Value.Operator(Opcode.LADD, 'J', new Value.Local(DISTANCE), constant);
    return isa.addressBytes(mode) == Integer.BYTES
        ? new Value.Operator(Opcode.LAND, 'J', moved, new Value.Constant('J', 0xffff_ffffL))
        : moved;
  }

  /** Puts home what changed, and the address of instruction {@link #AT}. */
  private void stopAt(CodeBuilder b, BitSet changed) {
    store(b, changed);
    storeCount(b);
    b.aload(S);
    constants.load(b, pcs, LONGS);
    b.iload(AT).loadConstant(BLOCK_SHIFT).iushr().laload();
    b.iload(AT).loadConstant((1 << NUMBER_SHIFT) - 1).iand().i2l().ladd();
    move(b);
    b.putfield(state, "pc", ConstantDescs.CD_long);
  }

  /** Goes on in the class where {@code exit} leads, if there is one, and returns after it. */
  private void leave(CodeBuilder b, Exit exit, Label rare) {
    if (exit.pc != null) {
      b.aload(S);
      loadAddress(b, exit.pc);
      b.putfield(state, "pc", ConstantDescs.CD_long);
    }
    constants.load(b, constants.add(exit.link), LINK);
    if (exit.isRare) {
      b.astore(NEXT).goto_(rare);
      return;
    }
    b.aload(CPU_ARGUMENT).iload(DEPTH);
    if (!exit.link.looksAtPc) {
      b.invokevirtual(LINK, "next", MethodTypeDesc.of(BASE, CPU, ConstantDescs.CD_int));
    } else {
      b.aload(S).getfield(state, "pc", ConstantDescs.CD_long);
      b.invokevirtual(
          LINK, "next", MethodTypeDesc.of(BASE, CPU, ConstantDescs.CD_int, ConstantDescs.CD_long));
    }
    Label end = b.newLabel();
    b.astore(NEXT).aload(NEXT).ifnull(end);
    b.aload(NEXT).aload(STATE_ARGUMENT).aload(CPU_ARGUMENT).iload(DEPTH).iconst_1().iadd();
    b.invokevirtual(BASE, "run", RUN);
    b.labelBinding(end).return_();
  }

  /** The end of all rare ways out, whose link is in {@link #NEXT}. */
  private void leaveRarely(CodeBuilder b, Label rare) {
    if (exits.stream().noneMatch(Exit::isRare)) {
      return;
    }
    b.labelBinding(rare);
    b.aload(NEXT).aload(STATE_ARGUMENT).aload(CPU_ARGUMENT).iload(DEPTH);
    b.invokevirtual(LINK, "go", RUN);
    b.return_();
  }

  private void storeCount(CodeBuilder b) {
    b.aload(S).lload(COUNT).putfield(state, "instructions", ConstantDescs.CD_long);
  }

  /** Puts the arrays of registers into variables, each known to be long enough. */
  private void fetchArrays(CodeBuilder b) {
    Map<String, Integer> last = new LinkedHashMap<>();
    for (int i = 0; i < code.registers().count(); i++) {
      RegisterFile.Entry e = code.registers().entry(i);
      if (e.index() >= 0) {
        last.merge(e.field(), e.index(), Math::max);
      }
    }
    if (last.size() > MAX_ARRAYS) {
      throw new IllegalStateException("arrays of registers: " + last.keySet());
    }
    last.forEach(
        (array, index) -> {
          int local = ARRAYS + arrays.size();
          arrays.put(array, local);
          b.aload(S).getfield(state, array, LONGS).astore(local);
          b.aload(local).loadConstant(index).laload().pop2();
        });
  }

  /** Loads the registers in {@code needed}; the others get some value, as variables must. */
  private void enter(CodeBuilder b, BitSet needed) {
    load(b, needed);
    for (int i = 0; i < code.registers().count(); i++) {
      if (!needed.get(i)) {
        TypeKind kind = kind(code.registers().type(i));
        if (kind == TypeKind.LONG) {
          b.lconst_0();
        } else {
          b.iconst_0();
        }
        b.storeLocal(kind, code.registerLocal(i));
      }
    }
  }

  private void load(CodeBuilder b, BitSet registers) {
    moves(
        b,
        registers,
        (i, e) -> {
          if (e.index() < 0) {
            b.getfield(state, e.field(), typeOf(e));
          } else {
            b.loadConstant(e.index()).laload();
          }
          b.storeLocal(kind(e.type()), code.registerLocal(i));
        });
  }

  private void store(CodeBuilder b, BitSet registers) {
    moves(
        b,
        registers,
        (i, e) -> {
          if (e.index() < 0) {
            b.loadLocal(kind(e.type()), code.registerLocal(i));
            b.putfield(state, e.field(), typeOf(e));
          } else {
            b.loadConstant(e.index());
            b.loadLocal(kind(e.type()), code.registerLocal(i)).lastore();
          }
        });
  }

  /** Writes what moves one register from or to the object on the stack. */
  private interface Move {
    void write(int number, RegisterFile.Entry e);
  }

  /** All moves, array by array. */
  private void moves(CodeBuilder b, BitSet registers, Move move) {
    Map<String, List<Integer>> byArray = new LinkedHashMap<>();
    registers.stream()
        .forEach(
            i -> {
              RegisterFile.Entry e = code.registers().entry(i);
              byArray
                  .computeIfAbsent(e.index() < 0 ? "" : e.field(), f -> new ArrayList<>())
                  .add(i);
            });
    byArray.forEach(
        (array, numbers) -> {
          for (int i : numbers) {
            b.aload(array.isEmpty() ? S : arrays.get(array));
            move.write(i, code.registers().entry(i));
          }
        });
  }

  private static TypeKind kind(char type) {
    return type == 'J' ? TypeKind.LONG : TypeKind.INT;
  }

  private ClassDesc typeOf(RegisterFile.Entry e) {
    try {
      return table.state().getField(e.field()).getType().describeConstable().orElseThrow();
    } catch (NoSuchFieldException x) {
      throw new IllegalStateException(x);
    }
  }

  /** The blocks between the target of a jump back that is taken often and the jump. */
  private boolean[] looped() {
    RegionBlock[] nodes = plan.nodes();
    boolean[] looped = new boolean[nodes.length];
    double often = engine.writesAtOnce() ? OFTEN_AT_ONCE : OFTEN;
    for (int i = 0; i < nodes.length; i++) {
      RegionBlock node = nodes[i];
      if (node.kind != Block.BRANCH) {
        continue;
      }
      if (node.takenProbability >= often && isBack(node.takenIndex, i)) {
        Arrays.fill(looped, node.takenIndex, i + 1, true);
      } else if (1 - node.takenProbability >= often && isBack(node.nextIndex, i)) {
        Arrays.fill(looped, node.nextIndex, i + 1, true);
      }
    }
    return looped;
  }

  /** Finds {@link #before}. */
  private int[] onlyWays() {
    RegionBlock[] nodes = plan.nodes();
    int[] ways = new int[nodes.length];
    int[] from = new int[nodes.length];
    for (int i = 0; i < nodes.length; i++) {
      for (int to : new int[] {nodes[i].nextIndex, nodes[i].takenIndex}) {
        if (to >= 0) {
          ways[to]++;
          from[to] = i;
        }
      }
    }
    for (int to : plan.guesses().indexes()) {
      if (to >= 0) {
        ways[to] = 2;
      }
    }
    for (int entry : plan.entries()) {
      ways[entry] = 2;
    }
    for (int i = 0; i < nodes.length; i++) {
      if (ways[i] != 1 || from[i] >= i) {
        from[i] = -1;
      }
    }
    return from;
  }

  private static boolean isBack(int target, int from) {
    return target >= 0 && target <= from;
  }

  private void block(int index) {
    RegionBlock node = plan.nodes()[index];
    long[] words = node.code;
    int first = code.size();
    code.resetTemporaries();
    for (int i = 0; i < words.length - 2; i += 2) {
      step(index, i >> 1, node.pc, words[i], words[i + 1]);
    }
    long w0 = words[words.length - 2];
    long w1 = words[words.length - 1];
    if (table.endings().of(w0) == null) {
      step(index, node.instructionCount - 1, node.pc, w0, w1);
      go(index, node, null);
    } else {
      int at = at(index, node.instructionCount - 1, w0);
      operation(at, node.pc, table.endings().of(w0), true, w0, w1, o -> go(index, node, o));
    }
    code.sweep(first);
  }

  private int at(int index, int number, long w0) {
    return index << BLOCK_SHIFT | number << NUMBER_SHIFT | table.pcOffset().of(w0);
  }

  private void step(int index, int number, long blockPc, long w0, long w1) {
    Label next = code.label();
    int[] ends = new int[1];
    operation(
        at(index, number, w0),
        blockPc,
        table.steps().of(w0),
        false,
        w0,
        w1,
        o -> {
          ends[0]++;
          code.jump(next);
        });
    if (ends[0] != 1 || !code.unjump(next)) {
      code.bind(next);
    }
  }

  private void operation(
      int at,
      long blockPc,
      Object operation,
      boolean isEnding,
      long w0,
      long w1,
      Specializer.End end) {
    int before = code.size();
    int exitsBefore = exits.size();
    // Goes again where the operation cannot throw; one piece, so that it can be replaced.
    code.plain(b -> b.loadConstant(at).istore(AT));
    try {
      OperationTable.Target target = OperationTable.targetOf(operation, table.lookup());
      if (target == null) {
        throw new Unsuited("no method");
      }
      Label slow = plan.leavesOnMiss() ? code.label() : null;
      boolean mayThrow = specializer.write(target, w0, w1, address(blockPc), mode, slow, end);
      if (specializer.isSlowUsed()) {
        misses.add(new Miss(slow, at));
      }
      if (!mayThrow) {
        code.remove(before);
      }
      return;
    } catch (Unsuited e) {
      unsuited.add(e.getMessage());
      code.truncate(before);
      exits.subList(exitsBefore, exits.size()).clear();
    }
    Value.Temporary outcome = isEnding ? code.temporary('I') : null;
    call(at, blockPc, operation, outcome, w0, w1);
    end.at(outcome);
  }

  /** Calls the operation with all registers at home. */
  private void call(
      int at, long blockPc, Object operation, Value.Temporary outcome, long w0, long w1) {
    ClassDesc owner =
        (outcome != null ? table.ending() : table.step()).describeConstable().orElseThrow();
    ClassDesc result = outcome != null ? ConstantDescs.CD_int : ConstantDescs.CD_void;
    int number = constants.add(operation);
    int isaNumber = constants.add(isa);
    code.atHome(
        (b, stores, loads) -> {
          b.loadConstant(at).istore(AT);
          store(b, stores);
          constants.load(b, isaNumber, ISA);
          b.aload(S);
          loadAddress(b, blockPc);
          b.invokevirtual(
              ISA,
              "enterBlock",
              MethodTypeDesc.of(ConstantDescs.CD_void, STATE, ConstantDescs.CD_long));
          b.aload(S).loadConstant(at & ((1 << NUMBER_SHIFT) - 1));
          b.putfield(state, "pcOffset", ConstantDescs.CD_int);
          constants.load(b, number, owner);
          b.aload(S).aload(C).loadConstant(w0).loadConstant(w1);
          b.invokeinterface(
              owner,
              "run",
              MethodTypeDesc.of(result, state, cpu, ConstantDescs.CD_long, ConstantDescs.CD_long));
          if (outcome != null) {
            code.store(b, outcome);
          }
          lastPages.forget(b);
          load(b, loads);
        });
  }

  /** Goes on after a block; {@code outcome} is that of its last instruction, or null. */
  private void go(int index, RegionBlock node, Value outcome) {
    code.plain(b -> b.lload(COUNT).loadConstant((long) node.instructionCount).ladd().lstore(COUNT));
    if (node.kind == Block.BRANCH) {
      if (outcome instanceof Value.Constant c) {
        if (c.value().equals(Block.TO_TAKEN)) {
          goTo(index, node.takenIndex, node.takenPc, false);
        } else {
          goTo(index, node.nextIndex, node.nextPc, false);
        }
        return;
      }
      Label taken = code.label();
      if (outcome instanceof Value.Choice v
          && v.then().equals(new Value.Constant('I', Block.TO_TAKEN))
          && v.otherwise().equals(new Value.Constant('I', Block.TO_FALL))) {
        code.jumpIf(v.jump(), v.a(), v.b(), taken);
      } else {
        code.jumpIf(Opcode.IF_ICMPEQ, outcome, new Value.Constant('I', Block.TO_TAKEN), taken);
      }
      goTo(index, node.nextIndex, node.nextPc, 1 - node.takenProbability < RARE);
      code.bind(taken);
      goTo(index, node.takenIndex, node.takenPc, node.takenProbability < RARE);
    } else if (node.firstGuess >= 0) {
      guess(node);
    } else if (node.isIndirect()) {
      exit(null, false);
    } else {
      goTo(index, node.nextIndex, node.nextPc, false);
    }
  }

  /** Compares where an indirect jump goes with what it did before. */
  private void guess(RegionBlock node) {
    Label out = code.label();
    if (node.isBackward) {
      poll(out);
    }
    RegionRoot.Guesses guesses = plan.guesses();
    Value target = new Value.Register('J', pc);
    for (int g = node.firstGuess; guesses.indexes()[g] >= 0; g++) {
      Value other = address(guesses.pcs()[g]);
      code.jumpIf(
          Opcode.IFEQ,
          new Value.Operator(Opcode.LCMP, 'I', target, other),
          null,
          labels[guesses.indexes()[g]]);
    }
    code.bind(out);
    exit(null, false);
  }

  /** On to the block {@code to}, or out with {@code target}. */
  private void goTo(int from, int to, long target, boolean isRare) {
    if (to >= 0 && before[to] == from) {
      known[to] = nearby.save();
    }
    if (to < 0) {
      exit(target, isRare);
    } else if (to <= from) {
      Label out = code.label();
      poll(out);
      code.jump(labels[to]);
      code.bind(out);
      exit(target, true);
    } else {
      code.jump(labels[to]);
    }
  }

  /** Leaves for {@code target}, or where the state's {@code pc} says if it is null. */
  private void exit(Long target, boolean isRare) {
    code.exit(exits.size());
    RegionLink link = new RegionLink(target == null || plan.isMovable());
    exits.add(new Exit(target, link, isRare));
  }

  private void poll(Label out) {
    code.branch(
        out,
        b -> b.aload(C).getfield(CPU, "pending", ConstantDescs.CD_int).branch(Opcode.IFNE, out));
  }
}
