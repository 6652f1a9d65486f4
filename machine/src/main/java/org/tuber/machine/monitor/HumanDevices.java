package org.tuber.machine.monitor;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.tuber.core.backend.InputSource;
import org.tuber.core.backend.KeyCode;
import org.tuber.core.mem.AddressSpace;
import org.tuber.devices.pci.PciBus;
import org.tuber.devices.pci.PciFunction;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineParts;
import org.tuber.machine.MachineRun;

/** The human monitor: devices, drives, keys, screen. */
final class HumanDevices implements HumanTable.Family {
  private static final int SLOTS = 32;
  private static final int FUNCTIONS = 8;
  private static final int ROM = 6;

  private final MachineRun machine;
  private final KeyTyper typer;
  private int buttons;

  HumanDevices(MachineRun machine) {
    this.machine = machine;
    typer = new KeyTyper(machine);
  }

  @Override
  public void addTo(HumanTable table) {
    table.add("info chardev", "", "host sides of lines", arguments -> chardev());
    table.add("info pci", "", "PCI functions", arguments -> locked(HumanDevices::pci));
    table.add("info qtree", "", "devices", arguments -> locked(HumanDevices::tree));
    table.add("info mtree", "", "what is where in memory and ports", arguments -> mtree());
    table.add("sendkey", "keys [ms]", "press keys together, e.g. ctrl-alt-f1", this::sendKey);
    table.add("mouse_move", "dx dy [dz]", "move the pointer, turn the wheel", this::mouseMove);
    table.add(
        "mouse_button",
        "state",
        "pointer buttons: 1 left, 2 middle, 4 right",
        text -> {
          long state = integer(text);
          buttons =
              ((state & 1) != 0 ? InputSource.BUTTON_LEFT : 0)
                  | ((state & 2) != 0 ? InputSource.BUTTON_MIDDLE : 0)
                  | ((state & 4) != 0 ? InputSource.BUTTON_RIGHT : 0);
          machine.input(sink -> sink.pointer(0, 0, 0, buttons));
          return "";
        });
    table.add("screendump", "file [-f format]", "picture of the screen, ppm or png", this::dump);
    table.add(
        "eject",
        "[-f] drive",
        "take a medium out",
        text -> {
          boolean force = text.startsWith("-f ");
          return attempt(
              () -> machine.parts().eject(force ? text.substring(3).strip() : text, force));
        });
    table.add(
        "change",
        "drive file [format]",
        "put another medium in",
        text -> {
          String[] words = text.split("\\s+", 3);
          if (words.length < 2) {
            throw new QmpException("change: needs a drive and a file");
          }
          String format = words.length > 2 ? words[2] : null;
          return attempt(() -> machine.parts().change(words[0], words[1], format, null));
        });
  }

  private interface Attempt {
    void run() throws MachineException;
  }

  private static String attempt(Attempt task) throws QmpException {
    try {
      task.run();
      return "";
    } catch (MachineException e) {
      throw new QmpException("Error: " + e.getMessage());
    }
  }

  private String locked(Function<MachineParts, String> text) {
    MachineParts parts = machine.parts();
    ReentrantLock lock = parts.memory().deviceLock();
    lock.lock();
    try {
      return text.apply(parts);
    } finally {
      lock.unlock();
    }
  }

  // Lists.

  private String chardev() {
    StringBuilder text = new StringBuilder();
    for (MachineParts.CharLine line : machine.parts().charLines()) {
      text.append(line.label()).append(": filename=").append(line.host()).append('\n');
    }
    return text.toString();
  }

  private static String pci(MachineParts parts) {
    PciBus bus = parts.pciBus();
    if (bus == null) {
      return "PCI not supported\n";
    }
    StringBuilder text = new StringBuilder();
    for (int slot = 0; slot < SLOTS; slot++) {
      for (int f = 0; f < FUNCTIONS; f++) {
        PciFunction function = bus.function(slot, f);
        if (function != null) {
          text.append(String.format(Locale.ROOT, "  Bus  0, device %3d, function %d:\n", slot, f));
          text.append(pciFunction(function));
        }
      }
    }
    return text.toString();
  }

  private static String kind(int classCode) {
    return switch (classCode) {
      case 0x0101 -> "IDE controller";
      case 0x0106 -> "SATA controller";
      case 0x0108 -> "NVMe controller";
      case 0x0200 -> "Ethernet controller";
      case 0x0300 -> "VGA controller";
      case 0x0600 -> "Host bridge";
      case 0x0601 -> "ISA bridge";
      case 0x0604 -> "PCI bridge";
      case 0x0680 -> "Bridge";
      case 0x0c03 -> "USB controller";
      default -> String.format(Locale.ROOT, "Class %04d", classCode);
    };
  }

  private static String pciFunction(PciFunction f) {
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "    %s: PCI device %04x:%04x\n",
            kind(f.config16(0x0a)),
            f.config16(0),
            f.config16(2)));
    text.append(
        String.format(
            Locale.ROOT, "      PCI subsystem %04x:%04x\n", f.config16(0x2c), f.config16(0x2e)));
    int pin = f.config8(0x3d);
    if (pin != 0) {
      text.append(
          String.format(
              Locale.ROOT, "      IRQ %d, pin %c\n", f.config8(0x3c), (char) ('A' + pin - 1)));
    }
    for (int i = 0; i <= ROM; i++) {
      long bytes = f.barBytes(i);
      if (bytes == 0) {
        continue;
      }
      long at = f.barAddress(i);
      text.append(
          switch (f.barSpace(i)) {
            case IO ->
                String.format(
                    Locale.ROOT, "      BAR%d: I/O at 0x%04x [0x%04x].\n", i, at, at + bytes - 1);
            case MEMORY_32, MEMORY_32_PREFETCHABLE ->
                String.format(
                    Locale.ROOT,
                    "      BAR%d: 32 bit %smemory at 0x%08x [0x%08x].\n",
                    i,
                    f.barSpace(i) == PciFunction.Space.MEMORY_32 ? "" : "prefetchable ",
                    at,
                    at + bytes - 1);
            case MEMORY_64, MEMORY_64_PREFETCHABLE ->
                String.format(
                    Locale.ROOT,
                    "      BAR%d: 64 bit %smemory at 0x%08x [0x%08x].\n",
                    i,
                    f.barSpace(i) == PciFunction.Space.MEMORY_64 ? "" : "prefetchable ",
                    at,
                    at + bytes - 1);
          });
    }
    return text.append("      id \"\"\n").toString();
  }

  private static String tree(MachineParts parts) {
    StringBuilder text = new StringBuilder("bus: main-system-bus\n  type System\n");
    parts
        .devices()
        .forEach(
            (name, device) ->
                text.append("  dev: ")
                    .append(device.getClass().getSimpleName())
                    .append(", id \"")
                    .append(name)
                    .append("\"\n"));
    PciBus bus = parts.pciBus();
    if (bus == null) {
      return text.toString();
    }
    text.append("  bus: pci.0\n    type PCI\n");
    for (int slot = 0; slot < SLOTS; slot++) {
      for (int f = 0; f < FUNCTIONS; f++) {
        PciFunction function = bus.function(slot, f);
        if (function != null) {
          text.append(
              String.format(
                  Locale.ROOT,
                  "    dev: %s, addr %02x.%x, pci id %04x:%04x\n",
                  function.name(),
                  slot,
                  f,
                  function.config16(0),
                  function.config16(2)));
        }
      }
    }
    return text.toString();
  }

  private String mtree() {
    MachineParts parts = machine.parts();
    StringBuilder text = new StringBuilder(space(parts.memory()));
    if (parts.ports() != null) {
      text.append('\n').append(space(parts.ports()));
    }
    return text.toString();
  }

  private static String space(AddressSpace space) {
    StringBuilder text = new StringBuilder("address-space: " + space.name() + "\n");
    for (AddressSpace.Range r : space.ranges()) {
      String kind = r.ram == null ? "i/o" : r.readOnly ? "rom" : "ram";
      // A window of a device is a class inside the device's.
      String name = r.ram != null ? "" : r.device.getClass().getName().replaceFirst(".*\\.", "");
      text.append(
          String.format(
              Locale.ROOT,
              "  %016x-%016x (%s): %s @%016x\n",
              r.start,
              r.last,
              kind,
              name,
              r.offset));
    }
    return text.toString();
  }

  // Keys, pointer, screen.

  private String sendKey(String text) throws QmpException {
    String[] words = text.split("\\s+", 2);
    List<KeyCode> keys = new ArrayList<>();
    for (String name : words[0].split("-", -1)) {
      KeyCode key = KeyCode.ofQcode(name.equals("<") ? "less" : name);
      if (key == null) {
        throw new QmpException("invalid parameter: " + name);
      }
      keys.add(key);
    }
    typer.press(keys, words.length > 1 ? integer(words[1]) : KeyTyper.HOLD_MILLIS);
    return "";
  }

  private static long integer(String text) throws QmpException {
    try {
      return Long.decode(text.strip());
    } catch (NumberFormatException e) {
      throw new QmpException("'" + text + "' is not a number");
    }
  }

  private String mouseMove(String text) throws QmpException {
    String[] words = text.split("\\s+", 3);
    if (words.length < 2) {
      throw new QmpException("mouse_move: needs dx and dy");
    }
    int dx = (int) integer(words[0]);
    int dy = (int) integer(words[1]);
    int dz = words.length > 2 ? (int) integer(words[2]) : 0;
    machine.input(sink -> sink.pointer(dx, dy, dz, buttons));
    return "";
  }

  private String dump(String text) throws QmpException {
    String[] words = text.replaceFirst("-f\\s*(\\S+)\\s+(\\S+)", "$2 -f $1").split("\\s+", -1);
    boolean png = words.length == 3 && words[1].equals("-f") && words[2].equals("png");
    if (words[0].isEmpty() || words.length != 1 && !png && !words[words.length - 1].equals("ppm")) {
      throw new QmpException("screendump: needs a file, and -f png or -f ppm");
    }
    DisplayCommands.dump(machine, words[0], png);
    return "";
  }
}
