package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What else starts on the Arm board, unmodified: U-Boot, UEFI, Debian's generic kernel with its
 * root on a disk, the Debian installer. Needs the files of {@code .ci/fetch-arm64-boot
 * $TUBER_GUESTS/arm64-boot} and those of {@link ArmBootTest}.
 */
@Timeout(1200)
class ArmSystemTest {
  private static final long PATIENCE_SECONDS = 60;

  /** In the order in which one needs the other. */
  private static final List<String> MODULES =
      List.of(
          "crc64",
          "crct10dif_common",
          "crc-t10dif",
          "crc64-rocksoft",
          "t10-pi",
          "nvme-core",
          "nvme",
          "crc16",
          "crc32c_generic",
          "mbcache",
          "jbd2",
          "ext4");

  private static Path files;
  private static Path guest;

  @TempDir Path folder;

  @BeforeAll
  static void needsFiles() {
    String guests = System.getenv("TUBER_GUESTS");
    Path home = Path.of(System.getProperty("user.home"));
    Path all = guests == null ? home.resolve(".cache/tuber/guests") : Path.of(guests);
    files = all.resolve("arm64-boot");
    guest = all.resolve("arm64");
    boolean found =
        Stream.of(files.resolve("vmlinuz"), guest.resolve("initrd.cpio.gz"))
            .allMatch(Files::isReadable);
    if (System.getenv("CI") == null) {
      assumeTrue(found, "not there: .ci/fetch-arm64-boot " + files);
    }
    assertThat(found).as(".ci/fetch-arm64-boot must have run in CI").isTrue();
  }

  private SerialLine start(String... rest) throws IOException {
    List<String> all = new ArrayList<>(List.of("system-aarch64", "-nographic", "-no-reboot"));
    all.addAll(List.of("-nic", "none"));
    all.addAll(List.of(rest));
    return new SerialLine(folder, all.toArray(String[]::new));
  }

  @Test
  void uBootToItsPrompt() throws Exception {
    String image = files.resolve("u-boot.bin").toString();
    try (SerialLine line = start("-m", "256", "-bios", image)) {
      line.await("autoboot");
      line.type(" ");
      line.await("=> ");
      line.type("echo $board_name $((6 * 7)) && md.l 40000000 1\r");
      line.await("40000000: edfe0dd0");
      line.await("=> ");
      line.type("poweroff\r");
      assertThat(line.end()).isZero();
    }
  }

  @Test
  void uefiToItsShell() throws Exception {
    Path variables = Files.copy(files.resolve("AAVMF_VARS.fd"), folder.resolve("vars"));
    String code = "if=pflash,format=raw,readonly=on,file=" + files.resolve("AAVMF_CODE.fd");
    String vars = "if=pflash,format=raw,file=" + variables;
    try (SerialLine line = start("-m", "256", "-drive", code, "-drive", vars)) {
      line.await("UEFI Interactive Shell");
      line.await("Press ");
      line.type("\u001b");
      line.await("Shell> ");
      line.type("ver\r");
      line.await("UEFI v2.");
      line.await("Shell> ");
      line.type("reset -s\r");
      assertThat(line.end()).isZero();
    }
  }

  /** A process of the host that has to succeed. */
  private void host(Path in, String... command) throws IOException, InterruptedException {
    Process p =
        new ProcessBuilder(command)
            .directory(in.toFile())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("host.out").toFile())
            .start();
    assertThat(p.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    assertThat(p.exitValue()).as(Files.readString(folder.resolve("host.out"))).isZero();
  }

  /** The guest's archive with another start: modules, then the disk as the root. */
  private Path initrd() throws Exception {
    Path tree = Files.createDirectory(folder.resolve("tree"));
    host(tree, "sh", "-c", "zcat " + guest.resolve("initrd.cpio.gz") + " | cpio -idm --quiet");
    StringBuilder init = new StringBuilder("#!/bin/sh\n");
    init.append(
        "busybox mount -t proc proc /proc; busybox mount -t devtmpfs dev /dev 2>/dev/null\n");
    for (String module : MODULES) {
      Path from = files.resolve("modules").resolve(module + ".ko");
      if (Files.exists(from)) {
        Files.copy(from, tree.resolve(module + ".ko"));
        init.append("busybox insmod /").append(module).append(".ko\n");
      }
    }
    init.append("busybox mkdir -p /disk\n");
    init.append("until [ -b /dev/nvme0n1 ]; do busybox sleep 1; done\n");
    init.append("busybox mount -t ext4 /dev/nvme0n1 /disk || busybox poweroff -f\n");
    init.append("exec busybox switch_root /disk /sbin/init\n");
    Files.writeString(tree.resolve("init"), init);
    host(tree, "sh", "-c", "find . | cpio -o -H newc --quiet | gzip -1 > ../initrd.gz");
    return folder.resolve("initrd.gz");
  }

  /** An ext4 file system with BusyBox and a start script; mke2fs fills it without root's rights. */
  private Path disk() throws Exception {
    Path root = folder.resolve("root");
    for (String directory : List.of("sbin", "bin", "proc", "dev")) {
      Files.createDirectories(root.resolve(directory));
    }
    Files.copy(folder.resolve("tree/bin/busybox"), root.resolve("bin/busybox"));
    Path init = root.resolve("sbin/init");
    Files.writeString(
        init,
        """
        #!/bin/busybox sh
        busybox mount -t proc proc /proc
        busybox mount -t devtmpfs dev /dev
        busybox grep ' / ' /proc/mounts | busybox tail -n 1
        echo written by the guest > /note
        busybox dd if=/dev/zero of=/zeroes bs=64k count=64 2>/dev/null
        busybox md5sum /zeroes
        busybox sync
        busybox mount -o remount,ro /
        echo ROOT-IS-ON-DISK
        busybox poweroff -f
        """);
    assertThat(init.toFile().setExecutable(true)).isTrue();
    assertThat(root.resolve("bin/busybox").toFile().setExecutable(true)).isTrue();
    Path image = folder.resolve("disk.img");
    host(folder, "mke2fs", "-q", "-t", "ext4", "-d", root.toString(), image.toString(), "48M");
    return image;
  }

  @Test
  void genericKernelWithItsRootOnNvme() throws Exception {
    Path initrd = initrd();
    Path disk = disk();
    try (SerialLine line =
        start(
            "-M",
            "virt,gic-version=3",
            "-smp",
            "2",
            "-m",
            "512",
            "-kernel",
            files.resolve("vmlinuz").toString(),
            "-initrd",
            initrd.toString(),
            "-append",
            "console=ttyAMA0 cryptomgr.notests",
            "-drive",
            "if=none,id=d,format=raw,file=" + disk,
            "-device",
            "nvme,drive=d,serial=1")) {
      line.await("/dev/nvme0n1 / ext4 rw");
      line.await("b5cfa9d6c8febd618f91ac2843d50a1c  /zeroes");
      line.await("ROOT-IS-ON-DISK");
      assertThat(line.end()).isZero();
      assertThat(line.text()).doesNotContain("BUG", "WARNING", "Call trace");
    }
    host(folder, "e2fsck", "-fn", disk.toString());
    host(folder, "debugfs", "-R", "dump /note note", disk.toString());
    assertThat(folder.resolve("note")).hasContent("written by the guest\n");
  }

  @Test
  void installerToItsLanguageScreen() throws Exception {
    try (SerialLine line =
        start(
            "-m",
            "512",
            "-kernel",
            files.resolve("installer-linux").toString(),
            "-initrd",
            files.resolve("installer-initrd.gz").toString(),
            "-append",
            "console=ttyAMA0 cryptomgr.notests TERM=vt102")) {
      line.await("Select a language");
      line.await("English");
    }
  }
}
