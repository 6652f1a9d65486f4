package org.tuber.devices.display.web;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.util.NetUtil;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.List;
import java.util.Locale;

/**
 * Who may come in. Three things are asked, because a page of some other site in the same browser
 * can send requests here too:
 *
 * <ul>
 *   <li>the secret of the printed address, which only the user has;
 *   <li>a Host that is an address, {@code localhost} or the name that was listened on: a foreign
 *       name that resolves to this machine (DNS rebinding) is none of these;
 *   <li>an Origin, where the browser sends one, that is this server (RFC 6454, section 7; RFC 6455,
 *       section 10.2).
 * </ul>
 */
final class WebAccess {
  private static final int SECRET_BYTES = 18;

  private final String hostName;
  private final String token;

  /**
   * A rule.
   *
   * @param hostName the name that was listened on, or an address
   */
  WebAccess(String hostName) {
    this.hostName = hostName.toLowerCase(Locale.ROOT);
    byte[] secret = new byte[SECRET_BYTES];
    new SecureRandom().nextBytes(secret);
    token = Base64.getUrlEncoder().withoutPadding().encodeToString(secret);
  }

  String token() {
    return token;
  }

  /** True when Host and Origin are those of a user of ours. */
  boolean isOurs(HttpHeaders headers) {
    List<String> hosts = headers.getAll(HttpHeaderNames.HOST);
    if (hosts.size() != 1 || !isKnownHost(hosts.getFirst())) {
      return false;
    }
    List<String> origins = headers.getAll(HttpHeaderNames.ORIGIN);
    // Behind a tunnel with TLS the page is https, and still ours when the names agree.
    return origins.isEmpty()
        || origins.size() == 1
            && (origins.getFirst().equalsIgnoreCase("http://" + hosts.getFirst())
                || origins.getFirst().equalsIgnoreCase("https://" + hosts.getFirst()));
  }

  private boolean isKnownHost(String host) {
    String name = host.toLowerCase(Locale.ROOT);
    int colon = name.lastIndexOf(':');
    if (colon > name.lastIndexOf(']')) {
      name = name.substring(0, colon);
    }
    if (name.startsWith("[") && name.endsWith("]")) {
      return NetUtil.isValidIpV6Address(name.substring(1, name.length() - 1));
    }
    return name.equals("localhost") || name.equals(hostName) || NetUtil.isValidIpV4Address(name);
  }

  /** True when the request carries the secret. */
  boolean hasToken(QueryStringDecoder query) {
    List<String> given = query.parameters().getOrDefault("token", List.of());
    return given.size() == 1
        && MessageDigest.isEqual(
            given.getFirst().getBytes(StandardCharsets.UTF_8),
            token.getBytes(StandardCharsets.UTF_8));
  }
}
