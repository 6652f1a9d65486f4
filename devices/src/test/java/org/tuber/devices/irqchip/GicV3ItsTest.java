package org.tuber.devices.irqchip;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.GuestRam;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class GicV3ItsTest extends DeviceContract<GicV3Its> {
  private static final long BASE = 0x808_0000;
  private static final long TRANSLATER = BASE + 0x1_0040;
  private static final long DEVICES = 0x1_0000;
  private static final long COLLECTIONS = 0x2_0000;
  private static final long QUEUE = 0x3_0000;
  private static final long PROPERTIES = 0x4_0000;
  private static final long PENDING = 0x6_0000;
  private static final long EVENTS = 0x8_0000;
  private static final long VALID = 1L << 63;
  private static final int DEVICE = 8;
  private static final int LPI = 8200;
  private static final int PMR = 3 << 14 | 4 << 7 | 6 << 3;
  private static final int IAR1 = 3 << 14 | 12 << 7 | 12 << 3;
  private static final int IGRPEN1 = 3 << 14 | 12 << 7 | 12 << 3 | 7;

  private final Map<GicV3Its, GicV3> gics = new HashMap<>();
  private final Rig rig = new Rig();
  private GicV3Its its;
  private GicV3 gic;
  private long next;

  @Override
  protected GicV3Its create(Rig r) {
    r.memory.mapRam(0, 0x10_0000, new GuestRam(0x10_0000), 0);
    DmaView dma = new DmaView(r.memory, (ram, offset, length) -> {});
    GicV3 behind = new GicV3(32, dma);
    behind.addCpu(r.line("irq0"), r.line("fiq0"));
    behind.addCpu(r.line("irq1"), r.line("fiq1"));
    behind.reset();
    GicV3Its device = new GicV3Its(behind, dma, BASE);
    gics.put(device, behind);
    return device;
  }

  @Override
  protected List<Window> windows(GicV3Its device) {
    return List.of(new Window("its", device, 0x200));
  }

  @Override
  protected void mutate(GicV3Its device, Rig r) {
    device.write(0x80, VALID | QUEUE, 8);
    device.write(0x100, VALID | DEVICES, 8);
    device.write(0, 1, 4);
  }

  @BeforeEach
  void setUp() {
    its = create(rig);
    gic = gics.get(its);
    its.write(0x100, VALID | DEVICES, 8);
    its.write(0x108, VALID | COLLECTIONS, 8);
    its.write(0x80, VALID | QUEUE, 8);
    its.write(0, 1, 4);
    gic.distributor().write(0, 2, 4);
    for (int cpu = 0; cpu < 2; cpu++) {
      long frame = (long) cpu * GicV3.REDISTRIBUTOR_BYTES;
      gic.redistributors().write(frame + 0x70, PROPERTIES | 15, 8);
      gic.redistributors().write(frame + 0x78, PENDING, 8);
      gic.redistributors().write(frame, 1, 4);
      gic.writeSystemRegister(cpu, PMR, 0xf8);
      gic.writeSystemRegister(cpu, IGRPEN1, 1);
    }
    rig.memory.write(PROPERTIES + LPI - 8192, 0xa1, 1);
  }

  private void command(long w0, long w1, long w2) {
    long[] words = {w0, w1, w2, 0};
    for (int i = 0; i < words.length; i++) {
      rig.memory.write(QUEUE + next + 8 * i, words[i], 8);
    }
    next += 32;
    its.write(0x88, next, 8);
    assertThat(its.read(0x90, 8)).as("all commands done").isEqualTo(next);
  }

  private void mapEvent(long event, long collection) {
    command(0x09, 0, VALID | collection << 16 | collection);
    command(0x08 | (long) DEVICE << 32, 4, VALID | EVENTS);
    command(0x0a | (long) DEVICE << 32, (long) LPI << 32 | event, collection);
  }

  @Test
  void identifiesItself() {
    GicV3Its fresh = create(new Rig());
    assertThat(fresh.read(0, 4) & 0xffff_ffffL).isEqualTo(0x8000_0000L);
    assertThat(fresh.read(8, 8)).isEqualTo(0x1f_0001_efb1L);
    assertThat(fresh.read(0x100, 8)).isEqualTo(0x0107_0000_0000_0200L);
    assertThat(fresh.read(0x108, 8)).isEqualTo(0x0407_0000_0000_0200L);
    assertThat(fresh.read(0xffe8, 4) & 0xffff_ffffL).isEqualTo(0x3b);
  }

  @Test
  void messageBecomesTheMappedInterruptOfTheCollectionsCpu() {
    mapEvent(3, 1);
    its.messagesOf(DEVICE).send(TRANSLATER, 3);
    assertThat(rig.levels()).containsEntry("irq0", false).containsEntry("irq1", true);
    assertThat(gic.readSystemRegister(1, IAR1)).isEqualTo(LPI);
    assertThat(rig.levels()).containsEntry("irq1", false);
  }

  @Test
  void othersAndUnmappedEventsAreIgnored() {
    mapEvent(3, 1);
    its.messagesOf(DEVICE + 1).send(TRANSLATER, 3);
    its.messagesOf(DEVICE).send(TRANSLATER, 4);
    its.messagesOf(DEVICE).send(TRANSLATER + 8, 3);
    assertThat(rig.levels()).containsEntry("irq1", false);
  }

  @Test
  void disabledInterruptWaitsAndMovesWithItsEvent() {
    mapEvent(3, 1);
    rig.memory.write(PROPERTIES + LPI - 8192, 0xa0, 1);
    its.messagesOf(DEVICE).send(TRANSLATER, 3);
    assertThat(rig.levels()).containsEntry("irq1", false);
    rig.memory.write(PROPERTIES + LPI - 8192, 0xa1, 1);
    command(0x09, 0, VALID);
    command(0x01 | (long) DEVICE << 32, 3, 0);
    assertThat(rig.levels()).containsEntry("irq0", true).containsEntry("irq1", false);
  }

  @Test
  void clearAndDiscardTakeItBack() {
    mapEvent(3, 1);
    command(0x03 | (long) DEVICE << 32, 3, 0);
    assertThat(rig.levels()).containsEntry("irq1", true);
    command(0x04 | (long) DEVICE << 32, 3, 0);
    assertThat(rig.levels()).containsEntry("irq1", false);
    command(0x0f | (long) DEVICE << 32, 3, 0);
    its.messagesOf(DEVICE).send(TRANSLATER, 3);
    assertThat(rig.levels()).containsEntry("irq1", false);
  }
}
