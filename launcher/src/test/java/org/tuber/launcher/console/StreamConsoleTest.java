package org.tuber.launcher.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tuber.core.backend.CharBackend;
import org.tuber.launcher.console.StreamConsole.Use;

@Timeout(20)
class StreamConsoleTest {
  private final PipedOutputStream keyboard = new PipedOutputStream();
  private final ByteArrayOutputStream screen = new ByteArrayOutputStream();
  private final ScriptedRun machine = new ScriptedRun();
  private final BlockingQueue<Runnable> loop = new LinkedBlockingQueue<>();
  private final Device device = new Device();
  private PipedInputStream in;
  private CharBackend serial;

  /** A device with a receive FIFO of {@code room} bytes. */
  private static final class Device implements CharBackend.Receiver {
    final StringBuilder got = new StringBuilder();
    int room = Integer.MAX_VALUE;

    @Override
    public int canReceive() {
      return room;
    }

    @Override
    public void receive(byte[] bytes, int offset, int length) {
      got.append(new String(bytes, offset, length, StandardCharsets.ISO_8859_1));
      room -= length;
    }
  }

  @BeforeEach
  void plug() throws Exception {
    in = new PipedInputStream(keyboard);
  }

  private StreamConsole console(Use use) {
    StreamConsole console = StreamConsole.open(use, new HostLine("test", in, screen, 0, () -> {}));
    if (use.serial()) {
      serial = console.open(loop::add);
      serial.setReceiver(device);
    }
    console.attach(machine);
    return console;
  }

  private void type(String text) throws Exception {
    keyboard.write(text.getBytes(StandardCharsets.ISO_8859_1));
    keyboard.flush();
  }

  /** Runs what was posted to the event loop until {@code done}. */
  private void loopUntil(BooleanSupplier done) throws Exception {
    while (!done.getAsBoolean()) {
      Runnable task = loop.poll(5, TimeUnit.MILLISECONDS);
      if (task != null) {
        task.run();
      }
    }
  }

  private String shown() {
    serial.flush();
    return screen.toString(StandardCharsets.ISO_8859_1);
  }

  @Test
  void typedBytesReachTheGuestOnTheEventLoop() throws Exception {
    console(new Use(true, false, true, false));
    type("ls\r\003");
    loopUntil(() -> device.got.length() == 4);
    assertThat(device.got.toString()).isEqualTo("ls\r\003");
  }

  @Test
  void aFullDeviceGetsTheRestLater() throws Exception {
    console(new Use(true, false, true, false));
    device.room = 2;
    type("abcdef");
    loopUntil(() -> device.got.length() == 2);
    device.room = 16;
    serial.acceptInput();
    loopUntil(() -> device.got.length() == 6);
    assertThat(device.got.toString()).isEqualTo("abcdef");
  }

  @Test
  void prefixTwiceSendsOneAndHelpStaysHere() throws Exception {
    console(new Use(true, false, true, false));
    type("a\001\001b\001hc");
    loopUntil(() -> device.got.length() == 4);
    assertThat(device.got.toString()).isEqualTo("a\001bc");
    assertThat(shown()).contains("Ctrl-A x");
  }

  @Test
  void withoutEscapeKeysEveryByteGoesToTheGuest() throws Exception {
    console(new Use(true, false, false, true));
    type("\001x");
    loopUntil(() -> device.got.length() == 2);
    assertThat(machine.calls).isEmpty();
  }

  @Test
  void focusChangesToTheMonitorAndBack() throws Exception {
    console(new Use(true, true, true, false));
    type("1\001cinfo status\r\001c2");
    loopUntil(() -> device.got.length() == 2);
    assertThat(device.got.toString()).isEqualTo("12");
    assertThat(shown()).contains("VM status: running");
  }

  @Test
  void monitorAloneNeedsNoSerialLine() throws Exception {
    console(new Use(false, true, false, true));
    type("nmi\r");
    loopUntil(() -> machine.calls.contains("nmi"));
  }

  @Test
  void outputAppearsWithoutFlush() throws Exception {
    console(new Use(true, false, true, false));
    long start = System.nanoTime();
    for (char c : "login: ".toCharArray()) {
      serial.write((byte) c);
    }
    loopUntil(() -> screen.size() == 7);
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(2));
  }

  @Test
  void endOfInputIsNotTheEndOfTheGuest() throws Exception {
    console(new Use(true, false, true, false));
    type("poweroff\n");
    keyboard.close();
    loopUntil(() -> device.got.length() == 9);
    serial.write((byte) '!');
    assertThat(shown()).isEqualTo("!");
    assertThat(machine.calls).isEmpty();
  }

  @Test
  void timeStampsStartTheNextLine() throws Exception {
    console(new Use(true, false, true, false));
    type("\001tz");
    loopUntil(() -> device.got.length() == 1);
    for (char c : "a\nb\n".toCharArray()) {
      serial.write((byte) c);
    }
    assertThat(shown()).matches("a\n\\[\\d\\d:\\d\\d:\\d\\d\\.\\d{3}] b\n");
  }
}
