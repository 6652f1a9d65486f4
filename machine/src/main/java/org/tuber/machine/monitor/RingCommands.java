package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.node.TextNode;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import org.tuber.devices.character.RingBuffer;

/** QMP and the human monitor: lines whose output is kept in memory ({@code -chardev ringbuf}). */
public final class RingCommands implements QmpTable.Family, HumanTable.Family {
  private final Map<String, RingBuffer> rings;

  /** For these, by the names of their lines. */
  public RingCommands(Map<String, RingBuffer> rings) {
    this.rings = Map.copyOf(rings);
  }

  private RingBuffer ring(String name) throws QmpException {
    RingBuffer ring = rings.get(name);
    if (ring == null) {
      throw new QmpException("Device '" + name + "' not found");
    }
    return ring;
  }

  private static boolean isBase64(QmpArguments arguments) throws QmpException {
    String format = arguments.text("format", "utf8");
    if (!format.equals("utf8") && !format.equals("base64")) {
      throw new QmpException("Parameter 'format' does not accept value '" + format + "'");
    }
    return format.equals("base64");
  }

  @Override
  public void addTo(QmpTable table) {
    table.add(
        "ringbuf-read",
        arguments -> {
          RingBuffer ring = ring(arguments.text("device"));
          long size = arguments.number("size");
          boolean base64 = isBase64(arguments);
          arguments.end();
          if (size <= 0) {
            throw new QmpException("size must be greater than zero");
          }
          byte[] bytes = ring.take(size);
          return TextNode.valueOf(
              base64
                  ? Base64.getEncoder().encodeToString(bytes)
                  : new String(bytes, StandardCharsets.UTF_8));
        });
    table.add(
        "ringbuf-write",
        arguments -> {
          RingBuffer ring = ring(arguments.text("device"));
          String data = arguments.text("data");
          boolean base64 = isBase64(arguments);
          arguments.end();
          byte[] bytes = base64 ? decoded(data) : data.getBytes(StandardCharsets.UTF_8);
          ring.put(bytes, 0, bytes.length);
          return null;
        });
  }

  private static byte[] decoded(String data) throws QmpException {
    try {
      return Base64.getDecoder().decode(data);
    } catch (IllegalArgumentException e) {
      throw new QmpException("Base64 data '" + data + "' is not valid");
    }
  }

  @Override
  public void addTo(HumanTable table) {
    table.add(
        "ringbuf_read",
        "device size",
        "take the oldest output of a line that is kept in memory",
        text -> {
          String[] words = text.split("\\s+", 2);
          if (words.length < 2 || !words[1].matches("[1-9][0-9]{0,9}")) {
            throw new QmpException("ringbuf_read: needs a device and a size");
          }
          byte[] bytes = ring(words[0]).take(Long.parseLong(words[1]));
          return new String(bytes, StandardCharsets.UTF_8) + "\n";
        });
    table.add(
        "ringbuf_write",
        "device data",
        "add to it",
        text -> {
          String[] words = text.split("\\s+", 2);
          byte[] data = (words.length < 2 ? "" : words[1]).getBytes(StandardCharsets.UTF_8);
          ring(words[0]).put(data, 0, data.length);
          return "";
        });
  }
}
