package org.tuber.launcher;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.ConnectException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/** A client with what the server has said, line by line. */
final class QmpClient implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final int MOST_TRIES = 200;
  private static final long TRY_NANOS = 50_000_000;

  private final SocketChannel socket;
  private final BufferedReader in;

  QmpClient(Path path) throws IOException {
    socket = connect(path);
    in =
        new BufferedReader(
            new InputStreamReader(Channels.newInputStream(socket), StandardCharsets.UTF_8));
  }

  /** The file is there a moment before somebody listens, on a busy host a long one. */
  private static SocketChannel connect(Path path) throws IOException {
    for (int i = 0; ; i++) {
      try {
        return SocketChannel.open(UnixDomainSocketAddress.of(path));
      } catch (ConnectException e) {
        if (i == MOST_TRIES) {
          throw e;
        }
        LockSupport.parkNanos(TRY_NANOS);
      }
    }
  }

  JsonNode next() throws IOException {
    String line = in.readLine();
    return line == null ? null : JSON.readTree(line);
  }

  /** Asks; events up to the answer go to {@code events}. */
  JsonNode ask(String text, List<String> events) throws IOException {
    String request = text.replace('\'', '"') + "\n";
    socket.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.UTF_8)));
    for (JsonNode answer; (answer = next()) != null; ) {
      if (!answer.has("event")) {
        return answer;
      }
      events.add(answer.get("event").asText() + " " + answer.path("data"));
    }
    throw new IOException("no answer to " + text);
  }

  /** The next event with this name. */
  JsonNode await(String event) throws IOException {
    for (JsonNode node; (node = next()) != null; ) {
      if (node.path("event").asText().equals(event)) {
        return node;
      }
    }
    throw new IOException("no event " + event);
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
