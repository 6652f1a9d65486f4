package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.machine.firmware.FirmwareFiles;

/**
 * SeaBIOS finds a disk on every controller, boots its first sector and reads the next one, and
 * finds the same hardware as in QEMU; the Bochs BIOS boots, too.
 */
@Timeout(600)
class FirmwareTest {
  private static final int STATUS = 0x21;

  @TempDir Path dir;

  @BeforeEach
  void needsFirmware() {
    boolean found = new FirmwareFiles(List.of()).find("bios-256k.bin") != null;
    if (System.getenv("CI") == null) {
      assumeTrue(found, "SeaBIOS (Debian package seabios) is not installed");
    }
    assertThat(found).as("SeaBIOS must be installed in CI").isTrue();
  }

  /** A floppy-sized image: a boot sector that shows the first byte of the second and exits. */
  private Path image() throws IOException {
    int[] code = {
      0x31,
      0xc0,
      0x8e,
      0xc0,
      0x8e,
      0xd8, // xor ax,ax; mov es,ax; mov ds,ax
      0xb8,
      0x01,
      0x02,
      0xb9,
      0x02,
      0x00, // mov ax,0201h; mov cx,2
      0xb6,
      0x00,
      0xbb,
      0x00,
      0x7e,
      0xcd,
      0x13, // mov dh,0; mov bx,7e00h; int 13h
      0xa0,
      0x00,
      0x7e,
      0xba,
      0x02,
      0x04,
      0xee, // mov al,[7e00h]; mov dx,402h; out dx,al
      0xb8,
      0x10,
      0x00,
      0xba,
      0x01,
      0x05,
      0xef, // mov ax,16; mov dx,501h; out dx,ax
      0xf4 // hlt
    };
    byte[] disk = new byte[1_474_560];
    for (int i = 0; i < code.length; i++) {
      disk[i] = (byte) code[i];
    }
    disk[510] = 0x55;
    disk[511] = (byte) 0xaa;
    disk[512] = '#';
    return Files.write(dir.resolve("disk.img"), disk);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-drive file=IMG,format=raw",
        "-drive file=IMG,format=raw,index=3,snapshot=on",
        "-drive file=IMG,format=raw,if=floppy -boot a",
        "-drive file=IMG,format=raw,if=none,id=d -device ide-hd,drive=d,bus=ide.1,bootindex=1",
        "-drive file=IMG,format=raw,if=none,id=d -device nvme,drive=d,serial=1",
        "-drive file=IMG,format=raw,if=none,id=d -device ahci,id=s -device ide-hd,drive=d,bus=s.2"
      })
  void bootsFrom(String drive) throws Exception {
    Path log = dir.resolve("debug");
    String image = image().toString();
    List<String> arguments = new ArrayList<>(List.of("system-x86_64", "-m", "64"));
    arguments.addAll(List.of("-display", "none", "-serial", "none", "-accel", "interp"));
    arguments.addAll(List.of("-debugcon", "file:" + log));
    arguments.addAll(List.of("-global", "isa-debugcon.iobase=0x402"));
    arguments.addAll(List.of("-device", "isa-debug-exit"));
    Arrays.stream(drive.split(" ", -1)).map(a -> a.replace("IMG", image)).forEach(arguments::add);
    TuberProcess.Result result = TuberProcess.run(arguments.toArray(String[]::new));
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isEqualTo(STATUS);
    assertThat(Files.readString(log)).contains("Booting from 0000:7c00").endsWith("#");
  }

  private static final String BOCHS = "/usr/share/bochs/BIOS-bochs-";

  /**
   * The BIOS that comes with Bochs. It takes a local APIC for one that lets the 8259 through
   * without being told to, so the CPU has none.
   */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "-M pc -cpu qemu64,-apic -vga std -bios BOCHSlatest -boot c -drive file=IMG,format=raw",
        "-M isapc -vga std -bios BOCHSlegacy -boot a -drive file=IMG,format=raw,if=floppy",
      })
  void bochsBiosBoots(String machine) throws Exception {
    HostTool.need("bochsbios", BOCHS + "latest", BOCHS + "legacy");
    bootsFrom(machine.replace("BOCHS", BOCHS));
  }

  @Test
  void seaBiosBootsAMachineWithoutPci() throws Exception {
    bootsFrom("-M isapc -vga cirrus -drive file=IMG,format=raw,index=1");
  }

  /** What the log says of memory, of tables and of the ROMs that QEMU brings may differ. */
  private static final Predicate<String> ABOUT_OTHERS =
      line ->
          line.startsWith("Copying ")
              || line.startsWith("table(")
              || line.startsWith("ACPI: parse DSDT")
              || line.startsWith("Space available for UMB")
              || line.startsWith("drive 0x")
              || line.contains("kvmvapic")
              || line.contains("option rom at ca00:0003");

  private static List<String> probing(Path log) throws IOException {
    // Devices are looked for by several threads, whose lines come in any order.
    return Files.readAllLines(log).stream().filter(ABOUT_OTHERS.negate()).sorted().toList();
  }

  /** Every line about a device is that of QEMU's log: addresses, interrupts, sizes, names. */
  @Test
  void probingIsThatOfQemu() throws Exception {
    HostTool.need("qemu-system-x86", "/usr/bin/qemu-system-x86_64");
    String image = image().toString();
    for (String name : List.of("ide", "nvme", "sata", "cd")) {
      Files.write(dir.resolve(name), new byte[16 << 20]);
    }
    List<String> machine = new ArrayList<>(List.of("-m", "64", "-smp", "2", "-nodefaults"));
    machine.addAll(List.of("-display", "none", "-vga", "std", "-serial", "null"));
    machine.addAll(List.of("-parallel", "null", "-device", "isa-debug-exit", "-boot", "a"));
    machine.addAll(List.of("-global", "isa-debugcon.iobase=0x402"));
    machine.addAll(List.of("-drive", "if=floppy,format=raw,file=" + image));
    machine.addAll(List.of("-drive", "format=raw,file=" + dir.resolve("ide")));
    machine.addAll(
        List.of("-drive", "if=ide,index=2,media=cdrom,format=raw,file=" + dir.resolve("cd")));
    machine.addAll(List.of("-drive", "if=none,id=n,format=raw,file=" + dir.resolve("nvme")));
    machine.addAll(List.of("-drive", "if=none,id=s,format=raw,file=" + dir.resolve("sata")));
    machine.addAll(List.of("-device", "nvme,drive=n,serial=1", "-device", "ich9-ahci,id=sata"));
    machine.addAll(List.of("-device", "ide-hd,drive=s,bus=sata.1"));
    Path theirs = dir.resolve("qemu.log");
    List<String> command = new ArrayList<>(List.of("qemu-system-x86_64"));
    command.addAll(machine);
    command.addAll(List.of("-debugcon", "file:" + theirs));
    HostTool.run(dir, command, STATUS);
    Path ours = dir.resolve("tuber.log");
    List<String> arguments = new ArrayList<>(List.of("system-x86_64", "-accel", "interp"));
    arguments.addAll(machine);
    arguments.addAll(List.of("-debugcon", "file:" + ours));
    assertThat(TuberProcess.run(arguments.toArray(String[]::new)).status()).isEqualTo(STATUS);
    assertThat(probing(ours)).containsExactlyElementsOf(probing(theirs));
  }
}
