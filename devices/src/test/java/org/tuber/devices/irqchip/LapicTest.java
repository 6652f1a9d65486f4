package org.tuber.devices.irqchip;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.RecordingVcpu;
import org.tuber.devices.Rig;

class LapicTest extends DeviceContract<Lapic> {
  private final Rig rig = new Rig();
  private final ApicBus bus = new ApicBus();
  private final IoApic ioApic = new IoApic(bus);
  private final Lapic lapic =
      new Lapic(0, true, bus, rig.clock, rig.lock, () -> 0x33, 1_000_000_000);
  private final RecordingVcpu cpu = new RecordingVcpu();
  private final Lapic second =
      new Lapic(1, false, bus, rig.clock, rig.lock, () -> 0x33, 1_000_000_000);
  private final RecordingVcpu secondCpu = new RecordingVcpu();

  LapicTest() {
    lapic.attach(cpu);
    second.attach(secondCpu);
    lapic.write(0xf0, 0x1ff, 4);
    second.write(0xf0, 0x1ff, 4);
  }

  @Override
  protected Lapic create(Rig r) {
    ApicBus own = new ApicBus();
    Lapic device = new Lapic(0, true, own, r.clock, r.lock, () -> 0x33, 2_000_000_000L);
    device.attach(new RecordingVcpu());
    return device;
  }

  @Override
  protected List<Window> windows(Lapic device) {
    return List.of(new Window("lapic", device, 0x1000));
  }

  @Override
  protected void mutate(Lapic device, Rig r) {
    device.write(0xf0, 0x1ff, 4);
    device.write(0x320, 0x20040, 4);
    device.write(0x3e0, 0xb, 4);
    device.write(0x380, 1_000_000, 4);
    r.clock.advance(1_500_000);
  }

  @Override
  protected void stimulate(Lapic device, Rig r, Random random) {
    switch (random.nextInt(7)) {
      case 0 -> r.trace.add("ack " + device.acknowledgeInterrupt());
      case 1 -> device.acceptVector(random.nextInt(256), random.nextBoolean());
      case 2 -> device.lint0Changed(random.nextBoolean());
      case 3 -> device.setTaskPriority(random.nextInt(16));
      case 4 -> {
        int msr = random.nextInt(8) == 0 ? 0x6e0 : 0x800 + random.nextInt(0x40);
        long value = random.nextBoolean() ? random.nextLong() : random.nextInt(0x10000);
        r.trace.add("wrmsr " + device.writeApicMsr(msr, value));
      }
      case 5 -> r.trace.add("rdmsr " + device.readApicMsr(0x800 + random.nextInt(0x100)));
      default -> {
        long base = 0xfee0_0000L | (long) random.nextInt(16) << 8;
        r.trace.add("base " + device.setApicBase(base));
      }
    }
  }

  @Test
  void resetValuesAreThoseOfTheManual() {
    lapic.reset();
    assertThat(lapic.read(0x30, 4)).isEqualTo(0x00050014);
    assertThat(lapic.read(0xe0, 4)).isEqualTo(0xffffffffL);
    assertThat(lapic.read(0xf0, 4)).isEqualTo(0xff);
    assertThat(lapic.read(0x320, 4)).isEqualTo(0x10000);
    assertThat(lapic.apicBase()).isEqualTo(0xfee00900L);
    assertThat(second.apicBase()).isEqualTo(0xfee00800L);
    assertThat(second.read(0x20, 4)).isEqualTo(0x01000000);
  }

  @Test
  void theHighestVectorAboveThePriorityIsDeliveredFirst() {
    lapic.acceptVector(0x41, false);
    lapic.acceptVector(0x62, false);
    assertThat(cpu.interrupt).isTrue();
    assertThat(lapic.acknowledgeInterrupt()).isEqualTo(0x62);
    assertThat(cpu.interrupt).as("class 4 waits for class 6").isFalse();
    lapic.write(0xb0, 0, 4);
    assertThat(cpu.interrupt).isTrue();
    assertThat(lapic.acknowledgeInterrupt()).isEqualTo(0x41);
  }

  @Test
  void taskPriorityHoldsVectorsOfItsClassBack() {
    lapic.setTaskPriority(4);
    lapic.acceptVector(0x4f, false);
    assertThat(cpu.interrupt).isFalse();
    lapic.acceptVector(0x50, false);
    assertThat(cpu.interrupt).isTrue();
    assertThat(lapic.read(0x80, 4)).isEqualTo(0x40);
    assertThat(lapic.acknowledgeInterrupt()).isEqualTo(0x50);
    assertThat(lapic.acknowledgeInterrupt()).isEqualTo(-1);
  }

  @Test
  void oneShotTimerFiresOnceAndCountsDown() {
    lapic.write(0x3e0, 0xb, 4);
    lapic.write(0x320, 0x40, 4);
    lapic.write(0x380, 1000, 4);
    rig.clock.advance(400);
    assertThat(lapic.read(0x390, 4)).isEqualTo(600);
    rig.clock.advance(600);
    assertThat(lapic.acknowledgeInterrupt()).isEqualTo(0x40);
    lapic.write(0xb0, 0, 4);
    assertThat(lapic.read(0x390, 4)).isZero();
    rig.clock.advance(1_000_000);
    assertThat(cpu.interrupt).isFalse();
  }

  @Test
  void periodicTimerKeepsItsPhase() {
    lapic.write(0x3e0, 0x3, 4);
    lapic.write(0x320, 0x20040, 4);
    lapic.write(0x380, 62_500, 4);
    for (int i = 1; i <= 10; i++) {
      rig.clock.advance(i * 1_000_000L - 1 - rig.clock.nanos());
      assertThat(cpu.interrupt).isFalse();
      rig.clock.advance(1);
      assertThat(lapic.acknowledgeInterrupt()).isEqualTo(0x40);
      lapic.write(0xb0, 0, 4);
    }
  }

  @Test
  void deadlineTimerComparesWithTheTimeStampCounter() {
    lapic.writeApicMsr(0x6e0, 5000);
    assertThat(lapic.readApicMsr(0x6e0)).as("ignored outside deadline mode").isZero();
    lapic.write(0x320, 0x40040, 4);
    lapic.writeApicMsr(0x6e0, 5000);
    assertThat(lapic.readApicMsr(0x6e0)).isEqualTo(5000);
    rig.clock.advance(4999);
    assertThat(cpu.interrupt).isFalse();
    rig.clock.advance(1);
    assertThat(cpu.interrupt).isTrue();
    assertThat(lapic.readApicMsr(0x6e0)).as("disarmed by expiry").isZero();
  }

  @Test
  void levelInterruptOfTheIoApicComesBackUntilTheLineFalls() {
    route(5, 0x8045);
    ioApic.input(5).set(true);
    assertThat(lapic.acknowledgeInterrupt()).isEqualTo(0x45);
    assertThat(redirection(5) & 0x4000).as("remote IRR").isNotZero();
    lapic.write(0xb0, 0, 4);
    assertThat(cpu.interrupt).isTrue();
    assertThat(lapic.acknowledgeInterrupt()).isEqualTo(0x45);
    ioApic.input(5).set(false);
    lapic.write(0xb0, 0, 4);
    assertThat(cpu.interrupt).isFalse();
    assertThat(redirection(5) & 0x4000).isZero();
  }

  @Test
  void edgeOnAMaskedPinIsLost() {
    ioApic.input(4).set(true);
    route(4, 0x44);
    assertThat(cpu.interrupt).isFalse();
    ioApic.input(4).set(false);
    ioApic.input(4).set(true);
    assertThat(lapic.acknowledgeInterrupt()).isEqualTo(0x44);
  }

  private void route(int pin, int low) {
    ioApic.write(0, 0x11 + 2 * pin, 4);
    ioApic.write(0x10, 0, 4);
    ioApic.write(0, 0x10 + 2 * pin, 4);
    ioApic.write(0x10, low, 4);
  }

  private long redirection(int pin) {
    ioApic.write(0, 0x10 + 2 * pin, 4);
    return ioApic.read(0x10, 4);
  }

  @Test
  void ioApicIdentifiesItself() {
    ioApic.write(0, 1, 4);
    assertThat(ioApic.read(0x10, 4)).isEqualTo(0x00170020);
    assertThat(redirection(23)).isEqualTo(0x10000);
  }

  @Test
  void externalInterruptAsksThe8259ForItsVector() {
    bus.lint0().set(true);
    assertThat(cpu.interrupt).as("LINT0 is masked").isFalse();
    lapic.write(0x350, 0x700, 4);
    assertThat(cpu.interrupt).isTrue();
    assertThat(secondCpu.interrupt).isFalse();
    assertThat(lapic.acknowledgeInterrupt()).isEqualTo(0x33);
    assertThat(lapic.read(0x110, 4)).as("no in-service bit").isZero();
    bus.lint0().set(false);
    assertThat(cpu.interrupt).isFalse();
  }

  @Test
  void lint1DeliversNmi() {
    lapic.write(0x360, 0x400, 4);
    bus.lint1().pulse();
    assertThat(cpu.events).containsExactly("nmi");
    assertThat(secondCpu.events).isEmpty();
  }

  @Test
  void initAndStartupReachTheOtherCpus() {
    lapic.write(0x300, 0xc4500, 4);
    lapic.write(0x300, 0xc8500, 4);
    lapic.write(0x300, 0xc469f, 4);
    assertThat(secondCpu.events).containsExactly("init", "startup 159");
    assertThat(cpu.events).isEmpty();
    assertThat(second.read(0xf0, 4)).as("INIT resets the APIC").isEqualTo(0xff);
  }

  @Test
  void logicalFlatDestinationSelectsByBits() {
    lapic.write(0xd0, 0x01000000, 4);
    second.write(0xd0, 0x02000000, 4);
    bus.send(0xfee02004L, 0x51);
    assertThat(cpu.interrupt).isFalse();
    assertThat(secondCpu.interrupt).isTrue();
    bus.send(0xfee03004L, 0x52);
    assertThat(cpu.interrupt).isTrue();
  }

  @Test
  void logicalClusterDestinationSelectsClusterThenBit() {
    lapic.write(0xe0, 0x0fffffff, 4);
    second.write(0xe0, 0x0fffffff, 4);
    lapic.write(0xd0, 0x11000000, 4);
    second.write(0xd0, 0x21000000, 4);
    bus.send(0xfee21004L, 0x51);
    assertThat(cpu.interrupt).isFalse();
    assertThat(secondCpu.interrupt).isTrue();
  }

  @Test
  void lowestPriorityPicksTheLessBusyCpu() {
    lapic.setTaskPriority(3);
    bus.send(0xfee00000L | 0xffL << 12, 0x151);
    assertThat(cpu.interrupt).isFalse();
    assertThat(secondCpu.interrupt).isTrue();
  }

  @Test
  void physicalMsiGoesToOneCpu() {
    bus.send(0xfee01000L, 0x61);
    assertThat(cpu.interrupt).isFalse();
    assertThat(second.acknowledgeInterrupt()).isEqualTo(0x61);
  }

  @Test
  void illegalVectorIsAnErrorShownAfterWritingEsr() {
    lapic.write(0x370, 0xfe, 4);
    lapic.write(0x300, 0x40005, 4);
    assertThat(lapic.read(0x280, 4)).isZero();
    lapic.write(0x280, 0, 4);
    assertThat(lapic.read(0x280, 4)).isEqualTo(0x20);
    assertThat(lapic.acknowledgeInterrupt()).isEqualTo(0xfe);
  }

  @Test
  void softwareDisableMasksTheLocalVectorTable() {
    lapic.write(0x350, 0x700, 4);
    lapic.write(0xf0, 0xff, 4);
    assertThat(lapic.read(0x350, 4)).isEqualTo(0x10700);
    lapic.write(0x350, 0x700, 4);
    assertThat(lapic.read(0x350, 4)).isEqualTo(0x10700);
    assertThat(lapic.acceptVector(0x55, false)).isFalse();
  }

  @Test
  void x2apicModeUsesMsrsAndWideIds() {
    assertThat(lapic.hasApicMsr(0x802)).isFalse();
    assertThat(lapic.setApicBase(0xfee00d00L)).isTrue();
    assertThat(lapic.read(0x30, 4)).as("window closed").isEqualTo(-1);
    assertThat(lapic.readApicMsr(0x802)).isZero();
    assertThat(lapic.readApicMsr(0x80d)).isEqualTo(1);
    assertThat(lapic.writeApicMsr(0x83f, 0x77)).isTrue();
    assertThat(lapic.acknowledgeInterrupt()).isEqualTo(0x77);
    assertThat(lapic.writeApicMsr(0x80b, 1)).as("EOI takes only zero").isFalse();
    assertThat(lapic.writeApicMsr(0x80b, 0)).isTrue();
    assertThat(lapic.writeApicMsr(0x830, 1L << 32 | 0x99)).isTrue();
    assertThat(second.acknowledgeInterrupt()).isEqualTo(0x99);
    assertThat(lapic.setApicBase(0xfee00900L)).as("not straight back to xAPIC").isFalse();
    assertThat(lapic.setApicBase(0xfee00100L)).isTrue();
    assertThat(lapic.setApicBase(0xfee00d00L)).as("not straight from disabled").isFalse();
  }

  @Test
  void eachCpuThreadSeesItsOwnRegisters() throws InterruptedException {
    Thread thread =
        new Thread(
            () -> {
              second.bindToCurrentThread();
              rig.trace.add("id " + bus.read(0x20, 4));
            });
    thread.start();
    thread.join();
    assertThat(rig.trace).containsExactly("id 16777216");
    assertThat(bus.read(0x20, 4)).isZero();
  }

  @Test
  void isaInterrupt0ArrivesAtPin2() {
    I8259Pic pic = new I8259Pic(bus.lint0());
    IsaIrqLines isa = new IsaIrqLines(pic, ioApic);
    route(2, 0x30);
    isa.source(0).pulse();
    assertThat(lapic.acknowledgeInterrupt()).isEqualTo(0x30);
  }

  @Test
  void sharedIsaLineStaysHighWhileOneSourceIs() {
    I8259Pic pic = new I8259Pic(bus.lint0());
    IsaIrqLines isa = new IsaIrqLines(pic, ioApic);
    var one = isa.source(11);
    var two = isa.source(11);
    one.set(true);
    two.set(true);
    one.set(false);
    assertThat(ioApic.input(11).level()).isTrue();
    two.set(false);
    assertThat(ioApic.input(11).level()).isFalse();
  }

  /** 486 and the like: the 8259 is wired to the CPU, and no register is in between. */
  @Test
  void cpuWithoutApicHearsThe8259() {
    ApicBus own = new ApicBus();
    Lapic wire = new Lapic(0, true, false, own, rig.clock, rig.lock, () -> 0x33, 1_000_000_000);
    RecordingVcpu old = new RecordingVcpu();
    wire.attach(old);
    own.lint0().set(true);
    assertThat(old.interrupt).isTrue();
    assertThat(wire.acceptVector(0x40, false)).isFalse();
    own.lint0().set(false);
    assertThat(old.interrupt).isFalse();
    wire.reset();
    own.lint0().set(true);
    assertThat(old.interrupt).isTrue();
  }
}
