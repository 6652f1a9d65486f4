package org.tuber.devices.irqchip;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.MmioDevice;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class GicV3Test extends DeviceContract<GicV3> {
  private static final int SPIS = 224;
  private static final int UART = 33;
  private static final int TIMER = 27;
  private static final int SGI_FRAME = 0x1_0000;
  private static final int PMR = icc(4, 6, 0);
  private static final int IAR1 = icc(12, 12, 0);
  private static final int EOIR1 = icc(12, 12, 1);
  private static final int RPR = icc(12, 11, 3);
  private static final int DIR = icc(12, 11, 1);
  private static final int CTLR = icc(12, 12, 4);
  private static final int SGI1R = icc(12, 11, 5);
  private static final int IGRPEN0 = icc(12, 12, 6);
  private static final int IGRPEN1 = icc(12, 12, 7);

  private final Rig rig = new Rig();
  private final GicV3 gic = create(rig);
  private final MmioDevice d = gic.distributor();
  private final MmioDevice r = gic.redistributors();

  private static int icc(int crn, int crm, int op2) {
    return 3 << 14 | crn << 7 | crm << 3 | op2;
  }

  @Override
  protected GicV3 create(Rig rigged) {
    GicV3 device = new GicV3(SPIS, new DmaView(rigged.memory, (ram, offset, length) -> {}));
    device.addCpu(rigged.line("irq0"), rigged.line("fiq0"));
    device.addCpu(rigged.line("irq1"), rigged.line("fiq1"));
    device.reset();
    return device;
  }

  @Override
  protected List<Window> windows(GicV3 device) {
    return List.of(
        new Window("d", device.distributor(), GicV3.DISTRIBUTOR_BYTES),
        new Window("r", device.redistributors(), 0x200),
        new Window("icc", new Registers(device), 0x1_0000));
  }

  /** System registers as a window, for random accesses. */
  private record Registers(GicV3 gic) implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      return gic.hasSystemRegister((int) offset) ? gic.readSystemRegister(0, (int) offset) : 0;
    }

    @Override
    public void write(long offset, long value, int size) {
      if (gic.hasSystemRegister((int) offset)) {
        gic.writeSystemRegister(0, (int) offset, value);
      }
    }
  }

  @Override
  protected void mutate(GicV3 device, Rig rigged) {
    device.distributor().write(0, 2, 4);
    device.redistributors().write(0x14, 0, 4);
    device.redistributors().write(SGI_FRAME + 0x80, -1, 4);
    device.writeSystemRegister(0, PMR, 0xf8);
    device.writeSystemRegister(1, SGI1R, 1 << 24 | 1);
  }

  @Override
  protected void stimulate(GicV3 device, Rig rigged, Random random) {
    IrqLine line = device.sharedInput(random.nextInt(SPIS));
    line.set(true);
    line.set(false);
    device.writeSystemRegister(1, IGRPEN1, 1);
    device.writeSystemRegister(1, PMR, 0xf8);
    device.writeSystemRegister(1, EOIR1, device.readSystemRegister(1, IAR1));
  }

  private void enable(int id, int priority) {
    d.write(0, 3, 4);
    MmioDevice w = id < 32 ? r : d;
    int base = id < 32 ? SGI_FRAME : 0;
    w.write(base + 0x80 + 4 * (id / 32), -1, 4);
    w.write(base + 0x100 + 4 * (id / 32), 1L << id % 32, 4);
    w.write(base + 0x400 + id, priority, 1);
    gic.writeSystemRegister(0, PMR, 0xf8);
    gic.writeSystemRegister(0, IGRPEN1, 1);
  }

  private boolean irq(int cpu) {
    return rig.levels().get("irq" + cpu);
  }

  @Test
  void identifiesItself() {
    assertThat(d.read(0, 4)).isEqualTo(0x50);
    assertThat(d.read(4, 4)).isEqualTo(0x037a_0007);
    assertThat(d.read(0xffe8, 4)).isEqualTo(0x3b);
    assertThat(r.read(8, 8)).isEqualTo(0x0100_0001);
    assertThat(r.read(0x2_0008, 8)).isEqualTo(0x1_0100_0111L);
    assertThat(r.read(0x14, 4)).isEqualTo(6);
    assertThat(r.read(SGI_FRAME + 0xc00, 4)).isEqualTo(0xaaaa_aaaaL);
    assertThat(gic.readSystemRegister(0, CTLR)).isEqualTo(0x8c00);
    assertThat(gic.readSystemRegister(0, IAR1)).isEqualTo(1023);
  }

  @Test
  void childrenWakeWithTheProcessor() {
    r.write(0x14, 0, 4);
    assertThat(r.read(0x14, 4)).isZero();
  }

  @Test
  void levelInterruptGoesThroughItsStates() {
    enable(UART, 0xa0);
    IrqLine line = gic.sharedInput(UART - 32);
    line.set(true);
    assertThat(irq(0)).isTrue();
    assertThat(gic.readSystemRegister(0, IAR1)).isEqualTo(UART);
    assertThat(irq(0)).as("active").isFalse();
    assertThat(gic.readSystemRegister(0, RPR)).isEqualTo(0xa0);
    gic.writeSystemRegister(0, EOIR1, UART);
    assertThat(irq(0)).as("the wire is still high").isTrue();
    line.set(false);
    assertThat(irq(0)).isFalse();
    assertThat(gic.readSystemRegister(0, RPR)).isEqualTo(0xff);
  }

  @Test
  void routeChoosesTheCpu() {
    enable(UART, 0xa0);
    gic.writeSystemRegister(1, PMR, 0xf8);
    gic.writeSystemRegister(1, IGRPEN1, 1);
    gic.sharedInput(UART - 32).set(true);
    d.write(0x6000 + 8 * UART, 1, 8);
    assertThat(irq(0)).isFalse();
    assertThat(irq(1)).isTrue();
  }

  @Test
  void splitEndOfInterruptNeedsDeactivation() {
    enable(TIMER, 0x80);
    gic.writeSystemRegister(0, CTLR, 2);
    gic.privateInput(0, TIMER).set(true);
    assertThat(gic.readSystemRegister(0, IAR1)).isEqualTo(TIMER);
    gic.writeSystemRegister(0, EOIR1, TIMER);
    assertThat(irq(0)).isFalse();
    gic.writeSystemRegister(0, DIR, TIMER);
    assertThat(irq(0)).isTrue();
  }

  @Test
  void softwareInterruptReachesItsTargets() {
    enable(4, 0x80);
    gic.writeSystemRegister(1, SGI1R, 4L << 24 | 1);
    assertThat(irq(0)).isTrue();
    assertThat(gic.readSystemRegister(0, IAR1)).isEqualTo(4);
    gic.writeSystemRegister(0, EOIR1, 4);
    gic.writeSystemRegister(0, SGI1R, 1L << 40 | 4L << 24);
    assertThat(irq(0)).as("all but itself").isFalse();
  }

  @Test
  void group0IsFast() {
    enable(UART, 0xa0);
    d.write(0x84, 0, 4);
    gic.sharedInput(UART - 32).set(true);
    assertThat(rig.levels()).containsEntry("irq0", false).containsEntry("fiq0", false);
    gic.writeSystemRegister(0, IGRPEN0, 1);
    assertThat(rig.levels()).containsEntry("irq0", false).containsEntry("fiq0", true);
    assertThat(gic.readSystemRegister(0, IAR1)).isEqualTo(1023);
  }
}
