package org.tuber.devices.block.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
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

/**
 * Servers are killed and started again while several threads write, flush and read: nothing is
 * lost. What shows that the kills came while requests were under way is that some were sent again.
 */
class NbdReconnectTest {
  private static final int THREADS = 4;
  private static final int PART_BYTES = 1_250_000;
  private static final int DISK_BYTES = 5 << 20;
  private static final int SIGKILL = 9;
  private static final int SIGTERM = 15;

  @TempDir Path dir;

  private Process server;

  /** A server that can be ended and started again, by its command line. */
  private record Peer(String name, String format, int signal, String... command) {}

  private Peer ours(String format, int signal) {
    return new Peer(
        "ours " + format + " " + signal,
        format,
        signal,
        Path.of(System.getProperty("java.home"), "bin/java").toString(),
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "--enable-native-access=ALL-UNNAMED",
        "-cp",
        System.getProperty("java.class.path"),
        ServedDisk.class.getName(),
        "SOCKET",
        "IMAGE",
        format);
  }

  private static Peer qemu(String format, int signal) {
    String line = "qemu-nbd -t -e 8 --cache=writeback -f " + format + " -k SOCKET IMAGE";
    return new Peer("qemu-nbd " + format + " " + signal, format, signal, line.split(" "));
  }

  private static Peer nbdkit(String options, int signal) {
    String line = "nbdkit -f " + options + " -U SOCKET file IMAGE";
    return new Peer("nbdkit " + options + signal, "raw", signal, line.split(" +"));
  }

  private Path socket() {
    return dir.resolve("s");
  }

  private Path image() {
    return dir.resolve("image");
  }

  private void start(Peer p) throws IOException {
    Files.deleteIfExists(socket());
    String[] command = p.command.clone();
    for (int i = 0; i < command.length; i++) {
      command[i] =
          command[i].replace("SOCKET", socket().toString()).replace("IMAGE", image().toString());
    }
    server =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(dir.resolve("log").toFile())
            .start();
  }

  private void end(int signal) throws InterruptedException {
    if (signal == SIGKILL) {
      server.destroyForcibly();
    } else {
      server.destroy();
    }
    assertThat(server.waitFor(20, TimeUnit.SECONDS)).as("the server ends").isTrue();
  }

  @AfterEach
  void endServer() throws InterruptedException {
    if (server != null) {
      end(SIGKILL);
    }
  }

  private void create(String format) throws IOException {
    Files.deleteIfExists(image());
    ImageFormats.byName("image", format).create(CreateOptions.of(image().toString(), DISK_BYTES));
  }

  private BlockNode connect(String parameters) throws IOException {
    String url = NbdAddress.nameOf(socket(), "") + parameters;
    for (int i = 0; ; i++) {
      try {
        return Images.open(url, OpenOptions.readWrite().withFormat("raw"));
      } catch (IOException e) {
        if (i == 400) {
          throw new IOException(Files.readString(dir.resolve("log")), e);
        }
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(25));
      }
    }
  }

  private static NbdFile client(BlockNode node) {
    return (NbdFile) node.files().getFirst();
  }

  /** Parts of a disk, each with a thread that works on it until it is told to stop. */
  private static final class Load {
    final List<RandomDisk> parts = new ArrayList<>();
    final List<Future<?>> running = new ArrayList<>();
    final AtomicBoolean stop = new AtomicBoolean();

    Load(BlockNode node, ExecutorService threads, long seed) {
      for (int t = 0; t < THREADS; t++) {
        RandomDisk part =
            new RandomDisk(node, t * (long) PART_BYTES, new byte[PART_BYTES], seed + t);
        parts.add(part);
        running.add(
            threads.submit(
                () -> {
                  while (!stop.get()) {
                    part.work(1);
                  }
                  return null;
                }));
      }
    }

    void end() throws InterruptedException, ExecutionException {
      stop.set(true);
      for (Future<?> f : running) {
        f.get();
      }
    }

    /** Compares all with what a disk holds now. */
    void verify(BlockNode node) throws IOException {
      for (int t = 0; t < THREADS; t++) {
        new RandomDisk(node, t * (long) PART_BYTES, parts.get(t).expected(), 0).verify();
      }
    }
  }

  /** Kills a server so often; returns how many requests were sent again. */
  private int kills(Peer peer, int kills, long seed) throws Exception {
    create(peer.format);
    start(peer);
    Random random = new Random(seed);
    int resent;
    Load load;
    try (ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        BlockNode node = connect("")) {
      load = new Load(node, threads, seed * 100);
      try {
        for (int i = 1; i <= kills; i++) {
          LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(random.nextInt(150_000)));
          end(peer.signal);
          LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(random.nextInt(20_000)));
          start(peer);
          awaitReconnect(client(node), i, load);
        }
      } finally {
        load.end();
      }
      load.verify(node);
      node.flush();
      assertThat(client(node).reconnects()).isEqualTo(kills);
      resent = client(node).resent();
    }
    end(SIGTERM);
    try (BlockNode there = Images.open(image().toString(), readOnly(peer.format))) {
      load.verify(there);
    }
    if (peer.format.equals("qcow2")) {
      QemuTools.img(dir, "check", "-f", "qcow2", image().toString());
    }
    return resent;
  }

  private static OpenOptions readOnly(String format) {
    return OpenOptions.readOnly().withFormat(format);
  }

  private void awaitReconnect(NbdFile client, int wanted, Load load) throws Exception {
    long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (client.reconnects() < wanted) {
      for (Future<?> f : load.running) {
        if (f.isDone()) {
          f.get();
        }
      }
      assertThat(System.nanoTime() - patience).as(() -> "no connection: " + log()).isNegative();
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
    }
  }

  private String log() {
    try {
      return Files.readString(dir.resolve("log"));
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** A killed server of a raw file leaves what it answered to the host; qcow2 has to be closed. */
  private List<Peer> peers() {
    return List.of(
        qemu("raw", SIGKILL),
        qemu("qcow2", SIGTERM),
        nbdkit("", SIGKILL),
        nbdkit("--no-sr", SIGKILL),
        ours("raw", SIGKILL),
        ours("qcow2", SIGTERM));
  }

  private void allPeers(int kills, long seed) throws Exception {
    for (String tool : List.of("nbdkit", "qemu-nbd", "qemu-img")) {
      QemuTools.require(tool);
    }
    for (Peer p : peers()) {
      assertThat(kills(p, kills, seed)).as("%s: requests sent again", p.name).isPositive();
    }
  }

  @Test
  void killedServersLoseNothing() throws Exception {
    allPeers(6, 1);
  }

  @Test
  @Tag("soak")
  void serversKilledAgainAndAgainLoseNothing() throws Exception {
    for (int i = 0; i < 10; i++) {
      allPeers(40, 1000 + i);
    }
  }

  /** A disk on which every change takes its time, so that connections break in the middle. */
  private static BlockNode slow(BlockNode disk) {
    Set<String> changes = Set.of("write", "writeZeroes", "discard");
    InvocationHandler handler =
        (proxy, method, arguments) -> {
          if (changes.contains(method.getName())) {
            int micros = ThreadLocalRandom.current().nextInt(15_000);
            LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(micros));
          }
          try {
            return method.invoke(disk, arguments);
          } catch (InvocationTargetException e) {
            throw e.getCause();
          }
        };
    return (BlockNode)
        Proxy.newProxyInstance(
            BlockNode.class.getClassLoader(), new Class<?>[] {BlockNode.class}, handler);
  }

  @Test
  void whatAnOldConnectionLeftIsNotDoneAfterNewerWrites() throws Exception {
    create("raw");
    OpenOptions raw = OpenOptions.readWrite().withFormat("raw").withCache(CacheMode.UNSAFE);
    try (BlockNode node = Images.open(image().toString(), raw);
        NbdServer s = new NbdServer().listen(socket());
        ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
      s.export("", new NbdServer.Export(slow(node), "", false));
      try (BlockNode client = connect("")) {
        Load load = new Load(client, threads, 77);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(3);
        while (System.nanoTime() - end < 0) {
          LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(30));
          s.disconnectAll();
        }
        load.end();
        load.verify(client);
        load.verify(node);
        assertThat(client(client).reconnects()).isGreaterThan(20);
        assertThat(client(client).resent()).isGreaterThan(20);
      }
    }
  }

  @Test
  void requestsFailAfterTheDelayAndWorkAgainWhenTheServerIsBack() throws Exception {
    QemuTools.require("qemu-nbd");
    create("raw");
    Peer peer = qemu("raw", SIGKILL);
    start(peer);
    try (BlockNode node = connect("&" + NbdAddress.RECONNECT_DELAY + "=1")) {
      node.write(0, ByteBuffer.wrap(new byte[] {1}));
      end(SIGKILL);
      long before = System.nanoTime();
      assertThatThrownBy(() -> node.write(0, ByteBuffer.wrap(new byte[] {2})))
          .hasMessageContaining("lost");
      assertThat(System.nanoTime() - before).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(900));
      assertThatThrownBy(() -> node.read(0, ByteBuffer.allocate(1))).hasMessageContaining("lost");
      start(peer);
      long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
      while (client(node).reconnects() == 0 && System.nanoTime() - patience < 0) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
      }
      node.write(0, ByteBuffer.wrap(new byte[] {3}));
      ByteBuffer got = ByteBuffer.allocate(1);
      node.read(0, got);
      assertThat(got.get(0)).isEqualTo((byte) 3);
    }
  }

  private void awaitFirstWrite() throws IOException {
    byte[] nothing = new byte[DISK_BYTES];
    long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (Arrays.equals(Files.readAllBytes(image()), nothing)) {
      assertThat(System.nanoTime() - patience).as("nothing is written").isNegative();
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
    }
  }

  /** QEMU's client makes connections again, too: what it writes meanwhile comes to our server. */
  @Test
  void qemusClientLosesNothingWhenOurServerIsKilled() throws Exception {
    QemuTools.require("qemu-io");
    create("raw");
    Peer peer = ours("raw", SIGKILL);
    start(peer);
    connect("").close();
    byte[] expected = new byte[DISK_BYTES];
    Process io =
        new ProcessBuilder(
                "qemu-io",
                "--image-opts",
                "driver=nbd,reconnect-delay=60,server.type=unix,server.path=" + socket())
            .redirectErrorStream(true)
            .redirectOutput(dir.resolve("io.log").toFile())
            .start();
    Random random = new Random(5);
    int kills = 0;
    try (OutputStream commands = io.getOutputStream()) {
      for (int i = 0; kills < 8; i++) {
        int at = random.nextInt(DISK_BYTES / 512 - 128) * 512;
        int n = 512 * (1 + random.nextInt(128));
        int pattern = 1 + random.nextInt(255);
        Arrays.fill(expected, at, at + n, (byte) pattern);
        String flush = i % 16 == 0 ? "flush\n" : "";
        commands.write(
            ("write -P " + pattern + " " + at + " " + n + "\n" + flush)
                .getBytes(StandardCharsets.US_ASCII));
        commands.flush();
        if (i % 150 == 149) {
          // The first connection must be there; what is in the pipe is still to be done.
          awaitFirstWrite();
          end(SIGKILL);
          start(peer);
          kills++;
        }
      }
      commands.write("flush\nquit\n".getBytes(StandardCharsets.US_ASCII));
    } catch (IOException e) {
      throw new IOException(Files.readString(dir.resolve("io.log")), e);
    }
    assertThat(io.waitFor(120, TimeUnit.SECONDS)).isTrue();
    String said = Files.readString(dir.resolve("io.log"));
    assertThat(said).contains("wrote ").doesNotContain("failed").doesNotContain("rror");
    end(SIGTERM);
    assertThat(Arrays.mismatch(Files.readAllBytes(image()), expected)).isEqualTo(-1);
  }
}
