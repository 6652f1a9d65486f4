package org.tuber.machine.monitor;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.Set;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One client of QMP (QEMU documentation, "QEMU Machine Protocol Specification"): greeting,
 * negotiation, commands, events.
 *
 * <p>Deviation: out-of-band execution is not offered; a client that asks for it is refused.
 */
public final class QmpSession {
  private static final Logger LOG = LoggerFactory.getLogger(QmpSession.class);
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .enable(JsonReadFeature.ALLOW_SINGLE_QUOTES)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .build();
  private static final Set<String> MEMBERS = Set.of("execute", "exec-oob", "arguments", "id");

  private final Qmp qmp;
  private final Consumer<byte[]> out;
  private final JsonStream in = new JsonStream();
  private volatile boolean negotiated;

  /**
   * A client.
   *
   * @param out takes what we say; any thread
   */
  public QmpSession(Qmp qmp, Consumer<byte[]> out) {
    this.qmp = qmp;
    this.out = out;
  }

  /** The client is there. */
  public void open() {
    ObjectNode greeting = JSON.objectNode();
    greeting.set("version", qmp.version());
    greeting.set("capabilities", JSON.arrayNode());
    say((ObjectNode) JSON.objectNode().set("QMP", greeting));
    qmp.join(this);
  }

  /** The client has gone. */
  public void close() {
    qmp.leave(this);
  }

  /** Takes what the client says. One thread at a time. */
  public void feed(byte[] bytes, int length) {
    in.feed(bytes, length, this::request);
  }

  void event(ObjectNode message) {
    if (negotiated) {
      say(message);
    }
  }

  private void say(ObjectNode message) {
    out.accept((message + "\r\n").getBytes(StandardCharsets.UTF_8));
  }

  private void request(String text) {
    JsonNode id = null;
    ObjectNode answer = JSON.objectNode();
    try {
      JsonNode request = parse(text);
      if (!request.isObject()) {
        throw new QmpException("QMP input must be a JSON object");
      }
      id = request.get("id");
      JsonNode result = execute((ObjectNode) request);
      answer.set("return", result == null ? JSON.objectNode() : result);
    } catch (QmpException e) {
      ObjectNode error = JSON.objectNode().put("class", e.errorClass()).put("desc", e.getMessage());
      answer.set("error", error);
    } catch (RuntimeException e) {
      LOG.error("QMP: {}", text, e);
      ObjectNode error =
          JSON.objectNode().put("class", "GenericError").put("desc", "internal error");
      answer.set("error", error);
    }
    if (id != null) {
      answer.set("id", id);
    }
    say(answer);
  }

  private static JsonNode parse(String text) throws QmpException {
    try {
      return MAPPER.readTree(text);
    } catch (JsonProcessingException e) {
      throw new QmpException("JSON parse error, " + e.getOriginalMessage());
    }
  }

  private JsonNode execute(ObjectNode request) throws QmpException {
    Iterator<String> names = request.fieldNames();
    while (names.hasNext()) {
      String name = names.next();
      if (!MEMBERS.contains(name)) {
        throw new QmpException("QMP input member '" + name + "' is unexpected");
      }
    }
    JsonNode command = request.get("execute");
    if (command == null) {
      throw new QmpException(
          request.has("exec-oob")
              ? "Out-of-band execution is not enabled"
              : "QMP input lacks member 'execute'");
    }
    if (!command.isTextual()) {
      throw new QmpException("QMP input member 'execute' must be a string");
    }
    JsonNode arguments = request.get("arguments");
    if (arguments != null && !arguments.isObject()) {
      throw new QmpException("QMP input member 'arguments' must be an object");
    }
    String name = command.textValue();
    if (name.equals("qmp_capabilities")) {
      return negotiate((ObjectNode) arguments);
    }
    if (!negotiated) {
      throw new QmpException(
          QmpException.Kind.COMMAND_NOT_FOUND,
          "Expecting capabilities negotiation with 'qmp_capabilities'");
    }
    return qmp.run(name, (ObjectNode) arguments);
  }

  private JsonNode negotiate(ObjectNode given) throws QmpException {
    if (negotiated) {
      throw new QmpException(
          QmpException.Kind.COMMAND_NOT_FOUND,
          "Capabilities negotiation is already complete, command ignored");
    }
    QmpArguments arguments = new QmpArguments(given);
    if (arguments.has("enable") && !arguments.list("enable").isEmpty()) {
      throw new QmpException(
          "Capability '" + arguments.list("enable").get(0).asText() + "' is not available");
    }
    arguments.end();
    negotiated = true;
    return null;
  }
}
