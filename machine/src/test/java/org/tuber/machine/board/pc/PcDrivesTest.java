package org.tuber.machine.board.pc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.cpu.VcpuFactory;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.RamObserver;
import org.tuber.devices.pci.PciBus;
import org.tuber.devices.pci.PciFunction;
import org.tuber.machine.DriveOption;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineParts;
import org.tuber.machine.RunEvent;
import org.tuber.machine.ScriptedVcpu;
import org.tuber.machine.monitor.HumanMonitor;

/** What monitors hear and see of drives that the guest handles through its ports. */
class PcDrivesTest {
  private static final int SECONDARY = 0x170;
  private static final int IDETIM_SECONDARY = 0x8000_0940;

  @TempDir Path dir;

  private static final class IdleCpus implements VcpuFactory {
    @Override
    public Vcpu create(Config config) {
      return new ScriptedVcpu(cpu -> ExitReason.HALTED);
    }

    @Override
    public RamObserver ramObserver() {
      return (ram, offset, length) -> {};
    }

    @Override
    public void close() {}
  }

  private MachineConfig.Builder config() throws Exception {
    return MachineConfig.builder()
        .memoryBytes(16L << 20)
        .bios(Files.write(dir.resolve("rom"), new byte[0x2_0000]).toString());
  }

  /** An ATAPI command without data, as 12 bytes through the data port. */
  private static void packet(PcI440fx board, int... bytes) {
    board.deviceLock().lock();
    try {
      AddressSpace ports = board.ports();
      ports.write(0xcf8, IDETIM_SECONDARY & 0xffff_ffffL, 4);
      ports.write(0xcfe, 0x8000, 2);
      ports.write(SECONDARY + 6, 0xa0, 1);
      ports.write(SECONDARY + 7, 0xa0, 1);
      for (int i = 0; i < 12; i += 2) {
        int low = i < bytes.length ? bytes[i] : 0;
        int high = i + 1 < bytes.length ? bytes[i + 1] : 0;
        ports.write(SECONDARY, high << 8 | low, 2);
      }
    } finally {
      board.deviceLock().unlock();
    }
  }

  @Test
  void whatTheGuestDoesWithATrayIsTold() throws Exception {
    Path disc = Files.write(dir.resolve("disc.iso"), new byte[16 * 2048]);
    DriveOption.Media cd = DriveOption.Media.CDROM;
    DriveOption drive =
        new DriveOption(
            "", disc.toString(), "raw", DriveOption.Bus.IDE, 2, cd, false, true, "writeback");
    PcI440fx board = PcI440fx.build(config().drive(drive).build(), new IdleCpus());
    List<RunEvent> events = new ArrayList<>();
    board.control().addListener(events::add);
    try {
      MachineParts.Drive before = board.control().parts().drives().get(0);
      assertThat(before.trayOpen()).isFalse();
      assertThat(before.locked()).isFalse();
      packet(board, 0x1e, 0, 0, 0, 1); // prevent removal
      packet(board, 0x1b, 0, 0, 0, 2); // eject: refused
      assertThat(board.control().parts().drives().get(0).locked()).isTrue();
      assertThat(events).isEmpty();
      packet(board, 0x1e, 0, 0, 0, 0);
      packet(board, 0x1b, 0, 0, 0, 2);
      assertThat(events)
          .containsExactly(new RunEvent.TrayMoved("ide1-cd0", "/machine/ide1-cd0", true));
      assertThat(board.control().parts().drives().get(0).trayOpen()).isTrue();
      packet(board, 0x1b, 0, 0, 0, 3); // close
      assertThat(board.control().parts().drives().get(0).trayOpen()).isFalse();
      assertThat(events).hasSize(2);
    } finally {
      board.control().close();
    }
  }

  @Test
  void monitorsShowTheInterruptControllers() throws Exception {
    PcI440fx board = PcI440fx.build(config().build(), new IdleCpus());
    HumanMonitor monitor = new HumanMonitor(board.control(), "1");
    try {
      board.ports().write(0x20, 0x11, 1);
      board.ports().write(0x21, 0x30, 1);
      board.ports().write(0x21, 4, 1);
      board.ports().write(0x21, 1, 1);
      board.ports().write(0x21, 0xfb, 1);
      board.memory().write(0xfec0_0000L, 0x14, 4);
      board.memory().write(0xfec0_0010L, 0xa931, 4);
      assertThat(monitor.execute("info pic").split("\n"))
          .contains(
              "ioapic0: ver=0x20 id=0x00 sel=0x14",
              "  pin 2  0x000000000000a931 dest=0 vec=49  active-lo level        lowest logical",
              "  pin 23 0x0000000000010000 dest=0 vec=0   active-hi edge  masked fixed  physical",
              "  IRR      (none)",
              "pic1: irr=00 imr=00 isr=00 hprio=0 irq_base=00 rr_sel=0 elcr=00 fnm=0",
              "pic0: irr=00 imr=fb isr=00 hprio=0 irq_base=30 rr_sel=0 elcr=00 fnm=0");
      assertThat(monitor.execute("info lapic").split("\n"))
          .contains(
              "dumping local APIC state for CPU 0 ",
              "LVTT\t 0x00010000 active-hi edge  masked         one-shot     Fixed  (vec 0)",
              "SPIV\t 0x000000ff APIC disabled, focus=off, spurious vec 255",
              "ISR\t (none)");
    } finally {
      board.control().close();
    }
  }

  /** As SeaBIOS does: a 32-bit kernel that has to do it itself finds no room. */
  @Test
  void windowsArePlacedForKernelsWithoutFirmware() throws Exception {
    Files.write(dir.resolve("vgabios-stdvga.bin"), new byte[0x8000]);
    MachineConfig.Builder config = config().vga("std").firmwareDir(dir);
    Map<String, String> id = Map.of("id", "a");
    config.device(new MachineConfig.DeviceOption("ahci", id, null));
    PcI440fx board = PcI440fx.build(config.build(), new IdleCpus());
    try {
      PciBus bus = board.control().parts().pciBus();
      PciWindows.place(bus, 16L << 20);
      PciFunction vga = bus.function(2, 0);
      assertThat(vga.barAddress(0)).isEqualTo(0xfd00_0000L);
      assertThat(vga.barAddress(2)).isBetween(0xfc00_0000L, 0xfebf_f000L);
      assertThat(vga.config16(PciFunction.COMMAND) & 3).isEqualTo(3);
      PciFunction ahci = bus.function(3, 0);
      assertThat(ahci.barAddress(4)).isBetween(0xc040L, 0xffe0L);
      assertThat(ahci.config8(PciFunction.INTERRUPT_LINE)).isEqualTo(11);
      List<long[]> taken = new ArrayList<>();
      for (PciFunction f : List.of(vga, ahci)) {
        for (int i = 0; i <= 6; i++) {
          if (f.barBytes(i) > 0 && f.barSpace(i) != PciFunction.Space.IO) {
            long[] range = {f.barAddress(i), f.barAddress(i) + f.barBytes(i)};
            assertThat(range[0] % f.barBytes(i)).isZero();
            assertThat(taken).noneMatch(t -> range[0] < t[1] && t[0] < range[1]);
            taken.add(range);
          }
        }
      }
    } finally {
      board.control().close();
    }
  }

  @Test
  void aPropertyThatTheDeviceDoesNotHaveIsNamed() throws Exception {
    MachineConfig wrong =
        config().device(new MachineConfig.DeviceOption("ahci", Map.of("prots", "4"), null)).build();
    assertThatThrownBy(() -> PcI440fx.build(wrong, new IdleCpus()))
        .isInstanceOf(MachineException.class)
        .hasMessage("-device ahci: property 'ahci.prots' not found; known: addr, id");
  }
}
