package org.tuber.devices.display.web;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.codec.http.websocketx.WebSocketServerProtocolConfig;
import io.netty.handler.codec.http.websocketx.WebSocketServerProtocolHandler;
import io.netty.handler.timeout.ReadTimeoutHandler;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * HTTP of one connection: the files of the page, and the way to the WebSockets {@code /screen},
 * {@code /terminal/N} and {@code /control}.
 */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports failures to exceptionCaught
final class WebDoor extends SimpleChannelInboundHandler<FullHttpRequest> {
  private static final Logger LOG = LoggerFactory.getLogger(WebDoor.class);
  private static final int MOST_FRAME_BYTES = 1 << 16;
  private static final long HANDSHAKE_MILLIS = 10_000;
  private static final String PAGE = "/";

  /** The page's files are ours; it may load nothing from elsewhere and nobody may frame it. */
  private static final String POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
          + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  private static final Map<String, String> FILES =
      Map.of(
          PAGE,
          "index.html",
          "/console.css",
          "console.css",
          "/console.js",
          "console.js",
          "/keys.js",
          "keys.js",
          "/screen.js",
          "screen.js",
          "/terminal.js",
          "terminal.js");

  private final WebServer server;

  WebDoor(WebServer server) {
    this.server = server;
  }

  @Override
  protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) {
    if (!request.decoderResult().isSuccess()) {
      refuse(ctx, HttpResponseStatus.BAD_REQUEST, "This is not HTTP.");
      return;
    }
    if (!server.access().isOurs(request.headers())) {
      refuse(ctx, HttpResponseStatus.FORBIDDEN, "Host or Origin is not this machine's.");
      return;
    }
    if (!request.method().equals(HttpMethod.GET)) {
      refuse(ctx, HttpResponseStatus.METHOD_NOT_ALLOWED, "Only GET.");
      return;
    }
    QueryStringDecoder query = new QueryStringDecoder(request.uri());
    String path = query.path();
    String file = FILES.get(path);
    // Scripts and styles are no secret; the page and everything that moves is.
    if ((file == null || path.equals(PAGE)) && !server.access().hasToken(query)) {
      refuse(
          ctx,
          HttpResponseStatus.FORBIDDEN,
          "Use the whole address that tuber has printed, with its token.");
      return;
    }
    if (file != null) {
      answer(ctx, HttpResponseStatus.OK, WebFiles.type(file), WebFiles.bytes(file));
      return;
    }
    ChannelHandler[] speakers = server.speakers(path);
    if (speakers.length == 0) {
      refuse(ctx, HttpResponseStatus.NOT_FOUND, "There is nothing here.");
      return;
    }
    upgrade(ctx, request, speakers);
  }

  private static void upgrade(
      ChannelHandlerContext ctx, FullHttpRequest request, ChannelHandler[] speakers) {
    WebSocketServerProtocolConfig config =
        WebSocketServerProtocolConfig.newBuilder()
            .websocketPath(request.uri())
            .subprotocols("binary")
            .allowExtensions(false)
            .maxFramePayloadLength(MOST_FRAME_BYTES)
            .handshakeTimeoutMillis(HANDSHAKE_MILLIS)
            .dropPongFrames(true)
            .build();
    ctx.pipeline().addLast(new WebSocketServerProtocolHandler(config), new Upgraded(speakers));
    // The protocol's handler answers and takes the HTTP handlers out.
    ctx.fireChannelRead(request.retain());
    ctx.pipeline().remove(WebDoor.class);
  }

  /** Puts those who speak in place once the handshake is over. */
  private static final class Upgraded extends ChannelInboundHandlerAdapter {
    private final ChannelHandler[] speakers;

    Upgraded(ChannelHandler[] speakers) {
      this.speakers = speakers;
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
      if (event instanceof WebSocketServerProtocolHandler.HandshakeComplete) {
        ctx.pipeline().remove(ReadTimeoutHandler.class);
        ctx.pipeline().addLast(speakers);
        ctx.pipeline().remove(this);
        return;
      }
      ctx.fireUserEventTriggered(event);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      LOG.debug("web: handshake ended", cause);
      ctx.close();
    }
  }

  private static void refuse(ChannelHandlerContext ctx, HttpResponseStatus status, String reason) {
    byte[] text = (reason + "\n").getBytes(StandardCharsets.UTF_8);
    answer(ctx, status, "text/plain; charset=utf-8", text);
  }

  private static void answer(
      ChannelHandlerContext ctx, HttpResponseStatus status, String type, byte[] content) {
    ByteBuf body = Unpooled.wrappedBuffer(content);
    FullHttpResponse response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, body);
    response
        .headers()
        .set(HttpHeaderNames.CONTENT_TYPE, type)
        .set(HttpHeaderNames.CONTENT_LENGTH, content.length)
        .set(HttpHeaderNames.CACHE_CONTROL, "no-store")
        .set(HttpHeaderNames.CONTENT_SECURITY_POLICY, POLICY)
        .set("Referrer-Policy", "no-referrer")
        .set("X-Content-Type-Options", "nosniff")
        .set(HttpHeaderNames.CONNECTION, "close");
    ctx.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE);
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    LOG.debug("web: connection ended", cause);
    ctx.close();
  }
}
