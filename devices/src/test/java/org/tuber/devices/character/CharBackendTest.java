package org.tuber.devices.character;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.core.backend.CharBackend;

class CharBackendTest {
  @TempDir Path directory;

  @Test
  void fileKeepsWhatWasWritten() throws IOException {
    Path file = directory.resolve("serial.log");
    try (FileCharBackend backend = new FileCharBackend(file)) {
      for (byte b : "first line\nsecond".getBytes(UTF_8)) {
        backend.write(b);
      }
      assertThat(file).hasContent("first line\n");
    }
    assertThat(Files.readString(file)).isEqualTo("first line\nsecond");
  }

  @Test
  void streamWritesEverythingInOrder() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    StringBuilder expected = new StringBuilder();
    try (StreamCharBackend backend = new StreamCharBackend("test", null, out, Runnable::run)) {
      for (int i = 0; i < 30_000; i++) {
        String text = "line " + i + "\n";
        expected.append(text);
        for (byte b : text.getBytes(UTF_8)) {
          backend.write(b);
        }
      }
      backend.flush();
      assertThat(out.toString(UTF_8)).isEqualTo(expected.toString());
    }
  }

  @Test
  void streamHandsInputOverOnlyAsTheDeviceHasRoom() throws Exception {
    ExecutorService eventLoop = Executors.newSingleThreadExecutor();
    PipedOutputStream typing = new PipedOutputStream();
    PipedInputStream in = new PipedInputStream(typing);
    LinkedBlockingQueue<Byte> got = new LinkedBlockingQueue<>();
    AtomicInteger room = new AtomicInteger(3);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (StreamCharBackend backend = new StreamCharBackend("test", in, out, eventLoop)) {
      backend.setReceiver(
          new CharBackend.Receiver() {
            @Override
            public int canReceive() {
              return room.get();
            }

            @Override
            public void receive(byte[] bytes, int offset, int length) {
              room.addAndGet(-length);
              for (int i = 0; i < length; i++) {
                got.add(bytes[offset + i]);
              }
            }
          });
      typing.write("hello".getBytes(UTF_8));
      typing.flush();
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < 3; i++) {
        text.append((char) got.poll(10, TimeUnit.SECONDS).byteValue());
      }
      assertThat(got.poll(50, TimeUnit.MILLISECONDS)).as("no room").isNull();
      room.set(2);
      backend.acceptInput();
      for (int i = 0; i < 2; i++) {
        text.append((char) got.poll(10, TimeUnit.SECONDS).byteValue());
      }
      assertThat(text).hasToString("hello");
      typing.close();
    } finally {
      eventLoop.shutdown();
    }
  }
}
