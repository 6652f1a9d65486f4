package org.tuber.devices.block.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.QemuTools;
import org.tuber.devices.block.RandomDisk;

/** Server and client, against each other and against QEMU's. */
class NbdTest {
  private static final int DISK_BYTES = 5 << 20;

  @TempDir Path dir;

  private BlockNode disk() throws IOException {
    String image = dir.resolve("d.qcow2").toString();
    ImageFormats.byName(image, "qcow2").create(CreateOptions.of(image, DISK_BYTES));
    return Images.open(image, OpenOptions.readWrite().withCache(CacheMode.UNSAFE));
  }

  private String url(Path socket, String export) {
    return "nbd+unix:///" + export + "?socket=" + socket;
  }

  private static OpenOptions raw() {
    return OpenOptions.readWrite().withFormat("raw");
  }

  @Test
  void clientAndServerAgree() throws IOException {
    Path socket = dir.resolve("s");
    try (BlockNode node = disk();
        NbdServer server = new NbdServer().listen(socket)) {
      server.export("x", new NbdServer.Export(node, "a disk", false));
      try (BlockNode client = Images.open(url(socket, "x"), raw())) {
        assertThat(client.lengthBytes()).isEqualTo(DISK_BYTES);
        RandomDisk disk = new RandomDisk(client, new byte[DISK_BYTES], 1);
        disk.work(200);
        disk.verify();
        new RandomDisk(node, disk.expected(), 0).verify();
      }
      assertThatThrownBy(() -> Images.open(url(socket, "y"), raw()))
          .hasMessageContaining("not present");
    }
  }

  @Test
  void readOnlyExportRefusesWrites() throws IOException {
    try (BlockNode node = disk();
        NbdServer server =
            new NbdServer().listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))) {
      server.export("", new NbdServer.Export(node, "", true));
      String url = "nbd:127.0.0.1:" + server.port();
      assertThatThrownBy(() -> Images.open(url, raw())).hasMessageContaining("read-only");
      try (BlockNode client = Images.open(url, raw().withWritable(false))) {
        client.read(0, ByteBuffer.allocate(1000));
      }
    }
  }

  @Test
  void qemuIsAClient() throws IOException {
    QemuTools.require("qemu-img");
    Path socket = dir.resolve("s");
    try (BlockNode node = disk();
        NbdServer server = new NbdServer().listen(socket)) {
      server.export("x", new NbdServer.Export(node, "a disk", false));
      RandomDisk disk = new RandomDisk(node, new byte[DISK_BYTES], 2);
      disk.work(100);
      String url = url(socket, "x");
      Path raw = disk.store(dir.resolve("e.raw"));
      QemuTools.img(dir, "compare", "-f", "raw", "-F", "raw", url, raw.toString());
      assertThat(QemuTools.img(dir, "map", "--output=json", url)).contains("\"zero\": true");
      QemuTools.io(
          dir,
          "raw",
          Path.of("nbd:unix:" + socket + ":exportname=x"),
          "write -P 5 100k 1M",
          "write -z 2M 1M",
          "discard 3M 64k",
          "read -P 5 200k 10k",
          "flush");
      byte[] now = new byte[1];
      node.read(150 << 10, ByteBuffer.wrap(now));
      assertThat(now[0]).isEqualTo((byte) 5);
      assertThat(QemuTools.run(dir, "qemu-nbd", "--list", "-k", socket.toString()).output())
          .contains("a disk")
          .contains("base:allocation");
    }
  }

  @Test
  void qemuNbdIsAServer() throws Exception {
    QemuTools.require("qemu-nbd");
    Path raw = Files.write(dir.resolve("r.raw"), new byte[DISK_BYTES]);
    Path socket = dir.resolve("q");
    Process p =
        new ProcessBuilder(
                "qemu-nbd", "-t", "-f", "raw", "-k", socket.toString(), "-x", "x", raw.toString())
            .redirectErrorStream(true)
            .start();
    try {
      for (int i = 0; i < 200 && !Files.exists(socket); i++) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
      }
      RandomDisk disk;
      try (BlockNode client = Images.open(url(socket, "x"), raw())) {
        disk = new RandomDisk(client, new byte[DISK_BYTES], 3);
        disk.work(150);
        disk.verify();
        client.flush();
      }
      assertThat(Arrays.mismatch(Files.readAllBytes(raw), disk.expected())).isEqualTo(-1);
    } finally {
      p.destroy();
      p.waitFor(10, TimeUnit.SECONDS);
    }
  }

  @Test
  void brokenConnectionsLoseNothing() throws Exception {
    Path socket = dir.resolve("s");
    AtomicBoolean stop = new AtomicBoolean();
    try (BlockNode node = disk();
        NbdServer server = new NbdServer().listen(socket)) {
      server.export("", new NbdServer.Export(node, "", false));
      // The first connection has to succeed; only later ones are made again.
      try (BlockNode client = Images.open(url(socket, ""), raw())) {
        Thread saboteur =
            Thread.ofPlatform()
                .start(
                    () -> {
                      while (!stop.get()) {
                        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(30));
                        server.disconnectAll();
                      }
                    });
        RandomDisk disk = new RandomDisk(client, new byte[DISK_BYTES], 4);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(2);
        while (System.nanoTime() - end < 0) {
          disk.work(20);
        }
        stop.set(true);
        saboteur.join();
        disk.verify();
      } finally {
        stop.set(true);
      }
    }
  }
}
