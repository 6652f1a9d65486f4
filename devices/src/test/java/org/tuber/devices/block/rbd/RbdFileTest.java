package org.tuber.devices.block.rbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.ImageInfo;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.Preallocation;
import org.tuber.devices.block.QemuTools;
import org.tuber.devices.block.RandomDisk;
import org.tuber.devices.block.SnapshotStore;
import org.tuber.devices.block.StorageServer;

/**
 * Images of a small Ceph cluster of its own, with QEMU and Ceph's own tool as other users. Part of
 * {@code -Psoak}, for servers are much to install and to start for every build.
 */
@Tag("soak")
class RbdFileTest {
  private static final int MIB = 1 << 20;
  private static final int OBJECT = 4 * MIB;
  private static final int DISK_BYTES = 9 * MIB;

  private static StorageServer server;

  @TempDir Path dir;

  @BeforeAll
  static void start() throws IOException {
    for (String tool : new String[] {"ceph-mon", "ceph-osd", "ceph", "rbd", "qemu-img"}) {
      QemuTools.require(tool);
    }
    QemuTools.requireDriver("rbd", "qemu-block-extra");
    server = StorageServer.start(RbdFileTest.class, false, StorageServer.freePort());
  }

  @AfterAll
  static void stop() throws IOException {
    if (server != null) {
      server.close();
    }
  }

  private static String url(String image) {
    return "rbd:rbd/" + image + ":conf=" + server.dir().resolve("ceph.conf");
  }

  private static void create(String image, String format, String... options) throws IOException {
    CreateOptions o = CreateOptions.of(url(image), DISK_BYTES);
    for (String option : options) {
      o = o.with(option.split("=", 2)[0], option.split("=", 2)[1]);
    }
    ImageFormats.byName(image, format).create(o);
  }

  private static OpenOptions writable(String format) {
    return OpenOptions.readWrite().withFormat(format);
  }

  private String rbd(String... arguments) throws IOException {
    String[] all = new String[arguments.length + 3];
    all[0] = "rbd";
    all[1] = "-c";
    all[2] = server.dir().resolve("ceph.conf").toString();
    System.arraycopy(arguments, 0, all, 3, arguments.length);
    QemuTools.Result r = QemuTools.run(dir, all);
    assertThat(r.status()).as(r.output()).isZero();
    return r.output();
  }

  /** Fills an image at random, and has QEMU compare and check it. */
  private void work(String image, String format, byte[] before, int seed) throws IOException {
    Path raw = dir.resolve("expected.raw");
    try (BlockNode node = Images.open(url(image), writable(format))) {
      RandomDisk disk = new RandomDisk(node, before, seed);
      disk.verify();
      disk.work(100);
      disk.verify();
      disk.store(raw);
    }
    QemuTools.img(dir, "compare", "-f", format, "-F", "raw", url(image), raw.toString());
    QemuTools.Result check = QemuTools.run(dir, "qemu-img", "check", "-f", format, url(image));
    assertThat(check.status()).as(check.output()).isIn(0, 63); // 63: not checkable
  }

  @ParameterizedTest
  @ValueSource(strings = {"raw", "qcow2", "vhdx", "vmdk", "vdi", "vpc", "qed", "qcow"})
  void imagesGoBothWays(String format) throws IOException {
    create("ours." + format, format);
    byte[] expected = new byte[DISK_BYTES];
    work("ours." + format, format, expected, 1);
    String described =
        "json:{'driver':'rbd','pool':'rbd','image':'ours.%s','conf':'%s'}"
            .formatted(format, server.dir().resolve("ceph.conf"))
            .replace('\'', '"');
    try (BlockNode node =
        Images.open(described, OpenOptions.readOnly().withFormat(format).withLocked(false))) {
      new RandomDisk(node, expected, 0).verify();
    }
    byte[] data = new byte[DISK_BYTES];
    new java.util.Random(5).nextBytes(data);
    Arrays.fill(data, MIB, 5 * MIB, (byte) 0);
    Path raw = Files.write(dir.resolve("start.raw"), data);
    String from = raw.toString();
    QemuTools.img(dir, "convert", "-f", "raw", "-O", format, from, url("theirs." + format));
    work("theirs." + format, format, data, 2);
  }

  @Test
  void bytesZerosHolesAndSizes() throws IOException {
    create("plain", "raw");
    try (ImageFile f = Images.openFile(url("plain"), OpenOptions.readWrite())) {
      assertThat(f.size()).isEqualTo(DISK_BYTES);
      assertThat(f.allocatedBytes()).isEqualTo(-1);
      assertThat(f.unitBytes()).isEqualTo(OBJECT);
      assertThat(f.status(0, DISK_BYTES))
          .isEqualTo(new BlockStatus(0, DISK_BYTES, BlockStatus.Kind.ZERO, 0, false));
      ByteBuffer data = ByteBuffer.allocate(MIB);
      Arrays.fill(data.array(), (byte) 7);
      f.write(OBJECT + MIB, data);
      f.flush();
      assertThat(f.status(5, DISK_BYTES - 5))
          .isEqualTo(new BlockStatus(5, OBJECT - 5, BlockStatus.Kind.ZERO, 5, false));
      BlockStatus full = f.status(OBJECT + 9, OBJECT);
      assertThat(full.kind()).isEqualTo(BlockStatus.Kind.DATA);
      assertThat(full.length()).isEqualTo(OBJECT - 9);
      assertThat(f.status(2 * OBJECT, MIB).kind()).isEqualTo(BlockStatus.Kind.ZERO);
      String map = QemuTools.img(dir, "map", "--output=json", "-f", "raw", url("plain"));
      assertThat(map.replaceAll("\\s", ""))
          .contains(
              "\"start\":4194304,\"length\":4194304,\"depth\":0,\"present\":true,\"zero\":false");
      f.writeZeroes(OBJECT + MIB, MIB / 2, false);
      ByteBuffer got = ByteBuffer.allocateDirect(MIB);
      f.read(OBJECT + MIB, got);
      assertThat(got.get(MIB / 2 - 1)).isZero();
      assertThat(got.get(MIB / 2)).isEqualTo((byte) 7);
      f.discard(OBJECT, OBJECT);
      assertThat(f.status(0, DISK_BYTES).length()).isEqualTo(DISK_BYTES);
      f.setSize(DISK_BYTES + 7);
      f.write(DISK_BYTES + 5, ByteBuffer.wrap(new byte[10]));
      assertThat(f.size()).isEqualTo(DISK_BYTES + 15);
      ByteBuffer past = ByteBuffer.allocate(20);
      Arrays.fill(past.array(), (byte) 1);
      f.read(DISK_BYTES, past);
      assertThat(past.array()).containsOnly(0);
    }
    assertThat(rbd("info", "rbd/plain")).contains("size 9.0 MiB");
    try (BlockNode node = Images.open(url("plain"), writable("raw"))) {
      node.resize(2L * MIB, Preallocation.OFF);
    }
    assertThat(rbd("info", "rbd/plain")).contains("size 2 MiB");
    try (ImageFile f = Images.openFile(url("plain"), OpenOptions.readOnly())) {
      assertThatThrownBy(() -> f.write(0, ByteBuffer.allocate(1)))
          .hasMessageContaining("Read-only file system");
    }
  }

  @Test
  void snapshotsOfTheCluster() throws IOException {
    create("snapped", "raw");
    try (BlockNode node = Images.open(url("snapped"), writable("raw"))) {
      node.write(0, ByteBuffer.wrap(new byte[] {1}));
      SnapshotStore store = (SnapshotStore) node.files().getFirst();
      store.createSnapshot("one");
      node.write(0, ByteBuffer.wrap(new byte[] {2}));
      node.flush();
      assertThat(node.snapshots())
          .containsExactly(new ImageInfo.SnapshotInfo("one", "one", DISK_BYTES, 0, 0, 0, 0));
      assertThatThrownBy(() -> store.createSnapshot("one")).hasMessageContaining("File exists");
    }
    assertThat(QemuTools.img(dir, "snapshot", "-l", url("snapped"))).contains("one");
    assertThat(firstByte("snapped@one")).isEqualTo((byte) 1);
    assertThat(firstByte("snapped")).isEqualTo((byte) 2);
    assertThatThrownBy(() -> Images.open(url("snapped@one"), OpenOptions.readWrite()))
        .hasMessageContaining("read-only");
    assertThatThrownBy(() -> Images.open(url("snapped@two"), OpenOptions.readOnly()))
        .hasMessageContaining("image snapped@two: No such file");
    try (BlockNode node = Images.open(url("snapped"), writable("raw"))) {
      SnapshotStore store = (SnapshotStore) node.files().getFirst();
      store.applySnapshot("one");
      store.deleteSnapshot("one");
      assertThat(node.snapshots()).isEmpty();
    }
    assertThat(firstByte("snapped")).isEqualTo((byte) 1);
  }

  private static byte firstByte(String image) throws IOException {
    try (BlockNode node = Images.open(url(image), OpenOptions.readOnly().withFormat("raw"))) {
      ByteBuffer b = ByteBuffer.allocate(1);
      node.read(0, b);
      return b.get(0);
    }
  }

  @Test
  void aChainAndANamespace() throws IOException {
    rbd("namespace", "create", "rbd/ns");
    create("ns/base", "qcow2");
    byte[] data = new byte[DISK_BYTES];
    work("ns/base", "qcow2", data, 3);
    create("ns/top", "qcow2", "backing_file=" + url("ns/base"), "backing_fmt=qcow2");
    work("ns/top", "qcow2", data, 4);
    // QEMU does not know where a name without pool is.
    create("ns/near", "qcow2", "backing_file=top", "backing_fmt=qcow2");
    try (BlockNode node = Images.open(url("ns/near"), OpenOptions.readOnly())) {
      new RandomDisk(node, data, 0).verify();
    }
    assertThat(rbd("ls", "rbd/ns").split("\n")).containsExactlyInAnyOrder("base", "near", "top");
    assertThat(rbd("ls", "rbd").split("\n")).doesNotContain("base");
  }

  @ParameterizedTest
  @EnumSource(CacheMode.class)
  void cacheModes(CacheMode mode) throws IOException {
    create("mode-" + mode, "raw");
    try (BlockNode node = Images.open(url("mode-" + mode), writable("raw").withCache(mode))) {
      byte[] data = new byte[777];
      Arrays.fill(data, (byte) 5);
      node.write(513, ByteBuffer.wrap(data));
      node.flush();
      ByteBuffer got = ByteBuffer.allocate(777);
      node.read(513, got);
      assertThat(got.array()).isEqualTo(data);
    }
  }

  @Test
  void whatIsNotThereIsNamed() throws IOException {
    OpenOptions read = OpenOptions.readOnly();
    String conf = server.dir().resolve("ceph.conf").toString();
    assertThatThrownBy(() -> Images.openFile(url("none"), read))
        .hasMessageContaining("image none: No such file or directory");
    assertThatThrownBy(() -> Images.openFile("rbd:none/x:conf=" + conf, read))
        .hasMessageContaining("pool none: No such file or directory");
    assertThatThrownBy(() -> Images.openFile("rbd:rbd/x:conf=/none", read))
        .hasMessageContaining("conf /none: No such file or directory");
    assertThatThrownBy(() -> Images.openFile(url("x:no_such_option=1"), read))
        .hasMessageContaining("option no_such_option");
    create("twice", "raw");
    assertThatThrownBy(() -> create("twice", "raw")).hasMessageContaining("File exists");
  }
}
