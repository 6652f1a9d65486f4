package org.tuber.machine.board.pc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.cpu.VcpuFactory;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.RamObserver;
import org.tuber.machine.DriveOption;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineException;
import org.tuber.machine.ScriptedVcpu;

/** The board without PCI, with a CPU that follows a script. */
final class IsaPcTest {
  private static final int FIRMWARE_BYTES = 0x2_0000;
  private static final long PATIENCE_SECONDS = 20;

  @TempDir Path dir;
  private ScriptedVcpu cpu;
  private ScriptedVcpu.Script script = c -> ExitReason.HALTED;
  private Map<String, String> properties;
  private MachineConfig.Builder config;
  private IsaPc board;

  private final class OneCpu implements VcpuFactory {
    @Override
    public Vcpu create(Config wanted) {
      properties = wanted.properties();
      cpu = new ScriptedVcpu(c -> script.step(c));
      return cpu;
    }

    @Override
    public RamObserver ramObserver() {
      return (ram, offset, length) -> {};
    }

    @Override
    public void close() {}
  }

  @BeforeEach
  void firmware() throws IOException {
    byte[] firmware = new byte[FIRMWARE_BYTES];
    firmware[0] = 0x11;
    firmware[FIRMWARE_BYTES - 1] = 0x22;
    byte[] video = new byte[0x8000];
    video[0] = 0x55;
    Files.write(dir.resolve("vgabios-isavga.bin"), video);
    config =
        MachineConfig.builder()
            .machineType("isapc")
            .memoryBytes(16L << 20)
            .firmwareDir(dir)
            .bios(Files.write(dir.resolve("rom"), firmware).toString())
            .vga("std")
            .device(new MachineConfig.DeviceOption("isa-debug-exit", Map.of(), null));
  }

  @AfterEach
  void close() {
    if (board != null) {
      board.control().close();
    }
  }

  private IsaPc build() throws MachineException {
    board = IsaPc.build(config.build(), new OneCpu());
    return board;
  }

  private int run() throws Exception {
    return CompletableFuture.supplyAsync(board.control()::run)
        .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }

  @Test
  void romAreaIsRamThatAResetFills() throws Exception {
    build();
    AddressSpace memory = board.parts().memory();
    assertThat(memory.read(0xc_0000, 1)).isEqualTo(0x55);
    assertThat(memory.read(0xe_0000, 1)).isEqualTo(0x11);
    assertThat(memory.read(0xf_ffff, 1)).isEqualTo(0x22);
    assertThat(memory.read(0xffff_ffffL, 1)).isEqualTo(0x22);
    memory.write(0xf_ffff, 0x77, 1);
    memory.write(0xffff_ffffL, 0x77, 1);
    assertThat(memory.read(0xf_ffff, 1)).isEqualTo(0x77);
    assertThat(memory.read(0xffff_ffffL, 1)).isEqualTo(0x22);
    board.deviceLock().lock();
    try {
      board.reset();
    } finally {
      board.deviceLock().unlock();
    }
    assertThat(memory.read(0xf_ffff, 1)).isEqualTo(0x22);
  }

  @Test
  void thereIsNoPciAndNoApic() throws Exception {
    build();
    AddressSpace ports = board.parts().ports();
    ports.write(0xcf8, 0x8000_0000L, 4);
    assertThat(ports.read(0xcf8, 4)).isEqualTo(0xffff_ffffL);
    assertThat(ports.read(0xcfc, 4)).isEqualTo(0xffff_ffffL);
    assertThat(board.parts().memory().read(0xfee0_0030L, 4)).isEqualTo(0xffff_ffffL);
    assertThat(board.parts().pciBus()).isNull();
    assertThat(properties).containsEntry("apic", "off");
  }

  /** Nobody has told a local APIC to let the 8259 through. */
  @Test
  void timerInterruptsTheCpuThroughThe8259() throws Exception {
    script =
        c -> {
          AddressSpace ports = board.parts().ports();
          int[][] writes = {
            {0x20, 0x11},
            {0x21, 8},
            {0x21, 4},
            {0x21, 1},
            {0x21, 0xfe},
            {0x43, 0x34},
            {0x40, 0},
            {0x40, 1}
          };
          for (int[] w : writes) {
            ports.write(w[0], w[1], 1);
          }
          script =
              d -> {
                if (d.interrupt()) {
                  board.parts().ports().write(0x501, 5, 1);
                }
                return ExitReason.BUDGET;
              };
          return ExitReason.BUDGET;
        };
    build();
    assertThat(run()).isEqualTo(11);
  }

  @Test
  void whatNeedsPciIsRefused() throws Exception {
    Path image = Files.write(dir.resolve("disk"), new byte[1 << 20]);
    config
        .drive(
            new DriveOption(
                "n",
                image.toString(),
                "raw",
                DriveOption.Bus.NONE,
                -1,
                DriveOption.Media.DISK,
                false,
                false,
                "writeback"))
        .device(new MachineConfig.DeviceOption("nvme", Map.of("drive", "n", "serial", "1"), null));
    assertThatThrownBy(this::build)
        .isInstanceOf(MachineException.class)
        .hasMessageStartingWith("-device nvme: this machine has no such device; known: ide-cd,");
  }

  @Test
  void severalCpusAreRefused() {
    config.cpus(2);
    assertThatThrownBy(this::build).hasMessageContaining("an isapc has 1 to 1 CPUs");
  }
}
