package org.tuber.devices.block.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeAll;
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
import org.tuber.devices.block.nbd.tls.TlsCredentials;

/** Other people's servers and clients, in the clear and encrypted. */
class NbdPeersTest {
  private static final int DISK_BYTES = 3 << 20;

  @TempDir static Path shared;
  private static Path certificates;
  private static Path keys;

  @TempDir Path dir;

  @BeforeAll
  static void makeCredentials() throws IOException {
    for (String tool : List.of("nbdkit", "nbdinfo", "nbdcopy", "qemu-nbd", "certtool")) {
      QemuTools.require(tool);
    }
    certificates = Files.createDirectory(shared.resolve("x509"));
    keys = Files.createDirectory(shared.resolve("psk"));
    Path psk = keys.resolve("keys.psk");
    Files.writeString(psk, "alice:0123456789abcdef0123456789abcdef\nbob:00112233445566778899\n");
    certificate("ca", "cn=test\nca\ncert_signing_key\nexpiration_days=99\n", false);
    String both = "encryption_key\nsigning_key\nexpiration_days=99\n";
    String names = "cn=localhost\ndns_name=localhost\nip_address=127.0.0.1\ntls_www_server\n";
    certificate("server", names + both, false);
    certificate("client", "cn=me\ntls_www_client\n" + both, true);
  }

  private static void certificate(String who, String template, boolean ecc) throws IOException {
    Path t = Files.writeString(certificates.resolve(who + ".txt"), template);
    String key = who + "-key.pem";
    List<String> make = new ArrayList<>(List.of("certtool", "--generate-privkey"));
    make.addAll(List.of("--outfile", key));
    if (ecc) {
      make.add("--ecc");
    }
    must(make);
    List<String> sign = new ArrayList<>(List.of("certtool", "--load-privkey", key));
    sign.addAll(List.of("--template", t.toString(), "--outfile", who + "-cert.pem"));
    if (who.equals("ca")) {
      sign.add("--generate-self-signed");
    } else {
      sign.addAll(List.of("--generate-certificate", "--load-ca-certificate", "ca-cert.pem"));
      sign.addAll(List.of("--load-ca-privkey", "ca-key.pem"));
    }
    must(sign);
  }

  private static String must(List<String> command) throws IOException {
    QemuTools.Result r = QemuTools.run(certificates, command.toArray(String[]::new));
    assertThat(r.status()).as(String.join(" ", command) + "\n" + r.output()).isZero();
    return r.output();
  }

  private static TlsCredentials credentials(String kind, String endpoint, String user)
      throws IOException {
    Path d = kind.endsWith("psk") ? keys : certificates;
    return TlsCredentials.fromOptions(
        Map.of(kind, "on", "id", "t", "endpoint", endpoint, "dir", d.toString(), "username", user));
  }

  private BlockNode disk() throws IOException {
    String image = dir.resolve("d.qcow2").toString();
    ImageFormats.byName(image, "qcow2").create(CreateOptions.of(image, DISK_BYTES));
    return Images.open(image, OpenOptions.readWrite().withCache(CacheMode.UNSAFE));
  }

  private static OpenOptions raw() {
    return OpenOptions.readWrite().withFormat("raw");
  }

  /** Random work through {@code client}, then the same content behind the server. */
  private static void exercise(String url, TlsCredentials tls, BlockNode behind, long seed)
      throws IOException {
    byte[] expected;
    try (BlockNode client = Images.open(url, raw().withTls(tls))) {
      RandomDisk disk = new RandomDisk(client, new byte[DISK_BYTES], seed);
      disk.work(120);
      disk.verify();
      client.flush();
      expected = disk.expected();
    }
    if (behind != null) {
      new RandomDisk(behind, expected, 0).verify();
    }
  }

  private static NbdServer serve(BlockNode node, TlsCredentials tls) throws IOException {
    NbdServer server = new NbdServer(tls);
    server.export("x", new NbdServer.Export(node, "a disk", false));
    return server.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
  }

  @Test
  void bothEndsAreOursAndEncrypted() throws IOException {
    for (String kind : List.of("tls-creds-x509", "tls-creds-psk")) {
      try (BlockNode node = disk();
          NbdServer server = serve(node, credentials(kind, "server", "-"))) {
        String url = NbdAddress.nameOf("localhost", server.port(), "x");
        exercise(url, credentials(kind, "client", "alice"), node, 1);
        assertThat(NbdFile.exports(url, credentials(kind, "client", "bob")))
            .singleElement()
            .satisfies(e -> assertThat(e.description()).isEqualTo("a disk"))
            .satisfies(e -> assertThat(e.sizeBytes()).isEqualTo(DISK_BYTES))
            .satisfies(e -> assertThat(e.contexts()).containsExactly("base:allocation"));
        assertThatThrownBy(() -> Images.open(url, raw())).hasMessageContaining("TLS");
      }
    }
  }

  @Test
  void wrongNameWrongKeyAndNoCertificateAreRefused() throws IOException {
    try (BlockNode node = disk();
        NbdServer x509 = serve(node, credentials("tls-creds-x509", "server", "-"));
        NbdServer psk = serve(node, credentials("tls-creds-psk", "server", "-"))) {
      String url = NbdAddress.nameOf("localhost", x509.port(), "x");
      TlsCredentials client = credentials("tls-creds-x509", "client", "-");
      assertThatThrownBy(() -> NbdFile.open(url + "?tls-hostname=example.org", false, client))
          .hasMessageContaining("TLS");
      Path bare = Files.createDirectory(dir.resolve("bare"));
      Files.copy(certificates.resolve("ca-cert.pem"), bare.resolve("ca-cert.pem"));
      String anonymous = url.replace("nbd:", "nbds:") + "?tls-certificates=" + bare;
      assertThatThrownBy(() -> NbdFile.open(anonymous, false)).isInstanceOf(IOException.class);
      Path wrong = dir.resolve("wrong.psk");
      Files.writeString(wrong, "alice:ffffffffffffffffffffffffffffffff\n");
      String stranger =
          "nbds://alice@localhost:" + psk.port() + "/x?tls-psk-file=" + wrong.toAbsolutePath();
      assertThatThrownBy(() -> NbdFile.open(stranger, false)).hasMessageContaining("TLS");
    }
  }

  @Test
  void libnbdIsAClient() throws IOException {
    try (BlockNode node = disk();
        NbdServer plain = serve(node, null);
        NbdServer x509 = serve(node, credentials("tls-creds-x509", "server", "-"));
        NbdServer psk = serve(node, credentials("tls-creds-psk", "server", "-"))) {
      RandomDisk disk = new RandomDisk(node, new byte[DISK_BYTES], 5);
      disk.work(60);
      Path want = disk.store(dir.resolve("want"));
      List<String> urls =
          List.of(
              "nbd://localhost:" + plain.port() + "/x",
              "nbds://localhost:" + x509.port() + "/x?tls-certificates=" + certificates,
              "nbds://alice@localhost:" + psk.port() + "/x?tls-psk-file=" + keys + "/keys.psk");
      for (String url : urls) {
        assertThat(must(List.of("nbdinfo", url))).contains("export-size: " + DISK_BYTES);
        assertThat(must(List.of("nbdinfo", "--map", url))).contains("data");
        Path got = dir.resolve("got");
        Files.deleteIfExists(got);
        must(List.of("nbdcopy", url, got.toString()));
        assertThat(Files.mismatch(want, got)).as(url).isEqualTo(-1);
        // And back again, over what is there.
        byte[] other = new byte[DISK_BYTES];
        Arrays.fill(other, 1 << 20, 2 << 20, (byte) url.length());
        Files.write(got, other);
        must(List.of("nbdcopy", got.toString(), url));
        must(List.of("nbdcopy", want.toString(), url));
        disk.verify();
      }
    }
  }

  @Test
  void qemuImgIsAnEncryptedClient() throws IOException {
    for (String kind : List.of("tls-creds-x509", "tls-creds-psk")) {
      try (BlockNode node = disk();
          NbdServer server = serve(node, credentials(kind, "server", "-"))) {
        RandomDisk disk = new RandomDisk(node, new byte[DISK_BYTES], 6);
        disk.work(60);
        Path want = disk.store(dir.resolve("want"));
        String object = kind + ",id=t,endpoint=client,dir=";
        object += kind.endsWith("psk") ? keys + ",username=bob" : certificates;
        String image = "driver=nbd,host=localhost,export=x,tls-creds=t,port=" + server.port();
        String file = "driver=raw,file.filename=" + want;
        QemuTools.img(dir, "compare", "--object", object, "--image-opts", image, file);
      }
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket s = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return s.getLocalPort();
    }
  }

  private static void awaitPort(Process p, int port) throws IOException {
    for (int i = 0; i < 500 && p.isAlive(); i++) {
      try (Socket s = new Socket(InetAddress.getLoopbackAddress(), port)) {
        assertThat(s.isConnected()).isTrue();
        return;
      } catch (IOException e) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
      }
    }
    throw new IOException(new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
  }

  private interface Use {
    void with(int port) throws IOException;
  }

  private void withServer(Use use, String... command) throws Exception {
    int port = freePort();
    String[] full = command.clone();
    for (int i = 0; i < full.length; i++) {
      full[i] = full[i].replace("PORT", Integer.toString(port));
    }
    Process p = new ProcessBuilder(full).directory(dir.toFile()).redirectErrorStream(true).start();
    try {
      awaitPort(p, port);
      use.with(port);
    } finally {
      p.destroy();
      assertThat(p.waitFor(10, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void nbdkitIsAServer() throws Exception {
    withServer(
        port -> exercise("nbd://127.0.0.1:" + port + "/", null, null, 7),
        "nbdkit",
        "-f",
        "-i",
        "127.0.0.1",
        "-p",
        "PORT",
        "memory",
        "3M");
    withServer(
        port -> exercise("nbd://127.0.0.1:" + port + "/", null, null, 8),
        "nbdkit",
        "--no-sr",
        "-f",
        "-i",
        "127.0.0.1",
        "-p",
        "PORT",
        "memory",
        "3M");
    withServer(
        port ->
            exercise(
                "nbds://localhost:" + port + "/?tls-certificates=" + certificates, null, null, 9),
        "nbdkit",
        "-f",
        "-i",
        "127.0.0.1",
        "-p",
        "PORT",
        "--tls=require",
        "--tls-verify-peer",
        "--tls-certificates=" + certificates,
        "memory",
        "3M");
    withServer(
        port ->
            exercise(
                "nbds://bob@localhost:" + port + "/?tls-psk-file=" + keys + "/keys.psk",
                null,
                null,
                10),
        "nbdkit",
        "-f",
        "-i",
        "127.0.0.1",
        "-p",
        "PORT",
        "--tls=require",
        "--tls-psk=" + keys.resolve("keys.psk"),
        "memory",
        "3M");
  }

  @Test
  void qemuNbdIsAnEncryptedServer() throws Exception {
    for (String kind : List.of("tls-creds-x509", "tls-creds-psk")) {
      Path image = Files.write(dir.resolve("q.raw"), new byte[DISK_BYTES]);
      Path d = kind.endsWith("psk") ? keys : certificates;
      TlsCredentials tls = credentials(kind, "client", "alice");
      withServer(
          port -> {
            exercise(NbdAddress.nameOf("localhost", port, "x"), tls, null, 11);
            assertThat(NbdFile.exports(NbdAddress.nameOf("localhost", port, ""), tls)).hasSize(1);
          },
          "qemu-nbd",
          "-t",
          "-e",
          "9",
          "-f",
          "raw",
          "-b",
          "127.0.0.1",
          "-p",
          "PORT",
          "-x",
          "x",
          "--object",
          kind + ",id=t,endpoint=server,dir=" + d,
          "--tls-creds",
          "t",
          image.toString());
    }
  }

  @Test
  void aServerOfOneClientMakesTheNextWait() throws Exception {
    try (BlockNode node = disk();
        NbdServer server = new NbdServer().withMaxClients(1)) {
      List<String> gone = new ArrayList<>();
      server.whenLastClientLeaves(
          () -> {
            synchronized (gone) {
              gone.add("gone");
              gone.notifyAll();
            }
          });
      server.export("", new NbdServer.Export(node, "", false));
      server.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      String url = NbdAddress.nameOf("localhost", server.port(), "");
      BlockNode first = Images.open(url, raw());
      List<Long> lengths = new ArrayList<>();
      Thread second =
          Thread.ofPlatform()
              .start(
                  () -> {
                    try (BlockNode n = Images.open(url, raw())) {
                      lengths.add(n.lengthBytes());
                    } catch (IOException e) {
                      lengths.add(-1L);
                    }
                  });
      second.join(300);
      assertThat(lengths).isEmpty();
      first.close();
      second.join(10_000);
      assertThat(lengths).containsExactly((long) DISK_BYTES);
      synchronized (gone) {
        while (gone.size() < 2) {
          gone.wait(10_000);
        }
      }
    }
  }
}
