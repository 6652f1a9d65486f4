package org.tuber.devices.display.vnc;

import io.netty.buffer.ByteBuf;

/**
 * How a client wants its pixels, true colour only. RFC 6143, section 7.4.
 *
 * @param bits 8, 16 or 32 for each pixel
 * @param depth bits that count
 * @param bigEndian high byte first
 */
record RfbPixelFormat(
    int bits,
    int depth,
    boolean bigEndian,
    int redMax,
    int greenMax,
    int blueMax,
    int redShift,
    int greenShift,
    int blueShift) {
  static final int BYTES = 16;
  static final RfbPixelFormat DEFAULT = new RfbPixelFormat(32, 24, false, 255, 255, 255, 16, 8, 0);

  /** Reads what a client asks for; null when that cannot be served. */
  static RfbPixelFormat read(ByteBuf in) {
    int bits = in.readUnsignedByte();
    int depth = in.readUnsignedByte();
    boolean bigEndian = in.readByte() != 0;
    boolean trueColour = in.readByte() != 0;
    RfbPixelFormat format =
        new RfbPixelFormat(
            bits,
            depth,
            bigEndian,
            in.readUnsignedShort(),
            in.readUnsignedShort(),
            in.readUnsignedShort(),
            in.readUnsignedByte(),
            in.readUnsignedByte(),
            in.readUnsignedByte());
    in.skipBytes(3);
    boolean shifts = format.redShift < 32 && format.greenShift < 32 && format.blueShift < 32;
    return trueColour && shifts && (bits == 8 || bits == 16 || bits == 32) ? format : null;
  }

  void write(ByteBuf out) {
    out.writeByte(bits).writeByte(depth).writeByte(bigEndian ? 1 : 0).writeByte(1);
    out.writeShort(redMax).writeShort(greenMax).writeShort(blueMax);
    out.writeByte(redShift).writeByte(greenShift).writeByte(blueShift).writeZero(3);
  }

  private int convert(int pixel) {
    int red = ((pixel >> 16 & 0xff) * redMax + 127) / 255;
    int green = ((pixel >> 8 & 0xff) * greenMax + 127) / 255;
    int blue = ((pixel & 0xff) * blueMax + 127) / 255;
    return red << redShift | green << greenShift | blue << blueShift;
  }

  /** Appends a pixel. */
  void put(ByteBuf out, int pixel) {
    int value = convert(pixel);
    switch (bits) {
      case 8 -> out.writeByte(value);
      case 16 -> {
        if (bigEndian) {
          out.writeShort(value);
        } else {
          out.writeShortLE(value);
        }
      }
      default -> {
        if (bigEndian) {
          out.writeInt(value);
        } else {
          out.writeIntLE(value);
        }
      }
    }
  }

  /** Appends a compressed pixel: three bytes where the fourth says nothing. */
  void putCompressed(ByteBuf out, int pixel) {
    int used = redMax << redShift | greenMax << greenShift | blueMax << blueShift;
    boolean low = (used & 0xff00_0000) == 0;
    if (bits != 32 || depth > 24 || !low && (used & 0xff) != 0) {
      put(out, pixel);
      return;
    }
    int value = low ? convert(pixel) : convert(pixel) >>> 8;
    if (bigEndian) {
      out.writeMedium(value);
    } else {
      out.writeMediumLE(value);
    }
  }

  /** Appends a pixel of the Tight encoding: red, green and blue where each has eight bits. */
  void putTight(ByteBuf out, int pixel) {
    if (bits == 32 && depth == 24 && (redMax & greenMax & blueMax) == 255) {
      out.writeMedium(pixel);
    } else {
      put(out, pixel);
    }
  }
}
