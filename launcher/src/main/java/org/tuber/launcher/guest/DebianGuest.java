package org.tuber.launcher.guest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Optional;
import org.tuber.launcher.CommandLineException;

/**
 * A Debian (or Ubuntu) kernel and busybox from the host's package sources, kept in the user's cache
 * folder. The folder appears complete or not at all, and processes take turns.
 */
final class DebianGuest {
  private static final int PROGRESS_COLUMNS = 78;

  /** What a boot needs. */
  record Parts(Path kernel, Path initrd) {}

  private final CacheFolder cache;
  private final DebianKind kind;
  private final String folderName;

  DebianGuest(CacheFolder cache, DebianKind kind) {
    this.cache = cache;
    this.kind = kind;
    folderName = "debian-" + kind.architecture;
  }

  /** The files, fetched when they are not there yet or {@code refresh} says so. */
  Parts obtain(boolean refresh) {
    return cache.alone(
        folderName,
        folder -> {
          Path ready = folder.resolve("ready");
          if (refresh || !Files.isDirectory(ready)) {
            fetch(folder, ready);
          }
          return parts(ready);
        });
  }

  /** Copies the files to {@code target} under fixed names, fetching them first if need be. */
  void copyTo(Path target) {
    cache.alone(
        folderName,
        folder -> {
          Path ready = folder.resolve("ready");
          if (!Files.isDirectory(ready)) {
            fetch(folder, ready);
          }
          Files.createDirectories(target);
          copy(ready.resolve("vmlinuz"), target.resolve("vmlinuz"));
          if (Files.exists(ready.resolve("vmlinux"))) {
            copy(ready.resolve("vmlinux"), target.resolve("vmlinux"));
          }
          copy(parts(ready).initrd(), target.resolve("initrd.cpio.gz"));
          return target;
        });
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
  }

  private static Parts parts(Path ready) throws IOException {
    Path elf = ready.resolve("vmlinux");
    Path kernel = Files.exists(elf) ? elf : ready.resolve("vmlinuz");
    return new Parts(kernel, initrd(ready));
  }

  private void fetch(Path folder, Path ready) throws IOException, InterruptedException {
    if (!Apt.isAvailable()) {
      throw new CommandLineException(
          "run: this host has no apt to fetch a guest with; boot your own files: tuber"
              + " system-x86_64 -nographic -kernel VMLINUZ -initrd INITRD -append console=ttyS0");
    }
    Path work = folder.resolve("work");
    CacheFolder.delete(work);
    Files.createDirectories(work);
    try {
      say("fetching package lists (once)");
      Apt apt = new Apt(work.resolve("apt"), kind.architecture, DebianGuest::progress);
      apt.update();
      String kernelPackage = kernelPackage(apt);
      say("fetching " + kernelPackage + " and busybox-static");
      Path kernelDeb = apt.download(kernelPackage, work);
      Path busyboxDeb = apt.download("busybox-static", work);
      say("unpacking");
      Path made = work.resolve("ready");
      Files.createDirectories(made);
      Path image = made.resolve("vmlinuz");
      new DebFile(kernelDeb).extract(name -> name.startsWith("boot/vmlinuz-"), image);
      new DebFile(busyboxDeb)
          .extract(name -> name.endsWith("bin/busybox"), made.resolve("busybox"));
      Optional<byte[]> elf = KernelUnpacker.unpack(Files.readAllBytes(image));
      if (elf.isPresent()) {
        Files.write(made.resolve("vmlinux"), elf.get());
      }
      Files.writeString(made.resolve("package"), kernelPackage + "\n");
      CacheFolder.delete(ready);
      Files.move(made, ready, StandardCopyOption.ATOMIC_MOVE);
      say("kept in " + ready);
    } finally {
      CacheFolder.delete(work);
    }
  }

  private String kernelPackage(Apt apt) throws IOException, InterruptedException {
    for (String metaPackage : kind.kernels) {
      Optional<String> found = apt.dependency(metaPackage, "linux-image-");
      if (found.isPresent()) {
        return found.get();
      }
    }
    throw new CommandLineException(
        "run: the host's package sources offer no " + kind.architecture + " kernel");
  }

  /** Written again each time: the start script may be newer than the fetched files. */
  private static Path initrd(Path ready) throws IOException {
    Path initrd = ready.resolve("initrd.gz");
    byte[] bytes = Initramfs.of(Files.readAllBytes(ready.resolve("busybox")));
    if (!Files.exists(initrd) || !Arrays.equals(Files.readAllBytes(initrd), bytes)) {
      Path fresh = ready.resolve("initrd.new");
      Files.write(fresh, bytes);
      Files.move(fresh, initrd, StandardCopyOption.ATOMIC_MOVE);
    }
    return initrd;
  }

  private static void say(String what) {
    progress("");
    System.err.println("tuber: " + what + " ...");
  }

  /** What apt is at, on one line that the next one replaces. */
  private static void progress(String line) {
    if (Boolean.getBoolean("tuber.stdin.tty")) {
      String text = line.length() > PROGRESS_COLUMNS ? line.substring(0, PROGRESS_COLUMNS) : line;
      System.err.print("\r\033[K" + text);
    }
  }
}
