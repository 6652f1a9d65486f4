package org.tuber.launcher.guest;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.GZIPOutputStream;

/** The smallest root file system with a comfortable shell: busybox and one start script. */
final class Initramfs {
  private Initramfs() {}

  /** A gzip-compressed archive around a statically linked busybox. */
  static byte[] of(byte[] busybox) throws IOException {
    CpioWriter cpio = new CpioWriter();
    for (String name : new String[] {"bin", "dev", "etc", "proc", "root", "sys", "tmp"}) {
      cpio.directory(name, 0755);
    }
    cpio.link("sbin", "bin");
    cpio.characterDevice("dev/console", 0600, 5, 1);
    cpio.characterDevice("dev/null", 0666, 1, 3);
    cpio.file("bin/busybox", 0755, busybox);
    cpio.link("bin/sh", "busybox");
    cpio.file("init", 0755, startScript());
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(packed)) {
      gzip.write(cpio.finish());
    }
    return packed.toByteArray();
  }

  private static byte[] startScript() throws IOException {
    try (InputStream in = Initramfs.class.getResourceAsStream("guest-init.sh")) {
      return in.readAllBytes();
    }
  }
}
