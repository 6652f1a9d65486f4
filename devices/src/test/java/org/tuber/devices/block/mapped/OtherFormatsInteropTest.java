package org.tuber.devices.block.mapped;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.CheckReport;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.Preallocation;
import org.tuber.devices.block.QemuTools;
import org.tuber.devices.block.RandomDisk;

/** The formats besides raw and qcow2, made by one program and used by the other. */
class OtherFormatsInteropTest {
  private static final int DISK_BYTES = 9 << 20;

  @TempDir Path dir;

  private static OpenOptions fast(String format) {
    return OpenOptions.readWrite().withFormat(format).withCache(CacheMode.UNSAFE);
  }

  @ParameterizedTest
  @CsvSource({
    "vdi,",
    "vdi,static=on",
    "vpc,subformat=dynamic",
    "vpc,subformat=fixed",
    "vhdx,",
    "vhdx,block_size=1M",
    "vhdx,subformat=fixed",
    "vmdk,",
    "vmdk,subformat=monolithicFlat",
    "qed,",
    "qed,cluster_size=4096",
    "qcow,"
  })
  void oursAreReadAndWrittenByQemu(String format, String option) throws IOException {
    QemuTools.require("qemu-img");
    Path image = dir.resolve("a." + format);
    CreateOptions o = CreateOptions.of(image.toString(), DISK_BYTES);
    if (option != null) {
      o = o.with(option.split("=")[0], option.split("=")[1]);
    }
    ImageFormats.byName("a", format).create(o);
    RandomDisk disk;
    try (BlockNode node = Images.open(image.toString(), fast(format))) {
      assertThat(node.lengthBytes()).isEqualTo(DISK_BYTES);
      disk = new RandomDisk(node, new byte[DISK_BYTES], 1);
      disk.work(150);
      disk.verify();
      requireClean(node);
    }
    Path raw = disk.store(dir.resolve("e.raw"));
    QemuTools.img(dir, "compare", "-f", format, "-F", "raw", image.toString(), raw.toString());
    QemuTools.io(dir, format, image, "write -P 9 1M 3M", "write -P 8 8M 64k", "flush");
    try (BlockNode node = Images.open(image.toString(), fast(format))) {
      byte[] now = new byte[DISK_BYTES];
      node.read(0, ByteBuffer.wrap(now));
      assertThat(now[(1 << 20) + 5]).isEqualTo((byte) 9);
      assertThat(now[(8 << 20) + 65535]).isEqualTo((byte) 8);
      RandomDisk again = new RandomDisk(node, now, 2);
      again.work(60);
      again.verify();
      again.store(raw);
      requireClean(node);
    }
    QemuTools.img(dir, "compare", "-f", format, "-F", "raw", image.toString(), raw.toString());
    QemuTools.Result check =
        QemuTools.run(dir, "qemu-img", "check", "-f", format, image.toString());
    assertThat(check.status()).as(check.output()).isIn(0, 63);
  }

  @ParameterizedTest
  @CsvSource({
    "vdi,",
    "vpc,subformat=dynamic",
    "vpc,subformat=fixed",
    "vhdx,subformat=dynamic",
    "vhdx,subformat=fixed",
    "vmdk,subformat=monolithicSparse",
    "vmdk,subformat=monolithicFlat",
    "vmdk,subformat=twoGbMaxExtentSparse",
    "vmdk,subformat=twoGbMaxExtentFlat",
    "vmdk,subformat=streamOptimized",
    "qed,",
    "qcow,",
    "parallels,"
  })
  void qemusAreReadAndWritten(String format, String option) throws IOException {
    QemuTools.require("qemu-img");
    Path raw = dir.resolve("r.raw");
    byte[] data = new byte[DISK_BYTES];
    java.util.Random r = new java.util.Random(3);
    for (int at = 0; at < DISK_BYTES; at += 300_000) {
      for (int i = 0; i < 70_000 && at + i < DISK_BYTES; i++) {
        data[at + i] = (byte) (r.nextInt(3) + at);
      }
    }
    Files.write(raw, data);
    Path image = dir.resolve("q." + format);
    if (option == null) {
      QemuTools.img(dir, "convert", "-O", format, raw.toString(), image.toString());
    } else {
      QemuTools.img(dir, "convert", "-O", format, "-o", option, raw.toString(), image.toString());
    }
    boolean fixedVpc = "subformat=fixed".equals(option) && format.equals("vpc");
    try (BlockNode node =
        Images.open(image.toString(), OpenOptions.readOnly().withFormat(fixedVpc ? "vpc" : null))) {
      assertThat(node.formatName()).isEqualTo(format);
      byte[] got = new byte[DISK_BYTES];
      node.read(0, ByteBuffer.wrap(got));
      assertThat(java.util.Arrays.mismatch(got, data)).isEqualTo(-1);
      requireClean(node);
    }
    try (BlockNode node = Images.open(image.toString(), fast(format))) {
      if (node.isReadOnly()) {
        return;
      }
      RandomDisk disk = new RandomDisk(node, data, 4);
      disk.work(80);
      disk.verify();
      disk.store(raw);
    }
    QemuTools.img(dir, "compare", "-f", format, "-F", "raw", image.toString(), raw.toString());
  }

  private static void requireClean(BlockNode node) throws IOException {
    CheckReport r = node.check(CheckReport.Repair.NONE);
    if (r != null) {
      assertThat(r.messages()).isEmpty();
    }
  }

  @ParameterizedTest
  @CsvSource({"vdi,512", "qed,327680", "vhdx,3145728"})
  void blocksInTheWrongPlaceAreFound(String format, int table) throws IOException {
    Path image = dir.resolve("a." + format);
    CreateOptions o = CreateOptions.of(image.toString(), 4 << 20);
    o = format.equals("vhdx") ? o.with("block_size", "1M") : o;
    ImageFormats.byName("a", format).create(o);
    try (BlockNode node = Images.open(image.toString(), fast(format))) {
      node.write(0, ByteBuffer.allocate(3 << 20).put(5, (byte) 1));
      node.write(2 << 20, ByteBuffer.wrap(new byte[] {1}));
    }
    byte[] b = Files.readAllBytes(image);
    int entry = format.equals("vdi") ? 4 : 8;
    // The second block is where the first one is, and the third one nowhere.
    System.arraycopy(b, table, b, table + entry, entry);
    b[table + 2 * entry + (format.equals("vdi") ? 0 : 3)] = 120;
    Files.write(image, b);
    try (BlockNode node = Images.open(image.toString(), fast(format))) {
      CheckReport r = node.check(CheckReport.Repair.NONE);
      assertThat(r.corruptions()).as(r.messages().toString()).isEqualTo(2);
    }
  }

  @Test
  void qedGrowsAsQemuLetsItGrow() throws IOException {
    QemuTools.require("qemu-img");
    Path image = dir.resolve("a.qed");
    ImageFormats.byName("a", "qed").create(CreateOptions.of(image.toString(), 1 << 20));
    byte[] last;
    try (BlockNode node = Images.open(image.toString(), fast("qed"))) {
      node.resize(5 << 20, Preallocation.OFF);
      RandomDisk disk = new RandomDisk(node, new byte[5 << 20], 9);
      disk.work(40);
      last = Files.readAllBytes(disk.store(dir.resolve("e.raw")));
    }
    QemuTools.img(dir, "check", "-f", "qed", image.toString());
    QemuTools.img(dir, "compare", "-f", "qed", "-F", "raw", image.toString(), "e.raw");
    QemuTools.img(dir, "resize", "-q", "-f", "qed", image.toString(), "9M");
    try (BlockNode node = Images.open(image.toString(), fast("qed"))) {
      assertThat(node.lengthBytes()).isEqualTo(9 << 20);
      RandomDisk disk = new RandomDisk(node, Arrays.copyOf(last, 9 << 20), 10);
      disk.verify();
      requireClean(node);
    }
  }

  @Test
  void compressedQcowIsRead() throws IOException {
    QemuTools.require("qemu-img");
    byte[] data = new byte[1 << 20];
    for (int i = 0; i < data.length; i++) {
      data[i] = (byte) (i / 1000);
    }
    Path raw = Files.write(dir.resolve("r.raw"), data);
    Path image = dir.resolve("c.qcow");
    // Some releases write a good file here and end with status 1 all the same.
    QemuTools.run(dir, "qemu-img", "convert", "-c", "-O", "qcow", raw.toString(), image.toString());
    QemuTools.img(dir, "compare", "-F", "raw", image.toString(), raw.toString());
    try (BlockNode node = Images.open(image.toString(), fast(null))) {
      assertThat(node.formatName()).isEqualTo("qcow");
      RandomDisk disk = new RandomDisk(node, data, 4);
      disk.verify();
      disk.work(60);
      disk.verify();
      disk.store(raw);
    }
    QemuTools.img(dir, "compare", "-F", "raw", image.toString(), raw.toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"qed", "qcow", "vmdk"})
  void overlaysShowTheirBackingFile(String format) throws IOException {
    QemuTools.require("qemu-img");
    Path base = dir.resolve("b." + (format.equals("vmdk") ? "vmdk" : "raw"));
    byte[] data = new byte[DISK_BYTES];
    java.util.Arrays.fill(data, 100_000, 5_000_000, (byte) 77);
    String baseFormat = format.equals("vmdk") ? "vmdk" : "raw";
    Path raw = Files.write(dir.resolve("r.raw"), data);
    QemuTools.img(dir, "convert", "-O", baseFormat, raw.toString(), base.toString());
    Path top = dir.resolve("t." + format);
    ImageFormats.byName("t", format)
        .create(
            CreateOptions.of(top.toString(), DISK_BYTES)
                .with("backing_file", base.getFileName().toString())
                .with("backing_fmt", baseFormat));
    try (BlockNode node = Images.open(top.toString(), fast(format).withBackingFormat(baseFormat))) {
      RandomDisk disk = new RandomDisk(node, data, 6);
      disk.verify();
      disk.work(60);
      disk.verify();
      disk.store(raw);
    }
    QemuTools.img(dir, "compare", "-f", format, "-F", "raw", top.toString(), raw.toString());
  }
}
