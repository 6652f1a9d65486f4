package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Debian's kernels for i386 boot, and their drivers work with the disk controllers and the parallel
 * port. Needs {@code $TUBER_GUESTS/pc}, which {@code .ci/fetch-pc-kernels} brings.
 */
@Timeout(900)
class PcKernelTest {
  private static final String MACHINE = "-m 256 -nographic -nic none -no-reboot";
  private static final String COMMAND_LINE = "console=ttyS0 mitigations=off cryptomgr.notests";

  /** In an order in which each finds what it uses. */
  private static final String MODULES =
      "scsi_common scsi_mod crct10dif_common crct10dif_generic crc-t10dif crc64 crc64-rocksoft"
          + " t10-pi sd_mod libata ata_piix libahci ahci nvme-core nvme parport parport_pc lp";

  private static final String START =
      """
      #!/bin/busybox sh
      /bin/busybox --install -s /bin
      export PATH=/bin
      mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
      for m in @MODULES@; do [ ! -e /m/$m.ko ] || insmod /m/$m.ko; done
      for d in @DISKS@; do
        n=0
        while [ ! -b /dev/$d ] && [ $n -lt 100 ]; do n=$((n+1)); usleep 100000; done
        dd if=/bin/busybox of=/dev/$d bs=64k conv=fsync 2>/dev/null
        echo 3 > /proc/sys/vm/drop_caches
        size=$(stat -c %s /bin/busybox)
        [ "$(head -c $size /dev/$d | md5sum)" = "$(md5sum < /bin/busybox)" ] && echo "DISK-GOOD $d"
      done
      [ ! -c /dev/lp0 ] || echo "printed by Linux" > /dev/lp0
      grep MSI /proc/interrupts
      echo "GUEST-MARKER $(uname -m) $(uname -r)"
      poweroff -f
      """;

  @TempDir Path dir;

  private Path initrd(String flavour, String disks) throws Exception {
    Path files = HostTool.guest("pc/vmlinuz-" + flavour, "pc/busybox-i386").resolve("pc");
    Path root = Files.createDirectories(dir.resolve("root"));
    for (String folder : new String[] {"bin", "dev", "proc", "sys", "m"}) {
      Files.createDirectories(root.resolve(folder));
    }
    Files.copy(files.resolve("busybox-i386"), root.resolve("bin/busybox"));
    String modules = disks.isEmpty() ? "" : MODULES;
    for (String module : modules.split(" ", -1)) {
      Path file = files.resolve("modules-" + flavour).resolve(module + ".ko");
      if (Files.exists(file)) {
        Files.copy(file, root.resolve("m").resolve(module + ".ko"));
      }
    }
    Files.writeString(
        root.resolve("init"), START.replace("@MODULES@", modules).replace("@DISKS@", disks));
    HostTool.shell(
        root,
        "chmod 755 init bin/busybox"
            + "; find . | cpio -o -H newc -R 0:0 --quiet | gzip -1 > ../initrd.gz");
    return dir.resolve("initrd.gz");
  }

  private String boot(String flavour, String disks, String... devices) throws Exception {
    Path initrd = initrd(flavour, disks);
    String kernel = HostTool.guests().resolve("pc/vmlinuz-" + flavour).toString();
    String line = MACHINE + " -kernel " + kernel + " -initrd " + initrd;
    String[] more = new String[devices.length + 2];
    System.arraycopy(devices, 0, more, 2, devices.length);
    more[0] = "-append";
    more[1] = COMMAND_LINE;
    try (Conversation guest = Conversation.with(line, more)) {
      guest.await("GUEST-MARKER i686");
      assertThat(guest.status()).isZero();
      assertThat(guest.text()).doesNotContain("BUG", "WARNING", "WARN ", "Call Trace");
      return guest.text();
    }
  }

  private String disk(String name) throws IOException {
    Path image = dir.resolve(name);
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.setLength(8 << 20);
    }
    return "format=raw,file=" + image;
  }

  @Test
  @Tag("soak")
  void kernelWithoutPaeBoots() throws Exception {
    assertThat(boot("686", "")).containsPattern("GUEST-MARKER i686 6.*-686\\s");
  }

  /** Disks on IDE, AHCI and NVMe, the latter two with message interrupts, and a printer. */
  @Test
  void driversOfThePaeKernelWorkWithItsDisksAndPrinter() throws Exception {
    Path paper = dir.resolve("paper");
    String said =
        boot(
            "686-pae",
            "sda sdb nvme0n1",
            "-drive",
            disk("ide.img"),
            "-device",
            "ich9-ahci,id=sata",
            "-drive",
            "if=none,id=b," + disk("sata.img"),
            "-device",
            "ide-hd,drive=b,bus=sata.1",
            "-drive",
            "if=none,id=c," + disk("nvme.img"),
            "-device",
            "nvme,drive=c,serial=1",
            "-parallel",
            "file:" + paper);
    assertThat(said)
        .contains("DISK-GOOD sda", "DISK-GOOD sdb", "DISK-GOOD nvme0n1")
        .containsPattern("PCI-MSI \\d+-edge +ahci")
        .containsPattern("PCI-MSI \\d+-edge +nvme0q1");
    assertThat(paper).hasContent("printed by Linux");
    byte[] written = Files.readAllBytes(HostTool.guests().resolve("pc/busybox-i386"));
    for (String image : new String[] {"ide.img", "sata.img", "nvme.img"}) {
      assertThat(Files.readAllBytes(dir.resolve(image))).startsWith(written);
    }
  }
}
