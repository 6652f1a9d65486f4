package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;

/**
 * The arguments of a command, or an object inside them: taken out by name and type; what nobody
 * took is refused by {@link #end}.
 */
public final class QmpArguments {
  private final ObjectNode node;
  private final Set<String> taken = new HashSet<>();

  /** Arguments; null: none. */
  public QmpArguments(ObjectNode node) {
    this.node = node == null ? JsonNodeFactory.instance.objectNode() : node;
  }

  private JsonNode optional(String name) {
    taken.add(name);
    JsonNode value = node.get(name);
    return value == null || value.isNull() ? null : value;
  }

  private JsonNode required(String name) throws QmpException {
    JsonNode value = optional(name);
    if (value == null) {
      throw new QmpException("Parameter '" + name + "' is missing");
    }
    return value;
  }

  private static QmpException wrongType(String name, String expected) {
    return new QmpException("Invalid parameter type for '" + name + "', expected: " + expected);
  }

  /** True when {@code name} was given. */
  public boolean has(String name) {
    return optional(name) != null;
  }

  /** True when {@code name} was given and is a string. */
  public boolean isText(String name) {
    JsonNode value = optional(name);
    return value != null && value.isTextual();
  }

  /** True when {@code name} was given as null. */
  public boolean isNull(String name) {
    taken.add(name);
    return node.path(name).isNull();
  }

  /** A string. */
  public String text(String name) throws QmpException {
    JsonNode value = required(name);
    if (!value.isTextual()) {
      throw wrongType(name, "string");
    }
    return value.textValue();
  }

  /** A string, or {@code otherwise}. */
  public String text(String name, String otherwise) throws QmpException {
    return has(name) ? text(name) : otherwise;
  }

  /** A whole number. */
  public long number(String name) throws QmpException {
    JsonNode value = required(name);
    if (!value.isIntegralNumber()) {
      throw wrongType(name, "integer");
    }
    return value.longValue();
  }

  /** A whole number, or {@code otherwise}. */
  public long number(String name, long otherwise) throws QmpException {
    return has(name) ? number(name) : otherwise;
  }

  /** A truth value. */
  public boolean flag(String name) throws QmpException {
    JsonNode value = required(name);
    if (!value.isBoolean()) {
      throw wrongType(name, "boolean");
    }
    return value.booleanValue();
  }

  /** A truth value, or {@code otherwise}. */
  public boolean flag(String name, boolean otherwise) throws QmpException {
    return has(name) ? flag(name) : otherwise;
  }

  /** A list. */
  public JsonNode list(String name) throws QmpException {
    JsonNode value = required(name);
    if (!value.isArray()) {
      throw wrongType(name, "array");
    }
    return value;
  }

  /** An object. */
  public QmpArguments object(String name) throws QmpException {
    JsonNode value = required(name);
    if (!value.isObject()) {
      throw wrongType(name, "object");
    }
    return new QmpArguments((ObjectNode) value);
  }

  /** A member of a list as an object. */
  public static QmpArguments member(String list, JsonNode value) throws QmpException {
    if (!value.isObject()) {
      throw wrongType(list, "object");
    }
    return new QmpArguments((ObjectNode) value);
  }

  /** Names of the arguments that have not been asked for. */
  public List<String> others() {
    List<String> names = new ArrayList<>();
    node.fieldNames()
        .forEachRemaining(
            name -> {
              if (!taken.contains(name)) {
                names.add(name);
              }
            });
    return names;
  }

  /** The arguments that have not been asked for, which are taken with this. */
  public ObjectNode rest() {
    ObjectNode rest = JsonNodeFactory.instance.objectNode();
    for (String name : others()) {
      rest.set(name, node.get(name));
      taken.add(name);
    }
    return rest;
  }

  /** An argument of any simple kind as text; a flag is {@code on} or {@code off}. */
  public String word(String name) throws QmpException {
    JsonNode value = required(name);
    if (value.isContainerNode()) {
      throw wrongType(name, "string");
    }
    return value.isBoolean() ? (value.asBoolean() ? "on" : "off") : value.asText();
  }

  /** Refuses what was not asked for. */
  public void end() throws QmpException {
    Iterator<String> names = node.fieldNames();
    while (names.hasNext()) {
      String name = names.next();
      if (!taken.contains(name)) {
        throw new QmpException("Parameter '" + name + "' is unexpected");
      }
    }
  }
}
