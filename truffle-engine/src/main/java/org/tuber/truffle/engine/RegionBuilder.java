package org.tuber.truffle.engine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;

/**
 * Chooses the blocks of a region from what the interpreter counted: hottest first from the head,
 * cold edges left as exits.
 *
 * <p>Calls are inlined with their return address as context. A callee that is in the region anyway
 * (recursion), or too deep, is jumped to; its returns then guess among the return sites of the
 * region.
 */
final class RegionBuilder {
  /** Callees are inlined this deep. */
  private static final int MAX_DEPTH = 4;

  /** Ways into a region besides its head. */
  private static final int MAX_ENTRIES = 8;

  /** Return sites that a return which was not inlined is compared with. */
  private static final int MAX_RETURN_GUESSES = 4;

  /**
   * An indirect jump leads so far within one file. In another process a library is at another
   * distance from the program: code that moves is a region only with what moves along.
   */
  private static final long NEAR_BYTES = 1 << 16;

  /** A successor is cold below this fraction of the head's executions. */
  private static final int COLD_DIVISOR = 32;

  /**
   * An inlined call. Null stands for the region's own level.
   *
   * @param share part of the callee's executions that this call makes
   */
  private record Context(Context caller, long returnPc, long calleePc, int depth, double share) {
    boolean isRecursive(long pc) {
      for (Context c = this; c != null; c = c.caller) {
        if (c.calleePc == pc) {
          return true;
        }
      }
      return false;
    }
  }

  private record Key(Block block, Context context) {
    double weight() {
      return context == null ? block.executions : block.executions * context.share;
    }
  }

  private record Edge(Key call, Block callee) {}

  private record Candidate(Key key, double weight, int order) {}

  private final Engine engine;
  private final GuestCpu cpu;
  private final Map<Key, Integer> indexes = new LinkedHashMap<>();
  private final Map<Edge, Context> contexts = new HashMap<>();
  private final PriorityQueue<Candidate> candidates =
      new PriorityQueue<>(
          Comparator.comparingDouble((Candidate c) -> -c.weight)
              .thenComparingInt(Candidate::order));
  private final Set<Key> seen = new LinkedHashSet<>();
  private final Set<Key> returnSites = new LinkedHashSet<>();
  private int instructions;
  private int maxInstructions;
  private Block head;

  RegionBuilder(Engine engine, GuestCpu cpu) {
    this.engine = engine;
    this.cpu = cpu;
  }

  RegionPlan plan(Block head, int maxInstructions) {
    this.maxInstructions = maxInstructions;
    this.head = head;
    choose(head);
    order();
    List<Key> chosen = List.copyOf(indexes.keySet());
    RegionBlock[] nodes = new RegionBlock[chosen.size()];
    Set<Block> distinct = new LinkedHashSet<>();
    for (int i = 0; i < nodes.length; i++) {
      Block b = chosen.get(i).block;
      nodes[i] = new RegionBlock(b);
      distinct.add(b);
    }
    Map<Long, Integer> guesses = new LinkedHashMap<>();
    List<Long> pcs = new ArrayList<>();
    List<Integer> targets = new ArrayList<>();
    for (int i = 0; i < nodes.length; i++) {
      guesses.clear();
      connect(nodes[i], chosen.get(i), guesses);
      if (!guesses.isEmpty()) {
        nodes[i].firstGuess = pcs.size();
        for (int target : guesses.values()) {
          nodes[i].isBackward |= target <= i;
        }
        pcs.addAll(guesses.keySet());
        targets.addAll(guesses.values());
        // The end of the list: none fits.
        pcs.add(0L);
        targets.add(-1);
      }
    }
    List<Block> entries = new ArrayList<>();
    List<Integer> entryIndexes = new ArrayList<>();
    entries.add(head);
    entryIndexes.add(0);
    for (Key k : returnSites) {
      Integer index = indexes.get(k);
      if (index != null && index != 0 && k.block.region == null && entries.size() < MAX_ENTRIES) {
        entries.add(k.block);
        entryIndexes.add(index);
      }
    }
    return finish(
        nodes,
        new RegionRoot.Guesses(
            pcs.stream().mapToLong(Long::longValue).toArray(),
            targets.stream().mapToInt(Integer::intValue).toArray()),
        entryIndexes.stream().mapToInt(Integer::intValue).toArray(),
        entries.toArray(Block[]::new),
        distinct.toArray(Block[]::new));
  }

  private RegionPlan finish(
      RegionBlock[] nodes,
      RegionRoot.Guesses guesses,
      int[] entries,
      Block[] entryBlocks,
      Block[] blocks) {
    return new RegionPlan(
        nodes,
        guesses,
        entries,
        entryBlocks,
        blocks,
        !head.history().missesMuch(),
        head.history().isScattered(),
        Arrays.stream(blocks).mapToLong(b -> b.pc).toArray(),
        head.hasMoved);
  }

  /**
   * The first part of a block that is too long for a host class; never less than one instruction.
   */
  RegionPlan part(Block head) {
    this.head = head;
    int instructions = Math.max(1, head.instructions() >> head.history().classCut);
    long w0 = head.code[2 * instructions];
    long next = head.pc + engine.isa.operations().pcOffset().of(w0);
    return finish(
        new RegionBlock[] {new RegionBlock(head, instructions, next)},
        new RegionRoot.Guesses(new long[0], new int[0]),
        new int[1],
        new Block[] {head},
        new Block[] {head});
  }

  /**
   * Puts each block behind those that lead to it, as far as there are no loops, and the likelier
   * successor first: only jumps back ask for requests.
   */
  private void order() {
    List<Key> chosen = List.copyOf(indexes.keySet());
    int[][] successors = new int[chosen.size()][];
    for (int i = 0; i < successors.length; i++) {
      successors[i] = unlikelyFirst(chosen.get(i));
    }
    List<Integer> order = new ArrayList<>();
    BitSet visited = new BitSet();
    for (int root = 0; root < successors.length; root++) {
      List<Integer> finished = new ArrayList<>();
      visit(root, successors, visited, finished);
      order.addAll(finished.reversed());
    }
    indexes.clear();
    order.forEach(i -> indexes.put(chosen.get(i), indexes.size()));
  }

  private int[] unlikelyFirst(Key k) {
    RegionBlock node = new RegionBlock(k.block);
    Map<Long, Integer> guesses = new LinkedHashMap<>();
    connect(node, k, guesses);
    List<Integer> all = new ArrayList<>(List.copyOf(guesses.values()).reversed());
    all.add(node.takenProbability < 0.5 ? node.takenIndex : node.nextIndex);
    all.add(node.takenProbability < 0.5 ? node.nextIndex : node.takenIndex);
    return all.stream().mapToInt(Integer::intValue).filter(i -> i >= 0).toArray();
  }

  /**
   * Adds what can be reached from {@code from} to {@code finished}, each after what it leads to.
   */
  private static void visit(int from, int[][] successors, BitSet visited, List<Integer> finished) {
    if (visited.get(from)) {
      return;
    }
    visited.set(from);
    for (int next : successors[from]) {
      visit(next, successors, visited, finished);
    }
    finished.add(from);
  }

  private void choose(Block head) {
    double cold = Math.max(2, head.executions / (double) COLD_DIVISOR);
    take(new Key(head, null), cold);
    while (!candidates.isEmpty()
        && indexes.size() < engine.maxRegionBlocks
        && instructions < maxInstructions) {
      take(candidates.remove().key, cold);
    }
  }

  private void take(Key k, double cold) {
    indexes.put(k, indexes.size());
    seen.add(k);
    instructions += k.block.instructions();
    for (Key next : successors(k)) {
      double weight = next.weight();
      boolean isSuited = next.block.kind != Block.SYSTEM && movesAlong(next.block);
      if (isSuited && weight >= cold && seen.add(next)) {
        candidates.add(new Candidate(next, weight, seen.size()));
      }
    }
  }

  private List<Key> successors(Key k) {
    List<Key> next = new ArrayList<>(3);
    Block b = k.block;
    switch (b.kind) {
      case Block.FALL -> addIfKnown(next, b.fallPc, k.context);
      case Block.JUMP -> addIfKnown(next, b.takenPc, k.context);
      case Block.BRANCH -> {
        addIfKnown(next, b.takenPc, k.context);
        addIfKnown(next, b.fallPc, k.context);
      }
      case Block.CALL -> {
        Block callee = cpu.findBlock(b.takenPc);
        if (callee == null) {
          addReturnSite(next, b);
        } else {
          addCallee(next, k, callee);
        }
      }
      case Block.CALL_INDIRECT -> {
        addReturnSite(next, b);
        for (Block target : indirectTargets(b)) {
          addCallee(next, k, target);
        }
      }
      case Block.JUMP_INDIRECT -> {
        for (Block target : indirectTargets(b)) {
          next.add(new Key(target, k.context));
        }
      }
      case Block.RETURN -> {
        if (k.context != null) {
          addIfKnown(next, k.context.returnPc, k.context.caller);
        }
      }
      default -> {}
    }
    return next;
  }

  private void addCallee(List<Key> next, Key call, Block callee) {
    Key inside = new Key(callee, contextOf(call, callee));
    next.add(inside);
    if (inside.context == null || call.context == null) {
      addReturnSite(next, call.block);
    }
  }

  /** The context in which {@code call} runs {@code callee}: null when it is not inlined. */
  private Context contextOf(Key call, Block callee) {
    Edge edge = new Edge(call, callee);
    Context known = contexts.get(edge);
    if (known != null) {
      return known;
    }
    Context around = call.context;
    boolean isTooDeep =
        around != null && (around.depth >= MAX_DEPTH || around.isRecursive(callee.pc));
    if (isTooDeep || seen.contains(new Key(callee, null))) {
      return null;
    }
    double share = Math.min(1, call.weight() / Math.max(callee.executions, 1));
    int depth = around == null ? 1 : around.depth + 1;
    Context made = new Context(around, call.block.fallPc, callee.pc, depth, share);
    contexts.put(edge, made);
    return made;
  }

  /** What follows a call is reached by a return from outside the region too. */
  private void addReturnSite(List<Key> next, Block call) {
    Block b = cpu.findBlock(call.fallPc);
    if (b != null) {
      Key site = new Key(b, null);
      next.add(site);
      returnSites.add(site);
    }
  }

  private void addIfKnown(List<Key> next, long pc, Context context) {
    Block b = cpu.findBlock(pc);
    if (b != null) {
      next.add(new Key(b, context));
    }
  }

  private int indexOf(long pc, Context context) {
    Block b = cpu.findBlock(pc);
    return b == null ? -1 : indexes.getOrDefault(new Key(b, context), -1);
  }

  private void connect(RegionBlock node, Key k, Map<Long, Integer> guesses) {
    Context context = k.context;
    switch (node.kind) {
      case Block.FALL, Block.JUMP -> node.nextIndex = indexOf(node.nextPc, context);
      case Block.BRANCH -> {
        node.takenIndex = indexOf(node.takenPc, context);
        node.nextIndex = indexOf(node.nextPc, context);
      }
      case Block.CALL -> {
        Block callee = cpu.findBlock(node.nextPc);
        if (callee != null) {
          node.nextIndex = calleeIndex(k, callee);
        }
      }
      case Block.CALL_INDIRECT -> {
        for (Block target : indirectTargets(k.block)) {
          guess(guesses, target.pc, calleeIndex(k, target));
        }
      }
      case Block.JUMP_INDIRECT -> {
        for (Block target : indirectTargets(k.block)) {
          guess(guesses, target.pc, indexes.getOrDefault(new Key(target, context), -1));
        }
      }
      case Block.RETURN -> {
        if (context != null) {
          guess(guesses, context.returnPc, indexOf(context.returnPc, context.caller));
        } else {
          for (Key site : returnSites) {
            if (guesses.size() < MAX_RETURN_GUESSES) {
              guess(guesses, site.block.pc, indexes.getOrDefault(site, -1));
            }
          }
        }
      }
      default -> {}
    }
  }

  private int calleeIndex(Key call, Block callee) {
    Context context = contexts.get(new Edge(call, callee));
    int inlined = context == null ? -1 : indexes.getOrDefault(new Key(callee, context), -1);
    return inlined >= 0 ? inlined : indexes.getOrDefault(new Key(callee, null), -1);
  }

  /** Where the interpreter saw an indirect jump or call go lately. */
  private List<Block> indirectTargets(Block b) {
    List<Block> targets = new ArrayList<>(2);
    for (Block link : new Block[] {b.takenLink, b.fallLink}) {
      boolean isNear = link != null && (!head.hasMoved || isNear(link.pc, head.pc));
      if (isNear && link.valid && cpu.findBlock(link.pc) == link) {
        targets.add(link);
      }
    }
    return targets;
  }

  private static boolean isNear(long pc, long other) {
    return Math.abs(pc - other) < NEAR_BYTES;
  }

  private boolean movesAlong(Block b) {
    return b.isMovable() || !head.hasMoved;
  }

  private static void guess(Map<Long, Integer> guesses, long pc, int index) {
    if (index >= 0) {
      guesses.putIfAbsent(pc, index);
    }
  }
}
