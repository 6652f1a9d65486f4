package org.tuber.devices.display.vnc;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import javax.crypto.Cipher;
import javax.crypto.spec.SecretKeySpec;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.backend.InputSource;
import org.tuber.core.backend.KeyCode;
import org.tuber.devices.display.DisplaySurface;

/**
 * One VNC client: handshake, its messages, and the updates it asked for.
 *
 * <p>RFC 6143 (RFB 3.3, 3.7 and 3.8). Updates are found by comparing the picture with the one sent
 * last, in tiles, at most every 33 ms and only while the client asks. Of the community's extensions
 * ("The RFB Protocol", rfbproto) there are the QEMU extended key event, which names keys by place,
 * and the QEMU pointer motion change: the guest's mouse tells movements, so clients that can send
 * those do. Deviations: colour maps are refused; cut text is ignored; clients that cannot change
 * size see the part that fits.
 */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports failures to exceptionCaught
final class VncSession extends ByteToMessageDecoder {
  private static final Logger LOG = LoggerFactory.getLogger(VncSession.class);
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final int VERSION_BYTES = 12;
  private static final int SECURITY_NONE = 1;
  private static final int SECURITY_VNC = 2;
  private static final int CHALLENGE_BYTES = 16;
  private static final int DESKTOP_SIZE = -223;
  private static final int POINTER_MOTION = -257;
  private static final int EXTENDED_KEY = -258;
  private static final int QEMU_MESSAGE = 255;
  private static final int MOTION_ZERO = 0x7fff;
  private static final int REFRESH_MILLIS = 33;

  /** Updates are made of squares with this many pixels each way. */
  static final int TILE = 64;

  private static final int MAX_CUT_TEXT = 1 << 20;

  private enum Phase {
    VERSION,
    SECURITY,
    RESPONSE,
    INIT,
    MESSAGES
  }

  private final VncServer.Console console;
  private final String name;
  private final byte[] password;
  private final RfbEncoder encoder = new RfbEncoder();
  private final DisplaySurface picture = new DisplaySurface();
  private final Set<KeyCode> down = EnumSet.noneOf(KeyCode.class);
  private DisplaySurface sent = new DisplaySurface();
  private Phase phase = Phase.VERSION;
  private int minor;
  private byte[] challenge;
  private int encoding = RfbEncoder.RAW;
  private boolean begun;
  private boolean resizable;
  private boolean tellsMotion;
  private boolean copies;
  private boolean wanted;
  private boolean whole;
  private int clientWidth;
  private int clientHeight;
  private int skip;
  private int pointerX = -1;
  private int pointerY;
  private int buttonMask;
  private Future<?> refreshes;

  VncSession(VncServer.Console console, String name, byte[] password) {
    this.console = console;
    this.name = name;
    this.password = password == null ? null : password.clone();
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    // Behind a WebSocket the connection is older than the session.
    if (ctx.channel().isActive() && ctx.channel().isRegistered()) {
      begin(ctx);
    }
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    begin(ctx);
    ctx.fireChannelActive();
  }

  private void begin(ChannelHandlerContext ctx) {
    if (begun) {
      return;
    }
    begun = true;
    ctx.writeAndFlush(ascii(ctx, "RFB 003.008\n"));
    refreshes =
        ctx.executor()
            .scheduleWithFixedDelay(
                () -> refresh(ctx), REFRESH_MILLIS, REFRESH_MILLIS, TimeUnit.MILLISECONDS);
  }

  private static ByteBuf ascii(ChannelHandlerContext ctx, String text) {
    return ctx.alloc().buffer().writeBytes(text.getBytes(StandardCharsets.US_ASCII));
  }

  @Override
  protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
    switch (phase) {
      case VERSION -> version(ctx, in);
      case SECURITY -> security(ctx, in);
      case RESPONSE -> response(ctx, in);
      case INIT -> {
        in.skipBytes(1); // Whether to share: always.
        start(ctx);
      }
      case MESSAGES -> message(ctx, in);
    }
  }

  // Handshake.

  private void version(ChannelHandlerContext ctx, ByteBuf in) {
    if (in.readableBytes() < VERSION_BYTES) {
      return;
    }
    String text = in.readCharSequence(VERSION_BYTES, StandardCharsets.US_ASCII).toString();
    if (!text.matches("RFB 003\\.\\d{3}\n")) {
      ctx.close();
      return;
    }
    int asked = Integer.parseInt(text.substring(8, 11));
    minor = asked >= 8 ? 8 : asked == 7 ? 7 : 3;
    int type = password == null ? SECURITY_NONE : SECURITY_VNC;
    if (minor >= 7) {
      ctx.writeAndFlush(ctx.alloc().buffer().writeByte(1).writeByte(type));
      phase = Phase.SECURITY;
    } else {
      ctx.write(ctx.alloc().buffer().writeInt(type));
      chosen(ctx);
    }
  }

  private void security(ChannelHandlerContext ctx, ByteBuf in) {
    int type = in.readUnsignedByte();
    if (type != (password == null ? SECURITY_NONE : SECURITY_VNC)) {
      refuse(ctx, "this security type was not offered");
      return;
    }
    chosen(ctx);
  }

  private void chosen(ChannelHandlerContext ctx) {
    if (password != null) {
      challenge = new byte[CHALLENGE_BYTES];
      RANDOM.nextBytes(challenge);
      ctx.writeAndFlush(ctx.alloc().buffer().writeBytes(challenge));
      phase = Phase.RESPONSE;
      return;
    }
    if (minor >= 8) {
      ctx.write(ctx.alloc().buffer().writeInt(0));
    }
    ctx.flush();
    phase = Phase.INIT;
  }

  private void response(ChannelHandlerContext ctx, ByteBuf in) {
    if (in.readableBytes() < CHALLENGE_BYTES) {
      return;
    }
    byte[] answer = new byte[CHALLENGE_BYTES];
    in.readBytes(answer);
    if (!MessageDigest.isEqual(answer, expected(password, challenge))) {
      refuse(ctx, "wrong password");
      return;
    }
    ctx.writeAndFlush(ctx.alloc().buffer().writeInt(0));
    phase = Phase.INIT;
  }

  /** DES of the challenge; the protocol takes each byte of the key with its bits in reverse. */
  @SuppressWarnings("InsecureCryptoUsage") // the protocol's own
  static byte[] expected(byte[] password, byte[] challenge) {
    byte[] key = new byte[8];
    for (int i = 0; i < Math.min(key.length, password.length); i++) {
      key[i] = (byte) (Integer.reverse(password[i]) >>> 24);
    }
    try {
      Cipher des = Cipher.getInstance("DES/ECB/NoPadding");
      des.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(key, "DES"));
      return des.doFinal(challenge);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private void refuse(ChannelHandlerContext ctx, String reason) {
    ByteBuf out = ctx.alloc().buffer().writeInt(1);
    if (minor >= 8) {
      out.writeInt(reason.length()).writeBytes(reason.getBytes(StandardCharsets.US_ASCII));
    }
    ctx.writeAndFlush(out).addListener(ChannelFutureListener.CLOSE);
  }

  private void start(ChannelHandlerContext ctx) {
    console.render(picture);
    clientWidth = picture.width();
    clientHeight = picture.height();
    ByteBuf out = ctx.alloc().buffer().writeShort(clientWidth).writeShort(clientHeight);
    RfbPixelFormat.DEFAULT.write(out);
    byte[] title = name.getBytes(StandardCharsets.UTF_8);
    ctx.writeAndFlush(out.writeInt(title.length).writeBytes(title));
    phase = Phase.MESSAGES;
  }

  // Messages.

  private void message(ChannelHandlerContext ctx, ByteBuf in) {
    if (skip > 0) {
      int now = Math.min(skip, in.readableBytes());
      in.skipBytes(now);
      skip -= now;
      return;
    }
    int type = in.getUnsignedByte(in.readerIndex());
    int length =
        switch (type) {
          case 0 -> 4 + RfbPixelFormat.BYTES;
          case 2 -> 4;
          case 3 -> 10;
          case 4, 6 -> 8;
          case 5 -> 6;
          case QEMU_MESSAGE -> 12;
          default -> 0;
        };
    if (length == 0) {
      LOG.warn("VNC: message {} is unknown; the client is cut off", type);
      ctx.close();
      return;
    }
    if (type == 2 && in.readableBytes() >= 4) {
      length += 4 * in.getUnsignedShort(in.readerIndex() + 2);
    }
    if (in.readableBytes() >= length) {
      handle(ctx, type, in.readSlice(length).skipBytes(1));
    }
  }

  private void handle(ChannelHandlerContext ctx, int type, ByteBuf in) {
    switch (type) {
      case 0 -> {
        RfbPixelFormat format = RfbPixelFormat.read(in.skipBytes(3));
        if (format == null) {
          LOG.warn("VNC: a client wants a pixel format without true colour; it is cut off");
          ctx.close();
          return;
        }
        encoder.setFormat(format);
        whole = true;
      }
      case 2 -> encodings(ctx, in.skipBytes(3));
      case 3 -> {
        whole |= in.readByte() == 0;
        wanted = true;
      }
      case 4 -> {
        boolean isDown = in.readByte() != 0;
        in.skipBytes(2);
        key(KeySyms.key(in.readInt()), isDown);
      }
      case 5 -> pointer(in.readUnsignedByte(), in.readUnsignedShort(), in.readUnsignedShort());
      case QEMU_MESSAGE -> {
        if (in.readUnsignedByte() != 0) {
          LOG.warn("VNC: an audio message without audio; the client is cut off");
          ctx.close();
          return;
        }
        boolean isDown = in.readUnsignedShort() != 0;
        KeyCode bySymbol = KeySyms.key(in.readInt());
        KeyCode byPlace = KeyNumbers.key(in.readInt());
        key(byPlace == null ? bySymbol : byPlace, isDown);
      }
      default -> {
        int length = in.skipBytes(3).readInt();
        if (length < 0 || length > MAX_CUT_TEXT) {
          ctx.close();
          return;
        }
        skip = length;
      }
    }
  }

  private void encodings(ChannelHandlerContext ctx, ByteBuf in) {
    encoding = RfbEncoder.RAW;
    resizable = false;
    tellsMotion = false;
    copies = false;
    while (in.readableBytes() >= 4) {
      int offered = in.readInt();
      resizable |= offered == DESKTOP_SIZE;
      if (offered == EXTENDED_KEY) {
        announce(ctx, EXTENDED_KEY);
      } else if (offered == POINTER_MOTION) {
        tellsMotion = true;
        announce(ctx, POINTER_MOTION);
      }
      copies |= offered == RfbEncoder.COPY_RECT;
      boolean known =
          offered == RfbEncoder.ZRLE
              || offered == RfbEncoder.HEXTILE
              || offered == RfbEncoder.TIGHT;
      if (encoding == RfbEncoder.RAW && known) {
        encoding = offered;
      }
    }
  }

  /** An update with an empty rectangle; for {@link #POINTER_MOTION} its x says "movements". */
  private static void announce(ChannelHandlerContext ctx, int extension) {
    ctx.writeAndFlush(ctx.alloc().buffer().writeInt(1).writeLong(0).writeInt(extension));
  }

  private void key(KeyCode key, boolean isDown) {
    if (key == null) {
      return;
    }
    if (isDown) {
      down.add(key);
    } else {
      down.remove(key);
    }
    console.input(sink -> sink.key(key, isDown));
  }

  private void pointer(int mask, int x, int y) {
    int dx = tellsMotion ? x - MOTION_ZERO : pointerX < 0 ? 0 : x - pointerX;
    int dy = tellsMotion ? y - MOTION_ZERO : pointerX < 0 ? 0 : y - pointerY;
    pointerX = x;
    pointerY = y;
    int pressed = mask & ~buttonMask;
    int wheel = (pressed & 8) != 0 ? 1 : (pressed & 16) != 0 ? -1 : 0;
    buttonMask = mask;
    int buttons =
        ((mask & 1) != 0 ? InputSource.BUTTON_LEFT : 0)
            | ((mask & 2) != 0 ? InputSource.BUTTON_MIDDLE : 0)
            | ((mask & 4) != 0 ? InputSource.BUTTON_RIGHT : 0);
    console.input(sink -> sink.pointer(dx, dy, wheel, buttons));
  }

  // Updates.

  private void refresh(ChannelHandlerContext ctx) {
    if (!wanted || phase != Phase.MESSAGES || !ctx.channel().isActive()) {
      return;
    }
    if (!ctx.channel().isWritable()) {
      return; // The client is slow: one update at a time.
    }
    console.render(picture);
    boolean changesSize =
        resizable && (picture.width() != clientWidth || picture.height() != clientHeight);
    ByteBuf out = ctx.alloc().buffer();
    out.writeByte(0).writeByte(0).writeShort(0);
    int rectangles;
    if (changesSize) {
      clientWidth = picture.width();
      clientHeight = picture.height();
      out.writeShort(0).writeShort(0).writeShort(clientWidth).writeShort(clientHeight);
      out.writeInt(DESKTOP_SIZE);
      rectangles = 1;
      whole = true;
    } else {
      rectangles = damage(out);
    }
    if (rectangles == 0) {
      out.release();
      return;
    }
    out.setShort(2, rectangles);
    wanted = false;
    ctx.writeAndFlush(out);
  }

  /** Appends the tiles that changed and counts them. */
  private int damage(ByteBuf out) {
    boolean all = whole || sent.width() != picture.width() || sent.height() != picture.height();
    int width = Math.min(picture.width(), clientWidth);
    int height = Math.min(picture.height(), clientHeight);
    int rectangles = all || !copies ? 0 : scroll(out, width, height);
    for (int y = 0; y < height; y += TILE) {
      for (int x = 0; x < width; x += TILE) {
        int w = Math.min(TILE, width - x);
        int h = Math.min(TILE, height - y);
        if (all || !picture.sameIn(sent, x, y, w, h)) {
          encoder.encode(out, picture, x, y, w, h, encoding);
          rectangles++;
        }
      }
    }
    if (rectangles > 0) {
      sent = picture.copy();
    }
    whole = false;
    return rectangles;
  }

  /** Lets the client move what it has already; the picture sent last then is what it sees. */
  private int scroll(ByteBuf out, int width, int height) {
    if (picture.sameIn(sent, 0, 0, width, height)) {
      return 0;
    }
    ScrollFinder.Move move = ScrollFinder.find(sent, picture, width, height);
    if (move == null) {
      return 0;
    }
    out.writeShort(0).writeShort(move.to()).writeShort(width).writeShort(move.rows());
    out.writeInt(RfbEncoder.COPY_RECT).writeShort(0).writeShort(move.from());
    for (int i = 0; i < move.rows(); i++) {
      int to = (move.to() + i) * sent.width();
      System.arraycopy(picture.pixels(), to, sent.pixels(), to, width);
    }
    return 1;
  }

  // End.

  @Override
  protected void handlerRemoved0(ChannelHandlerContext ctx) {
    for (KeyCode key : down) {
      console.input(sink -> sink.key(key, false));
    }
    down.clear();
    if (buttonMask != 0) {
      console.input(sink -> sink.pointer(0, 0, 0, 0));
    }
    if (refreshes != null) {
      refreshes.cancel(false);
    }
    encoder.close();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    LOG.debug("VNC: connection ended", cause);
    ctx.close();
  }
}
