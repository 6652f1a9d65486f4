package org.tuber.devices.irqchip;

import java.util.Arrays;
import org.tuber.core.irq.IrqLine;

/**
 * 32 interrupts of a GIC distributor or redistributor: what one word of its bitmap registers holds.
 *
 * <p>Arm IHI 0048B (GICv2) 4.3 and IHI 0069H (GICv3) 12.9 agree on these registers. A
 * level-sensitive interrupt is pending while its wire is high or software made it pending; an
 * edge-triggered one from its edge until it is acknowledged.
 */
final class GicBank {
  /** Interrupts in a bank. */
  static final int SIZE = 32;

  private static final int IGROUPR = 0x080;
  private static final int ISENABLER = 0x100;
  private static final int ICENABLER = 0x180;
  private static final int ISPENDR = 0x200;
  private static final int ICPENDR = 0x280;
  private static final int ISACTIVER = 0x300;
  private static final int ICACTIVER = 0x380;

  /**
   * State of a bank.
   *
   * @param group bit set: group 1
   * @param enabled forwarded
   * @param latched pending by an edge or by software
   * @param level wires
   * @param active acknowledged and not yet done
   * @param edge edge-triggered
   * @param priority 0 is the highest
   */
  record State(
      int group, int enabled, int latched, int level, int active, int edge, byte[] priority) {}

  int group;
  int enabled;
  int latched;
  int level;
  int active;
  int edge;
  final byte[] priority = new byte[SIZE];

  /** Interrupts that are always enabled (SGIs on GICv2). */
  private final int alwaysEnabled;

  /** Interrupts whose trigger is fixed: they keep what reset says. */
  private final int fixedTrigger;

  private final int resetEdge;

  GicBank(int alwaysEnabled, int fixedTrigger, int resetEdge) {
    this.alwaysEnabled = alwaysEnabled;
    this.fixedTrigger = fixedTrigger;
    this.resetEdge = resetEdge;
    reset();
  }

  int pending() {
    return latched | level & ~edge;
  }

  /** Interrupts that want to be taken. */
  int candidates() {
    return pending() & enabled & ~active;
  }

  int priorityOf(int n) {
    return priority[n] & 0xff;
  }

  /**
   * A wire into interrupt {@code id}; its number in the bank are the low bits.
   *
   * @param update of the controller, after each change
   */
  IrqLine input(int id, Runnable update) {
    int n = id & SIZE - 1;
    return new IrqLine(
        level -> {
          wire(n, level);
          update.run();
        });
  }

  private void wire(int n, boolean high) {
    int bit = 1 << n;
    if (high) {
      if ((edge & ~level & bit) != 0) {
        latched |= bit;
      }
      level |= bit;
    } else {
      level &= ~bit;
    }
  }

  void acknowledge(int n) {
    latched &= ~(1 << n);
    active |= 1 << n;
  }

  /** True when {@code block}, an offset with bits 6:0 clear, is one of the bitmap registers. */
  static boolean isBitmap(int block) {
    return block >= IGROUPR && block <= ICACTIVER;
  }

  int readBitmap(int block) {
    return switch (block) {
      case IGROUPR -> group;
      case ISENABLER, ICENABLER -> enabled;
      case ISPENDR, ICPENDR -> pending();
      default -> active;
    };
  }

  /** Writes those bits of a bitmap register that {@code lanes} covers. */
  void writeBitmap(int block, int value, int lanes) {
    int v = value & lanes;
    switch (block) {
      case IGROUPR -> group = group & ~lanes | v;
      case ISENABLER -> enabled |= v;
      case ICENABLER -> enabled = enabled & ~v | alwaysEnabled;
      case ISPENDR -> latched |= v;
      case ICPENDR -> latched &= ~v;
      case ISACTIVER -> active |= v;
      case ICACTIVER -> active &= ~v;
      default -> {
        // isBitmap keeps others out.
      }
    }
  }

  /** ICFGR: two bits for each of 16 interrupts, the upper one set for edges. */
  int readTriggers(int half) {
    int word = 0;
    for (int i = 0; i < 16; i++) {
      word |= (edge >>> 16 * half + i & 1) << 2 * i + 1;
    }
    return word;
  }

  void writeTriggers(int half, int value, int lanes) {
    for (int i = 0; i < 16; i++) {
      int at = 2 * i + 1;
      int bit = 1 << 16 * half + i;
      if ((lanes >>> at & 1) != 0 && (fixedTrigger & bit) == 0) {
        edge = (value >>> at & 1) != 0 ? edge | bit : edge & ~bit;
      }
    }
  }

  State save() {
    return new State(group, enabled, latched, level, active, edge, priority.clone());
  }

  static void check(State s) {
    if (s.priority.length != SIZE) {
      throw new IllegalArgumentException("priority: " + s.priority.length + " bytes");
    }
  }

  void load(State s) {
    check(s);
    group = s.group;
    enabled = s.enabled | alwaysEnabled;
    latched = s.latched;
    level = s.level;
    active = s.active;
    edge = s.edge & ~fixedTrigger | resetEdge & fixedTrigger;
    System.arraycopy(s.priority, 0, priority, 0, SIZE);
  }

  /** Everything off; wires keep their levels. */
  void reset() {
    group = 0;
    enabled = alwaysEnabled;
    latched = 0;
    active = 0;
    edge = resetEdge;
    Arrays.fill(priority, (byte) 0);
  }
}
