package org.tuber.devices.display;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;

/** A picture as a file: portable pixmap (P6), or PNG (ISO/IEC 15948), true colour. */
public final class ScreenImage {
  private static final byte[] PNG_SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

  private ScreenImage() {}

  /** The picture as a portable pixmap. */
  public static byte[] ppm(DisplaySurface picture) {
    String header = "P6\n" + picture.width() + " " + picture.height() + "\n255\n";
    byte[] head = header.getBytes(StandardCharsets.US_ASCII);
    ByteBuffer out = ByteBuffer.allocate(head.length + 3 * picture.pixels().length);
    out.put(head);
    for (int pixel : picture.pixels()) {
      putColour(out, pixel);
    }
    return out.array();
  }

  /** The picture as PNG. */
  public static byte[] png(DisplaySurface picture) {
    int width = picture.width();
    ByteBuffer header = ByteBuffer.allocate(13);
    header.putInt(width).putInt(picture.height()).put(new byte[] {8, 2, 0, 0, 0});
    ByteBuffer rows = ByteBuffer.allocate((3 * width + 1) * picture.height());
    for (int y = 0; y < picture.height(); y++) {
      rows.put((byte) 0); // filter: none
      for (int x = 0; x < width; x++) {
        putColour(rows, picture.pixels()[y * width + x]);
      }
    }
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (DeflaterOutputStream deflater = new DeflaterOutputStream(packed)) {
      deflater.write(rows.array());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(PNG_SIGNATURE);
    chunk(out, "IHDR", header.array());
    chunk(out, "IDAT", packed.toByteArray());
    chunk(out, "IEND", new byte[0]);
    return out.toByteArray();
  }

  private static void putColour(ByteBuffer out, int pixel) {
    out.put((byte) (pixel >>> 16)).put((byte) (pixel >>> 8)).put((byte) pixel);
  }

  private static void chunk(ByteArrayOutputStream out, String type, byte[] data) {
    byte[] name = type.getBytes(StandardCharsets.US_ASCII);
    CRC32 crc = new CRC32();
    crc.update(name);
    crc.update(data);
    out.writeBytes(ByteBuffer.allocate(4).putInt(data.length).array());
    out.writeBytes(name);
    out.writeBytes(data);
    out.writeBytes(ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
  }
}
