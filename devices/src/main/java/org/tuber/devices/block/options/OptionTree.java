package org.tuber.devices.block.options;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.Map;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.Sizes;

/**
 * What describes an image beside a file name: options with dotted names, {@code
 * file.server.0.host=x}, as QEMU's {@code --image-opts}, {@code -drive} and {@code blockdev-add}
 * have them. Whoever understands an option takes it out; {@link #end} refuses what is left.
 */
public final class OptionTree {
  /** What names begin with that are descriptions. */
  public static final String JSON = "json:";

  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final String image;
  private final Map<String, String> all;
  private final String prefix;

  private OptionTree(String image, Map<String, String> all, String prefix) {
    this.image = image;
    this.all = all;
    this.prefix = prefix;
  }

  /** Options by dotted name; {@code image} is for messages. */
  public static OptionTree of(String image, Map<String, String> options) {
    return new OptionTree(image, new LinkedHashMap<>(options), "");
  }

  /** The options in an object; a null stands for none, which is an empty text. */
  public static OptionTree of(String image, ObjectNode options) {
    Map<String, String> all = new LinkedHashMap<>();
    flatten("", options, all);
    return new OptionTree(image, all, "");
  }

  private static void flatten(String prefix, JsonNode node, Map<String, String> all) {
    if (node.isObject()) {
      node.properties().forEach(m -> flatten(prefix + m.getKey() + ".", m.getValue(), all));
    } else if (node.isArray()) {
      for (int i = 0; i < node.size(); i++) {
        flatten(prefix + i + ".", node.get(i), all);
      }
    } else {
      String name = prefix.substring(0, prefix.length() - 1);
      all.put(
          name,
          node.isBoolean() ? node.asBoolean() ? "on" : "off" : node.isNull() ? "" : node.asText());
    }
  }

  /** The description in a name that begins with {@link #JSON}. */
  public static OptionTree parse(String name) throws ImageException {
    try {
      JsonNode node = MAPPER.readTree(name.substring(JSON.length()));
      if (node instanceof ObjectNode options) {
        return of(name, options);
      }
      throw new ImageException(name, "JSON", "Invalid JSON object given");
    } catch (JacksonException e) {
      throw new ImageException(
          name, "JSON", "Could not parse the JSON options: " + e.getOriginalMessage(), e);
    }
  }

  /** A name that {@link #parse} understands as these options. */
  public String name() {
    ObjectNode root = MAPPER.createObjectNode();
    all.forEach(
        (key, value) -> {
          if (key.startsWith(prefix)) {
            root.put(key.substring(prefix.length()), value);
          }
        });
    return JSON + root;
  }

  /** What the options are for, for messages. */
  String image() {
    return image;
  }

  /** The options whose names begin with a word and a dot. */
  public OptionTree at(String name) {
    return new OptionTree(image, all, prefix + name + ".");
  }

  /** Takes all there are. */
  void clear() {
    all.keySet().removeIf(k -> k.startsWith(prefix));
  }

  /** True if there are none. */
  public boolean isEmpty() {
    return all.keySet().stream().noneMatch(k -> k.startsWith(prefix));
  }

  /** The first option that nobody took. */
  public String first() {
    return all.keySet().stream()
        .filter(k -> k.startsWith(prefix))
        .findFirst()
        .map(k -> k.substring(prefix.length()))
        .orElseThrow();
  }

  /** True if there is such an option. */
  public boolean has(String name) {
    return all.containsKey(prefix + name);
  }

  /** Takes an option; null if it was not given. */
  public String take(String name) {
    return all.remove(prefix + name);
  }

  /** Takes an option that may have another name. */
  String take(String name, String other) {
    String value = take(name);
    String second = take(other);
    return value == null ? second : value;
  }

  /** Takes an option that has to be there. */
  String require(String name) throws ImageException {
    String value = take(name);
    if (value == null) {
      throw bad(name, "Parameter '" + shown(name) + "' is missing");
    }
    return value;
  }

  /** The name as in messages: {@code server[0].host}. */
  private String shown(String name) {
    String local = prefix.startsWith("file.") ? prefix.substring(5) : prefix;
    return (local + name).replaceAll("\\.([0-9]+)(?=\\.|$)", "[$1]");
  }

  /** Takes options that make no difference here. */
  void ignore(String... names) {
    for (String n : names) {
      take(n);
    }
  }

  /** Takes an option that is on or off. */
  boolean flag(String name, boolean otherwise) throws ImageException {
    String value = take(name);
    if (value == null) {
      return otherwise;
    }
    return switch (value) {
      case "on", "yes", "true", "y" -> true;
      case "off", "no", "false", "n" -> false;
      default -> throw bad(name, "Parameter '" + shown(name) + "' expects 'on' or 'off'");
    };
  }

  /** Takes a size: a number with an optional suffix. */
  long bytes(String name, long otherwise) throws ImageException {
    String value = take(name);
    return value == null ? otherwise : Sizes.parse(image, name, value);
  }

  /** Takes a choice. */
  String choice(String name, String otherwise, String... known) throws ImageException {
    String value = take(name);
    if (value == null) {
      return otherwise;
    }
    for (String k : known) {
      if (k.equals(value)) {
        return value;
      }
    }
    throw bad(name, "Parameter '" + shown(name) + "' does not accept value '" + value + "'");
  }

  ImageException bad(String name, String problem) {
    return new ImageException(image, prefix + name, problem);
  }

  /** Refuses what nobody took. */
  void end(String whatDoesNot) throws ImageException {
    for (String key : all.keySet()) {
      if (key.startsWith(prefix)) {
        String name = key.substring(prefix.length());
        throw bad(name, whatDoesNot + " support the option '" + name + "'");
      }
    }
  }
}
