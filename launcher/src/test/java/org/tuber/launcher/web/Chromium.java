package org.tuber.launcher.web;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** A headless Chromium with one page, driven through the Chrome DevTools Protocol. */
final class Chromium implements AutoCloseable {
  private static final JsonMapper MAPPER = JsonMapper.builder().build();
  private static final int PATIENCE_SECONDS = 60;

  private final Process process;
  private final WebSocket socket;
  private final Map<Integer, CompletableFuture<JsonNode>> answers = new ConcurrentHashMap<>();
  private int lastId;

  /** The browser's program, or null. */
  static Path program() {
    return Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
        .map(folder -> Path.of(folder, "chromium"))
        .filter(Files::isExecutable)
        .findFirst()
        .orElse(null);
  }

  /** Opens a page of 1000 by 640 pixels. */
  Chromium(Path dir, String url) throws Exception {
    process =
        new ProcessBuilder(
                program().toString(),
                "--headless=new",
                // Tests in containers run as root, which the sandbox refuses.
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--force-device-scale-factor=1",
                "--hide-scrollbars",
                "--no-first-run",
                "--window-size=1000,640",
                "--remote-debugging-port=0",
                "--user-data-dir=" + dir,
                url)
            .redirectErrorStream(true)
            .redirectOutput(dir.resolve("chromium.log").toFile())
            .start();
    try {
      Path portFile = dir.resolve("DevToolsActivePort");
      await("Chromium listens", () -> Files.exists(portFile) && Files.size(portFile) > 0);
      String port = Files.readAllLines(portFile).getFirst();
      HttpClient client = HttpClient.newHttpClient();
      String[] address = new String[1];
      await(
          "the page is there",
          () -> {
            HttpRequest list =
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/json/list"))
                    .build();
            String text = client.send(list, HttpResponse.BodyHandlers.ofString()).body();
            for (JsonNode target : MAPPER.readTree(text)) {
              if (target.path("type").asText().equals("page")
                  && target.path("url").asText().startsWith(url)) {
                address[0] = target.path("webSocketDebuggerUrl").asText();
              }
            }
            return address[0] != null;
          });
      socket =
          client
              .newWebSocketBuilder()
              .buildAsync(URI.create(address[0]), new Answers())
              .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (Exception | AssertionError e) {
      close();
      throw e;
    }
  }

  /** Something that becomes true. */
  interface Condition {
    boolean holds() throws Exception;
  }

  static void await(String what, Condition condition) throws Exception {
    for (int i = 0; i < PATIENCE_SECONDS * 10; i++) {
      if (condition.holds()) {
        return;
      }
      TimeUnit.MILLISECONDS.sleep(100);
    }
    throw new AssertionError("did not happen: " + what);
  }

  private final class Answers implements WebSocket.Listener {
    private final StringBuilder text = new StringBuilder();

    @Override
    public CompletionStage<?> onText(WebSocket from, CharSequence part, boolean last) {
      text.append(part);
      if (last) {
        try {
          JsonNode message = MAPPER.readTree(text.toString());
          CompletableFuture<JsonNode> answer = answers.remove(message.path("id").asInt());
          if (answer != null) {
            answer.complete(message);
          }
        } catch (IOException e) {
          throw new IllegalStateException(e);
        } finally {
          text.setLength(0);
        }
      }
      from.request(1);
      return null;
    }
  }

  private JsonNode call(String method, ObjectNode parameters) throws Exception {
    int id = ++lastId;
    CompletableFuture<JsonNode> answer = new CompletableFuture<>();
    answers.put(id, answer);
    ObjectNode message = MAPPER.createObjectNode().put("id", id).put("method", method);
    message.set("params", parameters);
    socket.sendText(message.toString(), true).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    JsonNode result = answer.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    if (result.has("error") || result.path("result").has("exceptionDetails")) {
      throw new IOException(method + ": " + result);
    }
    return result.path("result");
  }

  /** The value of a JavaScript expression, as text. */
  String evaluate(String expression) throws Exception {
    ObjectNode parameters =
        MAPPER.createObjectNode().put("expression", expression).put("returnByValue", true);
    return call("Runtime.evaluate", parameters).path("result").path("value").asText();
  }

  /** Presses and releases a key. */
  void key(String code, String key) throws Exception {
    for (String type : List.of("keyDown", "keyUp")) {
      ObjectNode parameters =
          MAPPER.createObjectNode().put("type", type).put("code", code).put("key", key);
      call("Input.dispatchKeyEvent", parameters);
      // A keyboard keeps only 16 bytes.
      TimeUnit.MILLISECONDS.sleep(20);
    }
  }

  /** Types lower-case letters. */
  void type(String letters) throws Exception {
    for (int i = 0; i < letters.length(); i++) {
      char c = letters.charAt(i);
      key("Key" + Character.toUpperCase(c), String.valueOf(c));
    }
  }

  /** What the page looks like, PNG. */
  byte[] screenshot() throws Exception {
    JsonNode data = call("Page.captureScreenshot", MAPPER.createObjectNode()).path("data");
    return Base64.getDecoder().decode(data.asText());
  }

  @Override
  public void close() {
    process.descendants().forEach(ProcessHandle::destroy);
    process.destroy();
    try {
      process.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
