package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Linux with its root file system, ext4, on a disk. What it has written to the disk is there, and
 * the file system sound, after it has switched off and after the emulator was killed. Needs {@code
 * $TUBER_GUESTS/pc}, which {@code .ci/fetch-pc-kernels} brings.
 */
@Timeout(900)
class RootDiskTest {
  private static final String COMMAND_LINE =
      "console=ttyS0 mitigations=off cryptomgr.notests rw rootfstype=ext4 init=/start root=/dev/";

  /** First process on the disk: keeps some files, and goes on writing when it is to be killed. */
  private static final String START =
      """
      #!/bin/busybox sh
      export PATH=/bin
      busybox mount -t proc proc /proc
      n=0
      while [ $n -lt 40 ]; do
        n=$((n+1))
        busybox dd if=/bin/busybox of=/kept/$n bs=1k count=$((n*20)) 2>/dev/null
      done
      busybox rm /kept/7
      busybox sync
      echo SYNCED
      if busybox grep -q guest.goes.on /proc/cmdline; then
        while true; do
          n=$((n+1))
          busybox dd if=/bin/busybox of=/kept/$((n%50+50)) bs=1k count=$((n%90*20)) 2>/dev/null
          busybox rm -f /kept/$((n*7%50+50))
          [ $((n%25)) != 0 ] || busybox sync
          [ $((n%80)) != 0 ] || echo BUSY
        done
      fi
      busybox mount -o remount,ro /
      busybox poweroff -f
      """;

  /** First process of the initramfs for disks whose drivers are modules. */
  private static final String LOAD =
      """
      #!/bin/busybox sh
      for m in scsi_common scsi_mod sd_mod libata ata_piix; do busybox insmod /$m.ko; done
      busybox mount -t devtmpfs dev /dev
      while [ ! -b /dev/sda ]; do busybox usleep 100000; done
      busybox mount -t ext4 /dev/sda /disk
      exec busybox switch_root /disk /start
      """;

  @TempDir Path dir;

  private void makeDisk() throws Exception {
    HostTool.need("e2fsprogs", "/usr/sbin/mke2fs", "/usr/sbin/e2fsck", "/usr/sbin/debugfs");
    Path files = HostTool.guest("pc/vmlinuz-amd64", "pc/busybox-amd64").resolve("pc");
    Path root = Files.createDirectories(dir.resolve("root"));
    for (String folder : List.of("bin", "dev", "proc", "sys", "kept")) {
      Files.createDirectories(root.resolve(folder));
    }
    Files.copy(files.resolve("busybox-amd64"), root.resolve("bin/busybox"));
    Files.writeString(root.resolve("start"), START);
    HostTool.shell(
        dir,
        "chmod 755 root/start root/bin/busybox"
            + "; ln -s busybox root/bin/sh; truncate -s 128M disk.img"
            + "; mke2fs -q -t ext4 -d root disk.img");
  }

  private String initrd() throws Exception {
    Path files = HostTool.guest("pc/modules-amd64/ata_piix.ko").resolve("pc");
    Path root = dir.resolve("early");
    for (String folder : List.of("bin", "dev", "disk")) {
      Files.createDirectories(root.resolve(folder));
    }
    Files.copy(files.resolve("busybox-amd64"), root.resolve("bin/busybox"));
    Files.writeString(root.resolve("init"), LOAD);
    HostTool.shell(
        root,
        "cp %s/modules-amd64/*.ko .; chmod 755 init bin/busybox".formatted(files)
            + "; find . | cpio -o -H newc -R 0:0 --quiet | gzip -1 > ../initrd.gz");
    return dir.resolve("initrd.gz").toString();
  }

  private Conversation boot(String disk, String more) throws Exception {
    makeDisk();
    String kernel = HostTool.guests().resolve("pc/vmlinuz-amd64").toString();
    String machine = "-m 256 -nographic -nic none -no-reboot -kernel " + kernel;
    String append = COMMAND_LINE + disk + more;
    String image = "format=raw,file=" + dir.resolve("disk.img");
    if (disk.equals("sda")) {
      return Conversation.with(machine, "-append", append, "-initrd", initrd(), "-drive", image);
    }
    return Conversation.with(
        machine,
        "-append",
        append,
        "-drive",
        "if=none,id=d," + image,
        "-device",
        "nvme,drive=d,serial=1");
  }

  private void switchesOff(String disk) throws Exception {
    try (Conversation guest = boot(disk, "")) {
      guest.await("SYNCED");
      assertThat(guest.status()).isZero();
    }
    // Not even a journal to be replayed.
    assertThat(HostTool.shell(dir, "dumpe2fs -h disk.img")).doesNotContain("needs_recovery");
    checkDisk();
  }

  private void isKilled(String disk) throws Exception {
    try (Conversation guest = boot(disk, " guest.goes.on")) {
      guest.await("SYNCED");
      guest.await("BUSY");
    }
    // Replaying the journal (status 1) must be all there is to do.
    String said = HostTool.run(dir, List.of("e2fsck", "-p", "disk.img"), 1);
    assertThat(said).doesNotContain("FIXED", "INCONSISTENCY");
    checkDisk();
  }

  private void checkDisk() throws Exception {
    HostTool.run(dir, List.of("e2fsck", "-fn", "disk.img"));
    HostTool.shell(dir, "mkdir out; debugfs -R 'rdump kept out' disk.img");
    byte[] busybox = Files.readAllBytes(HostTool.guests().resolve("pc/busybox-amd64"));
    for (int n = 1; n <= 40; n++) {
      Path file = dir.resolve("out/kept/" + n);
      if (n == 7) {
        assertThat(file).doesNotExist();
      } else {
        byte[] kept = Files.readAllBytes(file);
        assertThat(kept).as("file %s", n).hasSize(n * 20 << 10);
        assertThat(busybox).startsWith(kept);
      }
    }
  }

  @Test
  @Tag("soak")
  void nvmeDiskIsSoundAfterPowerOff() throws Exception {
    switchesOff("nvme0n1");
  }

  @Test
  void nvmeDiskIsSoundAfterKill() throws Exception {
    isKilled("nvme0n1");
  }

  @Test
  void ideDiskIsSoundAfterPowerOff() throws Exception {
    switchesOff("sda");
  }

  @Test
  @Tag("soak")
  void ideDiskIsSoundAfterKill() throws Exception {
    isKilled("sda");
  }
}
