package org.tuber.machine.monitor;

import java.util.List;
import java.util.Locale;
import org.tuber.core.cpu.DebugControl.Mapping;
import org.tuber.core.cpu.Vcpu;
import org.tuber.machine.MachineParts;
import org.tuber.machine.MachineRun;

/** The human monitor: what the machine is and does. */
final class HumanInfo implements HumanTable.Family {
  private static final int PTE_GLOBAL = 1 << 8;
  private static final int PTE_LARGE = 1 << 7;
  private static final int PTE_DIRTY = 1 << 6;
  private static final int PTE_ACCESSED = 1 << 5;
  private static final int PTE_CACHE_OFF = 1 << 4;
  private static final int PTE_WRITE_THROUGH = 1 << 3;

  private final MachineRun machine;
  private final CpuChoice choice;
  private final String version;

  HumanInfo(MachineRun machine, CpuChoice choice, String version) {
    this.machine = machine;
    this.choice = choice;
    this.version = version;
  }

  @Override
  public void addTo(HumanTable table) {
    table.add("info status", "", "whether the machine runs", arguments -> status());
    table.add("info version", "", "our version", arguments -> version + "\n");
    table.add(
        "info name", "", "name of the guest", arguments -> machine.parts().guestName() + "\n");
    table.add("info kvm", "", "hardware acceleration", arguments -> "kvm support: not compiled\n");
    table.add("info engine", "", "what the CPUs did", arguments -> machine.statistics());
    table.synonym("info jit", "info engine");
    table.add("info uuid", "", "the guest's UUID", arguments -> RunCommands.NO_UUID + "\n");
    table.add("info usb", "", "USB devices", arguments -> "USB support not enabled\n");
    table.add("info numa", "", "NUMA nodes", arguments -> "0 nodes\n");
    table.add(
        "info memory_size_summary",
        "",
        "how much memory there is",
        arguments -> "base memory: " + machine.parts().ramBytes() + "\nplugged memory: 0\n");
    table.add("info cpus", "", "the CPUs", arguments -> cpus());
    table.add("info registers", "[-a]", "registers of the CPU, or of all", this::registers);
    table.add("info tlb", "", "pages that the page tables map", arguments -> tlb());
    table.add("info mem", "", "ranges that the page tables map", arguments -> mem());
    table.add(
        "cpu",
        "index",
        "set the CPU that other commands mean",
        arguments -> {
          choice.choose(Expression.value(arguments, choice.cpu()));
          return "";
        });
  }

  private String status() {
    String word = Qmp.status(machine);
    boolean plain = word.equals("running") || word.equals("paused");
    return "VM status: " + (plain ? word : "paused (" + word + ")") + "\n";
  }

  private String cpus() {
    StringBuilder text = new StringBuilder();
    List<Vcpu> all = machine.parts().cpus();
    for (int i = 0; i < all.size(); i++) {
      Vcpu cpu = all.get(i);
      boolean halted = machine.atRest(cpu::isHalted);
      text.append(i == choice.index() ? "* " : "  ").append("CPU #").append(i).append(':');
      text.append(halted ? " (halted)" : "").append('\n');
    }
    return text.toString();
  }

  private String registers(String arguments) {
    boolean everyone = arguments.equals("-a");
    MachineParts parts = machine.parts();
    return machine.atRest(
        () -> {
          StringBuilder text = new StringBuilder();
          for (int i = 0; i < parts.cpus().size(); i++) {
            if (everyone || i == choice.index()) {
              text.append("\nCPU#").append(i).append('\n');
              text.append(RegisterText.of(parts.architecture(), parts.cpus().get(i)));
            }
          }
          return text.toString();
        });
  }

  private List<Mapping> mappings() {
    return machine.atRest(() -> choice.cpu().debugControl().mappings());
  }

  private String tlb() {
    StringBuilder text = new StringBuilder();
    for (Mapping m : mappings()) {
      long e = m.entry();
      text.append(String.format(Locale.ROOT, "%016x: %016x ", m.gva(), m.gpa()));
      text.append(m.executable() ? '-' : 'X');
      text.append((e & PTE_GLOBAL) != 0 ? 'G' : '-');
      text.append(m.bytes() > 4096 && (e & PTE_LARGE) != 0 ? 'P' : '-');
      text.append((e & PTE_DIRTY) != 0 ? 'D' : '-').append((e & PTE_ACCESSED) != 0 ? 'A' : '-');
      text.append((e & PTE_CACHE_OFF) != 0 ? 'C' : '-');
      text.append((e & PTE_WRITE_THROUGH) != 0 ? 'T' : '-');
      text.append(m.user() ? 'U' : '-').append(m.writable() ? 'W' : '-').append('\n');
    }
    return text.isEmpty() ? "PG disabled\n" : text.toString();
  }

  private String mem() {
    StringBuilder text = new StringBuilder();
    List<Mapping> all = mappings();
    for (int i = 0; i < all.size(); ) {
      Mapping first = all.get(i);
      long end = first.gva() + first.bytes();
      for (i++; i < all.size(); i++) {
        Mapping m = all.get(i);
        boolean same = m.user() == first.user() && m.writable() == first.writable();
        if (m.gva() != end || !same) {
          break;
        }
        end += m.bytes();
      }
      text.append(
          String.format(
              Locale.ROOT,
              "%016x-%016x %016x %cr%c\n",
              first.gva(),
              end,
              end - first.gva(),
              first.user() ? 'u' : '-',
              first.writable() ? 'w' : '-'));
    }
    return text.isEmpty() ? "PG disabled\n" : text.toString();
  }
}
