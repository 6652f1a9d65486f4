package org.tuber.machine;

import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Which properties a device of {@code -device} has, so that none is left aside without a word. */
public final class DeviceProperties {
  private static final Set<String> DISK =
      Set.of("id", "drive", "bus", "unit", "serial", "bootindex");
  private static final Map<String, Set<String>> KNOWN =
      Map.ofEntries(
          Map.entry("ide-hd", DISK),
          Map.entry("ide-cd", DISK),
          Map.entry("nvme", Set.of("id", "drive", "serial", "addr", "bootindex")),
          Map.entry("ahci", Set.of("id", "addr")),
          Map.entry("ich9-ahci", Set.of("id", "addr")),
          Map.entry("isa-serial", Set.of("id", "chardev", "index", "iobase", "irq")),
          Map.entry("isa-parallel", Set.of("id", "chardev", "iobase")),
          Map.entry("isa-debugcon", Set.of("id", "chardev", "iobase")),
          Map.entry("isa-debug-exit", Set.of("id", "iobase", "iosize")));

  private DeviceProperties() {}

  /** Refuses a property that the device does not have; a device unknown here is the board's. */
  public static void check(MachineConfig.DeviceOption device) throws MachineException {
    Set<String> known = KNOWN.get(device.driver());
    if (known == null) {
      return;
    }
    for (String property : new TreeSet<>(device.properties().keySet())) {
      if (!known.contains(property)) {
        throw new MachineException(
            "-device %s: property '%s.%s' not found; known: %s"
                .formatted(
                    device.driver(),
                    device.driver(),
                    property,
                    String.join(", ", new TreeSet<>(known))));
      }
    }
  }
}
