package org.tuber.devices.block.nbd.tls;

import io.netty.channel.ChannelHandler;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bouncycastle.tls.BasicTlsPSKIdentity;
import org.bouncycastle.tls.CipherSuite;
import org.bouncycastle.tls.PSKTlsClient;
import org.bouncycastle.tls.PSKTlsServer;
import org.bouncycastle.tls.TlsClientProtocol;
import org.bouncycastle.tls.TlsPSKIdentityManager;
import org.bouncycastle.tls.TlsServer;
import org.bouncycastle.tls.crypto.TlsCrypto;
import org.bouncycastle.tls.crypto.impl.jcajce.JcaTlsCryptoProvider;
import org.tuber.devices.block.ImageException;

/**
 * Keys that both sides know, by user name: a file of {@code name:hexadecimal} lines. TLS 1.2 with
 * an ephemeral key exchange (RFC 4279, 5487, 5489, 8442) by Bouncy Castle; the JDK has none of
 * this.
 */
public final class PskCredentials implements TlsCredentials {
  /** With forward secrecy; authenticated encryption first, the others for peers without it. */
  private static final int[] SUITES = {
    CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256,
    CipherSuite.TLS_DHE_PSK_WITH_AES_128_GCM_SHA256,
    CipherSuite.TLS_DHE_PSK_WITH_AES_256_GCM_SHA384,
    CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256,
    CipherSuite.TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA384,
  };

  private final Map<String, byte[]> keys;
  private final String user;
  private final TlsCrypto crypto = new JcaTlsCryptoProvider().create(new SecureRandom());

  private PskCredentials(Map<String, byte[]> keys, String user) {
    this.keys = keys;
    this.user = user;
  }

  /** Reads a file of keys; a client shows the one of {@code user}. */
  public static PskCredentials load(Path file, boolean server, String user) throws IOException {
    Map<String, byte[]> keys = new LinkedHashMap<>();
    int line = 0;
    try {
      for (String text : Files.readAllLines(file, StandardCharsets.UTF_8)) {
        line++;
        int colon = text.lastIndexOf(':');
        if (!text.isBlank() && colon > 0) {
          keys.put(text.substring(0, colon), HexFormat.of().parseHex(text.substring(colon + 1)));
        }
      }
    } catch (NoSuchFileException e) {
      throw new ImageException(file.toString(), "file", "No such file or directory", e);
    } catch (IllegalArgumentException e) {
      throw new ImageException(file.toString(), "line " + line, "the key is no hexadecimal", e);
    }
    if (!server && !keys.containsKey(user)) {
      throw new ImageException(file.toString(), "username", "there is no key for '" + user + "'");
    }
    return new PskCredentials(keys, user);
  }

  @Override
  public ChannelHandler newServerHandler() throws IOException {
    return new PskServerHandler(newServer());
  }

  private TlsServer newServer() {
    TlsPSKIdentityManager known =
        new TlsPSKIdentityManager() {
          @Override
          public byte[] getHint() {
            return new byte[0];
          }

          @Override
          public byte[] getPSK(byte[] identity) {
            byte[] key = keys.get(new String(identity, StandardCharsets.UTF_8));
            return key == null ? null : key.clone();
          }
        };
    return new PSKTlsServer(crypto, known) {
      @Override
      protected int[] getSupportedCipherSuites() {
        return SUITES.clone();
      }

      @Override
      protected boolean preferLocalCipherSuites() {
        return true;
      }
    };
  }

  @Override
  public ByteChannel connect(ByteChannel plain, String host) throws IOException {
    TlsClientProtocol protocol =
        new TlsClientProtocol(Channels.newInputStream(plain), Channels.newOutputStream(plain));
    try {
      protocol.connect(
          new PSKTlsClient(crypto, new BasicTlsPSKIdentity(user, keys.get(user))) {
            @Override
            protected int[] getSupportedCipherSuites() {
              return SUITES.clone();
            }
          });
    } catch (IOException e) {
      throw new IOException("TLS handshake failed: " + e.getMessage(), e);
    }
    return new Stream(plain, protocol.getInputStream(), protocol.getOutputStream());
  }

  /** The two directions of the protocol as one channel. */
  private record Stream(ByteChannel plain, InputStream in, OutputStream out)
      implements ByteChannel {
    private static final int PART_BYTES = 16 << 10;

    @Override
    public int read(ByteBuffer target) throws IOException {
      if (!target.hasRemaining()) {
        return 0;
      }
      byte[] part = new byte[Math.min(target.remaining(), PART_BYTES)];
      int n = in.read(part);
      if (n > 0) {
        target.put(part, 0, n);
      }
      return n;
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
      int n = Math.min(source.remaining(), PART_BYTES);
      byte[] part = new byte[n];
      source.get(part);
      out.write(part);
      out.flush();
      return n;
    }

    @Override
    public boolean isOpen() {
      return plain.isOpen();
    }

    @Override
    public void close() throws IOException {
      plain.close();
    }
  }
}
