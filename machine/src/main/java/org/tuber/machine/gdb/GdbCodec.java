package org.tuber.machine.gdb;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageCodec;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Packets of the remote serial protocol (GDB manual, "Overview"): {@code $data#checksum}, each
 * acknowledged until both sides agree not to. Packets are strings of bytes as ISO 8859-1; the
 * interrupt byte arrives as {@link #INTERRUPT}.
 */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports failures to exceptionCaught
final class GdbCodec extends ByteToMessageCodec<String> {
  /** The byte 03H between packets. */
  static final String INTERRUPT = "\003";

  /** Most bytes of a packet in either direction. */
  static final int MOST_BYTES = 0x4000;

  private final StringBuilder packet = new StringBuilder();
  private boolean inPacket;
  private int checksumDigits;
  private int checksum;
  private boolean acknowledges = true;
  private String last = "";

  /** No acknowledgements from now on. */
  void stopAcknowledging() {
    acknowledges = false;
  }

  @Override
  protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
    while (in.isReadable()) {
      int b = in.readUnsignedByte();
      if (!inPacket) {
        outside(ctx, b, out);
      } else if (checksumDigits > 0) {
        checksum = checksum << 4 | Math.max(0, Character.digit(b, 16));
        if (--checksumDigits == 0) {
          inPacket = false;
          complete(ctx, out);
        }
      } else if (b == '#') {
        checksumDigits = 2;
        checksum = 0;
      } else {
        packet.append((char) b);
        if (packet.length() > 2 * MOST_BYTES) {
          ctx.close();
          return;
        }
      }
    }
  }

  private void outside(ChannelHandlerContext ctx, int b, List<Object> out) {
    switch (b) {
      case '$' -> {
        packet.setLength(0);
        inPacket = true;
      }
      case 3 -> out.add(INTERRUPT);
      case '-' -> {
        if (acknowledges && !last.isEmpty()) {
          ctx.writeAndFlush(ctx.alloc().buffer().writeBytes(bytes(last)));
        }
      }
      default -> {} // '+', or noise between packets.
    }
  }

  private void complete(ChannelHandlerContext ctx, List<Object> out) {
    String data = packet.toString();
    boolean good = sum(data) == checksum;
    if (acknowledges) {
      ctx.writeAndFlush(ctx.alloc().buffer().writeByte(good ? '+' : '-'));
    }
    if (good) {
      out.add(data);
    }
  }

  private static int sum(String data) {
    int sum = 0;
    for (int i = 0; i < data.length(); i++) {
      sum += data.charAt(i);
    }
    return sum & 0xff;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  @Override
  protected void encode(ChannelHandlerContext ctx, String data, ByteBuf out) {
    last = "$" + data + "#" + "%02x".formatted(sum(data));
    out.writeBytes(bytes(last));
  }

  /** Marks what may not stand in a packet as it is (GDB manual, "Binary Data"). */
  static String escape(String data) {
    StringBuilder text = new StringBuilder(data.length());
    for (int i = 0; i < data.length(); i++) {
      char c = data.charAt(i);
      if (c == '#' || c == '$' || c == '}' || c == '*') {
        text.append('}').append((char) (c ^ 0x20));
      } else {
        text.append(c);
      }
    }
    return text.toString();
  }

  /** Takes {@link #escape} back. */
  static byte[] unescape(String data) {
    StringBuilder text = new StringBuilder(data.length());
    for (int i = 0; i < data.length(); i++) {
      char c = data.charAt(i);
      if (c == '}' && i + 1 < data.length()) {
        c = (char) (data.charAt(++i) ^ 0x20);
      }
      text.append(c);
    }
    return bytes(text.toString());
  }
}
