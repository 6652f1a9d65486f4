package org.tuber.launcher;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** A machine whose serial line is its standard input and output: waits for words, types others. */
final class SerialLine implements AutoCloseable {
  private static final long LOOK_MILLIS = 100;

  private final Process tuber;
  private final Path out;
  private int seen;

  /** Starts {@code tuber} with {@code arguments}; what it says is kept in {@code folder}. */
  SerialLine(Path folder, String... arguments) throws IOException {
    out = Files.createTempFile(folder, "serial", ".out");
    tuber =
        TuberProcess.builder(true, arguments)
            .redirectErrorStream(true)
            .redirectOutput(out.toFile())
            .start();
  }

  /** All that was said so far. */
  String text() throws IOException {
    return Files.readString(out, ISO_8859_1);
  }

  /** Waits until {@code words} come, after what was awaited before. */
  void await(String words) throws IOException, InterruptedException {
    while (true) {
      // First the state, then the text: what it said last is not missed.
      boolean ended = tuber.waitFor(LOOK_MILLIS, TimeUnit.MILLISECONDS);
      String text = text();
      int at = text.indexOf(words, seen);
      if (at >= 0) {
        seen = at + words.length();
        return;
      }
      assertThat(ended).as("ended without '%s': %s", words, text).isFalse();
    }
  }

  /** Types. */
  void type(String keys) throws IOException {
    tuber.getOutputStream().write(keys.getBytes(ISO_8859_1));
    tuber.getOutputStream().flush();
  }

  /** Waits for the end; the exit status. */
  int end() throws InterruptedException {
    return tuber.waitFor();
  }

  @Override
  public void close() {
    tuber.destroyForcibly();
  }
}
