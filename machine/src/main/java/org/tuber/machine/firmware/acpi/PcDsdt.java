package org.tuber.machine.firmware.acpi;

import static org.tuber.machine.firmware.acpi.Aml.and;
import static org.tuber.machine.firmware.acpi.Aml.arg0;
import static org.tuber.machine.firmware.acpi.Aml.createDwordField;
import static org.tuber.machine.firmware.acpi.Aml.device;
import static org.tuber.machine.firmware.acpi.Aml.eisaId;
import static org.tuber.machine.firmware.acpi.Aml.ifThen;
import static org.tuber.machine.firmware.acpi.Aml.integer;
import static org.tuber.machine.firmware.acpi.Aml.method;
import static org.tuber.machine.firmware.acpi.Aml.name;
import static org.tuber.machine.firmware.acpi.Aml.orInto;
import static org.tuber.machine.firmware.acpi.Aml.path;
import static org.tuber.machine.firmware.acpi.Aml.pkg;
import static org.tuber.machine.firmware.acpi.Aml.resources;
import static org.tuber.machine.firmware.acpi.Aml.ret;
import static org.tuber.machine.firmware.acpi.Aml.scope;
import static org.tuber.machine.firmware.acpi.Aml.serializedMethod;
import static org.tuber.machine.firmware.acpi.Aml.store;
import static org.tuber.machine.firmware.acpi.Aml.string;
import static org.tuber.machine.firmware.acpi.Aml.terms;

import java.util.ArrayList;
import java.util.List;

/**
 * The differentiated system description of the {@code pc} board: PCI root bus with windows and
 * interrupt routing, PIIX3 interrupt links, ISA devices, CPUs, soft-off.
 *
 * <p>Routing is the board's: link index (slot + pin) mod 4 with 0 = LNKD, so that slot 1 pin A
 * would be LNKA; the power-management function there is hard-wired to interrupt 9 instead (LNKS).
 */
final class PcDsdt {
  private static final int SLOTS = 32;
  private static final int PINS = 4;
  private static final int PM_SLOT = 1;
  private static final int[] LINK_IRQS = {5, 10, 11};
  private static final int SCI_IRQ = 9;
  private static final int LINK_DISABLED = 0x80;
  private static final String[] LINKS = {"LNKD", "LNKA", "LNKB", "LNKC"};

  /** General-purpose event of the sleep button. */
  static final int SLEEP_BUTTON_EVENT = 8;

  private PcDsdt() {}

  static byte[] build(PcAcpi.Platform p) {
    AcpiTable table = new AcpiTable();
    table.put(
        scope(
            "\\_SB",
            pciRoot(p),
            link("LNKA", 0),
            link("LNKB", 1),
            link("LNKC", 2),
            link("LNKD", 3),
            fixedLink(),
            p.hpet() ? hpet() : new byte[0],
            device("SLPB", name("_HID", eisaId("PNP0C0E"))),
            processors(p.cpus())));
    // The chip has a pin for a power button only; the other one is a general-purpose event.
    table.put(
        scope(
            "\\_GPE",
            method(
                "_E%02X".formatted(SLEEP_BUTTON_EVENT), 0, Aml.notify(path("\\_SB.SLPB"), 0x80))));
    // S5 only: value 0 in SLP_TYP switches off; sleeping states need firmware to wake.
    table.put(name("\\_S5", pkg(integer(0), integer(0), integer(0), integer(0))));
    return table.finish("DSDT", 2);
  }

  private static byte[] pciRoot(PcAcpi.Platform p) {
    List<byte[]> windows = new ArrayList<>();
    windows.add(AmlResource.busNumbers(0, 0xff));
    windows.add(AmlResource.io(0xcf8, 8));
    windows.add(AmlResource.ioWindow(0, 0xcf7));
    windows.add(AmlResource.ioWindow(0xd00, 0xffff));
    windows.add(AmlResource.memoryWindow(0xa_0000, 0xb_ffff, true));
    windows.add(AmlResource.memoryWindow(p.pciHoleStart(), 0xfebf_ffffL, false));
    return device(
        "PCI0",
        name("_HID", eisaId("PNP0A03")),
        name("_UID", integer(0)),
        name("_CRS", resources(terms(windows))),
        name("_PRT", routing()),
        isaBridge(p));
  }

  private static byte[] routing() {
    byte[][] rows = new byte[SLOTS * PINS][];
    for (int slot = 0; slot < SLOTS; slot++) {
      for (int pin = 0; pin < PINS; pin++) {
        String target = slot == PM_SLOT && pin == 0 ? "LNKS" : LINKS[(slot + pin) % LINKS.length];
        rows[slot * PINS + pin] =
            pkg(integer((long) slot << 16 | 0xffff), integer(pin), path(target), integer(0));
      }
    }
    return pkg(rows);
  }

  private static byte[] isaBridge(PcAcpi.Platform p) {
    List<byte[]> body = new ArrayList<>();
    body.add(name("_ADR", integer(0x0001_0000)));
    body.add(Aml.pciConfigRegion("PIRQ", 0x60, 4));
    body.add(
        Aml.byteFields(
            "PIRQ",
            new Aml.FieldUnit("PRQ0", 8),
            new Aml.FieldUnit("PRQ1", 8),
            new Aml.FieldUnit("PRQ2", 8),
            new Aml.FieldUnit("PRQ3", 8)));
    body.add(isaDevice("RTC", "PNP0B00", 0, AmlResource.io(0x70, 8), AmlResource.irq(8)));
    body.add(
        isaDevice(
            "KBD",
            "PNP0303",
            0,
            AmlResource.io(0x60, 1),
            AmlResource.io(0x64, 1),
            AmlResource.irq(1)));
    body.add(isaDevice("MOU", "PNP0F13", 0, AmlResource.irq(12)));
    for (int i = 0; i < p.serials().size(); i++) {
      PcAcpi.Legacy s = p.serials().get(i);
      body.add(
          isaDevice(
              "COM" + (i + 1),
              "PNP0501",
              i + 1,
              AmlResource.io(s.port(), 8),
              AmlResource.irq(s.irq())));
    }
    for (int i = 0; i < p.parallels().size(); i++) {
      PcAcpi.Legacy l = p.parallels().get(i);
      body.add(
          isaDevice(
              "LPT" + (i + 1),
              "PNP0400",
              i + 1,
              AmlResource.io(l.port(), 8),
              AmlResource.irq(l.irq())));
    }
    return device("ISA", terms(body));
  }

  private static byte[] isaDevice(String name, String id, int uid, byte[]... descriptors) {
    return device(
        name,
        name("_HID", eisaId(id)),
        uid == 0 ? new byte[0] : name("_UID", integer(uid)),
        name("_STA", integer(0xf)),
        name("_CRS", resources(descriptors)));
  }

  /** An interrupt link over one PIRQ route control register of the PIIX3. */
  private static byte[] link(String name, int index) {
    byte[] route = path("\\_SB.PCI0.ISA.PRQ" + index);
    byte[] possible = resources(AmlResource.sharedIrq(LINK_IRQS));
    byte[] one = resources(AmlResource.sharedIrq(0));
    final int firstInterruptOffset = 5;
    return device(
        name,
        name("_HID", eisaId("PNP0C0F")),
        name("_UID", integer(index)),
        name("_PRS", possible),
        method(
            "_STA",
            0,
            ifThen(and(route, integer(LINK_DISABLED)), ret(integer(0x9))),
            ret(integer(0xb))),
        method("_DIS", 0, orInto(route, integer(LINK_DISABLED), route)),
        serializedMethod(
            "_CRS",
            0,
            name("BUF0", one),
            createDwordField(path("BUF0"), firstInterruptOffset, "IRQW"),
            ifThen(and(route, integer(LINK_DISABLED)), ret(path("BUF0"))),
            store(and(route, integer(0xf)), path("IRQW")),
            ret(path("BUF0"))),
        method(
            "_SRS",
            1,
            createDwordField(arg0(), firstInterruptOffset, "IRQW"),
            store(path("IRQW"), route)));
  }

  private static byte[] fixedLink() {
    byte[] nine = resources(AmlResource.sharedIrq(SCI_IRQ));
    return device(
        "LNKS",
        name("_HID", eisaId("PNP0C0F")),
        name("_UID", integer(4)),
        name("_PRS", nine),
        name("_STA", integer(0xb)),
        name("_CRS", nine),
        method("_DIS", 0),
        method("_SRS", 1));
  }

  private static byte[] hpet() {
    return device(
        "HPET",
        name("_HID", eisaId("PNP0103")),
        name("_UID", integer(0)),
        name("_CRS", resources(AmlResource.memory32(PcAcpi.HPET_BASE, 0x400))));
  }

  private static byte[] processors(int cpus) {
    List<byte[]> all = new ArrayList<>();
    for (int i = 0; i < cpus; i++) {
      all.add(
          device("C%03X".formatted(i), name("_HID", string("ACPI0007")), name("_UID", integer(i))));
    }
    return terms(all);
  }
}
