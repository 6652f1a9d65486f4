package org.tuber.devices.block.nbd.tls;

import io.netty.channel.ChannelHandler;
import io.netty.handler.ssl.SslHandler;
import java.io.IOException;
import java.nio.channels.ByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.tuber.devices.block.ImageException;

/**
 * Certificates from a directory: {@code ca-cert.pem}, {@code server-cert.pem}, {@code
 * server-key.pem}, {@code client-cert.pem}, {@code client-key.pem}. TLS 1.2 and 1.3 by the JDK.
 *
 * <p>A server with {@code verify-peer} lets in only clients whose certificate the authority signed.
 * A client always checks the server's certificate and name. Revocation lists are not read.
 */
public final class X509Credentials implements TlsCredentials {
  private final SSLContext context;
  private final boolean verifyPeer;

  private X509Credentials(SSLContext context, boolean verifyPeer) {
    this.context = context;
    this.verifyPeer = verifyPeer;
  }

  /** Reads a directory for one end of connections. */
  public static X509Credentials load(Path dir, boolean server, boolean verifyPeer)
      throws IOException {
    Path authority = dir.resolve("ca-cert.pem");
    Path certificate = dir.resolve(server ? "server-cert.pem" : "client-cert.pem");
    Path key = dir.resolve(server ? "server-key.pem" : "client-key.pem");
    if (!server && !Files.exists(certificate)) {
      return new X509Credentials(context(null, null, PemFile.certificates(authority), dir), true);
    }
    if (server && !verifyPeer && !Files.exists(authority)) {
      authority = certificate;
    }
    return new X509Credentials(
        context(
            PemFile.privateKey(key),
            PemFile.certificates(certificate),
            PemFile.certificates(authority),
            dir),
        verifyPeer);
  }

  /** A client without a certificate that believes the authorities this Java believes. */
  public static X509Credentials systemTrust() throws IOException {
    try {
      return new X509Credentials(SSLContext.getDefault(), true);
    } catch (GeneralSecurityException e) {
      throw new IOException("no TLS here: " + e.getMessage(), e);
    }
  }

  private static SSLContext context(
      PrivateKey key, List<X509Certificate> chain, List<X509Certificate> trusted, Path dir)
      throws IOException {
    char[] password = new char[0];
    try {
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, password);
      for (int i = 0; i < trusted.size(); i++) {
        store.setCertificateEntry("ca" + i, trusted.get(i));
      }
      TrustManagerFactory trust =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(store);
      TrustManager[] trustManagers = trust.getTrustManagers();
      KeyManager[] keyManagers = null;
      if (key != null) {
        KeyStore own = KeyStore.getInstance("PKCS12");
        own.load(null, password);
        own.setKeyEntry("own", key, password, chain.toArray(Certificate[]::new));
        KeyManagerFactory keys =
            KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(own, password);
        keyManagers = keys.getKeyManagers();
      }
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(keyManagers, trustManagers, null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new ImageException(dir.toString(), "certificates", String.valueOf(e.getMessage()), e);
    }
  }

  @Override
  public ChannelHandler newServerHandler() {
    SSLEngine engine = context.createSSLEngine();
    engine.setUseClientMode(false);
    engine.setNeedClientAuth(verifyPeer);
    return new SslHandler(engine);
  }

  @Override
  public ByteChannel connect(ByteChannel plain, String host) throws IOException {
    SSLEngine engine = context.createSSLEngine(host, -1);
    engine.setUseClientMode(true);
    SSLParameters parameters = engine.getSSLParameters();
    // The rules for which names a certificate stands for; nothing else of that protocol.
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    engine.setSSLParameters(parameters);
    return TlsByteChannel.connect(plain, engine);
  }
}
