package org.tuber.perf.report;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import org.tuber.launcher.CommandLineException;

/** The same numbers for programs. */
public final class JsonFile {
  private static final ObjectMapper MAPPER =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  private JsonFile() {}

  /** An empty object. */
  public static ObjectNode object() {
    return MAPPER.createObjectNode();
  }

  /** An array of numbers. */
  public static ArrayNode numbers(double... values) {
    ArrayNode array = MAPPER.createArrayNode();
    for (double value : values) {
      array.add(value);
    }
    return array;
  }

  /** Median and spread. */
  public static ObjectNode of(Samples samples) {
    return object()
        .put("median", samples.median())
        .put("min", samples.min())
        .put("max", samples.max())
        .put("count", samples.count());
  }

  /** Writes the file. */
  public static void write(Path file, ObjectNode content) {
    try {
      MAPPER.writeValue(file.toFile(), content);
    } catch (IOException e) {
      throw new CommandLineException("--json " + file + ": " + e.getMessage());
    }
  }
}
