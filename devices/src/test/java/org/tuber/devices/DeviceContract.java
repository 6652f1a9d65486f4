package org.tuber.devices;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.core.snapshot.StateCodec;

/**
 * What every device promises, as tests that can fail. A device's test extends this and adds the
 * sentences of its data sheet.
 *
 * @param <D> the device
 */
public abstract class DeviceContract<D extends Snapshottable<?>> {
  private static final int STEPS = 4000;

  /**
   * A window of the device for random accesses.
   *
   * @param name for the trace
   * @param device the registers
   * @param sizeBytes size of the window
   */
  public record Window(String name, MmioDevice device, long sizeBytes) {}

  /** Builds a device, wired to {@code rig}. */
  protected abstract D create(Rig rig);

  /** All windows of a device. */
  protected abstract List<Window> windows(D device);

  /** Changes guest-visible state. */
  protected abstract void mutate(D device, Rig rig);

  /** A random input from outside the guest: wires, keys, received bytes. */
  protected void stimulate(D device, Rig rig, Random random) {}

  /** Drives the input wires of {@code copy} as those of {@code original} are driven. */
  protected void driveInputsLike(D original, D copy) {}

  private static byte[] stateOf(Snapshottable<?> device) {
    return StateCodec.encode(device.save());
  }

  @SuppressWarnings("unchecked")
  private static void restore(Snapshottable<?> device, byte[] bytes) {
    ((Snapshottable<Record>) device).load(StateCodec.decode(device.save().getClass(), bytes));
  }

  private void exercise(D device, Rig rig, long seed, int steps) {
    Random random = new Random(seed);
    List<Window> windows = windows(device);
    for (int i = 0; i < steps; i++) {
      int kind = random.nextInt(100);
      if (kind < 8) {
        rig.clock.advance(random.nextInt(5_000_000));
      } else if (kind == 8 && random.nextInt(8) == 0) {
        rig.clock.advance(1_500_000_000L);
      } else if (kind < 14 || windows.isEmpty()) {
        stimulate(device, rig, random);
      } else {
        access(windows.get(random.nextInt(windows.size())), rig, random, kind < 55);
      }
    }
  }

  private static void access(Window window, Rig rig, Random random, boolean write) {
    MmioDevice device = window.device();
    int size = 1 << random.nextInt(4);
    size = Math.min(Math.max(size, device.minAccessSize()), device.maxAccessSize());
    long offset = random.nextLong(window.sizeBytes());
    if (random.nextInt(4) != 0) {
      offset &= -size;
    }
    if (write) {
      long value =
          switch (random.nextInt(4)) {
            case 0 -> -1L;
            case 1 -> random.nextInt(16);
            case 2 -> 1L << random.nextInt(64);
            default -> random.nextLong();
          };
      long mask = size == 8 ? -1L : (1L << (8 * size)) - 1;
      device.write(offset, value & mask, size);
    } else {
      long mask = size == 8 ? -1L : (1L << (8 * size)) - 1;
      long value = device.read(offset, size) & mask;
      rig.trace.add(window.name() + "@" + offset + "/" + size + " -> " + value);
    }
  }

  @Test
  void resetIsIdempotent() {
    Rig rig = new Rig();
    D device = create(rig);
    mutate(device, rig);
    device.reset();
    byte[] once = stateOf(device);
    device.reset();
    assertThat(stateOf(device)).isEqualTo(once);
  }

  @Test
  void mutationShowsInTheStateAndLoadTakesItBack() {
    Rig rig = new Rig();
    D device = create(rig);
    byte[] before = stateOf(device);
    mutate(device, rig);
    assertThat(stateOf(device)).isNotEqualTo(before);
    restore(device, before);
    assertThat(stateOf(device)).isEqualTo(before);
  }

  @Test
  void stateSurvivesTheCodec() {
    Rig rig = new Rig();
    D device = create(rig);
    mutate(device, rig);
    byte[] bytes = stateOf(device);
    assertThat(StateCodec.encode(StateCodec.decode(device.save().getClass(), bytes)))
        .isEqualTo(bytes);
  }

  @Test
  void randomAccessesNeverThrow() {
    for (int seed = 0; seed < 5; seed++) {
      Rig rig = new Rig();
      exercise(create(rig), rig, seed, STEPS);
    }
  }

  @Test
  void sameInputsGiveTheSameTrace() {
    Rig first = new Rig();
    exercise(create(first), first, 42, STEPS);
    Rig second = new Rig();
    exercise(create(second), second, 42, STEPS);
    assertThat(second.trace).isEqualTo(first.trace);
  }

  @Test
  void aRestoredDeviceGoesOnLikeTheOriginal() {
    for (int seed = 0; seed < 8; seed++) {
      Rig rig = new Rig();
      D original = create(rig);
      exercise(original, rig, seed, 400 + 100 * seed);
      Rig otherRig = new Rig();
      otherRig.clock.advance(rig.clock.nanos());
      D copy = create(otherRig);
      driveInputsLike(original, copy);
      restore(copy, stateOf(original));
      assertThat(stateOf(copy)).isEqualTo(stateOf(original));
      assertThat(otherRig.levels()).isEqualTo(rig.levels());
      rig.trace.clear();
      otherRig.trace.clear();
      exercise(original, rig, 1000 + seed, 400);
      exercise(copy, otherRig, 1000 + seed, 400);
      assertThat(otherRig.trace).as("seed %s", seed).isEqualTo(rig.trace);
      assertThat(stateOf(copy)).isEqualTo(stateOf(original));
    }
  }

  @Test
  void aDamagedStateIsRefusedOrHarmless() {
    Rig rig = new Rig();
    D device = create(rig);
    mutate(device, rig);
    byte[] good = stateOf(device);
    Random random = new Random(7);
    for (int i = 0; i < 400; i++) {
      byte[] bad = good.clone();
      for (int n = random.nextInt(3); n >= 0; n--) {
        bad[random.nextInt(bad.length)] ^= (byte) (1 << random.nextInt(8));
      }
      Rig fresh = new Rig();
      D victim = create(fresh);
      try {
        restore(victim, bad);
      } catch (IllegalArgumentException e) {
        assertThat(e).hasMessageMatching("(?s).+");
        continue;
      }
      exercise(victim, fresh, i, 40);
    }
  }
}
