package org.tuber.launcher.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class ByteOutletTest {
  @Test
  void nothingIsLostWhenMuchMoreThanTheRingIsWritten() {
    ByteArrayOutputStream sink = new ByteArrayOutputStream();
    ByteOutlet outlet = new ByteOutlet("test", sink, 0);
    for (int i = 0; i < 1_000_000; i++) {
      outlet.write((byte) (i * 31));
    }
    outlet.close();
    byte[] bytes = sink.toByteArray();
    assertThat(bytes).hasSize(1_000_000);
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] != (byte) (i * 31)) {
        throw new AssertionError("byte " + i);
      }
    }
  }

  @Test
  void brokenPipeDoesNotHoldUpTheGuest() {
    ByteOutlet outlet =
        new ByteOutlet(
            "test",
            new OutputStream() {
              @Override
              public void write(int value) throws IOException {
                throw new IOException("broken pipe");
              }
            },
            0);
    for (int i = 0; i < 200_000; i++) {
      outlet.write((byte) i);
    }
    outlet.flush();
    outlet.close();
  }

  @Test
  void aReaderThatDoesNotReadHoldsTheGuestUpOnce() throws Exception {
    CountDownLatch reads = new CountDownLatch(1);
    AtomicInteger got = new AtomicInteger();
    ByteOutlet outlet =
        new ByteOutlet(
            "test",
            new OutputStream() {
              @Override
              public void write(int value) {
                throw new IllegalStateException();
              }

              @Override
              public void write(byte[] bytes, int offset, int length) {
                try {
                  reads.await();
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
                got.addAndGet(length);
              }
            },
            TimeUnit.MILLISECONDS.toNanos(200));
    long start = System.nanoTime();
    for (int i = 0; i < 1_000_000; i++) {
      outlet.write((byte) i);
    }
    outlet.flush();
    assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(10));
    reads.countDown();
    while (got.get() < 65_536) {
      TimeUnit.MILLISECONDS.sleep(5);
    }
    int before = got.get();
    outlet.write((byte) '!');
    outlet.flush();
    assertThat(got.get()).isEqualTo(before + 1);
    outlet.close();
  }
}
