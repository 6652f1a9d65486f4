package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A running machine whose serial line a test reads and types on.
 *
 * <p>What moves a terminal's cursor or sets its colours is left out of what is read: SeaBIOS, which
 * shows its text screen on the serial line, puts such sequences between any two letters, wherever
 * its timer happens to interrupt.
 */
final class Conversation implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofMinutes(5);

  private final Process process;
  private static final int ESCAPE = 0x1b;

  private final StringBuilder said = new StringBuilder();

  /** Of an escape sequence so far: 0 nothing, 1 ESC, 2 ESC [. */
  private int sequence;

  private int heard;

  /** Starts {@code tuber system-x86_64} with the options in {@code line} and {@code more}. */
  static Conversation with(String line, String... more) throws IOException {
    List<String> words = Arrays.asList(line.split(" ", -1));
    return new Conversation(
        TuberProcess.builder(
            true,
            Stream.of(Stream.of("system-x86_64"), words.stream(), Stream.of(more))
                .flatMap(s -> s)
                .toArray(String[]::new)));
  }

  private Conversation(ProcessBuilder builder) throws IOException {
    process = builder.redirectErrorStream(true).start();
    InputStream in = process.getInputStream();
    Thread.ofPlatform().daemon().name("listener").start(() -> listen(in));
  }

  private void listen(InputStream in) {
    byte[] buffer = new byte[4096];
    try {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        hear(new String(buffer, 0, n, StandardCharsets.ISO_8859_1));
      }
    } catch (IOException e) {
      // The machine has ended.
    }
    hearTheEnd();
  }

  private synchronized void hear(String text) {
    for (int i = 0; i < text.length(); i++) {
      hear(text.charAt(i));
    }
    notifyAll();
  }

  private synchronized void hearTheEnd() {
    sequence = 0;
    hear("\n<END>");
  }

  private void hear(char c) {
    if (c == ESCAPE) {
      sequence = 1;
    } else if (sequence == 1) {
      sequence = c == '[' ? 2 : 0;
    } else if (sequence == 2) {
      sequence = c >= '@' ? 0 : 2;
    } else {
      said.append(c);
    }
  }

  /** Waits until the machine says {@code text}, after what was waited for before. */
  void await(String text) throws InterruptedException {
    await(text, PATIENCE);
  }

  /** The same for what takes longer. */
  synchronized void await(String text, Duration patience) throws InterruptedException {
    long end = System.nanoTime() + patience.toNanos();
    while (said.indexOf(text, heard) < 0) {
      long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
      if (left <= 0 || said.indexOf("\n<END>") >= 0) {
        assertThat(said).contains(text);
        assertThat(said.substring(heard)).contains(text);
      }
      wait(Math.max(1, left));
    }
    heard = said.indexOf(text, heard) + text.length();
  }

  /** Types on the serial line. */
  void type(String text) throws IOException {
    process.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
    process.getOutputStream().flush();
  }

  /** Waits for the end and gives the status. */
  int status() throws InterruptedException {
    assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).as(text()).isTrue();
    return process.exitValue();
  }

  /** What was said until now. */
  synchronized String text() {
    return said.toString();
  }

  /** Kills the emulator (SIGKILL) and waits until it is gone. */
  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }
}
