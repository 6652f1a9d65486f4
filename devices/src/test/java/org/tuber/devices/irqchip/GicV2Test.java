package org.tuber.devices.irqchip;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.MmioDevice;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class GicV2Test extends DeviceContract<GicV2> {
  private static final int SPIS = 256;
  private static final int TIMER = 27;
  private static final int UART = 33;

  private final Rig rig = new Rig();
  private final GicV2 gic = create(rig);
  private final MmioDevice d = gic.distributor();
  private final MmioDevice c = gic.cpuInterface();

  @Override
  protected GicV2 create(Rig r) {
    GicV2 device = new GicV2(SPIS);
    device.addCpu(r.line("irq0"), r.line("fiq0"));
    device.addCpu(r.line("irq1"), r.line("fiq1"));
    device.reset();
    return device;
  }

  @Override
  protected List<Window> windows(GicV2 device) {
    return List.of(
        new Window("d", device.distributor(), 0x1000),
        new Window("c", device.cpuInterface(), 0x1100));
  }

  @Override
  protected void mutate(GicV2 device, Rig r) {
    device.distributor().write(0, 1, 4);
    device.distributor().write(0x104, 2, 4);
    device.cpuInterface().write(4, 0xf0, 4);
    device.cpuInterface().write(0, 1, 4);
    device.distributor().write(0xf00, 0x0101_0003, 4);
  }

  @Override
  protected void stimulate(GicV2 device, Rig r, Random random) {
    IrqLine line = device.sharedInput(random.nextInt(SPIS));
    line.set(true);
    line.set(false);
  }

  private void enable(int id, int priority, int target) {
    d.write(0, 1, 4);
    d.write(0x100 + 4 * (id / 32), 1L << id % 32, 4);
    d.write(0x400 + id, priority, 1);
    d.write(0x800 + id, target, 1);
    c.write(0, 1, 4);
    c.write(4, 0xf0, 4);
  }

  private boolean irq(int cpu) {
    return rig.levels().get("irq" + cpu);
  }

  @Test
  void identifiesItself() {
    assertThat(d.read(4, 4)).isEqualTo(0x28);
    assertThat(d.read(8, 4)).isEqualTo(0x43b);
    assertThat(d.read(0xfe8, 4)).isEqualTo(0x2b);
    assertThat(d.read(0xc00, 4)).isEqualTo(0xaaaa_aaaaL);
    assertThat(d.read(0x100, 4)).as("SGIs are always enabled").isEqualTo(0xffff);
    assertThat(c.read(0xc, 4)).isEqualTo(1023);
    assertThat(c.read(0x14, 4)).isEqualTo(0xff);
    assertThat(c.read(0xfc, 4)).isEqualTo(0x2043b);
  }

  @Test
  void levelInterruptGoesThroughItsStates() {
    enable(UART, 0xa0, 1);
    IrqLine line = gic.sharedInput(UART - 32);
    line.set(true);
    assertThat(irq(0)).isTrue();
    assertThat(irq(1)).isFalse();
    assertThat(c.read(0xc, 4)).isEqualTo(UART);
    assertThat(irq(0)).as("active").isFalse();
    assertThat(c.read(0x14, 4)).isEqualTo(0xa0);
    c.write(0x10, UART, 4);
    assertThat(irq(0)).as("the wire is still high").isTrue();
    line.set(false);
    assertThat(irq(0)).isFalse();
  }

  @Test
  void edgeIsRememberedWhileActive() {
    enable(UART, 0xa0, 1);
    d.write(0xc08, 1 << 3, 4);
    IrqLine line = gic.sharedInput(UART - 32);
    line.pulse();
    assertThat(c.read(0xc, 4)).isEqualTo(UART);
    line.pulse();
    assertThat(irq(0)).isFalse();
    c.write(0x10, UART, 4);
    assertThat(c.read(0xc, 4)).isEqualTo(UART);
    c.write(0x10, UART, 4);
    assertThat(c.read(0xc, 4)).isEqualTo(1023);
  }

  @Test
  void higherPriorityPreemptsAndTheMaskHoldsBack() {
    enable(UART, 0xa0, 1);
    enable(TIMER, 0x40, 1);
    gic.sharedInput(UART - 32).set(true);
    assertThat(c.read(0xc, 4)).isEqualTo(UART);
    gic.privateInput(0, TIMER).set(true);
    assertThat(irq(0)).isTrue();
    c.write(4, 0x40, 4);
    assertThat(irq(0)).as("priority is not below the mask").isFalse();
    c.write(4, 0xf0, 4);
    assertThat(c.read(0xc, 4)).isEqualTo(TIMER);
    assertThat(c.read(0x14, 4)).isEqualTo(0x40);
    c.write(0x10, TIMER, 4);
    assertThat(c.read(0x14, 4)).isEqualTo(0xa0);
  }

  @Test
  void softwareInterruptNamesItsSender() {
    enable(5, 0x80, 0);
    gic.bindToCurrentThread(1);
    c.write(0, 1, 4);
    c.write(4, 0xf0, 4);
    d.write(0xf00, 0x0001_0005, 4);
    gic.bindToCurrentThread(0);
    assertThat(irq(0)).isTrue();
    assertThat(irq(1)).isFalse();
    assertThat(c.read(0xc, 4)).isEqualTo(1 << 10 | 5);
    c.write(0x10, 1 << 10 | 5, 4);
    d.write(0xf00, 0x0100_0005, 4);
    assertThat(irq(1)).as("all others").isTrue();
    assertThat(irq(0)).isFalse();
  }

  @Test
  void group0IsFastWhereAskedForAndGroup1Not() {
    enable(UART, 0xa0, 1);
    d.write(0, 3, 4);
    c.write(0, 0xb, 4);
    gic.sharedInput(UART - 32).set(true);
    assertThat(rig.levels()).containsEntry("fiq0", true).containsEntry("irq0", false);
    d.write(0x84, 2, 4);
    assertThat(rig.levels()).containsEntry("fiq0", false).containsEntry("irq0", true);
    assertThat(c.read(0xc, 4)).isEqualTo(1022);
    assertThat(c.read(0x20, 4)).isEqualTo(UART);
  }

  @Test
  void messagesBecomeEdges() {
    enable(80, 0xa0, 1);
    d.write(0xc14, 2, 4);
    GicV2m frame = new GicV2m(0x802_0000L, 80, gic.sharedInput(48), gic.sharedInput(49));
    assertThat(frame.read(8, 4)).isEqualTo(0x50_0002);
    frame.send(0x802_0040L, 80);
    assertThat(c.read(0xc, 4)).isEqualTo(80);
  }
}
