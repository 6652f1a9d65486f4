package org.tuber.machine.firmware.fdt;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/**
 * Writes a device tree as the blob that kernels read: Devicetree Specification 0.4, chapter 5,
 * version 17, without memory reservations. Everything is big-endian.
 */
public final class FdtWriter {
  private static final int MAGIC = 0xd00d_feed;
  private static final int VERSION = 17;
  private static final int LAST_COMPATIBLE_VERSION = 16;
  private static final int HEADER_BYTES = 40;
  private static final int RESERVATIONS_BYTES = 16;
  private static final int BEGIN_NODE = 1;
  private static final int END_NODE = 2;
  private static final int PROPERTY = 3;
  private static final int END = 9;

  private final ByteArrayOutputStream structure = new ByteArrayOutputStream();
  private final DataOutputStream out = new DataOutputStream(structure);
  private final ByteArrayOutputStream names = new ByteArrayOutputStream();
  private final Map<String, Integer> nameOffsets = new HashMap<>();

  private FdtWriter() {}

  /** The blob of the tree under {@code root}. */
  public static byte[] write(FdtNode root) {
    FdtWriter writer = new FdtWriter();
    try {
      writer.node(root);
      writer.out.writeInt(END);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // a byte array has no errors
    }
    return writer.blob();
  }

  private void node(FdtNode node) throws IOException {
    out.writeInt(BEGIN_NODE);
    padded((node.name + "\0").getBytes(StandardCharsets.US_ASCII));
    for (Map.Entry<String, byte[]> p : node.properties.entrySet()) {
      out.writeInt(PROPERTY);
      out.writeInt(p.getValue().length);
      out.writeInt(nameOffset(p.getKey()));
      padded(p.getValue());
    }
    for (FdtNode child : node.children) {
      node(child);
    }
    out.writeInt(END_NODE);
  }

  private void padded(byte[] bytes) throws IOException {
    out.write(bytes);
    out.write(new byte[-bytes.length & 3]);
  }

  private int nameOffset(String name) {
    return nameOffsets.computeIfAbsent(
        name,
        n -> {
          int offset = names.size();
          names.writeBytes((n + "\0").getBytes(StandardCharsets.US_ASCII));
          return offset;
        });
  }

  private byte[] blob() {
    int structureAt = HEADER_BYTES + RESERVATIONS_BYTES;
    int namesAt = structureAt + structure.size();
    int total = namesAt + names.size() + 7 & ~7;
    ByteBuffer b = ByteBuffer.allocate(total);
    b.putInt(MAGIC).putInt(total).putInt(structureAt).putInt(namesAt).putInt(HEADER_BYTES);
    b.putInt(VERSION).putInt(LAST_COMPATIBLE_VERSION).putInt(0);
    b.putInt(names.size()).putInt(structure.size());
    b.putLong(0).putLong(0);
    b.put(structure.toByteArray()).put(names.toByteArray());
    return b.array();
  }
}
