package org.tuber.machine.board.pc;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.tuber.devices.pci.PciBus;
import org.tuber.devices.pci.PciFunction;

/**
 * Gives the functions on a PCI bus their windows and interrupt lines as firmware does, for kernels
 * booted without any. They could do it themselves; but one with 32-bit physical addresses takes the
 * reserved range below 1 TiB of the memory map for all of its memory and finds no room.
 */
final class PciWindows {
  private static final int SLOTS = 32;
  private static final int FUNCTIONS = 8;
  private static final int ROM = 6;
  private static final int BAR0 = 0x10;
  private static final int ROM_ADDRESS = 0x30;
  private static final int INTERRUPT_PIN = 0x3d;

  /** Memory windows lie below the IOAPIC, the largest at the top. */
  private static final long MEMORY_END = 0xfec0_0000L;

  /** Port windows lie above the bus master registers of the IDE controller. */
  private static final long PORTS_START = 0xc040;

  private static final long PORTS_END = 0x1_0000;

  /** Where PIRQA to PIRQD go. */
  private static final int[] IRQS = {10, 10, 11, 11};

  private record Window(PciFunction function, int index) {
    long bytes() {
      return function.barBytes(index);
    }

    boolean isIo() {
      return function.barSpace(index) == PciFunction.Space.IO;
    }

    void place(long address) {
      int offset = index == ROM ? ROM_ADDRESS : BAR0 + 4 * index;
      function.writeConfig(offset, address, 4);
    }
  }

  private PciWindows() {}

  /**
   * Places every window that has no place yet and switches it on.
   *
   * @param holeStart end of RAM below 4 GiB
   */
  static void place(PciBus bus, long holeStart) {
    List<Window> windows = new ArrayList<>();
    for (int slot = 0; slot < SLOTS; slot++) {
      for (int f = 0; f < FUNCTIONS; f++) {
        PciFunction function = bus.function(slot, f);
        if (function != null) {
          route(function, slot);
          collect(function, windows);
        }
      }
    }
    windows.sort(Comparator.comparingLong(Window::bytes).reversed());
    long memoryEnd = MEMORY_END;
    long ports = PORTS_START;
    for (Window w : windows) {
      if (w.isIo()) {
        long at = ports + w.bytes() - 1 & -w.bytes();
        if (at + w.bytes() <= PORTS_END) {
          w.place(at);
          ports = at + w.bytes();
        }
      } else {
        long at = memoryEnd - w.bytes() & -w.bytes();
        if (at >= holeStart) {
          w.place(at);
          memoryEnd = at;
        }
      }
    }
    for (Window w : windows) {
      int command = w.function.config16(PciFunction.COMMAND);
      int decodes = PciFunction.COMMAND_IO | PciFunction.COMMAND_MEMORY;
      w.function.writeConfig(PciFunction.COMMAND, command | decodes, 2);
    }
  }

  private static void route(PciFunction function, int slot) {
    int pin = function.config8(INTERRUPT_PIN);
    if (pin != 0 && function.config8(PciFunction.INTERRUPT_LINE) == 0) {
      int irq = IRQS[slot + pin - 2 & 3];
      function.writeConfig(PciFunction.INTERRUPT_LINE, irq, 1);
    }
  }

  private static void collect(PciFunction function, List<Window> windows) {
    for (int i = 0; i <= ROM; i++) {
      if (function.barBytes(i) != 0 && function.barAddress(i) == 0) {
        windows.add(new Window(function, i));
      }
    }
  }
}
