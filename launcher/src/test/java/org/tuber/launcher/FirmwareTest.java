package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.machine.firmware.FirmwareFiles;

/** SeaBIOS finds a disk on every controller, boots its first sector and reads the next one. */
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
}
