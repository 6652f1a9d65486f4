package org.tuber.devices.block.crypt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tuber.devices.block.AmendOptions;
import org.tuber.devices.block.AmendableNode;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.CheckReport;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.Preallocation;
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
    "luks,key-secret=k;iter-time=10;cipher-alg=aes-128;hash-alg=sha512;ivgen-alg=plain",
    "luks,key-secret=k;iter-time=10;cipher-mode=cbc;ivgen-alg=essiv;hash-alg=sha1",
    "luks,key-secret=k;iter-time=10;cipher-mode=cbc;cipher-alg=aes-128;preallocation=full",
    "qcow2,encrypt.format=luks;encrypt.key-secret=k;encrypt.iter-time=10",
    "qcow2,encrypt.format=luks;encrypt.key-secret=k;encrypt.iter-time=10;encrypt.cipher-alg=aes-128;encrypt.hash-alg=sha384",
    "qcow2,encrypt.format=luks;encrypt.key-secret=k;encrypt.iter-time=10;extended_l2=on;cluster_size=16k"
  })
  void oursAreOpenedByQemu(String format, String text) throws IOException {
    QemuTools.require("qemu-img");
    String image = create(format, text);
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

  /** Options that amend an image, by us. */
  private static void amend(String image, String format, boolean force, String... changes)
      throws IOException {
    Map<String, String> options = new LinkedHashMap<>();
    for (String c : changes) {
      String prefix = format.equals("qcow2") ? "encrypt." : "";
      options.put(prefix + c.substring(0, c.indexOf('=')), c.substring(c.indexOf('=') + 1));
    }
    try (AmendableNode node = (AmendableNode) Images.open(image, options(format, PASSPHRASE))) {
      node.amend(
          new AmendOptions(
              options,
              id -> id.equals("none") ? null : (id + "!").getBytes(StandardCharsets.UTF_8),
              force),
          (d, t) -> {});
    }
  }

  private int qemuOpens(String image, String format, String passphrase) throws IOException {
    String key = format.equals("luks") ? "key-secret=x" : "encrypt.key-secret=x";
    return QemuTools.run(
            dir,
            "qemu-img",
            "compare",
            "--object",
            "secret,id=x,data=" + passphrase,
            "--image-opts",
            "driver=" + format + ",file.filename=" + image + "," + key,
            "driver=null-co,size=3M,read-zeroes=on")
        .status();
  }

  /** A new image with options {@code a=b;c=d}, opened by {@link #PASSPHRASE}. */
  private String create(String format, String text) throws IOException {
    String image = dir.resolve("a").toString();
    CreateOptions o =
        CreateOptions.of(image, DISK_BYTES)
            .withSecrets(id -> PASSPHRASE.getBytes(StandardCharsets.UTF_8));
    for (String part : text.split(";")) {
      o = o.with(part.split("=")[0], part.split("=")[1]);
    }
    ImageFormats.byName(image, format).create(o);
    return image;
  }

  private static boolean weOpen(String image, String format, String passphrase) throws IOException {
    try (BlockNode node = Images.open(image, options(format, passphrase))) {
      return node.lengthBytes() == DISK_BYTES;
    } catch (ImageException e) {
      assertThat(e).hasMessageContaining("Invalid password");
      return false;
    }
  }

  @ParameterizedTest
  @CsvSource({
    "luks,key-secret=k;iter-time=10",
    "qcow2,encrypt.format=luks;encrypt.key-secret=k;encrypt.iter-time=10"
  })
  void keySlotsComeAndGo(String format, String text) throws IOException {
    QemuTools.require("qemu-img");
    String image = create(format, text);
    amend(image, format, false, "state=active", "new-secret=one", "iter-time=10");
    amend(image, format, false, "state=active", "new-secret=two", "keyslot=5", "iter-time=10");
    for (String p : new String[] {PASSPHRASE, "one!", "two!"}) {
      assertThat(qemuOpens(image, format, p)).as(p).isIn(0, 1);
      assertThat(weOpen(image, format, p)).as(p).isTrue();
    }
    assertThat(qemuOpens(image, format, "three!")).isEqualTo(2);

    // QEMU takes one of ours away and adds one of its own.
    qemuAmends(image, format, "state=inactive", "old-secret=one");
    qemuAmends(image, format, "state=active", "new-secret=three", "iter-time=10");
    assertThat(weOpen(image, format, "one!")).isFalse();
    assertThat(weOpen(image, format, "three!")).isTrue();
    amend(image, format, false, "state=inactive", "keyslot=5");
    amend(image, format, false, "state=inactive", "old-secret=three");
    assertThat(qemuOpens(image, format, "two!")).isEqualTo(2);
    assertThat(qemuOpens(image, format, "three!")).isEqualTo(2);
    assertThat(qemuOpens(image, format, PASSPHRASE)).isIn(0, 1);
    refuses(image, format, "only active keyslot", "state=inactive", "keyslot=0");
    refuses(image, format, "already erased", "state=inactive", "keyslot=5");
    refuses(image, format, "overwrite active", "state=active", "keyslot=0", "new-secret=x");
    refuses(image, format, "between 0 and 7", "state=active", "keyslot=8", "new-secret=x");
    refuses(image, format, "No secret with id", "state=active", "new-secret=none");
    refuses(image, format, "No keyslots match", "state=inactive", "old-secret=one");
    refuses(image, format, "either explicit", "state=inactive");
    refuses(image, format, "does not accept", "state=gone");
    amend(image, format, true, "state=inactive", "keyslot=0");
    assertThat(weOpen(image, format, PASSPHRASE)).isFalse();
  }

  private static void refuses(String image, String format, String why, String... changes) {
    assertThatThrownBy(() -> amend(image, format, false, changes)).hasMessageContaining(why);
  }

  private void qemuAmends(String image, String format, String... changes) throws IOException {
    String prefix = format.equals("qcow2") ? "encrypt." : "";
    QemuTools.Result r =
        QemuTools.run(
            dir,
            "qemu-img",
            "amend",
            "--object",
            secret(),
            "--object",
            "secret,id=one,data=one!",
            "--object",
            "secret,id=three,data=three!",
            "-o",
            prefix + String.join("," + prefix, changes),
            "--image-opts",
            "driver=" + format + ",file.filename=" + image + "," + prefix + "key-secret=k");
    assumeTrue(!r.output().contains("accurate CPU usage"), r.output());
    assertThat(r.status()).as(r.output()).isZero();
  }

  @Test
  void volumesGrowAndShrink() throws IOException {
    QemuTools.require("qemu-img");
    String image = dir.resolve("a").toString();
    CreateOptions o =
        CreateOptions.of(image, DISK_BYTES)
            .withSecrets(id -> PASSPHRASE.getBytes(StandardCharsets.UTF_8))
            .with("key-secret", "k")
            .with("iter-time", "10");
    ImageFormats.byName(image, "luks").create(o);
    byte[] last = new byte[DISK_BYTES];
    RandomDisk disk;
    try (BlockNode node = Images.open(image, options("luks", PASSPHRASE))) {
      node.resize(2 << 20, Preallocation.OFF);
      node.resize(DISK_BYTES, Preallocation.FULL);
      assertThat(node.lengthBytes()).isEqualTo(DISK_BYTES);
      node.read(0, ByteBuffer.wrap(last));
      disk = new RandomDisk(node, last, 4);
      disk.work(20);
    }
    compareWithQemu("driver=luks,key-secret=k,file.filename=" + image, disk);
    QemuTools.img(
        dir,
        "resize",
        "--object",
        secret(),
        "--image-opts",
        "driver=luks,key-secret=k,file.filename=" + image,
        "4M");
    try (BlockNode node = Images.open(image, options("luks", PASSPHRASE))) {
      assertThat(node.lengthBytes()).isEqualTo(4 << 20);
    }
  }
}
