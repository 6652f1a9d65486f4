package org.tuber.machine.firmware.acpi;

import java.util.ArrayList;
import java.util.List;
import org.tuber.machine.MachineException;
import org.tuber.machine.firmware.BootMemory;

/**
 * The ACPI tables of the {@code pc} board (ACPI 6.5, chapter 5; HPET: IA-PC HPET 1.0a, 3.2.4): root
 * pointer in the F segment, RSDT and XSDT, FADT, FACS, DSDT, MADT, HPET.
 *
 * <p>Numbers are those of the board after firmware has set it up: PM registers at 600H unless
 * firmware put them elsewhere, SCI on 9, ISA interrupt 0 on IOAPIC pin 2, PCI interrupts 5, 9, 10
 * and 11 level-triggered and active high.
 */
public final class PcAcpi {
  /** Room that {@link #install} needs for tables. */
  public static final int TABLES_BYTES = 0x1_f000;

  /** Room for the FACS, which stays the firmware's. */
  public static final int FACS_BYTES = 0x1000;

  /** Where the root pointer goes. */
  public static final long RSDP = 0xf_5a00;

  /** Registers of the HPET. */
  public static final long HPET_BASE = 0xfed0_0000L;

  private static final long IO_APIC_BASE = 0xfec0_0000L;
  private static final long LOCAL_APIC_BASE = 0xfee0_0000L;
  private static final int PM_BASE = 0x600;
  private static final int GPE0_BASE = 0xafe0;
  private static final int RESET_PORT = 0xcf9;
  private static final int RESET_VALUE = 6;
  private static final int SMI_COMMAND = 0xb2;
  private static final int ACPI_ENABLE = 0xf1;
  private static final int ACPI_DISABLE = 0xf0;
  private static final int SCI_IRQ = 9;
  private static final int CENTURY_INDEX = 0x32;
  private static final int FADT_FACS = 36;
  private static final int FADT_DSDT = 40;
  private static final int FADT_X_DSDT = 140;
  private static final int SPACE_MEMORY = 0;
  private static final int SPACE_IO = 1;

  /** General-purpose event that says the sleep button was pressed. */
  public static final int SLEEP_BUTTON_EVENT = PcDsdt.SLEEP_BUTTON_EVENT;

  // FADT flags: WBINVD, C1 on all CPUs, sleep button is a device, RTC wake not fixed, reset
  // register,
  // timers must be platform ones.
  private static final int FADT_FLAGS = 1 | 1 << 2 | 1 << 5 | 1 << 7 | 1 << 10 | 1 << 15;

  // IA-PC boot flags: legacy devices, 8042, no VGA to probe.
  private static final int BOOT_LEGACY_DEVICES = 1;
  private static final int BOOT_8042 = 2;
  private static final int BOOT_NO_VGA = 4;

  private static final int POLARITY_HIGH_LEVEL = 0xd;
  private static final int[] PCI_IRQS = {5, 9, 10, 11};

  /** A serial or parallel port as the DSDT tells it. */
  public record Legacy(int port, int irq) {}

  /**
   * What varies.
   *
   * @param cpus number of CPUs, APIC IDs from 0
   * @param hpet an HPET is present
   * @param vga a VGA is present
   * @param pciHoleStart first address of the PCI window below 4 GiB
   * @param serials serial ports in order
   * @param parallels parallel ports in order
   * @param pmBase where the power-management registers are
   */
  public record Platform(
      int cpus,
      boolean hpet,
      boolean vga,
      long pciHoleStart,
      List<Legacy> serials,
      List<Legacy> parallels,
      int pmBase) {
    /** With the power-management registers where firmware usually puts them. */
    public Platform(int cpus, boolean hpet, boolean vga, long pciHoleStart, List<Legacy> serials) {
      this(cpus, hpet, vga, pciHoleStart, serials, List.of(), PM_BASE);
    }
  }

  /**
   * The tables for firmware to place.
   *
   * @param tables content of the file {@link #TABLES_FILE}
   * @param root content of the file {@link #ROOT_FILE}
   * @param script content of the file {@link #SCRIPT_FILE}
   */
  public record Files(byte[] tables, byte[] root, byte[] script) {}

  /** Name of the file with the tables. */
  public static final String TABLES_FILE = TableLoader.TABLES_FILE;

  /** Name of the file with the root pointer. */
  public static final String ROOT_FILE = TableLoader.ROOT_FILE;

  /** Name of the file with the commands that place the tables. */
  public static final String SCRIPT_FILE = TableLoader.SCRIPT_FILE;

  /** Length of the root pointer. */
  public static final int ROOT_BYTES = AcpiTable.ROOT_BYTES;

  /** A finished set and its two roots. */
  private record Layout(AcpiTables set, int rsdt, int xsdt) {}

  private PcAcpi() {}

  /**
   * Writes all tables.
   *
   * @param tables where, in memory that the guest is told holds ACPI tables
   * @param facs where the FACS goes, 64-byte aligned, in memory told to be NVS
   * @return address of the root pointer
   */
  public static long install(BootMemory memory, Platform platform, long tables, long facs)
      throws MachineException {
    Layout layout = layout(platform);
    byte[] placed = layout.set.placedAt(tables, facs);
    if (placed.length > TABLES_BYTES) {
      throw new IllegalStateException("ACPI tables outgrow their room");
    }
    memory.write(facs, facs());
    memory.write(tables, placed);
    memory.write(RSDP, AcpiTable.rootPointer(tables + layout.rsdt, tables + layout.xsdt));
    return RSDP;
  }

  /** The tables as files of the firmware configuration device. */
  public static Files files(Platform platform) {
    Layout layout = layout(platform);
    return new Files(
        layout.set.relative(),
        AcpiTable.relativeRootPointer(layout.rsdt, layout.xsdt),
        TableLoader.script(layout.set));
  }

  private static Layout layout(Platform p) {
    AcpiTables set = new AcpiTables();
    int facs = set.addRaw(facs());
    int dsdt = set.add(PcDsdt.build(p));
    List<Integer> roots = new ArrayList<>();
    int fadt = set.add(fadt(p, dsdt, facs));
    set.facsPointer(fadt + FADT_FACS, 4);
    set.pointer(fadt + FADT_DSDT, 4);
    set.pointer(fadt + FADT_X_DSDT, 8);
    roots.add(fadt);
    roots.add(set.add(madt(p)));
    if (p.hpet()) {
      roots.add(set.add(hpet()));
    }
    return new Layout(set, set.addRoot("RSDT", roots, 4), set.addRoot("XSDT", roots, 8));
  }

  private static byte[] facs() {
    byte[] facs = new byte[64];
    System.arraycopy(AcpiTable.ascii("FACS"), 0, facs, 0, 4);
    facs[4] = 64;
    facs[32] = 2; // version
    return facs;
  }

  /** Revision 5: 268 bytes. */
  private static byte[] fadt(Platform p, long dsdt, long facs) {
    int bootFlags = BOOT_LEGACY_DEVICES | BOOT_8042 | (p.vga() ? 0 : BOOT_NO_VGA);
    AcpiTable t = new AcpiTable();
    t.put(facs, 4).put(dsdt, 4);
    t.put(1, 1).put(0, 1).put(SCI_IRQ, 2); // dual PIC (reserved), preferred profile, SCI
    t.put(SMI_COMMAND, 4).put(ACPI_ENABLE, 1).put(ACPI_DISABLE, 1).put(0, 2);
    t.put(p.pmBase(), 4).put(0, 4); // PM1a and PM1b event blocks
    t.put(p.pmBase() + 4, 4).put(0, 4); // PM1a and PM1b control blocks
    t.put(0, 4).put(p.pmBase() + 8, 4); // PM2 control, PM timer
    t.put(GPE0_BASE, 4).put(0, 4); // GPE0, GPE1
    t.put(4, 1).put(2, 1).put(0, 1).put(4, 1).put(4, 1).put(0, 1).put(0, 1).put(0, 1);
    t.put(0xfff, 2).put(0xfff, 2); // no C2, no C3
    t.put(0, 2).put(0, 2).put(0, 1).put(0, 1); // flush size and stride, duty cycle
    t.put(0, 1).put(0, 1).put(CENTURY_INDEX, 1); // day and month alarm, century
    t.put(bootFlags, 2).put(0, 1).put(FADT_FLAGS, 4);
    t.putAddress(SPACE_IO, 8, 1, RESET_PORT).put(RESET_VALUE, 1);
    t.put(0, 2).put(0, 1); // ARM boot flags, minor version
    t.put(0, 8).put(dsdt, 8); // X_FIRMWARE_CTRL must be 0 beside a 32-bit one
    t.putAddress(SPACE_IO, 32, 2, p.pmBase()).putAddress(0, 0, 0, 0);
    t.putAddress(SPACE_IO, 16, 2, p.pmBase() + 4).putAddress(0, 0, 0, 0);
    t.putAddress(0, 0, 0, 0).putAddress(SPACE_IO, 32, 3, p.pmBase() + 8);
    t.putAddress(SPACE_IO, 32, 1, GPE0_BASE).putAddress(0, 0, 0, 0);
    t.putAddress(0, 0, 0, 0).putAddress(0, 0, 0, 0); // sleep control and status: not reduced
    return t.finish("FACP", 5);
  }

  private static byte[] madt(Platform p) {
    AcpiTable t = new AcpiTable();
    t.put(LOCAL_APIC_BASE, 4).put(1, 4); // an 8259 pair is there too
    for (int cpu = 0; cpu < p.cpus(); cpu++) {
      t.put(0, 1).put(8, 1).put(cpu, 1).put(cpu, 1).put(1, 4);
    }
    t.put(1, 1).put(12, 1).put(0, 1).put(0, 1).put(IO_APIC_BASE, 4).put(0, 4);
    sourceOverride(t, 0, 2, 0);
    for (int irq : PCI_IRQS) {
      sourceOverride(t, irq, irq, POLARITY_HIGH_LEVEL);
    }
    t.put(4, 1).put(6, 1).put(0xff, 1).put(0, 2).put(1, 1); // NMI on LINT1 of all
    return t.finish("APIC", 3);
  }

  private static void sourceOverride(AcpiTable t, int irq, int gsi, int flags) {
    t.put(2, 1).put(10, 1).put(0, 1).put(irq, 1).put(gsi, 4).put(flags, 2);
  }

  private static byte[] hpet() {
    final int eventTimerBlockId = 0x8086_a201;
    final int minimumTick = 0;
    return new AcpiTable()
        .put(eventTimerBlockId, 4)
        .putAddress(SPACE_MEMORY, 0, 0, HPET_BASE)
        .put(0, 1)
        .put(minimumTick, 2)
        .put(0, 1)
        .finish("HPET", 1);
  }
}
