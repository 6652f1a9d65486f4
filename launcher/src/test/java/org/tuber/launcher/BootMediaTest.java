package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** SeaBIOS starts GRUB from floppies, CD-ROMs and disks that Debian's tools made. */
@Timeout(900)
class BootMediaTest {
  private static final String MACHINE = "-m 256 -nographic -nic none -no-reboot";
  private static final String RESCUE = "/usr/lib/grub-rescue/grub-rescue-";

  private static final String MENU =
      """
      serial --unit=0 --speed=115200
      terminal_output serial console
      set timeout=0
      menuentry "Debian" {
        linux /boot/vmlinuz console=ttyS0 cryptomgr.notests mitigations=off nokaslr
        initrd /boot/initrd.gz
      }
      """;

  @TempDir Path dir;

  @ParameterizedTest
  @ValueSource(strings = {"-fda " + RESCUE + "floppy.img", "-cdrom " + RESCUE + "cdrom.iso"})
  void rescueMediumShowsItsMenu(String medium) throws Exception {
    HostTool.need(
        "seabios grub-rescue-pc", "/usr/share/seabios/bios-256k.bin", medium.split(" ", 2)[1]);
    try (Conversation guest = Conversation.with(MACHINE + " -snapshot " + medium)) {
      guest.await("GNU GRUB");
      guest.await("highlighted entry will be executed");
    }
  }

  /**
   * A CD-ROM image that is a disk image as well: Linux from the one, its first lines from the
   * other.
   */
  @Test
  void hybridImageBootsLinuxAsCdAndAsDisk() throws Exception {
    HostTool.need(
        "seabios grub-pc-bin grub-common xorriso mtools",
        "/usr/share/seabios/bios-256k.bin",
        "/usr/lib/grub/i386-pc/cdboot.img",
        "/usr/bin/grub-mkrescue",
        "/usr/bin/xorriso",
        "/usr/bin/mformat");
    Path guest = HostTool.guest("amd64/vmlinuz", "amd64/initrd.cpio.gz").resolve("amd64");
    Path boot = Files.createDirectories(dir.resolve("cd/boot"));
    Files.copy(guest.resolve("vmlinuz"), boot.resolve("vmlinuz"));
    Files.copy(guest.resolve("initrd.cpio.gz"), boot.resolve("initrd.gz"));
    Files.writeString(Files.createDirectories(boot.resolve("grub")).resolve("grub.cfg"), MENU);
    HostTool.shell(dir, "grub-mkrescue -d /usr/lib/grub/i386-pc -o boot.iso cd");
    Path iso = dir.resolve("boot.iso");
    try (Conversation disk =
        Conversation.with(MACHINE + " -drive format=raw,readonly=on,file=" + iso)) {
      disk.await("Linux version 6");
    }
    try (Conversation cd = Conversation.with(MACHINE + " -cdrom " + iso)) {
      cd.await("GUEST-MARKER x86_64");
      assertThat(cd.status()).isZero();
    }
  }
}
