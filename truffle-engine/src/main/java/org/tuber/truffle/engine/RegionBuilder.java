package org.tuber.truffle.engine;

import com.oracle.truffle.api.TruffleLanguage;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;

/**
 * Chooses the blocks of a region from what the interpreter counted: hottest first from the head,
 * calls inlined with their return address as context, cold edges left as exits.
 */
final class RegionBuilder {
  /** Callees are inlined this deep. */
  private static final int MAX_DEPTH = 4;

  /** Ways into a region besides its head. */
  private static final int MAX_ENTRIES = 8;

  /** A successor is cold below this fraction of the head's executions. */
  private static final int COLD_DIVISOR = 32;

  /** A chain of inlined calls: where the innermost returns to. Null at the region's own level. */
  private record Context(Context caller, long returnPc, int depth) {}

  private record Key(Block block, Context context) {}

  private final Engine engine;
  private final GuestCpu cpu;
  private final Map<Key, Integer> indexes = new HashMap<>();
  private final List<Key> chosen = new ArrayList<>();
  private final Set<Key> wantedEntries = new LinkedHashSet<>();
  private int instructions;

  RegionBuilder(Engine engine, GuestCpu cpu) {
    this.engine = engine;
    this.cpu = cpu;
  }

  Region build(Block head, TruffleLanguage<?> language) {
    choose(head);
    RegionBlock[] nodes = new RegionBlock[chosen.size()];
    Set<Block> distinct = new LinkedHashSet<>();
    long mask = 0;
    for (int i = 0; i < nodes.length; i++) {
      Block b = chosen.get(i).block;
      nodes[i] = new RegionBlock(engine.isa, b);
      if (distinct.add(b)) {
        mask |= engine.isa.registerMask(b.code);
      }
    }
    for (int i = 0; i < nodes.length; i++) {
      connect(nodes[i], chosen.get(i));
    }
    List<Block> entries = new ArrayList<>();
    List<Integer> entryIndexes = new ArrayList<>();
    entries.add(head);
    entryIndexes.add(0);
    for (Key k : wantedEntries) {
      Integer index = indexes.get(k);
      if (index != null && index != 0 && k.block.region == null && entries.size() < MAX_ENTRIES) {
        entries.add(k.block);
        entryIndexes.add(index);
      }
    }
    RegionRoot root =
        new RegionRoot(
            language,
            engine.isa,
            nodes,
            entryIndexes.stream().mapToInt(Integer::intValue).toArray(),
            mask);
    return new Region(
        entries.toArray(Block[]::new), distinct.toArray(Block[]::new), root.getCallTarget());
  }

  private void choose(Block head) {
    int cold = Math.max(2, head.executions / COLD_DIVISOR);
    PriorityQueue<Key> candidates =
        new PriorityQueue<>(
            Comparator.comparingInt((Key k) -> -k.block.executions)
                .thenComparingLong(k -> k.block.pc));
    Set<Key> seen = new LinkedHashSet<>();
    Key first = new Key(head, null);
    seen.add(first);
    take(first, candidates, seen, cold);
    while (!candidates.isEmpty()
        && chosen.size() < engine.maxRegionBlocks
        && instructions < engine.maxRegionInstructions) {
      take(candidates.remove(), candidates, seen, cold);
    }
  }

  private void take(Key k, PriorityQueue<Key> candidates, Set<Key> seen, int cold) {
    indexes.put(k, chosen.size());
    chosen.add(k);
    instructions += k.block.instructions();
    for (Key next : successors(k)) {
      Block b = next.block;
      if (b.kind != Block.SYSTEM && b.executions >= cold && seen.add(next)) {
        candidates.add(next);
      }
    }
  }

  private List<Key> successors(Key k) {
    List<Key> next = new ArrayList<>(2);
    Block b = k.block;
    switch (b.kind) {
      case Block.FALL -> addIfKnown(next, b.fallPc, k.context);
      case Block.JUMP -> addIfKnown(next, b.takenPc, k.context);
      case Block.BRANCH -> {
        addIfKnown(next, b.takenPc, k.context);
        addIfKnown(next, b.fallPc, k.context);
      }
      case Block.CALL -> {
        if (depth(k.context) < MAX_DEPTH) {
          addIfKnown(next, b.takenPc, calleeContext(k));
        }
        addReturnSite(next, k);
      }
      case Block.CALL_INDIRECT -> addReturnSite(next, k);
      case Block.RETURN -> {
        if (k.context != null) {
          addIfKnown(next, k.context.returnPc, k.context.caller);
        }
      }
      default -> {}
    }
    return next;
  }

  /** What follows a call is reached by a return from outside the region too. */
  private void addReturnSite(List<Key> next, Key call) {
    if (call.context == null) {
      Block b = cpu.findBlock(call.block.fallPc);
      if (b != null) {
        Key site = new Key(b, null);
        next.add(site);
        wantedEntries.add(site);
      }
    }
  }

  private static int depth(Context c) {
    return c == null ? 0 : c.depth;
  }

  private static Context calleeContext(Key k) {
    return new Context(k.context, k.block.fallPc, depth(k.context) + 1);
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

  private void connect(RegionBlock node, Key k) {
    switch (node.kind) {
      case Block.FALL -> node.fallIndex = indexOf(node.fallPc, k.context);
      case Block.JUMP -> node.takenIndex = indexOf(node.takenPc, k.context);
      case Block.BRANCH -> {
        node.takenIndex = indexOf(node.takenPc, k.context);
        node.fallIndex = indexOf(node.fallPc, k.context);
      }
      case Block.CALL -> {
        if (depth(k.context) < MAX_DEPTH) {
          node.takenIndex = indexOf(node.takenPc, calleeContext(k));
        }
      }
      case Block.RETURN -> {
        if (k.context != null) {
          node.returnPc = k.context.returnPc;
          node.returnIndex = indexOf(k.context.returnPc, k.context.caller);
        }
      }
      default -> {}
    }
  }
}
