package org.tuber.machine.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports failures to exceptionCaught
final class HostSocketTest {
  private static final String GREETING = "hello";

  @TempDir Path folder;

  /** Greets whoever connects, and sends back what comes. */
  private static final class Echo extends ChannelInboundHandlerAdapter {
    @Override
    public void channelActive(ChannelHandlerContext ctx) {
      ctx.writeAndFlush(
          Unpooled.copiedBuffer(GREETING, StandardCharsets.US_ASCII), ctx.voidPromise());
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      ctx.writeAndFlush(message, ctx.voidPromise());
    }
  }

  private static HostSocket open(SocketAddress address, boolean server) throws IOException {
    return HostSocket.open(
        "echo", new SocketTarget(address, server, false), pipeline -> pipeline.addLast(new Echo()));
  }

  private static InetSocketAddress local(int port) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  private static String read(SocketChannel channel, int bytes) throws IOException {
    ByteBuffer in = ByteBuffer.allocate(bytes);
    while (in.hasRemaining() && channel.read(in) >= 0) {}
    return new String(in.array(), 0, in.position(), StandardCharsets.US_ASCII);
  }

  @Test
  void severalClientsOfOneTcpPortAreServedEachForItself() throws Exception {
    try (HostSocket socket = open(local(0), true)) {
      try (SocketChannel a = SocketChannel.open(local(socket.port()));
          SocketChannel b = SocketChannel.open(local(socket.port()))) {
        socket.awaitConnection();
        assertThat(read(a, 5)).isEqualTo(GREETING);
        assertThat(read(b, 5)).isEqualTo(GREETING);
        b.write(ByteBuffer.wrap("only b".getBytes(StandardCharsets.US_ASCII)));
        assertThat(read(b, 6)).isEqualTo("only b");
        a.configureBlocking(false);
        assertThat(a.read(ByteBuffer.allocate(1))).isZero();
      }
    }
  }

  @Test
  void closingCutsTheClientsOffAndFreesThePort() throws Exception {
    HostSocket socket = open(local(0), true);
    int port = socket.port();
    try (SocketChannel client = SocketChannel.open(local(port))) {
      assertThat(read(client, 5)).isEqualTo(GREETING);
      socket.close();
      assertThat(read(client, 1)).isEmpty();
    }
    assertThatThrownBy(() -> new Socket(InetAddress.getLoopbackAddress(), port).close())
        .isInstanceOf(IOException.class);
  }

  @Test
  void aSocketFileOfTheDeadIsReplacedAndOursGoesWithUs() throws Exception {
    Path file = folder.resolve("s");
    UnixDomainSocketAddress address = UnixDomainSocketAddress.of(file);
    try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      dead.bind(address);
    }
    assertThat(file).exists();
    try (HostSocket socket = open(address, true);
        SocketChannel client = SocketChannel.open(address)) {
      socket.awaitConnection();
      assertThat(read(client, 5)).isEqualTo(GREETING);
    }
    assertThat(file).doesNotExist();
  }

  @Test
  void aFileThatIsNoSocketStaysAndIsAnError() throws Exception {
    Path file = folder.resolve("precious");
    Files.writeString(file, "text");
    assertThatThrownBy(() -> open(UnixDomainSocketAddress.of(file), true))
        .isInstanceOf(IOException.class);
    assertThat(file).hasContent("text");
  }

  @Test
  void asAClientItSpeaksToTheOneWhoListens() throws Exception {
    UnixDomainSocketAddress address = UnixDomainSocketAddress.of(folder.resolve("peer"));
    try (ServerSocketChannel peer = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      peer.bind(address);
      try (HostSocket socket = open(address, false);
          SocketChannel connection = peer.accept()) {
        socket.awaitConnection();
        assertThat(read(connection, 5)).isEqualTo(GREETING);
      }
      // The file belongs to the one who made it.
      assertThat(folder.resolve("peer")).exists();
    }
  }

  @Test
  void nobodyThereIsAnErrorThatSaysSo() {
    assertThatThrownBy(() -> open(UnixDomainSocketAddress.of(folder.resolve("none")), false))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("No such file");
  }
}
