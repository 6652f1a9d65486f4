package org.tuber.devices.block.crypt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.CheckReport;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.QemuTools;
import org.tuber.devices.block.RandomDisk;

/** Encrypted images, made by one program and used by the other. */
class LuksInteropTest {
  private static final int DISK_BYTES = 3 << 20;
  private static final String PASSPHRASE = "open sesame";

  @TempDir Path dir;

  private static OpenOptions options(String format, String passphrase) {
    return OpenOptions.readWrite()
        .withFormat(format)
        .withCache(CacheMode.UNSAFE)
        .withSecrets(id -> passphrase.getBytes(StandardCharsets.UTF_8))
        .withSecretId("k");
  }

  private String secret() {
    return "secret,id=k,data=" + PASSPHRASE;
  }

  private void compareWithQemu(String opts, RandomDisk disk) throws IOException {
    Path raw = disk.store(dir.resolve("e.raw"));
    QemuTools.img(dir, "convert", "--object", secret(), "--image-opts", opts, "-O", "raw", "q.raw");
    QemuTools.img(dir, "compare", "-f", "raw", "-F", "raw", "q.raw", raw.toString());
  }

  @ParameterizedTest
  @CsvSource({
    "luks,key-secret=k;iter-time=10",
    "qcow2,encrypt.format=luks;encrypt.key-secret=k;encrypt.iter-time=10",
    "qcow2,encrypt.format=luks;encrypt.key-secret=k;encrypt.iter-time=10;extended_l2=on;cluster_size=16k"
  })
  void oursAreOpenedByQemu(String format, String text) throws IOException {
    QemuTools.require("qemu-img");
    String image = dir.resolve("a").toString();
    CreateOptions o =
        CreateOptions.of(image, DISK_BYTES)
            .withSecrets(id -> PASSPHRASE.getBytes(StandardCharsets.UTF_8));
    for (String part : text.split(";")) {
      o = o.with(part.split("=")[0], part.split("=")[1]);
    }
    ImageFormats.byName(image, format).create(o);
    assertThatThrownBy(() -> Images.open(image, options(format, "wrong")))
        .hasMessageContaining("Invalid password");
    RandomDisk disk;
    try (BlockNode node = Images.open(image, options(format, PASSPHRASE))) {
      byte[] now = new byte[DISK_BYTES];
      node.read(0, ByteBuffer.wrap(now));
      disk = new RandomDisk(node, now, 1);
      disk.work(40);
      disk.verify();
    }
    String key = format.equals("luks") ? "key-secret=k" : "encrypt.key-secret=k";
    compareWithQemu("driver=" + format + ",file.filename=" + image + "," + key, disk);
    if (format.equals("qcow2")) {
      QemuTools.img(
          dir,
          "check",
          "--object",
          secret(),
          "--image-opts",
          "driver=qcow2,file.filename=" + image + "," + key);
    }
  }

  @ParameterizedTest
  @Tag("soak")
  @CsvSource({
    "luks,key-secret=k;iter-time=10;cipher-mode=cbc;ivgen-alg=plain64",
    "luks,key-secret=k;iter-time=10;cipher-mode=cbc;ivgen-alg=essiv;ivgen-hash-alg=sha256",
    "luks,key-secret=k;iter-time=10;hash-alg=sha512;cipher-alg=aes-128"
  })
  void qemusOtherCiphersAreOpened(String format, String text) throws IOException {
    qemusAreOpened(format, text);
  }

  @ParameterizedTest
  @CsvSource({"luks,key-secret=k;iter-time=10", "qcow2,encrypt.format=aes;encrypt.key-secret=k"})
  void qemusAreOpened(String format, String text) throws IOException {
    QemuTools.require("qemu-img");
    String image = dir.resolve("q").toString();
    QemuTools.Result made =
        QemuTools.run(
            dir,
            "qemu-img",
            "create",
            "--object",
            secret(),
            "-f",
            format,
            "-o",
            text.replace(';', ','),
            image,
            "3M");
    // It measures its own speed, which fails now and then on a busy machine.
    assumeTrue(!made.output().contains("accurate CPU usage"), made.output());
    assertThat(made.status()).as(made.output()).isZero();
    RandomDisk disk;
    try (BlockNode node = Images.open(image, options(format, PASSPHRASE))) {
      byte[] now = new byte[DISK_BYTES];
      node.read(0, ByteBuffer.wrap(now));
      disk = new RandomDisk(node, now, 2);
      disk.work(40);
      disk.verify();
      CheckReport r = node.check(CheckReport.Repair.NONE);
      if (r != null && !r.isClean()) {
        throw new AssertionError(r.messages());
      }
    }
    if (!text.contains("format=aes")) {
      String key = format.equals("luks") ? "key-secret=k" : "encrypt.key-secret=k";
      compareWithQemu("driver=" + format + ",file.filename=" + image + "," + key, disk);
    } else {
      compareWithQemu(
          "driver=qcow2,encrypt.format=aes,file.filename=" + image + ",encrypt.key-secret=k", disk);
    }
  }
}
