package org.tuber.launcher.console;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import org.tuber.core.backend.CharBackend;

/**
 * A process with a console and no guest, for {@link TerminalTest}: answers each byte with its
 * hexadecimal value, until Ctrl-A x or until it is killed. {@code z} makes it end with an
 * exception.
 */
final class EchoConsole {
  private EchoConsole() {}

  /** Argument {@code signals}: Ctrl-C acts on the process. */
  public static void main(String[] args) throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    boolean[] fail = new boolean[1];
    StreamConsole console =
        StreamConsole.onStdio(new StreamConsole.Use(true, true, args.length == 0, args.length > 0));
    CharBackend serial = console.open(Runnable::run);
    serial.setReceiver(
        new CharBackend.Receiver() {
          @Override
          public int canReceive() {
            return 16;
          }

          @Override
          public void receive(byte[] bytes, int offset, int length) {
            for (int i = offset; i < offset + length; i++) {
              print(serial, String.format(Locale.ROOT, "<%02x>", bytes[i]));
              if (bytes[i] == 'z') {
                fail[0] = true;
                end.countDown();
              }
            }
          }
        });
    ScriptedRun machine =
        new ScriptedRun() {
          @Override
          public void quit(int status) {
            end.countDown();
          }
        };
    console.attach(machine);
    print(serial, "ready");
    end.await();
    if (fail[0]) {
      throw new IllegalStateException("asked to fail");
    }
    console.close();
    System.exit(0);
  }

  private static void print(CharBackend serial, String text) {
    for (byte value : text.getBytes(StandardCharsets.US_ASCII)) {
      serial.write(value);
    }
  }
}
