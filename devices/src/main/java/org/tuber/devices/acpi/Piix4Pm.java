package org.tuber.devices.acpi;

import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.reg.RegisterBank;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.core.time.TickRate;
import org.tuber.core.time.Timer;
import org.tuber.core.time.VirtualClock;
import org.tuber.devices.pci.PciFunction;

/**
 * Intel 82371AB (PIIX4), function 3: ACPI power management registers, PM timer, SMBus host.
 *
 * <p>Data sheet 290562-001, chapter 7; ACPI 1.0b, section 4.7. The register block moves with
 * PMBASE; a block of four general-purpose event bytes and the APM ports B2H and B3H are fixed. SCI
 * mode is switched by writing F1H or F0H to B2H, as firmware would do it inside an SMI. Sleep types
 * are 0 for soft off, 1 for suspend to RAM, 2 for suspend to disk. Device monitors, throttling and
 * the traps that raise SMIs are storage.
 */
public final class Piix4Pm implements Snapshottable<Piix4Pm.State> {
  /** Rate of the ACPI PM timer. */
  public static final long PM_TIMER_HZ = 3_579_545;

  /** Size of the block behind PMBASE. */
  public static final int PM_BYTES = 64;

  /** Size of the general-purpose event block. */
  public static final int GPE_BYTES = 4;

  private static final int PMBASE = 0x40;
  private static final int DEVACTB_APMC = 0x5b;
  private static final int DEVACTB_APMC_ENABLE = 0x02;
  private static final int PMREGMISC = 0x80;
  private static final int SMBBA = 0x90;
  private static final int SMBHSTCFG = 0xd2;

  private static final int PM_TMR = 0x08;
  private static final long TMR_STS = 1 << 0;
  private static final long GBL_STS = 1 << 5;
  private static final long PWRBTN_STS = 1 << 8;
  private static final long RTC_STS = 1 << 10;
  private static final long WAK_STS = 1 << 15;
  private static final long BM_STS = 1 << 4;
  private static final long PM1_STATUS =
      TMR_STS | BM_STS | GBL_STS | PWRBTN_STS | RTC_STS | WAK_STS;
  private static final long PM1_ENABLE = TMR_STS | GBL_STS | PWRBTN_STS | RTC_STS;
  private static final long SCI_EN = 1 << 0;
  private static final int SLP_TYP_SHIFT = 10;
  private static final long SLP_EN = 1 << 13;
  private static final int TIMER_MSB_SHIFT = 23;
  private static final long TIMER_MASK = 0xff_ffff;
  private static final int APM_ACPI_ENABLE = 0xf1;
  private static final int APM_ACPI_DISABLE = 0xf0;

  /**
   * State.
   *
   * @param pci configuration space
   * @param registers power management registers
   * @param gpe general-purpose event registers
   * @param apmCommand port B2H
   * @param apmStatus port B3H
   * @param timerHalf half period of the PM timer up to which TMR_STS is current
   * @param smbus SMBus host
   */
  public record State(
      PciFunction.State pci,
      RegisterBank.State registers,
      RegisterBank.State gpe,
      int apmCommand,
      int apmStatus,
      long timerHalf,
      Piix4Smbus.State smbus) {}

  private final class Block implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      if (offset == PM_TMR && size == 4) {
        return rate.ticks(clock.nanos()) & TIMER_MASK;
      }
      return registers.read(offset, size);
    }

    @Override
    public void write(long offset, long value, int size) {
      registers.write(offset, value, size);
    }

    @Override
    public int maxAccessSize() {
      return 4;
    }
  }

  private final class GpeBlock implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      return gpeRegisters.read(offset, size);
    }

    @Override
    public void write(long offset, long value, int size) {
      gpeRegisters.write(offset, value, size);
    }
  }

  private final class ApmPorts implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      return offset == 0 ? apmCommand : apmStatus;
    }

    @Override
    public void write(long offset, long value, int size) {
      if (offset == 0) {
        writeApmCommand((int) value & 0xff);
      } else {
        apmStatus = (int) value & 0xff;
      }
    }

    @Override
    public int maxAccessSize() {
      return 1;
    }
  }

  private final VirtualClock clock;
  private final IrqLine sci;
  private final AddressSpace io;
  private final SleepControl sleep;
  private final PciFunction pci;
  private final TickRate rate = new TickRate(PM_TIMER_HZ);
  private final Timer overflow;
  private final OnceLog log = new OnceLog("piix4-pm");
  private final RegisterBank registers = new RegisterBank("piix4-pm", PM_BYTES);
  private final RegisterBank gpeRegisters = new RegisterBank("piix4-gpe", GPE_BYTES);
  private final RegisterBank.Register pm1Status;
  private final RegisterBank.Register pm1Enable;
  private final RegisterBank.Register pm1Control;
  private final RegisterBank.Register gpeStatus;
  private final RegisterBank.Register gpeEnable;
  private final Piix4Smbus smbus = new Piix4Smbus();
  private final GpeBlock gpeBlock = new GpeBlock();
  private final ApmPorts apmPorts = new ApmPorts();
  private final AddressSpace.Mapping pmWindow;
  private final AddressSpace.Mapping smbusWindow;
  private int apmCommand;
  private int apmStatus;
  private long timerHalf;

  /**
   * The function; the board attaches {@link #pci} as function 3 of device 1 and maps {@link #gpe}
   * and {@link #apm}.
   *
   * @param clock guest time
   * @param sci system control interrupt (ISA interrupt 9)
   * @param io port space, in which PMBASE and SMBBA place their windows
   * @param sleep what a sleep state does
   */
  public Piix4Pm(VirtualClock clock, IrqLine sci, AddressSpace io, SleepControl sleep) {
    this.clock = clock;
    this.sci = sci;
    this.io = io;
    this.sleep = sleep;
    this.overflow = new Timer(clock, this::timerOverflowed);
    pci = new PciFunction("piix4-pm", new PciFunction.Identity(0x8086, 0x7113, 3, 0x068000));
    declareConfig();
    pm1Status =
        registers
            .register("PM1_STS", 0x00, 2, 0)
            .writeOneToClear(PM1_STATUS)
            .onRead(this::readStatus)
            .onWrite((old, written) -> update());
    pm1Enable =
        registers
            .register("PM1_EN", 0x02, 2, 0)
            .writable(PM1_ENABLE)
            .onWrite((old, written) -> update());
    pm1Control =
        registers
            .register("PM1_CNT", 0x04, 2, 0)
            .writable(0x1c03)
            .onWrite((old, written) -> controlWritten(written));
    declareStorage();
    gpeStatus =
        gpeRegisters
            .register("GPE0_STS", 0, 2, 0)
            .writeOneToClear(0xffff)
            .onWrite((old, written) -> update());
    gpeEnable =
        gpeRegisters
            .register("GPE0_EN", 2, 2, 0)
            .writable(0xffff)
            .onWrite((old, written) -> update());
    pmWindow = io.mapDevice(0, PM_BYTES, new Block(), AddressSpace.PRIORITY_PLATFORM);
    smbusWindow = io.mapDevice(0, Piix4Smbus.WINDOW_BYTES, smbus, AddressSpace.PRIORITY_PLATFORM);
    place();
  }

  private void declareConfig() {
    pci.define(PciFunction.STATUS, 0x0280, 2);
    pci.allowWrite(PciFunction.COMMAND, 0x0001, 2);
    pci.interruptPin(1);
    for (int r = 0x44; r < 0x80; r++) {
      pci.allowWrite(r, 0xff, 1);
    }
    pci.define(PMBASE, 1, 4);
    pci.allowWrite(PMBASE, 0xffc0, 4);
    // No CPU here enters system management mode. With this bit set, firmware takes its handler for
    // installed already, and does not wait for ever for the first interrupt to reach it.
    pci.define(DEVACTB_APMC, DEVACTB_APMC_ENABLE, 1);
    pci.allowWrite(PMREGMISC, 1, 1);
    pci.define(SMBBA, 1, 4);
    pci.allowWrite(SMBBA, 0xfff0, 4);
    pci.define(SMBHSTCFG, 0x09, 1);
    pci.allowWrite(SMBHSTCFG, 0x0f, 1);
    for (int r = 0xd3; r <= 0xd5; r++) {
      pci.allowWrite(r, 0xff, 1);
    }
    pci.onConfigWrite((offset, size) -> place());
  }

  /** Registers of chapter 7.2 without behaviour here, except that they keep what is written. */
  private void declareStorage() {
    registers.register("PM_TMR", PM_TMR, 4, 0).onRead(v -> rate.ticks(clock.nanos()) & TIMER_MASK);
    registers.register("GPSTS", 0x0c, 2, 0).writeOneToClear(0x0f81);
    registers.register("GPEN", 0x0e, 2, 0).writable(0x0f01).unimplemented(0x0f01);
    registers.register("PCNTRL", 0x10, 4, 0).writable(0x0003_9e1e).unimplemented(0x1e10);
    registers.register("PLVL2", 0x14, 1, 0);
    registers.register("PLVL3", 0x15, 1, 0);
    registers.register("GLBSTS", 0x18, 2, 0).writeOneToClear(0x0ff7);
    registers.register("DEVSTS", 0x1c, 4, 0).writeOneToClear(0xffff_ffffL);
    registers.register("GLBEN", 0x20, 2, 0).writable(0x8f73).unimplemented(0x8f73);
    registers.register("GLBCTL", 0x28, 4, 0).writable(0x0307_ff1f).unimplemented(0x0307_ff1f);
    registers.register("DEVCTL", 0x2c, 4, 0).writable(0x0fff_ffff).unimplemented(0x0fff_ffff);
    registers.register("GPIREG", 0x30, 4, 0);
    registers.register("GPOREG", 0x34, 4, 0x7fff_bfffL).writable(0xffff_ffffL);
  }

  /** Where firmware has put the power-management registers, 0 for nowhere. */
  public int pmBase() {
    return pci.config16(PMBASE) & 0xffc0;
  }

  /** Function 3. */
  public PciFunction pci() {
    return pci;
  }

  /** General-purpose event block 0, four bytes at a fixed place (AFE0H). */
  public MmioDevice gpe() {
    return gpeBlock;
  }

  /** APM command and status, ports B2H and B3H. */
  public MmioDevice apm() {
    return apmPorts;
  }

  /** Raises general-purpose event {@code bit}, 0 to 15. */
  public void raiseGpe(int bit) {
    gpeStatus.setBits(1L << bit);
    update();
  }

  /** The user pressed the power button. */
  public void pressPowerButton() {
    pm1Status.setBits(PWRBTN_STS);
    update();
  }

  /** The system woke from a sleep state. */
  public void wake() {
    pm1Status.setBits(WAK_STS);
    update();
  }

  /**
   * Places and enables the register blocks as firmware does: PMBASE, SMBBA. For boards that start
   * without firmware.
   */
  public void placeLikeFirmware(int pmBase, int smbusBase) {
    pci.writeConfig(PMBASE, pmBase | 1L, 4);
    pci.writeConfig(PMREGMISC, 1, 1);
    pci.writeConfig(SMBBA, smbusBase | 1L, 4);
    pci.writeConfig(SMBHSTCFG, 0x09, 1);
    pci.writeConfig(PciFunction.INTERRUPT_LINE, 9, 1);
    pci.writeConfig(PciFunction.COMMAND, PciFunction.COMMAND_IO, 2);
  }

  private void place() {
    io.batch(
        () -> {
          pmWindow.moveTo(pci.config16(PMBASE) & 0xffc0);
          pmWindow.setEnabled((pci.config8(PMREGMISC) & 1) != 0 && pmWindow.base() != 0);
          smbusWindow.moveTo(pci.config16(SMBBA) & 0xfff0);
          smbusWindow.setEnabled((pci.config8(SMBHSTCFG) & 1) != 0 && smbusWindow.base() != 0);
        });
  }

  // Events.

  private void controlWritten(long written) {
    if ((written & SLP_EN) != 0) {
      long type = pm1Control.value() >>> SLP_TYP_SHIFT & 7;
      switch ((int) type) {
        case 0 -> sleep.enter(SleepControl.State.S5);
        case 1 -> sleep.enter(SleepControl.State.S3);
        case 2 -> sleep.enter(SleepControl.State.S4);
        default -> log.unimplemented("sleep type", 4, type);
      }
    }
    update();
  }

  private void writeApmCommand(int v) {
    apmCommand = v;
    if (v == APM_ACPI_ENABLE) {
      pm1Control.setBits(SCI_EN);
    } else if (v == APM_ACPI_DISABLE) {
      pm1Control.clearBits(SCI_EN);
    }
    update();
  }

  private long readStatus(long stored) {
    timerToStatus();
    return pm1Status.value();
  }

  /** Sets TMR_STS when the top bit of the timer changed since last time. */
  private void timerToStatus() {
    long half = rate.ticks(clock.nanos()) >>> TIMER_MSB_SHIFT;
    if (half != timerHalf) {
      timerHalf = half;
      pm1Status.setBits(TMR_STS);
    }
  }

  private void timerOverflowed() {
    timerToStatus();
    update();
  }

  private void update() {
    timerToStatusIfEnabled();
    boolean event = (pm1Status.value() & pm1Enable.value() & PM1_ENABLE) != 0;
    boolean general = (gpeStatus.value() & gpeEnable.value()) != 0;
    sci.set(pm1Control.has(SCI_EN) && (event || general));
    if (pm1Enable.has(TMR_STS) && !pm1Status.has(TMR_STS)) {
      overflow.arm(rate.nanos((timerHalf + 1) << TIMER_MSB_SHIFT));
    } else {
      overflow.disarm();
    }
  }

  private void timerToStatusIfEnabled() {
    if (pm1Enable.has(TMR_STS)) {
      timerToStatus();
    }
  }

  // State.

  @Override
  public State save() {
    return new State(
        pci.save(),
        registers.save(),
        gpeRegisters.save(),
        apmCommand,
        apmStatus,
        timerHalf,
        smbus.save());
  }

  @Override
  public void load(State s) {
    registers.check(s.registers);
    gpeRegisters.check(s.gpe);
    if (((s.apmCommand | s.apmStatus) & ~0xff) != 0) {
      throw new IllegalArgumentException("apmCommand or apmStatus out of range");
    }
    if (s.timerHalf < 0 || s.timerHalf > 1L << 40) {
      throw new IllegalArgumentException("timerHalf: " + s.timerHalf);
    }
    pci.load(s.pci);
    smbus.load(s.smbus);
    registers.load(s.registers);
    gpeRegisters.load(s.gpe);
    apmCommand = s.apmCommand;
    apmStatus = s.apmStatus;
    timerHalf = s.timerHalf;
    place();
    update();
  }

  @Override
  public void reset() {
    pci.reset();
    smbus.reset();
    registers.reset();
    gpeRegisters.reset();
    apmCommand = 0;
    apmStatus = 0;
    timerHalf = rate.ticks(clock.nanos()) >>> TIMER_MSB_SHIFT;
    place();
    update();
  }
}
