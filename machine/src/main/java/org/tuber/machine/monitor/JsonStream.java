package org.tuber.machine.monitor;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/**
 * Cuts a stream of JSON values into texts: an object or list ends where its last bracket closes,
 * anything else at the end of its line.
 */
final class JsonStream {
  private static final int MOST_BYTES = 64 << 20;

  private final ByteArrayOutputStream value = new ByteArrayOutputStream();
  private int depth;
  private byte quote;
  private boolean escaped;

  /** Takes bytes and gives every value that is complete to {@code sink}. */
  void feed(byte[] bytes, int length, Consumer<String> sink) {
    for (int i = 0; i < length; i++) {
      if (take(bytes[i])) {
        String text = value.toString(StandardCharsets.UTF_8).strip();
        value.reset();
        if (!text.isEmpty()) {
          sink.accept(text);
        }
      }
    }
  }

  /** True when the value is complete with this byte. */
  private boolean take(byte b) {
    if (value.size() >= MOST_BYTES) {
      reset();
      return true;
    }
    value.write(b);
    if (quote != 0) {
      if (escaped) {
        escaped = false;
      } else if (b == '\\') {
        escaped = true;
      } else if (b == quote) {
        quote = 0;
      }
      return false;
    }
    switch (b) {
      case '"', '\'' -> {
        if (depth > 0) {
          quote = b;
        }
      }
      case '{', '[' -> depth++;
      case '}', ']' -> {
        depth = Math.max(0, depth - 1);
        return depth == 0;
      }
      case '\n' -> {
        return depth == 0;
      }
      default -> {}
    }
    return false;
  }

  private void reset() {
    depth = 0;
    quote = 0;
    escaped = false;
  }
}
