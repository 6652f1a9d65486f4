package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * OVMF in flash memory runs its shell, keeps a variable over a reset and in the image, and starts
 * GRUB from a disk, which starts Linux.
 */
@Timeout(900)
class UefiTest {
  private static final int PARTITION_SECTOR = 2048;
  private static final int DISK_SECTORS = 64 * 2048;
  private static final int SECTOR_BYTES = 512;
  private static final int SYSTEM_PARTITION = 0xef;
  private static final String FIRMWARE = "/usr/share/OVMF/";

  /** Which modules GRUB needs to read the disk and start Linux. */
  private static final String MODULES = "part_msdos fat linux normal search search_fs_file";

  private static final String GRUB =
      """
      search --no-floppy --file --set=root /vmlinuz
      linux /vmlinuz console=ttyS0 cryptomgr.notests mitigations=off
      initrd /initrd.gz
      boot
      """;

  private static final String SHELL_SCRIPT =
      """
      if "%marker%" == "kept" then
        echo VARIABLE-KEPT
        fs0:\\grubx64.efi
      else
        set marker kept
        reset
      endif
      """;

  @TempDir Path dir;

  private void makeDisk() throws Exception {
    Path guest = HostTool.guest("amd64/vmlinuz", "amd64/initrd.cpio.gz").resolve("amd64");
    Files.writeString(dir.resolve("boot.cfg"), GRUB);
    Files.writeString(dir.resolve("startup.nsh"), SHELL_SCRIPT.replace("\n", "\r\n"));
    try (RandomAccessFile disk = new RandomAccessFile(dir.resolve("disk.img").toFile(), "rw")) {
      disk.setLength((long) DISK_SECTORS * SECTOR_BYTES);
      ByteBuffer table = ByteBuffer.allocate(66).order(ByteOrder.LITTLE_ENDIAN);
      table.put(4, (byte) SYSTEM_PARTITION);
      table.putInt(8, PARTITION_SECTOR).putInt(12, DISK_SECTORS - PARTITION_SECTOR);
      table.putShort(64, (short) 0xaa55);
      disk.seek(446);
      disk.write(table.array());
    }
    HostTool.shell(
        dir,
        "grub-mkimage -O x86_64-efi -o grubx64.efi -p / -c boot.cfg "
            + MODULES
            + "; mformat -i disk.img@@1M -F -T %d -h 16 -s 63 ::"
                .formatted(DISK_SECTORS - PARTITION_SECTOR)
            + "; mcopy -i disk.img@@1M grubx64.efi startup.nsh ::/"
            + "; mcopy -i disk.img@@1M %s ::/vmlinuz".formatted(guest.resolve("vmlinuz"))
            + "; mcopy -i disk.img@@1M %s ::/initrd.gz".formatted(guest.resolve("initrd.cpio.gz")));
  }

  @Test
  void shellKeepsVariablesAndGrubStartsLinux() throws Exception {
    HostTool.need(
        "ovmf grub-efi-amd64-bin grub-common mtools",
        FIRMWARE + "OVMF_CODE_4M.fd",
        "/usr/lib/grub/x86_64-efi/linux.mod",
        "/usr/bin/grub-mkimage",
        "/usr/bin/mformat");
    makeDisk();
    Path variables = dir.resolve("vars.fd");
    Files.copy(Path.of(FIRMWARE, "OVMF_VARS_4M.fd"), variables);
    try (Conversation guest =
        Conversation.with(
            "-m 256 -nographic -nic none",
            "-drive",
            "if=pflash,format=raw,readonly=on,file=" + FIRMWARE + "OVMF_CODE_4M.fd",
            "-drive",
            "if=none,id=variables,format=raw,file=" + variables,
            "-machine",
            "pflash1=variables",
            "-drive",
            "format=raw,file=" + dir.resolve("disk.img"))) {
      guest.await("UEFI Interactive Shell");
      guest.await("UEFI Interactive Shell");
      guest.await("VARIABLE-KEPT");
      guest.await("GUEST-MARKER x86_64");
      assertThat(guest.status()).isZero();
    }
    String kept = new String(Files.readAllBytes(variables), StandardCharsets.UTF_16LE);
    String odd =
        new String(
            Files.readAllBytes(variables),
            1,
            (int) Files.size(variables) - 1,
            StandardCharsets.UTF_16LE);
    assertThat(kept + odd).contains("marker");
  }
}
