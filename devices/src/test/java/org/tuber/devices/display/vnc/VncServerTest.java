package org.tuber.devices.display.vnc;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tuber.core.backend.InputSource;
import org.tuber.devices.display.DisplaySurface;
import org.tuber.devices.display.RecordedInput;

@Timeout(60)
class VncServerTest {
  private static final int WIDTH = 230;
  private static final int HEIGHT = 40;

  /** A picture whose colours are told by the place, and a record of the input. */
  private static final class Fake implements VncServer.Console {
    final BlockingQueue<String> events = new LinkedBlockingQueue<>();

    /** How far the picture has scrolled up. */
    volatile int scrolled;

    @Override
    public void render(DisplaySurface surface) {
      surface.resize(WIDTH, HEIGHT);
      for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
          surface.pixels()[y * WIDTH + x] = colour(x, y + scrolled);
        }
      }
    }

    @Override
    public void input(Consumer<InputSource.Sink> event) {
      event.accept(new RecordedInput(events));
    }

    String next() throws InterruptedException {
      return events.poll(20, TimeUnit.SECONDS);
    }
  }

  /** Tile by tile from the left: one colour, two, three, many. */
  static int colour(int x, int y) {
    return switch (x / VncSession.TILE) {
      case 0 -> 0x112233;
      case 1 -> y % 5 == 0 ? 0xff0000 : 0x00ff00;
      case 2 -> 0x10203 * (y % 3);
      default -> x << 16 | y << 8 | x;
    };
  }

  private static VncServer serve(Fake fake, byte[] password) throws IOException {
    InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    return VncServer.listen(any, fake, "test", password);
  }

  /** A client after the choice of a security type. */
  private static final class Client implements AutoCloseable {
    final Socket socket;
    final DataInputStream in;
    final DataOutputStream out;

    final Inflater[] tightStreams = {new Inflater(), new Inflater(), new Inflater()};

    Client(int port, int expectedType) throws IOException {
      socket = new Socket(InetAddress.getLoopbackAddress(), port);
      in = new DataInputStream(socket.getInputStream());
      out = new DataOutputStream(socket.getOutputStream());
      assertThat(in.readNBytes(12)).asString(StandardCharsets.US_ASCII).isEqualTo("RFB 003.008\n");
      out.writeBytes("RFB 003.008\n");
      assertThat(in.readNBytes(2)).containsExactly(1, expectedType);
      out.writeByte(expectedType);
    }

    void initialise() throws IOException {
      assertThat(in.readInt()).isZero();
      out.writeByte(1);
      assertThat(in.readUnsignedShort()).isEqualTo(WIDTH);
      assertThat(in.readUnsignedShort()).isEqualTo(HEIGHT);
      in.skipNBytes(16);
      assertThat(in.readNBytes(in.readInt())).asString(StandardCharsets.UTF_8).isEqualTo("test");
    }

    int[] picture(int encoding) throws IOException, DataFormatException {
      out.writeInt(2 << 24 | 1);
      out.writeInt(encoding);
      request(0);
      int[] picture = new int[WIDTH * HEIGHT];
      assertThat(in.readUnsignedShort()).isZero();
      rectangles(in.readUnsignedShort(), encoding, picture);
      return picture;
    }

    void rectangles(int count, int encoding, int[] picture)
        throws IOException, DataFormatException {
      Inflater inflater = new Inflater();
      for (int i = 0; i < count; i++) {
        int x = in.readUnsignedShort();
        int y = in.readUnsignedShort();
        int w = in.readUnsignedShort();
        int h = in.readUnsignedShort();
        assertThat(in.readInt()).isEqualTo(encoding);
        switch (encoding) {
          case RfbEncoder.HEXTILE -> hextile(picture, x, y, w, h);
          case RfbEncoder.ZRLE -> zrle(inflater, picture, x, y, w, h);
          case RfbEncoder.TIGHT -> tight(picture, x, y, w, h);
          default -> raw(picture, x, y, w, h);
        }
      }
      inflater.end();
      for (Inflater stream : tightStreams) {
        stream.reset();
      }
    }

    /** Asks for the whole screen, or with 1 for what has changed of it. */
    void request(int incremental) throws IOException {
      out.write(new byte[] {3, (byte) incremental, 0, 0, 0, 0, 0, (byte) WIDTH, 0, HEIGHT});
    }

    private int pixel() throws IOException {
      return Integer.reverseBytes(in.readInt());
    }

    private static void fill(int[] picture, int x, int y, int w, int h, int colour) {
      for (int row = y; row < y + h; row++) {
        java.util.Arrays.fill(picture, row * WIDTH + x, row * WIDTH + x + w, colour);
      }
    }

    private void raw(int[] picture, int x, int y, int w, int h) throws IOException {
      for (int i = 0; i < w * h; i++) {
        picture[(y + i / w) * WIDTH + x + i % w] = pixel();
      }
    }

    private void hextile(int[] picture, int x, int y, int w, int h) throws IOException {
      int back = 0;
      int fore = 0;
      for (int ty = y; ty < y + h; ty += 16) {
        for (int tx = x; tx < x + w; tx += 16) {
          int tw = Math.min(16, x + w - tx);
          int th = Math.min(16, y + h - ty);
          int kind = in.readUnsignedByte();
          if ((kind & 1) != 0) {
            raw(picture, tx, ty, tw, th);
            continue;
          }
          back = (kind & 2) != 0 ? pixel() : back;
          fore = (kind & 4) != 0 ? pixel() : fore;
          fill(picture, tx, ty, tw, th, back);
          for (int n = (kind & 8) != 0 ? in.readUnsignedByte() : 0; n > 0; n--) {
            int at = in.readUnsignedByte();
            int size = in.readUnsignedByte();
            fill(picture, tx + (at >> 4), ty + (at & 15), (size >> 4) + 1, (size & 15) + 1, fore);
          }
        }
      }
    }

    private void zrle(Inflater inflater, int[] picture, int x, int y, int w, int h)
        throws IOException, DataFormatException {
      inflater.setInput(in.readNBytes(in.readInt()));
      byte[] plain = new byte[64 * 64 * 3 + 1];
      int n = 0;
      for (int got = 1; got > 0; n += got) {
        got = inflater.inflate(plain, n, plain.length - n);
      }
      assertThat(n).isPositive();
      switch (plain[0]) {
        case 0 -> {
          for (int i = 0; i < w * h; i++) {
            picture[(y + i / w) * WIDTH + x + i % w] = compressed(plain, 1 + 3 * i);
          }
        }
        case 1 -> fill(picture, x, y, w, h, compressed(plain, 1));
        default -> {
          assertThat(plain[0]).isEqualTo((byte) 2);
          int row = (w + 7) / 8;
          for (int i = 0; i < w * h; i++) {
            int bit = plain[7 + i / w * row + i % w / 8] >> (7 - i % w % 8) & 1;
            picture[(y + i / w) * WIDTH + x + i % w] = compressed(plain, 1 + 3 * bit);
          }
        }
      }
    }

    private int tightPixel(byte[] b, int at) {
      return (b[at] & 0xff) << 16 | (b[at + 1] & 0xff) << 8 | b[at + 2] & 0xff;
    }

    private byte[] tightData(int stream, int bytes) throws IOException, DataFormatException {
      if (bytes < 12) {
        return in.readNBytes(bytes);
      }
      int length = 0;
      for (int shift = 0; ; shift += 7) {
        int b = in.readUnsignedByte();
        length |= (b & 0x7f) << shift;
        if (b < 0x80) {
          break;
        }
      }
      tightStreams[stream].setInput(in.readNBytes(length));
      byte[] plain = new byte[bytes];
      for (int n = 0; n < bytes; ) {
        int got = tightStreams[stream].inflate(plain, n, bytes - n);
        assertThat(got).isPositive();
        n += got;
      }
      return plain;
    }

    private void tight(int[] picture, int x, int y, int w, int h)
        throws IOException, DataFormatException {
      int control = in.readUnsignedByte();
      if (control == 0x80) {
        fill(picture, x, y, w, h, tightPixel(in.readNBytes(3), 0));
        return;
      }
      int stream = control >> 4 & 3;
      byte[] palette = {};
      if ((control & 0x40) != 0) {
        assertThat(in.readUnsignedByte()).isEqualTo(1);
        palette = in.readNBytes(3 * (in.readUnsignedByte() + 1));
      }
      int row = (w + 7) / 8;
      int bytes = palette.length == 0 ? 3 * w * h : palette.length == 6 ? row * h : w * h;
      byte[] data = tightData(stream, bytes);
      for (int i = 0; i < w * h; i++) {
        int bit = palette.length == 6 ? data[i / w * row + i % w / 8] >> 7 - i % w % 8 & 1 : 0;
        int pixel =
            palette.length == 0
                ? tightPixel(data, 3 * i)
                : tightPixel(palette, 3 * (palette.length == 6 ? bit : data[i]));
        picture[(y + i / w) * WIDTH + x + i % w] = pixel;
      }
    }

    private static int compressed(byte[] b, int at) {
      return b[at] & 0xff | (b[at + 1] & 0xff) << 8 | (b[at + 2] & 0xff) << 16;
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  @Test
  void everyEncodingGivesThePicture() throws Exception {
    int[] expected = new int[WIDTH * HEIGHT];
    for (int i = 0; i < expected.length; i++) {
      expected[i] = colour(i % WIDTH, i / WIDTH);
    }
    Fake fake = new Fake();
    try (VncServer server = serve(fake, null)) {
      for (int encoding :
          new int[] {RfbEncoder.RAW, RfbEncoder.HEXTILE, RfbEncoder.ZRLE, RfbEncoder.TIGHT}) {
        try (Client client = new Client(server.port(), 1)) {
          client.initialise();
          assertThat(client.picture(encoding)).as("encoding %s", encoding).isEqualTo(expected);
        }
      }
    }
  }

  @Test
  void scrolledRowsAreMovedByTheClient() throws Exception {
    Fake fake = new Fake();
    try (VncServer server = serve(fake, null);
        Client client = new Client(server.port(), 1)) {
      client.initialise();
      int[] before = client.picture(RfbEncoder.RAW);
      client.out.writeInt(2 << 24 | 2);
      client.out.writeInt(RfbEncoder.RAW);
      client.out.writeInt(RfbEncoder.COPY_RECT);
      fake.scrolled = 4;
      client.request(1);
      assertThat(client.in.readUnsignedShort()).isZero();
      int rectangles = client.in.readUnsignedShort();
      short[] head = new short[4];
      for (int i = 0; i < head.length; i++) {
        head[i] = client.in.readShort();
      }
      assertThat(head).containsExactly(0, 0, WIDTH, HEIGHT - 4);
      assertThat(client.in.readInt()).isEqualTo(RfbEncoder.COPY_RECT);
      assertThat(client.in.readInt()).as("from 0, 4").isEqualTo(4);
      int[] after = before.clone();
      System.arraycopy(before, 4 * WIDTH, after, 0, (HEIGHT - 4) * WIDTH);
      client.rectangles(rectangles - 1, RfbEncoder.RAW, after);
      for (int i = 0; i < after.length; i++) {
        assertThat(after[i]).as("pixel %s", i).isEqualTo(colour(i % WIDTH, i / WIDTH + 4));
      }
    }
  }

  @Test
  void keysAndPointerArriveAndAreReleasedAtTheEnd() throws Exception {
    Fake fake = new Fake();
    try (VncServer server = serve(fake, null)) {
      try (Client client = new Client(server.port(), 1)) {
        client.initialise();
        client.out.write(new byte[] {5, 0, 0, 10, 0, 10});
        client.out.write(new byte[] {5, 1, 0, 15, 0, 7});
        client.out.write(new byte[] {4, 1, 0, 0, 0, 0, 0, 'A'});
        assertThat(fake.next()).isEqualTo("pointer 0 0 0 0");
        assertThat(fake.next()).isEqualTo("pointer 5 -3 0 1");
        assertThat(fake.next()).isEqualTo("a down");
      }
      assertThat(fake.next()).isEqualTo("a up");
      assertThat(fake.next()).isEqualTo("pointer 0 0 0 0");
    }
  }

  @Test
  void onlyTheRightPasswordGetsIn() throws Exception {
    byte[] password = "secret".getBytes(StandardCharsets.US_ASCII);
    try (VncServer server = serve(new Fake(), password)) {
      try (Client client = new Client(server.port(), 2)) {
        client.out.write(VncSession.expected(password, client.in.readNBytes(16)));
        client.initialise();
      }
      try (Client client = new Client(server.port(), 2)) {
        client.in.readNBytes(16);
        client.out.write(new byte[16]);
        assertThat(client.in.readInt()).isEqualTo(1);
      }
    }
  }
}
