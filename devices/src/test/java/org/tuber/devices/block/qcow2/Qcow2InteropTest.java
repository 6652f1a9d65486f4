package org.tuber.devices.block.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.devices.block.AmendOptions;
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

/** Images written by one program and read, checked and written by the other. */
class Qcow2InteropTest {
  private static final int DISK_BYTES = 6 << 20;
  private static final int STEPS = 250;

  /** Without syncs: these tests are about layout; crashes have tests of their own. */
  private static final OpenOptions FAST =
      OpenOptions.readWrite().withFormat("qcow2").withCache(CacheMode.UNSAFE);

  @TempDir Path dir;

  private String path(String name) {
    return dir.resolve(name).toString();
  }

  private static CreateOptions options(CreateOptions o, String text) {
    CreateOptions result = o;
    for (String part : text.split(",")) {
      int eq = part.indexOf('=');
      if (eq > 0) {
        result = result.with(part.substring(0, eq), part.substring(eq + 1));
      }
    }
    return result;
  }

  private static void assertClean(BlockNode node) throws IOException {
    CheckReport r = node.check(CheckReport.Repair.NONE);
    assertThat(r.messages()).isEmpty();
    assertThat(r.isClean()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "compat=0.10",
        "cluster_size=512",
        "cluster_size=4096,refcount_bits=1",
        "cluster_size=2M,refcount_bits=64",
        "refcount_bits=2,cluster_size=1024",
        "refcount_bits=4",
        "refcount_bits=8",
        "refcount_bits=32,cluster_size=512",
        "refcount_bits=64,cluster_size=512",
        "extended_l2=on",
        "extended_l2=on,cluster_size=16384",
        "extended_l2=on,cluster_size=2M",
        "lazy_refcounts=on",
        "compression_type=zstd",
        "preallocation=metadata",
        "preallocation=falloc,cluster_size=8192",
        "preallocation=full,extended_l2=on",
        "data_file=data.bin",
        "data_file=data.bin,data_file_raw=on",
        "data_file=data.bin,extended_l2=on",
      })
  void randomWorkReadsBackAndQemuFindsNoError(String variant) throws IOException {
    QemuTools.require("qemu-img");
    String image = path("a.qcow2");
    ImageFormats.byName(image, "qcow2")
        .create(options(CreateOptions.of(image, DISK_BYTES), variant));
    QemuTools.img(dir, "check", image);
    RandomDisk disk;
    try (BlockNode node = Images.open(image, FAST)) {
      disk = new RandomDisk(node, new byte[DISK_BYTES], variant.hashCode());
      disk.work(STEPS);
      disk.verify();
      node.flush();
      assertClean(node);
      disk.work(20);
    }
    QemuTools.img(dir, "check", image);
    Path raw = disk.store(dir.resolve("expected.raw"));
    QemuTools.img(dir, "compare", "-f", "qcow2", "-F", "raw", image, raw.toString());
    if (variant.contains("data_file_raw")) {
      QemuTools.img(dir, "compare", "-f", "raw", "-F", "raw", path("data.bin"), raw.toString());
    }
    // The other program goes on with it, and then we again.
    QemuTools.io(
        dir,
        "qcow2",
        Path.of(image),
        "write -P 17 100k 300k",
        "write -z 1M 77k",
        "discard 2M 256k",
        "write -P 99 3000001 4097");
    try (BlockNode node = Images.open(image, FAST)) {
      assertClean(node);
      byte[] now = new byte[DISK_BYTES];
      node.read(0, ByteBuffer.wrap(now));
      assertThat(now[100 << 10]).isEqualTo((byte) 17);
      assertThat(now[3000001 + 4096]).isEqualTo((byte) 99);
      RandomDisk again = new RandomDisk(node, now, 5);
      again.work(60);
      again.verify();
      again.store(raw);
    }
    QemuTools.img(dir, "check", image);
    QemuTools.img(dir, "compare", "-f", "qcow2", "-F", "raw", image, raw.toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "compat=0.10", "extended_l2=on,cluster_size=16k", "cluster_size=512"})
  void overlayOverQemuBaseKeepsTheBase(String variant) throws IOException {
    QemuTools.require("qemu-img");
    String base = path("base.qcow2");
    QemuTools.img(dir, "create", "-f", "qcow2", base, "5M");
    QemuTools.io(dir, "qcow2", Path.of(base), "write -P 1 0 2M", "write -P 2 4M 1000k");
    String top = path("top.qcow2");
    CreateOptions o =
        options(CreateOptions.of(top, DISK_BYTES), variant)
            .with("backing_file", "base.qcow2")
            .with("backing_fmt", "qcow2");
    ImageFormats.byName(top, "qcow2").create(o);
    byte[] expected = new byte[DISK_BYTES];
    try (BlockNode b = Images.open(base, OpenOptions.readOnly())) {
      b.read(0, ByteBuffer.wrap(expected, 0, 5 << 20));
    }
    RandomDisk disk;
    try (BlockNode node = Images.open(top, FAST)) {
      disk = new RandomDisk(node, expected, 3);
      disk.verify();
      disk.work(STEPS);
      disk.verify();
      assertClean(node);
    }
    QemuTools.img(dir, "check", top);
    Path raw = disk.store(dir.resolve("expected.raw"));
    QemuTools.img(dir, "compare", "-F", "raw", top, raw.toString());
    QemuTools.io(dir, "qcow2", Path.of(base), "read -P 1 0 2M", "read -P 2 4M 1000k");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "compat=0.10,cluster_size=4096", "extended_l2=on", "refcount_bits=8"})
  void snapshotsKeepEachState(String variant) throws IOException {
    QemuTools.require("qemu-img");
    String image = path("s.qcow2");
    ImageFormats.byName(image, "qcow2")
        .create(options(CreateOptions.of(image, DISK_BYTES), variant));
    byte[] first;
    byte[] second;
    try (BlockNode node = Images.open(image, FAST)) {
      Qcow2Image q = (Qcow2Image) node;
      RandomDisk disk = new RandomDisk(node, new byte[DISK_BYTES], 11);
      disk.work(80);
      q.snapshotTable().create("one", 1_700_000_000L, 5);
      assertClean(node);
      first = disk.expected().clone();
      disk.work(80);
      q.snapshotTable().create("two", 1_700_000_001L, 6);
      second = disk.expected().clone();
      disk.work(80);
      disk.verify();
      assertClean(node);
    }
    QemuTools.img(dir, "check", image);
    assertThat(QemuTools.img(dir, "snapshot", "-l", image)).contains("one").contains("two");
    Path raw = dir.resolve("e.raw");
    java.nio.file.Files.write(raw, first);
    QemuTools.img(dir, "convert", "-l", "one", "-O", "raw", image, path("one.raw"));
    QemuTools.img(dir, "compare", "-f", "raw", "-F", "raw", path("one.raw"), raw.toString());
    QemuTools.img(dir, "snapshot", "-c", "three", image);
    try (BlockNode node = Images.open(image, FAST)) {
      Qcow2Image q = (Qcow2Image) node;
      q.snapshotTable().apply("two");
      new RandomDisk(node, second, 1).verify();
      assertClean(node);
      q.snapshotTable().apply("1");
      RandomDisk disk = new RandomDisk(node, first, 12);
      disk.verify();
      q.snapshotTable().delete("two");
      assertClean(node);
      disk.work(50);
      disk.verify();
      q.snapshotTable().delete("three");
      q.snapshotTable().delete("one");
      assertThat(node.snapshots()).isEmpty();
      assertClean(node);
      disk.store(raw);
    }
    QemuTools.img(dir, "check", image);
    QemuTools.img(dir, "compare", "-F", "raw", image, raw.toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"zlib", "zstd"})
  void compressedClustersGoBothWays(String type) throws IOException {
    QemuTools.require("qemu-img");
    byte[] data = new byte[DISK_BYTES];
    Random r = new Random(4);
    for (int i = 0; i < data.length; i++) {
      data[i] = (byte) (i % 7 == 0 ? r.nextInt(4) : i >> 12);
    }
    Path raw = dir.resolve("c.raw");
    java.nio.file.Files.write(raw, data);
    String theirs = path("theirs.qcow2");
    QemuTools.img(
        dir,
        "convert",
        "-c",
        "-O",
        "qcow2",
        "-o",
        "compression_type=" + type,
        raw.toString(),
        theirs);
    String ours = path("ours.qcow2");
    ImageFormats.byName(ours, "qcow2")
        .create(CreateOptions.of(ours, DISK_BYTES).with("compression_type", type));
    try (BlockNode in = Images.open(theirs, OpenOptions.readOnly());
        BlockNode out = Images.open(ours, FAST)) {
      new RandomDisk(in, data, 0).verify();
      int cluster = out.clusterBytes();
      for (int at = 0; at < data.length; at += cluster) {
        byte[] plain = java.util.Arrays.copyOfRange(data, at, at + cluster);
        out.writeCompressed(at, out.compressCluster(plain));
      }
      RandomDisk disk = new RandomDisk(out, data, 9);
      disk.verify();
      assertClean(out);
    }
    QemuTools.img(dir, "check", ours);
    QemuTools.img(dir, "compare", "-F", "raw", ours, raw.toString());
    // Overwriting compressed clusters gives their space back.
    try (BlockNode out = Images.open(ours, FAST)) {
      RandomDisk disk = new RandomDisk(out, data, 10);
      disk.work(150);
      disk.verify();
      assertClean(out);
      disk.store(raw);
    }
    QemuTools.img(dir, "check", ours);
    QemuTools.img(dir, "compare", "-F", "raw", ours, raw.toString());
  }

  @Test
  void resizeKeepsWhatIsLeftAndZeroesWhatIsNew() throws IOException {
    QemuTools.require("qemu-img");
    String image = path("r.qcow2");
    ImageFormats.byName(image, "qcow2")
        .create(CreateOptions.of(image, DISK_BYTES).with("cluster_size", "512"));
    byte[] expected = new byte[DISK_BYTES];
    try (BlockNode node = Images.open(image, FAST)) {
      new RandomDisk(node, expected, 7).work(100);
      int less = 2_000_384;
      node.resize(less, Preallocation.OFF);
      assertClean(node);
      node.resize(3L * DISK_BYTES, Preallocation.METADATA);
      assertClean(node);
      byte[] bigger =
          java.util.Arrays.copyOf(java.util.Arrays.copyOf(expected, less), 3 * DISK_BYTES);
      RandomDisk disk = new RandomDisk(node, bigger, 8);
      disk.verify();
      disk.work(50);
      disk.store(dir.resolve("r.raw"));
    }
    QemuTools.img(dir, "check", image);
    QemuTools.img(dir, "compare", "-F", "raw", image, path("r.raw"));
  }

  @Test
  void amendChangesVersionAndWidthAndBack() throws IOException {
    QemuTools.require("qemu-img");
    String image = path("am.qcow2");
    ImageFormats.byName(image, "qcow2").create(CreateOptions.of(image, DISK_BYTES));
    try (BlockNode node = Images.open(image, FAST)) {
      Qcow2Image q = (Qcow2Image) node;
      RandomDisk disk = new RandomDisk(node, new byte[DISK_BYTES], 21);
      disk.work(100);
      q.amend(
          AmendOptions.of(java.util.Map.of("refcount_bits", "64", "lazy_refcounts", "on")),
          (d, t) -> {});
      disk.work(50);
      disk.verify();
      q.amend(AmendOptions.of(java.util.Map.of("refcount_bits", "16")), (d, t) -> {});
      q.amend(AmendOptions.of(java.util.Map.of("compat", "0.10")), (d, t) -> {});
      disk.work(50);
      disk.verify();
      assertClean(node);
      q.amend(
          AmendOptions.of(java.util.Map.of("compat", "1.1", "refcount_bits", "1")), (d, t) -> {});
      disk.work(50);
      disk.verify();
      disk.store(dir.resolve("am.raw"));
    }
    QemuTools.img(dir, "check", image);
    assertThat(QemuTools.img(dir, "info", image)).contains("refcount bits: 1\n");
    QemuTools.img(dir, "compare", "-F", "raw", image, path("am.raw"));
  }
}
