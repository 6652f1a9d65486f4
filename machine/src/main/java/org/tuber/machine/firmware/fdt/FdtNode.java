package org.tuber.machine.firmware.fdt;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A node of a device tree: properties and children in the order in which they were added. */
public final class FdtNode {
  final String name;
  final Map<String, byte[]> properties = new LinkedHashMap<>();
  final List<FdtNode> children = new ArrayList<>();

  private FdtNode(String name) {
    this.name = name;
  }

  /** The root of a tree. */
  public static FdtNode root() {
    return new FdtNode("");
  }

  /** Adds a child, {@code name@unit-address} where it has an address. */
  public FdtNode child(String childName) {
    FdtNode node = new FdtNode(childName);
    children.add(node);
    return node;
  }

  /** A property without value. */
  public FdtNode flag(String property) {
    return bytes(property, new byte[0]);
  }

  /** A property of 32-bit cells. */
  public FdtNode cells(String property, int... cells) {
    ByteBuffer value = ByteBuffer.allocate(4 * cells.length);
    for (int cell : cells) {
      value.putInt(cell);
    }
    return bytes(property, value.array());
  }

  /** A property of 64-bit numbers, two cells each: addresses and sizes. */
  public FdtNode longs(String property, long... numbers) {
    ByteBuffer value = ByteBuffer.allocate(8 * numbers.length);
    for (long number : numbers) {
      value.putLong(number);
    }
    return bytes(property, value.array());
  }

  /** A property of one or more strings. */
  public FdtNode strings(String property, String... strings) {
    return bytes(property, (String.join("\0", strings) + "\0").getBytes(StandardCharsets.UTF_8));
  }

  /** A property of plain bytes. */
  public FdtNode bytes(String property, byte[] value) {
    properties.put(property, value.clone());
    return this;
  }
}
