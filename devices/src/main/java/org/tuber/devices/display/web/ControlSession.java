package org.tuber.devices.display.web;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketCloseStatus;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.devices.character.VirtualTerminal;

/**
 * The page's control line, JSON in text messages. To the page: {@code title}, {@code screen},
 * {@code terminals} and {@code state}, whole each time. From the page: {@code {"power":"reset"}}
 * and the like.
 */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports failures to exceptionCaught
final class ControlSession extends SimpleChannelInboundHandler<WebSocketFrame> {
  private static final Logger LOG = LoggerFactory.getLogger(ControlSession.class);
  private static final JsonMapper MAPPER = JsonMapper.builder().build();

  private final WebConsole console;
  private boolean missed;

  ControlSession(WebConsole console) {
    this.console = console;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    tell(ctx);
  }

  /** Says how the machine is; later, if the page is slow. */
  private void tell(ChannelHandlerContext ctx) {
    missed = !ctx.channel().isWritable();
    if (missed) {
      return;
    }
    ObjectNode message = MAPPER.createObjectNode();
    message.put("title", console.title());
    message.put("screen", console.hasScreen());
    message.put("state", console.state());
    ArrayNode names = message.putArray("terminals");
    for (VirtualTerminal terminal : console.terminals()) {
      names.add(terminal.name());
    }
    ctx.writeAndFlush(new TextWebSocketFrame(message.toString()));
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event == WebServer.STATE_CHANGED) {
      tell(ctx);
      return;
    }
    ctx.fireUserEventTriggered(event);
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    if (missed) {
      tell(ctx);
    }
    ctx.fireChannelWritabilityChanged();
  }

  @Override
  protected void channelRead0(ChannelHandlerContext ctx, WebSocketFrame frame) {
    WebConsole.Power action = null;
    if (frame instanceof TextWebSocketFrame text && text.isFinalFragment()) {
      action = action(text.text());
    }
    if (action == null) {
      ctx.writeAndFlush(new CloseWebSocketFrame(WebSocketCloseStatus.POLICY_VIOLATION));
      ctx.close();
      return;
    }
    console.power(action);
  }

  /** The button of a message, or null when the message makes no sense. */
  private static WebConsole.Power action(String message) {
    try {
      JsonNode name = MAPPER.readTree(message).path("power");
      for (WebConsole.Power power : WebConsole.Power.values()) {
        if (power.name().toLowerCase(Locale.ROOT).equals(name.textValue())) {
          return power;
        }
      }
    } catch (JsonProcessingException e) {
      LOG.debug("web: control message is not JSON", e);
    }
    return null;
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    LOG.debug("web: control connection ended", cause);
    ctx.close();
  }
}
