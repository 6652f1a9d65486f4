package org.tuber.machine.monitor;

import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.irqchip.I8259Pic;
import org.tuber.devices.irqchip.I8259Pic.Chip8259;
import org.tuber.devices.irqchip.IoApic;
import org.tuber.devices.irqchip.Lapic;
import org.tuber.machine.MachineParts;
import org.tuber.machine.MachineRun;

/** The human monitor: a PC's interrupt controllers, laid out as QEMU does. */
final class HumanInterrupts implements HumanTable.Family {
  private static final int ACTIVE_LOW = 1 << 13;
  private static final int REMOTE_IRR = 1 << 14;
  private static final int LEVEL = 1 << 15;
  private static final int MASKED = 1 << 16;
  private static final int LOGICAL = 1 << 11;
  private static final int PENDING = 1 << 12;
  private static final int DESTINATION_SHIFT = 56;
  private static final String[] IO_MODES = {
    "fixed", "lowest", "SMI", "...", "NMI", "INIT", "...", "extINT"
  };
  private static final String[] LOCAL_MODES = {
    "Fixed", "...", "SMI", "...", "NMI", "INIT", "...", "ExtINT"
  };
  private static final String[] TIMER_MODES = {"one-shot", "periodic", "tsc-deadline", ""};

  /** As the manual numbers them: timer, thermal, performance, LINT0, LINT1, error. */
  private static final int[] LVT_ORDER = {3, 4, 2, 5, 1, 0};

  private static final String[] LVT_NAMES = {"LVTT", "LVTTHMR", "LVTPC", "LVT0", "LVT1", "LVTERR"};

  private final MachineRun machine;
  private final CpuChoice choice;

  HumanInterrupts(MachineRun machine, CpuChoice choice) {
    this.machine = machine;
    this.choice = choice;
  }

  @Override
  public void addTo(HumanTable table) {
    table.add("info pic", "", "interrupt controllers", arguments -> locked(this::controllers));
    table.add("info lapic", "", "local APIC of the CPU", arguments -> locked(this::local));
  }

  private String locked(Supplier<String> text) throws QmpException {
    ReentrantLock lock = machine.parts().memory().deviceLock();
    lock.lock();
    try {
      String result = text.get();
      if (result.isEmpty()) {
        throw new QmpException("Error: this machine has none");
      }
      return result;
    } finally {
      lock.unlock();
    }
  }

  // IOAPIC and 8259.

  private String controllers() {
    StringBuilder text = new StringBuilder();
    MachineParts parts = machine.parts();
    for (Map.Entry<String, Snapshottable<?>> device : parts.devices().entrySet()) {
      if (device.getValue() instanceof IoApic ioApic) {
        text.append(ioApic(ioApic.save()));
      }
    }
    for (Map.Entry<String, Snapshottable<?>> device : parts.devices().entrySet()) {
      if (device.getValue() instanceof I8259Pic pic) {
        text.append(chip(1, pic.save().slave())).append(chip(0, pic.save().master()));
      }
    }
    return text.toString();
  }

  private static String ioApic(IoApic.State s) {
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(Locale.ROOT, "ioapic0: ver=0x20 id=0x%02x sel=0x%02x\n", s.id(), s.select()));
    StringBuilder raised = new StringBuilder();
    StringBuilder serviced = new StringBuilder();
    for (int pin = 0; pin < s.table().length; pin++) {
      long e = s.table()[pin];
      text.append(
          String.format(
              Locale.ROOT,
              "  pin %-2d 0x%016x dest=%x vec=%-3d %s %-5s %-6s %-6s %s\n",
              pin,
              e,
              e >>> DESTINATION_SHIFT,
              e & 0xff,
              (e & ACTIVE_LOW) != 0 ? "active-lo" : "active-hi",
              (e & LEVEL) != 0 ? "level" : "edge",
              (e & MASKED) != 0 ? "masked" : "",
              IO_MODES[(int) (e >> 8 & 7)],
              (e & LOGICAL) != 0 ? "logical" : "physical"));
      raised.append((s.lines() >> pin & 1) != 0 ? " " + pin : "");
      serviced.append((e & REMOTE_IRR) != 0 ? " " + pin : "");
    }
    text.append("  IRR     ").append(raised.isEmpty() ? " (none)" : raised).append('\n');
    return text.append("  Remote IRR")
        .append(serviced.isEmpty() ? " (none)" : serviced)
        .append('\n')
        .toString();
  }

  private static String chip(int number, Chip8259 c) {
    return String.format(
        Locale.ROOT,
        "pic%d: irr=%02x imr=%02x isr=%02x hprio=%d irq_base=%02x rr_sel=%d elcr=%02x fnm=%d\n",
        number,
        c.irr(),
        c.imr(),
        c.isr(),
        c.highestPriority(),
        c.vectorBase(),
        c.readIsr() ? 1 : 0,
        c.elcr(),
        c.icw4() >> 4 & 1);
  }

  // Local APIC.

  private String local() {
    int cpu = choice.index();
    Snapshottable<?> device = machine.parts().devices().get("lapic" + cpu);
    if (!(device instanceof Lapic lapic)) {
      return "";
    }
    Lapic.State s = lapic.save();
    StringBuilder text = new StringBuilder("dumping local APIC state for CPU " + cpu + " \n\n");
    for (int i : LVT_ORDER) {
      text.append(vectorTableEntry(i, s.lvt()[i]));
    }
    int divide = 1 << ((s.divide() & 3 | s.divide() >> 1 & 4) + 1 & 7);
    text.append(
        String.format(
            Locale.ROOT,
            "Timer\t DCR=0x%x (divide by %d) initial_count = %s\n",
            s.divide(),
            divide,
            Integer.toUnsignedString(s.initialCount())));
    text.append(
        String.format(
            Locale.ROOT,
            "SPIV\t 0x%08x APIC %s, focus=%s, spurious vec %d\n",
            s.svr(),
            (s.svr() & 1 << 8) != 0 ? "enabled" : "disabled",
            (s.svr() & 1 << 9) != 0 ? "on" : "off",
            s.svr() & 0xff));
    text.append(
        String.format(Locale.ROOT, "ICR\t 0x%08x\nICR2\t 0x%08x\n", s.icr(), s.icr() >>> 32));
    text.append(String.format(Locale.ROOT, "ESR\t 0x%08x\n", s.esr()));
    text.append("ISR\t").append(vectors(s.isr(), s.tmr()));
    text.append("IRR\t").append(vectors(s.irr(), s.tmr()));
    return text.append(
            String.format(
                Locale.ROOT,
                "\nTPR 0x%02x DFR 0x%02x LDR 0x%02x\n",
                s.tpr(),
                s.dfr() >>> 28,
                s.ldr() >>> 24))
        .toString();
  }

  private static String vectorTableEntry(int index, int e) {
    int mode = e >> 8 & 7;
    return String.format(
        Locale.ROOT,
        "%s\t 0x%08x %s %-5s %-6s %-7s %-12s %-6s%s\n",
        LVT_NAMES[index],
        e,
        (e & ACTIVE_LOW) != 0 ? "active-lo" : "active-hi",
        (e & LEVEL) != 0 ? "level" : "edge",
        (e & MASKED) != 0 ? "masked" : "",
        (e & PENDING) != 0 ? "pending" : "",
        index == 0 ? TIMER_MODES[e >> 17 & 3] : "",
        LOCAL_MODES[mode],
        mode == 0 ? " (vec " + (e & 0xff) + ")" : "");
  }

  private static String vectors(long[] set, long[] level) {
    StringBuilder text = new StringBuilder();
    for (int vector = 0; vector < 256; vector++) {
      if ((set[vector >> 6] >> vector & 1) != 0) {
        text.append(' ').append(vector);
        text.append((level[vector >> 6] >> vector & 1) != 0 ? "(level)" : "");
      }
    }
    return text.isEmpty() ? " (none)\n" : text.append('\n').toString();
  }
}
