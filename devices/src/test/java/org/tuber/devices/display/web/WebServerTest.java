package org.tuber.devices.display.web;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.core.backend.InputSource;
import org.tuber.devices.character.VirtualTerminal;
import org.tuber.devices.display.DisplaySurface;
import org.tuber.devices.display.RecordedInput;

/** The page's server, talked to without a browser. */
@SuppressWarnings("FutureReturnValueIgnored") // the other end's answer tells
@Timeout(60)
class WebServerTest {
  private static final int PATIENCE_SECONDS = 20;

  private final Fake console = new Fake();
  private WebServer server;
  private String token;

  private static final class Fake implements WebConsole {
    final VirtualTerminal serial = new VirtualTerminal("serial0");
    final BlockingQueue<String> events = new LinkedBlockingQueue<>();
    volatile String state = "running";

    @Override
    public void render(DisplaySurface surface) {
      surface.resize(32, 16);
    }

    @Override
    public void input(Consumer<InputSource.Sink> event) {
      event.accept(new RecordedInput(events));
    }

    @Override
    public String title() {
      return "fake";
    }

    @Override
    public boolean hasScreen() {
      return true;
    }

    @Override
    public List<VirtualTerminal> terminals() {
      return List.of(serial);
    }

    @Override
    public String state() {
      return state;
    }

    @Override
    public void power(Power action) {
      events.add(action.toString());
    }
  }

  /**
   * What comes out of a WebSocket: texts, bytes as ISO 8859-1, at the end "closed" and a status.
   */
  private static final class Listener implements WebSocket.Listener {
    final BlockingQueue<String> got = new LinkedBlockingQueue<>();

    @Override
    public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
      got.add(data.toString());
      from.request(1);
      return null;
    }

    @Override
    public CompletionStage<?> onBinary(WebSocket from, ByteBuffer data, boolean last) {
      got.add(StandardCharsets.ISO_8859_1.decode(data).toString());
      from.request(1);
      return null;
    }

    @Override
    public CompletionStage<?> onClose(WebSocket from, int status, String reason) {
      got.add("closed " + status);
      return null;
    }

    @Override
    public void onError(WebSocket from, Throwable error) {
      got.add("closed by an error");
    }

    String next() throws InterruptedException {
      return got.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }
  }

  @BeforeEach
  void listen() throws IOException {
    server = WebServer.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), console);
    token = server.url().replaceFirst(".*token=", "");
  }

  @AfterEach
  void close() {
    server.close();
  }

  private WebSocket socket(String path, Listener listener) throws Exception {
    URI uri = URI.create("ws://127.0.0.1:" + server.port() + path + "?token=" + token);
    CompletableFuture<WebSocket> opened =
        HttpClient.newHttpClient().newWebSocketBuilder().buildAsync(uri, listener);
    return opened.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }

  private static void send(WebSocket socket, int... bytes) throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int value : bytes) {
      out.write(value);
    }
    socket
        .sendBinary(ByteBuffer.wrap(out.toByteArray()), true)
        .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }

  /** The status of a request with headers of one's own. */
  private String status(String requestLine, String... headers) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
      String request =
          requestLine.replace("TOKEN", token)
              + "\r\n"
              + String.join("\r\n", headers).replace("PORT", String.valueOf(server.port()))
              + "\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
      String answer =
          new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
      return answer.isEmpty() ? "" : answer.split(" ", 3)[1];
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "GET /?token=TOKEN HTTP/1.1 | Host: 127.0.0.1:PORT | 200",
        "GET /?token=TOKEN HTTP/1.1 | Host: localhost:1 | 200",
        "GET /?token=TOKEN HTTP/1.1 | Host: [::1]:PORT | 200",
        "GET /console.js HTTP/1.1 | Host: localhost | 200",
        "GET / HTTP/1.1 | Host: localhost | 403",
        "GET /?token=wrong HTTP/1.1 | Host: localhost | 403",
        "GET /?token=TOKEN&token=x HTTP/1.1 | Host: localhost | 403",
        "GET /?token=TOKEN HTTP/1.1 | Host: evil.example:PORT | 403",
        "GET /?token=TOKEN HTTP/1.1 | Host: 127.0.0.1.evil.example | 403",
        "GET /?token=TOKEN HTTP/1.1 | X: y | 403",
        "POST /?token=TOKEN HTTP/1.1 | Host: localhost | 405",
        "GET /nothing?token=TOKEN HTTP/1.1 | Host: localhost | 404",
        "GET /terminal/1?token=TOKEN HTTP/1.1 | Host: localhost | 404",
        "GET /../pom.xml?token=TOKEN HTTP/1.1 | Host: localhost | 404",
        "nonsense | x | 400",
      })
  void onlyUsersComeIn(String requestLine, String header, String status) throws Exception {
    assertThat(status(requestLine, header)).isEqualTo(status);
  }

  @ParameterizedTest
  @ValueSource(strings = {"http://evil.example", "null", "http://127.0.0.1", "http://localhost:1"})
  void foreignPagesDoNotReachTheSockets(String origin) throws Exception {
    assertThat(
            status(
                "GET /control?token=TOKEN HTTP/1.1",
                "Host: 127.0.0.1:PORT",
                "Origin: " + origin,
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
        .isEqualTo("403");
  }

  @Test
  void aLongRequestIsRefused() throws Exception {
    assertThat(status("GET /?token=" + "x".repeat(100_000) + " HTTP/1.1", "Host: localhost"))
        .isNotEqualTo("200");
  }

  @Test
  void theWrongTokenOpensNoSocket() {
    token = "wrong";
    assertThatThrownBy(() -> socket("/screen", new Listener()))
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(WebSocketHandshakeException.class);
  }

  @Test
  void buttonsAndState() throws Exception {
    Listener page = new Listener();
    WebSocket socket = socket("/control", page);
    assertThat(page.next())
        .isEqualTo(
            "{\"title\":\"fake\",\"screen\":true,\"state\":\"running\",\"terminals\":[\"serial0\"]}");
    socket.sendText("{\"power\":\"reset\"}", true).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    assertThat(console.events.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo("RESET");
    console.state = "paused";
    server.stateChanged();
    assertThat(page.next()).contains("paused");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "{\"power\":\"explode\"}", "{\"power\":1}", "[]", "null"})
  void nonsenseEndsTheControlLine(String message) throws Exception {
    Listener page = new Listener();
    WebSocket socket = socket("/control", page);
    page.next();
    socket.sendText(message, true).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    assertThat(page.next()).startsWith("closed");
    assertThat(console.events).isEmpty();
  }

  @Test
  void aTerminalShowsWhatWasAndWhatComes() throws Exception {
    console.serial.output().write("before ".getBytes(StandardCharsets.US_ASCII));
    Listener page = new Listener();
    WebSocket socket = socket("/terminal/0", page);
    assertThat(page.next()).isEqualTo("before ");
    console.serial.output().write("after".getBytes(StandardCharsets.US_ASCII));
    assertThat(page.next()).isEqualTo("after");
    send(socket, 'l', 's', '\r');
    byte[] typed = new byte[3];
    assertThat(new DataInputStream(console.serial.input()).readNBytes(typed, 0, 3)).isEqualTo(3);
    assertThat(typed).containsExactly('l', 's', '\r');
  }

  @Test
  void aViewerThatDoesNotReadHoldsNobodyUp() throws Exception {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
      String request =
          "GET /terminal/0?token="
              + token
              + " HTTP/1.1\r\nHost: localhost\r\n"
              + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
              + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
      assertThat(socket.getInputStream().read()).isEqualTo('H');
      byte[] chunk = new byte[1 << 16];
      for (int i = 0; i < 1000; i++) {
        console.serial.output().write(chunk);
      }
      assertThat(console.serial.written()).isEqualTo(1000L << 16);
    }
  }

  @Test
  void tooLargeAMessageEndsTheConnection() throws Exception {
    Listener page = new Listener();
    WebSocket socket = socket("/terminal/0", page);
    socket.sendBinary(ByteBuffer.allocate(70_000), true);
    assertThat(page.next()).startsWith("closed");
  }

  @Test
  void textOnABinaryLineEndsTheConnection() throws Exception {
    Listener page = new Listener();
    socket("/terminal/0", page).sendText("x", true);
    assertThat(page.next()).startsWith("closed");
  }

  @Test
  void keysByPlaceAndMouseMovementsReachTheGuest() throws Exception {
    Listener page = new Listener();
    WebSocket socket = socket("/screen", page);
    assertThat(page.next()).isEqualTo("RFB 003.008\n");
    socket.sendBinary(ByteBuffer.wrap("RFB 003.008\n".getBytes(StandardCharsets.US_ASCII)), true);
    assertThat(page.next()).isEqualTo("\1\1");
    send(socket, 1);
    assertThat(page.next()).isEqualTo("\0\0\0\0");
    send(socket, 1);
    assertThat(page.next()).startsWith("\0 \0\u0010").endsWith("fake");
    send(socket, 2, 0, 0, 2, 255, 255, 254, 255, 255, 255, 254, 254); // -257, -258
    assertThat(page.next()).isEqualTo("\0\0\0\1\0\0\0\0\0\0\0\0\u00ff\u00ff\u00fe\u00ff");
    assertThat(page.next()).isEqualTo("\0\0\0\1\0\0\0\0\0\0\0\0\u00ff\u00ff\u00fe\u00fe");
    send(socket, 255, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x9d);
    send(socket, 255, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xc6);
    send(socket, 5, 4, 0x80, 0x04, 0x7f, 0xfd);
    assertThat(console.events.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo("ctrl_r down");
    assertThat(console.events.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo("pause down");
    assertThat(console.events.poll(PATIENCE_SECONDS, TimeUnit.SECONDS))
        .isEqualTo("pointer 5 -2 0 2");
    socket.abort();
    assertThat(console.events.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).endsWith(" up");
  }

  @Test
  void nonsenseOnTheScreensLineEndsIt() throws Exception {
    Listener page = new Listener();
    WebSocket socket = socket("/screen", page);
    page.next();
    send(socket, "nonsense....".chars().toArray());
    assertThat(page.next()).startsWith("closed");
  }

  @Test
  void connectionsHaveALimit() throws Exception {
    Socket[] sockets = new Socket[100];
    try {
      for (int i = 0; i < sockets.length; i++) {
        sockets[i] = new Socket(InetAddress.getLoopbackAddress(), server.port());
      }
      sockets[99].setSoTimeout(PATIENCE_SECONDS * 1000);
      assertThat(sockets[99].getInputStream().read()).isEqualTo(-1);
    } finally {
      for (Socket socket : sockets) {
        socket.close();
      }
    }
  }
}
