package org.tuber.devices.block.nbd.tls;

import io.netty.channel.ChannelHandler;
import java.io.IOException;
import java.nio.channels.ByteChannel;
import java.nio.file.Path;
import java.util.Map;
import org.tuber.devices.block.ImageException;

/**
 * What one side of an encrypted connection shows and believes. The directories are laid out as
 * QEMU's {@code tls-creds-x509} and {@code tls-creds-psk} objects and libnbd expect them.
 */
public sealed interface TlsCredentials permits X509Credentials, PskCredentials {
  /** A handler that decrypts and encrypts what passes through a server's connection. */
  ChannelHandler newServerHandler() throws IOException;

  /**
   * Encrypts a client's connection; the handshake is over on return.
   *
   * @param plain the connection; the result closes it
   * @param host the name the server has to prove, where the kind of credentials has names
   */
  ByteChannel connect(ByteChannel plain, String host) throws IOException;

  /**
   * Reads credentials as an option string names them: {@code tls-creds-x509,id=…,dir=…,
   * endpoint=server|client,verify-peer=on|off} or {@code tls-creds-psk,…,username=…}.
   */
  static TlsCredentials fromOptions(Map<String, String> options) throws IOException {
    String shown = options.getOrDefault("id", "tls-creds");
    String dir = options.get("dir");
    if (dir == null) {
      throw new ImageException(shown, "dir", "is missing");
    }
    String endpoint = options.getOrDefault("endpoint", "client");
    if (!endpoint.equals("server") && !endpoint.equals("client")) {
      throw new ImageException(shown, "endpoint", "must be server or client");
    }
    boolean server = endpoint.equals("server");
    if (options.containsKey("tls-creds-x509")) {
      String verify = options.getOrDefault("verify-peer", "on");
      boolean verifies = verify.equals("on") || verify.equals("yes") || verify.equals("true");
      return X509Credentials.load(Path.of(dir), server, verifies);
    }
    if (options.containsKey("tls-creds-psk")) {
      String user = options.getOrDefault("username", "qemu");
      return PskCredentials.load(Path.of(dir).resolve("keys.psk"), server, user);
    }
    throw new ImageException(shown, "object", "neither tls-creds-x509 nor tls-creds-psk");
  }
}
