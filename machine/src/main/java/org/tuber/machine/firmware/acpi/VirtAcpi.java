package org.tuber.machine.firmware.acpi;

import static org.tuber.machine.firmware.acpi.Aml.device;
import static org.tuber.machine.firmware.acpi.Aml.eisaId;
import static org.tuber.machine.firmware.acpi.Aml.integer;
import static org.tuber.machine.firmware.acpi.Aml.name;
import static org.tuber.machine.firmware.acpi.Aml.pkg;
import static org.tuber.machine.firmware.acpi.Aml.resources;
import static org.tuber.machine.firmware.acpi.Aml.scope;
import static org.tuber.machine.firmware.acpi.Aml.string;
import static org.tuber.machine.firmware.acpi.Aml.terms;

import java.util.ArrayList;
import java.util.List;
import org.tuber.machine.firmware.acpi.PcAcpi.Files;

/**
 * The ACPI tables of the Arm board for UEFI to place (ACPI 6.3, chapter 5, hardware-reduced): XSDT,
 * FADT, DSDT, MADT, GTDT, MCFG, SPCR. Without the power button, which guests find by the device
 * tree only.
 */
public final class VirtAcpi {
  private static final int SPACE_MEMORY = 0;
  private static final int FIRST_SPI = 32;
  private static final int SLOTS = 32;
  private static final int PINS = 4;
  private static final int FADT_X_DSDT = 140;
  private static final int FADT_HARDWARE_REDUCED = 1 << 20;
  private static final int ARM_PSCI = 1;
  private static final int ARM_PSCI_BY_HVC = 2;
  private static final int TIMER_ALWAYS_ON = 4;
  private static final int[] TIMERS = {29, 30, 27, 26};

  /**
   * What varies; addresses are guest-physical, interrupts are shared ones counted from 0.
   *
   * @param cpus number of CPUs
   * @param gic the interrupt controller
   * @param byHvc PSCI is called by HVC, else by SMC
   * @param uart address of the PL011
   * @param uartInterrupt its interrupt
   * @param virtio address of the first virtio slot
   * @param virtioBytes size of each
   * @param virtioSlots how many
   * @param virtioInterrupt interrupt of the first
   * @param pci windows of the PCI host
   */
  public record Platform(
      int cpus,
      Gic gic,
      boolean byHvc,
      long uart,
      int uartInterrupt,
      long virtio,
      int virtioBytes,
      int virtioSlots,
      int virtioInterrupt,
      Pci pci) {}

  /**
   * The interrupt controller.
   *
   * @param version 2 or 3
   * @param distributor its address
   * @param own CPU interface (2) or redistributors (3)
   * @param ownBytes size of the redistributors
   * @param messages GICv2m frame (2) or ITS (3); 0: none
   * @param messageInterrupt first interrupt of the frame
   * @param messageInterrupts how many
   */
  public record Gic(
      int version,
      long distributor,
      long own,
      int ownBytes,
      long messages,
      int messageInterrupt,
      int messageInterrupts) {}

  /**
   * The PCI host: first and last addresses.
   *
   * @param ecam configuration space
   * @param buses how many it has room for
   * @param io where ports are seen in memory
   * @param memory 32-bit window
   * @param memoryLast its end
   * @param memoryHigh 64-bit window
   * @param memoryHighLast its end
   * @param interrupt the first of four wires
   */
  public record Pci(
      long ecam,
      int buses,
      long io,
      long memory,
      long memoryLast,
      long memoryHigh,
      long memoryHighLast,
      int interrupt) {}

  private VirtAcpi() {}

  /** The tables as files of the firmware configuration device. */
  public static Files files(Platform p) {
    AcpiTables set = new AcpiTables();
    int dsdt = set.add(dsdt(p));
    List<Integer> roots = new ArrayList<>();
    int fadt = set.add(fadt(p, dsdt));
    set.pointer(fadt + FADT_X_DSDT, 8);
    roots.add(fadt);
    roots.add(set.add(madt(p)));
    roots.add(set.add(gtdt()));
    roots.add(set.add(mcfg(p.pci)));
    roots.add(set.add(spcr(p)));
    int rsdt = set.addRoot("RSDT", roots, 4);
    int xsdt = set.addRoot("XSDT", roots, 8);
    return new Files(
        set.relative(), AcpiTable.relativeRootPointer(rsdt, xsdt), TableLoader.script(set));
  }

  /** Revision 6: 276 bytes, nearly all of them about hardware that is not there. */
  private static byte[] fadt(Platform p, long dsdt) {
    return new AcpiTable()
        .put(new byte[76])
        .put(FADT_HARDWARE_REDUCED, 4)
        .putAddress(0, 0, 0, 0)
        .put(0, 1)
        .put(ARM_PSCI | (p.byHvc ? ARM_PSCI_BY_HVC : 0), 2)
        .put(3, 1)
        .put(0, 8)
        .put(dsdt, 8)
        .put(new byte[128])
        .finish("FACP", 6);
  }

  private static byte[] madt(Platform p) {
    Gic gic = p.gic;
    AcpiTable t = new AcpiTable().put(0, 4).put(0, 4);
    t.put(12, 1).put(24, 1).put(0, 2).put(0, 4).put(gic.distributor, 8).put(0, 4);
    t.put(gic.version, 1).put(0, 3);
    for (int i = 0; i < p.cpus; i++) {
      t.put(11, 1).put(80, 1).put(0, 2).put(i, 4).put(i, 4).put(1, 4); // enabled
      t.put(0, 4).put(0, 4).put(0, 8); // no parking, no performance interrupt
      t.put(gic.version == 2 ? gic.own : 0, 8).put(0, 8).put(0, 8).put(0, 4);
      t.put(0, 8).put(i, 8).put(0, 1).put(0, 3);
    }
    if (gic.version == 3) {
      t.put(14, 1).put(16, 1).put(0, 2).put(gic.own, 8).put(gic.ownBytes, 4);
      if (gic.messages != 0) {
        t.put(15, 1).put(20, 1).put(0, 2).put(0, 4).put(gic.messages, 8).put(0, 4);
      }
    } else {
      t.put(13, 1).put(24, 1).put(0, 2).put(0, 4).put(gic.messages, 8).put(1, 4);
      t.put(gic.messageInterrupts, 2).put(FIRST_SPI + gic.messageInterrupt, 2);
    }
    return t.finish("APIC", 4);
  }

  private static byte[] gtdt() {
    AcpiTable t = new AcpiTable().put(-1, 8).put(0, 4);
    for (int timer : TIMERS) {
      t.put(timer, 4).put(TIMER_ALWAYS_ON, 4);
    }
    return t.put(-1, 8).put(0, 4).put(0, 4).finish("GTDT", 2);
  }

  private static byte[] mcfg(Pci pci) {
    return new AcpiTable()
        .put(0, 8)
        .put(pci.ecam, 8)
        .put(0, 2)
        .put(0, 1)
        .put(pci.buses - 1, 1)
        .put(0, 4)
        .finish("MCFG", 1);
  }

  private static byte[] spcr(Platform p) {
    final int pl011 = 3;
    final int byGic = 8;
    return new AcpiTable()
        .put(pl011, 1)
        .put(0, 3)
        .putAddress(SPACE_MEMORY, 32, 3, p.uart)
        .put(byGic, 1)
        .put(0, 1)
        .put(FIRST_SPI + p.uartInterrupt, 4)
        .put(3, 1) // 9600 bauds, no parity, one stop bit, hardware flow control
        .put(0, 1)
        .put(1, 1)
        .put(2, 1)
        .put(0, 2)
        .put(0xffff_ffffL, 4) // not a PCI device
        .put(0, 3)
        .put(0, 4)
        .put(0, 1)
        .put(0, 4)
        .finish("SPCR", 2);
  }

  // DSDT.

  private static byte[] dsdt(Platform p) {
    List<byte[]> body = new ArrayList<>();
    for (int i = 0; i < p.cpus; i++) {
      body.add(
          device("C%03X".formatted(i), name("_HID", string("ACPI0007")), name("_UID", integer(i))));
    }
    body.add(
        device(
            "COM0",
            name("_HID", string("ARMH0011")),
            name("_UID", integer(0)),
            name(
                "_CRS",
                resources(
                    AmlResource.memory32(p.uart, 0x1000),
                    AmlResource.sharedIrq(FIRST_SPI + p.uartInterrupt)))));
    for (int i = 0; i < p.virtioSlots; i++) {
      body.add(
          device(
              "VR%02X".formatted(i),
              name("_HID", string("LNRO0005")),
              name("_UID", integer(i)),
              name("_CCA", integer(1)),
              name(
                  "_CRS",
                  resources(
                      AmlResource.memory32(p.virtio + (long) i * p.virtioBytes, p.virtioBytes),
                      AmlResource.edgeIrq(FIRST_SPI + p.virtioInterrupt + i)))));
    }
    body.add(pciHost(p.pci));
    return new AcpiTable().put(scope("\\_SB", terms(body))).finish("DSDT", 2);
  }

  private static byte[] pciHost(Pci pci) {
    byte[] windows =
        terms(
            AmlResource.busNumbers(0, pci.buses - 1),
            AmlResource.memoryWindow(pci.memory, pci.memoryLast, false),
            AmlResource.ioWindowInMemory(0, 0xffff, pci.io),
            AmlResource.memoryWindow64(pci.memoryHigh, pci.memoryHighLast));
    long ecamLast = pci.ecam + ((long) pci.buses << 20) - 1;
    return terms(
        device(
            "PCI0",
            name("_HID", eisaId("PNP0A08")),
            name("_CID", eisaId("PNP0A03")),
            name("_SEG", integer(0)),
            name("_BBN", integer(0)),
            name("_UID", integer(0)),
            name("_CCA", integer(1)),
            name("_CRS", resources(windows)),
            name("_PRT", routing(pci.interrupt))),
        device(
            "RES0",
            name("_HID", eisaId("PNP0C02")),
            name("_CRS", resources(AmlResource.occupied64(pci.ecam, ecamLast)))));
  }

  private static byte[] routing(int first) {
    byte[][] rows = new byte[SLOTS * PINS][];
    for (int slot = 0; slot < SLOTS; slot++) {
      for (int pin = 0; pin < PINS; pin++) {
        rows[slot * PINS + pin] =
            pkg(
                integer((long) slot << 16 | 0xffff),
                integer(pin),
                integer(0),
                integer(FIRST_SPI + first + (slot + pin) % PINS));
      }
    }
    return pkg(rows);
  }
}
