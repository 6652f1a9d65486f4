package org.tuber.launcher.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.launcher.options.CharTarget;
import org.tuber.machine.remote.SocketTarget;

/** Host ends with real files, pipes and sockets at the other end. */
@EnabledOnOs(OS.LINUX)
@Timeout(60)
class HostLineTest {
  private static final int PATIENCE_SECONDS = 20;

  @TempDir Path dir;

  private static HostLine socket(
      SocketAddress where, boolean server, boolean telnet, int reconnectSeconds)
      throws IOException {
    return HostLine.socket(
        new CharTarget.Socket(new SocketTarget(where, server, false), telnet, reconnectSeconds));
  }

  private static int freePort() throws IOException {
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return free.getLocalPort();
    }
  }

  private static InetSocketAddress loopback(int port) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  /** The next {@code length} bytes, read by another thread as the console does. */
  private static CompletableFuture<String> reading(HostLine line, int length) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return new String(line.in().readNBytes(length), StandardCharsets.ISO_8859_1);
          } catch (IOException e) {
            throw new IllegalStateException(e);
          }
        },
        task -> Thread.ofPlatform().daemon().start(task));
  }

  private static void say(OutputStream out, String text) throws IOException {
    out.write(text.getBytes(StandardCharsets.ISO_8859_1));
    out.flush();
  }

  private static String hear(InputStream in, int length) throws IOException {
    return new String(in.readNBytes(length), StandardCharsets.ISO_8859_1);
  }

  @Test
  void aServerTakesOneCallerAfterAnother() throws Exception {
    int port = freePort();
    HostLine line = socket(loopback(port), true, false, 0);
    say(line.out(), "nobody hears this");
    for (String word : new String[] {"one", "two"}) {
      CompletableFuture<String> got = reading(line, 3);
      try (Socket caller = new Socket(InetAddress.getLoopbackAddress(), port)) {
        caller.setSoTimeout(PATIENCE_SECONDS * 1000);
        say(caller.getOutputStream(), word);
        assertThat(got.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo(word);
        say(line.out(), "!");
        assertThat(caller.getInputStream().read()).isEqualTo('!');
      }
    }
    line.end().close();
    assertThat(line.in().read()).isEqualTo(-1);
  }

  @Test
  void aUnixSocketReplacesADeadOneButNoOtherFile() throws Exception {
    Path path = dir.resolve("line");
    UnixDomainSocketAddress where = UnixDomainSocketAddress.of(path);
    socket(where, true, false, 0); // never closed: its file stays, as after kill -9
    HostLine line = socket(where, true, false, 0);
    CompletableFuture<String> got = reading(line, 2);
    try (SocketChannel caller = SocketChannel.open(where)) {
      caller.write(ByteBuffer.wrap(new byte[] {'h', 'i'}));
      assertThat(got.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo("hi");
    }
    line.end().close();
    assertThat(path).doesNotExist();
    Files.writeString(path, "precious");
    assertThatThrownBy(() -> socket(where, true, false, 0)).isInstanceOf(IOException.class);
    assertThat(path).hasContent("precious");
  }

  @Test
  void aClientFindsItsServerAgain() throws Exception {
    int port = freePort();
    HostLine line = socket(loopback(port), false, false, 1);
    CompletableFuture<String> got = reading(line, 4);
    for (String word : new String[] {"ab", "cd"}) {
      try (ServerSocket server = new ServerSocket(port, 1, InetAddress.getLoopbackAddress());
          Socket caller = server.accept()) {
        say(caller.getOutputStream(), word);
      }
    }
    assertThat(got.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo("abcd");
    line.end().close();
  }

  @Test
  void aClientWithoutServerFailsAtOnce() throws Exception {
    int port = freePort();
    assertThatThrownBy(() -> socket(loopback(port), false, false, 0))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("refused");
  }

  @Test
  void telnetCommandsAreTakenOutAndIn() throws Exception {
    int port = freePort();
    HostLine line = socket(loopback(port), true, true, 0);
    CompletableFuture<String> got = reading(line, 4);
    try (Socket caller = new Socket(InetAddress.getLoopbackAddress(), port)) {
      caller.setSoTimeout(PATIENCE_SECONDS * 1000);
      assertThat(caller.getInputStream().readNBytes(12)).isEqualTo(Telnet.OFFERS);
      say(caller.getOutputStream(), "a\u00ff\u00fd\1b\u00ff\u00fa\30\0x\u00ff\u00f0\u00ff\u00ff");
      say(caller.getOutputStream(), "c\u00ff\u00f1");
      assertThat(got.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo("ab\u00ffc");
      say(line.out(), "x\u00ffy");
      assertThat(hear(caller.getInputStream(), 4)).isEqualTo("x\u00ff\u00ffy");
    }
    line.end().close();
  }

  @Test
  void pipesWorkInPairsAndAlone() throws Exception {
    for (String name : new String[] {"p.in", "p.out", "q"}) {
      assertThat(new ProcessBuilder("mkfifo", dir.resolve(name).toString()).start().waitFor())
          .isZero();
    }
    HostLine pair = HostLine.pipe(dir.resolve("p"));
    CompletableFuture<String> got = reading(pair, 2);
    Files.writeString(dir.resolve("p.in"), "in");
    assertThat(got.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo("in");
    say(pair.out(), "out");
    try (InputStream far = Files.newInputStream(dir.resolve("p.out"))) {
      assertThat(hear(far, 3)).isEqualTo("out");
    }
    HostLine alone = HostLine.pipe(dir.resolve("q"));
    say(alone.out(), "!");
    assertThat(alone.in().read()).isEqualTo('!');
    assertThatThrownBy(() -> HostLine.pipe(dir.resolve("none")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("none.in");
  }

  @Test
  void filesStartEmptyOrGoOn() throws Exception {
    Path path = dir.resolve("f");
    for (boolean append : new boolean[] {false, false, true}) {
      HostLine line = HostLine.file(path, append);
      say(line.out(), "x");
      assertThat(line.in().read()).isEqualTo(-1);
      line.end().close();
    }
    assertThat(path).hasContent("xx");
    assertThatThrownBy(() -> HostLine.file(dir.resolve("no/f"), false))
        .isInstanceOf(FileSystemException.class);
  }

  /** Two programs on two ports: datagrams out, datagrams in, and nobody there at first. */
  @Test
  void udpCarriesBothWays() throws Exception {
    int local = freePort();
    try (DatagramSocket other = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
      InetSocketAddress there = loopback(other.getLocalPort());
      HostLine line = HostLine.udp(new CharTarget.Udp(there, loopback(local)));
      say(line.out(), "hello");
      DatagramPacket packet = new DatagramPacket(new byte[100], 100);
      other.setSoTimeout((int) TimeUnit.SECONDS.toMillis(PATIENCE_SECONDS));
      other.receive(packet);
      assertThat(new String(packet.getData(), 0, packet.getLength(), StandardCharsets.ISO_8859_1))
          .isEqualTo("hello");
      CompletableFuture<String> typed = reading(line, 6);
      for (String part : new String[] {"ab", "cd", "", "ef"}) {
        byte[] bytes = part.getBytes(StandardCharsets.ISO_8859_1);
        other.send(new DatagramPacket(bytes, bytes.length, loopback(local)));
      }
      assertThat(typed.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo("abcdef");
      line.end().close();
      assertThat(line.in().read()).isEqualTo(-1);
    }
  }

  @Test
  void udpWithNobodyThereLosesWhatIsSaid() throws Exception {
    HostLine line = HostLine.udp(new CharTarget.Udp(loopback(freePort()), loopback(0)));
    for (int i = 0; i < 20; i++) {
      say(line.out(), "lost");
    }
    line.end().close();
  }
}
