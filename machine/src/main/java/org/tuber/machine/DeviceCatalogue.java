package org.tuber.machine;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What {@code -device} can add, and which properties each device has, so that none is left aside
 * without a word. Names are QEMU's.
 */
public final class DeviceCatalogue {
  private static final Set<String> PCI_BOARDS = Set.of("pc", "virt");
  private static final Set<String> PC = Set.of("pc");
  private static final Set<String> PCS = Set.of("pc", "isapc");

  private static final Property ID = new Property("id", "str", "name of the device");
  private static final Property DRIVE =
      new Property("drive", "str", "id of a -drive or node name of a -blockdev");
  private static final Property SERIAL =
      new Property("serial", "str", "serial number that the guest sees");
  private static final Property BOOT_INDEX =
      new Property("bootindex", "int32", "place in the firmware's order, least first");
  private static final Property ADDRESS =
      new Property("addr", "int32", "PCI slot, example: 06.0 or 06 (default: next free)");
  private static final Property CHARDEV = new Property("chardev", "str", "id of a -chardev");

  private static final Map<String, Device> DEVICES = new LinkedHashMap<>();

  static {
    storage("ahci", "PCI", PC, "SATA controller with six ports, ICH9's", ID, ADDRESS);
    storage("ich9-ahci", "PCI", PC, "the same", ID, ADDRESS);
    storage("ide-cd", "IDE", PCS, "ATAPI CD-ROM", disk());
    storage("ide-hd", "IDE", PCS, "ATA disk", disk());
    storage("nvme", "PCI", PCI_BOARDS, "NVM Express disk", ID, DRIVE, SERIAL, ADDRESS, BOOT_INDEX);
    input("isa-parallel", "parallel port", ID, CHARDEV, port("next of 0x378, 0x278, 0x3bc"));
    input(
        "isa-serial",
        "serial port, a 16550A",
        ID,
        CHARDEV,
        new Property("index", "uint32", "which of the four serial ports (default: next)"),
        port("the port's usual one"),
        new Property("irq", "uint32", "ISA interrupt (default: the port's usual one)"));
    misc(
        "isa-debug-exit",
        "ends the emulator with status (value << 1) | 1",
        ID,
        port("0x501"),
        new Property("iosize", "uint32", "number of ports (default: 2)"));
    misc("isa-debugcon", "debug port that firmware prints on", ID, CHARDEV, port("0xe9"));
  }

  private DeviceCatalogue() {}

  /** Under which headline QEMU lists a device. */
  private enum Category {
    STORAGE("Storage"),
    INPUT("Input"),
    MISC("Misc");

    private final String title;

    Category(String title) {
      this.title = title;
    }
  }

  private record Property(String name, String type, String description) {}

  private record Device(
      Category category,
      String driver,
      String bus,
      Set<String> boards,
      String description,
      List<Property> properties) {}

  private static Property port(String otherwise) {
    return new Property("iobase", "uint32", "first I/O port (default: " + otherwise + ")");
  }

  private static Property[] disk() {
    return new Property[] {
      ID,
      DRIVE,
      new Property("bus", "str", "ide.0 or ide.1, or ID.PORT of an AHCI controller"),
      new Property("unit", "uint32", "0: master, 1: slave (default: next free)"),
      SERIAL,
      BOOT_INDEX
    };
  }

  private static void storage(
      String driver, String bus, Set<String> boards, String description, Property... properties) {
    add(new Device(Category.STORAGE, driver, bus, boards, description, List.of(properties)));
  }

  private static void input(String driver, String description, Property... properties) {
    add(new Device(Category.INPUT, driver, "ISA", PCS, description, List.of(properties)));
  }

  private static void misc(String driver, String description, Property... properties) {
    add(new Device(Category.MISC, driver, "ISA", PCS, description, List.of(properties)));
  }

  private static void add(Device device) {
    DEVICES.put(device.driver, device);
  }

  /** Refuses a device that the board does not have, and a property that the device does not. */
  public static void check(String board, MachineConfig.DeviceOption option)
      throws MachineException {
    Device device = DEVICES.get(option.driver());
    if (device == null || !device.boards.contains(board)) {
      throw new MachineException(
          "-device %s: this machine has no such device; known: %s"
              .formatted(
                  option.driver(),
                  DEVICES.values().stream()
                      .filter(d -> d.boards.contains(board))
                      .map(Device::driver)
                      .collect(Collectors.joining(", "))));
    }
    for (String name : new TreeSet<>(option.properties().keySet())) {
      if (device.properties.stream().noneMatch(p -> p.name.equals(name))) {
        throw new MachineException(
            "-device %s: property '%s.%s' not found; known: %s"
                .formatted(
                    device.driver,
                    device.driver,
                    name,
                    device.properties.stream()
                        .map(Property::name)
                        .sorted()
                        .collect(Collectors.joining(", "))));
      }
    }
  }

  /** The devices that some of the boards have, a line each below QEMU's headlines. */
  public static String help(Set<String> boards) {
    StringBuilder text = new StringBuilder();
    for (Category category : Category.values()) {
      List<Device> those =
          DEVICES.values().stream()
              .filter(d -> d.category == category && d.boards.stream().anyMatch(boards::contains))
              .toList();
      if (those.isEmpty()) {
        continue;
      }
      text.append(text.isEmpty() ? "" : "\n").append(category.title).append(" devices:\n");
      for (Device d : those) {
        text.append("name \"%s\", bus %s, desc \"%s\"%n".formatted(d.driver, d.bus, d.description));
      }
    }
    return text.toString();
  }

  /** The properties of a device, a line each, or null when there is no such device. */
  public static String help(String driver) {
    Device device = DEVICES.get(driver);
    if (device == null) {
      return null;
    }
    StringBuilder text = new StringBuilder(driver).append(" options:\n");
    for (Property p : device.properties) {
      String head = "  %s=<%s>".formatted(p.name, p.type);
      text.append("%-24s - %s%n".formatted(head, p.description));
    }
    return text.toString();
  }
}
