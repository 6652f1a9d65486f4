package org.tuber.devices.block.gluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.CheckReport;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.QemuTools;
import org.tuber.devices.block.RandomDisk;
import org.tuber.devices.block.StorageServer;

/**
 * Images on a GlusterFS volume, with QEMU as the other user of it. QEMU takes ten seconds to leave
 * a volume, so that it is asked little and beside other work; what it would read is also in the
 * brick. Part of {@code -Psoak}, for servers are much to install and to start for every build.
 */
@Tag("soak")
class GlusterFileTest {
  private static final int DISK_BYTES = 9 << 20;
  private static final int MIB = 1 << 20;

  private static StorageServer server;
  private static String port;

  @TempDir Path dir;

  @BeforeAll
  static void start() throws IOException {
    QemuTools.require("glusterd");
    QemuTools.require("qemu-img");
    QemuTools.requireDriver("gluster", "qemu-block-extra");
    port = StorageServer.freePort();
    server =
        StorageServer.start(
            GlusterFileTest.class, true, port, StorageServer.freePort(), ownAddress());
  }

  @AfterAll
  static void stop() throws IOException {
    if (server != null) {
      server.close();
    }
  }

  /** The volume has to be said to lie at an address that is not loopback. */
  private static String ownAddress() throws IOException {
    for (NetworkInterface i : NetworkInterface.networkInterfaces().toList()) {
      for (InetAddress a : i.inetAddresses().toList()) {
        if (a instanceof Inet4Address && !a.isLoopbackAddress() && !a.isLinkLocalAddress()) {
          return a.getHostAddress();
        }
      }
    }
    return InetAddress.getLocalHost().getHostAddress();
  }

  private static String url(String file) {
    return "gluster://127.0.0.1:" + port + "/vol/" + file;
  }

  private static Path inBrick(String file) {
    return server.dir().resolve("brick").resolve(file);
  }

  private static void create(String file, String format, String... options) throws IOException {
    CreateOptions o = CreateOptions.of(url(file), DISK_BYTES);
    for (String option : options) {
      o = o.with(option.split("=", 2)[0], option.split("=", 2)[1]);
    }
    ImageFormats.byName(file, format).create(o);
  }

  private static BlockNode open(String file, String format) throws IOException {
    return Images.open(url(file), OpenOptions.readWrite().withFormat(format));
  }

  /** Fills an image at random; returns a raw file with what it must contain. */
  private Path work(String file, String format, byte[] before, int seed) throws IOException {
    try (BlockNode node = open(file, format)) {
      RandomDisk disk = new RandomDisk(node, before, seed);
      disk.work(150);
      disk.verify();
      node.flush();
      CheckReport report = node.check(CheckReport.Repair.NONE);
      assertThat(report == null || report.isClean()).as(format).isTrue();
      return disk.store(dir.resolve(file + ".expected"));
    }
  }

  /** A process that runs beside the test. */
  private Future<QemuTools.Result> beside(String... command) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return QemuTools.run(dir, command);
          } catch (IOException e) {
            throw new IllegalStateException(e);
          }
        });
  }

  @Test
  void imagesGoBothWays() throws Exception {
    create("ours.qcow2", "qcow2");
    String ours = work("ours.qcow2", "qcow2", new byte[DISK_BYTES], 1).toString();
    create("theirs.qcow2", "qcow2");
    Future<QemuTools.Result> written =
        beside("qemu-io", "-c", "write -P 7 1M 3M", "-c", "flush", url("theirs.qcow2"));
    Future<QemuTools.Result> read =
        beside("qemu-img", "compare", "-f", "qcow2", "-F", "raw", url("ours.qcow2"), ours);
    for (String format : new String[] {"raw", "vhdx", "vmdk", "vdi", "vpc", "qed"}) {
      create("ours." + format, format);
      requireSame(
          "ours." + format, format, work("ours." + format, format, new byte[DISK_BYTES], 1));
    }
    QemuTools.img(dir, "check", "-f", "qcow2", inBrick("ours.qcow2").toString());
    assertThat(read.get().status()).as(read.get().output()).isZero();
    assertThat(written.get().status()).as(written.get().output()).isZero();
    byte[] data = new byte[DISK_BYTES];
    java.util.Arrays.fill(data, MIB, 4 * MIB, (byte) 7);
    try (BlockNode node = open("theirs.qcow2", "qcow2")) {
      new RandomDisk(node, data, 0).verify();
    }
    requireSame("theirs.qcow2", "qcow2", work("theirs.qcow2", "qcow2", data, 2));
    QemuTools.img(dir, "check", "-f", "qcow2", inBrick("theirs.qcow2").toString());
  }

  private void requireSame(String file, String format, Path expected) throws IOException {
    String there = inBrick(file).toString();
    QemuTools.img(dir, "compare", "-f", format, "-F", "raw", there, expected.toString());
  }

  @Test
  void bytesZerosHolesAndSizes() throws IOException {
    create("plain", "raw");
    try (ImageFile f = Images.openFile(url("plain"), OpenOptions.readWrite())) {
      assertThat(f.size()).isEqualTo(DISK_BYTES);
      assertThat(f.status(0, DISK_BYTES).kind()).isEqualTo(BlockStatus.Kind.ZERO);
      ByteBuffer data = ByteBuffer.allocate(2 * MIB);
      java.util.Arrays.fill(data.array(), (byte) 7);
      f.write(MIB, data);
      f.flush();
      assertThat(Files.size(inBrick("plain"))).isEqualTo(DISK_BYTES);
      assertThat(f.allocatedBytes()).isBetween(2L * MIB, 3L * MIB);
      BlockStatus hole = f.status(0, DISK_BYTES);
      assertThat(hole.kind()).isEqualTo(BlockStatus.Kind.ZERO);
      assertThat(hole.length()).isEqualTo(MIB);
      BlockStatus full = f.status(MIB, DISK_BYTES);
      assertThat(full.kind()).isEqualTo(BlockStatus.Kind.DATA);
      assertThat(full.length()).isEqualTo(2 * MIB);
      f.discard(MIB, MIB);
      f.writeZeroes(2 * MIB, MIB / 2, false);
      f.flush();
      assertThat(f.allocatedBytes()).isBetween((long) MIB / 2, 2L * MIB);
      byte[] now = Files.readAllBytes(inBrick("plain"));
      assertThat(now[2 * MIB - 1]).isZero();
      assertThat(now[2 * MIB + MIB / 2 - 1]).isZero();
      assertThat(now[2 * MIB + MIB / 2]).isEqualTo((byte) 7);
      f.writeZeroes(DISK_BYTES - 5, 10, true);
      assertThat(f.size()).isEqualTo(DISK_BYTES + 5);
      ByteBuffer past = ByteBuffer.allocate(20);
      java.util.Arrays.fill(past.array(), (byte) 1);
      f.read(DISK_BYTES - 5, past);
      assertThat(past.array()).containsOnly(0);
      f.setSize(MIB + 3);
      assertThat(Files.size(inBrick("plain"))).isEqualTo(MIB + 3);
      f.allocate(0, 2 * MIB);
      assertThat(f.allocatedBytes()).isGreaterThanOrEqualTo(2L * MIB);
    }
    assertThatThrownBy(
            () -> {
              try (ImageFile f = Images.openFile(url("plain"), OpenOptions.readOnly())) {
                f.write(0, ByteBuffer.allocate(1));
              }
            })
        .hasMessageContaining("write: ");
  }

  @Test
  void aChainAndASocket() throws IOException {
    create("base.qcow2", "qcow2");
    byte[] data = new byte[DISK_BYTES];
    work("base.qcow2", "qcow2", data, 3);
    create("top.qcow2", "qcow2", "backing_file=base.qcow2", "backing_fmt=qcow2");
    List<GlusterAddress.Server> place =
        List.of(GlusterAddress.Server.unix(server.dir().resolve("s").toString()));
    String socket = GlusterAddress.nameOf(place, "vol", "top.qcow2", null, null);
    // The first does not answer.
    String described =
        "json:{'driver':'qcow2','file':{'driver':'gluster','volume':'vol','path':'top.qcow2',"
            + "'server':[{'type':'inet','host':'127.0.0.1','port':'1'},"
            + ("{'type':'inet','host':'127.0.0.1','port':'" + port + "'}]}}");
    try (BlockNode node =
        Images.open(described.replace('\'', '"'), OpenOptions.readOnly().withFormat("qcow2"))) {
      new RandomDisk(node, data, 0).verify();
    }
    try (BlockNode node = Images.open(socket, OpenOptions.readWrite())) {
      assertThat(Images.info(node).fullBackingName()).startsWith("gluster+unix:///vol/base.qcow2?");
      RandomDisk disk = new RandomDisk(node, data, 4);
      disk.verify();
      disk.work(50);
      disk.verify();
    }
    requireSame("top.qcow2", "qcow2", Files.write(dir.resolve("e"), data));
  }

  @Test
  void whatIsNotThereIsNamed() {
    assertThatThrownBy(() -> Images.openFile(url("none"), OpenOptions.readOnly()))
        .hasMessageContaining("No such file or directory");
    String volume = url("x").replace("/vol/", "/none/");
    assertThatThrownBy(() -> Images.openFile(volume, OpenOptions.readOnly()))
        .hasMessageContaining("volume 'none' at 127.0.0.1:" + port);
  }

  @Test
  void cacheModesReachTheDisk() throws IOException {
    create("modes", "raw");
    byte value = 0;
    for (CacheMode mode : CacheMode.values()) {
      value++;
      try (BlockNode node =
          Images.open(url("modes"), OpenOptions.readWrite().withFormat("raw").withCache(mode))) {
        byte[] data = new byte[777];
        java.util.Arrays.fill(data, value);
        node.write(513, ByteBuffer.wrap(data));
        node.flush();
        ByteBuffer got = ByteBuffer.allocate(777);
        node.read(513, got);
        assertThat(got.array()).isEqualTo(data);
        if (mode != CacheMode.UNSAFE) {
          assertThat(Files.readAllBytes(inBrick("modes"))[600]).isEqualTo(data[0]);
        }
      }
    }
  }
}
