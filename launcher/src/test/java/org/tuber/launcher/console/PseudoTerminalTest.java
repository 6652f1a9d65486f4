package org.tuber.launcher.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.tuber.core.backend.CharBackend;

@EnabledOnOs(OS.LINUX)
@Timeout(20)
class PseudoTerminalTest {
  private static StreamConsole console(PseudoTerminal pty) {
    return StreamConsole.open(new StreamConsole.Use(true, false, false, true), HostLine.pty(pty));
  }

  @Test
  void bytesGoBothWaysUnchanged() throws Exception {
    BlockingQueue<Runnable> loop = new LinkedBlockingQueue<>();
    StringBuilder got = new StringBuilder();
    PseudoTerminal pty = new PseudoTerminal();
    StreamConsole console = console(pty);
    CharBackend backend = console.open(loop::add);
    backend.setReceiver(
        new CharBackend.Receiver() {
          @Override
          public int canReceive() {
            return 16;
          }

          @Override
          public void receive(byte[] bytes, int offset, int length) {
            got.append(new String(bytes, offset, length, StandardCharsets.ISO_8859_1));
          }
        });
    console.attach(new ScriptedRun());
    try (RandomAccessFile far = new RandomAccessFile(pty.name(), "rw")) {
      for (char c : "a\r\n\003".toCharArray()) {
        backend.write((byte) c);
      }
      byte[] read = new byte[4];
      far.readFully(read);
      assertThat(read).containsExactly('a', '\r', '\n', 3);
      far.write("x\r\004".getBytes(StandardCharsets.ISO_8859_1));
      while (got.length() < 3) {
        Runnable task = loop.poll(10, TimeUnit.MILLISECONDS);
        if (task != null) {
          task.run();
        }
      }
      assertThat(got.toString()).isEqualTo("x\r\004");
    }
    backend.close();
  }

  @Test
  void withoutListenerOutputDoesNotHoldUpTheGuest() throws Exception {
    CharBackend backend = console(new PseudoTerminal()).open(Runnable::run);
    for (int i = 0; i < 500_000; i++) {
      backend.write((byte) 'x');
    }
    backend.flush();
    backend.close();
  }
}
