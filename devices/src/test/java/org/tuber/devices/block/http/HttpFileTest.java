package org.tuber.devices.block.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;

/** Images on a web server, one that knows ranges and one that has its moods. */
class HttpFileTest {
  @TempDir Path dir;

  private HttpServer server;
  private byte[] file = new byte[700_001];
  private String tag = "\"1\"";
  private int failures;
  private boolean ranges = true;

  @BeforeEach
  void start() throws IOException {
    new Random(1).nextBytes(file);
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/file", this::serve);
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort() + "/file";
  }

  private void serve(HttpExchange x) throws IOException {
    String range = x.getRequestHeaders().getFirst("Range");
    if (failures-- > 0) {
      x.sendResponseHeaders(503, -1);
      x.close();
      return;
    }
    int from = 0;
    int to = file.length - 1;
    if (ranges) {
      String[] ends = range.substring("bytes=".length()).split("-");
      from = Integer.parseInt(ends[0]);
      to = Math.min(to, Integer.parseInt(ends[1]));
      x.getResponseHeaders().set("Content-Range", "bytes " + from + "-" + to + "/" + file.length);
    }
    x.getResponseHeaders().set("ETag", tag);
    x.sendResponseHeaders(ranges ? 206 : 200, to - from + 1);
    try (OutputStream out = x.getResponseBody()) {
      out.write(file, from, to - from + 1);
    }
  }

  @Test
  void readsAnyPart() throws IOException {
    try (HttpFile f = HttpFile.open(url(), false)) {
      assertThat(f.size()).isEqualTo(file.length);
      Random random = new Random(2);
      for (int i = 0; i < 50; i++) {
        int at = random.nextInt(file.length);
        int n = random.nextInt(400_000);
        failures = random.nextInt(10) == 0 ? 1 : 0;
        ByteBuffer b = ByteBuffer.allocate(n);
        f.read(at, b);
        byte[] want = Arrays.copyOf(Arrays.copyOfRange(file, at, Math.min(at + n, file.length)), n);
        assertThat(b.array()).isEqualTo(want);
      }
      assertThatThrownBy(() -> f.write(0, ByteBuffer.allocate(1)))
          .hasMessageContaining("read-only");
    }
  }

  @Test
  void anImageThereIsABackingFileHere() throws IOException {
    Path image = dir.resolve("i");
    ImageFormats.byName("i", "qcow2").create(CreateOptions.of(image.toString(), 1 << 20));
    try (BlockNode n = Images.open(image.toString(), OpenOptions.readWrite())) {
      n.write(123_456, ByteBuffer.wrap(new byte[] {5, 6, 7}));
    }
    file = Files.readAllBytes(image);
    String top = dir.resolve("t").toString();
    ImageFormats.byName(top, "qcow2")
        .create(
            CreateOptions.of(top, 1 << 20)
                .with("backing_file", url())
                .with("backing_fmt", "qcow2"));
    try (BlockNode n = Images.open(top, OpenOptions.readWrite())) {
      n.write(123_457, ByteBuffer.wrap(new byte[] {9}));
      ByteBuffer b = ByteBuffer.allocate(3);
      n.read(123_456, b);
      assertThat(b.array()).containsExactly(5, 9, 7);
    }
  }

  @Test
  void whatIsWrongIsSaid() throws IOException {
    assertThatThrownBy(() -> HttpFile.open(url().replace("/file", "/nothing"), false))
        .isInstanceOf(IOException.class);
    assertThatThrownBy(() -> HttpFile.open("http:///x", false)).hasMessageContaining("URL");
    assertThatThrownBy(() -> HttpFile.open(url(), true)).hasMessageContaining("read-only");
    try (HttpFile f = HttpFile.open(url(), false)) {
      tag = "\"2\"";
      assertThatThrownBy(() -> f.read(600_000, ByteBuffer.allocate(1)))
          .hasMessageContaining("has changed");
    }
    ranges = false;
    assertThatThrownBy(() -> HttpFile.open(url(), false)).hasMessageContaining("range requests");
  }
}
